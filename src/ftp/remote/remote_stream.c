/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content side of remote.h: a transfer together with the lease that it runs on.
 */
#include "ftp/session/path_argument.h"
#include "ftp/transfer/transfer.h"
#include "ftpsfs/util/error.h"
#include "remote_finalize.h"

struct RemoteStream {
    Lease *lease;
    Transfer *transfer;  /* NULL: it could not be repeated */
    TransferOptions how; /* as it was asked for */
    char *path;
};

void remote_stream_close(RemoteStream *stream)
{
    if (stream == NULL)
        return;
    transfer_abort(stream->transfer);
    pool_lease_return(stream->lease);
    g_free(stream->path);
    g_free(stream);
}

/* Hands `failure` (taken) on. A refusal whose words tell nothing is either an absence or a
 * permission: of RETR the server is asked which, of a store it is the latter. */
static void propagate_refusal(Session *session, const TransferOptions *how, GError *failure,
                              GCancellable *cancel, GError **error)
{
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_IO)) {
        g_propagate_error(error, failure);
        return;
    }
    gboolean exists = TRUE;
    if (g_str_equal(how->verb, "RETR")) {
        g_autoptr(GError) unclear = NULL;
        exists = !session_is_broken(session) && remote_exists(session, how->path, cancel, &unclear);
        if (session_is_broken(session) || unclear != NULL) {
            g_propagate_error(error, failure);
            return;
        }
    }
    ftpsfs_error_propagate_as(error, failure,
                              exists ? FTPSFS_ERROR_ACCESS : FTPSFS_ERROR_NOT_FOUND);
}

static RemoteStream *stream_open(Remote *remote, const TransferOptions *how, GCancellable *cancel,
                                 GError **error)
{
    /* APPE is not tried again: what the first try appended would be there twice. But whom a server
     * does not know has appended nothing. */
    gboolean once = g_str_equal(how->verb, "APPE");
    for (gboolean again = FALSE;; again = TRUE) {
        LeaseWant want = LEASE_DATA | LEASE_CONTENT | (again ? LEASE_FRESH : LEASE_ANY);
        g_autoptr(Lease) lease = pool_lease(remote->pool, want, cancel, error);
        if (lease == NULL)
            return NULL;
        g_autoptr(GError) failure = NULL;
        Session *session = pool_lease_session(lease);
        TransferOptions named = *how;
        named.argument = path_argument_enter(session, how->path, cancel, &failure);
        Transfer *transfer =
            named.argument != NULL ? transfer_open(session, &named, cancel, &failure) : NULL;
        if (transfer != NULL) {
            RemoteStream *stream = g_new0(RemoteStream, 1);
            stream->lease = g_steal_pointer(&lease);
            stream->transfer = transfer;
            stream->path = g_strdup(how->path);
            stream->how = *how;
            stream->how.path = stream->path;
            return stream;
        }
        pool_lease_failed(lease, failure);
        if (ftpsfs_error_is(failure, FTPSFS_ERROR_LOGGED_OUT))
            once = FALSE;
        if (once || again || !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
            g_cancellable_is_cancelled(cancel)) {
            propagate_refusal(session, how, g_steal_pointer(&failure), cancel, error);
            return NULL;
        }
        STATS_ADD(remote->context.stats, retries, 1);
        g_info("trying again on another control connection: %s", failure->message);
    }
}

RemoteStream *remote_stream_open(Remote *remote, const char *path, guint64 offset, guint64 size,
                                 GCancellable *cancel, GError **error)
{
    TransferOptions how = {.verb = "RETR",
                           .path = path,
                           .restart = offset,
                           .first = offset,
                           .total = size == G_MAXUINT64 ? 0 : size,
                           .expected_size = size == G_MAXUINT64 ? size : size - MIN(size, offset)};
    return stream_open(remote, &how, cancel, error);
}

