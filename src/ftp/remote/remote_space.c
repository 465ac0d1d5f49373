/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The space that is left on the server: AVBL (draft-peterson-streamlined-ftp-command-extensions),
 * or else what SITE QUOTA says. */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "quota.h"
#include "remote_private.h"

typedef struct {
    const char *path;
    guint64 *bytes;
    guint64 *total;
} SpaceArgs;

static gboolean try_available(const RemoteTry *try, gpointer data, GError **error)
{
    SpaceArgs *args = data;
    const char *argument;
    if (!path_argument_enter_directory(try->session, args->path, &argument, try->cancel, error))
        return FALSE;
    g_autoptr(Reply) reply = session_command(try->session, "AVBL", argument, try->cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply->code == 213) {
        *args->bytes = g_ascii_strtoull(g_ptr_array_index(reply->lines, 0), NULL, 10);
        return TRUE;
    }
    features_set(try->remote->context.features, FEATURE_AVBL, FEATURE_NO);
    session_set_reply_error(error, "AVBL", args->path, reply);
    return FALSE;
}

static gboolean try_quota(const RemoteTry *try, gpointer data, GError **error)
{
    SpaceArgs *args = data;
    g_autoptr(Reply) reply = session_command(try->session, "SITE", "QUOTA", try->cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2) && quota_parse(reply, args->bytes, args->total)) {
        features_set(try->remote->context.features, FEATURE_SITE_QUOTA, FEATURE_YES);
        return TRUE;
    }
    /* One who has no limit now is not asked about again. */
    features_set(try->remote->context.features, FEATURE_SITE_QUOTA, FEATURE_NO);
    g_autofree char *text = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "SITE QUOTA tells no limit: %d %s",
                reply->code, text);
    return FALSE;
}

gboolean remote_available(Remote *remote, const char *path, guint64 *bytes, guint64 *total,
                          GCancellable *cancel, GError **error)
{
    SpaceArgs args = {.path = path, .bytes = bytes, .total = total};
    *total = 0;
    g_autoptr(GError) failure = NULL;
    if (features_get(remote->context.features, FEATURE_AVBL) == FEATURE_YES) {
        if (remote_run(remote, FALSE, try_available, &args, cancel, &failure))
            return TRUE;
        if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
            ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
    }
    if (features_maybe(remote->context.features, FEATURE_SITE_QUOTA))
        return remote_run(remote, FALSE, try_quota, &args, cancel, error);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                "the server does not tell the space that is available");
    return FALSE;
}
