/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trust_policy.h"

#include "ftpsfs/util/error.h"

/* What has been broken, and what nothing but old software uses. Removing what is not there is no
 * error, so that a system's looser default is cut down as well. What needs other credentials than
 * certificates (anonymous, PSK, SRP) is never agreed on. */
#define NO_BROKEN                                                                                  \
    "-RSA:-DHE-DSS:-3DES-CBC:-ARCFOUR-128:-MD5:-SIGN-RSA-MD5:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:"     \
    "-SIGN-DSA-SHA1:-SIGN-DSA-SHA224:-SIGN-DSA-SHA256"

/* TLS 1.2 with anything but ECDHE and AEAD, and a group below 128 bits of strength. */
#define NO_AGEING                                                                                  \
    ":-DHE-RSA:-AES-128-CBC:-AES-192-CBC:-AES-256-CBC:-CAMELLIA-128-CBC:-CAMELLIA-192-CBC:"        \
    "-CAMELLIA-256-CBC:-GROUP-FFDHE2048"

/* Nothing taken away; an empty string is an error to GnuTLS. SSL 3.0 has no place here anyhow. */
#define AS_IT_IS "-VERS-SSL3.0"

typedef struct {
    const char *name;
    const char *priority;
    gboolean append;
    gnutls_sec_param_t least; /* of keys and groups; UNKNOWN: not looked at */
    gnutls_certificate_verification_profiles_t profile; /* the same for chains */
} Policy;

static const Policy policies[TRUST_POLICIES] = {
    [TRUST_POLICY_MODERN] = {"modern", NO_BROKEN, TRUE, GNUTLS_SEC_PARAM_MEDIUM,
                             GNUTLS_PROFILE_MEDIUM},
    [TRUST_POLICY_LEGACY] = {"legacy", "NORMAL", FALSE, GNUTLS_SEC_PARAM_UNKNOWN,
                             GNUTLS_PROFILE_UNKNOWN},
    [TRUST_POLICY_STRICT] = {"strict", NO_BROKEN NO_AGEING, TRUE, GNUTLS_SEC_PARAM_HIGH,
                             GNUTLS_PROFILE_HIGH},
    [TRUST_POLICY_SYSTEM] = {"system", AS_IT_IS, TRUE, GNUTLS_SEC_PARAM_UNKNOWN,
                             GNUTLS_PROFILE_UNKNOWN},
    [TRUST_POLICY_FIPS] = {"fips", NO_BROKEN, TRUE, GNUTLS_SEC_PARAM_MEDIUM, GNUTLS_PROFILE_MEDIUM},
};

/* Those that may take what another refuses, the strictest first. */
static const TrustPolicy lesser[] = {TRUST_POLICY_MODERN, TRUST_POLICY_LEGACY};

const char *trust_policy_name(TrustPolicy policy)
{
    return policies[policy].name;
}

gboolean trust_policy_check_mode(TrustPolicy policy, GError **error)
{
    /* The modes that are named "lax" and "log" let everything through. */
    if (policy != TRUST_POLICY_FIPS || gnutls_fips140_mode_enabled() == GNUTLS_FIPS140_STRICT)
        return TRUE;
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                        "-o tls_policy=fips: GnuTLS is not in FIPS mode here. It needs a GnuTLS "
                        "built for it and a system that was started in FIPS mode (fips=1); use "
                        "tls_policy=strict or modern elsewhere");
    return FALSE;
}

const char *trust_policy_priority(TrustPolicy policy, gboolean *append)
{
    *append = policies[policy].append;
    return policies[policy].priority;
}

/* ---- what the server brings along ---- */

/* The policy whose lengths are to be looked at. NULL: none is. */
static const Policy *looked_at(const Trust *trust)
{
    const Policy *policy = &policies[trust->policy];
    return trust->own_priority || policy->least == GNUTLS_SEC_PARAM_UNKNOWN ? NULL : policy;
}

