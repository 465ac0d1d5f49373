/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/cache/read: reading: content in memory, on disk, and on its way. Offers a Reader for each
 * file and a Prefetch for the mount to src/cache/file. Uses src/cache/tree and src/ftp/remote.
 *
 * reader - the content of one remote file, read through data connections that are kept open while
 * reading goes on in sequence.
 *
 * A Reader belongs to one File. It serves reads from the mount's chunk cache, in memory and on
 * disk; what is not there comes from a read stream: a data connection from some offset on, which a
 * worker thread fills chunks from. Reads that follow each other form a run: its stream works ahead
 * of the application within a window that grows while the application has to wait, and pauses when
 * the window is full. A read elsewhere starts another run. When a run has to wait for its
 * connection, the reader tries whether more connections, each on a later segment of the file, are
 * faster together.
 *
 * The Reader's lock (LOCK_RANK_READER) guards its runs and streams. A Reader is reference-counted:
 * its streams hold it.
 */
#ifndef FTPSFS_SRC_CACHE_READ_READER_H
#define FTPSFS_SRC_CACHE_READ_READER_H

#include "chunks.h"
#include "ftpsfs/cache/disk.h"
#include "ftpsfs/cache/tree.h"
#include "ftpsfs/util/workers.h"

typedef struct Reader Reader;

/* What the readers of a mount share; owned by Files. */
typedef struct {
    Remote *remote;
    ChunkCache *chunks;
    DiskCache *disk; /* NULL: none */
    Workers *workers;
    Workers *closers; /* let go of connections while all `workers` may be waiting for one */
    Stats *stats;
    guint64 readahead;  /* bytes that one stream fetches ahead of the application, at most */
    guint64 cache_size; /* what `chunks` holds at most, in bytes */
    guint64 ahead_max;  /* bytes that all streams of the mount fetch ahead together, at most */
    guint max_streams;  /* per reader */
    guint timeout_s;
    gint runs; /* atomic: sequential runs of all readers, which share ahead_max */
} ReaderShared;

/* A reader of `node` (referenced), whose content is now `size` bytes of `version`. */
Reader *reader_new(ReaderShared *shared, Node *node, guint64 version, guint64 size);

/* Ends all streams without waiting for the network, and drops the caller's reference. */
void reader_close(Reader *reader);

/* The file has another content from now on. Streams are ended. */
void reader_reset(Reader *reader, guint64 version, guint64 size);

/* Ends all streams without waiting for the network; the content stays what it is. */
void reader_stop(Reader *reader);

/* Appends the bytes [offset, offset + length), cut at the size, to `parts` as GBytes (new
 * references, for the array's free function). Errors as by remote_stream_open; FTPSFS_ERROR_STALE
 * when the file turned out to be shorter than `size`: it changed on the server. */
gboolean reader_read(Reader *reader, guint64 offset, gsize length, GPtrArray *parts,
                     GCancellable *cancel, GError **error);

#endif
