/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify - tells the service manager how the service is doing: sd_notify(3) without libsystemd.
 *
 * One datagram each to the socket that $NOTIFY_SOCKET names; nothing where there is none. The
 * socket is connected before the sandbox. No state, no lock.
 */
#ifndef FTPSFS_UTIL_NOTIFY_H
#define FTPSFS_UTIL_NOTIFY_H

#include <glib.h>

/* A descriptor that leads to the service manager; -1 where there is none, or, with a warning, where
 * it can't be reached. */
int notify_connect(void);

/* Sends `state`, lines like "READY=1" separated by "\n"; nothing when `fd` is -1. A service manager
 * that can't be reached is a warning, not a failure. */
void notify_service_manager(int fd, const char *state);

#endif
