/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mounts - the kernel's table of mounts, /proc/self/mountinfo (proc(5)), and which of them a
 * descriptor lies on.
 *
 * What is mounted somewhere is looked up in the table, not by a path: the owner of a directory on
 * the way can put a link there between the check and the act. Everything belongs to the caller. No
 * lock.
 */
#ifndef FTPSFS_UTIL_MOUNTS_H
#define FTPSFS_UTIL_MOUNTS_H

#include <gio/gio.h>

typedef struct {
    guint id, parent;    /* of the mount, and of the one that it is mounted on */
    guint major, minor;  /* the device of the file system */
    char *point;         /* the mountpoint, as it is called now */
    char **options;      /* of the mount: "rw", "nosuid", ... */
    char *type;          /* "fuse.ftpsfs" */
    char *source;        /* what mount(8) shows as the source */
    char *super_options; /* of the file system: "user_id=1000,..." */
} MountEntry;

/* The table as it is now, of MountEntry, in the kernel's order: of two at one place the one that
 * hides the other comes later. NULL with FTPSFS_ERROR_IO. */
GPtrArray *mounts_read(GError **error);

/* The mount of that number; NULL: none. Borrowed from `mounts`. */
const MountEntry *mounts_find(const GPtrArray *mounts, guint id);

/* Whether the file system is one of FUSE's. */
gboolean mounts_is_fuse(const MountEntry *mount);

/* A number that the kernel gives for an open descriptor in /proc/self/fdinfo, by its name there:
 * "mnt_id". FALSE when it gives none. */
gboolean mounts_fd_number(int fd, const char *field, guint *number);

/* What an open descriptor's file is called now, for g_free. NULL with FTPSFS_ERROR_IO. */
char *mounts_fd_name(int fd, GError **error);

#endif
