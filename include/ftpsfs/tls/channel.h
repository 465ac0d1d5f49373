/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/tls: TLS by GnuTLS, and whom a mount trusts. Offers channels to src/ftp, for control and data
 * connections. It knows nothing of FTP. Uses src/util.
 *
 * channel - one TLS connection over one TCP socket: handshake, read, write, orderly end, and
 * session resumption.
 *
 * A Channel owns its socket. It is used by one thread at a time and has no lock; channel_shutdown
 * alone may be called from another thread. All waits take a timeout without progress, in seconds,
 * and a GCancellable (may be NULL).
 */
#ifndef FTPSFS_TLS_CHANNEL_H
#define FTPSFS_TLS_CHANNEL_H

#include <gio/gio.h>

#include "ftpsfs/tls/trust.h"

typedef struct Channel Channel;

/* What a channel is opened with. Nothing is kept but copies and references. */
typedef struct {
    const char *host;       /* for verification, SNI and known hosts */
    guint16 port;           /* of the control connection, for known hosts */
    guint timeout_s;        /* without progress */
    const Channel *control; /* data connections: the control channel, whose certificate the peer
                               must show if it does not resume, and whose key-share group and
                               session ticket are used. NULL on a control connection */
    GBytes *ticket;         /* control connections: session data of an earlier one to resume, or
                               NULL */
    gboolean probe_only;    /* a certificate that is refused is noted and the handshake goes on:
                         see channel_verdict. Nothing can be written on such a channel */
} ChannelOptions;

/* Makes a client channel over the connected, non-blocking socket `fd`, which it owns from here on,
 * even on failure. Sends nothing yet. options->control is only used during the call, by the thread
 * that has it to itself then. FTPSFS_ERROR_TLS. */
Channel *channel_new(int fd, Trust *trust, const ChannelOptions *options, GError **error);

/* Sends the ClientHello and returns without waiting for the peer. Errors as of channel_handshake,
 * when the peer has answered or gone already. */
gboolean channel_handshake_begin(Channel *channel, GError **error);

/* Completes the handshake (begins it where that was not done) and verifies the peer: by
 * trust_verify on a full handshake; a data channel that does not resume must in addition show
 * the control channel's very certificate. FTPSFS_ERROR_TLS (refused, with the alert or the failed
 * check in words; or the peer does not speak TLS), _LIMIT (the peer said 421 in clear instead of
 * TLS), _LOST, _TIMEOUT, _INTERRUPTED. After _TIMEOUT and _INTERRUPTED it may be called again. */
gboolean channel_handshake(Channel *channel, GCancellable *cancel, GError **error);

/* Reads up to `length` bytes. Returns their number; 0 at the peer's close_notify; -1 with
 * FTPSFS_ERROR_TRUNCATED (EOF without close_notify), _LOST, _TIMEOUT, _INTERRUPTED, _TLS.
 * A renegotiation request of the peer is refused and reading goes on. Waits only for the first
 * bytes; records that have arrived behind them are taken along. After _TIMEOUT and _INTERRUPTED
 * it may be called again; other failures are given again. A TLS alert that refuses the client
 * certificate comes here in TLS 1.3, whose handshake ends before the server has seen it. */
gssize channel_read(Channel *channel, void *buffer, gsize length, GCancellable *cancel,
                    GError **error);

/* Like channel_read, but returns -1 with *would_block TRUE and no error when nothing is there yet.
 */
gssize channel_read_now(Channel *channel, void *buffer, gsize length, gboolean *would_block,
                        GError **error);

/* Writes all `length` bytes. FTPSFS_ERROR_LOST, _TIMEOUT, _INTERRUPTED, _TLS. After a failure in
 * the middle nothing more can be written (_LOST); reading is still possible. */
gboolean channel_write(Channel *channel, const void *data, gsize length, GCancellable *cancel,
                       GError **error);

