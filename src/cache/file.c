/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/file.h"

#include <fcntl.h>

#include "file_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

gboolean file_is_pending(const File *file)
{
    return file->store != NULL || file->whole_next ||
           (file->spool != NULL && spool_is_dirty(file->spool));
}

void file_update_pin(File *file)
{
    gboolean pin = file_is_pending(file);
    if (pin == file->pinned)
        return;
    file->pinned = pin;
    if (pin)
        tree_pin(file->files->tree, file->node);
    else
        tree_unpin(file->files->tree, file->node);
}

static void wake_file(GCancellable *cancel, gpointer data)
{
    (void)cancel;
    File *file = data;
    g_mutex_lock(&file->lock);
    g_cond_broadcast(&file->changed);
    g_mutex_unlock(&file->lock);
}

static gboolean wait_not_busy(File *file, GCancellable *cancel, GError **error)
{
    while (file->busy) {
        if (g_cancellable_is_cancelled(cancel)) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while an upload was under way");
            return FALSE;
        }
        /* Whoever is busy has deadlines of its own. */
        wait_cond(&file->changed, &file->lock, deadline_in(file->files->timeout_s));
    }
    return TRUE;
}

gboolean file_begin_busy(File *file, GCancellable *cancel, GError **error)
{
    if (file->busy && cancel != NULL) {
        g_mutex_unlock(&file->lock);
        gulong watch = g_cancellable_connect(cancel, G_CALLBACK(wake_file), file, NULL);
        g_mutex_lock(&file->lock);
        gboolean ready = wait_not_busy(file, cancel, error);
        file->busy = file->busy || ready;
        g_mutex_unlock(&file->lock);
        g_cancellable_disconnect(cancel, watch);
        g_mutex_lock(&file->lock);
        return ready;
    }
    if (!wait_not_busy(file, cancel, error))
        return FALSE;
    file->busy = TRUE;
    return TRUE;
}

void file_end_busy(File *file)
{
    file->busy = FALSE;
    file_update_pin(file);
    g_cond_broadcast(&file->changed);
}

/* Spool for new content (`base` 0) or over the remote content. Lock held. */
static gboolean ensure_spool(File *file, guint64 base, GError **error)
{
    if (file->spool != NULL)
        return TRUE;
    file->spool = spool_new(file->files->spool_dir, base, error);
    return file->spool != NULL;
}

/* The content is replaced by nothing, as of now. Lock held, busy. */
static gboolean start_empty(File *file, GCancellable *cancel, GError **error)
{
    g_autoptr(Spool) empty = spool_new(file->files->spool_dir, 0, error);
    if (empty == NULL)
        return FALSE;
    writer_abandon(file);
    if (!writer_start(file, cancel, error))
        return FALSE;
    g_clear_pointer(&file->spool, spool_free);
    file->spool = g_steal_pointer(&empty);
    file->whole_next = FALSE;
    file->generation++;
    return TRUE;
}

File *file_create(Files *files, Node *dir, const char *name, guint32 mode, Node **node,
                  GCancellable *cancel, GError **error)
{
    g_autoptr(Node) created = tree_add_file(files->tree, dir, name, mode);
    NodeInfo info;
    node_info(created, &info);
    File *file = files_acquire(files, created, &info);
    g_mutex_lock(&file->lock);
    gboolean ok = file_begin_busy(file, cancel, error);
    if (ok) {
        file->want_mode = mode;
        ok = start_empty(file, cancel, error);
        file_end_busy(file);
    }
    g_mutex_unlock(&file->lock);
    if (!ok) {
        tree_detach(files->tree, created);
        file_close(file);
        return NULL;
    }
    tree_note_kernel_version(created, info.version);
    *node = g_steal_pointer(&created);
    return file;
}

static gboolean check_type(Node *node, const NodeInfo *info, GError **error)
{
    if (info->type == REMOTE_TYPE_FILE)
        return TRUE;
    g_autofree char *name = node_name(node);
    if (info->type == REMOTE_TYPE_DIR)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IS_DIR, "%s is a directory", name);
    else
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "%s is no regular file on the server", name);
    return FALSE;
}

/* The server's content may have changed since another handle was opened: unless there are changes
 * of our own, what is local is given up for it. Lock held. */
static void adopt_version(File *file, const NodeInfo *info)
{
    if (file->busy || file_is_pending(file) || file->version == info->version)
        return;
    g_clear_pointer(&file->spool, spool_free);
    file->fresh = FALSE;
    file->version = info->version;
    reader_reset(file->reader, info->version, info->size);
}

File *file_open(Files *files, Node *node, int flags, gboolean *keep_cache, GCancellable *cancel,
                GError **error)
{
    NodeInfo info;
    if (!tree_refresh(files->tree, node, TRUE, &info, cancel, error) ||
        !check_type(node, &info, error))
        return NULL;
    File *file = files_acquire(files, node, &info);
    gboolean ok = TRUE;
    g_mutex_lock(&file->lock);
    adopt_version(file, &info);
    if (flags & O_TRUNC) {
        ok = file_begin_busy(file, cancel, error);
        if (ok) {
            ok = start_empty(file, cancel, error);
            file_end_busy(file);
        }
    }
    g_mutex_unlock(&file->lock);
    if (!ok) {
        file_close(file);
        return NULL;
    }
    if (flags & O_TRUNC)
        tree_set_local(files->tree, node, 0, g_get_real_time() / G_USEC_PER_SEC, 0, G_MAXUINT32,
                       TRUE);
    node_info(node, &info);
    *keep_cache = tree_note_kernel_version(node, info.version);
    return file;
}

