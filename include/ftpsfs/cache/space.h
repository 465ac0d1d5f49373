/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * space - the bound on what files being written take of the local disk: `-o spool_size=`.
 *
 * One Space a mount. Bytes are taken before they are written and given back when their content is
 * on the server, or given up. A request for more than there is waits while others give back. The
 * lock (LOCK_RANK_SPACE) guards all of it.
 */
#ifndef FTPSFS_CACHE_SPACE_H
#define FTPSFS_CACHE_SPACE_H

#include <gio/gio.h>

typedef struct Space Space;

/* At most `limit` bytes; 0: no bound. `timeout_s`: how long to wait without anything being given
 * back. */
Space *space_new(guint64 limit, guint timeout_s);
void space_free(Space *space);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Space, space_free)

/* Takes `bytes`, waiting for them until `cancel` (may be NULL) is cancelled. FTPSFS_ERROR_NO_SPACE,
 * _INTERRUPTED. */
gboolean space_take(Space *space, guint64 bytes, GCancellable *cancel, GError **error);

/* Takes them whether they are there or not: what lies on the disk already. */
void space_count(Space *space, guint64 bytes);

void space_give(Space *space, guint64 bytes);

/* Bytes taken now. */
guint64 space_used(Space *space);

#endif
