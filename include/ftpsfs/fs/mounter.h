/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mounter - mounts and unmounts in a process of its own.
 *
 * Mounting takes privileges (root's, or those of fusermount3), and unmounting takes them again at
 * the end. The process that talks to the server has none. So these two acts are left to a helper,
 * which was started before and takes two orders: mount, unmount. It knows no secrets and never
 * reads from the network. When the daemon dies it ends too, and the mount stays, dead, as is usual
 * for FUSE (with auto_unmount it goes).
 *
 * It never acts on a path: between the check of the mountpoint and the mount lie the connection and
 * the login, and between mount and unmount lies everything. The mountpoint is a descriptor from the
 * check on, and what is unmounted is found by the kernel's numbers (fs/mount_place.h).
 *
 * A Mounter belongs to main and is used by its thread; no lock.
 */
#ifndef FTPSFS_FS_MOUNTER_H
#define FTPSFS_FS_MOUNTER_H

#include <glib.h>
#include <sys/types.h>

typedef struct {
    const char *mountpoint;        /* its name: for messages, and to see that it has not moved */
    int mountpoint_fd;             /* O_PATH: the directory that was checked; is copied */
    const GPtrArray *fuse_options; /* char *, as for FsOptions */
    uid_t uid;                     /* whose the mount is: the caller's, or */
    gid_t gid;                     /* another's when root mounts for it */
    gboolean background;           /* let go of the terminal once mounted */
} MounterOptions;

typedef struct Mounter Mounter;

/* Called in the helper first, to name it for ps(1). */
typedef void (*MounterTitle)(gpointer data, const char *title);

/* Starts the helper. To be called while the process has one thread and knows no secrets that it
 * must not share. FTPSFS_ERROR_CONFIG. */
Mounter *mounter_start(const MounterOptions *options, MounterTitle title, gpointer data,
                       GError **error);

/* Mounts. What to give to fs_mount as mountpoint: the name of an open descriptor, for g_free.
 * FTPSFS_ERROR_CONFIG; libfuse has said why on stderr. */
char *mounter_mount(Mounter *mounter, GError **error);

/* The socket by which mounter_mount receives a descriptor. */
int mounter_socket(const Mounter *mounter);

/* Unmounts what mounter_mount has mounted, unless that has been done by others, and waits for the
 * end of the helper. NULL is fine. */
void mounter_free(Mounter *mounter);

/* Frees it, but leaves the helper to a process that was forked since. */
void mounter_leave(Mounter *mounter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mounter, mounter_free)

#endif
