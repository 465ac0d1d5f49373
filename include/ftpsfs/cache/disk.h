/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk - file content on local disk, which outlasts the mount: `-o cache_dir=DIR`.
 *
 * What was read from the server is kept chunk by chunk, each in a file of its own below
 * DIR/ftpsfs-content-1, and is found again by any mount of the same source (util/identity.h)
 * and path as long as size and modification time of the file agree. A chunk's file begins with a
 * header that says what it is and holds a SHA-256 of all of it; what does not agree in every bit is
 * deleted and fetched from the server. Files appear under their name by rename(2), complete.
 * Several mounts may share a directory; one of them at a time (flock) deletes what was not used for
 * the longest time when all of it together has become too large.
 *
 * Thread-safe: the lock (LOCK_RANK_DISK_CACHE) guards the count of bytes alone. Errors of the disk
 * are logged, not returned: the content is on the server.
 */
#ifndef FTPSFS_CACHE_DISK_H
#define FTPSFS_CACHE_DISK_H

#include "ftpsfs/cache/tree.h"
#include "ftpsfs/util/identity.h"

typedef struct DiskCache DiskCache;

/* Says which version of which file: source, path, size and modification time. */
typedef struct {
    guint8 hash[32];
} DiskKey;

/* Opens the cache in `dir`, which must exist, at most `capacity` bytes on disk. FTPSFS_ERROR_CONFIG
 * when the directory can't be used, or when others could write what would be believed. */
DiskCache *disk_new(const char *dir, guint64 capacity, GError **error);

/* Whose content it is from here on; before the first key is made. Apart from disk_new, since the
 * directory is opened before the sandbox, and who the server is shows when it was connected to. */
void disk_set_source(DiskCache *disk, const Identity *identity);
void disk_free(DiskCache *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskCache, disk_free)

/* The directory that it keeps everything in, below `dir`, by its descriptor: whoever owns a
 * directory above it can put a link in its place, but not there. */
const char *disk_path(const DiskCache *disk);

/* The key of the file at the server path `path` as `info` tells. FALSE when that is not exact
 * enough to recognise a change by: no time, a time of minutes, or one that is just now. */
gboolean disk_key(const DiskCache *disk, const char *path, const NodeInfo *info, DiskKey *key);

/* disk_key of what a listing told; where its times are not exact the server is asked. */
gboolean disk_identify(const DiskCache *disk, Remote *remote, const char *path,
                       const NodeInfo *info, GCancellable *cancel, DiskKey *key);

/* The chunk, which has `length` bytes, as a new reference; NULL when it is not there. */
GBytes *disk_get(DiskCache *disk, const DiskKey *key, guint64 index, gsize length);

/* Bytes that it takes on disk (G_MAXUINT64: not counted yet), and may take. */
void disk_usage(DiskCache *disk, guint64 *used, guint64 *capacity);

/* Keeps a chunk. */
void disk_put(DiskCache *disk, const DiskKey *key, guint64 index, GBytes *chunk);

#endif
