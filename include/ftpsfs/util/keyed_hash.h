/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyed_hash - hash functions for GHashTables whose keys somebody else chooses: the server (names
 * in listings, owners) or another local user (offsets, names that are asked for).
 *
 * GLib's own functions (g_str_hash and its like) are known and easily inverted: who chooses the
 * names can make all of them collide, and then a table of n names takes n * n / 2 comparisons.
 * These are SipHash-2-4 (Aumasson and Bernstein, 2012) with a secret random key, so nobody outside
 * can tell which keys collide. GnuTLS has no SipHash.
 *
 * A GHashFunc has no argument for a key, so the process has one: made at the first use by
 * g_once_init_enter, from gnutls_rnd, and never changed after that. Like a constant it needs no
 * owner and no lock. A process has one mount, so it is the mount's key.
 */
#ifndef FTPSFS_UTIL_KEYED_HASH_H
#define FTPSFS_UTIL_KEYED_HASH_H

#include <glib.h>

#define SIPHASH_KEY_BYTES 16

/* SipHash-2-4 of `length` bytes. */
guint64 keyed_hash_siphash(const guint8 key[SIPHASH_KEY_BYTES], gconstpointer data, gsize length);

/* Of `length` bytes, under the key of the process. */
guint keyed_hash_bytes(gconstpointer data, gsize length);

/* GHashFunc: the key is a NUL-terminated string. For use with g_str_equal. */
guint keyed_hash_text(gconstpointer text);

/* GHashFunc: the key is a number in a pointer (GUINT_TO_POINTER). For use with g_direct_equal. */
guint keyed_hash_number(gconstpointer number);

#endif
