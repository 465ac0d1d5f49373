/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings: one on the wire for each directory at a time, whoever asks. */
#include <string.h>

#include "tree_private.h"

/* What a listing has brought so far; belongs to the thread that runs it. */
typedef struct {
    Tree *tree;
    GPtrArray *nodes;
} Gather;

static gboolean gather_entry(const RemoteEntry *entry, gpointer data, GError **error)
{
    Gather *gather = data;
    (void)error;
    if (entry->name->len > TREE_NAME_MAX)
        g_warning("The server lists a name of %zu bytes, which is more than the 255 that a file "
                  "system can show; it is left out: %.64s...",
                  entry->name->len, entry->name->str);
    g_ptr_array_add(gather->nodes, node_new_from_entry(gather->tree, entry->name->str, entry));
    return TRUE;
}

static void gather_restart(gpointer data)
{
    Gather *gather = data;
    g_ptr_array_set_size(gather->nodes, 0);
}

static void free_new(gpointer node)
{
    if (node != NULL)
        node_free_new(node);
}

static void listing_unref(Listing *listing)
{
    if (--listing->references > 0)
        return;
    g_clear_error(&listing->error);
    g_free(listing);
}

static gboolean path_is(const Node *node, const char *path)
{
    g_autofree char *now = node_path_locked(node);
    return g_strcmp0(now, path) == 0;
}

/* Uploads of mounts that crashed, when nothing has been added to them for this long. */
#define LEFTOVER_AGE_S (24 * 60 * 60)

static gboolean is_leftover(const Node *node)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    return node->type == REMOTE_TYPE_FILE && (node->has & REMOTE_HAS_MTIME) &&
           now - node->mtime > LEFTOVER_AGE_S &&
           (g_str_has_prefix(node->name, ".ftpsfs-upload-") ||
            g_str_has_prefix(node->name, ".ftpsfs-probe-"));
}

/* Removes what crashed uploads have left in a directory that was listed just now. Lock free. */
static void remove_leftovers(Tree *tree, const char *path, GPtrArray *nodes)
{
    for (guint i = nodes->len; i-- > 0;) {
        const Node *node = g_ptr_array_index(nodes, i);
        if (!is_leftover(node))
            continue;
        g_autofree char *full =
            g_strconcat(path, g_str_has_suffix(path, "/") ? "" : "/", node->name, NULL);
        g_autoptr(GError) failure = NULL;
        if (remote_unlink(tree->remote, full, NULL, &failure)) {
            g_message("%s: removed; an upload that was cut off more than a day ago left it", full);
            g_ptr_array_remove_index(nodes, i);
        } else
            g_message("%s: a cut off upload left it, and it could not be removed: %s. Delete it "
                      "with another FTP client.",
                      full, failure->message);
    }
}

/* Runs a listing and merges it. With *again the answer was about a path that the directory doesn't
 * have any more, and no error is set. Unlocks. */
static gboolean run_listing(Tree *tree, Node *dir, gboolean *again, GCancellable *cancel,
                            GError **error)
{
    g_autofree char *path = node_path_locked(dir);
    if (path == NULL) {
        tree_set_stale(error, dir);
        return FALSE;
    }
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(free_new);
    Gather gather = {.tree = tree, .nodes = nodes};
    g_autoptr(GError) failure = NULL;
    Watch watch;
    watch_begin(&watch, dir, NULL);
    g_mutex_unlock(&tree->lock);

    gboolean ok =
        remote_list(tree->remote, path, gather_entry, gather_restart, &gather, cancel, &failure);
    if (ok && tree->remove_leftovers)
        remove_leftovers(tree, path, nodes);

    g_mutex_lock(&tree->lock);
    watch_end(&watch, dir);
    g_autoptr(GHashTable) touched = watch.touched;
    gint64 now = tree_now(tree);
    if (!path_is(dir, path) ||
        (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND) && watch_was_in_rename(&watch, tree))) {
        *again = TRUE;
        return FALSE;
    }
    if (ok) {
        dir_merge(dir, nodes, touched, now);
        dir_of(dir)->refined = 0;
        dir_use(dir, now);
        return TRUE;
    }
    /* Whether the directory itself is gone is for its own next lookup to find out: a 550 is too
     * weak a proof to throw away what is known of all below. */
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        dir->valid_until = 0;
    else if (ftpsfs_error_is(failure, FTPSFS_ERROR_ACCESS))
        dir_of(dir)->unlisted_until = now + tree->timeout;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* Runs the listing that others may wait for. Unlocks. */
