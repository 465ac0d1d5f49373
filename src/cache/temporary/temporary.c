/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "temporary.h"

char *temporary_path(const char *path, const char *purpose)
{
    g_autofree char *parent = g_path_get_dirname(path);
    return g_strdup_printf("%s%s.ftpsfs-%s-%08x", parent, g_str_has_suffix(parent, "/") ? "" : "/",
                           purpose, g_random_int());
}

gboolean temporary_replace(Remote *remote, const char *from, const char *to, const char *aside,
                           GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (!remote_rename(remote, to, aside, NULL, error))
        return FALSE;
    if (remote_rename(remote, from, to, NULL, error))
        return TRUE;
    if (!remote_rename(remote, aside, to, NULL, &failure))
        g_warning("\"%s\" could not be replaced, and its content is left in \"%s\": %s. Rename it "
                  "back with another FTP client.",
                  to, aside, failure->message);
    return FALSE;
}
