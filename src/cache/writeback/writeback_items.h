/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Files asks of a Writeback: start and end, content, names, and a view of what is pending. See
 * ftpsfs/cache/writeback.h for what it is and for its lock.
 */
#ifndef FTPSFS_SRC_CACHE_WRITEBACK_WRITEBACK_ITEMS_H
#define FTPSFS_SRC_CACHE_WRITEBACK_WRITEBACK_ITEMS_H

#include "cache/spool/spool.h"
#include "cache/temporary/temporary_cleanup.h"
#include "ftpsfs/cache/writeback.h"
#include "journal.h"

/* What has become of an item. */
typedef struct {
    Node *node;
    const RemoteEntry *entry; /* what the server has of it; NULL after a conflict */
    guint64 size;
    guint64 id;         /* the item's number */
    JournalState state; /* what a newer item of the node is over */
} WritebackResult;

/* Called by an uploading thread without a lock, while the item is still pending. */
typedef void (*WritebackFunc)(gpointer data, const WritebackResult *result);

/* Puts the pending files of earlier mounts into the tree, and begins to upload. `cleanup`
 * outlives the uploads. */
void writeback_start(Writeback *writeback, TemporaryCleanup *cleanup, WritebackFunc func,
                     gpointer data);

/* Uploads what is left; what can't be uploaded stays in the journal, with a warning that names it.
 * No other call may be under way or follow, but writeback_flush, writeback_foreach and
 * writeback_free. */
void writeback_stop(Writeback *writeback);

/* writeback_stop does not wait for the server any more. Any thread. */
void writeback_give_up(Writeback *writeback);

/* ---- content ---- */

/* How the paths of its content files begin, for spool_set_prefix. */
const char *writeback_prefix(const Writeback *writeback);

typedef struct {
    const char *content; /* path of the content file, which is the Writeback's from then on */
    guint64 size;
    guint32 mode;      /* or G_MAXUINT32 */
    gint64 mtime;      /* or G_MININT64 */
    JournalState base; /* what the server has of the file, unless an item of it is pending */
} WritebackPut;

/* The content is to become the node's file. Returns when that is durable. On error the content file
 * is removed. FTPSFS_ERROR_STALE when the node has no path, _NO_SPACE, _IO, _INTERRUPTED. */
gboolean writeback_put(Writeback *writeback, Node *node, const WritebackPut *put,
                       GCancellable *cancel, GError **error);

/* Whether an item of the node is pending. */
gboolean writeback_has(Writeback *writeback, Node *node);

/* Whether that is the newest item of the node. */
gboolean writeback_is_newest(Writeback *writeback, Node *node, guint64 id);

/* The pending content of the node; NULL when there is none, or on error, which is logged. */
Spool *writeback_spool(Writeback *writeback, Node *node, const char *directory);

/* Mode and/or mtime (left out by G_MAXUINT32 and G_MININT64) of a pending file. *pending FALSE:
 * there is none of the node. */
gboolean writeback_set(Writeback *writeback, Node *node, guint32 mode, gint64 mtime,
                       gboolean *pending, GError **error);

/* Waits until the node's file is on the server. After a failed try of the upload its error. */
gboolean writeback_sync(Writeback *writeback, Node *node, GCancellable *cancel, GError **error);

/* Waits until everything that is pending now is on the server or its upload has failed once more;
 * how many are not. Ends early, with what is left, when it is cancelled. */
guint writeback_flush(Writeback *writeback, GCancellable *cancel);

/* ---- names ---- */

/* While held, no upload puts anything under these paths, nor is a new item for them accepted. */
typedef struct {
    const char *from; /* a path */
    const char *to;   /* another, or NULL */
    gboolean below;   /* what is below `from` too: no upload into it is under way at all */
} WritebackPathLock;

/* `lock` and its strings belong to the caller, who keeps them until the release. */
gboolean writeback_path_lock(Writeback *writeback, WritebackPathLock *lock, GCancellable *cancel,
                             GError **error);
void writeback_path_unlock(Writeback *writeback, WritebackPathLock *lock);

/* What follows is called by one who holds the paths. */

/* Whether the node's pending file is new: the server has nothing under its name. */
gboolean writeback_is_new(Writeback *writeback, Node *node);

/* Gives up what is pending of the node, durably. */
gboolean writeback_drop(Writeback *writeback, Node *node, GError **error);

/* A pending file that is new gets the held path `to`, where the server has `base`, unless an item
 * of `replaced` (which may be NULL) is pending and is given up. Durable. */
gboolean writeback_move(Writeback *writeback, Node *node, const char *to, Node *replaced,
                        const JournalState *base, GError **error);

/* Before and after a rename by the server of the held `from` to `to`: what is pending below moves
 * with it, and what is pending at `to` is given up. *id is 0 when nothing is pending there. */
gboolean writeback_rename_begin(Writeback *writeback, const WritebackPathLock *lock, guint64 *id,
                                GError **error);
void writeback_rename_end(Writeback *writeback, const WritebackPathLock *lock, guint64 id,
                          gboolean renamed);

/* ---- for a view of it ---- */

typedef enum {
    WRITEBACK_WAITING, /* for its turn, or for the next try when `error` is set */
    WRITEBACK_UPLOADING,
    WRITEBACK_REFUSED, /* by the server, for good: tried again by the next mount, or fsync(2) */
} WritebackState;

typedef struct {
    const char *path;
    guint64 size;
    guint64 sent;
    WritebackState state;
    const char *error; /* of the last try; or NULL */
} WritebackEntry;

/* Calls `func` for each pending item, the oldest first, under the lock: it must not call back. */
void writeback_foreach(Writeback *writeback,
                       void (*func)(const WritebackEntry *entry, gpointer data), gpointer data);

#endif
