/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Writeback, shared by writeback.c (life, queue, threads), writeback_item.c (one
 * item), writeback_items.c (what programs do to pending files), writeback_names.c (renames and the
 * like), writeback_upload.c (one upload), writeback_compare.c (whether the server's file is the
 * known one) and writeback_replay.c (what earlier mounts left).
 *
 * "Lock held" means the Writeback's.
 */
#ifndef FTPSFS_SRC_CACHE_WRITEBACK_WRITEBACK_PRIVATE_H
#define FTPSFS_SRC_CACHE_WRITEBACK_WRITEBACK_PRIVATE_H

#include "cache/temporary/temporary.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"
#include "writeback_items.h"

typedef enum {
    ITEM_WAITING,
    ITEM_UPLOADING,
    ITEM_PARKED,     /* uploaded, but its name is held */
    ITEM_COMMITTING, /* its temporary is being renamed over the file */
    ITEM_REFUSED,
} ItemState;

typedef struct Item Item;

struct Item {
    Writeback *writeback;
    guint64 id;
    Node *node; /* a reference, pinned; NULL: one of an earlier mount that is not to be seen here */
    char *path; /* where it is to be on the server */
    char *content; /* path of the content file */
    guint64 size;
    guint32 mode;
    gint64 mtime;
    guint changes; /* counts those of mode and mtime */
    JournalState base;
    Item *after; /* an older item of the node, that has to end first */
    ItemState state;
    gboolean dropped;  /* given up while a thread is at it, which frees it then */
    gboolean replayed; /* of an earlier mount, or in the place of one that was tried */
    GList *link;       /* in Writeback.ready; NULL: not there */
    gint64 ready_at;
    guint attempts;  /* that have ended */
    GError *failure; /* of the last of them */
    guint64 sent;
    GCancellable *cancel;
    /* What an attempt that was cut off may have left on the server: */
    char *temporary;
    gboolean may_reappear; /* it was removed, and may come into being once more */
    char *target, *aside;  /* NULL unless it was about to be renamed */
    gint64 stored_mtime;
};

struct Writeback {
    Remote *remote;
    Tree *tree;
    Stats *stats;
    Space *space;
    TemporaryCleanup *cleanup; /* from writeback_start on */
    Journal *journal;
    char *directory; /* of the source */
    char *prefix;
    guint connections;
    gint64 delay; /* microseconds */
    WritebackFunc func;
    gpointer data;
    GPtrArray *threads;
    JournalPlan *plan; /* of earlier mounts, until writeback_start */
    Lock lock;         /* guards what follows */
    GCond changed;
    guint64 next_id;
    GHashTable *by_id;     /* of &Item.id: Item, all that are pending */
    GHashTable *by_node;   /* the newest of each node */
    GQueue ready;          /* those that wait, by the time at which they may begin */
    GPtrArray *dying;      /* given up, with a thread at it */
    GPtrArray *path_locks; /* WritebackPathLock */
    guint large;           /* large ones under way */
    guint flushing;        /* somebody waits for all: no delays */
    gboolean stopping;     /* one more try of everything, then the end */
    gboolean given_up;     /* not even that */
    gboolean stopped;      /* that is over: nothing is uploaded any more */
    guint renaming;        /* renames that the journal has not got the end of */
};

/* writeback.c */

/* What is waited for with a Wait of Writeback.changed, for its messages. */
#define WRITEBACK_AWAITED "an upload"

/* Puts a waiting item in the queue, or elsewhere in it. Lock held. */
void writeback_schedule(Item *item, gint64 ready_at);

/* Takes an item, whose record is in the journal, out of everything. A thread that is at it frees it
 * when it has noticed; else it is freed. The caller removes the file *content (for g_free) once the
 * record is durable. Lock held. */
void writeback_forget(Item *item, char **content);

/* Removes a content file. */
void writeback_remove_content(const char *content);

/* When nothing is pending, a new journal is begun. Lock held. */
void writeback_compact(Writeback *writeback);

/* writeback_upload.c */

typedef enum { UPLOAD_DONE, UPLOAD_DROPPED, UPLOAD_FAILED } UploadEnd;

/* One try. After UPLOAD_DONE the item is in ITEM_COMMITTING still, *state what the server has, and
 * `entry` too, unless *conflict. No lock. */
UploadEnd writeback_upload(Item *item, RemoteEntry *entry, JournalState *state, gboolean *conflict,
                           GError **error);

/* writeback_replay.c */

/* Opens the journals of the source and reads them into writeback->plan. */
gboolean writeback_read(Writeback *writeback, const WritebackOptions *options, GError **error);

/* Makes items of what was read. */
void writeback_resume(Writeback *writeback);

/* writeback_compare.c */

/* What the server has under a path, as the journal says it. FALSE on error. */
gboolean writeback_stat(Writeback *writeback, const char *path, RemoteEntry *entry,
                        JournalState *state, GError **error);

/* What the server has of a file, by its attributes. */
JournalState writeback_state_of(const RemoteEntry *entry);

/* Whether the server's file is as it was when the local one began to differ, or is gone. */
gboolean writeback_is_base(const JournalState *base, const JournalState *now);

/* The item's content file, to be read; -1 on error. */
int writeback_open_content(const Item *item, GError **error);

/* The next WRITEBACK_PIECE bytes of it at most; 0 at its end, -1 on error. */
gssize writeback_read_piece(const Item *item, int fd, guint8 *buffer, GError **error);

/* Whether the server's file at `path` has the item's content: by the server's hash, or read back.
 * *same; FALSE on error. */
gboolean writeback_compare_content(const Item *item, const char *path, gboolean *same,
                                   GError **error);

/* Content is read and sent in pieces of so many bytes. */
#define WRITEBACK_PIECE (256 * 1024)

/* writeback_item.c */

/* A new item in the tables, not in the queue. Takes a pin and a reference of its own. Lock held. */
Item *writeback_item_new(Writeback *writeback, guint64 id, Node *node, const char *path,
                         const char *content);

gboolean writeback_item_in_flight(const Item *item);
gboolean writeback_item_is_locked(const Item *item);

/* The record that an item begins with. */
JournalRecord writeback_put_record(const Item *item);

/* Of an item that is in no table any more. */
void writeback_item_free(Item *item);

#endif
