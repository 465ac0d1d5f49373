/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot - what the connections of a mount are doing at one moment, for the status view.
 *
 * A snapshot is a copy: it belongs to whoever took it, and no lock is needed to read it. Taking one
 * holds the pool's lock for a moment and never waits for the network.
 */
#ifndef FTPSFS_FTP_SNAPSHOT_H
#define FTPSFS_FTP_SNAPSHOT_H

#include "ftpsfs/ftp/remote.h"

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

typedef struct {
    GPtrArray *sessions; /* SessionSnapshot * */
    guint opening;       /* connections being opened */
    guint waiting;       /* operations that wait for a session */
    guint ceiling;       /* how many the server is known to allow, or `connections=` */
    char *down;          /* why the server can't be reached; NULL while it can */
} RemoteSnapshot;

RemoteSnapshot *remote_snapshot(Remote *remote);
void remote_snapshot_free(RemoteSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RemoteSnapshot, remote_snapshot_free)

#endif
