/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trust - which servers this mount trusts: CAs, pins, known hosts, client certificate, and how
 * strong TLS has to be.
 *
 * One Trust a mount, immutable after trust_new and reference-counted, so it is shared by all
 * threads without a lock (the known-hosts file is locked with flock while it is changed).
 */
#ifndef FTPSFS_TLS_TRUST_H
#define FTPSFS_TLS_TRUST_H

#include <gnutls/gnutls.h>

#include <sys/types.h>

#include "ftpsfs/util/secret.h"

typedef enum {
    TRUST_VERIFY_FULL, /* chain and host name; the default */
    TRUST_VERIFY_TOFU, /* key remembered at first use, a change refused */
    TRUST_VERIFY_NONE, /* nothing is checked, and a warning is logged each time */
} TrustVerify;

typedef enum { TRUST_TLS_1_2, TRUST_TLS_1_3 } TrustTlsMin;

/* How strong TLS has to be; the manual page has the table of what each accepts. */
typedef enum {
    TRUST_POLICY_MODERN, /* nothing that is broken or has no forward secrecy; the default */
    TRUST_POLICY_LEGACY, /* what GnuTLS calls NORMAL */
    TRUST_POLICY_STRICT, /* TLS 1.3, or 1.2 with ECDHE and AEAD; 128 bits of strength */
    TRUST_POLICY_SYSTEM, /* what this system says */
    TRUST_POLICY_FIPS,   /* modern, by a GnuTLS in FIPS mode */
    TRUST_POLICIES,
} TrustPolicy;

/* All strings may be NULL; they are copied. */
typedef struct {
    uid_t owner; /* whose files are good besides root's; 0: this process's user */
    TrustVerify verify;
    TrustPolicy policy;
    TrustTlsMin tls_min;
    gboolean tls_only;       /* no later version than tls_min either: for finding out about one */
    const char *ca_file;     /* PEM; instead of the system's CAs */
    const char *ca_path;     /* directory of PEM files; instead of the system's CAs */
    const char *crl_file;    /* PEM */
    const char *known_hosts; /* for TOFU: file of GnuTLS's stored public keys */
    const char *cert;        /* client certificate: PEM file or pkcs11: URL */
    const char *key;         /* its key; NULL: in the same file */
    Secret *key_password;    /* not copied but referenced; NULL: key is not encrypted */
    const char *priority;    /* GnuTLS priority string, in place of the policy's; NULL: that */
    const char *const *pins; /* "sha256//BASE64" of SPKI, NULL-terminated; any one must match */
} TrustOptions;

typedef struct Trust Trust;

/* Whether `wanted` is a GnuTLS priority string that leaves something of the TLS versions allowed.
 * FTPSFS_ERROR_CONFIG, which says where it is wrong. */
gboolean trust_priority_check(const char *wanted, TrustTlsMin tls_min, GError **error);

/* Loads all that `options` names. FTPSFS_ERROR_CONFIG with the file's name when something can't be
 * read or holds no certificate, when others than its owner can write to it, or read the key (see
 * guard.h), when the priority string has an error (says where), or when the policy can't be had on
 * this system. */
Trust *trust_new(const TrustOptions *options, GError **error);

/* "modern", "legacy", ...: as tls_policy= takes it. */
const char *trust_policy_name(TrustPolicy policy);

/* One that agrees to nearly everything and believes everybody, within the TLS versions of `trust`:
 * for finding out what a server offers, on a channel that looks. NULL: it can't be made. */
Trust *trust_broad(const Trust *trust);

/* After a handshake with trust_broad: what of its agreement `trust` refuses, and what to do about
 * it, in words for g_free; NULL: nothing. */
char *trust_find_unmet(const Trust *trust, gnutls_session_t session);

Trust *trust_ref(Trust *trust);
void trust_unref(Trust *trust);

/* Prepares a client session: credentials, priorities (with `group` first when it is not
 * GNUTLS_GROUP_INVALID, so that its key share is the one sent), SNI unless `host` is an IP
 * address. FTPSFS_ERROR_TLS on failure. */
gboolean trust_apply(const Trust *trust, gnutls_session_t session, const char *host,
                     gnutls_group_t group, GError **error);

/* Verifies the peer after (or from the verify hook in) a handshake, by the mount's rules. Of a
 * session that was resumed it is the certificate that the first of its kind has shown, by today's
 * date and lists.
 * `host` and `port` are what the user named. FTPSFS_ERROR_TLS with a message that says which check
 * failed in words (unknown CA, wrong name with the names that the certificate has, expired with
 * the date, revoked, pin mismatch with the pin seen; or a key or a chain that the
 * policy refuses) and what to do about it; *alert (may be NULL)
 * is then the alert to send to the peer (RFC 8446 section 6.2). FTPSFS_ERROR_IO when the
 * known-hosts file can't be read or written. Safe from several threads, on different sessions. */
gboolean trust_verify(const Trust *trust, gnutls_session_t session, const char *host, guint16 port,
                      gnutls_alert_description_t *alert, GError **error);

/* The keys that are remembered of this server, as pins: char *, and a NULL at the end. None unless
 * TRUST_VERIFY_TOFU. */
GPtrArray *trust_known_keys(const Trust *trust, const char *host, guint16 port);

/* Whether the Diffie-Hellman group that the server chose is long enough for the policy. It is not
 * known before the handshake has ended, when trust_verify has been called. FTPSFS_ERROR_TLS as
 * above. */
gboolean trust_check_group(const Trust *trust, gnutls_session_t session, const char *host,
                           GError **error);

/* Whether the peer's key, chain and Diffie-Hellman group are strong enough for the policy, whoever
 * it is, after a full handshake. FTPSFS_ERROR_TLS as above. */
gboolean trust_check_strength(const Trust *trust, gnutls_session_t session, const char *host,
                              GError **error);

/* After a handshake: until when the peer's certificates are valid, in seconds since 1970;
 * G_MAXINT64 where the mount's rules don't look at dates. */
gint64 trust_valid_until(const Trust *trust, gnutls_session_t session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trust, trust_unref)

#endif
