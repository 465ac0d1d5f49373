/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/reader.h"

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "reader_private.h"

static Reader *reader_ref(Reader *reader)
{
    g_atomic_int_inc(&reader->references);
    return reader;
}

static void reader_unref(Reader *reader)
{
    if (!g_atomic_int_dec_and_test(&reader->references))
        return;
    g_ptr_array_unref(reader->streams);
    node_unref(reader->node);
    g_mutex_clear(&reader->lock);
    g_cond_clear(&reader->changed);
    g_free(reader);
}

Reader *reader_new(const ReaderShared *shared, Node *node, guint64 version, guint64 size)
{
    Reader *reader = g_new0(Reader, 1);
    reader->references = 1;
    reader->shared = shared;
    reader->node = node_ref(node);
    NodeInfo info;
    node_info(node, &info);
    reader->ino = info.ino;
    reader->version = version;
    reader->size = size;
    g_mutex_init(&reader->lock);
    g_cond_init(&reader->changed);
    reader->streams = g_ptr_array_new();
    return reader;
}

Stream *read_stream_ref(Stream *stream)
{
    g_atomic_int_inc(&stream->references);
    return stream;
}

void read_stream_unref(gpointer data)
{
    Stream *stream = data;
    if (!g_atomic_int_dec_and_test(&stream->references))
        return;
    stream_close(stream->remote);
    g_clear_object(&stream->stop);
    g_clear_error(&stream->failure);
    g_free(stream->buffer);
    reader_unref(stream->reader);
    g_free(stream);
}

/* Takes the stream out of its reader. A worker that is in it is woken and lets go of it. Lock
 * held. */
static void drop_stream(Reader *reader, Stream *stream)
{
    stream->closed = TRUE;
    g_ptr_array_remove(reader->streams, stream);
    g_cancellable_cancel(stream->stop);
    if (!stream->running)
        read_stream_run(stream); /* closes its connection there, off this thread */
    read_stream_unref(stream);
}

static void drop_all(Reader *reader)
{
    while (reader->streams->len > 0)
        drop_stream(reader, g_ptr_array_index(reader->streams, 0));
}

void reader_close(Reader *reader)
{
    g_mutex_lock(&reader->lock);
    drop_all(reader);
    g_mutex_unlock(&reader->lock);
    reader_unref(reader);
}

void reader_reset(Reader *reader, guint64 version, guint64 size)
{
    g_mutex_lock(&reader->lock);
    if (reader->version != version || reader->size != size) {
        drop_all(reader);
        reader->version = version;
        reader->size = size;
    }
    g_mutex_unlock(&reader->lock);
}

static guint64 window_max(const Reader *reader)
{
    return MAX(reader->shared->readahead / CHUNK_SIZE, 1);
}

/* The stream that will bring chunk `index` soon. Lock held. */
static Stream *find_stream(Reader *reader, guint64 index)
{
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        guint64 reach = MAX(stream->window, SEEK_AHEAD_CHUNKS);
        if (index >= stream->next && index < stream->end && index - stream->next <= reach)
            return stream;
    }
    return NULL;
}

static void drop_least_useful(Reader *reader)
{
    Stream *oldest = g_ptr_array_index(reader->streams, 0);
    for (guint i = 1; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        if (stream->last_use < oldest->last_use)
            oldest = stream;
    }
    drop_stream(reader, oldest);
}

/* Starts a stream at chunk `index`, up to where another one has begun. Lock held. */
static Stream *start_stream(Reader *reader, guint64 index)
{
    if (reader->streams->len >= reader->shared->max_streams)
        drop_least_useful(reader);
    Stream *stream = g_new0(Stream, 1);
    stream->references = 1;
    stream->reader = reader_ref(reader);
    stream->next = index;
    stream->want = index;
    stream->end = (reader->size + CHUNK_SIZE - 1) / CHUNK_SIZE;
    for (guint i = 0; i < reader->streams->len; i++) {
        const Stream *other = g_ptr_array_index(reader->streams, i);
        if (other->next > index)
            stream->end = MIN(stream->end, other->next);
    }
    /* From a file's beginning on, reading is mostly sequential; elsewhere that has to show first.
     */
    stream->window = index == 0 ? MIN(FIRST_WINDOW_CHUNKS, window_max(reader)) : 0;
    stream->stop = g_cancellable_new();
    g_ptr_array_add(reader->streams, stream);
    return stream;
}

/* The application has come to chunk `index` and is about to read as far as chunk `last`: more may
 * be fetched. Lock held. */
