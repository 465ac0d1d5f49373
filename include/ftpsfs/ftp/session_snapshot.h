/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session_snapshot - what one control connection is doing at one moment, for the status view.
 */
#ifndef FTPSFS_FTP_SESSION_SNAPSHOT_H
#define FTPSFS_FTP_SESSION_SNAPSHOT_H

#include <glib.h>

/* One control connection. */
typedef struct {
    guint number;      /* from 1, in the order in which the mount opened them */
    gboolean idle;     /* nobody has it; then only the fields up to here and `tls` are set */
    char *tls;         /* what its TLS session is, in GnuTLS's words */
    char *verb;        /* the latest command; NULL: none */
    char *path;        /* of the command, on the server; NULL */
    gint64 since;      /* monotonic microseconds when that was sent */
    gboolean transfer; /* a data connection is open for it; then the next three are set */
    guint64 position;  /* byte of the file that it has come to */
    guint64 moved;     /* bytes that went over this data connection */
    guint64 total;     /* size of the file; 0: unknown */
} SessionSnapshot;

#endif
