/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for what lies beside a file for a while. */
#include "file_private.h"

char *writer_beside(const char *path, const char *purpose)
{
    g_autofree char *parent = g_path_get_dirname(path);
    return g_strdup_printf("%s%s.ftpsfs-%s-%08x", parent, g_str_has_suffix(parent, "/") ? "" : "/",
                           purpose, g_random_int());
}
