/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "extents.h"

struct Extents {
    GArray *extents; /* Extent, sorted; each ends before the next one starts */
};

static Extent *extent_at(const Extents *set, guint i)
{
    return &g_array_index(set->extents, Extent, i);
}

Extents *extents_new(void)
{
    Extents *set = g_new0(Extents, 1);
    set->extents = g_array_new(FALSE, FALSE, sizeof(Extent));
    return set;
}

void extents_free(Extents *set)
{
    if (set == NULL)
        return;
    g_array_unref(set->extents);
    g_free(set);
}

/* The index of the first extent that ends at or after `offset`; the count when there is none. */
static guint first_ending_from(const Extents *set, guint64 offset)
{
    guint low = 0;
    guint high = set->extents->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (extent_at(set, middle)->end >= offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Puts `n` extents in place of `count` ones from index `first`. */
static void splice(Extents *set, guint first, guint count, const Extent *with, guint n)
{
    guint kept = MIN(count, n);
    for (guint i = 0; i < kept; i++)
        *extent_at(set, first + i) = with[i];
    if (count > kept)
        g_array_remove_range(set->extents, first + kept, count - kept);
    if (n > kept)
        g_array_insert_vals(set->extents, first + kept, with + kept, n - kept);
}

void extents_add(Extents *set, guint64 start, guint64 end)
{
    if (start >= end)
        return;
    guint first = first_ending_from(set, start);
    guint last = first; /* one past the last extent that overlaps or touches [start, end) */
    Extent merged = {start, end};
    while (last < set->extents->len && extent_at(set, last)->start <= end) {
        merged.start = MIN(merged.start, extent_at(set, last)->start);
        merged.end = MAX(merged.end, extent_at(set, last)->end);
        last++;
    }
    splice(set, first, last - first, &merged, 1);
}

void extents_remove(Extents *set, guint64 start, guint64 end)
{
    if (start >= end)
        return;
    guint first = first_ending_from(set, start);
    if (first < set->extents->len && extent_at(set, first)->end == start)
        first++;
    guint last = first;
    Extent left[2];
    guint n = 0;
    while (last < set->extents->len && extent_at(set, last)->start < end) {
        Extent extent = *extent_at(set, last);
        if (extent.start < start)
            left[n++] = (Extent){extent.start, start};
        if (extent.end > end)
            left[n++] = (Extent){end, extent.end};
        last++;
    }
    splice(set, first, last - first, left, n);
}

gboolean extents_first_gap(const Extents *set, guint64 start, guint64 end, Extent *gap)
{
    guint i = first_ending_from(set, start);
    if (i < set->extents->len && extent_at(set, i)->start <= start) {
        start = extent_at(set, i)->end;
        i++;
    }
    if (start >= end)
        return FALSE;
    if (i < set->extents->len)
        end = MIN(end, extent_at(set, i)->start);
    *gap = (Extent){start, end};
    return TRUE;
}

gboolean extents_next(const Extents *set, guint64 from, Extent *next)
{
    guint i = from < G_MAXUINT64 ? first_ending_from(set, from + 1) : set->extents->len;
    if (i == set->extents->len)
        return FALSE;
    *next = *extent_at(set, i);
    next->start = MAX(next->start, from);
    return TRUE;
}

gboolean extents_bounds(const Extents *set, Extent *bounds)
{
    if (set->extents->len == 0)
        return FALSE;
    *bounds = (Extent){extent_at(set, 0)->start, extent_at(set, set->extents->len - 1)->end};
    return TRUE;
}

guint extents_count(const Extents *set)
{
    return set->extents->len;
}

guint64 extents_bytes(const Extents *set)
{
    guint64 bytes = 0;
    for (guint i = 0; i < set->extents->len; i++)
        bytes += extent_at(set, i)->end - extent_at(set, i)->start;
    return bytes;
}

void extents_clear(Extents *set)
{
    g_array_set_size(set->extents, 0);
}
