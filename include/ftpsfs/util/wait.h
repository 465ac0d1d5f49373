/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait - deadlines, the one place that blocks on a socket, and the one way to wait for a condition
 * until somebody cancels.
 *
 * Every wait for the network has a deadline and can be cancelled. Deadlines are absolute, in
 * microseconds of g_get_monotonic_time(). There is no state here and so no lock. Whoever
 * waits for the network holds none (lock.h).
 */
#ifndef FTPSFS_UTIL_WAIT_H
#define FTPSFS_UTIL_WAIT_H

#include "ftpsfs/util/deadline.h"
#include "ftpsfs/util/lock.h"
#include <gio/gio.h>

/* Waits until `fd` has one of `events` (POLLIN, POLLOUT), hangs up or has an error.
 * TRUE then. FALSE with FTPSFS_ERROR_TIMEOUT when `deadline` passes, FTPSFS_ERROR_INTERRUPTED when
 * `cancel` (may be NULL) is cancelled. `what` names the wait in the message, for instance
 * "the reply to RETR". */
gboolean wait_fd(int fd, short events, gint64 deadline, GCancellable *cancel, const char *what,
                 GError **error);

/* Somebody who waits on a condition variable and may be cancelled meanwhile. Lives on the stack of
 * the thread that waits. */
typedef struct {
    GCond *cond;
    Lock *lock; /* of `cond` */
    GCancellable *cancel;
    gulong handler;
} Wait;

/* From here to wait_end a cancellation of `cancel` (may be NULL) wakes those who wait on `cond`.
 * Both are called without `lock`: a cancellation takes it, and may happen within the call. */
void wait_begin(Wait *wait, GCond *cond, Lock *lock, GCancellable *cancel);
void wait_end(Wait *wait);

/* The same with `lock` held. It is dropped meanwhile, so what the caller knows has to be looked at
 * again. */
void wait_begin_locked(Wait *wait, GCond *cond, Lock *lock, GCancellable *cancel);
void wait_end_locked(Wait *wait);

#define WAIT_FOREVER G_MAXINT64

/* Waits once for a wake-up, with the lock held. TRUE: look at the condition again. FALSE with
 * FTPSFS_ERROR_INTERRUPTED or, past `deadline` (WAIT_FOREVER: none), FTPSFS_ERROR_TIMEOUT. `what`
 * names the wait in the message, as for wait_fd. */
gboolean wait_step(const Wait *wait, gint64 deadline, const char *what, GError **error);

#endif
