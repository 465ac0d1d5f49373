/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mount - all that lives as long as a mount, from its helpers to the thread that serves it.
 *
 * A Mount owns what it makes, and the credentials. It is made in steps, since the program may go
 * to the background on the way: mount_new starts the helpers, mount_find_credentials reads the
 * secrets, mount_open makes the mount, mount_serve serves it until it is unmounted. mount_free is
 * good after each of them. What a mount needs of files and sockets is opened before it enters its
 * sandbox. The order in which the parts end stands in mount.c, in one place.
 *
 * Belongs to main and is used by its thread; no lock.
 */
#ifndef FTPSFS_SRC_MOUNT_H
#define FTPSFS_SRC_MOUNT_H

#include "ftpsfs/config/config.h"

/* Sets what ps(1) shows of a helper: `title`, in the copy of the process that becomes it. */
typedef void (*MountTitle)(gpointer data, const char *title);

typedef struct Mount Mount;

/* Starts the helpers: mounter and resolver, as far as the options need them. To be called while the
 * process has one thread and no secrets. The config outlives the Mount. FTPSFS_ERROR_CONFIG. */
Mount *mount_new(const MountConfig *config, MountTitle title, gpointer data, GError **error);

/* Finds user and password, as credentials_find does. */
gboolean mount_find_credentials(Mount *mount, GError **error);

/* After a fork. mount_leave: the helpers belong to the other process from now on, and the Mount is
 * freed. mount_keep: they belong to this one, whose secrets are locked in memory once more. */
void mount_leave(Mount *mount);
void mount_keep(Mount *mount);

/* Enters the sandbox, connects to the server and mounts. From then on there are threads. Errors:
 * whatever keeps the mount from being. */
gboolean mount_open(Mount *mount, GError **error);

/* Tells the service manager that the mount is there and serves it until it is unmounted; then sends
 * what is left. FALSE when the service ended by a failure, which libfuse has logged. */
gboolean mount_serve(Mount *mount);

/* Ends all that is left, in the order that it needs. NULL is fine. */
void mount_free(Mount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mount, mount_free)

#endif
