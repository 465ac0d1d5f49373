/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

#define COPY_SIZE (1024 * 1024)

/* Invariant: a byte of the temporary file that is in no local extent is a hole or beyond its end,
 * so that it reads as zero. Writes and fills mark what they have put there, also when they fail;
 * truncating cuts the file. Thus growing a file never touches the disk. */
struct Spool {
    char *directory;
    char *prefix;     /* the temporary file has a name that begins so; NULL: it has none */
    char *path;       /* its name */
    gboolean frozen;  /* it must not be changed, and is not the spool's to remove */
    Space *space;     /* NULL: not counted */
    guint64 counted;  /* bytes */
    int fd;           /* -1 until the first byte */
    guint64 file_end; /* the temporary file's size */
    guint64 size;
    guint64 base_size;
    gboolean resized; /* since the last spool_clean */
    Extents *local;
    Extents *dirty; /* a subset of `local` */
};

Spool *spool_new(const char *directory, guint64 base_size, GError **error)
{
    if (base_size > G_MAXINT64) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TOO_BIG,
                    "a file of %" G_GUINT64_FORMAT " bytes is too large to be written", base_size);
        return NULL;
    }
    Spool *spool = g_new0(Spool, 1);
    spool->directory = g_strdup(directory);
    spool->fd = -1;
    spool->size = base_size;
    spool->base_size = base_size;
    spool->local = extents_new();
    spool->dirty = extents_new();
    return spool;
}

/* Lets go of the temporary file. */
static void release_file(Spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
    if (spool->path != NULL && !spool->frozen && unlink(spool->path) != 0)
        g_warning("%s: can't be removed: %s; delete it by hand", spool->path, g_strerror(errno));
    g_clear_pointer(&spool->path, g_free);
}

void spool_free(Spool *spool)
{
    if (spool == NULL)
        return;
    release_file(spool);
    if (spool->space != NULL)
        space_give(spool->space, spool->counted);
    g_free(spool->prefix);
    extents_free(spool->local);
    extents_free(spool->dirty);
    g_free(spool->directory);
    g_free(spool);
}

void spool_set_space(Spool *spool, Space *space)
{
    spool->space = space;
}

void spool_set_prefix(Spool *spool, const char *prefix)
{
    spool->prefix = g_strdup(prefix);
}

/* Counts what the spool takes now. */
static void count(Spool *spool)
{
    if (spool->space == NULL)
        return;
    guint64 bytes = spool->frozen ? 0 : extents_bytes(spool->local);
    if (bytes > spool->counted)
        space_count(spool->space, bytes - spool->counted);
    else
        space_give(spool->space, spool->counted - bytes);
    spool->counted = bytes;
}

guint64 spool_size(const Spool *spool)
{
    return spool->size;
}

guint64 spool_base_size(const Spool *spool)
{
    return spool->base_size;
}

static void set_disk_error(const Spool *spool, int code, const char *what, GError **error)
{
    /* EFBIG: the file system of the spool, or RLIMIT_FSIZE, takes no larger file. */
    if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE,
                    "%s in %s: %s; make room there or choose another directory with -o spool_dir=",
                    what, spool->directory, g_strerror(code));
        return;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                "%s in %s: %s; choose another directory with -o spool_dir= if this one can't be "
                "used",
                what, spool->directory, g_strerror(code));
}

static int open_named(const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "ftpsfs-XXXXXX", NULL);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0 && unlink(path) < 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

