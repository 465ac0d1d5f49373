/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store that runs behind a sequential writer.
 */
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "upload_private.h"

/* Bytes that a sequential writer has to be ahead before a worker sends them, and a piece of it. */
#define PUMP_MIN   (256 * 1024)
#define PIECE_SIZE (256 * 1024)

static void on_yield(GCancellable *yield, gpointer data);

RemoteStream *upload_take_store(File *file, UploadState next)
{
    Upload *upload = file->upload;
    upload_go(upload, next);
    RemoteStream *store = g_steal_pointer(&upload->store);
    g_autoptr(GCancellable) yield = g_steal_pointer(&upload->yield);
    gulong watch = upload->yield_watch;
    upload->yield_watch = 0;
    if (watch != 0) {
        /* Waits for on_yield if that is running. */
        lock_release(&file->lock);
        g_cancellable_disconnect(yield, watch);
        lock_take(&file->lock);
    }
    return store;
}

void upload_go_on(File *file, RemoteStream *store, guint64 offset)
{
    Upload *upload = file->upload;
    upload_go(upload, UPLOAD_STREAMING);
    upload->sent = upload->frontier = offset;
    upload->store = store;
    upload->yield = g_cancellable_new();
    remote_stream_allow_yield(store, upload->yield);
    upload->yield_watch =
        g_cancellable_connect(upload->yield, G_CALLBACK(on_yield), file_ref(file), file_unref);
}

void upload_abandon(File *file)
{
    if (file->upload->store == NULL)
        return;
    RemoteStream *store = upload_take_store(file, UPLOAD_WHOLE);
    g_autoptr(GError) failure = NULL;
    lock_release(&file->lock);
    /* Not cut off: a server may go on writing what it has received while the next store of the same
     * file is under way already. */
    if (!remote_stream_finish(store, drain_watchdog_cancellable(file->files->watchdog), &failure))
        g_debug("a store that was given up: %s", failure->message);
    lock_take(&file->lock);
}

void upload_cut_off(File *file)
{
    RemoteStream *store = upload_take_store(file, UPLOAD_WHOLE);
    lock_release(&file->lock);
    remote_stream_close(store);
    lock_take(&file->lock);
}

char *upload_target(File *file, const char *path)
{
    Upload *upload = file->upload;
    if (file->files->atomic_upload && upload->temporary == NULL)
        upload->temporary = temporary_path(path, "upload");
    return g_strdup(upload->temporary != NULL ? upload->temporary : path);
}

RemoteStream *upload_open_store(File *file, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error)
{
    /* vsftpd locks files: a store waits until nobody reads, also not a stream of our own that is
     * kept for the next read. */
    Wait wait;
    gboolean ready = TRUE;
    wait_begin_locked(&wait, &file->changed, &file->lock, cancel);
    while (ready && file->reading > 0)
        ready = wait_step(&wait, WAIT_FOREVER, "the end of our own reading of the file", error);
    wait_end_locked(&wait);
    if (!ready)
        return NULL;
    reader_stop(file->reader);
    file->upload->progress = offset;
    lock_release(&file->lock);
    RemoteStream *store = remote_store_open(file->files->remote, path, how, offset, cancel, error);
    lock_take(&file->lock);
    return store;
}

