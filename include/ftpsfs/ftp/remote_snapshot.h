/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remote_snapshot - what the connections of a mount are doing at one moment, for the status view.
 *
 * A snapshot is a copy: it belongs to whoever took it, and no lock is needed to read it. Taking one
 * holds the pool's lock for a moment and never waits for the network.
 */
#ifndef FTPSFS_FTP_REMOTE_SNAPSHOT_H
#define FTPSFS_FTP_REMOTE_SNAPSHOT_H

#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/ftp/session_snapshot.h"

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
