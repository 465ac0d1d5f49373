/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_target - what readlink(2) may say of a symbolic link of the server. Pure: no state, no lock.
 *
 * The kernel walks what readlink says on this machine, so a target of the server's choosing could
 * name any file here. What link_target_inside gives has one of three forms:
 *
 *   a/./b      as the server gives it: relative, without any ".."
 *   ../../a/b  "../" as often as needed and at the front alone, then plain names
 *   .          the directory that holds the link
 *
 * Why a walk through these stays in the mount: it begins in the directory where the link really
 * lies, which is in the mount. There are at most as many ".." as that directory is deep below the
 * mount's root, and nothing stands before them, so each leads to the directory above. The names
 * that follow lead down, to what the mount shows. If that is a link too, the same holds for it. A
 * ".." behind a name would break this: the name may be a link, and the kernel goes up from where
 * that leads. So "a/../b" is resolved here, by its text alone, and shown as "b".
 *
 * The ".." belong to the place that the link has at that moment. When a program here moves a
 * directory towards the root while another walks through a link below it, the ".." of the old place
 * may lead out of the mount for the length of that walk. The server alone can't bring this on: the
 * kernel moves a directory only for a rename(2) of this machine. No more ".." than needed are
 * shown, which leaves that little. A bind mount of a directory of the mount has its root further
 * down than the links in it count from.
 */
#ifndef FTPSFS_SRC_CACHE_TREE_LINK_TARGET_H
#define FTPSFS_SRC_CACHE_TREE_LINK_TARGET_H

#include <glib.h>

/* What to show of `target`, for g_free. `root`: the server's path of the mount's root. `dir`: the
 * server's path of the directory that holds the link, which is `root` or below it; NULL: it has
 * none any more. Paths are absolute, without ".", ".." and empty names.
 *
 * FTPSFS_ERROR_OUTSIDE when the target, resolved by its text, is not in the mount, or climbs above
 * the server's "/". FTPSFS_ERROR_NAME_TOO_LONG when it has, or would have, more than
 * ENTRY_TARGET_MAX bytes. FTPSFS_ERROR_STALE when it takes `dir`, and that is NULL.
 * FTPSFS_ERROR_INVALID when it is empty. */
char *link_target_inside(const char *root, const char *dir, const char *target, GError **error);

/* Whether the target is shown as the server gives it, wherever the link lies: it is relative,
 * without any "..". */
gboolean link_target_is_plain(const char *target);

/* The same where the server is trusted: an absolute target that is in the mount is shown from where
 * the link lies; any other, as the server gives it. */
char *link_target_trusted(const char *root, const char *dir, const char *target);

#endif
