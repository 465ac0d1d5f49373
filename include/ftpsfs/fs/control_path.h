/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_path - where the control socket of a mount lies.
 *
 * Its name is made from the mountpoint. Its directory is the first of these that there is and that
 * belongs to the user: $XDG_RUNTIME_DIR/ftpsfs, /run/user/UID/ftpsfs, /run/ftpsfs (root's), the
 * directory of ftpsfs's state. No state, no lock.
 */
#ifndef FTPSFS_FS_CONTROL_PATH_H
#define FTPSFS_FS_CONTROL_PATH_H

#include <glib.h>
#include <sys/types.h>

/* The directories to look in, in order; those of `uid` that the caller can know. For g_strfreev. */
char **control_path_directories(uid_t uid, const char *state_dir);

/* The socket of `mountpoint` in `directory`, for g_free; NULL when that is too long a name. */
char *control_path_socket(const char *directory, const char *mountpoint);

#endif
