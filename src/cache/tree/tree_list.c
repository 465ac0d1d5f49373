/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings: one on the wire for each directory at a time, whoever asks. */
#include <string.h>

#include "ftpsfs/util/wait.h"
#include "tree_private.h"

/* Of a directory of so many entries some are shown while the others are on their way, in parts: the
 * kernel makes its inodes of them meanwhile. A smaller one is there at once. */
#define FIRST_PART 4096
#define NEXT_PART  1024

/* What a listing has brought so far; belongs to the thread that runs it. */
typedef struct {
    Tree *tree;
    Node *dir;
    const char *path;
    TreeListing *listing;
    GHashTable *touched; /* the watch's; the tree's lock guards it */
    TreeParts *parts;    /* who takes them; NULL: all is taken over in the end */
    GPtrArray *nodes;    /* what is not merged yet */
} Gather;

static gboolean path_is(const Node *node, const char *path)
{
    g_autofree char *now = node_path_locked(node);
    return g_strcmp0(now, path) == 0;
}

/* Merges what has come, and shows it. FALSE when nobody reads on, and there is more already than is
 * kept for its own sake. */
static gboolean show_part(Gather *gather, GError **error)
{
    Tree *tree = gather->tree;
    TreeListing *listing = gather->listing;
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    /* The answer is about a directory that is no more, or elsewhere. */
    if (!path_is(gather->dir, gather->path)) {
        gather->parts = NULL;
        return TRUE;
    }
    if (listing->shown == NULL)
        listing->shown = g_ptr_array_new();
    dir_merge_part(gather->dir, gather->nodes, gather->touched, listing, tree_now(tree));
    g_ptr_array_set_size(gather->nodes, 0);
    g_cond_broadcast(&tree->changed);
    if (!gather->parts->begun)
        tree_partial_begin(listing, gather->parts);
    if (listing->references > 1 || listing->shown->len < tree->max_nodes)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                "\"%s\" has more entries than are listed when nobody waits for them", gather->path);
    return FALSE;
}

static gboolean gather_entry(const RemoteEntry *entry, gpointer data, GError **error)
{
    Gather *gather = data;
    if (entry->name->len > TREE_NAME_MAX)
        g_warning("The server lists a name of %zu bytes, which is more than the 255 that a file "
                  "system can show; it is left out: %.64s...",
                  entry->name->len, entry->name->str);
    g_ptr_array_add(gather->nodes, node_new_from_entry(gather->tree, entry->name->str, entry));
    if (gather->parts != NULL &&
        gather->nodes->len >= (gather->parts->begun ? NEXT_PART : FIRST_PART))
        return show_part(gather, error);
    return TRUE;
}

static void gather_restart(gpointer data)
{
    Gather *gather = data;
    g_ptr_array_set_size(gather->nodes, 0);
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&gather->tree->lock);
    tree_partial_restart(gather->listing, gather->dir);
}

static void free_new(gpointer node)
{
    if (node != NULL)
        node_free_new(node);
}

/* Uploads of mounts that crashed, when nothing has been added to them for this long. */
#define TEMPORARY_AGE_S (24 * 60 * 60)

/* So many are removed after one listing, which waits for it. Who may write to the directory chooses
 * how many there are. */
#define LEFTOVERS_AT_ONCE 32

static gboolean is_old_temporary(const Node *node)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    return node->type == REMOTE_TYPE_FILE && (node->has & REMOTE_HAS_MTIME) &&
           now - node->mtime > TEMPORARY_AGE_S &&
           (g_str_has_prefix(node->name, ".ftpsfs-upload-") ||
            g_str_has_prefix(node->name, ".ftpsfs-probe-"));
}

/* Removes what crashed uploads have left in a directory that was listed just now. Fails only with
 * FTPSFS_ERROR_INTERRUPTED; the next listing removes the rest then. Lock free. */
static void remove_temporaries(Tree *tree, const char *path, GPtrArray *nodes, GCancellable *cancel,
                               GError **error)
{
    guint tried = 0;
    for (guint i = nodes->len; i-- > 0 && tried < LEFTOVERS_AT_ONCE;) {
        const Node *node = g_ptr_array_index(nodes, i);
        if (!is_old_temporary(node))
            continue;
        tried++;
        g_autofree char *full =
            g_strconcat(path, g_str_has_suffix(path, "/") ? "" : "/", node->name, NULL);
        g_autoptr(GError) failure = NULL;
        if (remote_unlink(tree->remote, full, cancel, &failure)) {
            g_message("%s: removed; an upload that was cut off more than a day ago left it", full);
            g_ptr_array_remove_index(nodes, i);
        } else if (ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return;
        } else
            g_message("%s: a cut off upload left it, and it could not be removed: %s. Delete it "
                      "with another FTP client.",
                      full, failure->message);
    }
}

/* What the answer means. With *again it was about a path that the directory doesn't have any more,
 * and no error is set. */
static gboolean take_listing(const Gather *gather, const Watch *watch, GError *failure,
                             gboolean *again, GError **error)
{
    Node *dir = gather->dir;
    TreeListing *listing = gather->listing;
    gint64 now = tree_now(gather->tree);
    if (!path_is(dir, gather->path) || (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND) &&
                                        dir_watch_was_in_rename(watch, gather->tree))) {
        tree_partial_restart(listing, dir);
        g_clear_error(&failure);
        *again = TRUE;
        return FALSE;
    }
    if (failure == NULL) {
        dir_merge(dir, gather->nodes, gather->touched, listing->shown != NULL ? listing : NULL,
                  now);
        dir_of(dir)->refined = 0;
        dir_use(dir, now);
        return TRUE;
    }
    dir_merge_abandon(dir);
    /* Whether the directory itself is gone is for its own next lookup to find out: a 550 is too
     * weak a proof to throw away what is known of all below. */
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        dir->valid_until = 0;
    else if (ftpsfs_error_is(failure, FTPSFS_ERROR_ACCESS))
        dir_of(dir)->unlisted_until = now + gather->tree->timeout;
    g_propagate_error(error, failure);
    return FALSE;
}

