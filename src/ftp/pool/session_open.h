/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session_open - from the TCP connection to a session that is logged in and set up. No state, no
 * lock.
 */
#ifndef FTPSFS_SRC_FTP_POOL_SESSION_OPEN_H
#define FTPSFS_SRC_FTP_POOL_SESSION_OPEN_H

#include "ftp/session/session.h"

/* Connects, handshakes, logs in and sets up (PBSZ 0, PROT P, TYPE I, UTF-8, facts). When `first`
 * the server's features are learned. Errors as for remote_new. */
Session *session_open(SessionContext *context, gboolean first, GCancellable *cancel,
                      GError **error);

/* Connects to the server, up to where TLS begins: with explicit TLS the greeting is taken in clear
 * and AUTH TLS said (RFC 4217 section 4), the one command that is sent without encryption.
 * *greeting (may be NULL) then becomes the greeting's text, for g_free. The socket, or -1 with the
 * errors of dial, or FTPSFS_ERROR_TLS, _LIMIT, _CONNECT, _LOST of AUTH TLS. */
int session_open_dial(const RemoteOptions *options, char **greeting, GCancellable *cancel,
                      GError **error);

/* A connection with a handshake done on it that only looks: no login is sent and none can be.
 * `ticket` (may be NULL) is to be resumed. *greeting (may be NULL) becomes what was said in clear
 * before it, for g_free. Errors as of dial and channel_handshake, by session_probe_propagate. */
Channel *session_probe(const RemoteOptions *options, Trust *trust, GBytes *ticket, char **greeting,
                       GCancellable *cancel, GError **error);

/* Hands `failure` (taken), of a handshake of the channel `failed`, on. Where the two sides did not
 * agree, another handshake is made that accepts nearly everything, on a connection that only looks,
 * and the error says what the server then chose. */
void session_probe_propagate(GError **error, GError *failure, const Channel *failed,
                             const RemoteOptions *options, Trust *trust, GCancellable *cancel);

#endif