gboolean upload_start(File *file, GCancellable *cancel, GError **error)
{
    Upload *upload = file->upload;
    g_autofree char *path = node_path(file->node);
    if (path == NULL || file->hidden) {
        /* Nobody will ever see it but those who have it open. */
        upload_go(upload, UPLOAD_NONE);
        return TRUE;
    }
    g_autofree char *target = upload_target(file, path);
    g_autoptr(GError) failure = NULL;
    RemoteStream *store = upload_open_store(file, target, REMOTE_STORE_NEW, 0, cancel, &failure);
    if (store == NULL) {
        /* A server creates the file first: the failure may have come after that. Who creates a
         * file, and may have been interrupted, doesn't wait for its removal. */
        if (upload->temporary != NULL)
            temporary_cleanup_add(file->files->cleanup, g_steal_pointer(&upload->temporary),
                                  failure);
        /* Nothing can be appended to that any more. */
        if (upload->state == UPLOAD_PAUSED)
            upload_go(upload, UPLOAD_WHOLE);
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    upload_go_on(file, store, 0);
    return TRUE;
}

gboolean upload_send(File *file, RemoteStream *store, guint64 *offset, guint64 end,
                     GCancellable *cancel, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(PIECE_SIZE);
    while (*offset < end) {
        gsize length = (gsize)MIN((guint64)PIECE_SIZE, end - *offset);
        gssize got = spool_read(file->spool, buffer, length, *offset, error);
        if (got < 0)
            return FALSE;
        if (got == 0)
            break; /* truncated meanwhile; the change counter makes the upload run again */
        *offset += (guint64)got;
        file->upload->progress = *offset;
        lock_release(&file->lock);
        gboolean ok = remote_stream_write(store, buffer, (gsize)got, cancel, error);
        lock_take(&file->lock);
        if (!ok)
            return FALSE;
    }
    return TRUE;
}

void upload_end_early(File *file, GCancellable *cancel)
{
    Upload *upload = file->upload;
    if (upload->store == NULL)
        return;
    RemoteStream *store =
        upload_take_store(file, upload->state == UPLOAD_STREAMING ? UPLOAD_PAUSED : UPLOAD_WHOLE);
    g_autoptr(GError) failure = NULL;
    lock_release(&file->lock);
    gboolean ok = remote_stream_finish(store, cancel, &failure);
    lock_take(&file->lock);
    if (ok)
        return;
    upload_go(upload, UPLOAD_WHOLE);
    g_debug("an upload was cut off, and will be begun anew: %s", failure->message);
}

gboolean upload_yield_is_wanted(const Upload *upload)
{
    return upload->yield != NULL && g_cancellable_is_cancelled(upload->yield);
}

/* The end of what is to be sent now. */
static guint64 pump_end(const File *file)
{
    return MIN(file->upload->frontier, spool_size(file->spool));
}

static gboolean pump_is_worth_it(const File *file)
{
    const Upload *upload = file->upload;
    return upload->state == UPLOAD_STREAMING && file->spool != NULL &&
           pump_end(file) >= upload->sent + PUMP_MIN;
}

/* A worker's part in an upload. */
static void pump(gpointer data)
{
    File *file = data;
    Upload *upload = file->upload;
    GCancellable *cancel = drain_watchdog_cancellable(file->files->watchdog);
    lock_take(&file->lock);
    if (!file->busy) {
        file->busy = TRUE;
        g_autoptr(GError) failure = NULL;
        while (failure == NULL && !upload_yield_is_wanted(upload) && pump_is_worth_it(file))
            upload_send(file, upload->store, &upload->sent,
                        MIN(pump_end(file), upload->sent + PIECE_SIZE), cancel, &failure);
        if (failure != NULL) {
            g_info("an upload was cut off, and will be begun anew: %s", failure->message);
            upload_cut_off(file);
        } else if (upload_yield_is_wanted(upload)) {
            upload_end_early(file, cancel);
        }
        file_end_busy(file);
    }
    lock_release(&file->lock);
    file_unref(file);
}

static void on_yield(GCancellable *yield, gpointer data)
{
    (void)yield;
    File *file = data;
    workers_run(file->files->workers, pump, file_ref(file));
}

void upload_pump(File *file)
{
    if (!file->busy && pump_is_worth_it(file))
        workers_run(file->files->workers, pump, file_ref(file));
}

void upload_forget(File *file)
{
    Upload *upload = file->upload;
    upload_abandon(file);
    g_autofree char *temporary = g_steal_pointer(&upload->temporary);
    UploadWanted wanted = upload->wanted;
    upload_had(upload, &wanted);
    upload_go(upload, UPLOAD_NONE);
    if (file->spool != NULL)
        spool_clean(file->spool);
    if (temporary == NULL)
        return;
    lock_release(&file->lock);
    temporary_cleanup_remove(file->files->cleanup, temporary);
    lock_take(&file->lock);
}
