/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * digest - SHA-256 of what comes piece by piece, by GnuTLS, which is what FIPS mode asks for.
 *
 * A Digest belongs to its user, who is one thread. No lock.
 */
#ifndef FTPSFS_UTIL_DIGEST_H
#define FTPSFS_UTIL_DIGEST_H

#include <glib.h>

typedef struct Digest Digest;

/* NULL: GnuTLS can't (FTPSFS_ERROR_IO). */
Digest *digest_new(GError **error);

/* Adds `length` bytes. What fails here fails in digest_hex. */
void digest_add(Digest *digest, const void *data, gsize length);

/* The sum of all that was added, in 64 small hexadecimal digits, for g_free. The digest can take
 * nothing more. NULL: GnuTLS has failed (FTPSFS_ERROR_IO). */
char *digest_hex(Digest *digest, GError **error);

/* NULL is fine. */
void digest_free(Digest *digest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Digest, digest_free)

#endif
