/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "ftpsfs/util/plain.h"
#include "trust_private.h"

/* A certificate may hold hundreds of names; a message can't. */
#define NAMES_MAX 8

/* What the server sent, made fit for a terminal and a log. */
static char *printable(const void *text, gsize length)
{
    g_autofree char *copy = g_strndup(text, length);
    return plain_text(copy);
}

char *trust_date_words(time_t when)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc((gint64)when);
    return date != NULL ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S UTC")
                        : g_strdup("a date that can't be read");
}

char *trust_issuer_of(gnutls_x509_crt_t certificate)
{
    g_auto(gnutls_datum_t) dn = {NULL, 0};
    if (gnutls_x509_crt_get_issuer_dn3(certificate, &dn, 0) < 0 || dn.size == 0)
        return g_strdup("unnamed");
    return printable(dn.data, dn.size);
}

char *trust_subject_of(gnutls_x509_crt_t certificate)
{
    g_auto(gnutls_datum_t) dn = {NULL, 0};
    if (gnutls_x509_crt_get_dn3(certificate, &dn, 0) < 0 || dn.size == 0)
        return g_strdup("unnamed");
    return printable(dn.data, dn.size);
}

/* One subjectAltName as text; NULL for kinds that name no host. */
static char *alt_name_text(int type, const char *name, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    if (type == GNUTLS_SAN_DNSNAME)
        return printable(name, size);
    if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16) &&
        inet_ntop(size == 4 ? AF_INET : AF_INET6, name, text, sizeof text) != NULL)
        return g_strdup(text);
    return NULL;
}

/* The hosts that a certificate is for, "a, b and 3 more"; empty when there are none. */
char *trust_names_of(gnutls_x509_crt_t certificate)
{
    g_autoptr(GString) names = g_string_new(NULL);
    guint found = 0;
    for (guint i = 0;; i++) {
        char name[1024];
        size_t size = sizeof name;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;
        if (type < 0)
            break;
        g_autofree char *text = alt_name_text(type, name, size);
        if (text == NULL)
            continue;
        if (found++ < NAMES_MAX)
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", text);
    }
    if (found > NAMES_MAX)
        g_string_append_printf(names, " and %u more", found - NAMES_MAX);
    if (found == 0) {
        char name[256];
        size_t size = sizeof name;
        if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                          &size) >= 0) {
            g_autofree char *text = printable(name, size);
            g_string_append(names, text);
        }
    }
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static void explain_issuer(GString *words, const Trust *trust, gnutls_x509_crt_t last)
{
    g_autofree char *issuer = trust_issuer_of(last);
    if (gnutls_x509_crt_check_issuer(last, last))
        g_string_append_printf(words,
                               "it is self-signed, by %s, which is not among %s; add "
                               "-o cafile=FILE with that certificate if you trust it. ",
                               issuer, trust->ca_words);
    else
        g_string_append_printf(words,
                               "its issuer is %s, which is not among %s; add -o cafile=FILE with "
                               "that CA's certificate if you trust it. ",
                               issuer, trust->ca_words);
}

static void explain_names(GString *words, gnutls_x509_crt_t leaf, const char *host)
{
    g_autofree char *names = trust_names_of(leaf);
    if (*names == '\0')
        g_string_append_printf(words, "it names no host, so not %s either. ", host);
    else
        g_string_append_printf(words,
                               "it is for %s and not for %s; mount the server by a name that its "
                               "certificate has. ",
                               names, host);
}

/* Expired and not yet valid. Either may be true of any certificate in the chain. */
static void explain_time(GString *words, guint status, const gnutls_x509_crt_t *chain, guint length)
{
    time_t now = time(NULL);
    gsize before = words->len;
    for (guint i = 0; i < length; i++) {
        time_t from = gnutls_x509_crt_get_activation_time(chain[i]);
        time_t until = gnutls_x509_crt_get_expiration_time(chain[i]);
        g_autofree char *whose = i == 0 ? g_strdup("it") : trust_subject_of(chain[i]);
        if ((status & GNUTLS_CERT_EXPIRED) != 0 && until != (time_t)-1 && until < now) {
            g_autofree char *date = trust_date_words(until);
            g_string_append_printf(words, "%s expired on %s. ", whose, date);
        }
        if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0 && from != (time_t)-1 && from > now) {
            g_autofree char *date = trust_date_words(from);
            g_string_append_printf(words,
                                   "%s is not valid before %s (is this computer's clock "
                                   "right?). ",
                                   whose, date);
        }
    }
    if (words->len == before)
        g_string_append(words, (status & GNUTLS_CERT_EXPIRED) != 0
                                   ? "a CA that it depends on has expired. "
                                   : "a CA that it depends on is not valid yet. ");
}