static gboolean open_file(Spool *spool, GError **error)
{
    if (spool->fd >= 0)
        return TRUE;
    if (spool->prefix != NULL) {
        spool->path = g_strconcat(spool->prefix, "XXXXXX", NULL);
        spool->fd = mkostemp(spool->path, O_CLOEXEC);
        if (spool->fd >= 0)
            return TRUE;
        g_clear_pointer(&spool->path, g_free);
        set_disk_error(spool, errno, "cannot make a temporary file", error);
        return FALSE;
    }
    spool->fd = open(spool->directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    /* Not every file system has O_TMPFILE: then any of these, by kernel and file system. */
    if (spool->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        spool->fd = open_named(spool->directory);
    if (spool->fd >= 0)
        return TRUE;
    set_disk_error(spool, errno, "cannot make a temporary file", error);
    return FALSE;
}

/* Copies `length` bytes from the beginning of one file to that of another. */
static gboolean copy_bytes(int from, int to, guint64 length)
{
    off_t in = 0, out = 0;
    while ((guint64)in < length) {
        size_t piece = (size_t)MIN(length - (guint64)in, (guint64)1 << 30);
        if (copy_file_range(from, &in, to, &out, piece, 0) <= 0)
            break;
    }
    g_autofree guint8 *buffer = g_malloc(COPY_SIZE);
    while ((guint64)in < length) {
        ssize_t n = pread(from, buffer, (size_t)MIN(length - (guint64)in, (guint64)COPY_SIZE), in);
        if (n > 0)
            n = pwrite(to, buffer, (size_t)n, in);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        in += n;
    }
    return TRUE;
}

/* Before a change: a frozen file is left as it is, and up to `length` bytes of it are copied to one
 * that may be changed. */
static gboolean thaw(Spool *spool, guint64 length, GError **error)
{
    if (!spool->frozen)
        return TRUE;
    int old_fd = spool->fd;
    g_autofree char *old_path = g_steal_pointer(&spool->path);
    spool->fd = -1;
    length = MIN(length, spool->file_end);
    gboolean ok = open_file(spool, error);
    if (ok && !copy_bytes(old_fd, spool->fd, length)) {
        set_disk_error(spool, errno, "cannot copy a temporary file", error);
        spool->frozen = FALSE; /* so that the new file is removed */
        release_file(spool);
        spool->frozen = TRUE;
        ok = FALSE;
    }
    if (!ok) {
        spool->fd = old_fd;
        spool->path = g_steal_pointer(&old_path);
        return FALSE;
    }
    if (old_fd >= 0)
        close(old_fd);
    spool->file_end = length;
    spool->frozen = FALSE;
    return TRUE;
}

/* Writes all of `data`. *written, always set, says how much of it is in the file. */
static gboolean spool_pwrite(Spool *spool, const guint8 *data, gsize length, guint64 offset,
                             gsize *written, GError **error)
{
    *written = 0;
    if (!thaw(spool, G_MAXUINT64, error) || !open_file(spool, error))
        return FALSE;
    while (*written < length) {
        ssize_t n =
            pwrite(spool->fd, data + *written, length - *written, (off_t)(offset + *written));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            set_disk_error(spool, n < 0 ? errno : ENOSPC, "cannot write to a temporary file",
                           error);
            break;
        }
        *written += (gsize)n;
    }
    spool->file_end = MAX(spool->file_end, offset + *written);
    return *written == length;
}

/* Reads all of the range: what is beyond the end of the temporary file as zeros. */
static gboolean spool_pread(const Spool *spool, guint8 *buffer, gsize length, guint64 offset,
                            GError **error)
{
    gsize done = 0;
    while (done < length && offset + done < spool->file_end) {
        ssize_t n = pread(spool->fd, buffer + done, length - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            set_disk_error(spool, errno, "cannot read from a temporary file", error);
            return FALSE;
        }
        if (n == 0)
            break;
        done += (gsize)n;
    }
    memset(buffer + done, 0, length - done);
    return TRUE;
}

/* Whether the file may have a byte at the end of this range. */
static gboolean check_range(const Spool *spool, guint64 offset, gsize length, GError **error)
{
    guint64 limit = MAX(SPOOL_MAX, spool->size);
    if (offset <= limit && length <= limit - offset)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TOO_BIG,
                "a file of more than %d TiB can't be made: every byte of a gap would have to be "
                "sent",
                (int)(SPOOL_MAX >> 40));
    return FALSE;
}

gboolean spool_write(Spool *spool, const void *data, gsize length, guint64 offset, GError **error)
{
    if (length == 0)
        return TRUE;
    if (!check_range(spool, offset, length, error))
        return FALSE;
    gsize written;
    gboolean ok = spool_pwrite(spool, data, length, offset, &written, error);
    if (written > 0) {
        extents_add(spool->local, offset, offset + written);
        extents_add(spool->dirty, offset, offset + written);
        spool->size = MAX(spool->size, offset + written);
        count(spool);
    }
    return ok;
}

gboolean spool_fill(Spool *spool, const void *data, gsize length, guint64 offset, GError **error)
{
    if (offset >= spool->base_size)
        return TRUE;
    guint64 end = offset + MIN((guint64)length, spool->base_size - offset);
    guint64 at = offset;
    Extent gap;
    while (extents_first_gap(spool->local, at, end, &gap)) {
        gsize written;
        gboolean ok = spool_pwrite(spool, (const guint8 *)data + (gap.start - offset),
                                   (gsize)(gap.end - gap.start), gap.start, &written, error);
        extents_add(spool->local, gap.start, gap.start + written);
        count(spool);
        if (!ok)
            return FALSE;
        at = gap.end;
    }
    return TRUE;
}

