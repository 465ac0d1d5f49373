/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Reader, shared by reader.c (what the application asks for) and read_stream.c
 * (what the workers do about it).
 */
#ifndef FTPSFS_SRC_CACHE_READER_PRIVATE_H
#define FTPSFS_SRC_CACHE_READER_PRIVATE_H

#include "ftpsfs/cache/reader.h"

/* What a stream reads ahead at the beginning of a file, or once reading is seen to be sequential.
 */
#define FIRST_WINDOW_CHUNKS 4

/* A seek forward of up to so many chunks waits for the stream rather than starting another. */
#define SEEK_AHEAD_CHUNKS 4

/* How often a connection that is lost without a byte is made anew. */
#define STREAM_ATTEMPTS 2

struct Reader {
    gint references; /* atomic */
    const ReaderShared *shared;
    Node *node;
    guint64 ino;
    GMutex lock; /* guards all that follows, and the streams */
    GCond changed;
    guint64 version;
    guint64 size;
    GPtrArray *streams; /* Stream *, each a reference */
};

typedef struct {
    gint references; /* atomic */
    Reader *reader;  /* a reference */
    /* Guarded by the reader's lock: */
    guint64 next;         /* index of the chunk that is being filled */
    guint64 end;          /* index of the first chunk that is not for this stream */
    guint64 want;         /* the application has asked for chunks below this */
    guint64 window;       /* chunks to fetch beyond `want` */
    gsize filled;         /* bytes of `buffer` that are there */
    gboolean running;     /* a worker has it, or will */
    gboolean busy;        /* a worker is in it */
    gboolean closed;      /* no longer in the reader */
    gboolean served;      /* has given something to the application */
    gint64 last_use;      /* monotonic microseconds */
    GError *failure;      /* why it can't go on */
    RemoteStream *remote; /* NULL while it has no connection; only the worker changes it */
    GCancellable *stop;   /* cancelled at close, or by the pool that wants the connection */
    gulong stop_watch;
    /* The worker's own; bytes below `filled` are read by others under the lock: */
    guint8 *buffer; /* CHUNK_SIZE */
    guint attempts; /* connections in a row that brought nothing */
} Stream;

Stream *read_stream_ref(Stream *stream);
void read_stream_unref(gpointer stream);

/* Has a worker go on with the stream: fill the window, or let go of its connection. Lock held. */
void read_stream_run(Stream *stream);

/* Whether more than `chunks` chunks may be fetched now. Lock held. */
gboolean read_stream_has_room(const Stream *stream, guint64 chunks);

#endif
