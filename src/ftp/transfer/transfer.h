/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp/transfer: data connections, from EPSV or EPRT to the final reply. Offers reading, writing
 * and an orderly end to src/ftp/remote. Uses src/ftp/session and src/util.
 *
 * transfer - one data connection: from the command on the control connection to the server's final
 * reply (RFC 959 section 3.2, RFC 4217 section 10).
 *
 * A Transfer borrows its Session, which must outlive it, and is used by the thread that uses the
 * session. After transfer_finish or transfer_abort the session can take other commands.
 */
#ifndef FTPSFS_SRC_FTP_TRANSFER_TRANSFER_H
#define FTPSFS_SRC_FTP_TRANSFER_TRANSFER_H

#include "ftp/session/session.h"

typedef struct Transfer Transfer;

typedef struct {
    const char *verb;     /* RETR, STOR, APPE, MLSD, LIST */
    const char *argument; /* what names the file to the server, UTF-8, or NULL */
    const char *path;     /* of the file, for messages */
    guint64 restart;      /* restart marker in bytes (REST); 0: none is sent */
    guint64 end; /* RANG instead of REST: the server ends before this byte; 0: at the end */
    guint64 expected_size; /* bytes that will come, or G_MAXUINT64: an end without close_notify is
                              accepted after exactly so many, and is an error else */
    /* For the status view alone: */
    guint64 first; /* where in the file the first byte lies */
    guint64 total; /* the file's size; 0: unknown */
} TransferOptions;

/* Starts a transfer: the command and the ClientHello go out together on a prepared data connection;
 * returns once the server has accepted (150, 125) and the handshake is done. A prepared connection
 * that turns out to be dead is replaced by a fresh one, once. Errors: as by
 * session_set_reply_error when the server refuses; connection errors: the session is broken. */
Transfer *transfer_open(Session *session, const TransferOptions *options, GCancellable *cancel,
                        GError **error);

/* Up to `length` bytes; 0 at the end, which is confirmed by the final reply: a server that reports
 * a failure there makes it FTPSFS_ERROR_IO or as the reply means. */
gssize transfer_read(Transfer *transfer, void *buffer, gsize length, GCancellable *cancel,
                     GError **error);

/* After a failure: whether it came of what was tried to save a round trip. That is not tried again,
 * and the rest of the transfer is to be asked for on the same session once that is drained. */
gboolean transfer_must_repeat(const Transfer *transfer);

/* How many have come, or were sent. */
guint64 transfer_bytes(const Transfer *transfer);

/* The file will have `total` bytes and be `path` (NULL: as was said), for the status view. */
void transfer_expect(Transfer *transfer, const char *path, guint64 total);

gboolean transfer_write(Transfer *transfer, const void *data, gsize length, GCancellable *cancel,
                        GError **error);

/* The orderly end of an upload, or of a download that was read to its end: close_notify, final
 * reply. Frees the transfer in either case. */
gboolean transfer_finish(Transfer *transfer, GCancellable *cancel, GError **error);

/* The same of an upload in steps, between which commands are sent: the close_notify; and the final
 * reply, which the caller has received. What is left is to free the transfer. */
gboolean transfer_bye(Transfer *transfer, GCancellable *cancel, GError **error);
gboolean transfer_judge(Transfer *transfer, const Reply *reply, GError **error);

/* Closes the data connection; the final reply is dropped when it comes. Frees. NULL is fine. */
void transfer_abort(Transfer *transfer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transfer, transfer_abort)

#endif
