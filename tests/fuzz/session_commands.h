/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may stand on the control connection: commands that ftpsfs has, with arguments that come from
 * what an operation was called with. Anything else ends the run: text of the server that has become
 * a command, a second line, a path that nobody has named.
 */
#ifndef FTPSFS_TESTS_FUZZ_SESSION_COMMANDS_H
#define FTPSFS_TESTS_FUZZ_SESSION_COMMANDS_H

#include <glib.h>

/* Begins anew: `codepage` of the server, or NULL. */
void commands_begin(const char *codepage);
void commands_end(void);

/* An operation is called with this path, or with one below it by its name. */
void commands_allow(const char *path);

/* From now on files of a survey may be written. */
void commands_allow_survey(void);

/* Checks what is sent, whole lines; the number of commands in it. */
guint commands_check(const char *data, gsize length);

/* With FTPSFS_FUZZ_SHOW in the environment: shows what goes and what comes, to look at one input.
 */
void commands_show(char direction, const char *text);

#endif
