/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tree tells those who fetch ahead: what lies next, as far as it is known. No network. */
#include <string.h>

#include "tree_private.h"

/* Nodes looked at for one answer of tree_next_dirs: it is asked at each directory of a walk. */
#define STEPS_MAX 20000

static void unref_node(gpointer node)
{
    node_unref(node);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const Node *left = *(Node *const *)a;
    const Node *right = *(Node *const *)b;
    return strcmp(left->name, right->name);
}

GPtrArray *tree_known_files(Tree *tree, Node *dir, TreeOrder order)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (dir->type != REMOTE_TYPE_DIR || !node_is_attached(dir) ||
        !dir_is_current(dir, tree_now(tree)))
        return NULL;
    GPtrArray *files = g_ptr_array_new_with_free_func(unref_node);
    for (Node *node = dir_of(dir)->order.first; node != NULL; node = node->next) {
        if (node->type != REMOTE_TYPE_FILE || tree_name_is_hidden(node->name))
            continue;
        node->references++;
        g_ptr_array_add(files, node);
    }
    if (order == TREE_ORDER_NAMES)
        g_ptr_array_sort(files, by_name);
    return files;
}

gboolean tree_wants_content(Tree *tree, Node *node, NodeInfo *info)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (node->type != REMOTE_TYPE_FILE || node->pins > 0 || !node_is_attached(node) ||
        node->valid_until <= tree_now(tree) || node->kernel_version == node->version)
        return FALSE;
    node_snapshot(node, info);
    return TRUE;
}

gint64 tree_listed_until(Tree *tree, Node *dir)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (dir->type != REMOTE_TYPE_DIR || dir->of.dir == NULL)
        return 0;
    return dir_is_current(dir, tree_now(tree)) ? dir->of.dir->listed_until : 0;
}

gboolean tree_wants_listing(Tree *tree, Node *dir)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (dir->type != REMOTE_TYPE_DIR || !node_is_attached(dir))
        return FALSE;
    const Dir *state = dir->of.dir;
    gint64 now = tree_now(tree);
    return state == NULL ||
           (!dir_is_current(dir, now) && state->listing == NULL && state->unlisted_until <= now);
}

typedef struct {
    TreeOrder order;
    guint steps; /* left */
} Walk;

/* The child directory of `dir` that follows `after` (NULL: the first one). */
static Node *next_child(Walk *walk, const Node *dir, const Node *after)
{
    if (dir->of.dir == NULL)
        return NULL;
    gboolean names = walk->order == TREE_ORDER_NAMES;
    Node *best = NULL;
    Node *node = names || after == NULL ? dir->of.dir->order.first : after->next;
    for (; node != NULL && walk->steps > 0; node = node->next) {
        walk->steps--;
        if (node->type != REMOTE_TYPE_DIR || tree_name_is_hidden(node->name))
            continue;
        if (!names)
            return node;
        if ((after == NULL || strcmp(node->name, after->name) > 0) &&
            (best == NULL || strcmp(node->name, best->name) < 0))
            best = node;
    }
    return walk->steps > 0 ? best : NULL;
}

/* The directory after `dir` in preorder below `top`. */
static Node *next_dir(Walk *walk, Node *dir, const Node *top)
{
    Node *next = next_child(walk, dir, NULL);
    while (next == NULL && dir != top && dir->parent != NULL && walk->steps > 0) {
        next = next_child(walk, dir->parent, dir);
        dir = dir->parent;
    }
    return next;
}

GPtrArray *tree_next_dirs(Tree *tree, Node *dir, Node *top, TreeOrder order, guint max)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    GPtrArray *dirs = g_ptr_array_new_with_free_func(unref_node);
    if (dir->type != REMOTE_TYPE_DIR || !node_is_attached(dir) || !node_is_below(dir, top))
        return dirs;
    Walk walk = {.order = order, .steps = STEPS_MAX};
    for (Node *next = dir; dirs->len < max;) {
        next = next_dir(&walk, next, top);
        if (next == NULL)
            break;
        next->references++;
        g_ptr_array_add(dirs, next);
    }
    return dirs;
}
