/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * login - what is said on a control connection from the greeting to the user's own commands: HOST,
 * USER, PASS, ACCT, PBSZ, PROT, and what `ftp_init` names.
 *
 * The functions work on a Session that session_open is making; they have no state and no lock.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_LOGIN_H
#define FTPSFS_SRC_FTP_SESSION_LOGIN_H

#include "session.h"

/* Receives the greeting, which is a reply to the connection itself. FTPSFS_ERROR_LIMIT, _LOGIN and
 * those of session_receive. */
gboolean login_greet(Session *session, GCancellable *cancel, GError **error);

/* HOST (RFC 7151), where a virtual host is wanted, then USER, PASS and ACCT as far as the server
 * asks for them. `first`: of a mount; what the server says of the password is logged then. Errors
 * as of login_greet, with the server's words. */
gboolean login_identify(Session *session, gboolean first, GCancellable *cancel, GError **error);

/* Judges the replies to PBSZ 0 and PROT P, which were sent together (RFC 4217 sections 8 and 9);
 * sends them again one by one to a server that lost the order. FTPSFS_ERROR_TLS when the server
 * refuses to encrypt data connections. */
gboolean login_protect(Session *session, const Reply *prot, GCancellable *cancel, GError **error);

/* Sends the commands of options->init_commands. One that is refused is FTPSFS_ERROR_LOGIN: what the
 * mount would show without it may not be what is wanted. */
gboolean login_run_commands(Session *session, GCancellable *cancel, GError **error);

#endif
