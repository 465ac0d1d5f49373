/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "file_private.h"
#include "ftpsfs/util/error.h"

/* Bytes that a sequential writer has to be ahead before a worker sends them, and a piece of it. */
#define PUMP_MIN   (256 * 1024)
#define PIECE_SIZE (256 * 1024)

/* An upload that is cut off is begun once more on another connection. */
#define UPLOAD_ATTEMPTS 2

static void on_yield(GCancellable *yield, gpointer data);

static gboolean is_detached(const File *file, char **path)
{
    *path = node_path(file->node);
    return *path == NULL;
}

/* ---- the store that runs behind the writer ---- */

static RemoteStream *take_store(File *file)
{
    RemoteStream *store = g_steal_pointer(&file->store);
    g_autoptr(GCancellable) yield = g_steal_pointer(&file->yield);
    gulong watch = file->yield_watch;
    file->yield_watch = 0;
    if (watch != 0) {
        g_mutex_unlock(&file->lock);
        g_cancellable_disconnect(yield, watch);
        g_mutex_lock(&file->lock);
    }
    return store;
}

static void keep_store(File *file, RemoteStream *store)
{
    file->store = store;
    file->yield = g_cancellable_new();
    stream_hold(store, file->yield);
    file->yield_watch =
        g_cancellable_connect(file->yield, G_CALLBACK(on_yield), file_hold(file), file_release);
}

void writer_abandon(File *file)
{
    RemoteStream *store = take_store(file);
    if (store == NULL)
        return;
    g_mutex_unlock(&file->lock);
    stream_close(store);
    g_mutex_lock(&file->lock);
    file->fresh = FALSE;
    file->whole_next = TRUE;
}

gboolean writer_start(File *file, GCancellable *cancel, GError **error)
{
    g_autofree char *path = NULL;
    file->fresh = FALSE;
    if (is_detached(file, &path))
        return TRUE; /* nobody will ever see it but those who have it open */
    g_mutex_unlock(&file->lock);
    RemoteStream *store =
        remote_store_open(file->files->remote, path, REMOTE_STORE_NEW, 0, cancel, error);
    g_mutex_lock(&file->lock);
    if (store == NULL)
        return FALSE;
    file->fresh = TRUE;
    file->spoiled = FALSE;
    file->sent = file->stored = file->frontier = 0;
    keep_store(file, store);
    return TRUE;
}

/* Sends [*offset, end) of the spool, counting *offset up. Lock held; dropped for each piece. */
static gboolean send_pieces(File *file, RemoteStream *store, guint64 *offset, guint64 end,
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
        g_mutex_unlock(&file->lock);
        gboolean ok = stream_write(store, buffer, (gsize)got, cancel, error);
        g_mutex_lock(&file->lock);
        if (!ok)
            return FALSE;
        *offset += (guint64)got;
    }
    return TRUE;
}

/* Ends the store early because others need its session: what was sent is then on the server, and
 * the rest is appended later. Lock held, busy. */
static void end_early(File *file)
{
    RemoteStream *store = take_store(file);
    if (store == NULL)
        return;
    g_autoptr(GError) failure = NULL;
    g_mutex_unlock(&file->lock);
    gboolean ok = stream_finish(store, NULL, &failure);
    g_mutex_lock(&file->lock);
    file->stored = file->sent;
    file->fresh = file->fresh && ok;
    file->whole_next = file->whole_next || !ok;
    if (!ok)
        g_debug("an upload was cut off, and will be begun anew: %s", failure->message);
}

static gboolean yield_is_wanted(const File *file)
{
    return file->yield != NULL && g_cancellable_is_cancelled(file->yield);
}

static gboolean pump_is_worth_it(const File *file)
{
    return file->store != NULL && file->spool != NULL && !file->spoiled &&
           MIN(file->frontier, spool_size(file->spool)) >= file->sent + PUMP_MIN;
}