static void advance(Reader *reader, Stream *stream, guint64 index, guint64 last)
{
    stream->last_use = g_get_monotonic_time();
    if (stream->remote != NULL)
        stream_touch(stream->remote);
    if (stream->served && index == stream->want)
        stream->window = MIN(MAX(stream->window * 2, FIRST_WINDOW_CHUNKS), window_max(reader));
    stream->want = MAX(stream->want, last + 1);
    stream->served = TRUE;
    /* What is waited for is fetched at once; ahead of that, not for every few bytes. */
    gboolean needed = stream->next < MIN(stream->want, stream->end);
    if (!stream->running && (needed || read_stream_has_room(stream, stream->window / 2)))
        read_stream_run(stream);
}

/* Sequential reading from the cache runs through what its stream put there: the stream has to hear
 * of it, or it would stop at its window. Lock held. */
static void note_use(Reader *reader, guint64 index, guint64 last)
{
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        if (index <= stream->next && index + 1 >= stream->want &&
            stream->next - index <= window_max(reader) + 1) {
            advance(reader, stream, index, last);
            return;
        }
    }
}

/* The part of a chunk that is still being filled, when it covers what is asked for. Lock held. */
static GBytes *take_partial(const Reader *reader, guint64 index, gsize from, gsize to)
{
    for (guint i = 0; i < reader->streams->len; i++) {
        const Stream *stream = g_ptr_array_index(reader->streams, i);
        if (stream->next == index && stream->filled >= to)
            return g_bytes_new(stream->buffer + from, to - from);
    }
    return NULL;
}

static void wake_reader(GCancellable *cancel, gpointer data)
{
    (void)cancel;
    Reader *reader = data;
    g_mutex_lock(&reader->lock);
    g_cond_broadcast(&reader->changed);
    g_mutex_unlock(&reader->lock);
}

/* Waits until the stream for chunk `index` has gone on. Lock held, dropped while waiting. FALSE on
 * failure, interruption, or when nothing happens for too long. */
static gboolean await_stream(Reader *reader, guint64 index, guint64 last, gint64 deadline,
                             GCancellable *cancel, GError **error)
{
    Stream *stream = find_stream(reader, index);
    if (stream == NULL)
        stream = start_stream(reader, index);
    if (stream->failure != NULL) {
        g_propagate_error(error, g_error_copy(stream->failure));
        drop_stream(reader, stream);
        return FALSE;
    }
    advance(reader, stream, index, last);
    if (g_cancellable_is_cancelled(cancel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED, "reading was interrupted");
        return FALSE;
    }
    if (!wait_cond(&reader->changed, &reader->lock, deadline)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT,
                    "timed out waiting for file content");
        return FALSE;
    }
    return TRUE;
}

/* Bytes [from, to) of chunk `index`, in a read as far as chunk `last`. Lock held; dropped while
 * waiting. */
static GBytes *get_chunk(Reader *reader, guint64 index, guint64 last, gsize from, gsize to,
                         GCancellable *cancel, GError **error)
{
    gint64 deadline = deadline_in(4 * reader->shared->timeout_s);
    gboolean waited = FALSE;
    for (;;) {
        g_autoptr(GBytes) chunk =
            chunks_get(reader->shared->chunks, reader->ino, reader->version, index);
        if (chunk != NULL && g_bytes_get_size(chunk) >= to) {
            note_use(reader, index, last);
            if (!waited)
                STATS_ADD(reader->shared->stats, chunk_hits, 1);
            return g_bytes_new_from_bytes(chunk, from, to - from);
        }
        GBytes *partial = take_partial(reader, index, from, to);
        if (partial != NULL) {
            note_use(reader, index, last);
            return partial;
        }
        if (!waited)
            STATS_ADD(reader->shared->stats, chunk_misses, 1);
        waited = TRUE;
        if (!await_stream(reader, index, last, deadline, cancel, error))
            return NULL;
    }
}

gboolean reader_read(Reader *reader, guint64 offset, gsize length, GPtrArray *parts,
                     GCancellable *cancel, GError **error)
{
    gulong watch =
        cancel != NULL ? g_cancellable_connect(cancel, G_CALLBACK(wake_reader), reader, NULL) : 0;
    gboolean ok = TRUE;
    g_mutex_lock(&reader->lock);
    guint64 end = offset >= reader->size ? offset : offset + MIN(length, reader->size - offset);
    while (ok && offset < end) {
        guint64 index = offset / CHUNK_SIZE;
        gsize from = (gsize)(offset % CHUNK_SIZE);
        gsize to = (gsize)MIN((guint64)CHUNK_SIZE, end - index * CHUNK_SIZE);
        GBytes *part = get_chunk(reader, index, (end - 1) / CHUNK_SIZE, from, to, cancel, error);
        ok = part != NULL;
        if (!ok)
            break;
        g_ptr_array_add(parts, part);
        offset += to - from;
    }
    g_mutex_unlock(&reader->lock);
    if (watch != 0)
        g_cancellable_disconnect(cancel, watch);
    return ok;
}
