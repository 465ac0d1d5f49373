/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain - makes text of others safe for a terminal and a log. No state, no lock.
 *
 * Everything that the program prints or logs goes through here: log.c does it for the log and for
 * g_print and g_printerr, trace.c for the trace, and the pages of --status and --probe for each
 * field, as they hold sequences of their own.
 */
#ifndef FTPSFS_UTIL_PLAIN_H
#define FTPSFS_UTIL_PLAIN_H

#include <glib.h>

/* Whether a terminal could do something else with `letter` than show it where it stands: control
 * characters, U+0080 to U+009F among them, line and paragraph separators, and those that turn the
 * direction of text (UAX #9), with which one name passes for another. */
gboolean plain_is_risky(gunichar letter);

/* A copy of `text` (NULL: "") for g_free, in valid UTF-8, with '?' in place of what is risky. */
char *plain_text(const char *text);

/* The same of a text of several lines: line ends and tabs stay. */
char *plain_lines(const char *text);

#endif
