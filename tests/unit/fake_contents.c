/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_contents.h"

#include <string.h>

#define MTIME 1600000000

struct RemoteStream {
    Remote *remote;
    char *path;
    const char *verb; /* NULL: it reads */
    guint64 begin;
    guint64 offset;
    GCancellable *yield;
};

static struct {
    GMutex lock;
    GCond changed;
    FakeContents settings;
    GHashTable *contents; /* path -> GByteArray */
    GString *log;
    GPtrArray *open; /* RemoteStream, borrowed */
    guint64 sent;
} server;

FakeContents *fake_contents_reset(void)
{
    g_mutex_lock(&server.lock);
    if (server.contents == NULL) {
        server.contents = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                (GDestroyNotify)g_byte_array_unref);
        server.log = g_string_new(NULL);
        server.open = g_ptr_array_new();
    }
    g_assert_cmpuint(server.open->len, ==, 0);
    g_hash_table_remove_all(server.contents);
    g_string_truncate(server.log, 0);
    server.sent = 0;
    server.settings = (FakeContents){.code = FTPSFS_ERROR_LOST, .keep = G_MAXUINT64};
    g_mutex_unlock(&server.lock);
    return &server.settings;
}

/* Lock held. */
static GByteArray *content_of(const char *path)
{
    GByteArray *content = g_hash_table_lookup(server.contents, path);
    if (content == NULL) {
        content = g_byte_array_new();
        g_hash_table_insert(server.contents, g_strdup(path), content);
    }
    return content;
}

void fake_contents_put(Remote *remote, const char *path, const char *text)
{
    g_mutex_lock(&server.lock);
    GByteArray *content = content_of(path);
    g_byte_array_set_size(content, 0);
    g_byte_array_append(content, (const guint8 *)text, (guint)strlen(text));
    g_mutex_unlock(&server.lock);
    fake_put_file(remote, path, strlen(text), MTIME);
}

char *fake_contents_get(const char *path)
{
    g_mutex_lock(&server.lock);
    const GByteArray *content = content_of(path);
    char *text = g_strndup(content->len > 0 ? (const char *)content->data : "", content->len);
    g_mutex_unlock(&server.lock);
    return text;
}

char *fake_contents_log(void)
{
    g_mutex_lock(&server.lock);
    char *log = g_strdup(server.log->str);
    g_string_truncate(server.log, 0);
    g_mutex_unlock(&server.lock);
    return log;
}

void fake_contents_await(guint64 bytes)
{
    g_mutex_lock(&server.lock);
    while (server.sent < bytes)
        g_cond_wait(&server.changed, &server.lock);
    g_mutex_unlock(&server.lock);
}

void fake_contents_yield(void)
{
    g_autoptr(GCancellable) yield = NULL;
    g_mutex_lock(&server.lock);
    for (guint i = 0; i < server.open->len; i++) {
        const RemoteStream *stream = g_ptr_array_index(server.open, i);
        if (stream->verb != NULL)
            g_set_object(&yield, stream->yield);
    }
    g_mutex_unlock(&server.lock);
    g_cancellable_cancel(yield);
}

guint fake_contents_open_now(void)
{
    g_mutex_lock(&server.lock);
    guint open = server.open->len;
    g_mutex_unlock(&server.lock);
    return open;
}

/* Lock held. TRUE, with *error, when one of *failures is due. */
static gboolean is_due(guint *failures, const char *path, GError **error)
{
    if (*failures == 0)
        return FALSE;
    (*failures)--;
    g_set_error(error, FTPSFS_ERROR, (gint)server.settings.code, "the fake server fails: %s", path);
    return TRUE;
}

/* Lock held. */
static RemoteStream *stream_new(Remote *remote, const char *path, const char *verb, guint64 offset)
{
    RemoteStream *stream = g_new0(RemoteStream, 1);
    stream->remote = remote;
    stream->path = g_strdup(path);
    stream->verb = verb;
    stream->begin = stream->offset = offset;
    g_ptr_array_add(server.open, stream);
    return stream;
}

/* Lock held. */
static void stream_free(RemoteStream *stream, const char *how)
{
    const char *random = strstr(stream->path, "-upload-");
    gsize length =
        random != NULL ? (gsize)(random - stream->path) + strlen("-upload") : strlen(stream->path);
    if (stream->verb != NULL)
        g_string_append_printf(server.log, "%s%s%s %.*s %" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT,
                               server.log->len > 0 ? ", " : "", how, stream->verb, (int)length,
                               stream->path, stream->begin, stream->offset - stream->begin);
    g_ptr_array_remove_fast(server.open, stream);
    g_clear_object(&stream->yield);
    g_free(stream->path);
    g_free(stream);
}

/* ---- stores ---- */

RemoteStream *remote_store_open(Remote *remote, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error)
{
    (void)cancel;
    static const char *const verbs[] = {
        [REMOTE_STORE_NEW] = "STOR", [REMOTE_STORE_APPEND] = "APPE", [REMOTE_STORE_AT] = "REST"};
    guint refused = how == REMOTE_STORE_APPEND && server.settings.refuse_append ? 1 : 0;
    g_mutex_lock(&server.lock);
    GByteArray *content = content_of(path);
    RemoteStream *stream = NULL;
    if (refused > 0)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_ACCESS, "no APPE here");
    else if (!is_due(&server.settings.open_failures, path, error)) {
        if (how == REMOTE_STORE_NEW)
            g_byte_array_set_size(content, 0);
        if (how == REMOTE_STORE_APPEND)
            offset = content->len;
        stream = stream_new(remote, path, verbs[how], offset);
    }
    guint64 size = content->len;
    g_mutex_unlock(&server.lock);
    if (stream != NULL)
        fake_put_file(remote, path, size, MTIME);
    return stream;
}

