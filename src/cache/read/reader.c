/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "reader_private.h"

/* One read by the application. */
typedef struct {
    guint64 last;    /* chunk */
    guint64 version; /* of the content */
    guint64 size;
    GCancellable *cancel;
    GCond cond;
    Wait wait;
    gboolean waits; /* `wait` has begun: something has to be waited for */
} Request;

Reader *reader_ref(Reader *reader)
{
    g_atomic_int_inc(&reader->references);
    return reader;
}

void reader_unref(Reader *reader)
{
    if (!g_atomic_int_dec_and_test(&reader->references))
        return;
    g_ptr_array_unref(reader->streams);
    g_ptr_array_unref(reader->runs);
    node_unref(reader->node);
    lock_clear(&reader->lock);
    g_free(reader);
}

Reader *reader_new(ReaderShared *shared, Node *node, guint64 version, guint64 size)
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
    lock_init(&reader->lock, LOCK_RANK_READER);
    reader->runs = g_ptr_array_new();
    reader->streams = g_ptr_array_new();
    g_queue_init(&reader->waiters);
    return reader;
}

guint64 reader_chunks(const Reader *reader)
{
    return reader->size / CHUNK_SIZE + (reader->size % CHUNK_SIZE != 0 ? 1 : 0);
}

static void drop_all(Reader *reader)
{
    while (reader->runs->len > 0)
        read_run_drop(reader, g_ptr_array_index(reader->runs, 0));
}

void reader_close(Reader *reader)
{
    lock_take(&reader->lock);
    drop_all(reader);
    lock_release(&reader->lock);
    reader_unref(reader);
}

void reader_reset(Reader *reader, guint64 version, guint64 size)
{
    lock_take(&reader->lock);
    if (reader->version != version || reader->size != size) {
        drop_all(reader);
        reader->version = version;
        reader->size = size;
        reader->identified = reader->on_disk = FALSE;
        reader_wake(reader, G_MAXUINT64, 0);
    }
    lock_release(&reader->lock);
}

void reader_stop(Reader *reader)
{
    lock_take(&reader->lock);
    drop_all(reader);
    reader_wake(reader, G_MAXUINT64, 0);
    lock_release(&reader->lock);
}

void reader_wake(Reader *reader, guint64 index, gsize filled)
{
    for (GList *l = reader->waiters.head; l != NULL; l = l->next) {
        Waiter *waiter = l->data;
        if (index == G_MAXUINT64 || (waiter->index == index && waiter->to <= filled))
            g_cond_signal(waiter->cond);
    }
}

