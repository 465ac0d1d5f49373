/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/wait.h and the clocks: what is waited for is there, or the time is over at once. Threads
 * that would do something meanwhile, the pool's keeper and its grower, are left out, so that an
 * input has one course.
 */
#include <poll.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "session_server.h"

#define START G_GINT64_CONSTANT(1718452800000000) /* in June of 2024 */

gint64 __wrap_g_get_monotonic_time(void);
gint64 __wrap_g_get_real_time(void);
gint64 __wrap_deadline_in(guint seconds);
int __wrap_deadline_left_ms(gint64 deadline);
gboolean __wrap_wait_fd(int fd, short events, gint64 deadline, GCancellable *cancel,
                        const char *what, GError **error);
gboolean __wrap_wait_cond(GCond *cond, GMutex *mutex, gint64 deadline);
gboolean __wrap_wait_step(const Wait *wait, gint64 deadline, const char *what, GError **error);

static gint64 now;

static void wait_until(gint64 deadline)
{
    now = MAX(now, deadline);
}

void server_reset_clock(void)
{
    now = G_USEC_PER_SEC;
    g_random_set_seed(1);
}

gint64 __wrap_g_get_monotonic_time(void)
{
    return ++now;
}

gint64 __wrap_g_get_real_time(void)
{
    return START + now;
}

gint64 __wrap_deadline_in(guint seconds)
{
    return now + (gint64)seconds * G_USEC_PER_SEC;
}

int __wrap_deadline_left_ms(gint64 deadline)
{
    wait_until(deadline);
    return 0;
}

gboolean __wrap_wait_fd(int fd, short events, gint64 deadline, GCancellable *cancel,
                        const char *what, GError **error)
{
    gboolean comes = FALSE;
    if (g_cancellable_is_cancelled(cancel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                    "interrupted while waiting for %s", what);
        return FALSE;
    }
    if (!server_awaits(fd, &comes)) {
        struct pollfd one = {.fd = fd, .events = events};
        comes = poll(&one, 1, 0) > 0;
    }
    if (comes)
        return TRUE;
    wait_until(deadline);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT, "timed out waiting for %s", what);
    return FALSE;
}

gboolean __wrap_wait_cond(GCond *cond, GMutex *mutex, gint64 deadline)
{
    (void)cond;
    (void)mutex;
    wait_until(deadline);
    return FALSE;
}

/* There is nobody who could end a wait without a deadline. */
gboolean __wrap_wait_step(const Wait *wait, gint64 deadline, const char *what, GError **error)
{
    gboolean cancelled = g_cancellable_is_cancelled(wait->cancel);
    g_assert_true(cancelled || deadline != WAIT_FOREVER);
    if (!cancelled)
        wait_until(deadline);
    g_set_error(error, FTPSFS_ERROR, cancelled ? FTPSFS_ERROR_INTERRUPTED : FTPSFS_ERROR_TIMEOUT,
                "no end of the wait for %s", what);
    return FALSE;
}
