/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection more: how it is opened, and what is learned when it can't be. */
#include "ftp/transfer/dataport.h"
#include "ftpsfs/util/deadline.h"
#include "ftpsfs/util/error.h"
#include "pool_private.h"
#include "session_open.h"

/* A connect failed. With other sessions alive it is the server's limit, which lowers the ceiling
 * for a while; without any the server is out of reach. Lock held. */
static OpenOutcome note_failure(Pool *pool, const GError *failure)
{
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
        return OPEN_FAILED;
    if (pool->total > 0) {
        if (pool->ceiling != pool->total) {
            g_free(pool->refusal);
            pool->refusal = g_strdup(failure->message);
        }
        pool->ceiling = pool->total;
        pool->ceiling_until = deadline_in(POOL_LIMIT_RETRY_S);
        return OPEN_LIMIT;
    }
    if (pool->learned && pool_note_outage(pool, failure))
        return OPEN_AGAIN;
    pool->outage_until = 0;
    pool_note_down(pool, failure);
    return OPEN_FAILED;
}

/* Of several connects at once, each that is refused lowers the ceiling: what it is shows after the
 * last. Lock held. */
static void tell_limit(Pool *pool)
{
    if (pool->connecting > 0 || pool->refusal == NULL)
        return;
    g_message("the server takes %u connections at a time: %s", pool->ceiling, pool->refusal);
    g_clear_pointer(&pool->refusal, g_free);
}

Session *pool_open_session(Pool *pool, OpenOutcome *outcome, GCancellable *cancel, GError **error)
{
    gboolean first = !pool->learned;
    pool->connecting++;
    lock_release(&pool->lock);
    g_autoptr(GError) failure = NULL;
    Session *session = session_open(pool->context, first, cancel, &failure);
    lock_take(&pool->lock);
    pool->connecting--;
    if (session != NULL) {
        pool_note_success(pool);
        tell_limit(pool);
        return session;
    }
    pool->total--;
    *outcome = note_failure(pool, failure);
    tell_limit(pool);
    if (*outcome == OPEN_FAILED)
        g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}

void pool_grow(gpointer task, gpointer data)
{
    (void)task;
    Pool *pool = data;
    lock_take(&pool->lock);
    if (!pool->stopping && pool->total > 0 && pool->total < pool->ceiling) {
        pool->total++;
        OpenOutcome outcome = OPEN_FAILED;
        g_autoptr(GError) failure = NULL;
        Session *session = pool_open_session(pool, &outcome, pool->stop, &failure);
        if (session != NULL) {
            dataport_want(dataport_of(session));
            pool_hand_over(pool, session);
        } else {
            pool_wake_first(pool);
        }
    }
    pool->growing = FALSE;
    lock_release(&pool->lock);
}
