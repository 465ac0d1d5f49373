/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_fail.h"

#include "ftpsfs/util/error.h"

gboolean config_fail(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, message);
    return FALSE;
}
