/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/cache/temporary: hidden names on the server. Offers the rename over a file, the removal of
 * what must not stay, and the question what became of a lost command. Uses src/ftp/remote and
 * src/util.
 *
 * temporary - what lies beside a file for a while: new content under a hidden name, and how it
 * comes to be the file's. No state, no lock; no lock may be held.
 *
 * Some servers rename over a file that is there, and some refuse to. With these the old file is
 * moved aside first, to a hidden name. From then on nothing is cancelled, so that in the end either
 * the old or the new file has the name.
 */
#ifndef FTPSFS_SRC_CACHE_TEMPORARY_TEMPORARY_H
#define FTPSFS_SRC_CACHE_TEMPORARY_TEMPORARY_H

#include "temporary_cleanup.h"

/* A hidden name in the directory of `path`: "upload", "probe", "old". For g_free. */
char *temporary_path(const char *path, const char *purpose);

/* Whether a rename was refused with `failure` perhaps because something has the new name. */
gboolean temporary_target_may_be_in_the_way(const GError *failure);

/* Moves `to` out of the way, to `aside`. On failure it has its name. */
gboolean temporary_set_aside(Remote *remote, const char *to, const char *aside, GError **error);

/* Gives `from` the name `to`, which is free since temporary_set_aside. On failure what is aside
 * goes back. The log says where it is when that can't be done, and when the server can't say
 * which of the two has the name; it stays aside then. */
gboolean temporary_take_name(Remote *remote, const char *from, const char *to, const char *aside,
                             GError **error);

/* Moves what is aside back to the name `to`, or logs where it is. */
void temporary_move_back(Remote *remote, const char *to, const char *aside);

/* The whole of it for a file: renames `from` over `to` and removes what was there. `aside`: the
 * hidden name to be used where the server renames over nothing; NULL: it is refused then. */
gboolean temporary_move_over(Remote *remote, TemporaryCleanup *cleanup, const char *from,
                             const char *to, const char *aside, GError **error);

#endif
