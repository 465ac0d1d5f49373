/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings that threads wait for, and those whose first children are shown while the rest comes. */
#include "ftpsfs/util/keyed_hash.h"
#include "tree_private.h"

TreeListing *tree_partial_new(Tree *tree)
{
    TreeListing *listing = g_new0(TreeListing, 1);
    listing->tree = tree;
    listing->references = 1;
    return listing;
}

static void drop_shown(GPtrArray *shown)
{
    for (guint i = 0; i < shown->len; i++) {
        Node *node = g_ptr_array_index(shown, i);
        node->references--;
        node_collect(node);
    }
    g_ptr_array_unref(shown);
}

void tree_partial_unref(TreeListing *listing)
{
    if (--listing->references > 0)
        return;
    g_clear_pointer(&listing->shown, drop_shown);
    g_clear_pointer(&listing->told, g_hash_table_unref);
    g_clear_error(&listing->error);
    g_free(listing);
}

void tree_partial_show(TreeListing *listing, Node *node)
{
    if (tree_name_is_hidden(node->name) ||
        (listing->told != NULL && g_hash_table_contains(listing->told, node->name)))
        return;
    node->references++;
    g_ptr_array_add(listing->shown, node);
}

GHashTable *tree_partial_names(const TreeListing *listing)
{
    GHashTable *names = g_hash_table_new_full(keyed_hash_text, g_str_equal, g_free, NULL);
    for (guint i = 0; i < listing->shown->len; i++) {
        const Node *node = g_ptr_array_index(listing->shown, i);
        g_hash_table_add(names, g_strdup(node->name));
    }
    return names;
}

void tree_partial_restart(TreeListing *listing, Node *dir)
{
    dir_merge_abandon(dir);
    if (listing->shown == NULL)
        return;
    g_clear_pointer(&listing->told, g_hash_table_unref);
    listing->told = tree_partial_names(listing);
}

static void unref_node(gpointer node)
{
    node_unref(node);
}

GPtrArray *tree_partial_children(guint size)
{
    return g_ptr_array_new_full(size, unref_node);
}

static void copy_shown(const TreeListing *listing, GPtrArray *children)
{
    for (guint i = children->len; i < listing->shown->len; i++) {
        Node *node = g_ptr_array_index(listing->shown, i);
        node->references++;
        g_ptr_array_add(children, node);
    }
}

void tree_partial_begin(TreeListing *listing, TreeParts *parts)
{
    Tree *tree = listing->tree;
    GPtrArray *children = tree_partial_children(listing->shown->len);
    copy_shown(listing, children);
    listing->references++;
    parts->begun = TRUE;
    lock_release(&tree->lock);
    parts->begin(children, listing, parts->data);
    lock_take(&tree->lock);
}

gboolean tree_listing_await(TreeListing *listing, guint known, GCancellable *cancel, GError **error)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&listing->tree->lock);
    if (!tree_partial_wait(listing, known, cancel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                    "interrupted while waiting for the rest of a listing");
        return FALSE;
    }
    if (listing->shown->len > known || listing->error == NULL)
        return TRUE;
    g_propagate_error(error, g_error_copy(listing->error));
    return FALSE;
}

gboolean tree_listing_take(TreeListing *listing, GPtrArray *children)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&listing->tree->lock);
    copy_shown(listing, children);
    return listing->done && listing->error == NULL;
}

TreeListing *tree_listing_ref(TreeListing *listing)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&listing->tree->lock);
    listing->references++;
    return listing;
}

void tree_listing_unref(TreeListing *listing)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&listing->tree->lock);
    tree_partial_unref(listing);
}
