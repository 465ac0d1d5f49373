/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Room for a large file, before it is sent. */
#include "ftpsfs/util/error.h"
#include "remote_private.h"

static gboolean try_reserve(const RemoteTry *try, gpointer data, GError **error)
{
    const guint64 *size = data;
    g_autofree char *argument = g_strdup_printf("%" G_GUINT64_FORMAT, *size);
    g_autoptr(Reply) reply = session_command(try->session, "ALLO", argument, try->cancel, error);
    if (reply == NULL)
        return FALSE;
    Features *features = try->remote->context.features;
    /* 202: "not needed", of a server that does not look. */
    if (reply->code == 202 || features_reply_unknown(reply))
        features_set(features, FEATURE_ALLO, FEATURE_NO);
    else if (reply_is(reply, 2))
        features_set(features, FEATURE_ALLO, FEATURE_YES);
    g_autoptr(GError) refusal = NULL;
    if (!reply_is(reply, 2))
        session_set_reply_error(&refusal, "ALLO", argument, reply);
    /* Whatever else it objects to, the store itself will tell. */
    if (!ftpsfs_error_is(refusal, FTPSFS_ERROR_NO_SPACE))
        return TRUE;
    features_set(features, FEATURE_ALLO, FEATURE_YES);
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

gboolean remote_reserve(Remote *remote, guint64 size, GCancellable *cancel, GError **error)
{
    return !features_maybe(remote->context.features, FEATURE_ALLO) ||
           remote_run(remote, FALSE, try_reserve, &size, cancel, error);
}
