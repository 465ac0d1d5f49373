/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * premounted - a mount that another program has made before this one was started, as mount.fuse3
 * does for drop_privileges: is it one on which a server's files can do no harm?
 *
 * mount.fuse3 mounts without nosuid and nodev unless they are among the options. No lock.
 */
#ifndef FTPSFS_FS_PREMOUNTED_H
#define FTPSFS_FS_PREMOUNTED_H

#include <gio/gio.h>

/* Sees to it that the mount of the descriptor that "/dev/fd/N" names has nosuid and nodev. The
 * kernel's table tells, where the kernel says which mount it is (Linux 6.16); a mount without them
 * gets them if this process may do that. Elsewhere `told` counts: the options say so.
 * FTPSFS_ERROR_CONFIG with what to do otherwise. */
gboolean premounted_check(const char *name, gboolean told, GError **error);

#endif
