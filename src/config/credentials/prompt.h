/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prompt - asks for a password on the terminal without echo. Private to config/.
 *
 * Called once, before there are other threads; no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CREDENTIALS_PROMPT_H
#define FTPSFS_SRC_CONFIG_CREDENTIALS_PROMPT_H

#include "ftpsfs/util/secret.h"

/* Writes `text` to the controlling terminal and reads a line from it. Echo comes back before any
 * signal takes effect: SIGINT, SIGTERM, SIGQUIT and SIGHUP do what they do otherwise, SIGTSTP stops
 * and the question is asked again afterwards. NULL with FTPSFS_ERROR_CONFIG, or NOT_FOUND when
 * there is no terminal, or INTERRUPTED when a signal came whose handler returned. */
Secret *prompt_password(const char *text, GError **error);

#endif