/* Reads [offset, offset + length) where part of it is local, part remote. Lock held; dropped while
 * the remote part is waited for. */
static gboolean read_spooled(File *file, guint64 offset, gsize length, GPtrArray *parts,
                             GCancellable *cancel, GError **error)
{
    guint64 size = spool_size(file->spool);
    guint64 end = offset >= size ? offset : offset + MIN(length, size - offset);
    while (offset < end) {
        Extent missing = {.start = end, .end = end};
        if (spool_missing(file->spool, offset, end, &missing) && missing.start == offset) {
            Reader *reader = file->reader;
            g_mutex_unlock(&file->lock);
            gboolean ok =
                reader_read(reader, offset, (gsize)(missing.end - offset), parts, cancel, error);
            g_mutex_lock(&file->lock);
            if (!ok)
                return FALSE;
            offset = missing.end;
            continue;
        }
        gsize local = (gsize)(missing.start - offset);
        g_autofree guint8 *buffer = g_malloc(local);
        gssize got = spool_read(file->spool, buffer, local, offset, error);
        if (got < 0)
            return FALSE;
        if (got == 0)
            break; /* truncated meanwhile */
        g_ptr_array_add(parts, g_bytes_new_take(g_steal_pointer(&buffer), (gsize)got));
        offset += (guint64)got;
    }
    return TRUE;
}

gboolean file_read(File *file, guint64 offset, gsize length, GPtrArray *parts, GCancellable *cancel,
                   GError **error)
{
    g_mutex_lock(&file->lock);
    if (file->spool != NULL) {
        gboolean ok = read_spooled(file, offset, length, parts, cancel, error);
        g_mutex_unlock(&file->lock);
        return ok;
    }
    Reader *reader = file->reader;
    g_mutex_unlock(&file->lock);
    g_autoptr(GError) failure = NULL;
    if (reader_read(reader, offset, length, parts, cancel, &failure))
        return TRUE;
    /* Shorter than its directory says: the next look has to ask the server. */
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_STALE))
        tree_expire(file->files->tree, file->node);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* What a change of [start, end) means for the upload behind the writer. Lock held. */
static void note_change(File *file, guint64 start, guint64 end)
{
    file->generation++;
    if (!file->fresh)
        return;
    guint64 gone = file->store != NULL ? file->sent : file->stored;
    if (start < gone)
        file->spoiled = TRUE;
    if (start <= file->frontier)
        file->frontier = MAX(file->frontier, end);
}

gboolean file_write(File *file, const void *data, gsize length, guint64 offset, gboolean append,
                    GError **error)
{
    Files *files = file->files;
    NodeInfo info;
    node_info(file->node, &info);
    g_mutex_lock(&file->lock);
    gboolean ok = ensure_spool(file, info.size, error);
    if (ok && append)
        offset = spool_size(file->spool);
    ok = ok && spool_write(file->spool, data, length, offset, error);
    guint64 size = 0;
    if (ok) {
        note_change(file, offset, offset + length);
        file->want_mtime = G_MININT64; /* a time that was set before is not the last any more */
        size = spool_size(file->spool);
        file_update_pin(file);
        writer_pump(file);
    }
    g_mutex_unlock(&file->lock);
    if (!ok)
        return FALSE;
    gint64 now = g_get_real_time();
    tree_set_local(files->tree, file->node, size, now / G_USEC_PER_SEC,
                   (gint32)(now % G_USEC_PER_SEC) * 1000, G_MAXUINT32, FALSE);
    return TRUE;
}

static gboolean truncate_open(File *file, guint64 size, GCancellable *cancel, GError **error)
{
    NodeInfo info;
    node_info(file->node, &info);
    g_mutex_lock(&file->lock);
    gboolean ok;
    if (size == 0) {
        /* Like O_TRUNC: what the server has is not needed, and the store can begin. */
        ok = file_begin_busy(file, cancel, error);
        if (ok) {
            ok = start_empty(file, cancel, error);
            file_end_busy(file);
        }
    } else {
        ok = ensure_spool(file, info.size, error);
        guint64 old = ok ? spool_size(file->spool) : 0;
        ok = ok && spool_truncate(file->spool, size, error);
        if (ok && size != old)
            note_change(file, MIN(size, old), MIN(size, old));
        file->frontier = MIN(file->frontier, size);
        file_update_pin(file);
    }
    g_mutex_unlock(&file->lock);
    if (!ok)
        return FALSE;
    gint64 now = g_get_real_time();
    tree_set_local(file->files->tree, file->node, size, now / G_USEC_PER_SEC,
                   (gint32)(now % G_USEC_PER_SEC) * 1000, G_MAXUINT32, FALSE);
    return TRUE;
}

gboolean files_truncate(Files *files, Node *node, File *file, guint64 size, GCancellable *cancel,
                        GError **error)
{
    if (file != NULL)
        return truncate_open(file, size, cancel, error);
    gboolean keep = FALSE;
    File *own = file_open(files, node, O_WRONLY, &keep, cancel, error);
    if (own == NULL)
        return FALSE;
    gboolean ok = truncate_open(own, size, cancel, error) && file_flush(own, cancel, error);
    file_close(own);
    return ok;
}

gboolean file_flush(File *file, GCancellable *cancel, GError **error)
{
    g_mutex_lock(&file->lock);
    gboolean ok = file_begin_busy(file, cancel, error);
    if (ok) {
        ok = !file_is_pending(file) || writer_finish(file, cancel, error);
        file_end_busy(file);
    }
    g_mutex_unlock(&file->lock);
    return ok;
}
