/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pool.h"
#include "session_open.h"

#include <time.h>

#include "ftp/transfer/dataport.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "pool_private.h"

/* For the answers to QUIT, all together. */
#define POOL_QUIT_S 2

/* How long a session is waited for on which a transfer was cut short; a new one is cheaper then. */
#define POOL_DRAIN_S 1u

/* Leases for data that find no data port ready add so much to the shortage, others take 1 away; at
 * the maximum the pool grows. */
#define SHORTAGE_STEP 4u
#define SHORTAGE_MAX  8u

/* A suspension of this length breaks connections. */
#define POOL_SLEEP_S 10

/* Microseconds that this machine has spent suspended; the monotonic clock stands still then. */
static gint64 time_slept(void)
{
    struct timespec boot, monotonic;
    if (clock_gettime(CLOCK_BOOTTIME, &boot) != 0 ||
        clock_gettime(CLOCK_MONOTONIC, &monotonic) != 0)
        return 0;
    return (boot.tv_sec - monotonic.tv_sec) * G_USEC_PER_SEC +
           (boot.tv_nsec - monotonic.tv_nsec) / 1000;
}

Pool *pool_new(SessionContext *context)
{
    Pool *pool = g_new0(Pool, 1);
    pool->context = context;
    pool->ceiling = context->options->connections;
    lock_init(&pool->lock, LOCK_RANK_POOL);
    g_queue_init(&pool->idle);
    g_queue_init(&pool->waiters);
    g_queue_init(&pool->holders);
    g_queue_init(&pool->leases);
    pool->slept = time_slept();
    pool->stop = g_cancellable_new();
    pool->grower = g_thread_pool_new(pool_grow, pool, 1, FALSE, NULL);
    pool_keepalive_start(pool);
    return pool;
}

void pool_free(Pool *pool)
{
    if (pool == NULL)
        return;
    pool_keepalive_stop(pool);
    g_thread_pool_free(pool->grower, TRUE, TRUE);
    for (GList *l = pool->idle.head; l != NULL; l = l->next)
        session_quit_begin(l->data);
    gint64 deadline = deadline_in(POOL_QUIT_S);
    for (Session *session; (session = g_queue_pop_head(&pool->idle)) != NULL;) {
        session_quit_end(session, deadline);
        session_free(session);
    }
    g_clear_error(&pool->down);
    g_free(pool->refusal);
    g_object_unref(pool->stop);
    lock_clear(&pool->lock);
    g_free(pool);
}

/* Lock held. */
static Lease *new_lease(Pool *pool, Session *session, LeaseWant want)
{
    Lease *lease = g_new0(Lease, 1);
    lease->pool = pool;
    lease->session = session;
    lease->want = want;
    lease->since = g_get_monotonic_time();
    lease->link.data = lease;
    g_queue_push_tail_link(&pool->leases, &lease->link);
    return lease;
}

/* How well an idle session suits: the higher the better. */
static int suitability(Session *session, gboolean for_data)
{
    if (!session_is_drained(session))
        return 0;
    return dataport_is_ready(dataport_of(session)) == for_data ? 2 : 1;
}

void pool_drop_silent(Pool *pool, gint64 when)
{
    for (GList *l = pool->idle.head, *next; l != NULL; l = next) {
        Session *session = l->data;
        next = l->next;
        if (session_last_heard(session) >= when)
            continue;
        g_queue_delete_link(&pool->idle, l);
        pool_forget_session(pool, session);
    }
}

/* After a suspension the server, or a router on the way, has forgotten the connections; to find out
 * from their silence takes long. */
static void notice_suspension(Pool *pool)
{
    gint64 slept = time_slept();
    if (slept - pool->slept > POOL_SLEEP_S * G_USEC_PER_SEC) {
        g_debug("the machine was suspended; idle control connections are dropped");
        pool_drop_silent(pool, G_MAXINT64);
    }
    pool->slept = slept;
}