static gboolean is_strong(gnutls_pk_algorithm_t algorithm, guint bits, const Policy *policy)
{
    /* Where nothing is looked at here, GnuTLS has a limit of its own. */
    gnutls_sec_param_t least =
        policy->least != GNUTLS_SEC_PARAM_UNKNOWN ? policy->least : GNUTLS_SEC_PARAM_LOW;
    return gnutls_pk_bits_to_sec_param(algorithm, bits) >= least;
}

/* The strictest of the weaker policies that takes this key or group, or NULL. */
static const char *weaker_policy(gnutls_pk_algorithm_t algorithm, guint bits,
                                 const Policy *refusing)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lesser); i++) {
        const Policy *policy = &policies[lesser[i]];
        if (policy != refusing && is_strong(algorithm, bits, policy))
            return policy->name;
    }
    return NULL;
}

/* `what` has a key or a group that is too short. */
static void refuse_length(const char *what, gnutls_pk_algorithm_t algorithm, guint bits,
                          const Policy *policy, GError **error)
{
    const char *weaker = weaker_policy(algorithm, bits, policy);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "%s of %u bits, which tls_policy=%s refuses: ask the server's owner for %u bits "
                "or more%s%s",
                what, bits, policy->name, gnutls_sec_param_to_pk_bits(algorithm, policy->least),
                weaker != NULL ? ", or mount with -o tls_policy=" : "",
                weaker != NULL ? weaker : "");
}

static gboolean check_key(gnutls_x509_crt_t certificate, const char *whose, const Policy *policy,
                          GError **error)
{
    guint bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
    if (algorithm >= 0 && is_strong((gnutls_pk_algorithm_t)algorithm, bits, policy))
        return TRUE;
    const char *name = gnutls_pk_get_name((gnutls_pk_algorithm_t)MAX(algorithm, 0));
    g_autofree char *what =
        g_strdup_printf("%s has a key by %s", whose, name != NULL ? name : "an unknown algorithm");
    refuse_length(what, (gnutls_pk_algorithm_t)MAX(algorithm, 0), bits, policy, error);
    return FALSE;
}

static gboolean is_finite_field(gnutls_session_t session)
{
    gnutls_kx_algorithm_t exchange = gnutls_kx_get(session);
    return exchange == GNUTLS_KX_DHE_RSA || exchange == GNUTLS_KX_DHE_DSS;
}

/* Of the Diffie-Hellman group of TLS 1.2; 0: there is none, or it is not known yet. */
static guint group_bits(gnutls_session_t session)
{
    int bits = is_finite_field(session) ? gnutls_dh_get_prime_bits(session) : 0;
    return bits > 0 ? (guint)bits : 0;
}

gboolean trust_check_group(const Trust *trust, gnutls_session_t session, const char *host,
                           GError **error)
{
    const Policy *policy = looked_at(trust);
    guint bits = group_bits(session);
    if (policy == NULL || bits == 0 || is_strong(GNUTLS_PK_DH, bits, policy))
        return TRUE;
    g_autofree char *what = g_strdup_printf("%s uses a Diffie-Hellman group", host);
    refuse_length(what, GNUTLS_PK_DH, bits, policy, error);
    return FALSE;
}

gboolean trust_policy_check_key(const Trust *trust, gnutls_x509_crt_t leaf, const char *host,
                                gnutls_alert_description_t *alert, GError **error)
{
    const Policy *policy = looked_at(trust);
    if (policy == NULL)
        return TRUE;
    g_autofree char *whose = g_strdup_printf("the certificate of %s", host);
    *alert = GNUTLS_A_UNSUPPORTED_CERTIFICATE;
    return check_key(leaf, whose, policy, error);
}

/* Whether the signature on a certificate is what the profile refuses. One by its own key is no
 * proof of anything, and not looked at. */
static const char *weak_signature(gnutls_x509_crt_t certificate)
{
    int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
    if (algorithm < 0 || gnutls_x509_crt_check_issuer(certificate, certificate))
        return NULL;
    gnutls_digest_algorithm_t hash =
        gnutls_sign_get_hash_algorithm((gnutls_sign_algorithm_t)algorithm);
    gboolean weak = hash == GNUTLS_DIG_SHA1 || hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_MD2;
    return weak ? gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm) : NULL;
}

