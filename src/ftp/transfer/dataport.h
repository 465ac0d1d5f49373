/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dataport - the TCP side of the next data connection of a session: EPSV (RFC 2428) or PASV, and
 * the connect to the port that the server opened.
 *
 * Both can be done ahead while the session is idle, so that a transfer finds a *prepared*
 * connection. Each session owns one DataPort, which is used by the thread that uses the session.
 * The address is always that of the control connection's peer; what EPSV and PASV say of it is
 * ignored, so that a server behind NAT or a forwarder of ports is reached where it was reached
 * before, and nobody can send us elsewhere.
 *
 * "EPSV ALL" (RFC 2428 section 4) is never sent: it speaks to address translators on the way, which
 * can't read an encrypted control connection, and would forbid PASV where EPSV turns out to fail.
 */
#ifndef FTPSFS_SRC_FTP_TRANSFER_DATAPORT_H
#define FTPSFS_SRC_FTP_TRANSFER_DATAPORT_H

#include "ftp/session/session.h"
#include "ftp/session/trial.h"

typedef struct DataPort DataPort;

/* Makes the session's data port, which is freed with it. */
void dataport_attach(Session *session);

/* The data port of a session that has one. */
DataPort *dataport_of(const Session *session);

/* A transfer is likely to come: one connection is to be prepared, as soon as the session is
 * drained (servers refuse EPSV while a transfer ends). dataport_advance and whoever receives on the
 * session go on with it. */
void dataport_want(DataPort *port);

/* The data of a transfer has ended, and its 226 has not come yet: asks for the next port at once,
 * unless the server is known not to answer in turn. TRUE: it was asked, `early` is on, and the
 * answer may be taken for the end of the transfer. Never behind an upload: pyftpdlib ends one by
 * it. */
gboolean dataport_ask_early(DataPort *port, Trial *early);

/* Of a session that is drained: the reply to the transfer, if the answer was so taken, and that
 * one came after it and was good; else NULL. It is the port's, until it asks again. */
const Reply *dataport_swapped(const DataPort *port);

/* dataport_want of a session that is drained but for commands that are answered in turn: asks for
 * the port behind them. */
void dataport_ask(DataPort *port);

/* Goes on as far as is possible without waiting. FALSE when the session is broken. */
gboolean dataport_advance(DataPort *port);

/* Whether a connection is ready or can't be said to be unfit; whether it is being prepared. */
gboolean dataport_is_ready(DataPort *port);

/* The socket to poll for POLLOUT while connecting, POLLIN (it went bad) when ready; -1 else. */
int dataport_fd(const DataPort *port, short *events);

/* Waits until a connection is ready and hands its socket over: the caller owns it. *prepared tells
 * that it was made ahead, so that a failure may be its age. FTPSFS_ERROR_CONNECT, _UNSUPPORTED (the
 * server refuses EPSV and PASV), _LOST, _TIMEOUT, _INTERRUPTED. */
int dataport_take(DataPort *port, gboolean *prepared, GCancellable *cancel, GError **error);

/* Drops what was prepared. */
void dataport_reset(DataPort *port);

/* The same, of what the server has closed already, taken or not. */
void dataport_was_stale(DataPort *port);

/* The port number in a reply to EPSV ("229 ... (|||6446|)") or PASV ("227 ... h1,h2,h3,h4,p1,p2"),
 * each with or without parentheses; 0 when there is none. Exposed for tests. */
guint16 dataport_parse(const Reply *reply);

#endif
