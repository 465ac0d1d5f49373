/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trust_policy - how strong TLS has to be, whoever the server is: what each tls_policy= accepts.
 *
 * A policy has two parts. What a handshake agrees on (versions, key exchanges, ciphers,
 * signatures) is what the mount offers: a GnuTLS priority string, which the policy makes. What the
 * server brings along (its key, its chain, its Diffie-Hellman group) is looked at here when it is
 * there, whatever tls_verify= says. Neither ever allows what the system's own configuration of
 * GnuTLS forbids: the strings only take away from the system's default, and these checks come on
 * top of GnuTLS's own.
 *
 * With tls_priority= the string is the user's and nothing is looked at here.
 *
 * Tables of constants; no state, no lock.
 */
#ifndef FTPSFS_SRC_TLS_TRUST_POLICY_H
#define FTPSFS_SRC_TLS_TRUST_POLICY_H

#include "trust_private.h"

/* FTPSFS_ERROR_CONFIG when the policy can't be had here: "fips" where GnuTLS is not in FIPS mode.
 */
gboolean trust_policy_check_mode(TrustPolicy policy, GError **error);

/* The priority string of a policy, a constant, never empty. *append: it is to follow the system's
 * default (GNUTLS_PRIORITY_INIT_DEF_APPEND) instead of standing alone. */
const char *trust_policy_priority(TrustPolicy policy, gboolean *append);

/* Whether the peer's key is long enough. FTPSFS_ERROR_TLS says how long it is and what to do;
 * *alert is then for the peer. */
gboolean trust_policy_check_key(const Trust *trust, gnutls_x509_crt_t leaf, const char *host,
                                gnutls_alert_description_t *alert, GError **error);

/* Whether each key and signature that the verified chain depends on is strong enough. Errors as
 * above. `chain` is what the server sent, leaf first, and has been verified. */
gboolean trust_policy_check_chain(const Trust *trust, const gnutls_x509_crt_t *chain, guint length,
                                  const char *host, gnutls_alert_description_t *alert,
                                  GError **error);

/* The same of a chain that may end at nobody who is known: as far as can be seen. */
gboolean trust_policy_look_at_chain(const Trust *trust, const gnutls_x509_crt_t *chain,
                                    guint length, const char *host, GError **error);

#endif
