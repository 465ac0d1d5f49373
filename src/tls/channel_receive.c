/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a channel's peer sends, without what is TLS's own. */
#include "channel_private.h"

/* After a record of at least this size there is likely to be another one: worth a try that does
 * not wait. After a smaller one (a reply, the end of a file) it would be a system call for
 * nothing. */
#define BULK_RECORD 4096

/* So many messages without a byte of data may come in a row: warnings, wishes to renegotiate,
 * session tickets, new keys. Each counts as progress for who waits, and a peer could go on for
 * ever. */
#define NOISE_MAX 32

/* Answers a HelloRequest (RFC 5246 section 7.4.1.1) with a no_renegotiation warning. FALSE when the
 * socket does not take it yet. */
static gboolean refuse_renegotiation(Channel *channel)
{
    int code = gnutls_alert_send(channel->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
        return FALSE;
    if (code < 0)
        g_debug("can't refuse the renegotiation that %s asks for: %s", channel->host,
                gnutls_strerror(code));
    channel->refusing = FALSE;
    return TRUE;
}

/* One record, or GNUTLS_E_AGAIN when the socket must be waited for. */
static gssize receive_record(Channel *channel, void *buffer, gsize length)
{
    if (channel->has_later) {
        channel->has_later = FALSE;
        return channel->later;
    }
    while (channel->noise <= NOISE_MAX) {
        if (channel->refusing && !refuse_renegotiation(channel))
            return GNUTLS_E_AGAIN;
        channel->blocked = TRUE;
        gssize got = gnutls_record_recv(channel->session, buffer, length);
        switch (got) {
        case GNUTLS_E_REHANDSHAKE:
            g_debug("%s asks for a renegotiation, which is refused", channel->host);
            channel->refusing = TRUE;
            channel->noise++;
            break;
        case GNUTLS_E_WARNING_ALERT_RECEIVED:
            g_debug("%s warns: %s", channel->host,
                    gnutls_alert_get_name(gnutls_alert_get(channel->session)));
            channel->noise++;
            break;
        case GNUTLS_E_INTERRUPTED:
            break;
        case GNUTLS_E_AGAIN:
            /* A session ticket or a key update came: there may be more behind it. */
            if (channel->blocked)
                return got;
            channel->noise++;
            break;
        default:
            channel->noise = 0;
            return got;
        }
    }
    return GNUTLS_E_TOO_MANY_EMPTY_PACKETS;
}

gssize channel_receive(Channel *channel, guchar *buffer, gsize length)
{
    gssize got = receive_record(channel, buffer, length);
    if (got <= 0)
        return got;
    gsize filled = (gsize)got;
    while (filled < length &&
           (got >= BULK_RECORD || gnutls_record_check_pending(channel->session) > 0)) {
        got = receive_record(channel, buffer + filled, length - filled);
        if (got == GNUTLS_E_AGAIN)
            break;
        if (got <= 0) {
            channel->has_later = TRUE;
            channel->later = got;
            break;
        }
        filled += (gsize)got;
    }
    return (gssize)filled;
}
