/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/pool.h"

#include "ftpsfs/ftp/dataport.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "pool_private.h"

Session *lease_session(Lease *lease)
{
    return lease->session;
}

Pool *pool_new(SessionContext *context)
{
    Pool *pool = g_new0(Pool, 1);
    pool->context = context;
    pool->ceiling = context->options->connections;
    g_mutex_init(&pool->lock);
    g_queue_init(&pool->idle);
    g_queue_init(&pool->waiters);
    g_queue_init(&pool->holders);
    keeper_start(pool);
    return pool;
}

void pool_free(Pool *pool)
{
    if (pool == NULL)
        return;
    keeper_stop(pool);
    for (Session *session; (session = g_queue_pop_head(&pool->idle)) != NULL;) {
        session_quit(session);
        session_free(session);
    }
    g_clear_error(&pool->down);
    g_mutex_clear(&pool->lock);
    g_free(pool);
}

static Lease *new_lease(Pool *pool, Session *session, gboolean for_data)
{
    Lease *lease = g_new0(Lease, 1);
    lease->pool = pool;
    lease->session = session;
    lease->for_data = for_data;
    return lease;
}

/* How well an idle session suits: the higher the better. */
static int suitability(Session *session, gboolean for_data)
{
    if (!session_is_settled(session))
        return 0;
    return dataport_is_ready(session_dataport(session)) == for_data ? 2 : 1;
}

/* Takes the idle session that suits best; dead ones are dropped on the way, which is why a server's
 * restart costs nobody an error. Lock held; only non-blocking reads. */
static Session *take_idle(Pool *pool, gboolean for_data)
{
    GList *best = NULL;
    int best_suits = -1;
    for (GList *l = pool->idle.head, *next; l != NULL; l = next) {
        next = l->next;
        if (!pool_check_idle(pool, l))
            continue;
        int suits = suitability(l->data, for_data);
        if (suits > best_suits) {
            best = l;
            best_suits = suits;
        }
    }
    if (best == NULL)
        return NULL;
    Session *session = best->data;
    g_queue_delete_link(&pool->idle, best);
    return session;
}

gboolean pool_check_idle(Pool *pool, GList *link)
{
    Session *session = link->data;
    g_autoptr(GError) failure = NULL;
    if (session_poll(session, &failure) && dataport_advance(session_dataport(session)))
        return TRUE;
    g_debug("an idle control connection is dropped: %s",
            failure != NULL ? failure->message : "it can't be written to");
    g_queue_delete_link(&pool->idle, link);
    pool_forget_session(pool, session);
    return FALSE;
}

void pool_forget_session(Pool *pool, Session *session)
{
    STATS_ADD(pool->context->stats, sessions_lost, 1);
    session_free(session);
    pool->total--;
    /* The place is free: the first waiter opens a connection of its own. */
    Waiter *waiter = g_queue_peek_head(&pool->waiters);
    if (waiter != NULL)
        g_cond_signal(&waiter->cond);
}

/* Asks the holder that was of use the longest time ago to give its session up, among those that had
 * it for long enough to get something done; else two streams on one connection would only chase
 * each other. Returns when to ask again, G_MAXINT64 for never. Lock held; dropped meanwhile. */
static gint64 ask_a_holder(Pool *pool)
{
    gint64 now = g_get_monotonic_time();
    gint64 next = G_MAXINT64;
    Lease *oldest = NULL;
    for (GList *l = pool->holders.head; l != NULL; l = l->next) {
        Lease *lease = l->data;
        gint64 due = lease->held_since + POOL_HOLD_MIN_MS * 1000;
        if (lease->asked)
            continue;
        if (due > now)
            next = MIN(next, due);
        else if (oldest == NULL || lease->last_use < oldest->last_use)
            oldest = lease;
    }
    if (oldest == NULL)
        return next;
    oldest->asked = TRUE;
    g_autoptr(GCancellable) yield = g_object_ref(oldest->yield);
    g_mutex_unlock(&pool->lock);
    g_cancellable_cancel(yield);
    g_mutex_lock(&pool->lock);
    return next;
}

