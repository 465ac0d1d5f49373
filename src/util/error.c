/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"

G_DEFINE_QUARK(ftpsfs - error - quark, ftpsfs_error)

gboolean ftpsfs_error_is(const GError *error, FtpsfsErrorCode code)
{
    return g_error_matches(error, FTPSFS_ERROR, (gint)code);
}

gboolean ftpsfs_error_is_connection(const GError *error)
{
    return ftpsfs_error_is(error, FTPSFS_ERROR_LOST) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_TIMEOUT) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_TRUNCATED) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_PROTOCOL);
}
