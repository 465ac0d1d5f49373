/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Transfer, shared by transfer.c and transfer_early.c (what is done before its turn
 * to save a round trip, where the server bears it).
 */
#ifndef FTPSFS_SRC_FTP_TRANSFER_TRANSFER_PRIVATE_H
#define FTPSFS_SRC_FTP_TRANSFER_TRANSFER_PRIVATE_H

#include "ftp/session/trial.h"
#include "ftpsfs/ftp/deflate.h"
#include "transfer.h"

struct Transfer {
    Session *session; /* borrowed */
    Channel *channel;
    Inflater *inflater; /* of what comes through the channel; NULL: that is not compressed */
    char *verb;
    char *path;            /* for messages */
    guint64 expected_size; /* or G_MAXUINT64 */
    guint64 bytes;         /* transferred so far */
    gboolean replied;      /* the final reply has come */
    gboolean shown;        /* as the session's activity */
    Trial bye;             /* our close_notify is out already */
    Trial port;            /* for the next transfer was asked for before this one was confirmed */
    gboolean must_repeat;  /* see transfer_must_repeat */
};

/* All data of a small file are with the reader, who does not wait for more: listens, once a mount,
 * whether the server confirms that before our close_notify. */
void transfer_early_listen(const Transfer *transfer);

/* Nothing more will be sent from here: a small download may begin with that, if it is waited for.
 */
void transfer_early_bye(Transfer *transfer);

/* The data have come to an end, *failure when not in order: whether the server took the early bye
 * for the end of the transfer. *failure says so then. */
gboolean transfer_early_bye_failed(Transfer *transfer, GError **failure);

/* The data have come to their end: asks for the next transfer's port. */
void transfer_early_port(Transfer *transfer);

/* The transfer's reply has come; that to the question for the port is still waited for. */
void transfer_early_replied(Transfer *transfer);

/* It has not, by its final reply, or because none came; *failure is not NULL. TRUE: all data are
 * here, and what failed is what was done early. Else *failure may be another one than before. */
gboolean transfer_early_explains(Transfer *transfer, GError **failure, GCancellable *cancel);

/* The transfer is at its end, whatever that is. */
void transfer_early_end(Transfer *transfer);

#endif
