/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/cache/spool: local content of files that are being written. Offers reads and writes at any
 * offset to src/cache/file, and says what the server lacks. Uses src/util.
 *
 * spool - the local extents of one file that is being written.
 *
 * A Spool holds a file's content as it is wanted: a logical size, and over it extents that are
 * present locally (written here, or fetched from the server), in an unlinked temporary file. What
 * is in no extent and below `base_size` is the remote file's content; what is in no extent at or
 * above it reads as zeros. The base size never exceeds the logical size.
 *
 * The temporary file is made when the first byte has to be kept, so that a spool costs no system
 * call until then. The extents say at all times what is in it, also after a write that failed
 * half-way.
 *
 * A Spool has no lock: its File's lock guards it. Only spool_pread and spool_pwrite touch the disk,
 * and spool_truncate to give space back.
 */
#ifndef FTPSFS_SRC_CACHE_SPOOL_SPOOL_H
#define FTPSFS_SRC_CACHE_SPOOL_SPOOL_H

#include <glib.h>

#include "extents.h"
#include "ftpsfs/cache/space.h"

/* No file grows beyond this many bytes: what ext4 can hold. FTP knows no gaps, so that one is sent
 * as zeros; a size that is a mistake would otherwise be an upload without end. */
#define SPOOL_MAX (G_GUINT64_CONSTANT(1) << 44)

typedef struct Spool Spool;

/* A spool in a temporary file in `directory` (copied) for a remote file of `base_size` bytes (0 for
 * a new or truncated one). FTPSFS_ERROR_TOO_BIG when the size is more than a file can have; that
 * the directory can't be used shows at the first write or fill. */
Spool *spool_new(const char *directory, guint64 base_size, GError **error);
void spool_free(Spool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spool, spool_free)

/* What the spool takes of the disk from now on is counted in `space`, which outlives it. */
void spool_set_space(Spool *spool, Space *space);

/* For spool_freeze: the temporary file is one with a name, which begins with `prefix` (a path). To
 * be called before anything is written. */
void spool_set_prefix(Spool *spool, const char *prefix);

/* Makes the content, all of which must be local, durable in a file of its own, and the spool clean.
 * *path: that file's, which is the caller's to remove and to count from now on; it never changes
 * any more: the spool is copied to another file before its next change. Needs spool_set_prefix.
 * FTPSFS_ERROR_NO_SPACE, _IO. */
gboolean spool_freeze(Spool *spool, char **path, GError **error);

/* A spool over such a file of `size` bytes, clean and wholly local. */
Spool *spool_open_frozen(const char *directory, const char *path, guint64 size, GError **error);

/* Bytes of disk that the next change takes besides its own, because of a copy. */
guint64 spool_copy_size(const Spool *spool);

guint64 spool_size(const Spool *spool);      /* logical size */
guint64 spool_base_size(const Spool *spool); /* how much of the remote content still shows */

/* Writes at `offset`, extends the size as needed (a gap reads as zeros), marks dirty. FALSE with
 * FTPSFS_ERROR_NO_SPACE, _IO or _TOO_BIG; then the first part of the data may have been written,
 * with all that follows from it, as with write(2). */
gboolean spool_write(Spool *spool, const void *data, gsize length, guint64 offset, GError **error);

/* Puts remote content under what is present already: dirty bytes are kept. Not dirty. Beyond the
 * base size it is ignored. Errors as for spool_write. */
gboolean spool_fill(Spool *spool, const void *data, gsize length, guint64 offset, GError **error);

/* Shrinks (base size too, local bytes beyond dropped) or grows with zeros. On error (_TOO_BIG, _IO)
 * nothing has changed. */
gboolean spool_truncate(Spool *spool, guint64 size, GError **error);

/* The first range within [start, end) that must come from the remote file. FALSE when all of it is
 * local. */
gboolean spool_missing(const Spool *spool, guint64 start, guint64 end, Extent *missing);

/* Reads up to `length` bytes, less at the logical end (0 from there on); every byte of the range
 * must be local (see spool_missing). -1 on error, FTPSFS_ERROR_IO. */
gssize spool_read(const Spool *spool, void *buffer, gsize length, guint64 offset, GError **error);

/* Whether anything may differ from the remote file since spool_new or the last spool_clean: bytes
 * were written or the size was changed, even if it was changed back. */
gboolean spool_is_dirty(const Spool *spool);

/* The smallest range below the logical size that covers all dirty bytes: those written, and the
 * zeros from the base size on by which the file has grown. FALSE when there are none; then a dirty
 * spool has only become shorter. */
gboolean spool_dirty_range(const Spool *spool, Extent *dirty);

/* The first dirty range that ends behind `from`, from there on; the same notion of dirty. */
gboolean spool_dirty_next(const Spool *spool, guint64 from, Extent *dirty);

/* The remote file now has this content: nothing is dirty, base size is the logical size, and what
 * is local (zeros by which it has grown too) stays local. */
void spool_clean(Spool *spool);

#endif
