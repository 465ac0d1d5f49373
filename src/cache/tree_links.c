/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where symbolic links lead. */
#include <string.h>

#include "tree_private.h"

typedef struct {
    char *name;
    char *target;
} Link;

static void link_free(gpointer data)
{
    Link *link = data;
    g_free(link->name);
    g_free(link->target);
    g_free(link);
}

static gboolean keep_link(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)error;
    if (entry->type != REMOTE_TYPE_SYMLINK || entry->target->len == 0)
        return TRUE;
    Link *link = g_new0(Link, 1);
    link->name = g_strdup(entry->name->str);
    link->target = g_strdup(entry->target->str);
    g_ptr_array_add(data, link);
    return TRUE;
}

static void forget_links(gpointer data)
{
    g_ptr_array_set_size(data, 0);
}

/* LIST tells what MLSD and MLST of some servers don't: for all links of the directory at once.
 * Unlocks. The caller holds a reference to the directory. */
static gboolean list_targets(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func(link_free);
    g_autofree char *path = node_path_locked(dir);
    if (path == NULL) {
        tree_set_stale(error, dir);
        return FALSE;
    }
    g_mutex_unlock(&tree->lock);
    gboolean ok =
        remote_list_long(tree->remote, path, keep_link, forget_links, links, cancel, error);
    g_mutex_lock(&tree->lock);
    for (guint i = 0; ok && i < links->len; i++) {
        const Link *link = g_ptr_array_index(links, i);
        Node *node = dir_child(dir, link->name);
        if (node != NULL && node->type == REMOTE_TYPE_SYMLINK && node->of.target == NULL)
            node_set_target(node, link->target);
    }
    return ok;
}

static gboolean needs_target(const Node *node)
{
    return node->of.target == NULL && node_is_attached(node);
}

/* Unlocks. The caller holds a reference to the node. */
static gboolean find_target(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    if (needs_target(node) && !tree_refresh_attached(tree, node, cancel, error))
        return FALSE;
    if (!needs_target(node) || !remote_can(tree->remote, REMOTE_CAN_MLST))
        return TRUE;
    Node *dir = node->parent;
    dir->references++;
    gboolean ok = list_targets(tree, dir, cancel, error);
    dir->references--;
    node_collect(dir);
    return ok;
}

/* An absolute target means the server's root, which is not the local one: below the mount's root it
 * is said from where the link lies instead. */
static char *local_target(const Tree *tree, Node *node, const char *target)
{
    const char *root = remote_root(tree->remote);
    gsize length = g_str_equal(root, "/") ? 0 : strlen(root);
    if (*target != '/' || strncmp(target, root, length) != 0 ||
        (target[length] != '/' && target[length] != '\0'))
        return g_strdup(target);
    g_autoptr(GString) local = g_string_new(NULL);
    for (const Node *dir = node->parent; dir != NULL && dir->parent != NULL; dir = dir->parent)
        g_string_append(local, "../");
    g_string_append(local, target + length + (target[length] == '/' ? 1 : 0));
    if (local->len == 0)
        g_string_assign(local, ".");
    return g_string_free(g_steal_pointer(&local), FALSE);
}

char *tree_readlink(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&tree->lock);
    if (node->type != REMOTE_TYPE_SYMLINK) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INVALID, "\"%s\" is not a symbolic link",
                    node->name);
        return NULL;
    }
    node->references++;
    gboolean ok = find_target(tree, node, cancel, error);
    char *target = ok && node->of.target != NULL ? local_target(tree, node, node->of.target) : NULL;
    if (ok && target == NULL)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "The server does not tell where the symbolic link \"%s\" points to",
                    node->name);
    node->references--;
    node_collect(node);
    return target;
}
