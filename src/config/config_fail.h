/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fail - sets an FTPSFS_ERROR_CONFIG. Private to config/. No state, no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CONFIG_FAIL_H
#define FTPSFS_SRC_CONFIG_CONFIG_FAIL_H

#include <glib.h>

/* Sets *error to the formatted message. Always FALSE, so that a check can end with it. */
gboolean config_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