static gboolean is_stuck(Session *session)
{
    gint64 age = g_get_monotonic_time() - session_idle_since(session);
    return !session_is_drained(session) && age > POOL_DRAIN_S * G_USEC_PER_SEC;
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
        /* One on which a transfer was cut short, and the server still does not say so. */
        if (pool->total < pool->ceiling && is_stuck(l->data))
            continue;
        int suits = suitability(l->data, for_data);
        /* Of those whose port is not ready yet the one given back first is nearest to it. */
        if (suits > best_suits || (for_data && suits == best_suits && suits < 2)) {
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
    if (session_poll(session, &failure) && dataport_advance(dataport_of(session)))
        return TRUE;
    g_debug("an idle control connection is dropped: %s",
            failure != NULL ? failure->message : "it can't be written to");
    g_queue_delete_link(&pool->idle, link);
    pool_forget_session(pool, session);
    return FALSE;
}

static gboolean lets_others_pass(const Waiter *waiter)
{
    return (waiter->want & LEASE_CONTENT) && waiter->passed < POOL_PASSES_MAX;
}

/* The waiter whose turn it is: the first that is not served and not opening a connection, or the
 * first of those that it lets pass. */
static Waiter *first_waiting(Pool *pool)
{
    Waiter *first = NULL;
    for (GList *l = pool->waiters.head; l != NULL; l = l->next) {
        Waiter *waiter = l->data;
        if (waiter->opening || waiter->session != NULL)
            continue;
        if (!lets_others_pass(waiter))
            return waiter;
        if (first == NULL)
            first = waiter;
    }
    return first;
}

/* The next waiter gets the session; those before it have been passed. */
static void serve(Pool *pool, Waiter *next, Session *session)
{
    for (GList *l = pool->waiters.head; l != NULL && l->data != next; l = l->next)
        ((Waiter *)l->data)->passed++;
    next->session = session;
    g_cond_signal(&next->cond);
}

void pool_wake_first(Pool *pool)
{
    Waiter *first = first_waiting(pool);
    if (first != NULL)
        g_cond_signal(&first->cond);
}

void pool_forget_session(Pool *pool, Session *session)
{
    STATS_ADD(pool->context->stats, sessions_lost, 1);
    session_free(session);
    pool->total--;
    /* The place is free: the first waiter opens a connection of its own. */
    pool_wake_first(pool);
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
        gint64 due = lease->yieldable_since + POOL_HOLD_MIN_MS * 1000;
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
    lock_release(&pool->lock);
    g_cancellable_cancel(yield);
    lock_take(&pool->lock);
    return next;
}

/* A lease for data has got a session: one after the other, by a serial reader, they find a prepared
 * data connection only when there are enough sessions to prepare one on meanwhile. */
static void note_readiness(Pool *pool, Session *session)
{
    if (dataport_is_ready(dataport_of(session))) {
        pool->shortage -= MIN(pool->shortage, 1);
        return;
    }
    pool->shortage += SHORTAGE_STEP;
    if (pool->shortage < SHORTAGE_MAX || pool->growing || pool->total >= pool->ceiling)
        return;
    pool->shortage = 0;
    pool->growing = g_thread_pool_push(pool->grower, pool, NULL);
}

/* Whether there is room for a connection that this waiter or one before it can open. */
static gboolean has_room(const Pool *pool, const Waiter *waiter)
{
    return !waiter->refused && pool->total < pool->ceiling;
}

/* Whether this waiter may open a connection now: several are opened at once, but not before one has
 * shown that the server is there. */
static gboolean may_open(Pool *pool, const Waiter *waiter)
{
    return has_room(pool, waiter) && first_waiting(pool) == waiter &&
           (pool->opening == 0 || pool->total > pool->opening);
}

/* While the server is out of reach, connects have pauses between them. */
static gboolean is_pausing(const Pool *pool)
{
    return pool->total == 0 && pool->outage_until != 0 && g_get_monotonic_time() < pool->retry_at;
}

/* Why a waiter gives up, if it does. Lock held. */
static gboolean is_over(Pool *pool, gint64 deadline, GCancellable *cancel, GError **error)
{
    if (g_cancellable_is_cancelled(cancel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                    "interrupted while waiting for a control connection");
        return TRUE;
    }
    if (pool_is_down_locked(pool)) {
        g_propagate_error(error, g_error_copy(pool->down));
        return TRUE;
    }
    if (g_get_monotonic_time() < deadline)
        return FALSE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT,
                "no control connection to %s came free; all %u are in use",
                pool->context->options->host, pool->total);
    return TRUE;
}

/* pool_open_session for a waiter; those behind it go on meanwhile. */
static Session *open_waiting(Pool *pool, Waiter *waiter, OpenOutcome *outcome, GCancellable *cancel,
                             GError **error)
{
    waiter->opening = TRUE;
    pool->opening++;
    pool_wake_first(pool);
    Session *session = pool_open_session(pool, outcome, cancel, error);
    pool->opening--;
    waiter->opening = FALSE;
    return session;
}