/* A connect failed. With other sessions alive it is the server's limit, which lowers the ceiling
 * for a while; without any the server is down. Lock held. TRUE when waiting makes sense. */
static gboolean note_failure(Pool *pool, const GError *failure)
{
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
        return FALSE;
    if (pool->total > 0) {
        g_message("the server takes %u connections at a time: %s", pool->total, failure->message);
        pool->ceiling = pool->total;
        pool->ceiling_until = deadline_in(POOL_LIMIT_RETRY_S);
        return TRUE;
    }
    /* What the user has to change does not get better by itself, but the server's side may. */
    g_clear_error(&pool->down);
    pool->down = g_error_copy(failure);
    pool->probe_delay_s = 1;
    pool->probe_at = deadline_in(pool->probe_delay_s);
    for (GList *l = pool->waiters.head; l != NULL; l = l->next)
        g_cond_signal(&((Waiter *)l->data)->cond);
    keeper_wake(pool);
    return FALSE;
}

/* Opens a connection, for which total has been counted up. Lock held; dropped meanwhile. */
static Session *open_session(Pool *pool, gboolean *wait, GCancellable *cancel, GError **error)
{
    gboolean first = !pool->learned;
    g_mutex_unlock(&pool->lock);
    g_autoptr(GError) failure = NULL;
    Session *session = session_open(pool->context, first, cancel, &failure);
    g_mutex_lock(&pool->lock);
    if (session != NULL) {
        pool->learned = TRUE;
        g_clear_error(&pool->down);
        return session;
    }
    pool->total--;
    *wait = note_failure(pool, failure);
    if (!*wait)
        g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}

static void wake_waiter(GCancellable *cancel, gpointer data)
{
    (void)cancel;
    Waiter *waiter = data;
    g_mutex_lock(&waiter->pool->lock);
    g_cond_signal(&waiter->cond);
    g_mutex_unlock(&waiter->pool->lock);
}

/* Whether this waiter may open a connection now. */
static gboolean may_open(Pool *pool, const Waiter *waiter)
{
    return pool->total < pool->ceiling && g_queue_peek_head(&pool->waiters) == waiter;
}

/* Waits in line until a session was handed over, one may be opened, or it is over. Lock held. */
static Session *wait_in_line(Pool *pool, Waiter *waiter, GCancellable *cancel, gboolean *refused,
                             GError **error)
{
    gint64 deadline = deadline_in(2 * pool->context->options->timeout_s);
    while (waiter->session == NULL) {
        if (g_cancellable_is_cancelled(cancel)) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while waiting for a control connection");
            return NULL;
        }
        if (pool->down != NULL && pool->total == 0) {
            g_propagate_error(error, g_error_copy(pool->down));
            return NULL;
        }
        if (!*refused && may_open(pool, waiter)) {
            pool->total++;
            gboolean wait = FALSE;
            Session *session = open_session(pool, &wait, cancel, error);
            if (session != NULL || !wait)
                return session;
            *refused = TRUE;
            continue;
        }
        gint64 ask_again = ask_a_holder(pool);
        if (waiter->session == NULL &&
            !wait_cond(&waiter->cond, &pool->lock, MIN(deadline, ask_again)) &&
            waiter->session == NULL && g_get_monotonic_time() >= deadline) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT,
                        "no control connection came free; all %u are in use", pool->total);
            return NULL;
        }
        /* After somebody's session went away there is room again. */
        *refused = *refused && pool->total >= pool->ceiling;
    }
    return g_steal_pointer(&waiter->session);
}

/* Gives a session to the first waiter, or keeps it as idle. Lock held. */
static void hand_over(Pool *pool, Session *session)
{
    for (GList *l = pool->waiters.head; l != NULL; l = l->next) {
        Waiter *waiter = l->data;
        if (waiter->session != NULL)
            continue;
        waiter->session = session;
        g_cond_signal(&waiter->cond);
        return;
    }
    session_set_idle_since(session, g_get_monotonic_time());
    g_queue_push_head(&pool->idle, session);
    keeper_wake(pool);
}

