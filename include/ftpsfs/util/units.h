/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units - numbers as people read them: sizes, rates, durations, progress bars.
 *
 * No state, no lock. Texts are for g_free.
 */
#ifndef FTPSFS_UTIL_UNITS_H
#define FTPSFS_UTIL_UNITS_H

#include <glib.h>

/* "999 B", "1.5 KiB", "12 MiB": three digits or so. Negative numbers are taken as 0. */
char *units_size(gint64 bytes);

/* "0:07", "12:34", "1:02:03" and, from two days on, "3 days". */
char *units_duration(gint64 seconds);

/* How much of `total` is `done`: 0..100, and 100 only when all of it is. 0 for a total of 0. */
guint units_percent(gint64 done, gint64 total);

/* A bar `width` columns wide, in eighths of a column where `fine` (UTF-8) and of '#' and '.' else.
 */
char *units_bar(gint64 done, gint64 total, guint width, gboolean fine);

/* Seconds until the rest is there at `rate` bytes a second; -1: nobody knows. */
gint64 units_left(gint64 done, gint64 total, gint64 rate);

#endif
