/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where symbolic links lead. */
#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "link_target.h"
#include "tree_private.h"

#define SHOWN_MAX   200 /* bytes of a target in a message */
#define LED_OUT_MAX 100 /* directories whose links out of the mount are told of */

typedef struct {
    char *name;
    char *target; /* NULL: too long */
} Link;

/* The links of a directory, as LIST tells them. */
typedef struct {
    const Tree *tree;
    const char *wanted; /* the one that was asked for */
    GPtrArray *links;
    gsize kept; /* bytes of their targets */
} Links;

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
    Links *links = data;
    if (entry->type != REMOTE_TYPE_SYMLINK || (entry->target->len == 0 && !entry->long_target))
        return TRUE;
    gboolean room = node_keeps_targets(links->tree) && links->kept < links->tree->max_targets;
    if (!room && !g_str_equal(entry->name->str, links->wanted))
        return TRUE;
    Link *link = g_new0(Link, 1);
    link->name = g_strdup(entry->name->str);
    link->target = entry->long_target ? NULL : g_strdup(entry->target->str);
    links->kept += entry->target->len;
    g_ptr_array_add(links->links, link);
    return TRUE;
}

static void forget_links(gpointer data)
{
    Links *links = data;
    links->kept = 0;
    g_ptr_array_set_size(links->links, 0);
}

static gboolean needs_target(const Node *node)
{
    return node->of.target == NULL && !node->long_target && node_is_attached(node);
}

/* LIST tells what MLSD and MLST of some servers don't: for all links of the directory at once.
 * Unlocks. The caller holds a reference to the directory. */
static gboolean list_targets(Tree *tree, Node *dir, const char *wanted, GCancellable *cancel,
                             GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(link_free);
    Links links = {.tree = tree, .wanted = wanted, .links = found};
    g_autofree char *path = node_path_locked(dir);
    if (path == NULL) {
        tree_set_stale(error, dir);
        return FALSE;
    }
    lock_release(&tree->lock);
    gboolean ok =
        remote_list_long(tree->remote, path, keep_link, forget_links, &links, cancel, error);
    lock_take(&tree->lock);
    for (guint i = 0; ok && i < found->len; i++) {
        const Link *link = g_ptr_array_index(found, i);
        Node *node = dir_child(dir, link->name);
        if (node == NULL || node->type != REMOTE_TYPE_SYMLINK || node->of.target != NULL)
            continue;
        if (link->target != NULL)
            node_set_target(node, link->target);
        else
            node->long_target = 1;
    }
    return ok;
}

/* MLST of the link alone, for a target that nothing but this readlink is to keep. Unlocks. */
static gboolean ask_target(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    g_autofree char *path = node_path_locked(node);
    g_autoptr(RemoteEntry) entry = entry_new();
    lock_release(&tree->lock);
    gboolean ok = remote_stat(tree->remote, path, entry, cancel, error);
    lock_take(&tree->lock);
    g_autofree char *path_now = node_path_locked(node);
    if (!ok || entry->type != REMOTE_TYPE_SYMLINK || g_strcmp0(path, path_now) != 0)
        return ok;
    if (entry->target->len > 0)
        node_set_target(node, entry->target->str);
    node->long_target = entry->long_target ? 1 : 0;
    return TRUE;
}

/* Whether a listing has just left out where links of the directory lead: for a thousand links it is
 * not asked for a thousand times. */
static gboolean is_targetless(const Tree *tree, Node *dir)
{
    return dir_of(dir)->targetless_until > tree_now(tree);
}

/* What the server tells of the link alone: by a fresh look at it where targets are kept, else for
 * this one readlink. Unlocks. */
static gboolean look_at_link(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    if (node_keeps_targets(tree))
        return tree_refresh_attached(tree, node, cancel, error);
    return !remote_can(tree->remote, REMOTE_CAN_MLST) || ask_target(tree, node, cancel, error);
}

/* Unlocks. The caller holds a reference to the node. */
static gboolean find_target(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    gboolean mlst = remote_can(tree->remote, REMOTE_CAN_MLST);
    gboolean keeps = node_keeps_targets(tree);
    if (!needs_target(node) || (keeps && !mlst && is_targetless(tree, node->parent)))
        return TRUE;
    if (!look_at_link(tree, node, cancel, error))
        return FALSE;
    if (!needs_target(node) || (keeps && mlst && is_targetless(tree, node->parent)))
        return TRUE;
    Node *dir = node->parent;
    g_autofree char *name = g_strdup(node->name);
    dir->references++;
    /* Without MLST the fresh look was that listing. */
    gboolean ok = (keeps && !mlst) || list_targets(tree, dir, name, cancel, error);
    if (ok && keeps && needs_target(node) && node->parent == dir)
        dir_of(dir)->targetless_until = tree_now(tree) + MAX(tree->timeout, TREE_TARGETLESS);
    dir->references--;
    node_collect(dir);
    return ok;
}

