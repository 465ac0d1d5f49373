/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace - the protocol as it is spoken on all control connections, appended to a file:
 *
 *   2026-11-24T16:20:01.123456 #2 > RETR /a
 *
 * with the number of the session and who speaks: ">" this side, "<" the server. Who calls has
 * replaced secrets already. The file is opened once, so that it can be written to by a process that
 * may not open files any more. May be used by all threads; lines are written whole.
 */
#ifndef FTPSFS_UTIL_TRACE_H
#define FTPSFS_UTIL_TRACE_H

#include <glib.h>

typedef struct Trace Trace;

/* Opens or makes the file, 0600. FTPSFS_ERROR_CONFIG when it can't be, or is somebody else's. */
Trace *trace_open(const char *path, GError **error);
void trace_free(Trace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trace, trace_free)

/* Writes one line; control characters in `text` are written as "?". A NULL trace does nothing. */
void trace_line(Trace *trace, guint session, char speaker, const char *text);

#endif