/* A session, whatever is still outstanding on it. */
static Lease *lease_any(Pool *pool, gboolean for_data, GCancellable *cancel, GError **error)
{
    Waiter waiter = {.pool = pool};
    g_cond_init(&waiter.cond);
    gulong watch =
        cancel != NULL ? g_cancellable_connect(cancel, G_CALLBACK(wake_waiter), &waiter, NULL) : 0;
    g_mutex_lock(&pool->lock);
    if (pool->ceiling < pool->context->options->connections &&
        g_get_monotonic_time() > pool->ceiling_until)
        pool->ceiling = pool->context->options->connections;
    Session *session = g_queue_is_empty(&pool->waiters) ? take_idle(pool, for_data) : NULL;
    if (session == NULL) {
        gboolean refused = FALSE;
        g_queue_push_tail(&pool->waiters, &waiter);
        session = wait_in_line(pool, &waiter, cancel, &refused, error);
        g_queue_remove(&pool->waiters, &waiter);
        /* Handed over at the very moment of giving up. */
        if (waiter.session != NULL)
            hand_over(pool, waiter.session);
        Waiter *next = g_queue_peek_head(&pool->waiters);
        if (next != NULL)
            g_cond_signal(&next->cond);
    }
    g_mutex_unlock(&pool->lock);
    if (watch != 0)
        g_cancellable_disconnect(cancel, watch);
    g_cond_clear(&waiter.cond);
    return session != NULL ? new_lease(pool, session, for_data) : NULL;
}

/* Waits for the end of what was cut short on the session by whoever had it before. */
static gboolean make_usable(Session *session, GCancellable *cancel)
{
    if (session_is_settled(session))
        return TRUE;
    g_autoptr(GError) failure = NULL;
    if (session_settle(session, cancel, &failure))
        return TRUE;
    g_debug("a control connection did not settle: %s", failure->message);
    return FALSE;
}

Lease *pool_lease(Pool *pool, gboolean for_data, GCancellable *cancel, GError **error)
{
    for (;;) {
        Lease *lease = lease_any(pool, for_data, cancel, error);
        if (lease == NULL || make_usable(lease->session, cancel))
            return lease;
        gboolean cancelled = g_cancellable_is_cancelled(cancel);
        if (!cancelled)
            session_break(lease->session);
        lease_return(lease);
        if (cancelled) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while waiting for a control connection");
            return NULL;
        }
    }
}

void lease_return(Lease *lease)
{
    if (lease == NULL)
        return;
    Pool *pool = lease->pool;
    Session *session = lease->session;
    if (lease->for_data && !session_is_broken(session))
        dataport_want(session_dataport(session));
    g_mutex_lock(&pool->lock);
    if (lease->yield != NULL)
        g_queue_remove(&pool->holders, lease);
    if (session_is_broken(session) || !dataport_advance(session_dataport(session)))
        pool_forget_session(pool, session);
    else
        hand_over(pool, session);
    g_mutex_unlock(&pool->lock);
    g_clear_object(&lease->yield);
    g_free(lease);
}

void lease_hold(Lease *lease, GCancellable *yield)
{
    Pool *pool = lease->pool;
    g_mutex_lock(&pool->lock);
    lease->yield = g_object_ref(yield);
    lease->held_since = lease->last_use = g_get_monotonic_time();
    g_queue_push_tail(&pool->holders, lease);
    /* Whoever waits already reckons with this holder from now on. */
    Waiter *waiter = g_queue_peek_head(&pool->waiters);
    if (waiter != NULL)
        g_cond_signal(&waiter->cond);
    g_mutex_unlock(&pool->lock);
}

void lease_touch(Lease *lease)
{
    g_mutex_lock(&lease->pool->lock);
    lease->last_use = g_get_monotonic_time();
    g_mutex_unlock(&lease->pool->lock);
}
