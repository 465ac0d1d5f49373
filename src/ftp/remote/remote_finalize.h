/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remote_finalize - the exchange that ends an upload, in steps: remote_finalize.c has it,
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
    const RemoteMethod *method; /* that was sent; NULL: nothing was */
    Reply *reply;
} Setting;

/* Begun with what the caller sets, ended by remote_finalize_clear. */
typedef struct {
    Remote *remote;
    Session *session;
    AttributeArgs attributes;
    RemoteEntry *entry;     /* of the caller */
    RemoteExtraStat *extra; /* of the caller; NULL: none */
    gboolean marked;        /* begins with a question whose answer is of no other use */
    gboolean mlst;          /* of all questions, else by SIZE and MDTM */
    gboolean extra_sent;    /* the commands of the extra question were sent */
    Setting mode, mtime;
} Finalize;

/* Goes where a command can name the path. */
gboolean remote_finalize_begin(Finalize *finalize, GCancellable *cancel, GError **error);
void remote_finalize_clear(Finalize *finalize);

/* The first question about the path alone: MLST, or SIZE. */
gboolean remote_finalize_ask(const Finalize *finalize, GCancellable *cancel, GError **error);

/* Whether that is what `reply` answers, and nothing else. */
gboolean remote_finalize_is_answer(const Finalize *finalize, const Reply *reply);

/* All commands at once; then all replies, and what follows of them. FALSE when the connection was
 * lost, or the server tells nothing of the path; replies that are still to come will be dropped. */
gboolean remote_finalize_send(Finalize *finalize, GCancellable *cancel, GError **error);
gboolean remote_finalize_receive(Finalize *finalize, GCancellable *cancel, GError **error);

/* Ends the upload `transfer`, which is freed, and finalizes it where it can in the same round trip:
 * TRUE when the server has confirmed the upload, *finalized when it was finalized as well. */
gboolean remote_finalize_end_store(Finalize *finalize, Transfer *transfer, gboolean *finalized,
                                   GCancellable *cancel, GError **error);

#endif
