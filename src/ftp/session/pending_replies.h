/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pending_replies - who gets the final replies to the commands that a session has sent, in the
 * order in which they were sent. Belongs to its Session; no lock.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_PENDING_REPLIES_H
#define FTPSFS_SRC_FTP_SESSION_PENDING_REPLIES_H

#include "session.h"

typedef struct {
    enum { PENDING_CALLER, PENDING_DROP, PENDING_FUNC } who;
    SessionReplyFunc func;
    gboolean early; /* to a question for a port that was sent before the end of a transfer */
} PendingReply;

/* The reply to a command that goes out now, after those to all before it. */
void pending_replies_push(GQueue *queue, PendingReply what);

/* The entry that `reply` is for, of a queue that is not empty: the first one, but for an answer to
 * an early question for a port. */
GList *pending_replies_find(GQueue *queue, const Reply *reply);

/* Whether there is something that the caller has not received yet. */
gboolean pending_replies_has_callers(const GQueue *queue);

/* What the caller has not received yet is dropped when it comes. */
void pending_replies_drop(GQueue *queue);

#endif