/* One waits less: there may be a stream now that nobody needs. */
static void wake_blocked(Reader *reader)
{
    for (GList *l = reader->waiters.head; l != NULL; l = l->next) {
        Waiter *waiter = l->data;
        if (waiter->blocked)
            g_cond_signal(waiter->cond);
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

static gboolean check_cancelled(const Request *request, GError **error)
{
    if (!g_cancellable_is_cancelled(request->cancel))
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED, "reading was interrupted");
    return FALSE;
}

/* The stream that brings chunk `index`, started if need be; NULL when it has failed. Lock held. */
static Stream *stream_for(Reader *reader, const Request *request, guint64 index, GError **error)
{
    Stream *stream = read_slots_find(reader, index);
    Run *run = stream != NULL ? stream->run : read_run_find(reader, index);
    /* A seek, within the window but to what will not be there soon, begins anew as well. */
    if (run == NULL || (stream == NULL && index > run->position + RUN_SLACK_CHUNKS))
        run = read_run_new(reader, index);
    read_run_advance(reader, run, index, request->last, TRUE);
    if (stream == NULL) {
        stream = read_slots_start(reader, run, index);
        if (run->window == 0)
            stream->end = MIN(stream->end, request->last + 1);
    }
    if (stream->failure != NULL) {
        g_propagate_error(error, g_error_copy(stream->failure));
        read_stream_drop(stream);
        return NULL;
    }
    read_stream_go_on(stream, 0);
    return stream;
}

/* Waits until the stream for chunk `index` has gone on. Lock held, dropped while waiting. FALSE on
 * failure, interruption, or when nothing happens for too long. */
static gboolean await_stream(Reader *reader, Request *request, guint64 index, gsize to,
                             gint64 deadline, GError **error)
{
    if (!request->waits) {
        request->waits = TRUE;
        wait_begin_locked(&request->wait, &request->cond, &reader->lock, request->cancel);
        return check_cancelled(request, error);
    }
    if (!check_cancelled(request, error))
        return FALSE;
    gboolean blocked = read_slots_find(reader, index) == NULL && !read_slots_has_free(reader);
    if (!blocked && stream_for(reader, request, index, error) == NULL)
        return FALSE;
    Waiter waiter = {.index = index,
                     .to = to,
                     .blocked = blocked,
                     .cond = &request->cond,
                     .link = {.data = &waiter}};
    g_queue_push_tail_link(&reader->waiters, &waiter.link);
    gboolean ok = wait_step(&request->wait, deadline, "file content", error);
    g_queue_unlink(&reader->waiters, &waiter.link);
    if (!blocked)
        wake_blocked(reader);
    return ok;
}

/* A read was served from what is there: sequential reading runs through what its streams put there,
 * and they have to hear of it, or they would stop at their window. Lock held. */
static void note_served(Reader *reader, const Request *request, guint64 index)
{
    Run *run = read_run_find(reader, index);
    if (run != NULL)
        read_run_advance(reader, run, index, request->last, FALSE);
}

/* Whether the reader has got another content since the request came. */
static gboolean is_outdated(const Reader *reader, const Request *request)
{
    return reader->version != request->version || reader->size != request->size;
}

/* Bytes [from, to) of chunk `index`; NULL without an error when the content is another one now.
 * Lock held; dropped while waiting. */
static GBytes *get_chunk(Reader *reader, Request *request, guint64 index, gsize from, gsize to,
                         GError **error)
{
    gint64 deadline = 0;
    while (!is_outdated(reader, request)) {
        g_autoptr(GBytes) chunk =
            chunks_get(reader->shared->chunks, reader->ino, reader->version, index);
        GBytes *part = NULL;
        if (chunk != NULL && g_bytes_get_size(chunk) >= to)
            part = g_bytes_new_from_bytes(chunk, from, to - from);
        else
            part = take_partial(reader, index, from, to);
        if (part == NULL)
            part = read_block_cached(reader, index, from, to);
        if (part != NULL) {
            if (deadline == 0) {
                STATS_ADD(reader->shared->stats, chunk_hits, 1);
                note_served(reader, request, index);
            }
            return part;
        }
        if (deadline == 0) {
            STATS_ADD(reader->shared->stats, chunk_misses, 1);
            deadline = deadline_in(4 * reader->shared->timeout_s);
            if (read_block_suits(reader, index, from, to)) {
                read_block_fetch(reader, index, from, request->cancel);
                continue;
            }
        }
        if (!await_stream(reader, request, index, to, deadline, error))
            return NULL;
    }
    return NULL;
}

/* Lock held; dropped while waiting. */
static gboolean read_chunks(Reader *reader, Request *request, guint64 offset, gsize length,
                            GPtrArray *parts, GError **error)
{
    request->version = reader->version;
    request->size = reader->size;
    guint64 end = offset >= reader->size ? offset : offset + MIN(length, reader->size - offset);
    request->last = end > 0 ? (end - 1) / CHUNK_SIZE : 0;
    while (offset < end) {
        guint64 index = offset / CHUNK_SIZE;
        gsize from = (gsize)(offset % CHUNK_SIZE);
        gsize to = (gsize)MIN((guint64)CHUNK_SIZE, end - index * CHUNK_SIZE);
        GBytes *part = get_chunk(reader, request, index, from, to, error);
        if (part == NULL)
            return FALSE;
        g_ptr_array_add(parts, part);
        offset += to - from;
    }
    return TRUE;
}

gboolean reader_read(Reader *reader, guint64 offset, gsize length, GPtrArray *parts,
                     GCancellable *cancel, GError **error)
{
    Request request = {.cancel = cancel};
    g_cond_init(&request.cond);
    guint before = parts->len;
    g_autoptr(GError) failure = NULL;
    lock_take(&reader->lock);
    /* What is given is of one version: from the beginning again when that has changed. */
    while (!read_chunks(reader, &request, offset, length, parts, &failure) && failure == NULL)
        g_ptr_array_set_size(parts, (gint)before);
    lock_release(&reader->lock);
    wait_end(&request.wait);
    g_cond_clear(&request.cond);
    if (failure == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}
