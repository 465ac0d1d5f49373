/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Reader, shared by reader.c (what the application asks for), read_run.c (runs:
 * windows, segments), read_slots.c (which streams there are), read_stream.c (what the workers do
 * about it) and read_block.c (lone reads).
 */
#ifndef FTPSFS_SRC_CACHE_READ_READER_PRIVATE_H
#define FTPSFS_SRC_CACHE_READ_READER_PRIVATE_H

#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"
#include "reader.h"

/* What a stream reads ahead at the beginning of a file, or once reading is seen to be sequential.
 */
#define FIRST_WINDOW_CHUNKS 4

/* What it reads ahead when that went on: waking a worker for less costs more than it brings. */
#define STEADY_WINDOW_CHUNKS 16

/* A seek forward of up to so many chunks waits for the stream rather than starting another. */
#define SEEK_AHEAD_CHUNKS 4

/* Reads of one run come in no strict order when several threads or the kernel's read-ahead make
 * them: they may lie so many chunks back. */
#define RUN_SLACK_CHUNKS 16

/* What a run through a file larger than the cache keeps of what has been read: enough for reads
 * that come out of order, and for a second reader that follows closely. */
#define KEPT_BEHIND_CHUNKS 64

/* How often a connection that is lost without a byte is made again. */
#define STREAM_ATTEMPTS 2

/* How it is found out whether more connections are faster. */
typedef struct {
    guint streams;     /* how many the run is to have */
    guint before;      /* as many as it had before the trial that is on; 0: there is none */
    gboolean starting; /* the trial's streams have not all got their first byte yet */
    gint64 warm_at;    /* when they can be judged */
    gdouble rate;      /* before the trial, bytes a microsecond */
    gint64 since;      /* the period's beginning, monotonic microseconds; 0: none has begun */
    guint64 bytes;     /* received in the period */
    gint64 not_before; /* of the next trial */
    guint failures;    /* trials in a row that were no gain */
    gint64 setup_us;   /* what the last connection took to bring its first byte */
} Tuning;

/* Reads that follow each other. */
typedef struct {
    guint64 first;    /* the chunk at which it began */
    guint64 position; /* the application has asked for chunks below this */
    guint64 dropped;  /* chunks below this have left the cache, they won't be read again soon */
    guint64 window;   /* chunks to fetch beyond `position`; 0: not seen to be sequential so far */
    gboolean begun;   /* something has been read */
    guint64 segment;  /* chunks for one stream, while there are to be several */
    guint64 frontier; /* all before this chunk is some stream's part */
    gint64 last_use;  /* monotonic microseconds */
    guint streams;    /* that work for it */
    Tuning tuning;
} Run;

struct Reader {
    gint references; /* atomic */
    ReaderShared *shared;
    Node *node;
    guint64 ino;
    Lock lock; /* guards all that follows, and the streams */
    guint64 version;
    guint64 size;
    gboolean identified; /* it was looked for the key; or that is under way */
    gboolean on_disk;    /* `key` means something */
    DiskKey key;         /* of this version, in the cache on disk */
    GPtrArray *runs;     /* Run * */
    GPtrArray *streams;  /* Stream *, each a reference */
    GQueue waiters;      /* Waiter, on their threads' stacks */
};

/* A thread that waits for bytes below `to` of a chunk. */
typedef struct {
    guint64 index;
    gsize to;
    gboolean blocked; /* for a slot: all streams are needed by others who wait */
    GCond *cond;      /* of its request */
    GList link;
} Waiter;

