/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files come next: directories whose files are opened in an order that we know. */
#include "prefetch_private.h"

#define SERIES_MAX 8

static void forget_files(Series *series, TreeOrder order)
{
    g_clear_pointer(&series->places[order], g_hash_table_unref);
    g_clear_pointer(&series->files[order], g_ptr_array_unref);
}

void prefetch_series_unref(Series *series)
{
    if (--series->references > 0)
        return;
    for (guint order = 0; order < TREE_ORDERS; order++)
        forget_files(series, (TreeOrder)order);
    g_clear_pointer(&series->at, node_unref);
    node_unref(series->dir);
    g_free(series);
}

static Series *series_of(Prefetch *prefetch, Node *dir)
{
    for (GList *l = prefetch->series.head; l != NULL; l = l->next) {
        Series *series = l->data;
        if (series->dir != dir)
            continue;
        g_queue_unlink(&prefetch->series, l);
        g_queue_push_head_link(&prefetch->series, l);
        return series;
    }
    Series *series = g_new0(Series, 1);
    series->references = 1;
    series->dir = node_ref(dir);
    g_queue_push_head(&prefetch->series, series);
    if (prefetch->series.length > SERIES_MAX)
        prefetch_series_unref(g_queue_pop_tail(&prefetch->series));
    return series;
}

static GHashTable *number_files(const GPtrArray *files)
{
    GHashTable *places = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < files->len; i++)
        g_hash_table_insert(places, g_ptr_array_index(files, i), GUINT_TO_POINTER(i));
    return places;
}

/* The place of `node`, mostly a little after that of the last one; -1: not there. Who opens the
 * files of a large directory in no order has them numbered once, instead of looked through each
 * time. */
static gint find_file(Series *series, TreeOrder order, const Node *node)
{
    const GPtrArray *files = series->files[order];
    guint from = series->last[order];
    for (guint i = from; i < files->len && i < from + 2 * PREFETCH_GAP; i++)
        if (g_ptr_array_index(files, i) == node)
            return (gint)i;
    if (series->places[order] == NULL)
        series->places[order] = number_files(files);
    gpointer place;
    if (!g_hash_table_lookup_extended(series->places[order], node, NULL, &place))
        return -1;
    return GPOINTER_TO_INT(place);
}

/* Notes that `node` follows `previous` in one of the orders or doesn't. FALSE when the files are
 * not known in this order. */
static gboolean step(Prefetch *prefetch, Series *series, TreeOrder order, const Node *previous,
                     const Node *node)
{
    GPtrArray **files = &series->files[order];
    if (*files == NULL)
        *files = tree_known_files(prefetch->with.tree, series->dir, order);
    if (*files == NULL)
        return FALSE;
    gint before = find_file(series, order, previous);
    gint now = find_file(series, order, node);
    if (now < 0 || before < 0) {
        /* Not those of the last listing any more. */
        forget_files(series, order);
        series->run[order] = 0;
        return FALSE;
    }
    series->gap[order] = now - before;
    gboolean follows = now > before && now - before <= PREFETCH_GAP;
    series->run[order] = follows ? series->run[order] + 1 : 0;
    series->last[order] = (guint)now;
    return TRUE;
}

static gboolean is_cached(const Prefetch *prefetch, const NodeInfo *info)
{
    for (guint64 index = 0; index * CHUNK_SIZE < info->size; index++)
        if (!chunks_has(prefetch->with.chunks, info->ino, info->version, index))
            return FALSE;
    return TRUE;
}

/* Whether too many guesses in this directory were wrong. What is ahead now is no mistake yet, nor
 * the file that is being opened. */
static gboolean is_unlucky(const Prefetch *prefetch, const Series *series)
{
    return series->fetched > series->used + series->used / 5 + prefetch->window_max;
}

/* Who begins with the first file of a directory most likely wants them all, and each step in which
 * the window grows costs a slow line the time in which more connections could have been opened. */
static gboolean begins_with_the_first(const Series *series, TreeOrder order)
{
    return series->last[order] == 1 && series->gap[order] == 1;
}

static void guess(Prefetch *prefetch, Series *series, TreeOrder order)
{
    const GPtrArray *files = series->files[order];
    guint first = series->last[order] + 1;
    guint end = MIN(files->len, first + 4 * prefetch->window_max);
    guint ahead = 0;
    gboolean wide = begins_with_the_first(series, order);
    guint window = wide ? MAX(series->window, prefetch->window_max / 2) : series->window;
    guint64 bytes = 0;
    for (guint i = first; i < end && ahead < window; i++) {
        Node *node = g_ptr_array_index(files, i);
        NodeInfo info;
        if (prefetch_has_job(prefetch, node)) {
            ahead++;
            continue;
        }
        if (!tree_wants_content(prefetch->with.tree, node, &info) || info.size == 0 ||
            info.size > PREFETCH_SMALL_MAX || is_cached(prefetch, &info))
            continue;
        bytes += info.size;
        if (wide && ahead >= series->window && bytes > PREFETCH_FIRST_BYTES)
            return;
        if (is_unlucky(prefetch, series) || !prefetch_file(prefetch, node, &info, series))
            return;
        ahead++;
        series->window = MAX(series->window, ahead);
    }
}

/* The order that fits better, TREE_ORDERS when none does. */
static TreeOrder order_of(const Series *series)
{
    const guint *run = series->run;
    if (run[TREE_ORDER_LISTING] == 0 && run[TREE_ORDER_NAMES] == 0)
        return TREE_ORDERS;
    if (run[TREE_ORDER_LISTING] != run[TREE_ORDER_NAMES])
        return run[TREE_ORDER_NAMES] > run[TREE_ORDER_LISTING] ? TREE_ORDER_NAMES
                                                               : TREE_ORDER_LISTING;
    return series->gap[TREE_ORDER_NAMES] < series->gap[TREE_ORDER_LISTING] ? TREE_ORDER_NAMES
                                                                           : TREE_ORDER_LISTING;
}

static void note_open(Prefetch *prefetch, Node *dir, Node *node)
{
    Series *series = series_of(prefetch, dir);
    if (series->at == node)
        return;
    g_autoptr(Node) previous = g_steal_pointer(&series->at);
    series->at = node_ref(node);
    if (previous == NULL || !step(prefetch, series, TREE_ORDER_LISTING, previous, node))
        return;
    /* The other order is looked at when it is needed: it costs sorting the names. */
    if (series->files[TREE_ORDER_NAMES] != NULL || series->gap[TREE_ORDER_LISTING] != 1)
        step(prefetch, series, TREE_ORDER_NAMES, previous, node);
    TreeOrder order = order_of(series);
    if (order == TREE_ORDERS) {
        series->window = 0;
        prefetch->behind = FALSE;
        return;
    }
    series->window = CLAMP(series->window * 2, PREFETCH_FIRST_WINDOW, prefetch->window_max);
    guess(prefetch, series, order);
}

void prefetch_note_open(Prefetch *prefetch, Node *node)
{
    if (prefetch == NULL)
        return;
    g_autoptr(Node) dir = node_parent(node);
    if (dir == NULL)
        return;
    lock_take(&prefetch->lock);
    note_open(prefetch, dir, node);
    lock_release(&prefetch->lock);
}