/* Sends close_notify, without waiting for the peer's, and ends the sending direction (FIN).
 * FTPSFS_ERROR_LOST, _TIMEOUT, _INTERRUPTED, _TLS. A second call does nothing. */
gboolean channel_bye(Channel *channel, GCancellable *cancel, GError **error);

/* Sends close_notify if that can be done at once, before a connection of no more use is freed: to
 * some servers a mere FIN is an attack, or an error that they never come out of. */
void channel_leave(Channel *channel);

/* Waits for the peer's close_notify or EOF after channel_bye, dropping what else comes. */
gboolean channel_drain(Channel *channel, GCancellable *cancel, GError **error);

/* The socket, to poll on; decrypted bytes may be pending without it being readable, so ask
 * channel_pending first. An end or a failure that was met behind the last bytes counts as one
 * byte: the next read gives it. */
int channel_fd(const Channel *channel);
gsize channel_pending(const Channel *channel);

/* Session data to resume from (the newest TLS 1.3 ticket that came so far, or the TLS 1.2 session);
 * a new reference or NULL when there is none yet. TLS 1.3 tickets come after the handshake and are
 * noticed while reading. For channels of the same host, port and Trust only: the certificate
 * of a session that resumes is the one that was shown before it, verified anew. Never waits. */
GBytes *channel_ticket(const Channel *channel);

/* After a handshake that failed: whether it has resumed the session of a ticket whose certificate
 * is no longer good. The server may have another by now: a handshake without the ticket tells. */
gboolean channel_resumption_refused(const Channel *channel);

/* Whether the certificate by which a control connection was verified has expired since. */
gboolean channel_has_expired(const Channel *channel);

/* After the handshake: whether it resumed an earlier session; the group that was used, or
 * GNUTLS_GROUP_INVALID; "TLS1.3 ..." description for g_free. */
gboolean channel_resumed(const Channel *channel);
gnutls_group_t channel_group(const Channel *channel);
char *channel_describe(const Channel *channel);

/* What a handshake has negotiated, in the words of the registries; constant texts. */
typedef struct {
    const char *version;   /* "TLS1.3" */
    const char *cipher;    /* "TLS_AES_256_GCM_SHA384" */
    const char *key_share; /* the group: "X25519"; "DHE": one of the server's own; NULL: none, as
                              with a key exchange by RSA */
    gboolean wants_client; /* the server has asked for a client certificate */
    gint64 handshake_us;   /* from the ClientHello to the end of the handshake */
} ChannelFacts;

/* After the handshake. */
void channel_facts(const Channel *channel, ChannelFacts *facts);

/* After the handshake of a channel that looks: why the peer's certificate is refused; NULL: it is
 * not. Owned by the channel. */
const GError *channel_verdict(const Channel *channel);

/* After a handshake that failed: whether client and server found no versions, ciphers or the like
 * that both accept, as far as can be told. */
gboolean channel_disagreed(const Channel *channel);

/* After the handshake of a channel that looks, opened with trust_broad(trust): what of its
 * agreement `trust` refuses and what to do about it, in words for g_free; NULL: nothing. */
char *channel_find_unmet(const Channel *channel, const Trust *trust);

/* After a full handshake: trust_check_strength of its Trust. */
gboolean channel_check_strength(const Channel *channel, GError **error);

/* After a full handshake: the DER of the certificates that the peer sent, its own first; GBytes *,
 * owned by the array. */
GPtrArray *channel_certificates(const Channel *channel);

/* Shuts the TCP connection down so that any thread blocked in it returns with _LOST. The one call
 * that is safe from another thread while the channel lives. */
void channel_shutdown(Channel *channel);

/* Ends the connection at once, by a TCP reset: what is on its way is of no use. A FIN would leave
 * the peer writing into a closed socket, which ends the whole session with some servers. Only
 * channel_free may follow. */
void channel_reset(Channel *channel);

/* Closes the socket, without close_notify unless channel_bye or channel_leave was called. NULL is
 * fine. */
void channel_free(Channel *channel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Channel, channel_free)

#endif
