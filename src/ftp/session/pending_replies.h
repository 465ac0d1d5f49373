/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * expected - who gets the final replies to the commands that a session has sent, in the order in
 * which they were sent. Belongs to its Session; no lock.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_PENDING_REPLIES_H
#define FTPSFS_SRC_FTP_SESSION_PENDING_REPLIES_H

#include "session.h"

typedef struct {
    enum { EXPECT_CALLER, EXPECT_DROP, EXPECT_FUNC } who;
    SessionReplyFunc func;
    gboolean early; /* to a question for a port that was sent before the end of a transfer */
} Expected;

/* The reply to a command that goes out now, after those to all before it. */
void expected_push(GQueue *queue, Expected what);

/* The entry that `reply` is for, of a queue that is not empty: the first one, but for an answer to
 * an early question for a port. */
GList *expected_find(GQueue *queue, const Reply *reply);

/* Whether there is something that the caller has not received yet. */
gboolean expected_has_callers(const GQueue *queue);

/* What the caller has not received yet is dropped when it comes. */
void expected_drop(GQueue *queue);

#endif
