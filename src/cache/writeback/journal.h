/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal - the record file of `-o writeback`: what was acknowledged to programs and is still to be
 * brought to the server, so that it survives a crash.
 *
 * One directory a source (util/identity.h) holds the journals journal-1, journal-2, ... of as many
 * mounts at once, each locked (flock of lock-N) by the mount that writes it, and the content files
 * content-N-... that the records name. A journal is append-only: a header, then records, each with
 * a mark, its length and a checksum. What was cut off at the end by a crash is no record. A damaged
 * part is passed over, and what follows it is used.
 *
 * The reading half (journal_replay) is pure: bytes in, what is pending out. The writing half is
 * thread-safe: the Journal's lock (LOCK_RANK_JOURNAL) guards the file; several threads that wait
 * for the disk at once share one fdatasync.
 */
#ifndef FTPSFS_SRC_CACHE_WRITEBACK_JOURNAL_H
#define FTPSFS_SRC_CACHE_WRITEBACK_JOURNAL_H

#include <glib.h>

#include "ftpsfs/ftp/entry.h"

/* What the server had, or has, under a name. */
typedef enum {
    JOURNAL_ABSENT, /* nothing */
    JOURNAL_FILE,   /* a file of this size and time */
    JOURNAL_AFTER,  /* what the upload of item `other` leaves, which was under way */
} JournalKind;

typedef struct {
    JournalKind kind;
    RemoteTime precision; /* of mtime */
    guint64 size;
    gint64 mtime; /* seconds since 1970 UTC; G_MININT64: not known */
} JournalState;

typedef enum {
    JOURNAL_PUT = 1, /* item `id`: the content file `second` is to become `path`, with size, mode
                        and mtime (left out by G_MAXUINT32, G_MININT64); the server has `state`.
                        Item `other`, unless 0 or meant by JOURNAL_AFTER, is given up for it */
    JOURNAL_MOVE,   /* the item's path is `path` now, where the server has `state`; item `other`, if
                       not 0, was to become that and is given up */
    JOURNAL_SET,    /* the item's mode and mtime */
    JOURNAL_DROP,   /* the item is given up: its file was deleted */
    JOURNAL_START,  /* the item's content goes to the server as `second`, a temporary */
    JOURNAL_COMMIT, /* `second`, of this size and mtime, is about to be renamed to `path`; what is
                       there may be moved to `third` meanwhile */
    JOURNAL_DONE,   /* the item is on the server, which has `state` */
    JOURNAL_CLEAN,  /* the temporary of an item that was given up is gone */
    JOURNAL_RENAME, /* rename `id`: the server is about to rename `path` to `second` */
    JOURNAL_RENAMED, /* it did: items at `second` are given up, those at and below `path` are moved
                      */
    JOURNAL_KEPT,    /* it did not */
    JOURNAL_TYPES
} JournalType;

/* Strings are never NULL; "" where the type has none. */
typedef struct {
    JournalType type;
    guint64 id, other;
    guint64 size;
    gint64 mtime;
    guint32 mode;
    JournalState state;
    const char *path, *second, *third;
} JournalRecord;

/* A record without anything but type and number. */
JournalRecord journal_record(JournalType type, guint64 id);

/* ---- reading ---- */

/* An upload that is pending. */
typedef struct {
    guint64 id;
    char *path;
    char *content; /* name of the content file */
    guint64 size;
    guint32 mode;
    gint64 mtime;
    JournalState base;
    guint64 after;       /* with JOURNAL_AFTER: the item that goes before */
    char *temporary;     /* server path of a temporary that may be there; NULL: none */
    char *target;        /* committed: the path that the temporary was to get; else NULL */
    char *aside;         /* committed: where what was there may have been moved; "": nowhere */
    gint64 stored_mtime; /* committed: the temporary's */
} JournalItem;

/* A rename of which it is not known whether the server did it. */
typedef struct {
    guint64 id;
    char *from, *to;
} JournalRename;

typedef struct {
    GPtrArray *items;   /* JournalItem, in the order in which they were put */
    GPtrArray *renames; /* JournalRename */
    GPtrArray *cleanup; /* char *: temporaries on the server that are of no use any more */
    guint64 next_id;    /* above all that were used */
    guint records;
    gsize torn;    /* bytes at the end that are no record: what was being written */
    guint damaged; /* parts in the middle that are no record */
} JournalPlan;

/* What the bytes of a journal say. Never NULL. */
JournalPlan *journal_replay(const guint8 *data, gsize length);
void journal_plan_free(JournalPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalPlan, journal_plan_free)

/* Applies a rename that the server did to the plan, as JOURNAL_RENAMED does. */
void journal_plan_rename(JournalPlan *plan, const char *from, const char *to);

/* `path` with the beginning `from`, which it is or is below of, changed to `to`; else NULL. */
char *journal_moved_path(const char *path, const char *from, const char *to);

/* One record as bytes, for tests and the fuzzer too. */
GByteArray *journal_encode(const JournalRecord *record);
GByteArray *journal_header(void);

/* ---- writing ---- */

typedef struct Journal Journal;

/* Locks the journal `number` in `directory`, which exists, and reads it into *plan; with damage a
 * copy of it is kept beside it. FTPSFS_ERROR_BUSY when another mount has it, FTPSFS_ERROR_IO. */
Journal *journal_open(const char *directory, guint number, JournalPlan **plan, GError **error);

/* Unlocks. The file stays as it is. */
void journal_close(Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_close)

/* Removes the file: what it says was taken over by another one. */
void journal_remove(Journal *journal);

/* The beginning of the names of its content files: "content-N-". */
const char *journal_prefix(const Journal *journal);

/* Puts `records` (JournalRecord *) in the place of all that is there, durably, at once or not at
 * all. Has to be called before the first append. */
gboolean journal_rewrite(Journal *journal, const GPtrArray *records, GError **error);

/* Appends a record; with `durable` returns when it is on the disk. After an error nothing was
 * appended, or it does not matter: FTPSFS_ERROR_NO_SPACE, _IO. */
gboolean journal_append(Journal *journal, const JournalRecord *record, gboolean durable,
                        GError **error);

/* Returns when all that was appended before is on the disk. */
gboolean journal_sync(Journal *journal, GError **error);

/* Bytes of the file now. */
gsize journal_size(Journal *journal);

/* Makes what happened to names in the directory durable. */
gboolean journal_sync_directory(const char *directory, GError **error);

#endif
