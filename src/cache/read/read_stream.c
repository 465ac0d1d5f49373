/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"
#include "reader_private.h"

static Stream *stream_ref(Stream *stream)
{
    g_atomic_int_inc(&stream->references);
    return stream;
}

static void stream_unref(gpointer data)
{
    Stream *stream = data;
    if (!g_atomic_int_dec_and_test(&stream->references))
        return;
    remote_stream_close(stream->remote);
    g_clear_object(&stream->stop);
    g_clear_error(&stream->failure);
    chunks_buffer_free(stream->reader->shared->chunks, stream->buffer, stream->length);
    reader_unref(stream->reader);
    g_free(stream);
}

static gboolean has_room(const Stream *stream, guint64 chunks)
{
    return !stream->closed && stream->failure == NULL &&
           stream->next + chunks < MIN(stream->run->position + stream->run->window, stream->end);
}

static void fill(gpointer data);

void read_stream_go_on(Stream *stream, guint64 chunks)
{
    if (stream->running || !has_room(stream, chunks))
        return;
    stream->running = TRUE;
    workers_run(stream->reader->shared->workers, fill, stream_ref(stream));
}

/* The connection goes back, without waiting for the network. Lock held; dropped meanwhile. */
static void disconnect(Stream *stream)
{
    Reader *reader = stream->reader;
    RemoteStream *remote = g_steal_pointer(&stream->remote);
    g_autoptr(GCancellable) stop = g_steal_pointer(&stream->stop);
    gulong watch = stream->stop_watch;
    stream->stop_watch = 0;
    stream->stop = g_cancellable_new();
    if (stream->closed)
        g_cancellable_cancel(stream->stop);
    lock_release(&reader->lock);
    if (watch != 0) {
        g_cancellable_disconnect(stop, watch);
        g_cancellable_release_fd(stop);
    }
    remote_stream_close(remote);
    lock_take(&reader->lock);
}

static void let_go(gpointer data)
{
    Stream *stream = data;
    Reader *reader = stream->reader;
    lock_take(&reader->lock);
    /* A worker that is in it sees by itself that it is to stop. */
    if (!stream->busy && stream->remote != NULL && g_cancellable_is_cancelled(stream->stop))
        disconnect(stream);
    lock_release(&reader->lock);
    stream_unref(stream);
}

/* The stream is dropped, or the pool wants its connection. */
static void on_stop(GCancellable *stop, gpointer data)
{
    (void)stop;
    Stream *stream = data;
    workers_run(stream->reader->shared->closers, let_go, stream_ref(stream));
}

void read_stream_remove(Stream *stream)
{
    Reader *reader = stream->reader;
    stream->closed = TRUE;
    stream->run->streams--;
    stream->run = NULL;
    g_ptr_array_remove(reader->streams, stream);
    /* Who waits for it has to look for another one. */
    reader_wake(reader, G_MAXUINT64, 0);
}

void read_stream_drop(Stream *stream)
{
    read_stream_remove(stream);
    g_cancellable_cancel(stream->stop);
    stream_unref(stream);
}

/* Makes the connection. Lock held; dropped meanwhile. */
static gboolean connect_stream(Stream *stream, GError **error)
{
    Reader *reader = stream->reader;
    guint64 offset = stream->next * CHUNK_SIZE + stream->filled;
    guint64 size = reader->size;
    guint64 told_end = stream->end;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    stream->opened = g_get_monotonic_time();
    lock_release(&reader->lock);
    g_autofree char *path = node_path(reader->node);
    RemoteStream *remote = NULL;
    gboolean ends = FALSE;
    if (path == NULL)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE, "the file is gone from the server");
    else
        remote = remote_read_range(reader->shared->remote, path, offset, told_end * CHUNK_SIZE,
                                   size, &ends, stop, error);
    gulong watch = 0;
    if (remote != NULL) {
        remote_stream_allow_yield(remote, stop);
        watch = g_cancellable_connect(stop, G_CALLBACK(on_stop), stream_ref(stream), stream_unref);
        /* Kept open, or each wait would make one of its own. */
        if (watch != 0 && g_cancellable_get_fd(stop) < 0)
            g_debug("no file descriptor to wait for an interruption with");
    }
    lock_take(&reader->lock);
    stream->remote = remote;
    stream->stop_watch = watch;
    stream->told_end = ends ? told_end : reader_chunks(reader);
    return remote != NULL;
}

