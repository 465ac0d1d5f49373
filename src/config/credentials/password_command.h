/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * password_command - reads a password from the output of a command. Private to config/.
 *
 * Called once, before there are other threads; no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CREDENTIALS_PASSWORD_COMMAND_H
#define FTPSFS_SRC_CONFIG_CREDENTIALS_PASSWORD_COMMAND_H

#include "ftpsfs/util/secret.h"

/* Runs `command` with sh -c and gives the first line of its standard output; its standard input
 * and error are the caller's. FTPSFS_ERROR_CONFIG when it can't be run, fails, or writes no
 * password; the output is in no message. */
Secret *password_command(const char *command, GError **error);

#endif
