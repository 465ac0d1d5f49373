/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quota - what servers answer to SITE QUOTA, which no standard describes. Pure functions, no state.
 */
#ifndef FTPSFS_SRC_FTP_REMOTE_QUOTA_H
#define FTPSFS_SRC_FTP_REMOTE_QUOTA_H

#include "ftp/session/reply.h"

/* What of the user's space is left, in bytes, and how much it is in all; *total is 0 when that is
 * not told. Understands the table of ProFTPD's mod_quotatab, "Uploaded Mb: 0.95/9.54", and words of
 * the kind "120 KB free". Where there are several limits the nearest counts. FALSE when there is no
 * limit, or none that is understood. */
gboolean quota_parse(const Reply *reply, guint64 *left, guint64 *total);

#endif
