/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trust_private - what the .c files of trust share: the struct, and the checks that trust_verify
 * is made of. trust.c and trust_crl.c load, trust_verify.c decides who the server is,
 * trust_policy.c whether its TLS is strong enough, trust_words.c explains a refused chain,
 * trust_tofu.c keeps the known-hosts file.
 *
 * Nothing here changes after trust_new, so there is no lock.
 */
#ifndef FTPSFS_SRC_TLS_TRUST_PRIVATE_H
#define FTPSFS_SRC_TLS_TRUST_PRIVATE_H

#include <gnutls/x509.h>

#include "ftpsfs/tls/trust.h"
#include "ftpsfs/util/guard.h"

#define TRUST_PIN_PREFIX "sha256//"
#define TRUST_PIN_BYTES  32

struct Trust {
    gint references; /* atomic */
    uid_t owner;     /* whose files are good besides root's */
    TrustVerify verify;
    TrustPolicy policy;
    gboolean own_priority; /* the priorities are the user's, and the policy's don't hold */
    gboolean append;       /* they follow the system's default */
    gboolean quiet;        /* TRUST_VERIFY_NONE gives no warning: nothing will be sent */
    TrustTlsMin tls_min;
    gboolean tls_only; /* no later version either */
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    GHashTable *by_group; /* gnutls_group_t -> gnutls_priority_t with that group first */
    GPtrArray *pins;      /* GBytes *, TRUST_PIN_BYTES each; empty: none */
    char *known_hosts;    /* NULL unless TRUST_VERIFY_TOFU */
    char *ca_words;       /* which CAs are believed, for messages: "this system's CAs", a path */
    Secret *key_password; /* also read by the PIN callback of `credentials`; NULL: none */
};

/* What the files of a trust do, for the messages of guard_check. */
#define TRUST_DECIDES "decides which servers are believed"
#define TRUST_IS_KEY  "holds a private key"

/* A file's bytes, for the *_mem functions of GnuTLS, which name neither the file nor the errno.
 * `what` it is, for messages. They are those of the file whose owner and mode were looked at, by
 * the rule of `kind`. For g_free. FTPSFS_ERROR_CONFIG. */
gboolean trust_read_file(const Trust *trust, const char *path, const char *what, GuardKind kind,
                         gnutls_datum_t *bytes, GError **error);

/* Loads the lists of revoked certificates in a PEM file, once the CAs are there.
 * FTPSFS_ERROR_CONFIG when there is none, when one is out of date, or not signed by the CA that it
 * names. */
gboolean trust_load_crl(Trust *trust, const char *path, GError **error);

/* A date for messages, for g_free. */
char *trust_date_words(time_t when);

/* The name to compare with a certificate and to send as SNI: without the brackets of an IPv6
 * address, its zone, and the dot at the end. For g_free. */
char *trust_bare_host(const char *host);

/* What a certificate says of its subject, its issuer and the hosts that it is for ("a, b and 3
 * more"; empty: none), fit for a terminal; for g_free. */
char *trust_subject_of(gnutls_x509_crt_t certificate);
char *trust_issuer_of(gnutls_x509_crt_t certificate);
char *trust_names_of(gnutls_x509_crt_t certificate);

/* "sha256//BASE64" of the certificate's public key (SPKI). For g_free; NULL when the key can't be
 * hashed. */
char *trust_pin_of(gnutls_x509_crt_t certificate);

/* "sha256//BASE64" of a SubjectPublicKeyInfo in DER. For g_free. */
char *trust_pin_of_spki(const void *spki, gsize length);

/* Why a chain was refused: one sentence (or more) in words with what to do about it, for g_free.
 * `status` is from gnutls_certificate_verify_peers, `chain` what the server sent, leaf first. */
char *trust_explain(const Trust *trust, guint status, const gnutls_x509_crt_t *chain, guint length,
                    const char *host);

/* The alert that tells the peer best about `status`. */
gnutls_alert_description_t trust_alert_for(guint status);

/* Looks the key of `leaf` up in the file `known_hosts`, and adds it where the host and port are
 * not in it yet. The file is created with mode 0600, its directory with 0700. FTPSFS_ERROR_TLS
 * when another key is known (the message shows both), FTPSFS_ERROR_IO when the file can't be
 * used. */
gboolean trust_tofu(const char *known_hosts, const char *host, guint16 port, gnutls_x509_crt_t leaf,
                    GError **error);

static inline void trust_datum_clear(gnutls_datum_t *datum)
{
    gnutls_free(datum->data);
    datum->data = NULL;
    datum->size = 0;
}

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(gnutls_datum_t, trust_datum_clear)

/* trust_priority.c: makes the priorities of `trust`, by the string `wanted` or else by its policy.
 * FTPSFS_ERROR_CONFIG when they leave nothing. */
gboolean trust_priority_make(Trust *trust, const char *wanted, GError **error);

#endif
