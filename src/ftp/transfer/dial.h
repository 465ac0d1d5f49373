/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dial - a TCP connection to a host by its name.
 *
 * The name is resolved each time: a laptop that woke up in another network may find the server at
 * another address. All addresses are tried, each with a head start on the next (RFC 8305), so that
 * one that nothing answers on costs a moment instead of the whole time. Keeps no state;
 * each look-up of a name has a lock while it lasts (LOCK_RANK_LOOKUP).
 */
#ifndef FTPSFS_SRC_FTP_TRANSFER_DIAL_H
#define FTPSFS_SRC_FTP_TRANSFER_DIAL_H

#include <gio/gio.h>

/* Resolves and connects within `timeout_s` seconds altogether. A non-blocking socket with
 * close-on-exec, owned by the caller, or -1: FTPSFS_ERROR_CONNECT, _TIMEOUT, _INTERRUPTED. */
int dial(const char *host, guint16 port, guint timeout_s, GCancellable *cancel, GError **error);

/* The addresses of a host, GSocketAddress * that the array frees; NULL with an error as of dial. */
GPtrArray *dial_addresses(const char *host, guint16 port, guint timeout_s, GCancellable *cancel,
                          GError **error);

/* The same as dial, to one address of `host`. */
int dial_address(GSocketAddress *address, const char *host, guint16 port, guint timeout_s,
                 GCancellable *cancel, GError **error);

/* Has the kernel find out about a peer that is gone: keep-alive probes after half a minute of
 * silence, and an end after `timeout_s` seconds without an acknowledgement. No Nagle delays. */
void dial_tune(int fd, guint timeout_s);

#endif