/* Whether a certificate that the chain depends on is strong enough by itself. */
static gboolean check_link(gnutls_x509_crt_t certificate, gboolean leaf, const char *host,
                           const Policy *policy, GError **error)
{
    g_autofree char *subject = trust_subject_of(certificate);
    g_autofree char *whose =
        leaf ? g_strdup_printf("the certificate of %s", host)
             : g_strdup_printf("the certificate of %s depends on %s, which", host, subject);
    if (!check_key(certificate, whose, policy, error))
        return FALSE;
    const char *signature = weak_signature(certificate);
    if (signature == NULL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "%s is signed with %s, which tls_policy=%s refuses: ask the server's owner for a "
                "new certificate, or pin its key (-o tls_verify=no,tls_pin=...)",
                whose, signature, policy->name);
    return FALSE;
}

/* Whether what the server sent, and the CA that it did not, are strong enough one by one. */
static gboolean check_links(const Trust *trust, const gnutls_x509_crt_t *chain, guint length,
                            const char *host, GError **error)
{
    const Policy *policy = &policies[trust->policy];
    for (guint i = 0; i < length; i++)
        if (!check_link(chain[i], i == 0, host, policy, error))
            return FALSE;
    /* Most servers don't send the CA that one has to have anyhow. */
    gnutls_x509_trust_list_t list = NULL;
    g_auto(gnutls_x509_crt_t) root = NULL;
    gnutls_certificate_get_trust_list(trust->credentials, &list);
    return gnutls_x509_trust_list_get_issuer(list, chain[length - 1], &root, GNUTLS_TL_GET_COPY) <
               0 ||
           check_link(root, FALSE, host, policy, error);
}

/* Whether the chain is verified with the keys and signatures that the policy accepts. */
static gboolean is_verified(const Trust *trust, const gnutls_x509_crt_t *chain, guint length)
{
    const guint flags = GNUTLS_PROFILE_TO_VFLAGS(policies[trust->policy].profile);
    gnutls_x509_trust_list_t list = NULL;
    guint status = 0;
    gnutls_certificate_get_trust_list(trust->credentials, &list);
    /* It takes the chain as one that may be changed. */
    g_autofree gnutls_x509_crt_t *copy = g_memdup2(chain, length * sizeof *chain);
    return gnutls_x509_trust_list_verify_crt2(list, copy, length, NULL, 0, flags, &status, NULL) >=
               0 &&
           status == 0;
}

gboolean trust_policy_check_chain(const Trust *trust, const gnutls_x509_crt_t *chain, guint length,
                                  const char *host, gnutls_alert_description_t *alert,
                                  GError **error)
{
    if (looked_at(trust) == NULL || is_verified(trust, chain, length))
        return TRUE;
    *alert = GNUTLS_A_UNSUPPORTED_CERTIFICATE;
    if (check_links(trust, chain, length, host, error))
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "the certificate of %s depends on a CA that is too weak for tls_policy=%s: ask "
                    "the server's owner for a certificate by another one",
                    host, trust_policy_name(trust->policy));
    return FALSE;
}

gboolean trust_policy_look_at_chain(const Trust *trust, const gnutls_x509_crt_t *chain,
                                    guint length, const char *host, GError **error)
{
    return is_verified(trust, chain, length) || check_links(trust, chain, length, host, error);
}

/* ---- what a server offers in place of what is accepted ---- */

/* `count` is what the call that sets *list has returned. */
static gboolean is_listed(int count, const unsigned int **list, unsigned int value)
{
    for (int i = 0; i < count; i++)
        if ((*list)[i] == value)
            return TRUE;
    return FALSE;
}

static void add_unmet(GString *unmet, const char *what, const char *name)
{
    g_string_append_printf(unmet, "%s%s %s", unmet->len > 0 ? ", " : "", what,
                           name != NULL ? name : "of an unknown kind");
}

/* What of the handshake's agreement the priorities don't have. In TLS 1.3 the key exchange is a
 * part of the group. */