typedef struct {
    gint references; /* atomic */
    Reader *reader;  /* a reference */
    /* Guarded by the reader's lock: */
    Run *run;             /* NULL once it is closed */
    guint64 first;        /* index of the first chunk */
    guint64 next;         /* index of the chunk that is being filled */
    guint64 end;          /* index of the first chunk that is not for this stream */
    gsize filled;         /* bytes of `buffer` that are there */
    gboolean running;     /* a worker has it, or will */
    gboolean busy;        /* a worker is in it */
    gboolean closed;      /* no longer in the reader */
    guint64 told_end;     /* the chunk before which the server ends by itself */
    gint64 opened;        /* when it began to get a connection, until its first byte; else 0 */
    GError *failure;      /* why it can't go on */
    RemoteStream *remote; /* NULL while it has no connection; only the worker changes it */
    GCancellable *stop;   /* cancelled at close, or by the pool that wants the connection */
    gulong stop_watch;
    /* The worker's own; bytes below `filled` are read by others under the lock: */
    guint8 *buffer; /* for the chunk `next`, or NULL */
    gsize length;   /* of that chunk */
    guint attempts; /* connections in a row that brought nothing */
} Stream;

/* All functions: lock held. */

/* reader.c */

Reader *reader_ref(Reader *reader);
void reader_unref(Reader *reader);

/* Chunks in the file. */
guint64 reader_chunks(const Reader *reader);

/* Wakes those who wait for bytes below `filled` of the chunk; G_MAXUINT64: all. */
void reader_wake(Reader *reader, guint64 index, gsize filled);

/* read_run.c */

/* The run that a read of chunk `index` belongs to; NULL: none. */
Run *read_run_find(Reader *reader, guint64 index);

/* A new run at chunk `index`. */
Run *read_run_new(Reader *reader, guint64 index);

/* Ends the run with its streams. */
void read_run_drop(Reader *reader, Run *run);

/* The application reads chunks [index, last] and has to wait for the first of them, or not: moves
 * the window and has the streams go on. */
void read_run_advance(Reader *reader, Run *run, guint64 index, guint64 last, gboolean waited);

/* Bytes have come: measures, and decides on the number of streams. */
void read_run_tune(Reader *reader, Run *run, gsize bytes);

/* All streams of the run have nothing to do: the application is the limit, not the connections. */
void read_run_note_idle(Run *run);

/* The pool has taken a stream's connection for others. */
void read_run_note_yield(Run *run);

/* Starts the streams that the run shall have on later segments, as far as the window reaches. */
void read_run_extend(Reader *reader, Run *run);

/* read_block.c */

/* Bytes [from, to) of chunk `index` out of a block; NULL when it is not cached. */
GBytes *read_block_cached(const Reader *reader, guint64 index, gsize from, gsize to);

/* Whether this read, for which nothing is there, is small and far from all others. */
gboolean read_block_suits(Reader *reader, guint64 index, gsize from, gsize to);

/* Fetches the block of the byte `from` of chunk `index` into the cache. A failure is told to
 * nobody: the stream that has to be started then meets it again. Lock dropped meanwhile. */
void read_block_fetch(Reader *reader, guint64 index, gsize from, GCancellable *cancel);

/* read_slots.c */

/* Whether somebody waits for what the stream brings. It is not dropped for others then: those who
 * read far apart would else take the connections from each other before a byte has come. */
gboolean read_slots_is_needed(const Stream *stream);

/* Whether one more stream can be started, if need be in place of one that nobody needs. */
gboolean read_slots_has_free(const Reader *reader);

/* A stream of the run from chunk `index` on, up to where another one has begun. There is a slot.
 */
Stream *read_slots_start(Reader *reader, Run *run, guint64 index);

/* The stream that will bring chunk `index` soon; NULL: none. */
Stream *read_slots_find(Reader *reader, guint64 index);

/* read_stream.c */

/* Does what is needed of a stream that is ended for good. */
void read_stream_remove(Stream *stream);

/* Whether a stream that is not closed is at its end: of its part, or of what a single read wanted.
 */
gboolean read_stream_is_done(const Stream *stream);

/* Takes the stream out of its reader. A worker that is in it is woken and lets go of it. */
void read_stream_drop(Stream *stream);

/* Has a worker go on with the stream if more than `chunks` chunks may be fetched now. */
void read_stream_go_on(Stream *stream, guint64 chunks);

#endif
