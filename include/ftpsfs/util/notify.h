/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify - tells the service manager how the service is doing: sd_notify(3) without libsystemd.
 *
 * One datagram to the socket that $NOTIFY_SOCKET names; nothing where there is none. No state, no
 * lock.
 */
#ifndef FTPSFS_UTIL_NOTIFY_H
#define FTPSFS_UTIL_NOTIFY_H

#include <glib.h>

/* Sends `state`, lines like "READY=1" separated by "\n". A service manager that can't be reached is
 * a warning, not a failure. */
void notify_service_manager(const char *state);

#endif
