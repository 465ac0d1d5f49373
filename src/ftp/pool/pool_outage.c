/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pool makes of a server that can't be reached: pauses, an outage, and that it is over. */
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "pool_private.h"

static void wake_waiters(Pool *pool)
{
    for (GList *l = pool->waiters.head; l != NULL; l = l->next)
        g_cond_signal(&((Waiter *)l->data)->cond);
}

void pool_note_success(Pool *pool)
{
    pool->learned = TRUE;
    if (pool->down != NULL || pool->outage_until != 0)
        pool->ceiling = pool->context->options->connections;
    pool->outage_until = 0;
    g_clear_error(&pool->down);
}

void pool_note_down(Pool *pool, const GError *failure)
{
    /* What the user has to change does not get better by itself; too many logins with a password
     * that is not taken lock the account. */
    guint delay_min_s = ftpsfs_error_is(failure, FTPSFS_ERROR_LOGIN) ? 10 : 1;
    guint delay_max_s = ftpsfs_error_is(failure, FTPSFS_ERROR_LOGIN) ? 600 : 15;
    pool->probe_delay_s =
        pool->down == NULL ? delay_min_s : CLAMP(pool->probe_delay_s * 2, delay_min_s, delay_max_s);
    g_clear_error(&pool->down);
    pool->down = g_error_new(FTPSFS_ERROR, failure->code,
                             "%s; the server is tried again in the background", failure->message);
    /* Many mounts may have lost the same server at the same moment. */
    gint64 jitter = g_random_int_range(0, (gint32)(pool->probe_delay_s * 500));
    pool->probe_at = deadline_in(pool->probe_delay_s) + jitter * 1000;
    wake_waiters(pool);
    pool_keepalive_wake(pool);
}

gboolean pool_note_outage(Pool *pool, const GError *failure)
{
    if (!ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_OUTAGE))
        return FALSE;
    gint64 now = g_get_monotonic_time();
    gint64 patience = pool->context->options->timeout_s * G_USEC_PER_SEC;
    if (pool->outage_until == 0 || now - pool->failed_at > patience) {
        pool->outage_until = now + patience;
        pool->pause_ms = POOL_PAUSE_MIN_MS;
    }
    /* A connect that took the whole time has waited enough. */
    if (now >= pool->outage_until || ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT))
        return FALSE;
    pool->failed_at = now;
    gint32 pause_ms = (gint32)pool->pause_ms;
    pool->retry_at =
        MIN(now + g_random_int_range(pause_ms / 2, pause_ms) * 1000, pool->outage_until);
    pool->pause_ms = MIN(pool->pause_ms * 2, POOL_PAUSE_MAX_MS);
    g_info("trying to reach the server again: %s", failure->message);
    return TRUE;
}

gboolean pool_is_down_locked(const Pool *pool)
{
    /* A probe may take the whole timeout: nobody waits for it. */
    return pool->down != NULL && pool->total == pool->probing;
}

gboolean pool_is_down(Pool *pool)
{
    lock_take(&pool->lock);
    gboolean down =
        pool_is_down_locked(pool) && ftpsfs_error_has(pool->down, FTPSFS_ERROR_CLASS_OUTAGE);
    lock_release(&pool->lock);
    return down;
}
