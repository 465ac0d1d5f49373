/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations that change the server and, when it agrees, the tree. */
#include "tree_private.h"

/* Takes the lock; the node's server path, or the error. */
static char *path_or_stale(Node *dir, const char *name, GError **error)
{
    char *path = node_child_path(dir, name);
    if (path == NULL)
        tree_set_stale(error, dir);
    return path;
}

static void set_exists(GError **error, const char *path)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_EXISTS, "\"%s\" exists already", path);
}

static gboolean is_known(Node *dir, const char *name)
{
    const Node *child = dir_child(dir, name);
    return child != NULL && (child->pins > 0 || child->valid_until > tree_now(dir->tree));
}

/* Why the server didn't make `name`: most say no more than 550 when it is there already. Takes
 * `failure`. Unlocks. */
static void explain_creation(Tree *tree, Node *dir, const char *name, const char *path,
                             GCancellable *cancel, GError *failure, GError **error)
{
    gboolean refused = ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL);
    dir_doubt(dir, name, !refused);
    if (refused && !ftpsfs_error_is(failure, FTPSFS_ERROR_EXISTS) &&
        tree_lookup_now(tree, dir, name, cancel, NULL) != NULL) {
        g_error_free(failure);
        set_exists(error, path);
        return;
    }
    g_propagate_error(error, failure);
}

/* A directory that was to be closed to others must not stay open because FTP's MKD takes no mode.
 * The usual umask gives the usual mode, which needs no command. FALSE only
 * with FTPSFS_ERROR_INTERRUPTED: who asked for the mode must not go on as if it were set. Unlocks.
 */
static gboolean restrict_mode(Tree *tree, Node *node, const char *path, guint32 mode,
                              GCancellable *cancel, GError **error)
{
    if ((mode & 0055) == 0055 || !remote_can(tree->remote, REMOTE_CAN_CHMOD))
        return TRUE;
    g_autoptr(GError) failure = NULL;
    lock_release(&tree->lock);
    gboolean ok =
        remote_set_attributes(tree->remote, path, mode & 07777, G_MININT64, cancel, &failure);
    lock_take(&tree->lock);
    if (ok)
        return TRUE;
    g_warning("The new directory \"%s\" is more widely accessible than asked for (mode %04o): %s. "
              "Correct it with another FTP client.",
              path, mode & 07777, failure->message);
    node->valid_until = 0;
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

Node *tree_mkdir(Tree *tree, Node *dir, const char *name, guint32 mode, GCancellable *cancel,
                 GError **error)
{
    if (!tree_check_name(name, error))
        return NULL;
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (!tree_check_dir(dir, error))
        return NULL;
    g_autofree char *path = path_or_stale(dir, name, error);
    if (path == NULL)
        return NULL;
    if (is_known(dir, name)) {
        set_exists(error, path);
        return NULL;
    }
    GError *failure = NULL;
    lock_release(&tree->lock);
    gboolean ok = remote_mkdir(tree->remote, path, cancel, &failure);
    lock_take(&tree->lock);
    if (!ok) {
        explain_creation(tree, dir, name, path, cancel, failure, error);
        return NULL;
    }
    Node *fresh = node_new(tree, name, REMOTE_TYPE_DIR);
    fresh->mode = (guint16)(mode & 07777);
    fresh->has = REMOTE_HAS_MODE;
    Node *node = tree_add_locked(tree, dir, fresh);
    node->references++;
    /* What we have just made is empty. */
    dir_of(node)->listed_until = tree_now(tree) + tree->timeout;
    dir_of(node)->whole = TRUE;
    if (restrict_mode(tree, node, path, mode, cancel, error))
        return node;
    node->references--;
    node_collect(node);
    return NULL;
}

Node *tree_symlink(Tree *tree, Node *dir, const char *name, const char *target,
                   GCancellable *cancel, GError **error)
{
    if (!tree_check_name(name, error))
        return NULL;
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (!tree_check_dir(dir, error))
        return NULL;
    g_autofree char *path = path_or_stale(dir, name, error);
    if (path == NULL)
        return NULL;
    if (is_known(dir, name)) {
        set_exists(error, path);
        return NULL;
    }
    if (!tree_check_link(tree, dir, path, target, error))
        return NULL;
    GError *failure = NULL;
    lock_release(&tree->lock);
    gboolean ok = remote_symlink(tree->remote, target, path, cancel, &failure);
    lock_take(&tree->lock);
    if (!ok && ftpsfs_error_is(failure, FTPSFS_ERROR_UNSUPPORTED)) {
        g_propagate_error(error, failure);
        return NULL;
    }
    if (!ok) {
        explain_creation(tree, dir, name, path, cancel, failure, error);
        return NULL;
    }
    Node *fresh = node_new(tree, name, REMOTE_TYPE_SYMLINK);
    node_set_target(fresh, target);
    Node *node = tree_add_locked(tree, dir, fresh);
    node_set_target(node, target);
    node->references++;
    return node;
}

gboolean tree_check_empty(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    gint64 now = tree_now(tree);
    if (!dir_is_current(dir, now) && !tree_list_now(tree, dir, cancel, error))
        return FALSE;
    const Dir *state = dir_of(dir);
    if (state->order.first == NULL && !state->hidden)
        return TRUE;
    g_autofree char *path = node_path_locked(dir);
    gboolean only_hidden = state->order.first == NULL;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_EMPTY, "\"%s\" is not empty%s",
                path != NULL ? path : dir->name,
                only_hidden ? ": it holds temporary files of ftpsfs (.ftpsfs-...) or names that "
                              "can't be shown; look with another FTP client"
                            : "");
    return FALSE;
}

