/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename(2) on servers of which some replace an existing target and some refuse to. */
#include <string.h>

#include "cache/temporary/ask_outcome.h"
#include "cache/temporary/temporary.h"
#include "tree_private.h"

typedef struct {
    Tree *tree;
    Node *dir, *new_dir;
    const char *name, *new_name;
    gboolean no_replace;
    GCancellable *cancel;
    Node *source; /* pinned while we are at it, so that no listing takes it for gone */
    Node *target; /* pinned too; NULL when there is none */
    char *from, *to;
} Rename;

static void pin(Node **pinned, Node *node)
{
    node->pins++;
    *pinned = node;
}

static void unpin(Node *node)
{
    if (node == NULL)
        return;
    if (node->parent != NULL)
        dir_touch(node->parent, node->name);
    node->pins--;
    node_collect(node);
}

/* What rename(2) says of the two, the target being there. Unlocks. */
static gboolean check_target(Rename *r, GError **error)
{
    gboolean source_is_dir = r->source->type == REMOTE_TYPE_DIR;
    gboolean target_is_dir = r->target->type == REMOTE_TYPE_DIR;
    if (r->no_replace) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_EXISTS, "\"%s\" exists already", r->to);
        return FALSE;
    }
    if (target_is_dir && !source_is_dir) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IS_DIR, "\"%s\" is a directory", r->to);
        return FALSE;
    }
    if (!target_is_dir && source_is_dir) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_DIR, "\"%s\" is not a directory", r->to);
        return FALSE;
    }
    return !target_is_dir || tree_check_empty(r->tree, r->target, r->cancel, error);
}

/* Looks the target up. For no_replace the cache is not enough, since servers replace without
 * asking. FALSE on error. Unlocks. */
