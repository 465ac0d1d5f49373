/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"

GQuark ftpsfs_error_quark(void)
{
    return g_quark_from_static_string("ftpsfs-error-quark");
}

gboolean ftpsfs_error_is(const GError *error, FtpsfsErrorCode code)
{
    return g_error_matches(error, FTPSFS_ERROR, (gint)code);
}

gboolean ftpsfs_error_is_connection(const GError *error)
{
    return ftpsfs_error_is(error, FTPSFS_ERROR_LOST) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_TIMEOUT) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_TRUNCATED) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_PROTOCOL) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_LOGGED_OUT);
}

gboolean ftpsfs_error_may_repeat(const GError *error)
{
    return ftpsfs_error_is_connection(error) && !ftpsfs_error_is(error, FTPSFS_ERROR_TIMEOUT) &&
           !ftpsfs_error_is(error, FTPSFS_ERROR_LOGGED_OUT);
}

gboolean ftpsfs_error_may_pass(const GError *error)
{
    return ftpsfs_error_is_connection(error) || ftpsfs_error_is(error, FTPSFS_ERROR_CONNECT) ||
           ftpsfs_error_is(error, FTPSFS_ERROR_LIMIT);
}