/* Waits in line until a session was handed over, one may be opened, or it is over. Lock held. */
static Session *wait_in_line(Pool *pool, Waiter *waiter, GCancellable *cancel, GError **error)
{
    gint64 deadline = deadline_in(2 * pool->context->options->timeout_s);
    while (waiter->session == NULL) {
        if (is_over(pool, deadline, cancel, error))
            return NULL;
        gboolean pausing = is_pausing(pool);
        if (!pausing && may_open(pool, waiter)) {
            pool->total++;
            OpenOutcome outcome = OPEN_FAILED;
            Session *session = open_waiting(pool, waiter, &outcome, cancel, error);
            if (session != NULL || outcome == OPEN_FAILED)
                return session;
            waiter->refused = outcome == OPEN_LIMIT;
            continue;
        }
        /* Of no use to whoever wanted a fresh one, but better than none. */
        Session *idle = waiter->refused ? take_idle(pool, (waiter->want & LEASE_DATA) != 0) : NULL;
        if (idle != NULL)
            return idle;
        gint64 until = G_MAXINT64;
        if (pausing)
            until = pool->retry_at;
        else if (!has_room(pool, waiter))
            until = ask_a_holder(pool);
        if (waiter->session == NULL)
            wait_step(&waiter->wait, MIN(deadline, until), "a control connection", NULL);
        /* After somebody's session went away there is room again. */
        waiter->refused = waiter->refused && pool->total >= pool->ceiling;
    }
    return g_steal_pointer(&waiter->session);
}

void pool_hand_over(Pool *pool, Session *session)
{
    Waiter *next = first_waiting(pool);
    if (next != NULL) {
        serve(pool, next, session);
        return;
    }
    session_set_idle_since(session, g_get_monotonic_time());
    g_queue_push_head(&pool->idle, session);
    pool_keepalive_wake(pool);
}

/* Has room for a fresh connection by dropping the idle one that was of use the longest time ago. */
static void make_room(Pool *pool)
{
    if (pool->total < pool->ceiling || g_queue_is_empty(&pool->idle))
        return;
    pool_forget_session(pool, g_queue_pop_tail(&pool->idle));
}

static Session *take_or_wait(Pool *pool, Waiter *waiter, GCancellable *cancel, GError **error)
{
    notice_suspension(pool);
    if (pool->ceiling < pool->context->options->connections &&
        g_get_monotonic_time() > pool->ceiling_until)
        pool->ceiling = pool->context->options->connections;
    if (waiter->want & LEASE_FRESH)
        make_room(pool);
    Session *session =
        waiter->want & LEASE_FRESH ? NULL : take_idle(pool, (waiter->want & LEASE_DATA) != 0);
    if (session != NULL && (waiter->want & LEASE_DATA))
        note_readiness(pool, session);
    if (session != NULL)
        return session;
    g_queue_push_tail(&pool->waiters, waiter);
    session = wait_in_line(pool, waiter, cancel, error);
    g_queue_remove(&pool->waiters, waiter);
    /* Handed over at the very moment of giving up. */
    if (waiter->session != NULL)
        pool_hand_over(pool, waiter->session);
    pool_wake_first(pool);
    return session;
}

/* A session, whatever is still outstanding on it. */
static Lease *lease_any(Pool *pool, LeaseWant want, GCancellable *cancel, GError **error)
{
    Waiter waiter = {.pool = pool, .want = want};
    g_cond_init(&waiter.cond);
    wait_begin(&waiter.wait, &waiter.cond, &pool->lock, cancel);
    lock_take(&pool->lock);
    Session *session = take_or_wait(pool, &waiter, cancel, error);
    Lease *lease = session != NULL ? new_lease(pool, session, want) : NULL;
    lock_release(&pool->lock);
    wait_end(&waiter.wait);
    g_cond_clear(&waiter.cond);
    return lease;
}

/* Waits for the end of what was cut short on the session by whoever had it before. */
static gboolean make_usable(Session *session, GCancellable *cancel)
{
    if (session_is_drained(session))
        return TRUE;
    g_autoptr(GError) failure = NULL;
    guint timeout_s = MIN(POOL_DRAIN_S, session_context(session)->options->timeout_s);
    if (session_drain(session, timeout_s, cancel, &failure))
        return TRUE;
    g_debug("a control connection was not drained: %s", failure->message);
    return FALSE;
}

Lease *pool_lease(Pool *pool, LeaseWant want, GCancellable *cancel, GError **error)
{
    for (;;) {
        Lease *lease = lease_any(pool, want, cancel, error);
        if (lease == NULL || make_usable(lease->session, cancel))
            return lease;
        gboolean cancelled = g_cancellable_is_cancelled(cancel);
        if (!cancelled)
            session_break(lease->session);
        pool_lease_return(lease);
        if (cancelled) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while waiting for a control connection");
            return NULL;
        }
    }
}