/* A chunk is whole: puts it where all can find it. Lock held; dropped while it goes to disk. */
static void publish(Stream *stream)
{
    Reader *reader = stream->reader;
    ReaderShared *shared = reader->shared;
    guint64 index = stream->next;
    g_autoptr(GBytes) chunk =
        chunks_buffer_to_bytes(shared->chunks, g_steal_pointer(&stream->buffer), stream->length);
    chunks_put(shared->chunks, reader->ino, reader->version, index, chunk);
    stream->next++;
    stream->filled = 0;
    reader_wake(reader, index, stream->length);
    if (stream->closed)
        return;
    read_run_tune(reader, stream->run, stream->length);
    if (!reader->on_disk)
        return;
    DiskKey key = reader->key;
    lock_release(&reader->lock);
    disk_put(shared->disk, &key, index, chunk);
    lock_take(&reader->lock);
}

static gsize chunk_length(const Reader *reader, guint64 index)
{
    return (gsize)MIN((guint64)CHUNK_SIZE, reader->size - index * CHUNK_SIZE);
}

/* Finds out which content this is for the cache on disk, if that can be told. Lock held; dropped
 * meanwhile. */
static void identify(Stream *stream)
{
    Reader *reader = stream->reader;
    const ReaderShared *shared = reader->shared;
    NodeInfo info;
    node_info(reader->node, &info);
    reader->identified = TRUE;
    if (info.version != reader->version || info.size != reader->size)
        return;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    lock_release(&reader->lock);
    g_autofree char *path = node_path(reader->node);
    DiskKey key;
    gboolean known =
        path != NULL && disk_identify(shared->disk, shared->remote, path, &info, stop, &key);
    lock_take(&reader->lock);
    /* A reader that was reset meanwhile has closed its streams. */
    if (known && !stream->closed) {
        reader->key = key;
        reader->on_disk = TRUE;
    }
}

/* Whether the chunk at which the stream would connect need not be fetched, or should be looked at
 * again: it is there already, in memory or on disk. Lock
 * held; dropped while the disk is read. */
static gboolean pass_cached(Stream *stream)
{
    Reader *reader = stream->reader;
    ReaderShared *shared = reader->shared;
    guint64 index = stream->next;
    gboolean there = chunks_has(shared->chunks, reader->ino, reader->version, index);
    if (!there && shared->disk != NULL && !reader->identified) {
        identify(stream);
        return TRUE; /* look again */
    }
    if (!there && reader->on_disk) {
        DiskKey key = reader->key;
        guint64 version = reader->version;
        gsize length = chunk_length(reader, index);
        lock_release(&reader->lock);
        g_autoptr(GBytes) chunk = disk_get(shared->disk, &key, index, length);
        if (chunk != NULL)
            chunks_put(shared->chunks, reader->ino, version, index, chunk);
        there = chunk != NULL;
        lock_take(&reader->lock);
    }
    if (!there)
        return FALSE;
    stream->next = index + 1;
    stream->opened = 0;
    reader_wake(reader, index, CHUNK_SIZE);
    return TRUE;
}

/* Reads once from the network into the chunk under way. Lock held; dropped meanwhile. */
static gboolean read_once(Stream *stream, GError **error)
{
    Reader *reader = stream->reader;
    gsize filled = stream->filled;
    if (stream->buffer == NULL) {
        stream->length = chunk_length(reader, stream->next);
        stream->buffer = chunks_buffer_new(reader->shared->chunks, stream->length);
    }
    gsize length = stream->length;
    guint8 *buffer = stream->buffer;
    RemoteStream *remote = stream->remote;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    lock_release(&reader->lock);
    gssize got = remote_stream_read(remote, buffer + filled, length - filled, stop, error);
    lock_take(&reader->lock);
    if (got < 0)
        return FALSE;
    if (got == 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                    "the file is shorter on the server than its directory says");
        return FALSE;
    }
    if (stream->closed)
        return TRUE; /* the reader may be at another version by now */
    if (stream->opened != 0) {
        gint64 *setup_us = &stream->run->tuning.setup_us;
        gint64 took = g_get_monotonic_time() - stream->opened;
        /* Some had to log in first, or to wait. */
        *setup_us = *setup_us == 0 ? took : MIN(*setup_us, took);
        stream->opened = 0;
    }
    stream->attempts = 0;
    stream->filled += (gsize)got;
    if (stream->filled == length)
        publish(stream);
    else
        reader_wake(reader, stream->next, stream->filled);
    return TRUE;
}

/* After the last byte of the file, or of the range that was asked for: takes the end of the data
 * and the server's 226, so that the control connection is of use at once. More bytes than the size:
 * the file has grown; what was read is still what was asked for. Lock held; dropped meanwhile. */
