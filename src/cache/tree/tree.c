/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree as a whole, lookups and refreshes. */
#include "ftpsfs/cache/tree.h"

#include <string.h>

#include "tree_private.h"

static const char *const hidden_prefixes[] = {".ftpsfs-old-", ".ftpsfs-unlinked-",
                                              ".ftpsfs-upload-", ".ftpsfs-probe-"};

gboolean tree_name_is_hidden(const char *name)
{
    /* Nearly all names are told by this. */
    if (strncmp(name, ".ftpsfs-", 8) != 0)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(hidden_prefixes); i++) {
        if (g_str_has_prefix(name, hidden_prefixes[i]))
            return TRUE;
    }
    return FALSE;
}

gint64 tree_now(const Tree *tree)
{
    return tree->clock();
}

Tree *tree_new(Remote *remote, const TreeOptions *options)
{
    Tree *tree = g_new0(Tree, 1);
    lock_init(&tree->lock, LOCK_RANK_TREE);
    g_cond_init(&tree->changed);
    g_queue_init(&tree->used);
    tree->remote = remote;
    tree->timeout = (gint64)options->timeout_s * G_USEC_PER_SEC;
    tree->exact_times = options->exact_times;
    tree->offline = options->offline;
    tree->exact_max = options->exact_max > 0 ? options->exact_max : G_MAXUINT;
    tree->remove_temporaries = options->remove_temporaries;
    tree->stats = options->stats;
    tree->own = options->own;
    tree->own_data = options->own_data;
    tree->clock = options->clock != NULL ? options->clock : g_get_monotonic_time;
    tree->links = options->links;
    tree->max_targets = options->max_targets != 0 ? options->max_targets : TREE_TARGETS_MAX;
    tree->max_nodes = options->max_nodes != 0 ? options->max_nodes : TREE_NODES_DEFAULT;
    Node *root = node_new(tree, "", REMOTE_TYPE_DIR);
    root->ino = ++tree->inodes;
    root->version = ++tree->versions;
    tree->nodes++;
    node_set_mtime_now(root);
    tree->root = root;
    return tree;
}

void tree_free(Tree *tree)
{
    if (tree == NULL)
        return;
    /* Freeing the root's state detaches what the kernel still knows; freeing that may detach
     * more. */
    node_destroy(tree->root);
    while (tree->detached.first != NULL)
        node_destroy(tree->detached.first);
    lock_clear(&tree->lock);
    g_cond_clear(&tree->changed);
    g_free(tree);
}

guint tree_count(Tree *tree)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    return tree->nodes;
}

/* A question that a program asked, and whether the answer was there. */
static void count_request(Tree *tree, gboolean hit)
{
    if (tree->stats == NULL)
        return;
    STATS_ADD(tree->stats, entry_requests, 1);
    if (hit)
        STATS_ADD(tree->stats, entry_hits, 1);
}

Node *tree_root(Tree *tree)
{
    return tree->root;
}

gboolean tree_check_name(const char *name, GError **error)
{
    if (strlen(name) <= TREE_NAME_MAX)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NAME_TOO_LONG,
                "\"%.64s...\": the name has more than %d bytes", name, TREE_NAME_MAX);
    return FALSE;
}

gboolean tree_check_dir(const Node *dir, GError **error)
{
    if (dir->type == REMOTE_TYPE_DIR)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_DIR, "\"%s\" is not a directory", dir->name);
    return FALSE;
}

void tree_set_stale(GError **error, const Node *node)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                "\"%s\" no longer exists on the server under the name it had", node->name);
}

void tree_set_not_found(GError **error, const Node *dir, const char *name)
{
    g_autofree char *path = node_child_path(dir, name);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND, "\"%s\" does not exist on the server",
                path != NULL ? path : name);
}

/* One question about `path`; the answer as a new node, owned by the caller. Called with the lock
 * free. */
static Node *ask(Tree *tree, const char *path, const char *name, gboolean exact, RemoteType type,
                 GCancellable *cancel, GError **error)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    gboolean ok = exact ? remote_stat_exact(tree->remote, path, entry, cancel, error)
                        : remote_stat(tree->remote, path, entry, cancel, error);
    if (!ok)
        return NULL;
    if (exact) {
        entry->type = type;
        entry->has &= REMOTE_HAS_SIZE | REMOTE_HAS_MTIME;
    }
    return node_new_from_entry(tree, name, entry);
}

/* What the tree itself says of a name that was changed from here while the server was asked. */
static QueryResult answer_locally(Node *dir, const char *name, Node **child, GError **error)
{
    *child = dir_child(dir, name);
    if (*child != NULL)
        return QUERY_FOUND;
    tree_set_not_found(error, dir, name);
    return QUERY_ABSENT;
}

/* What the server's answer NOT_FOUND means: the node is taken out unless it is the local writer's.
 */
