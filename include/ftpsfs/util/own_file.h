/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own_file - opens a file that an option names for writing, and no other file in its place.
 *
 * The name may lie in a directory that others can write to, while root mounts. They can put a link
 * there, and root would write over a file of their choice elsewhere. So the file itself is no
 * link of any kind, and links among the directories on the way are followed only where they are
 * root's or this user's. No state, no lock.
 */
#ifndef FTPSFS_UTIL_OWN_FILE_H
#define FTPSFS_UTIL_OWN_FILE_H

#include <gio/gio.h>

/* Opens the regular file `path`, which is absolute, with `flags` of open(2), or makes it; nobody
 * else may read it from then on. A descriptor. -1 with FTPSFS_ERROR_CONFIG when it can't be, or is
 * somebody else's, or has another name; the message has the path, and `option`, which named it. */
int own_file_open(const char *option, const char *path, int flags, GError **error);

/* Makes the directory `name` in `parent`, or takes the one that is there; nobody else may look into
 * it from then on. Its path, for g_free. NULL with FTPSFS_ERROR_CONFIG when it can't be made or is
 * somebody else's. */
char *own_file_make_directory(const char *option, const char *parent, const char *name,
                              GError **error);

#endif