/* Why the server didn't remove the directory. Takes `failure`. Unlocks. */
static void explain_rmdir(Tree *tree, Node *node, GCancellable *cancel, GError *failure,
                          GError **error)
{
    g_autoptr(GError) why = NULL;
    Dir *state = dir_of(node);
    state->listed_until = 0;
    if (state->listing != NULL)
        state->listing->stale = TRUE;
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_EMPTY) &&
        ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL) &&
        !tree_check_empty(tree, node, cancel, &why) &&
        ftpsfs_error_is(why, FTPSFS_ERROR_NOT_EMPTY)) {
        g_error_free(failure);
        g_propagate_error(error, g_steal_pointer(&why));
        return;
    }
    g_propagate_error(error, failure);
}

/* The common end of rmdir and unlink. Takes `failure`, which is NULL when the server did it. */
static gboolean conclude_removal(Tree *tree, Node *node, Node *dir, const char *name,
                                 GError *failure, GError **error)
{
    if (failure == NULL || ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        tree_remove_locked(tree, node);
    else
        dir_doubt(dir, name, !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL));
    if (failure == NULL)
        return TRUE;
    g_propagate_error(error, failure);
    return FALSE;
}

/* The caller holds a reference to the node. Unlocks. */
static gboolean rmdir_locked(Tree *tree, Node *node, Node *dir, const char *name,
                             GCancellable *cancel, GError **error)
{
    /* Before the server is asked: there are some that remove a directory with all that is in it. */
    if (dir_has_children(node, tree_now(tree))) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_EMPTY, "\"%s\" is not empty", name);
        return FALSE;
    }
    g_autofree char *path = path_or_stale(dir, name, error);
    if (path == NULL)
        return FALSE;
    GError *failure = NULL;
    lock_release(&tree->lock);
    remote_rmdir(tree->remote, path, cancel, &failure);
    lock_take(&tree->lock);
    if (failure != NULL && !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND) &&
        ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL)) {
        explain_rmdir(tree, node, cancel, failure, error);
        return FALSE;
    }
    return conclude_removal(tree, node, dir, name, failure, error);
}

gboolean tree_rmdir(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    if (!tree_check_name(name, error))
        return FALSE;
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (!tree_check_dir(dir, error))
        return FALSE;
    Node *node = tree_find_locked(tree, dir, name, cancel, error);
    if (node == NULL || !tree_check_dir(node, error))
        return FALSE;
    node->references++;
    gboolean ok = rmdir_locked(tree, node, dir, name, cancel, error);
    node->references--;
    node_collect(node);
    return ok;
}

gboolean tree_unlink(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    if (!tree_check_name(name, error))
        return FALSE;
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (!tree_check_dir(dir, error))
        return FALSE;
    Node *node = tree_find_locked(tree, dir, name, cancel, error);
    if (node == NULL)
        return FALSE;
    g_autofree char *path = path_or_stale(dir, name, error);
    if (path == NULL)
        return FALSE;
    if (node->type == REMOTE_TYPE_DIR) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IS_DIR, "\"%s\" is a directory", path);
        return FALSE;
    }
    GError *failure = NULL;
    node->references++;
    lock_release(&tree->lock);
    remote_unlink(tree->remote, path, cancel, &failure);
    lock_take(&tree->lock);
    gboolean ok = conclude_removal(tree, node, dir, name, failure, error);
    node->references--;
    node_collect(node);
    return ok;
}

static void apply_attributes(Node *node, guint32 mode, gint64 mtime)
{
    if (mode != G_MAXUINT32) {
        node->mode = (guint16)(mode & 07777);
        node->has |= REMOTE_HAS_MODE;
    }
    if (mtime != G_MININT64) {
        node->mtime = mtime;
        node->mtime_ns = 0;
        node->time_precision = REMOTE_TIME_SECOND;
        node->mtime_unconfirmed = 0;
        node->has |= REMOTE_HAS_MTIME;
    }
    if (node->parent != NULL)
        dir_touch(node->parent, node->name);
}

gboolean tree_set_attributes(Tree *tree, Node *node, guint32 mode, gint64 mtime,
                             GCancellable *cancel, GError **error)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    g_autofree char *path = node_path_locked(node);
    if (path == NULL) {
        tree_set_stale(error, node);
        return FALSE;
    }
    g_autoptr(GError) failure = NULL;
    node->references++;
    lock_release(&tree->lock);
    gboolean ok = remote_set_attributes(tree->remote, path, mode, mtime, cancel, &failure);
    lock_take(&tree->lock);
    if (ok)
        apply_attributes(node, mode, mtime);
    else
        node->valid_until = 0; /* of two attributes one may have been set */
    node->references--;
    node_collect(node);
    if (!ok)
        g_propagate_error(error, g_steal_pointer(&failure));
    return ok;
}

static void apply_owner(Node *node, const TreeOwner *owner)
{
    if (owner->kind == REMOTE_OWNER) {
        node->uid = owner->id;
        node->has |= REMOTE_HAS_UID;
    } else {
        node->gid = owner->id;
        node->has |= REMOTE_HAS_GID;
    }
    if (node->parent != NULL)
        dir_touch(node->parent, node->name);
}

gboolean tree_set_owner(Tree *tree, Node *node, const TreeOwner *owner, GCancellable *cancel,
                        GError **error)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    g_autofree char *path = node_path_locked(node);
    if (path == NULL) {
        tree_set_stale(error, node);
        return FALSE;
    }
    node->references++;
    lock_release(&tree->lock);
    gboolean ok = remote_set_owner(tree->remote, path, owner->kind, owner->account, cancel, error);
    lock_take(&tree->lock);
    if (ok)
        apply_owner(node, owner);
    node->references--;
    node_collect(node);
    return ok;
}
