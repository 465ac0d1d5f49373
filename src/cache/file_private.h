/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of Files and File, shared by file.c (open, read, write, close), writer.c (uploads) and
 * files.c (the table, and operations on names of open files).
 */
#ifndef FTPSFS_SRC_CACHE_FILE_PRIVATE_H
#define FTPSFS_SRC_CACHE_FILE_PRIVATE_H

#include "ftpsfs/cache/file.h"
#include "ftpsfs/cache/reader.h"
#include "ftpsfs/cache/spool.h"
#include "ftpsfs/util/workers.h"

struct Files {
    Remote *remote;
    Tree *tree;
    ChunkCache *chunks;
    Workers *workers;
    ReaderShared reader;
    char *spool_dir;
    char *lost_dir;
    guint timeout_s;
    GMutex lock;       /* guards what follows, and File.handles */
    GHashTable *table; /* Node * -> File * */
};

struct File {
    Files *files;
    Node *node; /* a reference */
    guint handles;
    gint references; /* atomic: the table's, and background work's */
    GMutex lock;     /* guards all that follows */
    GCond changed;
    Reader *reader; /* of the remote content below the spool */
    Spool *spool;   /* NULL until something is written */
    gboolean busy;  /* an upload step is under way, by one thread, without the lock */
    gboolean pinned;
    gboolean hidden;    /* unlinked while open: lies under a hidden name until the last close */
    guint64 version;    /* NodeInfo.version of the remote content that reader and spool are over */
    guint64 generation; /* counts changes of the spool */
    /* The upload that runs behind a sequential writer: */
    RemoteStream *store;
    GCancellable *yield; /* of the store: cancelled by the pool when it wants the session */
    gulong yield_watch;
    guint64 sent;     /* bytes given to the store */
    guint64 stored;   /* bytes of the new content that are on the server, when no store is open */
    guint64 frontier; /* the writer has written everything below, in sequence */
    gboolean fresh;   /* the remote file is, or is being, built up from nothing: `sent`, `stored`
                         and `frontier` mean something */
    gboolean whole_next; /* an upload was cut off: the remote content is no base any more, and all
                            of the file has to be stored, even if nothing is dirty */
    gboolean spoiled;    /* something below `sent` was changed after it had been sent */
    /* To be set after the upload: */
    guint32 want_mode; /* or G_MAXUINT32 */
    gint64 want_mtime; /* or G_MININT64 */
};

/* The File of `node`, made if need be, with one more handle. */
File *files_acquire(Files *files, Node *node, const NodeInfo *info);

/* References of background work; not handles. */
File *file_hold(File *file);
void file_release(gpointer file);

/* Whether there is anything to upload or to finish. Lock held. */
gboolean file_is_pending(const File *file);

/* Waits until no upload step is under way and makes the caller the one that does the next.
 * FTPSFS_ERROR_INTERRUPTED. Lock held; dropped while waiting. */
gboolean file_begin_busy(File *file, GCancellable *cancel, GError **error);
void file_end_busy(File *file);

/* Pins the node while it has something pending, unpins it after. Lock held. */
void file_update_pin(File *file);

/* writer.c; all with the lock held, which they drop while on the network, and busy. */

/* Starts to store the file from nothing (create, O_TRUNC). */
gboolean writer_start(File *file, GCancellable *cancel, GError **error);

/* Brings the server up to date and confirms it. */
gboolean writer_finish(File *file, GCancellable *cancel, GError **error);

/* Ends an open store without caring for its result. What the server has of the file then is
 * anything (whole_next). */
void writer_abandon(File *file);

/* Nothing of the file is to be uploaded any more: it is gone from the server. Not on the network.
 */
void writer_forget(File *file);

/* Makes everything that shows in the file local. */
gboolean writer_fetch_missing(File *file, GCancellable *cancel, GError **error);

/* Has a worker send what the sequential writer is ahead, if that is worth it. Not busy. */
void writer_pump(File *file);

#endif
