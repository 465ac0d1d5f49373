/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of Files and File, shared by file.c (open, read, write), files.c (the table, close and
 * the end), files_names.c (operations on names of open files), files_server.c, files_snapshot.c,
 * files_writeback.c, rescue.c and upload*.c (how the server is brought up to date: upload.h).
 */
#ifndef FTPSFS_SRC_CACHE_FILE_FILE_PRIVATE_H
#define FTPSFS_SRC_CACHE_FILE_FILE_PRIVATE_H

#include "cache/read/prefetch.h"
#include "cache/read/reader.h"
#include "cache/spool/spool.h"
#include "cache/temporary/temporary.h"
#include "cache/writeback/writeback_items.h"
#include "drain_watchdog.h"
#include "ftpsfs/cache/file.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/workers.h"
#include "upload.h"

/* A file that is replaced by a rename while it is open is fetched up to this size, so that its
 * readers keep it; a larger one is moved to a hidden name. */
#define FILE_PRESERVE_MAX (64 * 1024 * 1024)

struct Files {
    DrainWatchdog *watchdog;
    Remote *remote;
    Tree *tree;
    ChunkCache *chunks;
    Workers *workers;
    Workers *closers; /* for the reader */
    TemporaryCleanup *cleanup;
    ReaderShared reader;
    Prefetch *prefetch; /* NULL: none */
    char *spool_dir;
    char *rescue_dir;
    gboolean atomic_upload;
    Writeback *writeback; /* or NULL */
    Space *space;
    guint64 cache_size; /* bytes of `chunks` */
    guint timeout_s;
    gboolean flushed_last; /* files_flush_last has been called */
    gint no_append;        /* atomic: the server refuses APPE where it takes STOR */
    Lock lock;             /* guards what follows, and File.handles */
    GHashTable *table;     /* Node * -> File * */
};

struct File {
    Files *files;
    Node *node; /* a reference */
    guint handles;
    gint references; /* atomic: the table's, and background work's */
    Lock lock;       /* guards all that follows */
    GCond changed;
    Reader *reader; /* of the remote content below the spool */
    Spool *spool;   /* NULL until something is written */
    gboolean busy;  /* an upload step, or a change of the name, is under way, by one thread, without
                       the lock */
    guint reading;  /* threads that are reading remote content */
    gboolean pinned;
    gboolean hidden;     /* unlinked while open: lies under a hidden name until the last close, and
                            nothing is uploaded any more */
    guint64 version;     /* NodeInfo.version of the remote content that reader and spool are over */
    guint64 remote_size; /* its size */
    guint64 generation;  /* counts changes of the spool */
    char *failure;       /* why the last upload failed; NULL */
    gboolean counted;    /* in stats.file_reads */
    gboolean unborn;   /* created, but nothing lies under the file's own name yet; with a Writeback
                          of a file that is not among its pending ones */
    JournalState base; /* with a Writeback: what the server has, unless unborn */
    Upload *upload;
};

/* The File of `node`, made if need be, with one more handle. */
File *files_acquire(Files *files, Node *node, const NodeInfo *info);

/* The File of `node` (which may be NULL) if it has one: a reference for file_unref. */
File *files_find(Files *files, Node *node);

/* Forgets a file that nobody has open and that has nothing pending. */
void files_reap(File *file);

/* References of background work; not handles. */
File *file_ref(File *file);
void file_unref(gpointer data);

/* Whether there is anything to upload or to finish. Lock held. */
gboolean file_is_pending(const File *file);

/* Waits until no upload step is under way and makes the caller the one that does the next.
 * FTPSFS_ERROR_INTERRUPTED. Lock held; dropped while waiting. */
gboolean file_begin_busy(File *file, GCancellable *cancel, GError **error);
void file_end_busy(File *file);

/* The same for callers that don't hold the lock. */
gboolean file_claim(File *file, GCancellable *cancel, GError **error);
void file_unclaim(File *file);

/* Pins the node while it has something pending, unpins it after. Lock held. */
void file_update_pin(File *file);

/* A new spool for the file. */
Spool *file_new_spool(const File *file, guint64 base_size, GError **error);

/* What the server has of a file, by its attributes. */
JournalState file_state_of(const NodeInfo *info);

/* A spool over the remote content, unless there is one. Lock held. */
gboolean file_ensure_spool(File *file, GError **error);

/* files_writeback.c; the first two with the lock held, which they drop, and busy. */

/* What is to be uploaded is kept by the Writeback, durably; or, where most of it would have to be
 * fetched first, uploaded now. */
gboolean file_keep(File *file, GCancellable *cancel, GError **error);

/* file_keep where there is a Writeback, else upload_finish. */
gboolean file_finalize(File *file, GCancellable *cancel, GError **error);

/* WritebackFunc: `data` is the Files. */
void files_uploaded(gpointer data, const WritebackResult *result);

/* unlink(2) and rename(2) of a claimed file that is pending and new, as far as the Writeback is
 * concerned: *done when there was nothing else to do. */
gboolean files_forget_new(File *file, gboolean *done, GError **error);
gboolean files_move_new(File *file, Node *new_dir, const char *new_name, gboolean no_replace,
                        const WritebackPathLock *lock, File *target, GCancellable *cancel,
                        GError **error);

/* files_names.c: makes all of an open file local if that is cheap (`max`: bytes of it at most that
 * may have to be fetched), so that it does without the server. Claimed. */
gboolean file_make_local(File *file, guint64 max, GCancellable *cancel);

/* The name of a file that is wholly local is gone: nothing is uploaded any more. Claimed. */
void file_cut_loose(File *file);

/* Moves the open file out of sight; it goes when it is closed. Claimed. */
gboolean file_hide(File *file, Node *dir, const char *name, GCancellable *cancel, GError **error);

/* rescue.c: keeps what could not be uploaded where the user finds it, and says so. */
void rescue_save(File *file);

#endif
