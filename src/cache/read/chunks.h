/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chunks - bounded least-recently-used cache of file content in memory, one for the mount.
 *
 * A chunk is CHUNK_SIZE bytes of one version of one file (the last chunk of a file is shorter),
 * keyed by the file's node number, its version (changes with size and mtime) and the chunk's index.
 * Chunks are immutable and reference-counted (GBytes), so a reader copies outside of the lock. The
 * cache has a lock of its own (LOCK_RANK_CHUNKS), which guards all of it.
 *
 * Memory for chunks comes from the cache too: whole chunks lie in huge pages and are used again, as
 * fresh memory costs more to get than content to copy into it. Their lock is LOCK_RANK_BUFFERS.
 */
#ifndef FTPSFS_SRC_CACHE_READ_CHUNKS_H
#define FTPSFS_SRC_CACHE_READ_CHUNKS_H

#include <glib.h>

#define CHUNK_SIZE (128 * 1024)

typedef struct ChunkCache ChunkCache;

/* At most `capacity` bytes of content (at least one chunk). */
ChunkCache *chunks_new(gsize capacity);
void chunks_free(ChunkCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChunkCache, chunks_free)

/* The chunk, most recently used from now on, as a new reference; NULL when it is not cached. */
GBytes *chunks_get(ChunkCache *cache, guint64 node, guint64 version, guint64 index);

/* Whether it is cached, without touching its age. */
gboolean chunks_has(ChunkCache *cache, guint64 node, guint64 version, guint64 index);

/* Keeps `bytes` (a reference is taken), dropping the least recently used ones as needed. */
void chunks_put(ChunkCache *cache, guint64 node, guint64 version, guint64 index, GBytes *bytes);

/* Drops all chunks of the node. Cost: that of the chunks dropped, not of the cache. */
void chunks_drop(ChunkCache *cache, guint64 node);

/* Drops one chunk, if it is there. */
void chunks_forget(ChunkCache *cache, guint64 node, guint64 version, guint64 index);

/* Memory for `length` bytes, at most CHUNK_SIZE, of a chunk that is to be filled. */
guint8 *chunks_buffer_new(ChunkCache *cache, gsize length);

/* Gives it back; NULL is fine. */
void chunks_buffer_free(ChunkCache *cache, guint8 *buffer, gsize length);

/* Makes it the content of a GBytes, which gives it back; that may outlive the cache. */
GBytes *chunks_buffer_to_bytes(ChunkCache *cache, guint8 *buffer, gsize length);

/* Bytes held now. */
gsize chunks_used(ChunkCache *cache);

#endif
