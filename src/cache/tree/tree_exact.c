/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exact times and sizes where listings tell them to the minute or not at all: asked for when a
 * program looks at a file, for more and more of the files that follow it, since one who looks at
 * two will look at all.
 */
#include <string.h>

#include "tree_private.h"

#define RAMP      16
#define BATCH_MAX 1024

gboolean tree_is_inexact(const Node *node)
{
    guint both = REMOTE_HAS_SIZE | REMOTE_HAS_MTIME;
    return node->type == REMOTE_TYPE_FILE && node->pins == 0 && !node->asked &&
           ((node->has & both) != both || node->mtime_unconfirmed ||
            node->time_precision != REMOTE_TIME_SECOND);
}

/* Each file costs the server a command: who lists a very large directory would wait for that far
 * longer than for the listing, and most who do don't need it. */
gboolean tree_wants_exact(const Node *node)
{
    const Tree *tree = node->tree;
    if (!tree->exact_times || !tree_is_inexact(node))
        return FALSE;
    return node->parent == NULL || dir_of(node->parent) == NULL ||
           g_hash_table_size(dir_of(node->parent)->children) <= tree->exact_max;
}

static guint missing(const Node *node)
{
    gboolean exact = (node->has & REMOTE_HAS_MTIME) && !node->mtime_unconfirmed &&
                     node->time_precision == REMOTE_TIME_SECOND;
    return ((node->has & REMOTE_HAS_SIZE) ? 0u : REMOTE_HAS_SIZE) | (exact ? 0u : REMOTE_HAS_MTIME);
}

typedef struct {
    Node *dir;
    RemoteQuery *queries;
    char **names;
    guint count;
} Batch;

static void batch_clear(Batch *batch)
{
    for (guint i = 0; i < batch->count; i++) {
        g_free(batch->queries[i].path);
        g_free(batch->names[i]);
    }
    g_free(batch->queries);
    g_free(batch->names);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Batch, batch_clear)

/* `node` and the files behind it that lack something. They count as asked from now on. */
static void batch_fill(Batch *batch, Node *dir, Node *node, guint max)
{
    gint64 now = tree_now(dir->tree);
    batch->dir = dir;
    batch->queries = g_new0(RemoteQuery, max);
    batch->names = g_new0(char *, max);
    for (Node *next = node; next != NULL && batch->count < max; next = next->next) {
        if (!tree_is_inexact(next) || (next != node && next->valid_until <= now))
            continue;
        next->asked = 1;
        batch->queries[batch->count].path = node_child_path(dir, next->name);
        batch->queries[batch->count].want = missing(next);
        batch->names[batch->count++] = g_strdup(next->name);
    }
}

/* Takes the answers over, but those about names that were changed from here meanwhile. */
static void batch_merge(const Batch *batch, GHashTable *touched)
{
    for (guint i = 0; i < batch->count; i++) {
        const RemoteQuery *query = &batch->queries[i];
        Node *node = dir_child(batch->dir, batch->names[i]);
        if (node == NULL || node->type != REMOTE_TYPE_FILE || query->has == 0 ||
            g_hash_table_contains(touched, batch->names[i]))
            continue;
        Node *fresh = node_new(node->tree, node->name, REMOTE_TYPE_FILE);
        fresh->has = (guint8)(query->has | (node->has & ~query->want & REMOTE_HAS_SIZE));
        fresh->size = (query->has & REMOTE_HAS_SIZE) ? query->size : node->size;
        fresh->mtime = query->mtime;
        fresh->mtime_ns = query->mtime_ns;
        fresh->time_precision = REMOTE_TIME_SECOND;
        node_merge(node, fresh);
        node->asked = 1;
        node_free_new(fresh);
    }
}

/* Nothing was answered: they may be asked for again. */
static void batch_forget(const Batch *batch)
{
    for (guint i = 0; i < batch->count; i++) {
        Node *node = dir_child(batch->dir, batch->names[i]);
        if (node != NULL)
            node->asked = 0;
    }
}

static gboolean run(Tree *tree, Node *node, guint max, GCancellable *cancel, GError **error)
{
    Node *dir = node->parent;
    Dir *state = dir_of(dir);
    g_auto(Batch) batch = {0};
    batch_fill(&batch, dir, node, max);
    state->refined += batch.count;
    state->refining = TRUE;
    dir->references++;
    Watch watch;
    dir_watch_begin(&watch, dir, NULL);
    lock_release(&tree->lock);

    g_autoptr(GError) failure = NULL;
    gboolean ok = remote_stat_batch(tree->remote, batch.queries, batch.count, cancel, &failure);

    lock_take(&tree->lock);
    dir_watch_end(&watch, dir);
    g_autoptr(GHashTable) touched = watch.touched;
    if (ok)
        batch_merge(&batch, touched);
    else
        batch_forget(&batch);
    state->refining = FALSE;
    g_cond_broadcast(&tree->changed);
    dir->references--;
    node_collect(dir);
    if (ok || !ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        /* What the listing told is still an answer. */
        if (!ok)
            g_info("exact times could not be had: %s", failure->message);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* The size of a file that is opened, where the server has no other way to tell it. Unlocks. */
static gboolean measure(Tree *tree, Node *node, GCancellable *cancel, GError **error)
{
    g_autofree char *path = node_path_locked(node);
    guint64 size = 0;
    guint64 version = node->version;
    if (path == NULL)
        return TRUE;
    lock_release(&tree->lock);
    gboolean ok = remote_measure(tree->remote, path, &size, cancel, error);
    lock_take(&tree->lock);
    if (ok && node->version == version && node->pins == 0) {
        node->size = size;
        node->has |= REMOTE_HAS_SIZE;
    }
    return ok;
}

gboolean tree_refine_locked(Tree *tree, Node *node, gboolean ahead, GCancellable *cancel,
                            GError **error)
{
    while (node->parent != NULL && dir_of(node->parent)->refining) {
        Node *dir = node->parent;
        dir->references++;
        gboolean ended = tree_wait(tree, &dir_of(dir)->refining, FALSE, cancel);
        dir->references--;
        node_collect(dir);
        if (!ended) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while the server was asked about \"%s\"", node->name);
            return FALSE;
        }
    }
    if (node->parent == NULL || !node_is_attached(node))
        return TRUE;
    guint asked = dir_of(node->parent)->refined;
    guint max = ahead ? CLAMP(asked * RAMP, 1, BATCH_MAX) : 1;
    if (tree_is_inexact(node) && !run(tree, node, max, cancel, error))
        return FALSE;
    return ahead || (node->has & REMOTE_HAS_SIZE) || measure(tree, node, cancel, error);
}
