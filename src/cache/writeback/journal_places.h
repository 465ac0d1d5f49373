/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_places - in which directories journals lie.
 *
 * One directory, `root`, has one for each source: DIR/source-SHA256, with the identity of the
 * source in the file `identity`, and in it the journals of as many mounts at once. Versions before
 * named it user@host:port, which two virtual hosts of one server share, and a server that is
 * verified with one that is not.
 *
 * What an older version has left, or a mount with other options, is made by the next mount that may
 * do so. The rest is named in the log each time. A user who wants it made by another mount moves
 * the directory into that of the mount.
 *
 * No state, no lock; runs once, before the mount is served.
 */
#ifndef FTPSFS_SRC_CACHE_WRITEBACK_JOURNAL_PLACES_H
#define FTPSFS_SRC_CACHE_WRITEBACK_JOURNAL_PLACES_H

#include "ftpsfs/util/identity.h"

/* Mounts of one source at once, and so the highest number of a journal. */
#define JOURNALS_MAX 64

/* The directory of this source, which is made if need be; for g_free. FTPSFS_ERROR_IO. */
char *journal_place_make(const char *root, const Identity *identity, GError **error);

/* The other directories whose pending uploads are to be made by a mount of this source, the
 * directory of which is `own`: char *. What waits in those that are not is said in the log. */
GPtrArray *journal_places_to_finish(const char *root, const char *own, const Identity *identity);

/* After all was taken out of one of them, whose journals of these numbers (guint) the caller has
 * locked: removes what is left of it, unless there is more than that in it. */
void journal_place_remove(const char *directory, const GArray *numbers);

#endif
