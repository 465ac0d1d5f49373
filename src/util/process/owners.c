/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/owners.h"
#include "ftpsfs/util/lock.h"

#include "ftpsfs/util/keyed_hash.h"

/* The server chooses the names, so there must be an end to them. */
#define NAMES_MAX 10000
#define UNKNOWN   G_MAXUINT32

struct Owners {
    ResolverProcess *process;
    Lock lock;
    GHashTable *tables[2]; /* by ResolverAccount: char * -> guint, UNKNOWN when there is none */
    GHashTable *names[2];  /* the same the other way round: guint -> char *, or NULL */
};

Owners *owners_new(ResolverProcess *process)
{
    Owners *owners = g_new0(Owners, 1);
    owners->process = process;
    lock_init(&owners->lock, LOCK_RANK_OWNERS);
    for (gsize i = 0; i < G_N_ELEMENTS(owners->tables); i++) {
        owners->tables[i] = g_hash_table_new_full(keyed_hash_text, g_str_equal, g_free, NULL);
        owners->names[i] = g_hash_table_new_full(keyed_hash_number, NULL, NULL, g_free);
    }
    return owners;
}

void owners_free(Owners *owners)
{
    if (owners == NULL)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(owners->tables); i++) {
        g_hash_table_unref(owners->tables[i]);
        g_hash_table_unref(owners->names[i]);
    }
    lock_clear(&owners->lock);
    g_free(owners);
}

gboolean owners_find(Owners *owners, ResolverAccount kind, const char *name, guint32 *id)
{
    GHashTable *table = owners->tables[kind];
    gpointer known;
    lock_take(&owners->lock);
    gboolean found = g_hash_table_lookup_extended(table, name, NULL, &known);
    gboolean full = g_hash_table_size(table) >= NAMES_MAX;
    lock_release(&owners->lock);
    guint32 number = UNKNOWN;
    if (found)
        number = GPOINTER_TO_UINT(known);
    else if (full || !resolver_account(owners->process, kind, name, &number))
        number = UNKNOWN;
    if (!found && !full) {
        lock_take(&owners->lock);
        g_hash_table_insert(table, g_strdup(name), GUINT_TO_POINTER(number));
        lock_release(&owners->lock);
    }
    *id = number;
    return number != UNKNOWN;
}

char *owners_name(Owners *owners, ResolverAccount kind, guint32 id)
{
    GHashTable *names = owners->names[kind];
    gpointer known = NULL;
    lock_take(&owners->lock);
    gboolean found = g_hash_table_lookup_extended(names, GUINT_TO_POINTER(id), NULL, &known);
    gboolean full = g_hash_table_size(names) >= NAMES_MAX;
    char *name = g_strdup(known);
    lock_release(&owners->lock);
    if (found)
        return name;
    name = resolver_account_name(owners->process, kind, id);
    if (!full) {
        lock_take(&owners->lock);
        g_hash_table_insert(names, GUINT_TO_POINTER(id), g_strdup(name));
        lock_release(&owners->lock);
    }
    return name;
}
