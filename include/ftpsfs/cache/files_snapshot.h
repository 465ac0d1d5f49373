/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files_snapshot - what the caches of a mount hold, and what waits to be uploaded, at one moment,
 * for the status view.
 *
 * A snapshot is a copy: it belongs to whoever took it, and no lock is needed to read it. Taking one
 * holds the locks of the layer for a moment each and never waits for the network.
 */
#ifndef FTPSFS_CACHE_FILES_SNAPSHOT_H
#define FTPSFS_CACHE_FILES_SNAPSHOT_H

#include "ftpsfs/cache/file.h"

typedef enum {
    SNAPSHOT_OPEN,    /* a program has the file open and may write more */
    SNAPSHOT_SENDING, /* on its way to the server */
    SNAPSHOT_WAITING, /* to be sent */
    SNAPSHOT_FAILED,  /* it will be tried again; `failure` says why it has to be */
} SnapshotState;

/* One file that the server does not have yet as it is here. */
typedef struct {
    char *path; /* on the server; NULL: the file has no name any more */
    SnapshotState state;
    guint64 sent;  /* bytes of the new content that are under way or there */
    guint64 total; /* its size now */
    char *failure; /* why the last try failed; NULL */
} UploadSnapshot;

typedef struct {
    guint64 memory_used, memory_size;
    gboolean has_disk; /* then the next two are set */
    guint64 disk_used; /* G_MAXUINT64: not counted yet */
    guint64 disk_size;
    guint nodes;        /* files and directories that the tree knows */
    guint open;         /* files that programs have open */
    GPtrArray *uploads; /* UploadSnapshot * */
} FilesSnapshot;

FilesSnapshot *files_snapshot(Files *files);
void files_snapshot_free(FilesSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FilesSnapshot, files_snapshot_free)

#endif