gboolean spool_truncate(Spool *spool, guint64 size, GError **error)
{
    if (!check_range(spool, size, 0, error))
        return FALSE;
    if (size != spool->size && !thaw(spool, size, error))
        return FALSE;
    if (size < spool->file_end) {
        /* First of all, so that nothing has changed when it fails. */
        int result;
        do {
            result = ftruncate(spool->fd, (off_t)size);
        } while (result < 0 && errno == EINTR);
        if (result < 0) {
            set_disk_error(spool, errno, "cannot shorten a temporary file", error);
            return FALSE;
        }
        spool->file_end = size;
    }
    extents_remove(spool->local, size, G_MAXUINT64);
    extents_remove(spool->dirty, size, G_MAXUINT64);
    spool->base_size = MIN(spool->base_size, size);
    if (size != spool->size)
        spool->resized = TRUE;
    spool->size = size;
    count(spool);
    return TRUE;
}

gboolean spool_missing(const Spool *spool, guint64 start, guint64 end, Extent *missing)
{
    return extents_first_gap(spool->local, start, MIN(end, spool->base_size), missing);
}

gssize spool_read(const Spool *spool, void *buffer, gsize length, guint64 offset, GError **error)
{
    if (offset >= spool->size)
        return 0;
    length = (gsize)MIN((guint64)MIN(length, (gsize)G_MAXSSIZE), spool->size - offset);
    Extent missing;
    if (spool_missing(spool, offset, offset + length, &missing)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                    "bytes %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " of the file have not "
                    "been fetched from the server; this is a mistake in ftpsfs, please report it",
                    missing.start, missing.end);
        return -1;
    }
    return spool_pread(spool, buffer, length, offset, error) ? (gssize)length : -1;
}

gboolean spool_is_dirty(const Spool *spool)
{
    return spool->resized || extents_count(spool->dirty) > 0;
}

gboolean spool_dirty_range(const Spool *spool, Extent *dirty)
{
    Extent range = {spool->size, spool->size};
    Extent written;
    if (extents_bounds(spool->dirty, &written))
        range = written;
    /* Growth: from the base size on nothing is there on the server. */
    if (spool->base_size < spool->size) {
        range.start = MIN(range.start, spool->base_size);
        range.end = spool->size;
    }
    if (range.start >= range.end)
        return FALSE;
    *dirty = range;
    return TRUE;
}

gboolean spool_dirty_next(const Spool *spool, guint64 from, Extent *dirty)
{
    Extent written;
    gboolean found = extents_next(spool->dirty, from, &written);
    /* Growth: from the base size on nothing is there on the server. */
    guint64 growth = MAX(from, spool->base_size);
    if (growth >= spool->size || (found && written.end < growth)) {
        if (found)
            *dirty = written;
        return found;
    }
    *dirty = (Extent){found ? MIN(written.start, growth) : growth, spool->size};
    return TRUE;
}

void spool_clean(Spool *spool)
{
    /* The zeros of growth were readable without the server; they stay so. */
    extents_add(spool->local, spool->base_size, spool->size);
    extents_clear(spool->dirty);
    spool->base_size = spool->size;
    spool->resized = FALSE;
}

gboolean spool_freeze(Spool *spool, char **path, GError **error)
{
    if (!thaw(spool, G_MAXUINT64, error) || !open_file(spool, error))
        return FALSE;
    /* The file has all bytes that the spool has, also those that are zero and were never written.
     */
    if ((spool->file_end < spool->size && ftruncate(spool->fd, (off_t)spool->size) != 0) ||
        fdatasync(spool->fd) != 0) {
        set_disk_error(spool, errno, "cannot make a file durable", error);
        return FALSE;
    }
    spool_clean(spool);
    spool->file_end = spool->size;
    spool->frozen = TRUE;
    count(spool);
    *path = g_strdup(spool->path);
    return TRUE;
}

Spool *spool_open_frozen(const char *directory, const char *path, guint64 size, GError **error)
{
    g_autoptr(Spool) spool = spool_new(directory, size, error);
    if (spool == NULL)
        return NULL;
    spool->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (spool->fd < 0) {
        set_disk_error(spool, errno, path, error);
        return NULL;
    }
    spool->path = g_strdup(path);
    spool->frozen = TRUE;
    spool->file_end = size;
    extents_add(spool->local, 0, size);
    return g_steal_pointer(&spool);
}

guint64 spool_copy_size(const Spool *spool)
{
    return spool->frozen ? spool->size : 0;
}