static void explain_algorithm(GString *words, const gnutls_x509_crt_t *chain)
{
    const char *name = gnutls_sign_get_name(
        (gnutls_sign_algorithm_t)gnutls_x509_crt_get_signature_algorithm(chain[0]));
    unsigned int bits = 0;
    const char *key = gnutls_pk_get_name(
        (gnutls_pk_algorithm_t)gnutls_x509_crt_get_pk_algorithm(chain[0], &bits));
    g_string_append_printf(words,
                           "it, or a CA that it depends on, uses a signature or key that is no "
                           "longer secure (it has %s and a key of %s, %u bits), and no tls_policy "
                           "accepts that here; ask the server's owner for a new one, or pin its "
                           "key (-o tls_verify=no,tls_pin=...). ",
                           name != NULL ? name : "an unknown signature",
                           key != NULL ? key : "an unknown kind", bits);
}

static const struct {
    guint bit;
    const char *words;
} plain_words[] = {
    {GNUTLS_CERT_REVOKED, "it has been revoked by its issuer. "},
    {GNUTLS_CERT_SIGNER_NOT_CA, "it was issued by a certificate that is not a CA. "},
    {GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong: it has been tampered with. "},
    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its issuer was not allowed to issue it. "},
    {GNUTLS_CERT_PURPOSE_MISMATCH,
     "it, or a CA that it depends on, is not for TLS servers (extended key usage serverAuth). "},
    {GNUTLS_CERT_MISSING_OCSP_STATUS,
     "it demands a stapled OCSP status and the server sent none. "},
    {GNUTLS_CERT_INVALID_OCSP_STATUS, "the OCSP status that the server sent is invalid. "},
    {GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED,
     "the OCSP status or revocation list for it is out of date. "},
    {GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
     "the OCSP status or revocation list for it is from the future (is this computer's clock "
     "right?). "},
    {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "it has a critical extension that is not understood. "},
};

char *trust_explain(const Trust *trust, guint status, const gnutls_x509_crt_t *chain, guint length,
                    const char *host)
{
    g_autoptr(GString) words = g_string_new(NULL);
    if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
        explain_issuer(words, trust, chain[length - 1]);
    if ((status & GNUTLS_CERT_UNEXPECTED_OWNER) != 0)
        explain_names(words, chain[0], host);
    if ((status & GNUTLS_CERT_INSECURE_ALGORITHM) != 0)
        explain_algorithm(words, chain);
    for (gsize i = 0; i < G_N_ELEMENTS(plain_words); i++)
        if ((status & plain_words[i].bit) != 0)
            g_string_append(words, plain_words[i].words);
    if ((status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) != 0)
        explain_time(words, status, chain, length);
    if (words->len == 0) {
        g_auto(gnutls_datum_t) text = {NULL, 0};
        if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0)
            g_string_append_len(words, (const char *)text.data, (gssize)text.size);
        else
            g_string_append(words, "GnuTLS does not say why. ");
    }
    g_strchomp(words->str);
    return g_strdup_printf("the certificate of %s is refused: %s", host, words->str);
}

gnutls_alert_description_t trust_alert_for(guint status)
{
    if ((status & GNUTLS_CERT_REVOKED) != 0)
        return GNUTLS_A_CERTIFICATE_REVOKED;
    if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0)
        return GNUTLS_A_UNKNOWN_CA;
    if ((status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) != 0)
        return GNUTLS_A_CERTIFICATE_EXPIRED;
    if ((status & GNUTLS_CERT_PURPOSE_MISMATCH) != 0)
        return GNUTLS_A_UNSUPPORTED_CERTIFICATE;
    return GNUTLS_A_BAD_CERTIFICATE;
}
