/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/cache/writeback: uploads that are made after close(2). Offers a durable queue to
 * src/cache/file, with its content and its names. Uses src/cache/spool, src/cache/temporary,
 * src/cache/tree and src/ftp/remote.
 *
 * writeback - uploads that are made after close(2) has returned: `-o writeback`.
 *
 * A Writeback owns the queue of pending items, one for each file whose content is durable on the
 * local disk, in a content file named by the journal, and not yet on the server. Threads of its own
 * upload them side by side: to a temporary on the server, which then is renamed over the file, so
 * that the server has the old or the new content at any moment. Each step is in the journal before
 * it is taken, so that the next mount goes on from wherever this one was killed.
 *
 * An item keeps its node pinned, so that listings leave it as it is. Of the items of one node the
 * newest counts; one that is on its way to the server already is let finish first.
 *
 * One lock (LOCK_RANK_WRITEBACK) guards everything. It is not held while the disk's synchronisation
 * is waited for.
 */
#ifndef FTPSFS_CACHE_WRITEBACK_H
#define FTPSFS_CACHE_WRITEBACK_H

#include <gio/gio.h>

#include "ftpsfs/cache/space.h"
#include "ftpsfs/cache/tree.h"
#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/identity.h"

typedef struct Writeback Writeback;

typedef struct {
    const char *directory;    /* of all journals; made if need be */
    const Identity *identity; /* of the source */
    guint connections;        /* uploads at once, at most */
    guint delay_ms;           /* from an item's last change to its upload */
} WritebackOptions;

/* Locks and reads the journals of the source, and those that other mounts have left for it.
 * `remote`, `tree`, `stats` and `space` outlive it.
 * FTPSFS_ERROR_IO, _NO_SPACE, _LIMIT. */
Writeback *writeback_new(Remote *remote, Tree *tree, Stats *stats, Space *space,
                         const WritebackOptions *options, GError **error);

/* After writeback_stop. */
void writeback_free(Writeback *writeback);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Writeback, writeback_free)

#endif
