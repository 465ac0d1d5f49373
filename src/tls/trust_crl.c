/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <time.h>

#include "ftpsfs/util/error.h"
#include "trust_private.h"

/* The lists of one file. */
typedef struct {
    gnutls_x509_crl_t *lists; /* gnutls_malloc'd */
    guint length;
} Lists;

static void lists_clear(Lists *lists)
{
    for (guint i = 0; i < lists->length; i++)
        gnutls_x509_crl_deinit(lists->lists[i]);
    gnutls_free(lists->lists);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Lists, lists_clear)

/* GnuTLS looks only for a certificate's number in a list, not at the list's date. */
static gboolean check_date(gnutls_x509_crl_t list, const char *path, GError **error)
{
    time_t until = gnutls_x509_crl_get_next_update(list);
    if (until == (time_t)-1 || until > time(NULL))
        return TRUE;
    g_autofree char *date = trust_date_words(until);
    g_set_error(
        error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
        "the CRL file %s is out of date: its issuer made a newer list by %s; fetch that one", path,
        date);
    return FALSE;
}

/* The list must be its CA's own. One by a CA in between, which only the server shows, can't be
 * checked here and is taken as it is. */
static gboolean check_issuer(const Trust *trust, gnutls_x509_crl_t list, const char *path,
                             GError **error)
{
    gnutls_x509_trust_list_t cas = NULL;
    g_auto(gnutls_datum_t) name = {NULL, 0};
    g_auto(gnutls_x509_crt_t) issuer = NULL;
    gnutls_certificate_get_trust_list(trust->credentials, &cas);
    if (gnutls_x509_crl_get_raw_issuer_dn(list, &name) < 0 ||
        gnutls_x509_trust_list_get_issuer_by_dn(cas, &name, &issuer, 0) < 0) {
        g_auto(gnutls_datum_t) words = {NULL, 0};
        if (gnutls_x509_crl_get_issuer_dn3(list, &words, 0) >= 0)
            g_message("the CRL file %s has a list by %.*s, which is not among %s: it only counts "
                      "for servers whose certificate that CA has issued",
                      path, (int)words.size, (const char *)words.data, trust->ca_words);
        return TRUE;
    }
    guint status = 0;
    int code = gnutls_x509_crl_verify(list, &issuer, 1, 0, &status);
    const guint wrong = GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE |
                        GNUTLS_CERT_INSECURE_ALGORITHM;
    if (code >= 0 && (status & wrong) == 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "the CRL file %s is not by the CA that it names: its signature is wrong", path);
    return FALSE;
}

gboolean trust_load_crl(Trust *trust, const char *path, GError **error)
{
    gnutls_datum_t pem;
    if (!trust_read_file(trust, path, "CRL file", GUARD_WRITE, &pem, error))
        return FALSE;
    g_auto(Lists) found = {NULL, 0};
    int code =
        gnutls_x509_crl_list_import2(&found.lists, &found.length, &pem, GNUTLS_X509_FMT_PEM, 0);
    if (code >= 0)
        code = gnutls_certificate_set_x509_crl_mem(trust->credentials, &pem, GNUTLS_X509_FMT_PEM);
    g_free(pem.data);
    if (code < 0 || found.length == 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "the CRL file %s holds no revocation list in PEM form (-----BEGIN X509 "
                    "CRL-----)%s%s",
                    path, code < 0 ? ": " : "", code < 0 ? gnutls_strerror(code) : "");
        return FALSE;
    }
    for (guint i = 0; i < found.length; i++)
        if (!check_date(found.lists[i], path, error) ||
            !check_issuer(trust, found.lists[i], path, error))
            return FALSE;
    return TRUE;
}
