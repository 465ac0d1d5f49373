/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_client - finds the mount that a path belongs to, and asks its daemon over the control
 * socket (fs/control.h).
 *
 * A ControlMount is a line of the mount table; it belongs to who found it. No lock. The functions
 * do not touch the mount itself, which may hang, unless nobody listens for it.
 */
#ifndef FTPSFS_SRC_CONTROL_CLIENT_H
#define FTPSFS_SRC_CONTROL_CLIENT_H

#include "ftpsfs/util/records.h"

typedef struct {
    char *mountpoint;
    char *below; /* what of the path lies below the mountpoint; "" for the mountpoint itself */
    guint uid;   /* whose the mount is */
    guint id;    /* the mount's number, and its device: fs/mount_place.h */
    guint major, minor;
} ControlMount;

/* The FUSE mount that `path` is or lies in. FTPSFS_ERROR_CONFIG when there is none. */
ControlMount *control_client_find(const char *path, GError **error);
void control_client_mount_free(ControlMount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ControlMount, control_client_mount_free)

/* Sends a question, a record of the kind `verb` with the field path unless that is NULL. The
 * connection, on which the answer comes; -1 with an error: FTPSFS_ERROR_LOST when the daemon has
 * ended and left the mount, _NOT_FOUND when none listens, _ACCESS, _IO. */
int control_client_ask(const ControlMount *mount, const char *verb, const char *path,
                       GError **error);

/* Waits for the answer and closes `fd`; at most `seconds`, or without end for 0. FTPSFS_ERROR_LOST
 * when the daemon ended meanwhile or refused. */
Records *control_client_receive(int fd, guint seconds, GError **error);

/* Whether the mount is still there but its program is not. For one that nobody answers for: the
 * question goes through the mount itself. */
gboolean control_client_is_dead(const ControlMount *mount);

/* Removes the sockets that a daemon which was killed has left. */
void control_client_forget(const ControlMount *mount);

/* control_client_ask and control_client_receive. */
Records *control_client_query(const ControlMount *mount, const char *verb, const char *path,
                              GError **error);

#endif
