/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain - text of others made fit for a terminal. No state, no lock.
 */
#ifndef FTPSFS_UTIL_PLAIN_H
#define FTPSFS_UTIL_PLAIN_H

#include <glib.h>

/* A copy of `text` (NULL: "") for g_free, in valid UTF-8, with '?' in place of control characters,
 * on which a terminal would act. */
char *plain_text(const char *text);

#endif
