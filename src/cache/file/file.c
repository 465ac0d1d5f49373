/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/file.h"

#include <fcntl.h>

#include "file_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

gboolean file_is_pending(const File *file)
{
    return upload_state(file->upload) != UPLOAD_NONE ||
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

gboolean file_begin_busy(File *file, GCancellable *cancel, GError **error)
{
    Wait wait;
    gboolean ready = TRUE;
    if (file->busy) {
        wait_begin_locked(&wait, &file->changed, &file->lock, cancel);
        /* Whoever is busy has deadlines of its own. */
        while (ready && file->busy)
            ready = wait_step(&wait, WAIT_FOREVER, "an upload that is under way", error);
        file->busy = file->busy || ready;
        wait_end_locked(&wait);
    }
    file->busy = file->busy || ready;
    return ready;
}

void file_end_busy(File *file)
{
    file->busy = FALSE;
    file_update_pin(file);
    g_cond_broadcast(&file->changed);
}

/* The same for those who only want nobody else to be busy. */
static gboolean await_idle(File *file, GCancellable *cancel, GError **error)
{
    if (!file->busy)
        return TRUE;
    if (!file_begin_busy(file, cancel, error))
        return FALSE;
    file_end_busy(file);
    return TRUE;
}

gboolean file_claim(File *file, GCancellable *cancel, GError **error)
{
    lock_take(&file->lock);
    gboolean ok = file_begin_busy(file, cancel, error);
    lock_release(&file->lock);
    return ok;
}

void file_unclaim(File *file)
{
    lock_take(&file->lock);
    file_end_busy(file);
    lock_release(&file->lock);
}

Spool *file_new_spool(const File *file, guint64 base_size, GError **error)
{
    const Files *files = file->files;
    Spool *spool = spool_new(files->spool_dir, base_size, error);
    if (spool == NULL)
        return NULL;
    spool_set_space(spool, files->space);
    if (files->writeback != NULL)
        spool_set_prefix(spool, writeback_prefix(files->writeback));
    return spool;
}

gboolean file_ensure_spool(File *file, GError **error)
{
    if (file->spool != NULL)
        return TRUE;
    /* Not the size that the tree has by now: reader and version are of this one. */
    file->spool = file_new_spool(file, file->remote_size, error);
    return file->spool != NULL;
}

/* What the local change means for the attributes. Lock held, so that of two changes the later one
 * shows. */
static void note_local(File *file, guint64 size, gboolean new_version)
{
    gint64 now = g_get_real_time();
    tree_set_local(file->files->tree, file->node, size, now / G_USEC_PER_SEC,
                   (gint32)(now % G_USEC_PER_SEC) * 1000, G_MAXUINT32, new_version);
}

/* Of [start, end), as upload_note_change has it. Lock held. */
static void note_change(File *file, guint64 start, guint64 end)
{
    file->generation++;
    upload_note_change(file->upload, start, end);
}

/* The content is replaced by nothing, as of now. Lock held, busy. */
static gboolean start_empty(File *file, GCancellable *cancel, GError **error)
{
    g_autoptr(Spool) empty = file_new_spool(file, 0, error);
    if (empty == NULL)
        return FALSE;
    upload_abandon(file);
    if (file->files->writeback != NULL)
        upload_go(file->upload, UPLOAD_WHOLE);
    else if (!upload_start(file, cancel, error))
        return FALSE;
    g_clear_pointer(&file->spool, spool_free);
    file->spool = g_steal_pointer(&empty);
    note_change(file, 0, 0);
    return TRUE;
}

File *file_create(Files *files, Node *dir, const char *name, guint32 mode, Node **node,
                  GCancellable *cancel, GError **error)
{
    g_autoptr(Node) known = tree_peek(files->tree, dir, name);
    g_autoptr(Node) created = tree_add_file(files->tree, dir, name, mode);
    /* A listing that comes before the server has the file must not remove it. */
    tree_pin(files->tree, created);
    NodeInfo info;
    node_info(created, &info);
    File *file = files_acquire(files, created, &info);
    lock_take(&file->lock);
    gboolean ok = file_begin_busy(file, cancel, error);
    if (ok) {
        ok = start_empty(file, cancel, error);
        if (ok) {
            upload_want(file->upload, mode, G_MININT64);
            file->unborn = known == NULL && (files->atomic_upload || files->writeback != NULL);
            note_local(file, 0, TRUE);
        }
        node_info(created, &info);
        file_end_busy(file);
    }
    lock_release(&file->lock);
    tree_unpin(files->tree, created);
    if (!ok) {
        if (known == NULL)
            tree_detach(files->tree, created);
        else
            tree_expire(files->tree, created);
        file_close_after(file, cancel);
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

/* Changing a file of which it is not known what it is now: only the journal finds out whether
 * others have changed it as well. */
static gboolean check_known(const Files *files, Node *node, const NodeInfo *info, int flags,
                            GError **error)
{
    if (!info->stale || files->writeback != NULL || (flags & O_ACCMODE) == O_RDONLY)
        return TRUE;
    g_autofree char *name = node_name(node);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                "%s can't be opened for writing while the server is gone; -o writeback allows it",
                name);
    return FALSE;
}

/* The server's content may have changed since another handle was opened: unless there are changes
 * of our own, what is local is given up for it. Lock held. */
static void adopt_version(File *file, const NodeInfo *info)
{
    if (file->busy || file_is_pending(file) || file->version == info->version)
        return;
    Files *files = file->files;
    if (files->writeback != NULL && writeback_has(files->writeback, file->node))
        return;
    file->base = file_state_of(info);
    g_clear_pointer(&file->spool, spool_free);
    file->version = info->version;
    file->remote_size = info->size;
    reader_reset(file->reader, info->version, info->size);
}

File *file_open(Files *files, Node *node, int flags, gboolean *keep_cache, GCancellable *cancel,
                GError **error)
{
    NodeInfo info;
    if (!tree_refresh(files->tree, node, TRUE, &info, cancel, error) ||
        !check_type(node, &info, error) || !check_known(files, node, &info, flags, error))
        return NULL;
    File *file = files_acquire(files, node, &info);
    gboolean ok = TRUE;
    lock_take(&file->lock);
    node_info(node, &info); /* an upload may have ended since */
    adopt_version(file, &info);
    if (flags & O_TRUNC) {
        ok = file_begin_busy(file, cancel, error);
        if (ok) {
            ok = start_empty(file, cancel, error);
            if (ok)
                note_local(file, 0, TRUE);
            file_end_busy(file);
        }
    }
    node_info(node, &info);
    lock_release(&file->lock);
    if (!ok) {
        file_close_after(file, cancel);
        return NULL;
    }
    *keep_cache = tree_note_kernel_version(node, info.version);
    if ((flags & O_ACCMODE) == O_RDONLY)
        prefetch_note_open(files->prefetch, node);
    return file;
}

static void end_reading(File *file)
{
    if (--file->reading == 0 && file->busy)
        g_cond_broadcast(&file->changed);
}

/* Lock held; dropped. *got: bytes that came, fewer when the file was truncated meanwhile. */
static gboolean read_remote(File *file, guint64 offset, gsize length, GPtrArray *parts, gsize *got,
                            GCancellable *cancel, GError **error)
{
    Reader *reader = file->reader;
    guint before = parts->len;
    file->reading++;
    lock_release(&file->lock);
    gboolean ok = reader_read(reader, offset, length, parts, cancel, error);
    lock_take(&file->lock);
    end_reading(file);
    for (guint i = before; i < parts->len; i++)
        *got += g_bytes_get_size(g_ptr_array_index(parts, i));
    return ok;
}

/* Reads [offset, offset + length) where part of it is local, part remote, and counts *offset up.
 * Returns early when the file has no spool any more. Lock held; dropped while the remote part is
 * waited for. */
static gboolean read_spooled(File *file, guint64 *position, gsize length, GPtrArray *parts,
                             GCancellable *cancel, GError **error)
{
    guint64 offset = *position;
    guint64 size = spool_size(file->spool);
    guint64 end = offset >= size ? offset : offset + MIN(length, size - offset);
    for (; offset < end && file->spool != NULL; *position = offset) {
        Extent missing = {.start = end, .end = end};
        if (spool_missing(file->spool, offset, end, &missing) && missing.start == offset) {
            gsize got = 0;
            /* A read stream would keep a server that locks files from storing. */
            if (file->busy) {
                if (!await_idle(file, cancel, error))
                    return FALSE;
                continue;
            }
            if (!read_remote(file, offset, (gsize)(missing.end - offset), parts, &got, cancel,
                             error))
                return FALSE;
            if (got == 0)
                break; /* truncated meanwhile */
            offset += got;
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
    guint64 end = offset + length;
    lock_take(&file->lock);
    if (file->spool == NULL && !await_idle(file, cancel, error)) {
        lock_release(&file->lock);
        return FALSE;
    }
    if (file->spool != NULL) {
        gboolean ok = read_spooled(file, &offset, length, parts, cancel, error);
        if (!ok || file->spool != NULL) {
            lock_release(&file->lock);
            return ok;
        }
        length = (gsize)(end - offset);
    }
    Reader *reader = file->reader;
    guint64 version = file->version;
    file->reading++;
    if (!file->counted)
        STATS_ADD(file->files->reader.stats, file_reads, 1);
    file->counted = TRUE;
    lock_release(&file->lock);
    prefetch_await(file->files->prefetch, file->node, version, offset + length, cancel);
    g_autoptr(GError) failure = NULL;
    gboolean ok = reader_read(reader, offset, length, parts, cancel, &failure);
    lock_take(&file->lock);
    end_reading(file);
    lock_release(&file->lock);
    if (ok)
        return TRUE;
    /* Shorter than its directory says: the next look has to ask the server. */
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_STALE))
        tree_expire(file->files->tree, file->node);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* Waits for space on the local disk for a write; with no lock, since those who give space back may
 * take it. The spool counts for itself what it takes then; *room is to be given back after. */
static gboolean take_room(File *file, gsize length, guint64 *room, GCancellable *cancel,
                          GError **error)
{
    lock_take(&file->lock);
    *room = length + (file->spool != NULL ? spool_copy_size(file->spool) : 0);
    lock_release(&file->lock);
    return space_take(file->files->space, *room, cancel, error);
}

gboolean file_write(File *file, const void *data, gsize length, guint64 offset, gboolean append,
                    GCancellable *cancel, GError **error)
{
    guint64 room = 0;
    if (!take_room(file, length, &room, cancel, error))
        return FALSE;
    lock_take(&file->lock);
    gboolean ok = file_ensure_spool(file, error);
    if (ok && append)
        offset = spool_size(file->spool);
    if (ok) {
        ok = spool_write(file->spool, data, length, offset, error);
        /* What failed may have been written in part. */
        note_change(file, offset, ok ? offset + length : offset);
        note_local(file, spool_size(file->spool), FALSE);
        file_update_pin(file);
        if (ok)
            upload_pump(file);
    }
    lock_release(&file->lock);
    space_give(file->files->space, room);
    return ok;
}

/* Like O_TRUNC: what the server has is not needed, and the store can begin. Lock held. */
static gboolean truncate_to_nothing(File *file, GCancellable *cancel, GError **error)
{
    if (!file_begin_busy(file, cancel, error))
        return FALSE;
    gboolean empty = upload_is_empty(file->upload) && spool_size(file->spool) == 0;
    gboolean ok = empty || start_empty(file, cancel, error);
    if (ok)
        note_local(file, 0, FALSE);
    file_end_busy(file);
    return ok;
}

static gboolean truncate_to(File *file, guint64 size, GError **error)
{
    if (!file_ensure_spool(file, error))
        return FALSE;
    guint64 old = spool_size(file->spool);
    if (!spool_truncate(file->spool, size, error))
        return FALSE;
    if (size != old)
        note_change(file, MIN(size, old), MIN(size, old));
    note_local(file, size, FALSE);
    file_update_pin(file);
    return TRUE;
}

static gboolean truncate_open(File *file, guint64 size, GCancellable *cancel, GError **error)
{
    lock_take(&file->lock);
    gboolean ok =
        size == 0 ? truncate_to_nothing(file, cancel, error) : truncate_to(file, size, error);
    lock_release(&file->lock);
    return ok;
}

gboolean file_truncate(Files *files, Node *node, File *file, guint64 size, GCancellable *cancel,
                       GError **error)
{
    if (file != NULL)
        return truncate_open(file, size, cancel, error);
    gboolean keep = FALSE;
    File *own = file_open(files, node, O_WRONLY, &keep, cancel, error);
    if (own == NULL)
        return FALSE;
    gboolean ok = truncate_open(own, size, cancel, error) && file_flush(own, cancel, error);
    file_close_after(own, cancel);
    return ok;
}

/* The server will not take this file, and says so for good: its content is kept elsewhere, and the
 * file is again what the server has. Lock held, busy; the lock is dropped. */
static void give_up(File *file)
{
    lock_release(&file->lock);
    rescue_save(file);
    lock_take(&file->lock);
    upload_forget(file);
    g_clear_pointer(&file->spool, spool_free);
    note_local(file, file->remote_size, TRUE);
    tree_expire(file->files->tree, file->node);
}

gboolean file_flush(File *file, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    lock_take(&file->lock);
    gboolean ok = file_begin_busy(file, cancel, &failure);
    if (ok) {
        ok = !file_is_pending(file) || file_finalize(file, cancel, &failure);
        g_free(file->failure);
        file->failure = failure != NULL ? g_strdup(failure->message) : NULL;
        if (!ok && file->files->writeback == NULL && ftpsfs_error_is(failure, FTPSFS_ERROR_ACCESS))
            give_up(file);
        file_end_busy(file);
    }
    lock_release(&file->lock);
    if (!ok)
        g_propagate_error(error, g_steal_pointer(&failure));
    return ok;
}
