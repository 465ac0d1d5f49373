/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_streams.h"

struct RemoteStream {
    guint64 first;
    guint64 offset;
    guint64 end;
    GCancellable *yield;
};

static struct {
    GMutex lock;
    GCond changed;
    FakeStreams settings;
    GArray *offsets;
    GPtrArray *open; /* RemoteStream, borrowed */
    guint most;
    guint paused;
    guint64 bytes;
} server;

FakeStreams *fake_streams_reset(guint64 size)
{
    g_mutex_lock(&server.lock);
    if (server.offsets == NULL) {
        server.offsets = g_array_new(FALSE, FALSE, sizeof(guint64));
        server.open = g_ptr_array_new();
    }
    g_assert_cmpuint(server.open->len, ==, 0);
    g_array_set_size(server.offsets, 0);
    server.most = server.paused = 0;
    server.bytes = 0;
    server.settings = (FakeStreams){
        .size = size, .piece = 16384, .pause_at = G_MAXUINT64, .lose_at = G_MAXUINT64};
    g_mutex_unlock(&server.lock);
    return &server.settings;
}

guint8 fake_byte(guint64 offset)
{
    return (guint8)(offset ^ (offset >> 8) ^ (offset >> 16) ^ (offset >> 24));
}

void fake_streams_pause(guint64 at)
{
    g_mutex_lock(&server.lock);
    server.settings.pause_at = at;
    g_cond_broadcast(&server.changed);
    g_mutex_unlock(&server.lock);
}

void fake_streams_go_on(void)
{
    fake_streams_pause(G_MAXUINT64);
}

void fake_streams_wait_paused(guint n)
{
    g_mutex_lock(&server.lock);
    while (server.paused < n)
        g_cond_wait(&server.changed, &server.lock);
    g_mutex_unlock(&server.lock);
}

void fake_streams_yield(void)
{
    g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_object_unref);
    g_mutex_lock(&server.lock);
    for (guint i = 0; i < server.open->len; i++) {
        const RemoteStream *stream = g_ptr_array_index(server.open, i);
        if (stream->yield != NULL)
            g_ptr_array_add(wanted, g_object_ref(stream->yield));
    }
    g_mutex_unlock(&server.lock);
    for (guint i = 0; i < wanted->len; i++)
        g_cancellable_cancel(g_ptr_array_index(wanted, i));
}

#define GETTER(type, name, expression)                                                             \
    type name(void)                                                                                \
    {                                                                                              \
        g_mutex_lock(&server.lock);                                                                \
        type value = expression;                                                                   \
        g_mutex_unlock(&server.lock);                                                              \
        return value;                                                                              \
    }

GETTER(guint, fake_streams_opened, server.offsets->len)
GETTER(guint, fake_streams_open_now, server.open->len)
GETTER(guint, fake_streams_most_open, server.most)
GETTER(guint64, fake_streams_bytes, server.bytes)
GETTER(GArray *, fake_streams_offsets, g_array_copy(server.offsets))

/* Lock held. */
static RemoteStream *open_stream(guint64 offset, guint64 end, GError **error)
{
    g_array_append_val(server.offsets, offset);
    if (server.settings.refuse > 0) {
        server.settings.refuse--;
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "lost before the first byte");
        return NULL;
    }
    RemoteStream *stream = g_new0(RemoteStream, 1);
    stream->first = stream->offset = offset;
    stream->end = end;
    g_ptr_array_add(server.open, stream);
    g_cond_broadcast(&server.changed);
    server.most = MAX(server.most, server.open->len);
    return stream;
}

RemoteStream *remote_read_range(Remote *remote, const char *path, guint64 offset, guint64 end,
                                guint64 size, gboolean *ends, GCancellable *cancel, GError **error)
{
    (void)remote;
    (void)path;
    (void)size;
    if (g_cancellable_is_cancelled(cancel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED, "interrupted");
        return NULL;
    }
    g_mutex_lock(&server.lock);
    *ends = server.settings.ranges && end < server.settings.size;
    RemoteStream *stream = open_stream(offset, *ends ? end : server.settings.size, error);
    g_mutex_unlock(&server.lock);
    return stream;
}

