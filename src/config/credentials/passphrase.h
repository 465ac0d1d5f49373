/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passphrase - whether the client certificate's key needs one. Private to config/.
 *
 * No state, no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CREDENTIALS_PASSPHRASE_H
#define FTPSFS_SRC_CONFIG_CREDENTIALS_PASSPHRASE_H

#include <glib.h>

/* Whether the key at `path` is encrypted: a PEM file of PKCS #8 (RFC 7468 section 11) or of the
 * older form with a "Proc-Type: 4,ENCRYPTED" line (RFC 1421 section 4.6.1.1), or a pkcs11: URL that
 * names neither PIN nor pin-source (RFC 7512 section 2.4). A file that can't be read is not: who
 * loads it will say so. */
gboolean passphrase_is_needed(const char *path);

#endif
