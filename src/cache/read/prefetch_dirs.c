/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which directories come next: walks that list one after another, depth first. */
#include "prefetch_private.h"

#define WALKS_MAX 4

void prefetch_walk_free(gpointer data)
{
    Walk *walk = data;
    for (guint order = 0; order < TREE_ORDERS; order++)
        g_clear_pointer(&walk->next[order], g_ptr_array_unref);
    node_unref(walk->at);
    node_unref(walk->top);
    g_free(walk);
}

static gboolean comes_next(const Walk *walk, TreeOrder order, const Node *dir)
{
    for (guint i = 0; i < walk->next[order]->len; i++)
        if (g_ptr_array_index(walk->next[order], i) == dir)
            return TRUE;
    return FALSE;
}

static void step(const Prefetch *prefetch, Walk *walk, Node *dir)
{
    node_ref(dir);
    node_unref(walk->at);
    walk->at = dir;
    for (guint order = 0; order < TREE_ORDERS; order++) {
        g_clear_pointer(&walk->next[order], g_ptr_array_unref);
        walk->next[order] =
            tree_next_dirs(prefetch->with.tree, dir, walk->top, (TreeOrder)order, PREFETCH_GAP);
    }
}

/* The walk that has come to `dir`, the first in the list from now on; a new one when none has. */
static Walk *walk_to(Prefetch *prefetch, Node *dir)
{
    for (GList *l = prefetch->walks.head; l != NULL; l = l->next) {
        Walk *walk = l->data;
        gboolean again = walk->at == dir;
        TreeOrder other = walk->order == TREE_ORDER_LISTING ? TREE_ORDER_NAMES : TREE_ORDER_LISTING;
        if (!again && !comes_next(walk, walk->order, dir)) {
            if (!comes_next(walk, other, dir))
                continue;
            walk->order = other;
        }
        if (!again)
            walk->window = CLAMP(walk->window * 2, PREFETCH_FIRST_WINDOW, prefetch->window_max);
        g_queue_unlink(&prefetch->walks, l);
        g_queue_push_head_link(&prefetch->walks, l);
        step(prefetch, walk, dir);
        return walk;
    }
    Walk *walk = g_new0(Walk, 1);
    walk->top = node_ref(dir);
    walk->at = node_ref(dir);
    step(prefetch, walk, dir);
    g_queue_push_head(&prefetch->walks, walk);
    if (prefetch->walks.length > WALKS_MAX)
        prefetch_walk_free(g_queue_pop_tail(&prefetch->walks));
    return walk;
}

static void guess(Prefetch *prefetch, const Walk *walk)
{
    if (walk->window == 0)
        return;
    g_autoptr(GPtrArray) dirs =
        tree_next_dirs(prefetch->with.tree, walk->at, walk->top, walk->order, 4 * walk->window);
    guint ahead = 0;
    for (guint i = 0; i < dirs->len && ahead < walk->window; i++) {
        Node *dir = g_ptr_array_index(dirs, i);
        if (!prefetch_has_job(prefetch, dir)) {
            if (!tree_wants_listing(prefetch->with.tree, dir))
                continue;
            if (!prefetch_dir(prefetch, dir))
                return;
        }
        ahead++;
    }
}

void prefetch_go_on(Prefetch *prefetch)
{
    if (prefetch->walks.head != NULL)
        guess(prefetch, prefetch->walks.head->data);
}

void prefetch_note_listing(Prefetch *prefetch, Node *dir)
{
    if (prefetch == NULL)
        return;
    lock_take(&prefetch->lock);
    prefetch_take_over(prefetch, dir);
    lock_release(&prefetch->lock);
}

void prefetch_note_listed(Prefetch *prefetch, Node *dir)
{
    if (prefetch == NULL)
        return;
    lock_take(&prefetch->lock);
    prefetch_finish_dir(prefetch, dir);
    guess(prefetch, walk_to(prefetch, dir));
    lock_release(&prefetch->lock);
}