static void take_end(Stream *stream)
{
    Reader *reader = stream->reader;
    RemoteStream *remote = stream->remote;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    lock_release(&reader->lock);
    guint8 more[16];
    g_autoptr(GError) error = NULL;
    gssize got = remote_stream_read(remote, more, sizeof more, stop, &error);
    lock_take(&reader->lock);
    if (got > 0 && stream->told_end * CHUNK_SIZE >= reader->size)
        g_info("a file has grown on the server while it was read");
    else if (got < 0 && !ftpsfs_error_is(error, FTPSFS_ERROR_INTERRUPTED))
        g_debug("after the last byte: %s", error->message);
}

/* Whether somebody waits for what the stream brings. */
static gboolean is_awaited(const Stream *stream)
{
    for (const GList *l = stream->reader->waiters.head; l != NULL; l = l->next) {
        const Waiter *waiter = l->data;
        if (waiter->index >= stream->next && waiter->index < stream->end)
            return TRUE;
    }
    return FALSE;
}

/* The stream could not go on: it tries again, or ends, or fails. Lock held; dropped meanwhile. */
static void recover(Stream *stream, GError *failure)
{
    g_autoptr(GError) owned = failure;
    gboolean interrupted = ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED);
    stream->opened = 0;
    if (stream->remote != NULL || interrupted)
        disconnect(stream);
    if (stream->closed)
        return;
    /* A cancellation that is not our own close is the pool's wish for the connection. Getting in
     * line again is fair for the only stream of a run; the others are luxury. */
    if (interrupted && stream->run->streams > 1) {
        read_run_note_yield(stream->run);
        stream->end = stream->next;
        return;
    }
    if (interrupted || (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REPEATABLE) &&
                        ++stream->attempts < STREAM_ATTEMPTS))
        return;
    /* What nobody has asked for so far may work when somebody does. */
    if (!is_awaited(stream)) {
        g_debug("reading ahead ends: %s", failure->message);
        read_run_note_yield(stream->run);
        stream->end = stream->next;
        return;
    }
    stream->failure = g_steal_pointer(&owned);
    reader_wake(stream->reader, G_MAXUINT64, 0);
}

/* Fills as far as the window reaches. Lock held; dropped while on the network. */
static void fill_window(Stream *stream)
{
    while (has_room(stream, 0)) {
        if (stream->remote == NULL && stream->filled == 0 && pass_cached(stream))
            continue;
        if (!has_room(stream, 0))
            return;
        g_autoptr(GError) failure = NULL;
        if ((stream->remote == NULL && !connect_stream(stream, &failure)) ||
            !read_once(stream, &failure))
            recover(stream, g_steal_pointer(&failure));
    }
}

gboolean read_stream_is_done(const Stream *stream)
{
    return stream->next >= stream->end ||
           (stream->run->window == 0 && stream->next >= stream->run->position);
}

static gboolean is_alone(const Stream *stream)
{
    const GPtrArray *streams = stream->reader->streams;
    for (guint i = 0; i < streams->len; i++) {
        const Stream *other = g_ptr_array_index(streams, i);
        if (other->run == stream->run && other != stream && other->running)
            return FALSE;
    }
    return TRUE;
}

/* The worker leaves a stream that has not failed. Lock held; dropped meanwhile. */
static void pause_or_end(Stream *stream)
{
    Reader *reader = stream->reader;
    if (stream->remote != NULL && stream->next >= stream->told_end)
        take_end(stream);
    if (stream->closed || !read_stream_is_done(stream)) {
        if (!stream->closed && is_alone(stream) && !has_room(stream, 0))
            read_run_note_idle(stream->run);
        return;
    }
    /* Before the next one starts: they are at most so many at once. */
    if (stream->remote != NULL)
        disconnect(stream);
    if (stream->closed)
        return;
    Run *run = stream->run;
    read_stream_remove(stream);
    read_run_extend(reader, run);
    stream_unref(stream);
}

/* The work of a worker on a stream. */
static void fill(gpointer data)
{
    Stream *stream = data;
    Reader *reader = stream->reader;
    lock_take(&reader->lock);
    stream->busy = TRUE;
    fill_window(stream);
    if (!stream->closed && stream->failure == NULL)
        pause_or_end(stream);
    if (stream->remote != NULL &&
        (stream->closed || stream->failure != NULL || g_cancellable_is_cancelled(stream->stop)))
        disconnect(stream);
    stream->busy = FALSE;
    stream->running = FALSE;
    /* The application may have gone on while the lock was dropped. */
    read_stream_go_on(stream, 0);
    lock_release(&reader->lock);
    stream_unref(stream);
}
