/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the server's file what it should be, the cheapest safe way, and hearing it say so.
 */
#include "file_private.h"
#include "ftpsfs/util/error.h"

#define FETCH_SIZE (1024 * 1024)

/* An upload that is cut off is begun once more on another connection. */
#define UPLOAD_ATTEMPTS 2

static gboolean is_refusal(const GError *failure)
{
    return !ftpsfs_error_is_connection(failure) &&
           !ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED);
}

gboolean writer_fetch_missing(File *file, guint64 start, guint64 end, GCancellable *cancel,
                              GError **error)
{
    Extent missing;
    while (spool_missing(file->spool, start, end, &missing)) {
        gsize length = (gsize)MIN(missing.end - missing.start, (guint64)FETCH_SIZE);
        g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        Reader *reader = file->reader;
        g_mutex_unlock(&file->lock);
        gboolean ok = reader_read(reader, missing.start, length, parts, cancel, error);
        g_mutex_lock(&file->lock);
        if (!ok)
            return FALSE;
        guint64 offset = missing.start;
        for (guint i = 0; i < parts->len; i++) {
            gsize size = 0;
            const void *bytes = g_bytes_get_data(g_ptr_array_index(parts, i), &size);
            if (!spool_fill(file->spool, bytes, size, offset, error))
                return FALSE;
            offset += size;
        }
        if (offset == missing.start) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                        "the file has become shorter on the server");
            return FALSE;
        }
    }
    return TRUE;
}

/* Whether the server's file at `path` has `size` bytes: somebody else may have changed it. */
static gboolean has_size(File *file, const char *path, guint64 size, GCancellable *cancel)
{
    g_autoptr(RemoteEntry) entry = remote_entry_new();
    g_autoptr(GError) failure = NULL;
    g_mutex_unlock(&file->lock);
    gboolean ok = remote_stat_exact(file->files->remote, path, entry, cancel, &failure);
    g_mutex_lock(&file->lock);
    if (!ok)
        g_debug("%s: %s", path, failure->message);
    return ok && (entry->has & REMOTE_HAS_SIZE) && entry->size == size;
}

/* Where an append would begin: everything that changed lies behind what the server has. FALSE when
 * that is not so. */
static gboolean append_offset(const File *file, guint64 *offset)
{
    Extent dirty;
    guint64 size = spool_size(file->spool);
    if (file->fresh) {
        *offset = file->stored;
        return !file->spoiled && file->stored > 0 && file->stored <= size;
    }
    *offset = spool_base_size(file->spool);
    /* A spool that has only become shorter, and one that was made longer again, are no appends. */
    return !file->files->atomic_upload && *offset > 0 && *offset < size &&
           *offset == file->remote_size && spool_dirty_range(file->spool, &dirty) &&
           dirty.start >= *offset;
}

/* Stores what is behind `offset`; the rest of the spool, that is. */
static gboolean store_rest(File *file, RemoteStream *store, guint64 *offset, GCancellable *cancel,
                           GError **error)
{
    gboolean ok = writer_send(file, store, offset, spool_size(file->spool), cancel, error);
    g_mutex_unlock(&file->lock);
    if (ok)
        ok = stream_finish(store, cancel, error);
    else
        stream_close(store);
    g_mutex_lock(&file->lock);
    return ok;
}

static gboolean store_from(File *file, const char *path, RemoteStore how, guint64 *offset,
                           GCancellable *cancel, GError **error)
{
    g_mutex_unlock(&file->lock);
    RemoteStream *store =
        remote_store_open(file->files->remote, path, how, *offset, cancel, error);
    g_mutex_lock(&file->lock);
    return store != NULL && store_rest(file, store, offset, cancel, error);
}

static gboolean store_whole(File *file, const char *path, guint64 *size, GCancellable *cancel,
                            GError **error)
{
    /* First of all: the store cuts the server's file to nothing. */
    if (!writer_fetch_missing(file, 0, G_MAXUINT64, cancel, error))
        return FALSE;
    *size = 0;
    return store_from(file, path, REMOTE_STORE_NEW, size, cancel, error);
}

