/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/entry.h"

RemoteEntry *entry_new(void)
{
    RemoteEntry *entry = g_new0(RemoteEntry, 1);
    entry->name = g_string_new(NULL);
    entry->owner = g_string_new(NULL);
    entry->group = g_string_new(NULL);
    entry->target = g_string_new(NULL);
    entry->unique = g_string_new(NULL);
    return entry;
}

void entry_clear(RemoteEntry *entry)
{
    RemoteEntry kept = *entry;
    *entry = (RemoteEntry){.name = kept.name,
                           .owner = kept.owner,
                           .group = kept.group,
                           .target = kept.target,
                           .unique = kept.unique};
    g_string_truncate(entry->name, 0);
    g_string_truncate(entry->owner, 0);
    g_string_truncate(entry->group, 0);
    g_string_truncate(entry->target, 0);
    g_string_truncate(entry->unique, 0);
}

void entry_free(RemoteEntry *entry)
{
    if (entry == NULL)
        return;
    g_string_free(entry->name, TRUE);
    g_string_free(entry->owner, TRUE);
    g_string_free(entry->group, TRUE);
    g_string_free(entry->target, TRUE);
    g_string_free(entry->unique, TRUE);
    g_free(entry);
}
