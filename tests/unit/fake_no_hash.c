/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server without SITE COPY and HASH says, for the tests of what stores files. */
#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/error.h"

char *remote_hash(Remote *remote, RemoteHash kind, const char *path, GCancellable *cancel,
                  GError **error)
{
    (void)remote;
    (void)kind;
    (void)cancel;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "%s: no hashes", path);
    return NULL;
}

gboolean remote_copy(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                     GError **error)
{
    (void)remote;
    (void)from;
    (void)cancel;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "%s: no copies", to);
    return FALSE;
}
