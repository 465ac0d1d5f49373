/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * temporary - what lies beside a file for a while: new content under a hidden name, and how it
 * comes to be the file's. No state, no lock.
 */
#ifndef FTPSFS_SRC_CACHE_TEMPORARY_TEMPORARY_H
#define FTPSFS_SRC_CACHE_TEMPORARY_TEMPORARY_H

#include "ftpsfs/ftp/remote.h"

/* A hidden name in the directory of `path`: "upload", "probe", "old". For g_free. */
char *temporary_path(const char *path, const char *purpose);

/* Gives `from` the name of `to` on a server that does not rename over what is there:
 * that goes to `aside`, which stays, or comes back when `from` can't be renamed. Not cancelled on
 * the way. */
gboolean temporary_replace(Remote *remote, const char *from, const char *to, const char *aside,
                           GError **error);

#endif