static gboolean find_target(Rename *r, GError **error)
{
    g_autoptr(GError) failure = NULL;
    Node *target;
    if (r->no_replace && remote_can(r->tree->remote, REMOTE_CAN_MLST))
        target = tree_lookup_now(r->tree, r->new_dir, r->new_name, r->cancel, &failure);
    else if (r->no_replace)
        target = tree_lookup_locked(r->tree, r->new_dir, r->new_name, r->cancel, &failure);
    else
        target = tree_find_locked(r->tree, r->new_dir, r->new_name, r->cancel, &failure);
    if (failure != NULL && !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (target == NULL)
        return TRUE;
    pin(&r->target, target);
    return check_target(r, error);
}

/* Deletes the target when the source has its name. If the server refuses, it was not what we took
 * it for, a directory perhaps that others have filled since: then all is put back. Lock free. */
static gboolean delete_aside(const Rename *r, const char *aside, GError **error)
{
    gboolean is_dir = r->target->type == REMOTE_TYPE_DIR;
    g_autoptr(GError) failure = NULL;
    if (is_dir)
        remote_rmdir(r->tree->remote, aside, NULL, &failure);
    else
        remote_unlink(r->tree->remote, aside, NULL, &failure);
    if (failure == NULL || ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        return TRUE;
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL) &&
        remote_rename(r->tree->remote, r->to, r->from, NULL, NULL)) {
        temporary_move_back(r->tree->remote, r->to, aside);
        if (is_dir)
            ftpsfs_error_propagate_as(error, g_steal_pointer(&failure), FTPSFS_ERROR_NOT_EMPTY);
        else
            g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_warning("\"%s\" was replaced, but what was there before may be left on the server as \"%s\": "
              "%s",
              r->to, aside, failure->message);
    return TRUE;
}

/* Moves the target aside, the source in its place, and deletes the target. Takes `refusal`, the
 * server's error for the plain rename. Lock free. */
static gboolean replace_aside(const Rename *r, GError *refusal, GError **error)
{
    Remote *remote = r->tree->remote;
    g_autofree char *aside = temporary_path(r->to, "old");
    if (!temporary_set_aside(remote, r->to, aside, NULL)) {
        g_propagate_error(error, refusal);
        return FALSE;
    }
    g_error_free(refusal);
    return temporary_take_name(remote, r->from, r->to, aside, error) &&
           delete_aside(r, aside, error);
}

/* After a refusal: the target as the server has it, since others may have changed it since we
 * looked. FALSE when there is none or it can't be replaced; takes `refusal` then. Unlocks. */
static gboolean find_target_now(Rename *r, GError *refusal, GError **error)
{
    Tree *tree = r->tree;
    if (r->target == NULL || r->target->valid_until <= tree_now(tree)) {
        unpin(r->target);
        r->target = NULL;
        dir_doubt(r->new_dir, r->new_name, FALSE);
        Node *target = tree_lookup_now(tree, r->new_dir, r->new_name, r->cancel, NULL);
        if (target == NULL || target == r->source) {
            g_propagate_error(error, refusal);
            return FALSE;
        }
        pin(&r->target, target);
        if (!check_target(r, error)) {
            g_error_free(refusal);
            return FALSE;
        }
    }
    return TRUE;
}

/* After a plain rename that failed: takes `failure`. TRUE when the rename is done in the end.
 * Unlocks. */
static gboolean recover(Rename *r, GError *failure, GError **error)
{
    Tree *tree = r->tree;
    if (!ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        lock_release(&tree->lock);
        AskOutcome renamed = ask_outcome_renamed(r->tree->remote, r->from, r->to, r->cancel);
        lock_take(&tree->lock);
        if (renamed == ASK_OUTCOME_YES) {
            g_error_free(failure);
            return TRUE;
        }
    }
    if (!temporary_target_may_be_in_the_way(failure)) {
        g_propagate_error(error, failure);
        return FALSE;
    }
    if (!find_target_now(r, failure, error))
        return FALSE;
    lock_release(&tree->lock);
    gboolean ok = replace_aside(r, failure, error);
    lock_take(&tree->lock);
    return ok;
}

/* Unlocks. */
static gboolean run(Rename *r, GError **error)
{
    Tree *tree = r->tree;
    GError *failure = NULL;
    gboolean is_dir = r->source->type == REMOTE_TYPE_DIR;
    if (is_dir) {
        tree->renames++;
        tree->renaming++;
    }
    lock_release(&tree->lock);
    gboolean ok = remote_rename(tree->remote, r->from, r->to, r->cancel, &failure);
    lock_take(&tree->lock);
    g_autoptr(GError) final = NULL;
    if (!ok)
        ok = recover(r, failure, &final);
    if (is_dir) {
        tree->renames++;
        tree->renaming--;
    }
    if (ok) {
        tree_move_locked(tree, r->source, r->new_dir, r->new_name);
        return TRUE;
    }
    gboolean unknown = !ftpsfs_error_has(final, FTPSFS_ERROR_CLASS_REFUSAL);
    dir_doubt(r->dir, r->name, unknown);
    dir_doubt(r->new_dir, r->new_name, unknown);
    g_propagate_error(error, g_steal_pointer(&final));
    return FALSE;
}

/* Finds source and target and looks whether they may be renamed. Unlocks. */
static gboolean prepare(Rename *r, GError **error)
{
    if (!tree_check_dir(r->dir, error) || !tree_check_dir(r->new_dir, error))
        return FALSE;
    Node *source = tree_find_locked(r->tree, r->dir, r->name, r->cancel, error);
    if (source == NULL)
        return FALSE;
    pin(&r->source, source);
    r->from = node_child_path(r->dir, r->name);
    r->to = node_child_path(r->new_dir, r->new_name);
    if (r->from == NULL || r->to == NULL) {
        tree_set_stale(error, r->from == NULL ? r->dir : r->new_dir);
        return FALSE;
    }
    if (node_is_below(r->new_dir, source)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INVALID,
                    "\"%s\" can't be moved below itself, to \"%s\"", r->from, r->to);
        return FALSE;
    }
    return TRUE;
}

gboolean tree_rename(Tree *tree, Node *dir, const char *name, Node *new_dir, const char *new_name,
                     gboolean no_replace, GCancellable *cancel, GError **error)
{
    if (!tree_check_name(name, error) || !tree_check_name(new_name, error))
        return FALSE;
    Rename r = {
        .tree = tree,
        .dir = dir,
        .new_dir = new_dir,
        .name = name,
        .new_name = new_name,
        .no_replace = no_replace,
        .cancel = cancel,
    };
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    gboolean ok = prepare(&r, error);
    if (ok && !(dir == new_dir && strcmp(name, new_name) == 0))
        ok = find_target(&r, error) && run(&r, error);
    unpin(r.source);
    unpin(r.target);
    g_free(r.from);
    g_free(r.to);
    return ok;
}
