/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * temporary_cleanup - names on the server that this mount has made and that must not stay:
 * temporaries of uploads.
 *
 * An upload may be given up because the server is gone; then a command to remove the temporary is
 * lost too. What could not be removed is remembered and tried again: behind the next upload that
 * succeeds, and at the end. A server may also come to a command that it had received on a
 * connection which broke only after the removal: such a name is removed a second time later.
 *
 * Thread-safe; the lock (LOCK_RANK_CLEANUP) guards the list.
 */
#ifndef FTPSFS_SRC_CACHE_TEMPORARY_TEMPORARY_CLEANUP_H
#define FTPSFS_SRC_CACHE_TEMPORARY_TEMPORARY_CLEANUP_H

#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/workers.h"

typedef struct TemporaryCleanup TemporaryCleanup;

/* `remote` and `workers` outlive it; the workers' tasks have ended when it is freed. `cancel`
 * breaks off all that is tried. */
TemporaryCleanup *temporary_cleanup_new(Remote *remote, Workers *workers, guint timeout_s,
                                        GCancellable *cancel);

/* NULL is fine. */
void temporary_cleanup_free(TemporaryCleanup *cleanup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TemporaryCleanup, temporary_cleanup_free)

/* Has `path`, which is taken, removed in the background. `failure`: why it is given up, or NULL;
 * after a lost connection it is removed once more later. */
void temporary_cleanup_add(TemporaryCleanup *cleanup, char *path, const GError *failure);

/* Removes it at once, or remembers it. */
void temporary_cleanup_remove(TemporaryCleanup *cleanup, const char *path);

/* `path` was removed, but a command that makes it may be on its way still, as after a crash: it is
 * removed once more later. */
void temporary_cleanup_recheck(TemporaryCleanup *cleanup, const char *path);

/* The server is there: what is due is tried again in the background. */
void temporary_cleanup_retry(TemporaryCleanup *cleanup);

/* The last try, of all that is left; what stays is said. */
void temporary_cleanup_end(TemporaryCleanup *cleanup);

#endif