/* Runs a listing and merges it. *again as of take_listing. Unlocks. */
static gboolean run_listing(Tree *tree, Node *dir, TreeParts *parts, gboolean *again,
                            GCancellable *cancel, GError **error)
{
    g_autofree char *path = node_path_locked(dir);
    if (path == NULL) {
        tree_set_stale(error, dir);
        return FALSE;
    }
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(free_new);
    GError *failure = NULL;
    Watch watch;
    dir_watch_begin(&watch, dir, NULL);
    g_autoptr(GHashTable) touched = watch.touched;
    Gather gather = {
        .tree = tree,
        .dir = dir,
        .path = path,
        .listing = dir_of(dir)->listing,
        .touched = touched,
        .parts = tree->remove_temporaries ? NULL : parts,
        .nodes = nodes,
    };
    lock_release(&tree->lock);

    if (remote_list(tree->remote, path, gather_entry, gather_restart, &gather, cancel, &failure) &&
        tree->remove_temporaries)
        remove_temporaries(tree, path, nodes, cancel, &failure);

    lock_take(&tree->lock);
    dir_watch_end(&watch, dir);
    return take_listing(&gather, &watch, failure, again, error);
}

/* Runs the listing that others may wait for. Unlocks. */
static gboolean lead(Tree *tree, Node *dir, TreeParts *parts, GCancellable *cancel, GError **error)
{
    TreeListing *listing = tree_partial_new(tree);
    dir_of(dir)->listing = listing;
    gboolean listed = FALSE;
    gboolean again = TRUE;
    g_autoptr(GError) failure = NULL;
    for (guint attempt = 0; again && attempt < TREE_ATTEMPTS; attempt++) {
        again = FALSE;
        listed = run_listing(tree, dir, parts, &again, cancel, &failure);
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
    tree_partial_unref(listing);
    g_cond_broadcast(&tree->changed);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return listed;
}

/* Waits until met(data). FALSE when cancelled. Unlocks. */
static gboolean wait_until(Tree *tree, gboolean (*met)(gconstpointer data), gconstpointer data,
                           GCancellable *cancel)
{
    Wait wait;
    wait_begin_locked(&wait, &tree->changed, &tree->lock, cancel);
    while (!met(data) && wait_step(&wait, WAIT_FOREVER, "a listing", NULL))
        continue;
    gboolean done = met(data);
    wait_end_locked(&wait);
    return done;
}

typedef struct {
    const gboolean *flag;
    gboolean value;
} Flag;

static gboolean flag_is_set(gconstpointer data)
{
    const Flag *awaited = data;
    return !*awaited->flag == !awaited->value;
}

gboolean tree_wait(Tree *tree, const gboolean *flag, gboolean value, GCancellable *cancel)
{
    Flag awaited = {flag, value};
    return wait_until(tree, flag_is_set, &awaited, cancel);
}

typedef struct {
    const TreeListing *listing;
    guint known;
} Progress;

static gboolean has_got_on(gconstpointer data)
{
    const Progress *awaited = data;
    const TreeListing *listing = awaited->listing;
    return listing->done || (listing->shown != NULL && listing->shown->len > awaited->known);
}

gboolean tree_partial_wait(TreeListing *listing, guint known, GCancellable *cancel)
{
    Progress awaited = {listing, known};
    return wait_until(listing->tree, has_got_on, &awaited, cancel);
}

/* As tree_list_now. When parts->begun is set the rest is the business of those who got it. */
static gboolean list_now(Tree *tree, Node *dir, TreeParts *parts, GCancellable *cancel,
                         GError **error)
{
    for (;;) {
        TreeListing *listing = dir_of(dir)->listing;
        if (listing == NULL)
            return lead(tree, dir, parts, cancel, error);
        /* The answer of a listing that was stale when we came is not one to our question. */
        gboolean ours = !listing->stale;
        listing->references++;
        gboolean done = tree_partial_wait(listing, parts != NULL && ours ? 0 : G_MAXUINT, cancel);
        gboolean part = done && !listing->done;
        if (part)
            tree_partial_begin(listing, parts);
        g_autoptr(GError) failure =
            done && listing->error != NULL ? g_error_copy(listing->error) : NULL;
        tree_partial_unref(listing);
        if (part)
            return TRUE;
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

gboolean tree_list_now(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    return list_now(tree, dir, NULL, cancel, error);
}

GPtrArray *tree_list(Tree *tree, Node *dir, GCancellable *cancel, GError **error)
{
    return tree_list_parts(tree, dir, NULL, cancel, error);
}

GPtrArray *tree_list_parts(Tree *tree, Node *dir, TreeParts *parts, GCancellable *cancel,
                           GError **error)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
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
    gboolean ok = dir_is_current(dir, now) || list_now(tree, dir, parts, cancel, &failure);
    if (parts != NULL && parts->begun)
        return NULL;
    if (!ok && !(tree_is_offline(tree, failure, cancel) && dir_of(dir)->whole)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    Dir *state = dir_of(dir);
    GPtrArray *children = tree_partial_children(g_hash_table_size(state->children));
    for (Node *node = state->order.first; node != NULL; node = node->next) {
        if (tree_name_is_hidden(node->name))
            continue;
        node->references++;
        g_ptr_array_add(children, node);
    }
    return children;
}