/* A worker's part in an upload. */
static void pump(gpointer data)
{
    File *file = data;
    g_mutex_lock(&file->lock);
    if (!file->busy) {
        file->busy = TRUE;
        g_autoptr(GError) failure = NULL;
        while (failure == NULL && !yield_is_wanted(file) && pump_is_worth_it(file)) {
            guint64 end = MIN(file->frontier, spool_size(file->spool));
            send_pieces(file, file->store, &file->sent, MIN(end, file->sent + PIECE_SIZE), NULL,
                        &failure);
        }
        if (failure != NULL) {
            g_info("an upload was cut off, and will be begun anew: %s", failure->message);
            writer_abandon(file);
        } else if (yield_is_wanted(file)) {
            end_early(file);
        }
        file_end_busy(file);
    }
    g_mutex_unlock(&file->lock);
    file_release(file);
}

static void on_yield(GCancellable *yield, gpointer data)
{
    (void)yield;
    File *file = data;
    workers_run(file->files->workers, pump, file_hold(file));
}

void writer_pump(File *file)
{
    if (!file->busy && pump_is_worth_it(file))
        workers_run(file->files->workers, pump, file_hold(file));
}

void writer_forget(File *file)
{
    file->fresh = FALSE;
    file->whole_next = FALSE;
    if (file->spool != NULL)
        spool_clean(file->spool);
}

/* ---- making the server's file what it should be ---- */

