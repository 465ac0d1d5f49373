/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard - checks files and directories that other users must not be able to change.
 *
 * One rule for all of them: they belong to the user or to root, and no other user can write to
 * them. If they hold a secret, no other user can read them. The directories on the way are not
 * checked: where each user has a group of his own, many of them are writable by that group. No
 * state, no lock.
 */
#ifndef FTPSFS_UTIL_GUARD_H
#define FTPSFS_UTIL_GUARD_H

#include <glib.h>
#include <sys/stat.h>

typedef enum {
    GUARD_WRITE,  /* others may read it */
    GUARD_SECRET, /* nor may they do that */
} GuardKind;

/* Whether the file of `status` (of an open descriptor, where it is read from one) is good for
 * `owner`. `path` and `what` it does ("holds a password") are for messages. FTPSFS_ERROR_CONFIG
 * with the command that mends it. What systemd has put into $CREDENTIALS_DIRECTORY may be readable
 * by its group: an access list for the service's user shows so. */
gboolean guard_check(const struct stat *status, GuardKind kind, uid_t owner, const char *path,
                     const char *what, GError **error);

/* Whether the directory `path` is good for this process's user: its own, which is closed to others
 * here (mode 0700), or root's. A symbolic link must be of one of the two as well. One that is not
 * there, or out of reach, is good. FTPSFS_ERROR_CONFIG. */
gboolean guard_directory(const char *path, GError **error);

#endif
