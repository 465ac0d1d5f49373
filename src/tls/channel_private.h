/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel_private - the struct that channel.c (handshake and bytes), channel_receive.c (records),
 * channel_socket.c (what GnuTLS reads from and writes to) and channel_error.c (what went wrong, in
 * words) share.
 *
 * Used by one thread at a time; only `shut` may be set from another (atomic).
 */
#ifndef FTPSFS_SRC_TLS_CHANNEL_PRIVATE_H
#define FTPSFS_SRC_TLS_CHANNEL_PRIVATE_H

#include <gnutls/gnutls.h>

#include "ftpsfs/tls/channel.h"

/* What of a peer's first words is kept, to tell a server that does not speak TLS. */
#define CHANNEL_FIRST_MAX 160

struct Channel {
    int fd;
    gnutls_session_t session;
    Trust *trust;
    char *host;
    guint16 port;
    guint timeout_s;
    gboolean probe_only;  /* see ChannelOptions */
    gboolean is_data;     /* a data connection, opened with a control channel */
    GBytes *control_leaf; /* DER; of a data connection: what its peer must show */
    GBytes *leaf;         /* DER of this peer's certificate, once the handshake is done */
    GBytes *given_ticket; /* what this channel tries to resume from, or NULL */

    gboolean done;      /* the handshake is complete and the peer verified */
    gboolean verified;  /* the verify hook was called and was content */
    gboolean outdated;  /* the session could be resumed, but its certificate is no longer good */
    gint64 valid_until; /* of a control connection: see trust_valid_until */
    gboolean refusing;  /* a no_renegotiation alert is still to be sent */
    guint noise;        /* messages without data since the last that had some */
    gboolean said_bye;  /* close_notify was sent */
    gint shut;          /* atomic: channel_shutdown was called */
    gboolean has_later; /* `later` is the result of the next gnutls_record_recv */
    gssize later;

    gint64 began;        /* the handshake, monotonic; 0: not yet */
    gint64 handshake_us; /* that it took */
    gboolean disagreed;  /* it failed, and not by the network or the hook */

    /* A data connection's records are taken from the socket many at a time: */
    guchar *ahead; /* NULL until needed */
    gsize ahead_start, ahead_length;
    gboolean drained; /* the last recv took all there was: there is nothing before the next wait */

    /* What the socket did last, which GnuTLS does not tell apart. */
    gboolean blocked;
    gboolean eof;
    int socket_errno;
    gboolean keep_first; /* until the handshake is done */
    guchar first[CHANNEL_FIRST_MAX];
    gsize first_length;

    GError *verify_error;                          /* from the verify hook */
    GError *read_failure;                          /* given again by each later read */
    GError *write_failure;                         /* given again by each later write */
    char *wait_handshake, *wait_read, *wait_write; /* what is waited for, in words */
};

typedef enum { CHANNEL_HANDSHAKE, CHANNEL_READ, CHANNEL_WRITE } ChannelAct;

/* Has the new session read from and write to the socket, without ever waiting. */
void channel_attach_socket(Channel *channel);

/* As many records as are there; an end or failure behind them is kept for the next call. A GnuTLS
 * code; GNUTLS_E_AGAIN when the socket must be waited for. */
gssize channel_receive(Channel *channel, guchar *buffer, gsize length);

/* The GError for the GnuTLS result `code`, with the state of the socket taken into account. */
GError *channel_error_new(Channel *channel, ChannelAct act, int code);

/* The GError for a peer whose first bytes are no TLS record, else NULL. */
GError *channel_plain_text_error(Channel *channel);

/* Whether a handshake that failed with `code` failed because the two don't agree: not by the
 * network, not because the peer was refused, not for want of TLS. */
gboolean channel_is_disagreement(const Channel *channel, int code);

#endif
