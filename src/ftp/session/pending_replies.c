/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pending_replies.h"

void pending_replies_push(GQueue *queue, PendingReply what)
{
    g_queue_push_tail(queue, g_memdup2(&what, sizeof what));
}

GList *pending_replies_find(GQueue *queue, const Reply *reply)
{
    /* 227, 228 and 229 answer questions for a port alone (RFC 959, 1639 and 2428). A server that
     * takes commands during a transfer gives them before it reports the transfer's end. */
    if (reply->code < 227 || reply->code > 229)
        return queue->head;
    for (GList *l = queue->head; l != NULL; l = l->next)
        if (((const PendingReply *)l->data)->early)
            return l;
    return queue->head;
}

gboolean pending_replies_has_callers(const GQueue *queue)
{
    for (const GList *l = queue->head; l != NULL; l = l->next)
        if (((const PendingReply *)l->data)->who == PENDING_CALLER)
            return TRUE;
    return FALSE;
}

void pending_replies_drop(GQueue *queue)
{
    for (GList *l = queue->head; l != NULL; l = l->next) {
        PendingReply *pending = l->data;
        if (pending->who == PENDING_CALLER)
            pending->who = PENDING_DROP;
    }
}
