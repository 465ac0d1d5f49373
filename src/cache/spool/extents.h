/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extents - a set of byte offsets, held as sorted extents that neither overlap nor touch.
 *
 * An Extents has no lock: whoever owns it guards it. Lookups are O(log n) in the number of extents,
 * changes also move the extents behind them (16 bytes each).
 */
#ifndef FTPSFS_SRC_CACHE_SPOOL_EXTENTS_H
#define FTPSFS_SRC_CACHE_SPOOL_EXTENTS_H

#include <glib.h>

typedef struct {
    guint64 start; /* bytes, inclusive */
    guint64 end;   /* bytes, exclusive */
} Extent;

typedef struct Extents Extents;

/* An empty set. Never NULL. */
Extents *extents_new(void);
void extents_free(Extents *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Extents, extents_free)

/* Adds [start, end). An empty range (start >= end) changes nothing. */
void extents_add(Extents *set, guint64 start, guint64 end);

/* Takes [start, end) out. An empty range changes nothing. */
void extents_remove(Extents *set, guint64 start, guint64 end);

/* The first part of [start, end) that is not in the set, in *gap. FALSE, with *gap untouched, when
 * all of it is in the set or the range is empty. */
gboolean extents_first_gap(const Extents *set, guint64 start, guint64 end, Extent *gap);

/* The part from `from` on of the first extent that ends behind it, in *next. FALSE when there is
 * none. */
gboolean extents_next(const Extents *set, guint64 from, Extent *next);

/* The smallest range that covers the set, in *bounds. FALSE when the set is empty. */
gboolean extents_bounds(const Extents *set, Extent *bounds);

/* How many extents the set takes. */
guint extents_count(const Extents *set);

/* How many bytes are in the set. */
guint64 extents_bytes(const Extents *set);

void extents_clear(Extents *set);

#endif
