/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"
#include "reader_private.h"

gboolean read_stream_has_room(const Stream *stream, guint64 chunks)
{
    guint64 limit = MIN(stream->want + stream->window, stream->end);
    return stream->next + chunks < limit;
}

static void fill(gpointer data);

void read_stream_run(Stream *stream)
{
    stream->running = TRUE;
    workers_run(stream->reader->shared->workers, fill, read_stream_ref(stream));
}

/* The pool wants the connection of a stream that is paused, so no worker is in it. */
static void on_stop(GCancellable *stop, gpointer data)
{
    (void)stop;
    Stream *stream = data;
    workers_run(stream->reader->shared->workers, fill, read_stream_ref(stream));
}

/* Gives the connection back, without waiting for the network. Lock held; dropped meanwhile. */
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
    g_mutex_unlock(&reader->lock);
    if (watch != 0)
        g_cancellable_disconnect(stop, watch);
    stream_close(remote);
    g_mutex_lock(&reader->lock);
}

/* Makes the connection. Lock held; dropped meanwhile. */
static gboolean connect_stream(Stream *stream, GError **error)
{
    Reader *reader = stream->reader;
    guint64 offset = stream->next * CHUNK_SIZE + stream->filled;
    guint64 size = reader->size;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    g_mutex_unlock(&reader->lock);
    g_autofree char *path = node_path(reader->node);
    RemoteStream *remote = NULL;
    if (path == NULL)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE, "the file is gone from the server");
    else
        remote = remote_read_open(reader->shared->remote, path, offset, size, stop, error);
    gulong watch = 0;
    if (remote != NULL) {
        stream_hold(remote, stop);
        watch = g_cancellable_connect(stop, G_CALLBACK(on_stop), read_stream_ref(stream),
                                      read_stream_unref);
    }
    g_mutex_lock(&reader->lock);
    stream->remote = remote;
    stream->stop_watch = watch;
    return remote != NULL;
}

/* A chunk is whole: puts it where all can find it. Lock held. */
static void publish(Stream *stream)
{
    Reader *reader = stream->reader;
    g_autoptr(GBytes) chunk = g_bytes_new_take(g_steal_pointer(&stream->buffer), stream->filled);
    chunks_put(reader->shared->chunks, reader->ino, reader->version, stream->next, chunk);
    stream->next++;
    stream->filled = 0;
}

static gsize chunk_length(const Reader *reader, guint64 index)
{
    return (gsize)MIN((guint64)CHUNK_SIZE, reader->size - index * CHUNK_SIZE);
}

/* Reads once from the network into the chunk under way. Lock held; dropped meanwhile. */
static gboolean read_once(Stream *stream, GError **error)
{
    Reader *reader = stream->reader;
    gsize length = chunk_length(reader, stream->next);
    gsize filled = stream->filled;
    if (stream->buffer == NULL)
        stream->buffer = g_malloc(CHUNK_SIZE);
    guint8 *buffer = stream->buffer;
    RemoteStream *remote = stream->remote;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    g_mutex_unlock(&reader->lock);
    gssize got = stream_read(remote, buffer + filled, length - filled, stop, error);
    g_mutex_lock(&reader->lock);
    if (got < 0)
        return FALSE;
    if (got == 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                    "the file is shorter on the server than its directory says");
        return FALSE;
    }
    stream->attempts = 0;
    stream->filled += (gsize)got;
    if (stream->filled == length)
        publish(stream);
    g_cond_broadcast(&reader->changed);
    return TRUE;
}

/* After the last byte of the file: takes the end of the data and the server's 226, so that the
 * control connection is of use at once. More bytes than the size: the file has grown; what was read
 * is still what was asked for. Lock held; dropped meanwhile. */
static void take_end(Stream *stream)
{
    Reader *reader = stream->reader;
    RemoteStream *remote = stream->remote;
    g_autoptr(GCancellable) stop = g_object_ref(stream->stop);
    g_mutex_unlock(&reader->lock);
    guint8 more[16];
    g_autoptr(GError) error = NULL;
    gssize got = stream_read(remote, more, sizeof more, stop, &error);
    g_mutex_lock(&reader->lock);
    if (got > 0)
        g_info("a file has grown on the server while it was read");
    else if (got < 0 && !ftpsfs_error_is(error, FTPSFS_ERROR_INTERRUPTED))
        g_debug("after the last byte: %s", error->message);
}

/* Whether a failure is passed over and the stream tried anew. A cancellation that is not our own
 * close is the pool's wish for the connection; getting in line again is fair. */
static gboolean may_go_on(Stream *stream, const GError *failure)
{
    if (stream->closed)
        return FALSE;
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
        return TRUE;
    /* A timeout has cost its time, on two connections already. */
    return ftpsfs_error_is_connection(failure) && !ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT) &&
           ++stream->attempts < STREAM_ATTEMPTS;
}

/* Fills as far as the window reaches. Lock held; dropped while on the network. */
static void fill_window(Stream *stream)
{
    while (!stream->closed && stream->failure == NULL && read_stream_has_room(stream, 0)) {
        g_autoptr(GError) failure = NULL;
        if ((stream->remote != NULL || connect_stream(stream, &failure)) &&
            read_once(stream, &failure))
            continue;
        if (stream->remote != NULL || ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
            disconnect(stream);
        if (!may_go_on(stream, failure))
            stream->failure = g_steal_pointer(&failure);
    }
}

/* The work of a worker on a stream. */
static void fill(gpointer data)
{
    Stream *stream = data;
    Reader *reader = stream->reader;
    g_mutex_lock(&reader->lock);
    if (stream->busy) {
        /* The one that is in it sees `closed` and `stop` by itself. */
        g_mutex_unlock(&reader->lock);
        read_stream_unref(stream);
        return;
    }
    stream->busy = TRUE;
    fill_window(stream);
    gboolean at_end = stream->next * CHUNK_SIZE >= reader->size;
    if (stream->remote != NULL && at_end && !stream->closed)
        take_end(stream);
    /* One that was started for a single read elsewhere does not keep its connection. */
    gboolean done = stream->next >= stream->end || stream->window == 0 || stream->failure != NULL;
    if (stream->remote != NULL &&
        (done || stream->closed || g_cancellable_is_cancelled(stream->stop)))
        disconnect(stream);
    stream->busy = FALSE;
    stream->running = FALSE;
    if (!stream->closed && stream->failure == NULL && read_stream_has_room(stream, 0))
        read_stream_run(stream); /* the application went on while the lock was dropped */
    else if (!stream->closed && stream->next >= stream->end && stream->failure == NULL) {
        stream->closed = TRUE;
        g_ptr_array_remove(reader->streams, stream);
        read_stream_unref(stream);
    }
    g_cond_broadcast(&reader->changed);
    g_mutex_unlock(&reader->lock);
    read_stream_unref(stream);
}
