/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "ftpsfs/util/error.h"
#include "trust_policy.h"

/* More certificates than this no server needs; GnuTLS has the same limit. */
#define CHAIN_MAX 16

/* The certificates that the peer sent, leaf first. */
typedef struct {
    gnutls_x509_crt_t certificates[CHAIN_MAX];
    guint length;
} Chain;

static void chain_clear(Chain *chain)
{
    for (guint i = 0; i < chain->length; i++)
        gnutls_x509_crt_deinit(chain->certificates[i]);
    chain->length = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Chain, chain_clear)

static gboolean chain_load(Chain *chain, gnutls_session_t session, const char *host, GError **error)
{
    chain->length = 0;
    guint count = 0;
    const gnutls_datum_t *raw = NULL;
    if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_X509)
        raw = gnutls_certificate_get_peers(session, &count);
    if (raw == NULL || count == 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "%s showed no X.509 certificate, so it can't be verified", host);
        return FALSE;
    }
    for (guint i = 0; i < MIN(count, CHAIN_MAX); i++) {
        int code = gnutls_x509_crt_init(&chain->certificates[i]);
        if (code >= 0) {
            chain->length = i + 1;
            code = gnutls_x509_crt_import(chain->certificates[i], &raw[i], GNUTLS_X509_FMT_DER);
        }
        if (code < 0) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                        "the certificate of %s can't be read: %s", host, gnutls_strerror(code));
            return FALSE;
        }
    }
    return TRUE;
}

char *trust_pin_of_spki(const void *spki, gsize length)
{
    guchar hash[TRUST_PIN_BYTES];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, spki, length, hash) < 0)
        return NULL;
    g_autofree char *encoded = g_base64_encode(hash, sizeof hash);
    return g_strconcat(TRUST_PIN_PREFIX, encoded, NULL);
}

char *trust_pin_of(gnutls_x509_crt_t certificate)
{
    guchar hash[TRUST_PIN_BYTES];
    size_t length = sizeof hash;
    if (gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, hash, &length) < 0 ||
        length != sizeof hash)
        return NULL;
    g_autofree char *encoded = g_base64_encode(hash, sizeof hash);
    return g_strconcat(TRUST_PIN_PREFIX, encoded, NULL);
}

/* One of the pins must match, where there are any (RFC 7469 section 2.6 for the hash). */
static gboolean verify_pins(const Trust *trust, gnutls_x509_crt_t leaf, const char *host,
                            GError **error)
{
    if (trust->pins->len == 0)
        return TRUE;
    g_autofree char *seen = trust_pin_of(leaf);
    if (seen == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "the public key of %s can't be read, so no pin can match it", host);
        return FALSE;
    }
    for (guint i = 0; i < trust->pins->len; i++) {
        gsize length;
        const guchar *hash = g_bytes_get_data(g_ptr_array_index(trust->pins, i), &length);
        g_autofree char *encoded = g_base64_encode(hash, length);
        if (g_str_equal(encoded, seen + strlen(TRUST_PIN_PREFIX)))
            return TRUE;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "the public key of %s is not one of those that are pinned; the server shows "
                "another: if you know from its owner that this is the right one, use -o tls_pin=%s",
                host, seen);
    return FALSE;
}

/* A session that is resumed has no OCSP response with it: the one that a certificate may insist on
 * (RFC 7633) was looked at when the certificate was shown. */
static guint without_staple(guint status)
{
    return (status & ~(guint)GNUTLS_CERT_INVALID) == GNUTLS_CERT_MISSING_OCSP_STATUS ? 0 : status;
}

