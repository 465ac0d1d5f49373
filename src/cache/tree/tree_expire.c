/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forgetting at the user's word. */
#include "tree_private.h"

static void name_free(gpointer data)
{
    TreeName *name = data;
    node_unref(name->dir);
    g_free(name->name);
    g_free(name);
}

static void add_name(GPtrArray *names, Node *dir, const Node *child)
{
    TreeName *name = g_new(TreeName, 1);
    name->dir = dir;
    dir->references++;
    name->name = g_strdup(child->name);
    g_ptr_array_add(names, name);
}

/* One node. A local writer's content is newer than the server's and stays. */
static void expire(Node *node)
{
    tree_expire_locked(node);
    if (node->type == REMOTE_TYPE_FILE && node->pins == 0)
        node_new_version(node);
}

GPtrArray *tree_expire_all(Tree *tree, Node *node)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(name_free);
    g_autoptr(GPtrArray) todo = g_ptr_array_new();
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    expire(node);
    g_ptr_array_add(todo, node);
    while (todo->len > 0) {
        Node *dir = g_ptr_array_steal_index_fast(todo, todo->len - 1);
        if (dir->type != REMOTE_TYPE_DIR || dir->of.dir == NULL)
            continue;
        for (Node *child = dir_of(dir)->order.first; child != NULL; child = child->next) {
            expire(child);
            if (child->lookups > 0)
                add_name(names, dir, child);
            g_ptr_array_add(todo, child);
        }
    }
    return names;
}
