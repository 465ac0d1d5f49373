/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can't be uploaded is kept where the user finds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "file_private.h"
#include "ftpsfs/util/error.h"

#define NAME_ATTEMPTS 100

static gboolean set_errno(GError **error)
{
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, g_strerror(errno));
    return FALSE;
}

static gboolean write_at(int fd, const guint8 *data, gsize length, guint64 offset, GError **error)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return set_errno(error);
        data += n;
        length -= (gsize)n;
        offset += (guint64)n;
    }
    return TRUE;
}

/* *holes: bytes that are on the server alone, which stay holes. */
static gboolean write_all(int fd, const Spool *spool, guint64 *holes, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);
    for (guint64 offset = 0; offset < spool_size(spool);) {
        guint64 end = MIN(offset + CHUNK_SIZE, spool_size(spool));
        Extent missing = {.start = end, .end = end};
        if (spool_missing(spool, offset, end, &missing) && missing.start == offset) {
            *holes += missing.end - offset;
            offset = missing.end;
            continue;
        }
        gssize got = spool_read(spool, buffer, (gsize)(missing.start - offset), offset, error);
        if (got < 0 || !write_at(fd, buffer, (gsize)got, offset, error))
            return FALSE;
        offset += (guint64)got;
    }
    return (ftruncate(fd, (off_t)spool_size(spool)) == 0 && fsync(fd) == 0) || set_errno(error);
}

/* A new file in `directory`, *full its path. */
static int open_new(const char *directory, const char *name, char **full)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
    if (g_mkdir_with_parents(directory, 0700) != 0)
        return -1;
    int fd = -1;
    for (guint i = 0; fd < 0 && i < NAME_ATTEMPTS; i++) {
        g_autofree char *number = i > 0 ? g_strdup_printf(".%u", i) : g_strdup("");
        g_autofree char *file_name = g_strdup_printf("%s%s-%.200s", stamp, number, name);
        g_free(*full);
        *full = g_build_filename(directory, file_name, NULL);
        fd = open(*full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

void rescue_save(File *file)
{
    if (file->spool == NULL)
        return; /* an empty file that could not be made: nothing is in it */
    g_autofree char *path = node_path(file->node);
    g_autofree char *name = node_name(file->node);
    g_autofree char *full = g_build_filename(file->files->rescue_dir, name, NULL);
    g_autoptr(GError) failure = NULL;
    guint64 holes = 0;
    int fd = open_new(file->files->rescue_dir, name, &full);
    if (fd < 0)
        set_errno(&failure);
    lock_take(&file->lock);
    gboolean ok = fd >= 0 && write_all(fd, file->spool, &holes, &failure);
    lock_release(&file->lock);
    if (fd >= 0 && close(fd) != 0 && ok)
        ok = set_errno(&failure);
    if (!ok)
        g_critical("%s is LOST: it could neither be uploaded nor saved as %s: %s", path, full,
                   failure->message);
    else if (holes > 0)
        g_warning("%s could not be uploaded; what was written to it is kept as %s, with holes "
                  "where nothing was changed (%" G_GUINT64_FORMAT " bytes)",
                  path, full, holes);
    else
        g_warning("%s could not be uploaded; its content is kept as %s", path, full);
    STATS_ADD(file->files->reader.stats, files_lost, 1);
}
