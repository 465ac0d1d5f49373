/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deflate - the transmission mode Z of FTP (draft-preston-ftpext-deflate): each data connection
 * carries one zlib stream (RFC 1950), from its first byte to its last.
 *
 * An Inflater reads it. It lives as long as its data connection and is never used for another. It
 * is used by one thread at a time and has no lock. Where the compressed bytes come from is the
 * caller's; sizes here are bytes. It takes 110 KiB of memory.
 */
#ifndef FTPSFS_FTP_DEFLATE_H
#define FTPSFS_FTP_DEFLATE_H

#include <glib.h>

/* "1.2.13" of the zlib in use; NULL: built without, and then nothing else here may be called. A
 * constant text. */
const char *deflate_version(void);

typedef struct Inflater Inflater;

/* Gives up to `length` compressed bytes: their number, 0 at the end, -1 with an error. */
typedef gssize (*InflaterSource)(gpointer data, void *buffer, gsize length, GError **error);

Inflater *deflate_inflater_new(void);

/* NULL is fine. */
void deflate_inflater_free(Inflater *inflater);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inflater, deflate_inflater_free)

/* Decompresses up to `length` bytes, never more whatever the stream holds. Their number; 0 at the
 * end, which is that of the stream with its checksum right and of the source both; -1 with the
 * source's error, after which it may be called again if the source may, or with
 * FTPSFS_ERROR_TRUNCATED: the source ended before the stream did; FTPSFS_ERROR_PROTOCOL: the stream
 * is damaged or none, something follows it, or it goes on and on without holding anything. Takes
 * from the source only when there is nothing left to decompress. */
gssize deflate_inflater_read(Inflater *inflater, InflaterSource source, gpointer data, void *buffer,
                             gsize length, GError **error);

/* Whether the end of the stream has come. */
gboolean deflate_inflater_ended(const Inflater *inflater);

#endif
