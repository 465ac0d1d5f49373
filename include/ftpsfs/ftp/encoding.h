/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * encoding - names between the server's encoding and the UTF-8 used in here, without loss.
 *
 * A byte of the server's that has no character (not in the code page; with no code page: not UTF-8)
 * becomes the private-use character U+F700 + byte, and that character becomes the byte again on the
 * way back. Where the server's name really holds one of U+F700..U+F7FF its bytes are escaped the
 * same way. So every name from the server is valid UTF-8 and leads back to exactly its own bytes,
 * and no two UTF-8 names lead to the same bytes.
 *
 * The functions have no state. An EncodingDecoder belongs to one thread at a time.
 */
#ifndef FTPSFS_FTP_ENCODING_H
#define FTPSFS_FTP_ENCODING_H

#include <glib.h>

#define ENCODING_ESCAPE 0xF700u /* plus the byte */

/* Whether `codepage` (an iconv name, NULL: UTF-8) can be used: known to iconv, without shift
 * states, and with ASCII in its place. FTPSFS_ERROR_CONFIG with a message for the user. */
gboolean encoding_check(const char *codepage, GError **error);

/* A converter from the server's encoding, for many names. A code page that iconv doesn't know is
 * treated as one that has ASCII only. Never NULL. */
typedef struct EncodingDecoder EncodingDecoder;
EncodingDecoder *encoding_decoder_new(const char *codepage);
void encoding_decoder_free(EncodingDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EncodingDecoder, encoding_decoder_free)

/* Appends `length` bytes of the server's, a name or a path, to `out` as UTF-8. */
void encoding_decode(EncodingDecoder *decoder, const char *bytes, gsize length, GString *out);

/* The same for a single name or path; `length` -1: zero-terminated. For g_free. */
char *encoding_from_server(const char *bytes, gssize length, const char *codepage);

/* Appends the name or path `utf8` to `out` in the server's encoding (`codepage` NULL: UTF-8).
 * FALSE, with `out` as it was, and FTPSFS_ERROR_NAME when it holds CR, LF or NUL (which end a
 * command, RFC 959 section 5.3), is not UTF-8, has a character that the code page lacks, or would
 * come back from the server as another name. */
gboolean encoding_to_server(const char *utf8, const char *codepage, GString *out, GError **error);

/* `length` bytes of anything (-1: zero-terminated) as they may be shown in a message: valid UTF-8
 * on one line, '?' for control characters, shortened to `max` bytes. For g_free. */
char *encoding_show(const char *bytes, gssize length, gsize max);

#endif
