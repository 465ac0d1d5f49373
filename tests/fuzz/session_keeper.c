/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool's threads, its keeper and its grower, are left out, so that the same operations lead to
 * the same commands.
 */
#include "ftp/pool/pool_private.h"

gboolean __wrap_g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error);

void pool_keepalive_start(Pool *pool)
{
    pool->wake_fd = -1;
}

void pool_keepalive_stop(Pool *pool)
{
    pool->stopping = TRUE;
}

void pool_keepalive_wake(Pool *pool)
{
    (void)pool;
}

gboolean __wrap_g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
    (void)pool;
    (void)data;
    (void)error;
    return FALSE;
}