/* What readlink says of a target that is known. */
static char *show(const Node *node, GError **error)
{
    const Tree *tree = node->tree;
    const char *root = remote_root(tree->remote);
    g_autofree char *dir = node->parent != NULL ? node_path_locked(node->parent) : NULL;
    if (tree->links == TREE_LINKS_ALL)
        return link_target_trusted(root, dir, node->of.target);
    return link_target_inside(root, dir, node->of.target, error);
}

guint64 tree_link_size(const Node *node)
{
    if (node->of.target == NULL || link_target_is_plain(node->of.target))
        return node->size;
    g_autofree char *shown = show(node, NULL);
    return shown != NULL ? strlen(shown) : node->size;
}

/* One line a directory, and not for ever: the server may make any number of either. */
static void tell_led_out(Tree *tree, const Node *node)
{
    if (node->parent == NULL || dir_of(node->parent)->led_out || tree->led_out > LED_OUT_MAX)
        return;
    dir_of(node->parent)->led_out = TRUE;
    if (tree->led_out++ == LED_OUT_MAX) {
        g_message("links that lead out of the mount are in more than %d directories: the others "
                  "are not told of",
                  LED_OUT_MAX);
        return;
    }
    g_autofree char *path = node_path_locked(node);
    g_autofree char *name = encoding_show(path != NULL ? path : node->name, -1, SHOWN_MAX);
    g_autofree char *target = encoding_show(node->of.target, -1, SHOWN_MAX);
    g_message("%s: this symbolic link leads out of the mount, to \"%s\", and is not followed, nor "
              "are others like it in its directory. Mount with -o symlinks=all if you trust the "
              "server with all files of this machine.",
              name, target);
}

/* The same, or why there is nothing to say. */
static char *show_or_tell(Tree *tree, const Node *node, GError **error)
{
    if (node->long_target) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NAME_TOO_LONG,
                    "The target of the symbolic link \"%s\" is longer than a path can be",
                    node->name);
        return NULL;
    }
    if (node->of.target == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "The server does not tell where the symbolic link \"%s\" points to",
                    node->name);
        return NULL;
    }
    g_autoptr(GError) failure = NULL;
    char *shown = show(node, &failure);
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_OUTSIDE))
        tell_led_out(tree, node);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return shown;
}

char *tree_readlink(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (node->type != REMOTE_TYPE_SYMLINK) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INVALID, "\"%s\" is not a symbolic link",
                    node->name);
        return NULL;
    }
    if (tree->links == TREE_LINKS_NONE) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_OUTSIDE,
                    "\"%s\" is a symbolic link, and none is followed (symlinks=none)", node->name);
        return NULL;
    }
    gboolean asked = needs_target(node);
    node->references++;
    char *shown = find_target(tree, node, cancel, error) ? show_or_tell(tree, node, error) : NULL;
    if (asked && !node_keeps_targets(tree))
        node_drop_target(node);
    node->references--;
    node_collect(node);
    return shown;
}

gboolean tree_check_link(const Tree *tree, const Node *dir, const char *path, const char *target,
                         GError **error)
{
    if (tree->links == TREE_LINKS_ALL)
        return TRUE;
    g_autofree char *place = node_path_locked(dir);
    g_autofree char *shown =
        tree->links == TREE_LINKS_INSIDE && *target != '/'
            ? link_target_inside(remote_root(tree->remote), place, target, NULL)
            : NULL;
    if (shown != NULL)
        return TRUE;
    g_autofree char *told = encoding_show(target, -1, SHOWN_MAX);
    g_autofree char *text = g_strdup_printf(
        "%s: a symbolic link to \"%s\" is not made, as it could not be followed here. %s", path,
        told,
        tree->links == TREE_LINKS_NONE
            ? "This mount has no links (symlinks=none)."
            : "Make it relative (ln -sr) and within the mount, or mount with -o symlinks=all.");
    g_message("%s", text);
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_OUTSIDE, text);
    return FALSE;
}
