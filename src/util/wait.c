/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/wait.h"

#include <errno.h>
#include <poll.h>

#include "ftpsfs/util/error.h"

gboolean wait_fd(int fd, short events, gint64 deadline, GCancellable *cancel, const char *what,
                 GError **error)
{
    lock_check_none(what);
    GPollFD cancel_poll = {.fd = -1};
    gboolean cancellable = g_cancellable_make_pollfd(cancel, &cancel_poll);
    struct pollfd fds[2] = {
        {.fd = fd, .events = events},
        {.fd = cancellable ? cancel_poll.fd : -1, .events = POLLIN},
    };
    int ready;
    do {
        ready = poll(fds, 2, deadline_left_ms(deadline));
    } while (ready < 0 && errno == EINTR);
    int poll_errno = errno;
    if (cancellable)
        g_cancellable_release_fd(cancel);

    if (ready < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "poll failed while waiting for %s: %s",
                    what, g_strerror(poll_errno));
        return FALSE;
    }
    /* The cancellation wins: whoever cancelled wants the thread back, not the data. */
    if (fds[1].revents != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                    "interrupted while waiting for %s", what);
        return FALSE;
    }
    if (ready == 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT, "timed out waiting for %s", what);
        return FALSE;
    }
    return TRUE;
}

static void wake(GCancellable *cancel, gpointer data)
{
    (void)cancel;
    const Wait *wait = data;
    lock_take(wait->lock);
    g_cond_broadcast(wait->cond);
    lock_release(wait->lock);
}

void wait_begin(Wait *wait, GCond *cond, Lock *lock, GCancellable *cancel)
{
    *wait = (Wait){.cond = cond, .lock = lock, .cancel = cancel};
    if (cancel != NULL)
        wait->handler = g_cancellable_connect(cancel, G_CALLBACK(wake), wait, NULL);
}

void wait_end(Wait *wait)
{
    if (wait->handler != 0)
        g_cancellable_disconnect(wait->cancel, wait->handler);
    wait->handler = 0;
}

void wait_begin_locked(Wait *wait, GCond *cond, Lock *lock, GCancellable *cancel)
{
    lock_release(lock);
    wait_begin(wait, cond, lock, cancel);
    lock_take(lock);
}

void wait_end_locked(Wait *wait)
{
    if (wait->handler == 0)
        return;
    lock_release(wait->lock);
    wait_end(wait);
    lock_take(wait->lock);
}

gboolean wait_step(const Wait *wait, gint64 deadline, const char *what, GError **error)
{
    gboolean woken = TRUE;
    gboolean cancelled = g_cancellable_is_cancelled(wait->cancel);
    if (!cancelled && deadline == WAIT_FOREVER)
        lock_wait(wait->cond, wait->lock);
    else if (!cancelled)
        woken = lock_wait_until(wait->cond, wait->lock, deadline);
    if (cancelled || g_cancellable_is_cancelled(wait->cancel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                    "interrupted while waiting for %s", what);
        return FALSE;
    }
    if (!woken)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT, "timed out waiting for %s", what);
    return woken;
}
