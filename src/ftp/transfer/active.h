/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * active - data connections that the server makes to us (RFC 959 section 3.2), for servers without
 * passive mode: a listening socket for one transfer, EPRT (RFC 2428) or PORT, and the wait for the
 * server.
 *
 * A listener belongs to the transfer that it is made for; the thread that uses the session uses it.
 * Nobody but the control connection's peer gets in.
 */
#ifndef FTPSFS_SRC_FTP_TRANSFER_ACTIVE_H
#define FTPSFS_SRC_FTP_TRANSFER_ACTIVE_H

#include <sys/socket.h>

#include "ftp/session/session.h"

/* Listens on this machine's address of the control connection, on a port of options->active_first
 * to active_last. The caller closes it. -1: FTPSFS_ERROR_CONNECT, no port is free; _LOST. */
int active_listen(Session *session, GError **error);

/* Tells the server of the listener and waits for its reply: some connect at once and answer a
 * command that follows before this one. FTPSFS_ERROR_UNSUPPORTED: the server refuses. */
gboolean active_announce(Session *session, int listener, GCancellable *cancel, GError **error);

/* Waits until `deadline` for the server's connection and gives its socket; -1 when the server has
 * said something on the control connection instead (*spoke), or with FTPSFS_ERROR_TIMEOUT,
 * _INTERRUPTED. */
int active_accept(Session *session, int listener, gint64 deadline, gboolean *spoke,
                  GCancellable *cancel, GError **error);

/* The argument of EPRT, "|1|132.235.1.2|6275|", or of PORT, "132,235,1,2,24,131", for a socket
 * address; for g_free. NULL: PORT can't express it. Exposed for tests. */
char *active_format(const struct sockaddr *address, gboolean eprt);

#endif
