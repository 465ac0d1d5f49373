/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deadline - moments in monotonic microseconds by which something has to be done.
 */
#ifndef FTPSFS_UTIL_DEADLINE_H
#define FTPSFS_UTIL_DEADLINE_H

#include <glib.h>

/* The deadline `seconds` from now. 0 seconds: now. */
gint64 deadline_in(guint seconds);

/* Milliseconds until `deadline`, at least 0, rounded up, at most G_MAXINT. */
int deadline_left_ms(gint64 deadline);

#endif