RemoteStream *remote_read_range(Remote *remote, const char *path, guint64 offset, guint64 end,
                                guint64 size, gboolean *ends, GCancellable *cancel, GError **error)
{
    Features *features = remote->context.features;
    *ends = end < size && features_get(features, FEATURE_RANG) == FEATURE_YES;
    if (*ends) {
        TransferOptions how = {.verb = "RETR",
                               .path = path,
                               .restart = offset,
                               .end = end,
                               .first = offset,
                               .total = size,
                               .expected_size = end - offset};
        g_autoptr(GError) failure = NULL;
        RemoteStream *stream = stream_open(remote, &how, cancel, &failure);
        if (stream != NULL)
            return stream;
        if (features_get(features, FEATURE_RANG) == FEATURE_YES) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
        g_info("the server offers ranges but refuses them: %s", failure->message);
        *ends = FALSE;
    }
    return remote_stream_open(remote, path, offset, size, cancel, error);
}

RemoteStream *remote_store_open(Remote *remote, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error)
{
    TransferOptions options = {.verb = how == REMOTE_STORE_APPEND ? "APPE" : "STOR",
                               .path = path,
                               .restart = how == REMOTE_STORE_AT ? offset : 0,
                               .first = offset,
                               .expected_size = G_MAXUINT64};
    return stream_open(remote, &options, cancel, error);
}

/* A transfer that failed by what it tried goes on without that, from where it ended. */
static gboolean repeat(RemoteStream *stream, GCancellable *cancel, GError **error)
{
    Session *session = pool_lease_session(stream->lease);
    guint64 done = transfer_bytes(stream->transfer);
    stream->how.restart += done;
    stream->how.first += done;
    if (stream->how.expected_size != G_MAXUINT64)
        stream->how.expected_size -= MIN(stream->how.expected_size, done);
    transfer_abort(g_steal_pointer(&stream->transfer));
    if (!session_drain(session, session_context(session)->options->timeout_s, cancel, error))
        return FALSE;
    TransferOptions named = stream->how;
    named.argument = path_argument_enter(session, stream->path, cancel, error);
    if (named.argument != NULL)
        stream->transfer = transfer_open(session, &named, cancel, error);
    if (stream->transfer != NULL)
        STATS_ADD(session_context(session)->stats, retries, 1);
    return stream->transfer != NULL;
}

gssize remote_stream_read(RemoteStream *stream, void *buffer, gsize length, GCancellable *cancel,
                          GError **error)
{
    g_autoptr(GError) failure = NULL;
    gssize got = -1;
    if (stream->transfer == NULL)
        g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "%s: the stream is gone",
                    stream->path);
    else
        got = transfer_read(stream->transfer, buffer, length, cancel, &failure);
    /* Each time one thing less is tried. */
    while (got < 0 && stream->transfer != NULL && transfer_must_repeat(stream->transfer)) {
        g_info("trying again: %s", failure->message);
        g_clear_error(&failure);
        if (repeat(stream, cancel, &failure))
            got = transfer_read(stream->transfer, buffer, length, cancel, &failure);
    }
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return got;
}

void remote_stream_expect(RemoteStream *stream, const char *path, guint64 total)
{
    transfer_expect(stream->transfer, path, total);
}

gboolean remote_stream_write(RemoteStream *stream, const void *data, gsize length,
                             GCancellable *cancel, GError **error)
{
    return transfer_write(stream->transfer, data, length, cancel, error);
}

gboolean remote_stream_finish(RemoteStream *stream, GCancellable *cancel, GError **error)
{
    g_autoptr(RemoteStream) owned = stream;
    return transfer_finish(g_steal_pointer(&owned->transfer), cancel, error);
}

gboolean remote_stream_finish_and_finalize(RemoteStream *stream, Remote *remote, const char *path,
                                           guint32 mode, gint64 mtime, RemoteEntry *entry,
                                           RemoteExtraStat *extra, gboolean *finalized,
                                           GCancellable *cancel, GError **error)
{
    g_autoptr(RemoteStream) owned = stream;
    Finalize finalize = {.remote = remote,
                         .session = pool_lease_session(owned->lease),
                         .attributes = {.path = path, .mode = mode, .mtime = mtime},
                         .entry = entry,
                         .extra = extra};
    gboolean ok = remote_finalize_end_store(&finalize, g_steal_pointer(&owned->transfer), finalized,
                                            cancel, error);
    remote_finalize_clear(&finalize);
    return ok;
}

void remote_stream_allow_yield(RemoteStream *stream, GCancellable *yield)
{
    pool_lease_allow_yield(stream->lease, yield);
}

void remote_stream_touch(RemoteStream *stream)
{
    pool_lease_touch(stream->lease);
}
