/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake has negotiated, for those who ask. */
#include <time.h>

#include "channel_private.h"

/* The registry's name of the cipher suite; GnuTLS tells it from 3.7.4 on. */
static const char *cipher_of(gnutls_session_t session)
{
#if GNUTLS_VERSION_NUMBER >= 0x030704
    return gnutls_ciphersuite_get(session);
#else
    return gnutls_cipher_get_name(gnutls_cipher_get(session));
#endif
}

void channel_facts(const Channel *channel, ChannelFacts *facts)
{
    *facts = (ChannelFacts){.version = "none", .cipher = "none"};
    if (!channel->done)
        return;
    gnutls_group_t group = gnutls_group_get(channel->session);
    facts->version = gnutls_protocol_get_name(gnutls_protocol_get_version(channel->session));
    facts->cipher = cipher_of(channel->session);
    facts->key_share = group != GNUTLS_GROUP_INVALID ? gnutls_group_get_name(group)
                       : gnutls_kx_get(channel->session) == GNUTLS_KX_DHE_RSA ? "DHE"
                                                                              : NULL;
    facts->handshake_us = channel->handshake_us;
    facts->wants_client = gnutls_certificate_client_get_request_status(channel->session) != 0;
}

gboolean channel_disagreed(const Channel *channel)
{
    return channel->disagreed;
}

char *channel_find_unmet(const Channel *channel, const Trust *trust)
{
    return channel->done ? trust_find_unmet(trust, channel->session) : NULL;
}

gboolean channel_check_strength(const Channel *channel, GError **error)
{
    return trust_check_strength(channel->trust, channel->session, channel->host, error);
}

const GError *channel_verdict(const Channel *channel)
{
    return channel->verify_error;
}

GPtrArray *channel_certificates(const Channel *channel)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    guint count = 0;
    const gnutls_datum_t *chain =
        channel->done ? gnutls_certificate_get_peers(channel->session, &count) : NULL;
    for (guint i = 0; chain != NULL && i < count; i++)
        g_ptr_array_add(all, g_bytes_new(chain[i].data, chain[i].size));
    return all;
}

static void free_ticket(gpointer data)
{
    gnutls_free(data);
}

GBytes *channel_ticket(const Channel *channel)
{
    if (!channel->done)
        return NULL;
    /* Without this flag TLS 1.3 has no ticket yet, and GnuTLS would give a dummy. */
    if (gnutls_protocol_get_version(channel->session) >= GNUTLS_TLS1_3 &&
        (gnutls_session_get_flags(channel->session) & GNUTLS_SFLAGS_SESSION_TICKET) == 0)
        return channel_resumed(channel) && channel->given_ticket != NULL
                   ? g_bytes_ref(channel->given_ticket)
                   : NULL;
    gnutls_datum_t data = {NULL, 0};
    int code = gnutls_session_get_data2(channel->session, &data);
    if (code < 0) {
        g_debug("no TLS session of %s to resume from: %s", channel->host, gnutls_strerror(code));
        return NULL;
    }
    return g_bytes_new_with_free_func(data.data, data.size, free_ticket, data.data);
}

gboolean channel_resumed(const Channel *channel)
{
    return channel->done && gnutls_session_is_resumed(channel->session) != 0;
}

gboolean channel_resumption_refused(const Channel *channel)
{
    return channel->outdated;
}

gboolean channel_has_expired(const Channel *channel)
{
    return channel->done && !channel->is_data && channel->valid_until < (gint64)time(NULL);
}

gnutls_group_t channel_group(const Channel *channel)
{
    return channel->done ? gnutls_group_get(channel->session) : GNUTLS_GROUP_INVALID;
}

char *channel_describe(const Channel *channel)
{
    char *text = channel->done ? gnutls_session_get_desc(channel->session) : NULL;
    if (text == NULL)
        return g_strdup("no TLS yet");
    char *copy = g_strdup(text);
    gnutls_free(text);
    return copy;
}
