/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes that were made elsewhere, on the server or by a local writer, brought into the tree. No
 * network. */
#include "tree_private.h"

/* Notes a change of the node itself, so that answers on their way don't undo it. */
static void touch(Node *node)
{
    if (node->parent != NULL)
        dir_touch(node->parent, node->name);
}

void tree_move_locked(Tree *tree, Node *node, Node *new_dir, const char *new_name)
{
    gint64 now = tree_now(tree);
    Node *replaced = dir_child(new_dir, new_name);
    if (replaced == node)
        return;
    /* Between the two places nothing else may hold it. */
    node->references++;
    if (replaced != NULL)
        node_detach(replaced);
    if (node->parent != NULL) {
        Node *old_dir = node->parent;
        g_autofree char *old_name = g_strdup(node->name);
        node_detach(node);
        dir_add_absent(old_dir, old_name, now);
        dir_changed(old_dir, old_name);
    }
    node_set_name(node, new_name);
    node_attach(node, new_dir);
    dir_remove_absent(new_dir, new_name);
    dir_changed(new_dir, new_name);
    node->references--;
}

void tree_remove_locked(Tree *tree, Node *node)
{
    Node *dir = node->parent;
    if (dir == NULL)
        return;
    g_autofree char *name = g_strdup(node->name);
    node_detach(node);
    dir_add_absent(dir, name, tree_now(tree));
    dir_changed(dir, name);
}

Node *tree_add_locked(Tree *tree, Node *dir, Node *fresh)
{
    gint64 now = tree_now(tree);
    Node *there = dir_child(dir, fresh->name);
    if (there != NULL && there->type == fresh->type) {
        node_free_new(fresh);
        dir_touch(dir, there->name);
        return there;
    }
    if (there != NULL)
        node_detach(there);
    node_set_mtime_now(fresh);
    fresh->valid_until = now + tree->timeout;
    node_attach(fresh, dir);
    dir_remove_absent(dir, fresh->name);
    dir_changed(dir, fresh->name);
    return fresh;
}

Node *tree_add_file(Tree *tree, Node *dir, const char *name, guint32 mode)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    Node *fresh = node_new(tree, name, REMOTE_TYPE_FILE);
    fresh->mode = (guint16)(mode & 07777);
    fresh->has = REMOTE_HAS_MODE | REMOTE_HAS_SIZE;
    Node *node = tree_add_locked(tree, dir, fresh);
    node->references++;
    return node;
}

void tree_detach(Tree *tree, Node *node)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    tree_remove_locked(tree, node);
}

void tree_moved(Tree *tree, Node *node, Node *new_dir, const char *new_name)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    tree_move_locked(tree, node, new_dir, new_name);
}

void tree_set_local(Tree *tree, Node *node, guint64 size, gint64 mtime, gint32 mtime_ns,
                    guint32 mode, gboolean new_version)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    touch(node);
    if (size != G_MAXUINT64) {
        node->size = size;
        node->has |= REMOTE_HAS_SIZE;
    }
    if (mtime != G_MININT64) {
        node->mtime = mtime;
        node->mtime_ns = mtime_ns;
        node->time_precision = REMOTE_TIME_SECOND;
        node->mtime_unconfirmed = 0;
        node->has |= REMOTE_HAS_MTIME;
    }
    if (mode != G_MAXUINT32) {
        node->mode = (guint16)(mode & 07777);
        node->has |= REMOTE_HAS_MODE;
    }
    if (new_version)
        node_new_version(node);
    node->valid_until = tree_now(tree) + tree->timeout;
}

gboolean tree_note_kernel_version(Node *node, guint64 version)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&node->tree->lock);
    gboolean same = node->kernel_version == version;
    node->kernel_version = version;
    return same;
}

void tree_pin(Tree *tree, Node *node)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    node->pins++;
}

void tree_unpin(Tree *tree, Node *node)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    g_assert(node->pins > 0);
    /* A listing that began before the upload ended knows less than we do. */
    touch(node);
    node->pins--;
    node_collect(node);
}

void tree_expire_locked(Node *node)
{
    node->valid_until = 0;
    Dir *above = node->parent != NULL ? node->parent->of.dir : NULL;
    if (above != NULL && above->listing != NULL)
        above->listing->stale = TRUE;
    if (node->type != REMOTE_TYPE_DIR || node->of.dir == NULL)
        return;
    Dir *dir = node->of.dir;
    dir->listed_until = 0;
    dir->unlisted_until = 0;
    if (dir->listing != NULL)
        dir->listing->stale = TRUE;
    if (dir->absent != NULL)
        g_hash_table_remove_all(dir->absent);
    for (Node *child = dir->order.first; child != NULL; child = child->next)
        child->valid_until = 0;
}

void tree_expire(Tree *tree, Node *node)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    tree_expire_locked(node);
}
