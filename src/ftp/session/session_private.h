/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Session, shared by session.c (commands and replies) and session_open.c (from the
 * TCP connection to the end of the login).
 */
#ifndef FTPSFS_SRC_FTP_SESSION_SESSION_PRIVATE_H
#define FTPSFS_SRC_FTP_SESSION_SESSION_PRIVATE_H

#include "activity.h"
#include "pending_replies.h"
#include "session.h"

struct Session {
    SessionContext *context;
    Channel *channel;
    ReplyParser *parser;
    GQueue pending;       /* of PendingReply, in the order in which the commands were sent */
    GString *out;         /* commands queued; large enough not to move: passwords go through it */
    gboolean out_of_turn; /* the reply that was given last came before one to an earlier command */
    gboolean broken;
    gboolean logged_in;  /* and set up: from now on the server knows who this is */
    gboolean compressed; /* the mode is Z, by the server's own word */
    gboolean fresh;      /* something was sent since the last wait that was counted */
    guint hurry_s;       /* that a reply is waited for; 0: the timeout */
    gint64 last_used;
    gint64 last_heard;
    gint64 idle_since;
    char *login_directory; /* as PWD gave it, in UTF-8; "/" when it gave none */
    char *directory;       /* where it is, as a path of ours, if that matters; NULL: unknown */
    gint moves;            /* of the context, when that was so */
    gpointer attached;     /* see session_attach */
    GDestroyNotify free_attached;
    guint number;      /* from 1; constant once it is open, like the next */
    char *tls;         /* what was negotiated */
    char *notice;      /* what the server said of the password at the login; NULL: nothing */
    Activity activity; /* what it is doing */
};

/* The next whole reply, whoever it is for. */
Reply *session_next_reply(Session *session, gint64 deadline, GCancellable *cancel, GError **error);

#endif