static QueryResult answer_absent(Node *dir, const char *name, Node **child, GError **error)
{
    Node *gone = dir_child(dir, name);
    if (gone != NULL && gone->pins > 0) {
        *child = gone;
        return QUERY_FOUND;
    }
    if (gone != NULL)
        node_detach(gone);
    dir_add_absent(dir, name, tree_now(dir->tree));
    tree_set_not_found(error, dir, name);
    return QUERY_ABSENT;
}

QueryResult tree_query(Tree *tree, Node *dir, const char *name, const Node *exact_of,
                       GCancellable *cancel, Node **child, GError **error)
{
    *child = NULL;
    for (guint attempt = 0; attempt < TREE_ATTEMPTS; attempt++) {
        g_autofree char *path = node_child_path(dir, name);
        if (path == NULL) {
            tree_set_stale(error, dir);
            return QUERY_FAILED;
        }
        RemoteType type = exact_of != NULL ? (RemoteType)exact_of->type : REMOTE_TYPE_FILE;
        g_autoptr(GError) failure = NULL;
        Watch watch;
        dir_watch_begin(&watch, dir, name);
        lock_release(&tree->lock);

        Node *fresh = ask(tree, path, name, exact_of != NULL, type, cancel, &failure);

        lock_take(&tree->lock);
        dir_watch_end(&watch, dir);
        g_autofree char *path_now = node_child_path(dir, name);
        gboolean gone = ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND);
        if (watch.hit || g_strcmp0(path, path_now) != 0 ||
            (gone && dir_watch_was_in_rename(&watch, tree))) {
            if (fresh != NULL)
                node_free_new(fresh);
            if (watch.hit)
                return answer_locally(dir, name, child, error);
            continue;
        }
        if (fresh != NULL) {
            *child = dir_adopt(dir, fresh, tree_now(tree));
            return QUERY_FOUND;
        }
        if (gone)
            return answer_absent(dir, name, child, error);
        if (ftpsfs_error_is(failure, FTPSFS_ERROR_UNSUPPORTED))
            return QUERY_UNSUPPORTED;
        g_propagate_error(error, g_steal_pointer(&failure));
        return QUERY_FAILED;
    }
    /* Directories above are being renamed all the time. */
    tree_set_not_found(error, dir, name);
    return QUERY_ABSENT;
}

/* The child after a listing that was just made. */
static Node *child_or_not_found(Node *dir, const char *name, GError **error)
{
    Node *child = dir_child(dir, name);
    if (child == NULL)
        tree_set_not_found(error, dir, name);
    return child;
}

/* Asks the server, by MLST when `query` and there is one, or for the whole listing. Unlocks. */
static Node *lookup_remotely(Tree *tree, Node *dir, const char *name, gboolean query,
                             GCancellable *cancel, GError **error)
{
    Node *child = NULL;
    gboolean can_query = remote_can(tree->remote, REMOTE_CAN_MLST);
    if (query && can_query) {
        if (tree_query(tree, dir, name, NULL, cancel, &child, error) != QUERY_UNSUPPORTED)
            return child;
        can_query = FALSE;
    }
    g_autoptr(GError) failure = NULL;
    if (tree_list_now(tree, dir, cancel, &failure))
        return child_or_not_found(dir, name, error);
    /* A directory may be entered though it can't be listed. */
    if (can_query && ftpsfs_error_is(failure, FTPSFS_ERROR_ACCESS)) {
        QueryResult result = tree_query(tree, dir, name, NULL, cancel, &child, error);
        if (result != QUERY_UNSUPPORTED)
            return child;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}

Node *tree_lookup_locked(Tree *tree, Node *dir, const char *name, GCancellable *cancel,
                         GError **error)
{
    gint64 now = tree_now(tree);
    dir_use(dir, now);
    Node *child = dir_child(dir, name);
    gboolean holds = child != NULL && (child->pins > 0 || child->valid_until > now);
    gboolean absent = child == NULL && (dir_is_current(dir, now) || dir_is_absent(dir, name, now));
    count_request(tree, holds || absent);
    if (holds)
        return child;
    if (absent) {
        tree_set_not_found(error, dir, name);
        return NULL;
    }
    /* One that expired alone in a current listing is asked for alone. */
    gboolean query =
        dir_is_current(dir, now) || dir_of(dir)->unlisted_until > now || dir_miss(dir, now) < 2;
    g_autoptr(GError) failure = NULL;
    child = lookup_remotely(tree, dir, name, query, cancel, &failure);
    if (child == NULL &&
        !(tree_is_offline(tree, failure, cancel) && tree_lookup_stale(dir, name, &child, error)))
        g_propagate_error(error, g_steal_pointer(&failure));
    return child;
}

Node *tree_find_locked(Tree *tree, Node *dir, const char *name, GCancellable *cancel,
                       GError **error)
{
    Node *child = dir_child(dir, name);
    return child != NULL ? child : tree_lookup_locked(tree, dir, name, cancel, error);
}

Node *tree_lookup_now(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    Node *child = lookup_remotely(tree, dir, name, TRUE, cancel, &failure);
    if (failure != NULL && !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&failure));
    return child;
}

