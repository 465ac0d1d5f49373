/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_stores.h"

struct RemoteStream {
    Remote *remote;
    char *path;
    guint64 size;
};

static struct {
    GMutex lock;
    guint begun;
    guint times;
    FtpsfsErrorCode code;
} stores;

void fake_stores_reset(void)
{
    g_mutex_lock(&stores.lock);
    stores.begun = stores.times = 0;
    g_mutex_unlock(&stores.lock);
}

guint fake_stores_begun(void)
{
    g_mutex_lock(&stores.lock);
    guint begun = stores.begun;
    g_mutex_unlock(&stores.lock);
    return begun;
}

void fake_stores_fail(guint times, FtpsfsErrorCode code)
{
    g_mutex_lock(&stores.lock);
    stores.times = times;
    stores.code = code;
    g_mutex_unlock(&stores.lock);
}

RemoteStream *remote_store_open(Remote *remote, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error)
{
    (void)cancel;
    g_assert_cmpint(how, ==, REMOTE_STORE_NEW);
    g_assert_cmpuint(offset, ==, 0);
    g_mutex_lock(&stores.lock);
    stores.begun++;
    gboolean fail = stores.times > 0;
    stores.times -= fail ? 1 : 0;
    if (fail)
        g_set_error(error, FTPSFS_ERROR, (gint)stores.code, "the fake server refuses: %s", path);
    g_mutex_unlock(&stores.lock);
    if (fail)
        return NULL;
    RemoteStream *stream = g_new0(RemoteStream, 1);
    stream->remote = remote;
    stream->path = g_strdup(path);
    return stream;
}

void remote_stream_expect(RemoteStream *stream, const char *path, guint64 total)
{
    (void)stream;
    (void)path;
    (void)total;
}

gboolean remote_stream_write(RemoteStream *stream, const void *data, gsize length,
                             GCancellable *cancel, GError **error)
{
    (void)data;
    (void)cancel;
    (void)error;
    stream->size += length;
    return TRUE;
}

void remote_stream_close(RemoteStream *stream)
{
    if (stream == NULL)
        return;
    g_free(stream->path);
    g_free(stream);
}

gboolean remote_finalize(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                         RemoteEntry *entry, GCancellable *cancel, GError **error)
{
    return remote_set_attributes(remote, path, mode, mtime, cancel, error) &&
           remote_stat_exact(remote, path, entry, cancel, error);
}

gboolean remote_stream_finish_and_finalize(RemoteStream *stream, Remote *remote, const char *path,
                                           guint32 mode, gint64 mtime, RemoteEntry *entry,
                                           RemoteExtraStat *extra, gboolean *finalized,
                                           GCancellable *cancel, GError **error)
{
    fake_put_file(stream->remote, stream->path, stream->size, 1600000000);
    remote_stream_close(stream);
    *finalized = remote_finalize(remote, path, mode, mtime, entry, cancel, error);
    if (extra != NULL) {
        extra->exists = remote_stat_exact(remote, extra->path, extra->entry, cancel, NULL);
        extra->known = TRUE;
    }
    return *finalized;
}

/* Nobody may need the content: what is compared by it is an error of the test. */
RemoteStream *remote_stream_open(Remote *remote, const char *path, guint64 offset, guint64 size,
                                 GCancellable *cancel, GError **error)
{
    (void)remote;
    (void)offset;
    (void)size;
    (void)cancel;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: content is not kept", path);
    return NULL;
}

gssize remote_stream_read(RemoteStream *stream, void *buffer, gsize length, GCancellable *cancel,
                          GError **error)
{
    (void)stream;
    (void)buffer;
    (void)length;
    (void)cancel;
    (void)error;
    g_assert_not_reached();
}
