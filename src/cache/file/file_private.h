/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of Files and File, shared by file.c (open, read, write), files.c (the table, close and
 * the end), files_names.c (operations on names of open files), upload_stream.c (the store behind a
 * sequential writer) and upload.c (how the server is brought up to date).
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
#include "ftpsfs/util/workers.h"

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
    GMutex lock;           /* guards what follows, and File.handles */
    GHashTable *table;     /* Node * -> File * */
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
    gboolean busy;  /* an upload step, or a change of the name, is under way, by one thread, without
                       the lock */
    guint reading;  /* threads that are reading remote content */
    gboolean pinned;
    gboolean hidden;     /* unlinked while open: lies under a hidden name until the last close, and
                            nothing is uploaded any more */
    guint64 version;     /* NodeInfo.version of the remote content that reader and spool are over */
    guint64 remote_size; /* its size */
    guint64 generation;  /* counts changes of the spool */
    guint64 progress;    /* bytes of the upload that is under way, or was last; for the status */
    char *failure;       /* why the last upload failed; NULL */
    gboolean counted;    /* in stats.file_reads */
    /* The upload that runs behind a sequential writer: */
    RemoteStream *store;
    GCancellable *yield; /* of the store: cancelled by the pool when it wants the session */
    gulong yield_watch;
    guint64 sent;     /* bytes given to the store */
    guint64 stored;   /* bytes of the new content that are on the server, when no store is open */
    guint64 frontier; /* the writer has written everything below, in sequence */
    gboolean fresh;   /* the remote file is, or is being, built up from nothing, and has not been
                         confirmed: `sent`, `stored` and `frontier` mean something */
    gboolean whole_next;   /* an upload was cut off: the remote content is no base any more, and all
                              of the file has to be stored, even if nothing is dirty */
    gboolean sent_changed; /* something below `sent` was changed after it had been sent */
    /* With atomic_upload: */
    char *temporary; /* server path that the new content is stored under; NULL: none yet */
    gboolean unborn; /* created, but nothing lies under the file's own name yet; with a Writeback
                        of a file that is not among its pending ones */
    /* With a Writeback: */
    JournalState base; /* what the server has, unless unborn */
    /* To be set after the upload: */
    guint32 want_mode; /* or G_MAXUINT32 */
    gint64 want_mtime; /* or G_MININT64 */
};

/* The File of `node`, made if need be, with one more handle. */
File *files_acquire(Files *files, Node *node, const NodeInfo *info);

/* The File of `node` (which may be NULL) if it has one: a reference for file_unref. */
File *files_find(Files *files, Node *node);

/* Forgets a file that nobody has open and that has nothing pending. */
void files_reap(File *file);

/* References of background work; not handles. */
File *file_ref(File *file);
void file_unref(gpointer file);

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

/* upload_stream.c; all with the lock held, which they drop while on the network, and busy. */

/* Starts to store the file from nothing (create, O_TRUNC). */
gboolean upload_start(File *file, GCancellable *cancel, GError **error);

/* Ends an open store without caring for its result, in good order, so that the server does nothing
 * to the file afterwards. What it has of the file then is anything (whole_next). */
void upload_abandon(File *file);

/* Nothing of the file is to be uploaded any more: it is gone from the server, or given up. A
 * temporary of it is removed. */
void upload_forget(File *file);

/* Has a worker send what the sequential writer is ahead, if that is worth it. Not busy. */
void upload_pump(File *file);

/* remote_store_open, after our own reading of the file has ended. New reading waits until the file
 * is not busy. */
RemoteStream *upload_open_store(File *file, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error);

/* Takes the store out of the file, if it has one, with the duty to end it. */
RemoteStream *upload_take_store(File *file);

/* Makes `store`, which begins at `offset`, the file's, as if the writer had come so far. */
void upload_go_on(File *file, RemoteStream *store, guint64 offset);

/* Whether others need the session of the file's store. */
gboolean upload_yield_is_wanted(const File *file);

/* Ends the store early because others need its session: what was sent is then on the server, and
 * the rest is appended later. */
void upload_end_early(File *file, GCancellable *cancel);

/* The file's store has failed. */
void upload_cut_off(File *file);

/* Sends [*offset, end) of the spool, counting *offset up before each piece is on its way, so that
 * changes below it are noticed. */
gboolean upload_send(File *file, RemoteStream *store, guint64 *offset, guint64 end,
                     GCancellable *cancel, GError **error);

/* upload.c; in the same way. */

/* Brings the server up to date and confirms it. */
gboolean upload_finish(File *file, GCancellable *cancel, GError **error);

/* Makes everything that shows of [start, end) local. */
gboolean upload_fetch_missing(File *file, guint64 start, guint64 end, GCancellable *cancel,
                              GError **error);

/* The server has the file as `entry` tells, with `size` bytes, as of `generation`. */
void upload_adopt(File *file, const RemoteEntry *entry, guint64 size, guint64 generation);

/* upload_in_place.c: sends the dirty extents of a large file alone, by REST and STOR. *done stays
 * FALSE where that can't be, or is not worth it: nothing was changed then. */
gboolean upload_in_place(File *file, const char *path, gboolean *done, GCancellable *cancel,
                         GError **error);

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
