/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate - what a certificate says, in words.
 *
 * A Certificate is a struct of texts that its user owns. No lock.
 */
#ifndef FTPSFS_TLS_CERTIFICATE_H
#define FTPSFS_TLS_CERTIFICATE_H

#include <glib.h>

/* Texts are UTF-8 without control characters, whatever the certificate holds. */
typedef struct {
    char *subject, *issuer; /* distinguished names, or "unnamed" */
    char *names;            /* the hosts that it is for, "a, b and 3 more"; empty: none */
    gint64 from, until;     /* seconds since 1970; G_MININT64: can't be read */
    char *key;              /* "RSA, 3072 bits" */
    char *signature;        /* "RSA-SHA256" */
    gboolean self_signed;
    char *sha256; /* fingerprint of the whole, "AB:CD:..." */
    char *pin;    /* of its public key, as tls_pin= takes it; NULL: the key can't be hashed */
} Certificate;

/* Reads a certificate in DER. NULL: it is none (FTPSFS_ERROR_TLS). */
Certificate *certificate_read(GBytes *der, GError **error);
void certificate_free(Certificate *certificate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Certificate, certificate_free)

#endif
