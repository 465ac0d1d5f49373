/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle - the exchange that ends an upload, in steps: remote_finalize.c has it,
 * remote_finalize_pipelined.c sends it before the upload is confirmed.
 *
 * Works on a Session that the caller has leased, and has no lock.
 */
#ifndef FTPSFS_SRC_FTP_REMOTE_REMOTE_FINALIZE_H
#define FTPSFS_SRC_FTP_REMOTE_REMOTE_FINALIZE_H

#include "ftp/transfer/transfer.h"
#include "remote_methods.h"

/* An attribute in the exchange. */
typedef struct {
    const Way *way; /* that was sent; NULL: nothing was */
    Reply *reply;
} Setting;

/* Begun with what the caller sets, ended by settle_clear. */
typedef struct {
    Remote *remote;
    Session *session;
    AttributeArgs attributes;
    RemoteEntry *entry; /* of the caller */
    RemoteLook *look;   /* of the caller; NULL: none */
    gboolean marked;    /* begins with a question whose answer is of no other use */
    gboolean mlst;      /* of all questions, else by SIZE and MDTM */
    gboolean looks;     /* the commands of the look were sent */
    Setting mode, mtime;
} Settle;

/* Goes where a command can name the path. */
gboolean settle_begin(Settle *settle, GCancellable *cancel, GError **error);
void settle_clear(Settle *settle);

/* The first question about the path alone: MLST, or SIZE. */
gboolean settle_ask(const Settle *settle, GCancellable *cancel, GError **error);

/* Whether that is what `reply` answers, and nothing else. */
gboolean settle_is_answer(const Settle *settle, const Reply *reply);

/* All commands at once; then all replies, and what follows of them. FALSE when the connection was
 * lost, or the server tells nothing of the path; replies that are still to come will be dropped. */
gboolean settle_send(Settle *settle, GCancellable *cancel, GError **error);
gboolean settle_receive(Settle *settle, GCancellable *cancel, GError **error);

/* Ends the upload `transfer`, which is freed, and settles it where it can in the same round trip:
 * TRUE when the server has confirmed the upload, *settled when it was settled as well. */
gboolean settle_end_store(Settle *settle, Transfer *transfer, gboolean *settled,
                          GCancellable *cancel, GError **error);

#endif
