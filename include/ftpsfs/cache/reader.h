/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader - the content of one remote file, read through data connections that are kept open while
 * reading goes on in sequence.
 *
 * A Reader belongs to one File. It serves reads from the mount's chunk cache; what is not there
 * comes from a read stream: a data connection from some offset on, which a worker thread fills
 * chunks from, ahead of the application within a window. A read ahead of a stream within the window
 * waits for it; one elsewhere starts another stream.
 *
 * The Reader's lock guards its streams; it is taken after a file's lock and before the pool's, and
 * never held while the network is waited for. A Reader is reference-counted: its workers hold it.
 */
#ifndef FTPSFS_CACHE_READER_H
#define FTPSFS_CACHE_READER_H

#include "ftpsfs/cache/chunks.h"
#include "ftpsfs/cache/tree.h"
#include "ftpsfs/util/workers.h"

typedef struct Reader Reader;

/* What the readers of a mount share; owned by Files. */
typedef struct {
    Remote *remote;
    ChunkCache *chunks;
    Workers *workers;
    Stats *stats;
    guint64 readahead; /* bytes ahead of the application, at most, per stream */
    guint max_streams; /* per reader */
    guint timeout_s;
} ReaderShared;

/* A reader of `node` (referenced), whose content is now `size` bytes of `version`. */
Reader *reader_new(const ReaderShared *shared, Node *node, guint64 version, guint64 size);

/* Ends all streams without waiting for the network, and drops the caller's reference. */
void reader_close(Reader *reader);

/* The file has another content from now on. Streams are ended. */
void reader_reset(Reader *reader, guint64 version, guint64 size);

/* Appends the bytes [offset, offset + length), cut at the size, to `parts` as GBytes (new
 * references, for the array's free function). Errors as by remote_read_open; FTPSFS_ERROR_STALE
 * when the file turned out to be shorter than `size`: it changed on the server. */
gboolean reader_read(Reader *reader, guint64 offset, gsize length, GPtrArray *parts,
                     GCancellable *cancel, GError **error);

#endif
