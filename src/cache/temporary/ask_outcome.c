/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask_outcome.h"

#include <string.h>

#include "ftpsfs/util/error.h"

typedef struct {
    const char *name;
    gboolean found;
} Search;

static gboolean search_entry(const RemoteEntry *entry, gpointer data, GError **error)
{
    Search *search = data;
    (void)error;
    if (strcmp(entry->name->str, search->name) == 0)
        search->found = TRUE;
    return TRUE;
}

static void search_restart(gpointer data)
{
    Search *search = data;
    search->found = FALSE;
}

Exists exists_look(Remote *remote, const char *path)
{
    g_autoptr(RemoteEntry) entry = remote_entry_new();
    g_autoptr(GError) failure = NULL;
    if (remote_stat(remote, path, entry, NULL, &failure))
        return EXISTS_YES;
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        return EXISTS_NO;
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_UNSUPPORTED))
        return EXISTS_UNKNOWN;
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    Search search = {.name = name};
    if (!remote_list(remote, parent, search_entry, search_restart, &search, NULL, NULL))
        return EXISTS_UNKNOWN;
    return search.found ? EXISTS_YES : EXISTS_NO;
}

Exists exists_renamed(Remote *remote, const char *from, const char *to)
{
    Exists old = exists_look(remote, from);
    if (old == EXISTS_YES)
        return EXISTS_NO;
    return old == EXISTS_NO && exists_look(remote, to) == EXISTS_YES ? EXISTS_YES : EXISTS_UNKNOWN;
}
