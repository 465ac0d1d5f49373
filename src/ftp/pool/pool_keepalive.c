/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool's keep-alive thread. It polls the idle control connections, so that a dead one is
 * noticed before it costs anybody an error and a prepared data connection gets ready while nobody
 * waits for it; it sends NOOP, closes what was idle for long, and probes a server that is down.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ftp/transfer/dataport.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "pool_private.h"
#include "session_open.h"

/* For the answer to QUIT. */
#define EXPIRED_QUIT_S 2

void pool_keepalive_wake(Pool *pool)
{
    guint64 one = 1;
    if (write(pool->wake_fd, &one, sizeof one) < 0)
        g_debug("the keep-alive could not be woken: %s", g_strerror(errno));
}

static void watch(GArray *fds, int fd, short events)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    g_array_append_val(fds, pfd);
}

/* Milliseconds until something has to be done by the clock alone; -1: nothing has. Lock held. */
static int next_timeout(const Pool *pool)
{
    const RemoteOptions *options = pool->context->options;
    gint64 next = pool->down != NULL && pool->total == 0 ? pool->probe_at : G_MAXINT64;
    for (const GList *l = pool->idle.head; l != NULL; l = l->next) {
        gint64 last = session_last_used(l->data);
        if (options->keepalive_s > 0)
            next = MIN(next, last + options->keepalive_s * G_USEC_PER_SEC);
        if (options->idle_timeout_s > 0 && pool->idle.length > 1)
            next =
                MIN(next, session_idle_since(l->data) + options->idle_timeout_s * G_USEC_PER_SEC);
    }
    return next == G_MAXINT64 ? -1 : deadline_left_ms(next);
}

static void gather(Pool *pool, GArray *fds)
{
    g_array_set_size(fds, 0);
    watch(fds, pool->wake_fd, POLLIN);
    for (GList *l = pool->idle.head; l != NULL; l = l->next) {
        watch(fds, channel_fd(session_channel(l->data)), POLLIN);
        short events = 0;
        int data = dataport_fd(dataport_of(l->data), &events);
        if (data >= 0)
            watch(fds, data, events);
    }
}

/* NOOP where one is due. The reply is dropped; its absence shows when the session is used or at the
 * next NOOP. Lock held; the few bytes go into the socket's buffer. */
static void keep_alive(const Pool *pool, Session *session)
{
    gint64 due = session_last_used(session) + pool->context->options->keepalive_s * G_USEC_PER_SEC;
    if (pool->context->options->keepalive_s == 0 || g_get_monotonic_time() < due)
        return;
    g_autoptr(GError) failure = NULL;
    if (!session_is_drained(session) || !session_send(session, "NOOP", NULL, NULL, &failure)) {
        g_debug("an idle control connection does not answer");
        session_break(session);
    }
    session_drop_replies(session);
}

static Session *take_expired(Pool *pool)
{
    guint limit = pool->context->options->idle_timeout_s;
    if (limit == 0 || pool->idle.length < 2)
        return NULL;
    /* The tail was given back the longest time ago. */
    Session *session = g_queue_peek_tail(&pool->idle);
    if (g_get_monotonic_time() < session_idle_since(session) + limit * G_USEC_PER_SEC)
        return NULL;
    g_queue_pop_tail(&pool->idle);
    pool->total--;
    return session;
}

static void tend_idle(Pool *pool)
{
    for (GList *l = pool->idle.head, *next; l != NULL; l = next) {
        next = l->next;
        keep_alive(pool, l->data);
        pool_check_idle(pool, l);
    }
}

/* Opens a connection when the server was down and the time for a try has come. Lock held; dropped
 * meanwhile. */
static void probe(Pool *pool)
{
    if (pool->down == NULL || pool->total > 0 || g_get_monotonic_time() < pool->probe_at)
        return;
    pool->total++;
    pool->probing = 1;
    lock_release(&pool->lock);
    g_autoptr(GError) failure = NULL;
    Session *session = session_open(pool->context, !pool->learned, pool->stop, &failure);
    lock_take(&pool->lock);
    pool->probing = 0;
    if (session != NULL) {
        g_message("%s is back", pool->context->options->host);
        pool_note_success(pool);
        pool_hand_over(pool, session);
        return;
    }
    g_debug("the server is still down: %s", failure->message);
    pool->total--;
    pool_note_down(pool, failure);
}

static gpointer run(gpointer data)
{
    Pool *pool = data;
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    lock_take(&pool->lock);
    while (!pool->stopping) {
        gather(pool, fds);
        int timeout = next_timeout(pool);
        lock_release(&pool->lock);
        if (poll((struct pollfd *)(void *)fds->data, fds->len, timeout) < 0 && errno != EINTR)
            g_warning("poll failed: %s", g_strerror(errno));
        guint64 count;
        if (read(pool->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
            g_debug("eventfd: %s", g_strerror(errno));
        lock_take(&pool->lock);
        tend_idle(pool);
        probe(pool);
        Session *expired = take_expired(pool);
        if (expired != NULL) {
            lock_release(&pool->lock);
            session_quit_begin(expired);
            session_quit_end(expired, deadline_in(EXPIRED_QUIT_S));
            session_free(expired);
            lock_take(&pool->lock);
        }
    }
    lock_release(&pool->lock);
    return NULL;
}

void pool_keepalive_start(Pool *pool)
{
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake_fd < 0)
        g_error("eventfd: %s", g_strerror(errno));
    pool->thread = g_thread_new("keep-alive", run, pool);
}

void pool_keepalive_stop(Pool *pool)
{
    lock_take(&pool->lock);
    pool->stopping = TRUE;
    lock_release(&pool->lock);
    g_cancellable_cancel(pool->stop);
    pool_keepalive_wake(pool);
    g_thread_join(pool->thread);
    close(pool->wake_fd);
}
