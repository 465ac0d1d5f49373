/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake has negotiated, for those who ask. */
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
