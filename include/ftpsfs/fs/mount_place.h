/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mount_place - where a mount is, in a way that nobody can bend afterwards.
 *
 * A path is no such way: who owns a directory in it can rename that and put a link there, and what
 * root then unmounts by the path is another file system. A MountPlace is the directory above the
 * mountpoint, held by a descriptor, the mountpoint's name in it, which nobody can change while
 * something is mounted there, and which mount it is by the kernel's numbers.
 *
 * It belongs to who made it, and is used by one thread, since unmounting changes the working
 * directory. No lock.
 */
#ifndef FTPSFS_FS_MOUNT_PLACE_H
#define FTPSFS_FS_MOUNT_PLACE_H

#include <gio/gio.h>

typedef struct MountPlace MountPlace;

/* The place of the FUSE mount that lies right upon the directory `covered`, an O_PATH descriptor
 * from before the mount, which stays the caller's. NULL with FTPSFS_ERROR_CONFIG when no such mount
 * is there, as when the directory has been moved out of the way. */
MountPlace *mount_place_above(int covered, GError **error);

/* The place of a mount out of the mount table: number `id` of the device `major`:`minor`, mounted
 * at `path`. NULL with FTPSFS_ERROR_CONFIG when another file system is there now, or none. */
MountPlace *mount_place_at(const char *path, guint id, guint major, guint minor, GError **error);

/* Whether the mount is still there. Asks the kernel's table alone, never the file system, which may
 * hang. */
gboolean mount_place_holds(const MountPlace *place);

/* Unmounts it: by umount2(2) with `flags` (MNT_DETACH or 0) as root, else by fusermount3, lazily
 * with MNT_DETACH. Does nothing to another file system that has come upon it. FTPSFS_ERROR_CONFIG
 * when that is so, or when the kernel refuses; what fusermount3 says goes to stderr. */
gboolean mount_place_unmount(const MountPlace *place, int flags, GError **error);

void mount_place_free(MountPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MountPlace, mount_place_free)

#endif