typedef enum { APPEND_FAILED, APPEND_DONE, APPEND_UNFIT, APPEND_REFUSED } Append;

static Append append(File *file, const char *path, guint64 *size, GCancellable *cancel,
                     GError **error)
{
    g_autoptr(GError) failure = NULL;
    guint64 offset = *size;
    if (g_atomic_int_get(&file->files->no_append) || !has_size(file, path, offset, cancel))
        return APPEND_UNFIT;
    if (store_from(file, path, REMOTE_STORE_APPEND, size, cancel, &failure))
        return APPEND_DONE;
    if (*size == offset && is_refusal(failure)) {
        g_debug("%s; storing it whole", failure->message);
        return APPEND_REFUSED;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return APPEND_FAILED;
}

/* Ends the store behind the writer. */
static gboolean finish_stream(File *file, guint64 *size, GCancellable *cancel, GError **error)
{
    RemoteStream *store = writer_take_store(file);
    gboolean ok = store_rest(file, store, &file->sent, cancel, error);
    *size = file->sent;
    return ok;
}

/* Sends what the server lacks and hears its 226. *size: what the file then is. */
static gboolean send_changes(File *file, const char *path, gboolean whole, guint64 *size,
                             GCancellable *cancel, GError **error)
{
    if (file->store != NULL && !whole && !file->spoiled)
        return finish_stream(file, size, cancel, error);
    whole = whole || file->store != NULL;
    writer_abandon(file);
    Append appended = APPEND_UNFIT;
    if (!whole && append_offset(file, size)) {
        if (*size == spool_size(file->spool))
            return TRUE; /* a store that was ended early had sent everything */
        appended = append(file, path, size, cancel, error);
        if (appended == APPEND_DONE || appended == APPEND_FAILED)
            return appended == APPEND_DONE;
    } else if (!whole && !file->fresh && !file->files->atomic_upload) {
        gboolean done = FALSE;
        *size = spool_size(file->spool);
        if (!writer_in_place(file, path, &done, cancel, error))
            return FALSE;
        if (done)
            return TRUE;
    }
    if (!store_whole(file, path, size, cancel, error))
        return FALSE;
    /* So it was not the file that was refused. */
    if (appended == APPEND_REFUSED)
        g_atomic_int_set(&file->files->no_append, TRUE);
    return TRUE;
}

/* ---- atomic_upload ---- */

/* The target is in the way on a server that does not rename over it. */
static gboolean replace_aside(Remote *remote, const char *from, const char *to, GError **error)
{
    g_autofree char *aside = writer_beside(to, "old");
    g_autoptr(GError) failure = NULL;
    if (!remote_rename(remote, to, aside, NULL, error))
        return FALSE;
    if (!remote_rename(remote, from, to, NULL, error)) {
        if (!remote_rename(remote, aside, to, NULL, &failure))
            g_warning("\"%s\" could not be replaced, and its content is left in \"%s\": %s", to,
                      aside, failure->message);
        return FALSE;
    }
    if (!remote_unlink(remote, aside, NULL, &failure))
        g_warning("\"%s\" was replaced, but what was there before is left as \"%s\": %s", to, aside,
                  failure->message);
    return TRUE;
}

/* Moves the temporary over the file. Not cancelled on the way. Lock held; dropped. */
static gboolean move_in_place(File *file, const char *path, GError **error)
{
    Remote *remote = file->files->remote;
    g_autofree char *temporary = g_strdup(file->temporary);
    g_autoptr(GError) failure = NULL;
    g_mutex_unlock(&file->lock);
    gboolean ok = remote_rename(remote, temporary, path, NULL, &failure);
    if (!ok && is_refusal(failure) && !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND)) {
        g_clear_error(&failure);
        ok = replace_aside(remote, temporary, path, &failure);
    }
    g_mutex_lock(&file->lock);
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_clear_pointer(&file->temporary, g_free);
    file->unborn = FALSE;
    return TRUE;
}

/* The mode that the new content is to have: what was asked for, else that of the file which it
 * replaces. */