Node *tree_lookup(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    if (!tree_check_name(name, error))
        return NULL;
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    if (!tree_check_dir(dir, error))
        return NULL;
    if (tree_name_is_hidden(name)) {
        tree_set_not_found(error, dir, name);
        return NULL;
    }
    dir_use(dir, tree_now(tree));
    dir_prune(tree, tree_now(tree));
    Node *child = tree_lookup_locked(tree, dir, name, cancel, error);
    if (child != NULL)
        child->references++;
    return child;
}

Node *tree_peek(Tree *tree, Node *dir, const char *name)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    Node *child = dir_child(dir, name);
    if (child != NULL)
        child->references++;
    return child;
}

/* Where the server has no MLST or doesn't answer it for this directory, which it let us enter, the
 * attributes stay made up. Unlocks. */
static gboolean refresh_root(Tree *tree, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    lock_release(&tree->lock);
    Node *fresh =
        ask(tree, remote_root(tree->remote), "", FALSE, REMOTE_TYPE_DIR, cancel, &failure);
    lock_take(&tree->lock);
    if (fresh == NULL && !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (fresh != NULL) {
        if (fresh->type == REMOTE_TYPE_DIR)
            node_merge(tree->root, fresh);
        node_free_new(fresh);
    }
    tree->root->valid_until = tree_now(tree) + tree->timeout;
    return TRUE;
}

/* Has the server asked about an attached node, in the way that fits. Unlocks. */
static gboolean refresh_once(Tree *tree, Node *node, Node *parent, const char *name, gboolean exact,
                             GCancellable *cancel, GError **error)
{
    Node *child;
    QueryResult result = QUERY_UNSUPPORTED;
    if (remote_can(tree->remote, REMOTE_CAN_MLST))
        result = tree_query(tree, parent, name, NULL, cancel, &child, error);
    if (result == QUERY_UNSUPPORTED && exact && node->type == REMOTE_TYPE_FILE)
        result = tree_query(tree, parent, name, node, cancel, &child, error);
    if (result != QUERY_UNSUPPORTED)
        return result == QUERY_FOUND;
    return tree_list_now(tree, parent, cancel, error);
}

/* The caller holds a reference to the node. Unlocks. */
static gboolean refresh_attached(Tree *tree, Node *node, gboolean exact, GCancellable *cancel,
                                 GError **error)
{
    for (guint attempt = 0; attempt < TREE_ATTEMPTS; attempt++) {
        Node *parent = node->parent;
        g_autofree char *name = g_strdup(node->name);
        g_autoptr(GError) failure = NULL;
        parent->references++;
        gboolean ok = refresh_once(tree, node, parent, name, exact, cancel, &failure);
        gboolean moved =
            node->parent != NULL && (node->parent != parent || strcmp(node->name, name) != 0);
        gboolean gone = node->parent == NULL;
        if (gone && ok)
            tree_set_not_found(&failure, parent, name);
        parent->references--;
        node_collect(parent);
        if (moved && (ok || ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND)))
            continue;
        if (ok && !gone)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    return TRUE;
}

gboolean tree_refresh_attached(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    return refresh_attached(tree, node, FALSE, cancel, error);
}

/* *stale: the server is gone, and what is known has to do. Unlocks. */
static gboolean refresh_locked(Tree *tree, Node *node, gboolean exact, gboolean *stale,
                               GCancellable *cancel, GError **error)
{
    *stale = FALSE;
    if (node->pins > 0)
        return TRUE;
    if (!node_is_attached(node)) {
        if (exact)
            tree_set_stale(error, node);
        return !exact;
    }
    if (node->valid_until > tree_now(tree))
        return TRUE;
    g_autoptr(GError) failure = NULL;
    gboolean ok = node == tree->root ? refresh_root(tree, cancel, &failure)
                                     : refresh_attached(tree, node, exact, cancel, &failure);
    *stale = !ok && tree_is_offline(tree, failure, cancel);
    if (!ok && !*stale)
        g_propagate_error(error, g_steal_pointer(&failure));
    return ok || *stale;
}

/* One who opens a file has to know its size; one who looks at it may care for the second. */
static gboolean wants_more(const Node *node, gboolean exact)
{
    if (node->type != REMOTE_TYPE_FILE || node->pins > 0)
        return FALSE;
    gboolean size = (node->has & REMOTE_HAS_SIZE) != 0;
    return exact ? !size : tree_wants_exact(node) || (tree_is_inexact(node) && !size);
}

gboolean tree_refresh(Tree *tree, Node *node, gboolean exact, NodeInfo *info, GCancellable *cancel,
                      GError **error)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock);
    node->references++;
    count_request(tree, node->pins > 0 || node->valid_until > tree_now(tree));
    gboolean stale;
    gboolean ok =
        refresh_locked(tree, node, exact, &stale, cancel, error) &&
        (!wants_more(node, exact) || tree_refine_locked(tree, node, !exact, cancel, error));
    if (ok) {
        node_snapshot(node, info);
        info->stale = stale;
    }
    node->references--;
    node_collect(node);
    return ok;
}
