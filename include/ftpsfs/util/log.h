/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - where messages go. The only global mutable state of the program.
 *
 * Code logs with g_warning, g_message, g_info and g_debug; G_LOG_DOMAIN is "ftpsfs". Until
 * log_to_system everything goes to stderr; after it to the journal or to syslog. Secrets are never
 * passed to a log call.
 */
#ifndef FTPSFS_UTIL_LOG_H
#define FTPSFS_UTIL_LOG_H

#include <glib.h>

/* Installs the writer: messages down to `level` (G_LOG_LEVEL_WARNING, _MESSAGE, _INFO or _DEBUG)
 * go to stderr as "ftpsfs: text". Call once, first. */
void log_init(GLogLevelFlags level);

/* Changes the level. Safe from any thread. */
void log_set_level(GLogLevelFlags level);

/* From here on messages go to the systemd journal, or to syslog where stderr is no journal. Called
 * when the daemon goes to the background. */
void log_to_system(void);

#endif
