/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait - deadlines, and the one place that blocks on a socket.
 *
 * Every wait for the network has a deadline and can be cancelled. Deadlines are absolute, in
 * microseconds of g_get_monotonic_time(). There is no state here and so no lock.
 */
#ifndef FTPSFS_UTIL_WAIT_H
#define FTPSFS_UTIL_WAIT_H

#include <gio/gio.h>

/* The deadline `seconds` from now. 0 seconds: now. */
gint64 deadline_in(guint seconds);

/* Milliseconds until `deadline`, at least 0, rounded up, at most G_MAXINT. */
int deadline_left_ms(gint64 deadline);

/* Waits until `fd` has one of `events` (POLLIN, POLLOUT), hangs up or has an error.
 * TRUE then. FALSE with FTPSFS_ERROR_TIMEOUT when `deadline` passes, FTPSFS_ERROR_INTERRUPTED when
 * `cancel` (may be NULL) is cancelled. `what` names the wait in the message, for instance
 * "the reply to RETR". */
gboolean wait_fd(int fd, short events, gint64 deadline, GCancellable *cancel, const char *what,
                 GError **error);

/* Waits on `cond` (with `mutex` held) until it is signalled or `deadline` passes. FALSE when the
 * deadline passed. Spurious wake-ups happen: callers loop on their own condition. */
gboolean wait_cond(GCond *cond, GMutex *mutex, gint64 deadline);

#endif
