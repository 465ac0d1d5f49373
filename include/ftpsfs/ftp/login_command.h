/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * login_command - which commands a user may have sent after the login. No state, no lock.
 */
#ifndef FTPSFS_FTP_LOGIN_COMMAND_H
#define FTPSFS_FTP_LOGIN_COMMAND_H

#include <glib.h>

/* Whether `command` may be sent after the login. Refused are commands that end the encryption, the
 * session or the login, and those of data connections, whose settings ftpsfs keeps to itself.
 * FTPSFS_ERROR_CONFIG, with a message for whoever wrote it. */
gboolean login_command_check(const char *command, GError **error);

#endif