static gboolean lead(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    Listing *listing = g_new0(Listing, 1);
    listing->references = 1;
    dir_of(dir)->listing = listing;
    gboolean listed = FALSE;
    gboolean again = TRUE;
    g_autoptr(GError) failure = NULL;
    for (guint attempt = 0; again && attempt < TREE_ATTEMPTS; attempt++) {
        again = FALSE;
        listed = run_listing(tree, dir, &again, cancel, &failure);
    }
    if (again)
        g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND,
                    "\"%s\" was renamed again and again while it was listed", dir->name);
    Dir *state = dir_of(dir);
    if (listing->stale)
        state->listed_until = 0;
    listing->done = TRUE;
    listing->error = failure != NULL ? g_error_copy(failure) : NULL;
    state->listing = NULL;
    listing_unref(listing);
    g_cond_broadcast(&tree->changed);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return listed;
}

static void wake(GCancellable *cancel, gpointer data)
{
    Tree *tree = data;
    (void)cancel;
    g_mutex_lock(&tree->lock);
    g_cond_broadcast(&tree->changed);
    g_mutex_unlock(&tree->lock);
}

gboolean tree_wait(Tree *tree, const gboolean *flag, gboolean value, GCancellable *cancel)
{
    /* g_cancellable_connect may call wake at once, and disconnect waits for it to return: both
     * would hang with the lock held. */
    gulong handler = 0;
    if (cancel != NULL) {
        g_mutex_unlock(&tree->lock);
        handler = g_cancellable_connect(cancel, G_CALLBACK(wake), tree, NULL);
        g_mutex_lock(&tree->lock);
    }
    while (!*flag != !value && !g_cancellable_is_cancelled(cancel))
        g_cond_wait(&tree->changed, &tree->lock);
    gboolean done = !*flag == !value;
    if (cancel != NULL) {
        g_mutex_unlock(&tree->lock);
        g_cancellable_disconnect(cancel, handler);
        g_mutex_lock(&tree->lock);
    }
    return done;
}

gboolean tree_list_now(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    for (;;) {
        Listing *listing = dir_of(dir)->listing;
        if (listing == NULL)
            return lead(tree, dir, cancel, error);
        /* The answer of a listing that was stale when we came is not one to our question. */
        gboolean ours = !listing->stale;
        listing->references++;
        gboolean done = tree_wait(tree, &listing->done, TRUE, cancel);
        g_autoptr(GError) failure =
            done && listing->error != NULL ? g_error_copy(listing->error) : NULL;
        listing_unref(listing);
        if (!done) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while waiting for the listing of \"%s\"", dir->name);
            return FALSE;
        }
        /* That the other thread was interrupted is nothing to us. */
        if (!ours || ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
            continue;
        if (failure == NULL)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
}

static void unref_node(gpointer node)
{
    node_unref(node);
}

GPtrArray *tree_list(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&tree->lock);
    if (!tree_check_dir(dir, error))
        return NULL;
    gint64 now = tree_now(tree);
    dir_use(dir, now);
    dir_prune(tree, now);
    if (!node_is_attached(dir)) {
        tree_set_stale(error, dir);
        return NULL;
    }
    g_autoptr(GError) failure = NULL;
    if (!dir_is_current(dir, now) && !tree_list_now(tree, dir, cancel, &failure) &&
        !(tree_is_offline(tree, failure, cancel) && dir_of(dir)->whole)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    Dir *state = dir_of(dir);
    GPtrArray *children = g_ptr_array_new_full(g_hash_table_size(state->children), unref_node);
    for (Node *node = state->order.first; node != NULL; node = node->next) {
        if (tree_name_is_hidden(node->name))
            continue;
        node->references++;
        g_ptr_array_add(children, node);
    }
    return children;
}
