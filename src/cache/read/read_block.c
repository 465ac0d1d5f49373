/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks: what a lone small read somewhere in a file fetches instead of a chunk. A chunk is many
 * times what such a read wants, and on a far line it takes round trips more than the first flight
 * of data. The reading thread fetches it by itself; it is kept in the mount's chunk cache, under a
 * number that no chunk has. The next read nearby begins a stream as ever.
 */
#include "fetch.h"
#include "ftpsfs/util/error.h"
#include "reader_private.h"

/* One TLS record of this size fits into what a server sends before the first acknowledgement. */
#define BLOCK_SIZE 8192

/* No file has so many chunks. */
#define BLOCK_FIRST ((guint64)1 << 62)

static gboolean is_in_one_block(gsize from, gsize to)
{
    return from < to && from / BLOCK_SIZE == (to - 1) / BLOCK_SIZE;
}

static guint64 number_of(guint64 index, gsize from)
{
    return BLOCK_FIRST | (index * (CHUNK_SIZE / BLOCK_SIZE) + from / BLOCK_SIZE);
}

GBytes *read_block_cached(const Reader *reader, guint64 index, gsize from, gsize to)
{
    if (!is_in_one_block(from, to))
        return NULL;
    g_autoptr(GBytes) block =
        chunks_get(reader->shared->chunks, reader->ino, reader->version, number_of(index, from));
    gsize start = from % BLOCK_SIZE;
    if (block == NULL || g_bytes_get_size(block) < start + (to - from))
        return NULL;
    return g_bytes_new_from_bytes(block, start, to - from);
}

gboolean read_block_suits(Reader *reader, guint64 index, gsize from, gsize to)
{
    /* What is on disk is looked for by streams. */
    return is_in_one_block(from, to) && index > 0 && reader->shared->disk == NULL &&
           read_run_find(reader, index) == NULL && read_slots_find(reader, index) == NULL;
}

/* [offset, offset + length) of the file from the server. */
static GBytes *fetch(Reader *reader, guint64 offset, gsize length, guint64 size,
                     GCancellable *cancel, GError **error)
{
    ReaderShared *shared = reader->shared;
    g_autofree char *path = node_path(reader->node);
    if (path == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE, "the file is gone from the server");
        return NULL;
    }
    gboolean ends = FALSE;
    g_autoptr(RemoteStream) remote = remote_read_range(shared->remote, path, offset,
                                                       offset + length, size, &ends, cancel, error);
    /* Nobody waits for the 226; it is dropped when it comes. */
    return remote != NULL ? fetch_bytes(remote, length, cancel, error) : NULL;
}

void read_block_fetch(Reader *reader, guint64 index, gsize from, GCancellable *cancel)
{
    /* Reads nearby belong to it from now on. */
    read_run_advance(reader, read_run_new(reader, index), index, index, TRUE);
    guint64 version = reader->version;
    guint64 size = reader->size;
    guint64 offset = index * CHUNK_SIZE + from / BLOCK_SIZE * BLOCK_SIZE;
    gsize length = (gsize)MIN((guint64)BLOCK_SIZE, size - offset);
    lock_release(&reader->lock);
    g_autoptr(GError) failure = NULL;
    g_autoptr(GBytes) block = fetch(reader, offset, length, size, cancel, &failure);
    if (block != NULL)
        chunks_put(reader->shared->chunks, reader->ino, version, number_of(index, from), block);
    else
        g_debug("a lone read goes on as a stream: %s", failure->message);
    lock_take(&reader->lock);
}