static guint32 mode_to_set(const File *file)
{
    NodeInfo info;
    node_info(file->node, &info);
    gboolean replaces = file->temporary != NULL && !file->unborn && (info.has & REMOTE_HAS_MODE);
    return file->want_mode == G_MAXUINT32 && replaces ? info.mode : file->want_mode;
}

/* ---- the server's word ---- */

/* Sets mode and time that were asked for while the upload was pending, asks the server what it has
 * now, and compares. */
static gboolean confirm(File *file, const char *path, guint64 size, RemoteEntry *entry,
                        GCancellable *cancel, GError **error)
{
    guint32 mode = mode_to_set(file);
    guint32 want_mode = file->want_mode;
    gint64 mtime = file->want_mtime;
    g_mutex_unlock(&file->lock);
    gboolean ok = remote_settle(file->files->remote, path, mode, mtime, entry, cancel, error);
    g_mutex_lock(&file->lock);
    if (!ok)
        return FALSE;
    if ((entry->has & REMOTE_HAS_SIZE) && entry->size != size) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED,
                    "%s: the server has %" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT
                    " after the upload",
                    path, entry->size, size);
        return FALSE;
    }
    /* Unless others were asked for meanwhile. */
    if (file->want_mode == want_mode)
        file->want_mode = G_MAXUINT32;
    if (file->want_mtime == mtime)
        file->want_mtime = G_MININT64;
    return TRUE;
}

void writer_adopt(File *file, const RemoteEntry *entry, guint64 size, guint64 generation)
{
    Tree *tree = file->files->tree;
    file->fresh = FALSE;
    file->whole_next = FALSE;
    if (file->generation != generation) {
        /* Written to meanwhile: still dirty, and no longer over what the server has. What is not
         * dirty is the same there. */
        file->whole_next = TRUE;
        return;
    }
    spool_clean(file->spool);
    gboolean has_mtime = (entry->has & REMOTE_HAS_MTIME) != 0;
    tree_set_local(tree, file->node, size, has_mtime ? entry->mtime : G_MININT64, entry->mtime_ns,
                   (entry->has & REMOTE_HAS_MODE) ? entry->mode : G_MAXUINT32, TRUE);
    NodeInfo info;
    node_info(file->node, &info);
    file->version = info.version;
    file->remote_size = size;
    tree_note_kernel_version(file->node, info.version);
    reader_reset(file->reader, info.version, size);
}

/* One whole try. */
static gboolean finish_once(File *file, const char *path, gboolean whole, GCancellable *cancel,
                            GError **error)
{
    if (file->files->atomic_upload && file->temporary == NULL)
        file->temporary = writer_beside(path, "upload");
    g_autofree char *target = g_strdup(file->temporary != NULL ? file->temporary : path);
    guint64 generation = file->generation;
    guint64 size = 0;
    g_autoptr(RemoteEntry) entry = remote_entry_new();
    if (!send_changes(file, target, whole, &size, cancel, error) ||
        !confirm(file, target, size, entry, cancel, error) ||
        (file->temporary != NULL && !move_in_place(file, path, error)))
        return FALSE;
    writer_adopt(file, entry, size, generation);
    return TRUE;
}

static gboolean may_try_again(const GError *failure)
{
    return ftpsfs_error_is(failure, FTPSFS_ERROR_TRUNCATED) ||
           (ftpsfs_error_is_connection(failure) && !ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT));
}

gboolean writer_finish(File *file, GCancellable *cancel, GError **error)
{
    if (file->hidden)
        return TRUE;
    g_autofree char *path = node_path(file->node);
    if (path == NULL) {
        writer_abandon(file);
        writer_forget(file);
        return TRUE;
    }
    for (guint attempt = 1;; attempt++) {
        g_autoptr(GError) failure = NULL;
        if (finish_once(file, path, attempt > 1 || file->whole_next, cancel, &failure))
            return TRUE;
        /* Whatever the server has now, it is not a beginning to go on from. */
        file->fresh = FALSE;
        file->whole_next = TRUE;
        if (attempt == UPLOAD_ATTEMPTS || !may_try_again(failure)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        g_info("%s: uploading again: %s", path, failure->message);
    }
}
