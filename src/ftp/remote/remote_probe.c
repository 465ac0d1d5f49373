/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Learning by trying what no server announces: whether REST before STOR overwrites in place.
 */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "remote_private.h"

/* At 0 a new file. */
static gboolean store_bytes(Remote *remote, const char *path, guint64 offset, const char *bytes,
                            GCancellable *cancel, GError **error)
{
    RemoteStore how = offset == 0 ? REMOTE_STORE_NEW : REMOTE_STORE_AT;
    g_autoptr(RemoteStream) store = remote_store_open(remote, path, how, offset, cancel, error);
    return store != NULL && remote_stream_write(store, bytes, strlen(bytes), cancel, error) &&
           remote_stream_finish(g_steal_pointer(&store), cancel, error);
}

/* Reads the whole file, of which there should be a few bytes. */
static gboolean read_bytes(Remote *remote, const char *path, char *buffer, gsize length,
                           GCancellable *cancel, GError **error)
{
    g_autoptr(RemoteStream) stream =
        remote_stream_open(remote, path, 0, G_MAXUINT64, cancel, error);
    gsize done = 0;
    while (stream != NULL && done + 1 < length) {
        gssize got = remote_stream_read(stream, buffer + done, length - 1 - done, cancel, error);
        if (got < 0)
            return FALSE;
        if (got == 0)
            break;
        done += (gsize)got;
    }
    buffer[done] = '\0';
    return stream != NULL;
}

/* FALSE on an error that says nothing of the server. */
static gboolean probe(Remote *remote, const char *scratch, FeatureState *answer,
                      GCancellable *cancel, GError **error)
{
    char there[16];
    g_autoptr(GError) refusal = NULL;
    if (!store_bytes(remote, scratch, 0, "abcd", cancel, error))
        return FALSE;
    if (!store_bytes(remote, scratch, 1, "X", cancel, &refusal)) {
        if (ftpsfs_error_has(refusal, FTPSFS_ERROR_CLASS_CONNECTION) ||
            ftpsfs_error_is(refusal, FTPSFS_ERROR_INTERRUPTED)) {
            g_propagate_error(error, g_steal_pointer(&refusal));
            return FALSE;
        }
        *answer = FEATURE_NO;
        return TRUE;
    }
    if (!read_bytes(remote, scratch, there, sizeof there, cancel, error))
        return FALSE;
    *answer = g_str_equal(there, "aXcd") ? FEATURE_YES : FEATURE_NO;
    return TRUE;
}

gboolean remote_probe_rest_stor(Remote *remote, const char *scratch, GCancellable *cancel)
{
    Features *features = remote->context.features;
    FeatureState state = features_get(features, FEATURE_REST_STOR);
    if (state != FEATURE_UNKNOWN)
        return state == FEATURE_YES;
    g_autoptr(GError) failure = NULL;
    if (probe(remote, scratch, &state, cancel, &failure))
        features_set(features, FEATURE_REST_STOR, state);
    else
        g_debug("whether the server overwrites in place is not known: %s", failure->message);
    g_clear_error(&failure);
    if (!remote_unlink(remote, scratch, NULL, &failure) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        g_info("%s: a scratch file is left there: %s", scratch, failure->message);
    g_debug("REST and STOR overwrite in place: %s", state == FEATURE_YES ? "yes" : "no");
    return state == FEATURE_YES;
}
