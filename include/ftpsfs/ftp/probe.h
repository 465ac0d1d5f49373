/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp/probe: what a server can do, found out without a mount. Offers records for the verb
 * --probe. Uses src/ftp/remote, src/ftp/transfer, src/ftp/session and src/tls.
 *
 * probe - what a server is like, found out by asking and trying: for ftpsfs --probe.
 *
 * probe_tls takes no password and believes nobody; probe_login logs in, so that it fails where a
 * mount would. Both block, take as long as the server lets them, and add to Records that belong to
 * the caller. No state, no lock.
 *
 * The records, by kind ("_us" is in microseconds, times are seconds since 1970 UTC):
 *   address      address, connect_us or failure
 *   greeting     text
 *   tls          version, cipher, key_share, handshake_us, wants_client, verified, refusal
 *   certificate  subject, issuer, names, from, until, key, signature, self_signed, sha256, pin
 *   handshake    version ("1.2", "1.3"), offered, failure, resumes: whether a second connection
 *                resumes the first one's TLS session
 *   policy       name, tried (not where it can't be had here), met, reason: why not met or tried
 *   data         version, connections, resumed: how many of the data connections resumed the
 *                control connection's session
 *   login        user, login_us, notice; round_trip_us: of a NOOP
 *   system       text: the answer to SYST
 *   feat         line
 *   directory    login, start, entries, files; kind ("MLSD", "LIST"), dialect
 *   clock        zone_s: LIST's times from UTC; ahead_s: the server's clock from ours, where told
 *   write        tried, and why not: reason; restart, rename, set_time, set_mode: "yes",
 *                "no", "unknown"; rename_failure
 *   left         path: of a file that could not be removed
 *   read         size, round_trips, duration_us; or reason
 *   sessions     wanted, got, refusal
 *   capability   name, state ("yes", "no", "unknown"), use
 */
#ifndef FTPSFS_FTP_PROBE_H
#define FTPSFS_FTP_PROBE_H

#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/records.h"

/* Whom to believe. */
typedef struct {
    Trust *any;   /* as a mount has it */
    Trust *tls12; /* the same for TLS 1.2 alone and 1.3 alone; NULL: the options exclude it */
    Trust *tls13;
    Trust *policies[TRUST_POLICIES]; /* as a mount by each policy has it; NULL: it can't be had
                                        here. For probe_tls */
} ProbeTrust;

/* What can be seen without a login: addresses, TLS, certificates, resumption. Nothing is sent but
 * AUTH TLS, and the certificate may be any; the record "tls" says whether it is one to believe.
 * options->user and the like may be NULL. The errors of dial and channel_handshake, when not even
 * a handshake could be had; what was found until then is in `out`. */
gboolean probe_tls(const RemoteOptions *options, const ProbeTrust *trust, Records *out,
                   GError **error);

/* What a login shows. `write`: files of the probe's own, with hidden names, may be made beside
 * each other in the start directory; they are removed again, `cancel` or not. Errors as of
 * remote_new and remote_list; what was found until then is in `out`. */
gboolean probe_login(const RemoteOptions *options, const ProbeTrust *trust, gboolean write,
                     GCancellable *cancel, Records *out, GError **error);

#endif
