/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * owners - the local numbers of users and groups by name, and the other way round, remembered for
 * the life of the mount.
 *
 * What has been asked once is not asked again: an account made later shows after the next mount.
 * An Owners may be used by all threads; its lock (LOCK_RANK_OWNERS) guards its tables and is not
 * held while a name is looked up.
 */
#ifndef FTPSFS_UTIL_OWNERS_H
#define FTPSFS_UTIL_OWNERS_H

#include "ftpsfs/util/resolver.h"

typedef struct Owners Owners;

/* `process` outlives the Owners. */
Owners *owners_new(ResolverProcess *process);
void owners_free(Owners *owners);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Owners, owners_free)

/* The number of `name`; FALSE when there is no such account here. Blocks at the first time. */
gboolean owners_find(Owners *owners, ResolverAccount kind, const char *name, guint32 *id);

/* The name of the user or group `id`, for g_free; NULL when there is none. Blocks at the first
 * time. */
char *owners_name(Owners *owners, ResolverAccount kind, guint32 id);

#endif
