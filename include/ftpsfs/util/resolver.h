/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver - looks up the names of hosts, users and groups in a process of its own, for a process
 * that has locked itself away from /etc (sandbox.h).
 *
 * A name server may change its address, and the file that says so may be replaced, while the
 * sandbox of the daemon stays as it was made. The helper has no privileges, knows no secrets, and
 * ends with the daemon. resolver_start makes it GLib's default resolver of this process, so that
 * whatever connects by name uses it; its lookups may be made by any thread. No lock.
 */
#ifndef FTPSFS_UTIL_RESOLVER_H
#define FTPSFS_UTIL_RESOLVER_H

#include <gio/gio.h>

typedef struct ResolverProcess ResolverProcess;

/* Called in the helper first, to name it for ps(1). */
typedef void (*ResolverTitle)(gpointer data, const char *title);

/* Starts the helper. To be called while the process has one thread, before it knows more than it
 * has to, since the helper begins as a copy of it. FTPSFS_ERROR_CONFIG. */
ResolverProcess *resolver_start(ResolverTitle title, gpointer data, GError **error);

typedef enum { RESOLVER_USER, RESOLVER_GROUP } ResolverAccount;

/* The local number of a user or group. FALSE when there is none of that name. Blocks. */
gboolean resolver_account(ResolverProcess *process, ResolverAccount kind, const char *name,
                          guint32 *id);

/* The name of the local user or group `id`, for g_free; NULL when there is none. Blocks. */
char *resolver_account_name(ResolverProcess *process, ResolverAccount kind, guint32 id);

/* Ends the helper and waits for that. Lookups are made in this process from then on. NULL is fine.
 */
void resolver_stop(ResolverProcess *process);

/* The same, but leaves the helper to a process that was forked since. */
void resolver_leave(ResolverProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ResolverProcess, resolver_stop)

#endif