gboolean fake_streams_is_open(guint64 first)
{
    gboolean found = FALSE;
    g_mutex_lock(&server.lock);
    for (guint i = 0; i < server.open->len; i++) {
        const RemoteStream *stream = g_ptr_array_index(server.open, i);
        found = found || stream->first == first;
    }
    g_mutex_unlock(&server.lock);
    return found;
}

guint64 fake_streams_last_open(void)
{
    guint64 last = 0;
    g_mutex_lock(&server.lock);
    for (guint i = 0; i < server.open->len; i++) {
        const RemoteStream *stream = g_ptr_array_index(server.open, i);
        last = MAX(last, stream->first);
    }
    g_mutex_unlock(&server.lock);
    return last;
}

void fake_streams_wait_open(guint n)
{
    g_mutex_lock(&server.lock);
    while (server.open->len != n)
        g_cond_wait(&server.changed, &server.lock);
    g_mutex_unlock(&server.lock);
}

static void wake_server(GCancellable *cancel, gpointer data)
{
    (void)cancel;
    (void)data;
    g_mutex_lock(&server.lock);
    g_cond_broadcast(&server.changed);
    g_mutex_unlock(&server.lock);
}

/* Lock held; dropped while waiting. */
static void wait_while_paused(const RemoteStream *stream, GCancellable *cancel)
{
    gint64 until = g_get_monotonic_time() + server.settings.delay_us;
    while (server.settings.delay_us > 0 && !g_cancellable_is_cancelled(cancel) &&
           g_cond_wait_until(&server.changed, &server.lock, until))
        ;
    server.paused++;
    while (stream->offset >= server.settings.pause_at && !g_cancellable_is_cancelled(cancel)) {
        g_cond_broadcast(&server.changed);
        g_cond_wait(&server.changed, &server.lock);
    }
    server.paused--;
}

/* Lock held. */
static gssize read_stream(RemoteStream *stream, guint8 *buffer, gsize length, GError **error)
{
    FakeStreams *settings = &server.settings;
    if (settings->loses > 0 && stream->offset >= settings->lose_at) {
        settings->loses--;
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "lost on the way");
        return -1;
    }
    guint64 left = stream->end - MIN(stream->offset, stream->end);
    gsize got = (gsize)MIN((guint64)MIN(length, settings->piece), left);
    for (gsize i = 0; i < got; i++)
        buffer[i] = fake_byte(stream->offset + i);
    stream->offset += got;
    server.bytes += got;
    return (gssize)got;
}

gssize remote_stream_read(RemoteStream *stream, void *buffer, gsize length, GCancellable *cancel,
                          GError **error)
{
    gulong watch =
        cancel != NULL ? g_cancellable_connect(cancel, G_CALLBACK(wake_server), NULL, NULL) : 0;
    g_mutex_lock(&server.lock);
    wait_while_paused(stream, cancel);
    gssize got = -1;
    if (g_cancellable_is_cancelled(cancel))
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED, "interrupted");
    else
        got = read_stream(stream, buffer, length, error);
    g_mutex_unlock(&server.lock);
    if (watch != 0)
        g_cancellable_disconnect(cancel, watch);
    return got;
}

void remote_stream_close(RemoteStream *stream)
{
    if (stream == NULL)
        return;
    g_mutex_lock(&server.lock);
    g_ptr_array_remove(server.open, stream);
    g_cond_broadcast(&server.changed);
    g_mutex_unlock(&server.lock);
    g_clear_object(&stream->yield);
    g_free(stream);
}

void remote_stream_allow_yield(RemoteStream *stream, GCancellable *yield)
{
    g_mutex_lock(&server.lock);
    stream->yield = g_object_ref(yield);
    g_mutex_unlock(&server.lock);
}

void remote_stream_touch(RemoteStream *stream)
{
    (void)stream;
}
