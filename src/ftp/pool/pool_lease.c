/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What whoever has a lease does with it. */
#include "ftp/transfer/dataport.h"
#include "ftpsfs/util/error.h"
#include "pool_private.h"

Session *pool_lease_session(Lease *lease)
{
    return lease->session;
}

void pool_lease_return(Lease *lease)
{
    if (lease == NULL)
        return;
    Pool *pool = lease->pool;
    Session *session = lease->session;
    if ((lease->want & LEASE_DATA) && !session_is_broken(session))
        dataport_want(dataport_of(session));
    lock_take(&pool->lock);
    g_queue_unlink(&pool->leases, &lease->link);
    if (lease->yield != NULL)
        g_queue_remove(&pool->holders, lease);
    if (session_is_broken(session) || !dataport_advance(dataport_of(session)))
        pool_forget_session(pool, session);
    else
        pool_hand_over(pool, session);
    lock_release(&pool->lock);
    g_clear_object(&lease->yield);
    g_free(lease);
}

void pool_lease_failed(Lease *lease, const GError *failure)
{
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT))
        return;
    lock_take(&lease->pool->lock);
    pool_drop_silent(lease->pool, lease->since);
    lock_release(&lease->pool->lock);
}

void pool_lease_allow_yield(Lease *lease, GCancellable *yield)
{
    Pool *pool = lease->pool;
    lock_take(&pool->lock);
    lease->yield = g_object_ref(yield);
    lease->yieldable_since = lease->last_use = g_get_monotonic_time();
    g_queue_push_tail(&pool->holders, lease);
    /* Whoever waits already reckons with this holder from now on. */
    pool_wake_first(pool);
    lock_release(&pool->lock);
}

void pool_lease_touch(Lease *lease)
{
    lock_take(&lease->pool->lock);
    lease->last_use = g_get_monotonic_time();
    lock_release(&lease->pool->lock);
}