static gboolean verify_chain(const Trust *trust, gnutls_session_t session, const Chain *chain,
                             const char *host, gnutls_alert_description_t *alert, GError **error)
{
    g_autofree char *bare = trust_bare_host(host);
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
    gnutls_typed_vdata_st checks[2] = {
        {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER},
        {.type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)bare},
    };
    if (inet_pton(AF_INET, bare, &address.v4) == 1)
        checks[1] = (gnutls_typed_vdata_st){GNUTLS_DT_IP_ADDRESS, (unsigned char *)&address,
                                            sizeof address.v4};
    else if (inet_pton(AF_INET6, bare, &address.v6) == 1)
        checks[1] = (gnutls_typed_vdata_st){GNUTLS_DT_IP_ADDRESS, (unsigned char *)&address,
                                            sizeof address.v6};
    guint status = 0;
    int code = gnutls_certificate_verify_peers(session, checks, G_N_ELEMENTS(checks), &status);
    if (code < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "the certificate of %s can't be verified: %s", host, gnutls_strerror(code));
        return FALSE;
    }
    if (gnutls_session_is_resumed(session))
        status = without_staple(status);
    if (status == 0)
        return trust_policy_check_chain(trust, chain->certificates, chain->length, host, alert,
                                        error);
    *alert = trust_alert_for(status);
    g_autofree char *words = trust_explain(trust, status, chain->certificates, chain->length, host);
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS, words);
    return FALSE;
}

gboolean trust_verify(const Trust *trust, gnutls_session_t session, const char *host, guint16 port,
                      gnutls_alert_description_t *alert, GError **error)
{
    gnutls_alert_description_t unused;
    if (alert == NULL)
        alert = &unused;
    *alert = GNUTLS_A_BAD_CERTIFICATE;
    g_auto(Chain) chain = {.length = 0};
    if (!chain_load(&chain, session, host, error))
        return FALSE;
    gnutls_x509_crt_t leaf = chain.certificates[0];
    if (!trust_policy_check_key(trust, leaf, host, alert, error))
        return FALSE;
    *alert = GNUTLS_A_BAD_CERTIFICATE;
    switch (trust->verify) {
    case TRUST_VERIFY_TOFU:
        /* The pin first: a key that it refuses must not be remembered. */
        return verify_pins(trust, leaf, host, error) &&
               trust_tofu(trust->known_hosts, host, port, leaf, error);
    case TRUST_VERIFY_NONE:
        if (trust->pins->len == 0 && !trust->quiet && !gnutls_session_is_resumed(session))
            g_warning("the identity of %s port %u is not verified: anyone on the way can read and "
                      "change what is sent",
                      host, port);
        return verify_pins(trust, leaf, host, error);
    case TRUST_VERIFY_FULL:
    default: /* a value that is none of the three must not open the door */
        return verify_chain(trust, session, &chain, host, alert, error) &&
               verify_pins(trust, leaf, host, error);
    }
}

gboolean trust_check_strength(const Trust *trust, gnutls_session_t session, const char *host,
                              GError **error)
{
    gnutls_alert_description_t unused;
    g_auto(Chain) chain = {.length = 0};
    if (!chain_load(&chain, session, host, error) ||
        !trust_check_group(trust, session, host, error) ||
        !trust_policy_check_key(trust, chain.certificates[0], host, &unused, error))
        return FALSE;
    if (trust->verify != TRUST_VERIFY_FULL)
        return TRUE;
    if (!trust_policy_look_at_chain(trust, chain.certificates, chain.length, host, error))
        return FALSE;
    guint status = 0;
    if (gnutls_certificate_verify_peers(session, NULL, 0, &status) < 0 ||
        (status & GNUTLS_CERT_INSECURE_ALGORITHM) == 0)
        return TRUE;
    g_autofree char *words = trust_explain(trust, GNUTLS_CERT_INSECURE_ALGORITHM,
                                           chain.certificates, chain.length, host);
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS, words);
    return FALSE;
}

gint64 trust_valid_until(const Trust *trust, gnutls_session_t session)
{
    g_auto(Chain) chain = {.length = 0};
    gint64 until = G_MAXINT64;
    /* The other ways to verify don't look at dates. */
    if (trust->verify != TRUST_VERIFY_FULL || !chain_load(&chain, session, "", NULL))
        return until;
    for (guint i = 0; i < chain.length; i++) {
        time_t end = gnutls_x509_crt_get_expiration_time(chain.certificates[i]);
        if (end != (time_t)-1)
            until = MIN(until, (gint64)end);
    }
    return until;
}