void remote_stream_expect(RemoteStream *stream, const char *path, guint64 total)
{
    g_assert_nonnull(stream->verb);
    g_assert_true(path == NULL || *path == '/');
    g_assert_cmpuint(total, >=, stream->offset);
}

gboolean remote_stream_write(RemoteStream *stream, const void *data, gsize length,
                             GCancellable *cancel, GError **error)
{
    (void)cancel;
    g_mutex_lock(&server.lock);
    gboolean ok = !is_due(&server.settings.write_failures, stream->path, error);
    if (ok) {
        GByteArray *content = content_of(stream->path);
        guint64 end = MIN(stream->offset + length, server.settings.keep);
        if (end > content->len)
            g_byte_array_set_size(content, (guint)end);
        if (end > stream->offset)
            memcpy(content->data + stream->offset, data, end - stream->offset);
        stream->offset += length;
        server.sent += length;
        g_cond_broadcast(&server.changed);
    }
    g_mutex_unlock(&server.lock);
    return ok;
}

gboolean remote_stream_finish(RemoteStream *stream, GCancellable *cancel, GError **error)
{
    (void)cancel;
    g_mutex_lock(&server.lock);
    gboolean ok = !is_due(&server.settings.finish_failures, stream->path, error);
    Remote *remote = stream->remote;
    g_autofree char *path = g_strdup(stream->path);
    guint64 size = content_of(path)->len;
    stream_free(stream, ok ? "" : "failed ");
    g_mutex_unlock(&server.lock);
    fake_put_file(remote, path, size, MTIME);
    return ok;
}

void remote_stream_close(RemoteStream *stream)
{
    if (stream == NULL)
        return;
    g_mutex_lock(&server.lock);
    stream_free(stream, "cut ");
    g_mutex_unlock(&server.lock);
}

gboolean remote_finalize(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                         RemoteEntry *entry, GCancellable *cancel, GError **error)
{
    gboolean set = mode != G_MAXUINT32 || mtime != G_MININT64;
    return (!set || remote_set_attributes(remote, path, mode, mtime, cancel, error)) &&
           remote_stat_exact(remote, path, entry, cancel, error);
}

gboolean remote_stream_finish_and_finalize(RemoteStream *stream, Remote *remote, const char *path,
                                           guint32 mode, gint64 mtime, RemoteEntry *entry,
                                           RemoteExtraStat *extra, gboolean *finalized,
                                           GCancellable *cancel, GError **error)
{
    g_assert_null(extra);
    *finalized = FALSE;
    if (!remote_stream_finish(stream, cancel, error))
        return FALSE;
    *finalized = !server.settings.left_to_finalize &&
                 remote_finalize(remote, path, mode, mtime, entry, cancel, NULL);
    return TRUE;
}

void remote_stream_allow_yield(RemoteStream *stream, GCancellable *yield)
{
    g_mutex_lock(&server.lock);
    g_set_object(&stream->yield, yield);
    g_mutex_unlock(&server.lock);
}

void remote_stream_touch(RemoteStream *stream)
{
    g_assert_null(stream->verb);
}

/* ---- reading ---- */

RemoteStream *remote_read_range(Remote *remote, const char *path, guint64 offset, guint64 end,
                                guint64 size, gboolean *ends, GCancellable *cancel, GError **error)
{
    (void)end;
    (void)size;
    (void)cancel;
    (void)error;
    *ends = FALSE;
    g_mutex_lock(&server.lock);
    RemoteStream *stream = stream_new(remote, path, NULL, offset);
    g_mutex_unlock(&server.lock);
    return stream;
}

RemoteStream *remote_stream_open(Remote *remote, const char *path, guint64 offset, guint64 size,
                                 GCancellable *cancel, GError **error)
{
    gboolean ends;
    return remote_read_range(remote, path, offset, size, size, &ends, cancel, error);
}

gssize remote_stream_read(RemoteStream *stream, void *buffer, gsize length, GCancellable *cancel,
                          GError **error)
{
    (void)cancel;
    (void)error;
    g_mutex_lock(&server.lock);
    const GByteArray *content = content_of(stream->path);
    gsize got =
        stream->offset < content->len ? MIN(length, (gsize)(content->len - stream->offset)) : 0;
    if (got > 0)
        memcpy(buffer, content->data + stream->offset, got);
    stream->offset += got;
    g_mutex_unlock(&server.lock);
    return (gssize)got;
}

/* ---- the rest of what open files may ask for ---- */

gboolean remote_reserve(Remote *remote, guint64 size, GCancellable *cancel, GError **error)
{
    (void)remote;
    (void)size;
    (void)cancel;
    (void)error;
    return TRUE;
}

gboolean remote_probe_rest_stor(Remote *remote, const char *scratch, GCancellable *cancel)
{
    (void)remote;
    (void)cancel;
    g_assert_nonnull(strstr(scratch, ".ftpsfs-probe-"));
    return server.settings.overwrites;
}
