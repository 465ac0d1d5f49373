/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/tls/certificate.h"

#include <gnutls/crypto.h>

#include "ftpsfs/util/error.h"
#include "trust_private.h"

#define SHA256_BYTES 32

/* "AB:CD:..." */
static char *fingerprint(const void *data, gsize length)
{
    guchar hash[SHA256_BYTES];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, length, hash) < 0)
        return NULL;
    GString *text = g_string_new(NULL);
    for (gsize i = 0; i < sizeof hash; i++)
        g_string_append_printf(text, "%s%02X", i > 0 ? ":" : "", hash[i]);
    return g_string_free(text, FALSE);
}

static char *key_words(gnutls_x509_crt_t certificate)
{
    unsigned int bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
    const char *name = algorithm >= 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : NULL;
    return g_strdup_printf("%s, %u bits", name != NULL ? name : "of an unknown kind", bits);
}

static char *signature_words(gnutls_x509_crt_t certificate)
{
    int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
    const char *name =
        algorithm >= 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm) : NULL;
    return g_strdup(name != NULL ? name : "unknown");
}

static gint64 seconds(time_t when)
{
    return when == (time_t)-1 ? G_MININT64 : (gint64)when;
}

Certificate *certificate_read(GBytes *der, GError **error)
{
    gsize length;
    const void *data = g_bytes_get_data(der, &length);
    const gnutls_datum_t bytes = {.data = (unsigned char *)(guintptr)data,
                                  .size = (unsigned int)length};
    g_auto(gnutls_x509_crt_t) read = NULL;
    int code = gnutls_x509_crt_init(&read);
    if (code >= 0)
        code = gnutls_x509_crt_import(read, &bytes, GNUTLS_X509_FMT_DER);
    if (code < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS, "a certificate can't be read: %s",
                    gnutls_strerror(code));
        return NULL;
    }
    Certificate *certificate = g_new0(Certificate, 1);
    certificate->subject = trust_subject_of(read);
    certificate->issuer = trust_issuer_of(read);
    certificate->names = trust_names_of(read);
    certificate->from = seconds(gnutls_x509_crt_get_activation_time(read));
    certificate->until = seconds(gnutls_x509_crt_get_expiration_time(read));
    certificate->key = key_words(read);
    certificate->signature = signature_words(read);
    certificate->self_signed = gnutls_x509_crt_check_issuer(read, read) != 0;
    certificate->sha256 = fingerprint(data, length);
    certificate->pin = trust_pin_of(read);
    return certificate;
}

void certificate_free(Certificate *certificate)
{
    if (certificate == NULL)
        return;
    g_free(certificate->subject);
    g_free(certificate->issuer);
    g_free(certificate->names);
    g_free(certificate->key);
    g_free(certificate->signature);
    g_free(certificate->sha256);
    g_free(certificate->pin);
    g_free(certificate);
}