gboolean writer_fetch_missing(File *file, GCancellable *cancel, GError **error)
{
    Extent missing;
    while (spool_missing(file->spool, 0, spool_size(file->spool), &missing)) {
        gsize length = (gsize)MIN(missing.end - missing.start, (guint64)PIECE_SIZE * 4);
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

/* How the upload is to go on. */
typedef struct {
    RemoteStore how;
    guint64 from; /* first byte of the spool to be sent */
} Plan;

/* Appending suffices when everything that changed lies behind what the server has. */
static gboolean can_append(const File *file, Plan *plan)
{
    Extent dirty;
    guint64 size = spool_size(file->spool);
    guint64 base = file->fresh ? file->stored : spool_base_size(file->spool);
    if (file->fresh ? file->spoiled : spool_dirty_range(file->spool, &dirty) && dirty.start < base)
        return FALSE;
    if (base == 0 || base >= size)
        return FALSE;
    *plan = (Plan){.how = REMOTE_STORE_APPEND, .from = base};
    return TRUE;
}

/* Appends only to the very file that this one is based on: somebody else may have changed it. */
static gboolean check_base(File *file, const char *path, guint64 size, gboolean *same,
                           GCancellable *cancel, GError **error)
{
    g_autoptr(RemoteEntry) entry = remote_entry_new();
    g_mutex_unlock(&file->lock);
    gboolean ok = remote_stat_exact(file->files->remote, path, entry, cancel, error);
    g_mutex_lock(&file->lock);
    *same = ok && (entry->has & REMOTE_HAS_SIZE) && entry->size == size;
    return ok;
}

/* Opens the store by which the upload goes on, the cheapest safe way. Sets *offset to the first
 * byte to send. */
static RemoteStream *open_store(File *file, const char *path, gboolean whole, guint64 *offset,
                                GCancellable *cancel, GError **error)
{
    Plan plan = {.how = REMOTE_STORE_NEW};
    if (!whole && can_append(file, &plan)) {
        gboolean same = FALSE;
        g_autoptr(GError) failure = NULL;
        if (!check_base(file, path, plan.from, &same, cancel, &failure))
            g_debug("%s: %s", path, failure->message);
        if (!same)
            plan = (Plan){.how = REMOTE_STORE_NEW};
    }
    if (plan.how == REMOTE_STORE_NEW && !writer_fetch_missing(file, cancel, error))
        return NULL;
    g_mutex_unlock(&file->lock);
    RemoteStream *store =
        remote_store_open(file->files->remote, path, plan.how, plan.from, cancel, error);
    g_mutex_lock(&file->lock);
    *offset = plan.from;
    return store;
}

/* Sends everything and hears the server's 226. *size: what the file then is. */
static gboolean upload(File *file, const char *path, gboolean whole, guint64 *size,
                       GCancellable *cancel, GError **error)
{
    guint64 offset = file->sent;
    RemoteStream *store = take_store(file);
    if (store != NULL && (whole || file->spoiled)) {
        g_mutex_unlock(&file->lock);
        stream_close(store);
        g_mutex_lock(&file->lock);
        store = NULL;
        whole = TRUE;
    }
    if (store == NULL)
        store = open_store(file, path, whole, &offset, cancel, error);
    if (store == NULL)
        return FALSE;
    gboolean ok = send_pieces(file, store, &offset, spool_size(file->spool), cancel, error);
    *size = offset;
    g_mutex_unlock(&file->lock);
    if (ok)
        ok = stream_finish(store, cancel, error);
    else
        stream_close(store);
    g_mutex_lock(&file->lock);
    return ok;
}

/* Mode and time that were asked for while the upload was pending. What the server can't do is no
 * error of the upload. Lock held; dropped. */
static void apply_attributes(File *file, const char *path, GCancellable *cancel)
{
    guint32 mode = file->want_mode;
    gint64 mtime = file->want_mtime;
    file->want_mode = G_MAXUINT32;
    file->want_mtime = G_MININT64;
    if (mode == G_MAXUINT32 && mtime == G_MININT64)
        return;
    g_autoptr(GError) failure = NULL;
    g_mutex_unlock(&file->lock);
    if (!remote_set_attributes(file->files->remote, path, mode, mtime, cancel, &failure))
        g_info("%s: mode or time could not be set: %s", path, failure->message);
    g_mutex_lock(&file->lock);
}

/* Asks the server what it has now and compares. Lock held; dropped. */
static gboolean confirm(File *file, const char *path, guint64 size, RemoteEntry *entry,
                        GCancellable *cancel, GError **error)
{
    g_mutex_unlock(&file->lock);
    gboolean ok = remote_stat_exact(file->files->remote, path, entry, cancel, error);
    g_mutex_lock(&file->lock);
    if (!ok)
        return FALSE;
    if (!(entry->has & REMOTE_HAS_SIZE) || entry->size == size)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                "%s: the server has %" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT
                " after the upload",
                path, entry->size, size);
    return FALSE;
}

/* The server has `size` bytes as of `generation`. Lock held. */
static void adopt(File *file, const RemoteEntry *entry, guint64 size, guint64 generation)
{
    Tree *tree = file->files->tree;
    file->fresh = FALSE;
    if (file->generation != generation)
        return; /* written to meanwhile: still dirty, and the next flush goes on from there */
    file->whole_next = FALSE;
    spool_clean(file->spool);
    gboolean has_mtime = (entry->has & REMOTE_HAS_MTIME) != 0;
    tree_set_local(tree, file->node, size, has_mtime ? entry->mtime : G_MININT64, entry->mtime_ns,
                   (entry->has & REMOTE_HAS_MODE) ? entry->mode : G_MAXUINT32, TRUE);
    NodeInfo info;
    node_info(file->node, &info);
    file->version = info.version;
    tree_note_kernel_version(file->node, info.version);
    reader_reset(file->reader, info.version, size);
}

/* One whole try. */
static gboolean finish_once(File *file, const char *path, gboolean whole, GCancellable *cancel,
                            GError **error)
{
    guint64 generation = file->generation;
    guint64 size = 0;
    g_autoptr(RemoteEntry) entry = remote_entry_new();
    if (!upload(file, path, whole, &size, cancel, error))
        return FALSE;
    apply_attributes(file, path, cancel);
    if (!confirm(file, path, size, entry, cancel, error))
        return FALSE;
    adopt(file, entry, size, generation);
    return TRUE;
}

static gboolean may_try_again(const GError *failure)
{
    return ftpsfs_error_is_connection(failure) && !ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT);
}

gboolean writer_finish(File *file, GCancellable *cancel, GError **error)
{
    g_autofree char *path = NULL;
    if (is_detached(file, &path)) {
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
        if (attempt == UPLOAD_ATTEMPTS || !may_try_again(failure)) {
            file->whole_next = TRUE;
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        g_info("%s: uploading again: %s", path, failure->message);
    }
}
