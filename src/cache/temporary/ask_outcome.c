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

AskOutcome ask_outcome_exists(Remote *remote, const char *path, GCancellable *cancel)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autoptr(GError) failure = NULL;
    if (remote_stat(remote, path, entry, cancel, &failure))
        return ASK_OUTCOME_YES;
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        return ASK_OUTCOME_NO;
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_UNSUPPORTED))
        return ASK_OUTCOME_UNKNOWN;
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    Search search = {.name = name};
    if (!remote_list(remote, parent, search_entry, search_restart, &search, cancel, NULL))
        return ASK_OUTCOME_UNKNOWN;
    return search.found ? ASK_OUTCOME_YES : ASK_OUTCOME_NO;
}

AskOutcome ask_outcome_renamed(Remote *remote, const char *from, const char *to,
                               GCancellable *cancel)
{
    AskOutcome old = ask_outcome_exists(remote, from, cancel);
    if (old == ASK_OUTCOME_YES)
        return ASK_OUTCOME_NO;
    return old == ASK_OUTCOME_NO && ask_outcome_exists(remote, to, cancel) == ASK_OUTCOME_YES
               ? ASK_OUTCOME_YES
               : ASK_OUTCOME_UNKNOWN;
}
