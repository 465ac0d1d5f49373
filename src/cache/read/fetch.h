/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fetch - a piece of a file of a known length, from a stream of the caller's. No state, no lock. */
#ifndef FTPSFS_SRC_CACHE_READ_FETCH_H
#define FTPSFS_SRC_CACHE_READ_FETCH_H

#include "ftpsfs/ftp/remote.h"

/* The next `length` bytes of `stream`, as a new reference. FTPSFS_ERROR_STALE when the file ends
 * before; others as of remote_stream_read. */
GBytes *fetch_bytes(RemoteStream *stream, gsize length, GCancellable *cancel, GError **error);

#endif
