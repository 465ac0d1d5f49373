/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/socket.h>

#include "channel_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/plain.h"

/* Whether `first` can be the start of a TLS record: a content type and the major version 3
 * (RFC 8446 section 5.1). */
static gboolean looks_like_tls(const guchar *first, gsize length)
{
    if (length >= 1 && (first[0] < 0x14 || first[0] > 0x18))
        return FALSE;
    return length < 2 || first[1] == 0x03;
}

/* The first line that the peer said, printable. More of it may wait in the socket. For g_free. */
static char *first_line(Channel *channel)
{
    if (channel->first_length < sizeof channel->first) {
        gssize more =
            recv(channel->fd, channel->first + channel->first_length,
                 sizeof channel->first - channel->first_length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (more > 0)
            channel->first_length += (gsize)more;
    }
    g_autofree char *raw = g_strndup((const char *)channel->first, channel->first_length);
    raw[strcspn(raw, "\r\n")] = '\0';
    return plain_text(raw);
}

/* 421 before TLS: a server that takes no more connections (vsftpd's max_clients, tcp wrappers)
 * says so in clear, on an implicit port, too. */
static gboolean is_reply(const char *line, const char *code)
{
    return g_str_has_prefix(line, code) && (line[3] == ' ' || line[3] == '-');
}

GError *channel_plain_text_error(Channel *channel)
{
    if (channel->first_length == 0 || looks_like_tls(channel->first, channel->first_length))
        return NULL;
    g_autofree char *line = first_line(channel);
    if (channel->is_data)
        return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                           "%s sent a data connection's bytes without TLS; nothing was taken from "
                           "it (it began with \"%s\")",
                           channel->host, line);
    if (is_reply(line, "421"))
        return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_LIMIT,
                           "%s port %u takes no more connections now: \"%s\"", channel->host,
                           channel->port, line);
    const char *hint = "check host and port";
    if (is_reply(line, "220") || is_reply(line, "120"))
        hint = "if it is a server for explicit FTPS (AUTH TLS, usually on port 21), mount it with "
               "-o explicit";
    else if (g_str_has_prefix(line, "SSH-"))
        hint = "it is an SSH server, for SFTP; that is another protocol than FTPS";
    return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                       "%s port %u does not speak TLS from the first byte: it answered \"%s\"; %s",
                       channel->host, channel->port, line, hint);
}

gboolean channel_is_disagreement(const Channel *channel, int code)
{
    return channel->verify_error == NULL && channel->first_length > 0 &&
           looks_like_tls(channel->first, channel->first_length) &&
           (code == GNUTLS_E_FATAL_ALERT_RECEIVED || (channel->socket_errno == 0 && !channel->eof));
}

/* What a person can do about an alert. */
static const char *alert_hint(gnutls_session_t session, gnutls_alert_description_t alert)
{
    /* Servers use many alerts to say that they miss this; the request itself is plain. */
    gboolean asked = gnutls_certificate_client_get_request_status(session) != 0;
    if (asked && gnutls_certificate_get_ours(session) == NULL)
        return "; it asks for a client certificate (-o cert=FILE)";
    switch (alert) {
    case GNUTLS_A_PROTOCOL_VERSION:
    case GNUTLS_A_INSUFFICIENT_SECURITY:
        return "; it may know only TLS versions or ciphers that are no longer safe";
    case GNUTLS_A_HANDSHAKE_FAILURE:
        return "; client and server may have no cipher in common";
    case GNUTLS_A_UNRECOGNIZED_NAME:
        return "; it does not know itself by this host name";
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_REVOKED:
    case GNUTLS_A_CERTIFICATE_EXPIRED:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_UNKNOWN_CA:
    case GNUTLS_A_ACCESS_DENIED:
        return "; this is about the client certificate (-o cert=FILE)";
    default:
        return "";
    }
}

static GError *alert_error(const Channel *channel, ChannelAct act)
{
    gnutls_alert_description_t alert = gnutls_alert_get(channel->session);
    const char *name = gnutls_alert_get_name(alert);
    const char *what =
        act == CHANNEL_HANDSHAKE ? "refused the TLS handshake" : "broke the TLS connection off";
    return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_TLS, "%s port %u %s: \"%s\" (TLS alert %d)%s",
                       channel->host, channel->port, what, name != NULL ? name : "unknown alert",
                       (int)alert, alert_hint(channel->session, alert));
}

static const char *act_words(ChannelAct act)
{
    switch (act) {
    case CHANNEL_HANDSHAKE:
        return "in the TLS handshake";
    case CHANNEL_READ:
        return "while reading";
    default:
        return "while writing";
    }
}

static GError *eof_error(const Channel *channel, ChannelAct act)
{
    if (act == CHANNEL_READ)
        return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED,
                           "%s ended the connection without TLS's close_notify, so data may be "
                           "missing",
                           channel->host);
    return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_LOST, "%s port %u closed the connection %s",
                       channel->host, channel->port, act_words(act));
}

GError *channel_error_new(Channel *channel, ChannelAct act, int code)
{
    if (g_atomic_int_get(&channel->shut))
        return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the connection to %s was shut down %s",
                           channel->host, act_words(act));
    if (channel->verify_error != NULL)
        return g_error_copy(channel->verify_error);
    if (act == CHANNEL_HANDSHAKE) {
        GError *plain = channel_plain_text_error(channel);
        if (plain != NULL)
            return plain;
    }
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return alert_error(channel, act);
    if (channel->socket_errno != 0)
        return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                           "the connection to %s port %u was lost %s: %s", channel->host,
                           channel->port, act_words(act), g_strerror(channel->socket_errno));
    if (channel->eof || code == GNUTLS_E_PREMATURE_TERMINATION)
        return eof_error(channel, act);
    if (code == GNUTLS_E_UNSUPPORTED_VERSION_PACKET)
        return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                           "%s port %u offers only versions of TLS that this mount does not accept",
                           channel->host, channel->port);
    return g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_TLS, "TLS with %s port %u failed %s: %s",
                       channel->host, channel->port, act_words(act), gnutls_strerror(code));
}
