/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/remote_snapshot.h"

#include "ftp/pool/pool_private.h"
#include "ftp/session/session_private.h"
#include "remote_private.h"

static void session_snapshot_free(gpointer data)
{
    SessionSnapshot *session = data;
    g_free(session->tls);
    g_free(session->verb);
    g_free(session->path);
    g_free(session);
}

static void add_session(RemoteSnapshot *snapshot, Session *session, gboolean idle)
{
    SessionSnapshot *copy = g_new0(SessionSnapshot, 1);
    copy->number = session->number;
    copy->idle = idle;
    copy->tls = g_strdup(session->tls);
    if (!idle)
        activity_snapshot(&session->activity, copy);
    g_ptr_array_add(snapshot->sessions, copy);
}

static gint by_number(gconstpointer a, gconstpointer b)
{
    const SessionSnapshot *left = *(SessionSnapshot *const *)a;
    const SessionSnapshot *right = *(SessionSnapshot *const *)b;
    return left->number < right->number ? -1 : left->number > right->number;
}

RemoteSnapshot *remote_snapshot(Remote *remote)
{
    Pool *pool = remote->pool;
    RemoteSnapshot *snapshot = g_new0(RemoteSnapshot, 1);
    snapshot->sessions = g_ptr_array_new_with_free_func(session_snapshot_free);
    lock_take(&pool->lock);
    for (GList *l = pool->idle.head; l != NULL; l = l->next)
        add_session(snapshot, l->data, TRUE);
    for (GList *l = pool->leases.head; l != NULL; l = l->next)
        add_session(snapshot, ((Lease *)l->data)->session, FALSE);
    /* What is neither idle nor leased is on its way: being opened, or handed to a waiter that has
     * not woken up yet. */
    snapshot->opening = pool->total - snapshot->sessions->len;
    snapshot->waiting = pool->waiters.length - pool->opening;
    snapshot->ceiling = pool->ceiling;
    if (pool->down != NULL && pool->total == 0)
        snapshot->down = g_strdup(pool->down->message);
    lock_release(&pool->lock);
    g_ptr_array_sort(snapshot->sessions, by_number);
    return snapshot;
}

void remote_snapshot_free(RemoteSnapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    g_ptr_array_unref(snapshot->sessions);
    g_free(snapshot->down);
    g_free(snapshot);
}
