/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch.h"

#include "ftpsfs/util/error.h"

GBytes *fetch_bytes(RemoteStream *stream, gsize length, GCancellable *cancel, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(length);
    for (gsize filled = 0; filled < length;) {
        gssize got = remote_stream_read(stream, buffer + filled, length - filled, cancel, error);
        if (got < 0)
            return NULL;
        if (got == 0) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                        "the file is shorter on the server than its directory says");
            return NULL;
        }
        filled += (gsize)got;
    }
    return g_bytes_new_take(g_steal_pointer(&buffer), length);
}