static void compare_agreement(const Trust *trust, gnutls_session_t session, GString *unmet)
{
    const unsigned int *list = NULL;
    gnutls_kx_algorithm_t exchange = gnutls_kx_get(session);
    gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(session);
    gnutls_group_t group = gnutls_group_get(session);
    int signature = gnutls_sign_algorithm_get(session);
    if (gnutls_protocol_get_version(session) <= GNUTLS_TLS1_2 &&
        !is_listed(gnutls_priority_kx_list(trust->priority, &list), &list, exchange))
        add_unmet(unmet, "the key exchange", gnutls_kx_get_name(exchange));
    if (!is_listed(gnutls_priority_cipher_list(trust->priority, &list), &list, cipher))
        add_unmet(unmet, "the cipher", gnutls_cipher_get_name(cipher));
    if (group != GNUTLS_GROUP_INVALID &&
        !is_listed(gnutls_priority_group_list(trust->priority, &list), &list, group))
        add_unmet(unmet, "the group", gnutls_group_get_name(group));
    if (signature > GNUTLS_SIGN_UNKNOWN &&
        !is_listed(gnutls_priority_sign_list(trust->priority, &list), &list,
                   (unsigned int)signature))
        add_unmet(unmet, "handshake signatures by",
                  gnutls_sign_get_name((gnutls_sign_algorithm_t)signature));
}

/* A Trust that verifies nobody, within the same versions of TLS as `trust`. NULL: GnuTLS or the
 * system does not have it. */
static Trust *trust_like(const Trust *trust, TrustPolicy policy, const char *priority)
{
    TrustOptions options = {.verify = TRUST_VERIFY_NONE,
                            .policy = policy,
                            .priority = priority,
                            .tls_min = trust->tls_min,
                            .tls_only = trust->tls_only};
    Trust *made = trust_new(&options, NULL);
    if (made != NULL)
        made->quiet = TRUE;
    return made;
}

Trust *trust_broad(const Trust *trust)
{
    return trust_like(trust, TRUST_POLICY_LEGACY,
                      "NORMAL:%PROFILE_VERY_WEAK:+DHE-DSS:+3DES-CBC:+ARCFOUR-128:"
                      "+CAMELLIA-128-CBC:+CAMELLIA-256-CBC:+MD5:+SIGN-RSA-SHA1:+SIGN-DSA-SHA1:"
                      "+SIGN-DSA-SHA256");
}

/* What of the agreement `trust` does not accept, "a, b"; empty: all is fine. For g_free. */
static char *find_unmet(const Trust *trust, gnutls_session_t session)
{
    GString *unmet = g_string_new(NULL);
    guint bits = group_bits(session);
    compare_agreement(trust, session, unmet);
    if (!trust->own_priority && bits > 0 &&
        !is_strong(GNUTLS_PK_DH, bits, &policies[trust->policy])) {
        g_autofree char *length = g_strdup_printf("of %u bits", bits);
        add_unmet(unmet, "a Diffie-Hellman group", length);
    }
    return g_string_free(unmet, FALSE);
}

char *trust_find_unmet(const Trust *trust, gnutls_session_t session)
{
    g_autofree char *unmet = find_unmet(trust, session);
    if (*unmet == '\0')
        return NULL;
    if (trust->own_priority)
        return g_strdup_printf("%s, which this tls_priority= does not have: add it there, or ask "
                               "the server's owner for something newer",
                               unmet);
    const char *other = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(lesser) && other == NULL; i++) {
        g_autoptr(Trust) candidate = trust_like(trust, lesser[i], NULL);
        g_autofree char *left = candidate != NULL ? find_unmet(candidate, session) : NULL;
        if (left != NULL && *left == '\0')
            other = policies[lesser[i]].name;
    }
    return g_strdup_printf(
        "%s, which tls_policy=%s refuses: ask the server's owner for something newer%s%s", unmet,
        policies[trust->policy].name, other != NULL ? ", or mount with -o tls_policy=" : "",
        other != NULL ? other : "");
}
