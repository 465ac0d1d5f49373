/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/encoding.h"

#include <errno.h>
#include <string.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/plain.h"

#define ENCODING_CHARACTER_MAX 8 /* bytes of one character in any code page */

#define ENCODING_SHOWN_MAX 500 /* bytes of a name in a message */

#define ICONV_NONE ((GIConv)-1)

struct EncodingDecoder {
    gboolean utf8;
    GIConv to_utf8;   /* ICONV_NONE when utf8 or unknown */
    GIConv from_utf8; /* to prove that a name leads back to its bytes */
    GString *part;    /* scratch: one path component in UTF-8 */
    GString *back;    /* scratch: the same in the code page again */
};

/* iconv from the whole of `in` to the end of `out`. FALSE when a byte has no character; `out` is as
 * it was then. */
static gboolean encoding_convert(GIConv converter, const char *in, gsize in_length, GString *out)
{
    if (converter == ICONV_NONE)
        return FALSE;
    gsize start = out->len;
    gsize used = start;
    char *from = (char *)in; /* iconv's prototype lacks a const */
    gsize left = in_length;
    gboolean flushing = FALSE;

    g_iconv(converter, NULL, NULL, NULL, NULL);
    for (;;) {
        if (out->len - used < 16)
            g_string_set_size(out, used + (left + 8) * 4);
        char *to = out->str + used;
        gsize room = out->len - used;
        gsize result = flushing ? g_iconv(converter, NULL, NULL, &to, &room)
                                : g_iconv(converter, &from, &left, &to, &room);
        int failure = errno;
        used = (gsize)(to - out->str);
        if (result == (gsize)-1 && failure == E2BIG) {
            g_string_set_size(out, out->len + 64);
            continue;
        }
        /* A result above 0 counts characters that were replaced by something like them. */
        if (result != 0) {
            g_string_truncate(out, start);
            return FALSE;
        }
        if (flushing)
            break;
        flushing = TRUE;
    }
    g_string_truncate(out, used);
    return TRUE;
}

static void encoding_escape(GString *out, const char *bytes, gsize length)
{
    for (gsize i = 0; i < length; i++)
        g_string_append_unichar(out, ENCODING_ESCAPE + (guchar)bytes[i]);
}

static gboolean encoding_is_escape(gunichar c)
{
    return c >= ENCODING_ESCAPE && c <= ENCODING_ESCAPE + 0xFF;
}

/* Whether the 3 bytes at `at`, in valid UTF-8, are one of the escapes: EF 9C 80 .. EF 9F BF. */
static gboolean encoding_is_escape_at(const char *at)
{
    return (guchar)at[0] == 0xEF && (guchar)at[1] >= 0x9C && (guchar)at[1] <= 0x9F;
}

/* The first escape in `length` bytes of valid UTF-8, or NULL. */
static const char *encoding_find_escape(const char *text, gsize length)
{
    const char *end = text + length;
    while (text < end && (text = memchr(text, 0xEF, (gsize)(end - text))) != NULL) {
        if (encoding_is_escape_at(text))
            return text;
        text += 3;
    }
    return NULL;
}

static void encoding_decode_utf8(const char *bytes, gsize length, GString *out)
{
    const char *end = bytes + length;
    while (bytes < end) {
        const char *bad;
        g_utf8_validate_len(bytes, (gsize)(end - bytes), &bad);
        const char *escape;
        while ((escape = encoding_find_escape(bytes, (gsize)(bad - bytes))) != NULL) {
            g_string_append_len(out, bytes, (gssize)(escape - bytes));
            encoding_escape(out, escape, 3);
            bytes = escape + 3;
        }
        g_string_append_len(out, bytes, (gssize)(bad - bytes));
        bytes = bad;
        if (bytes < end)
            encoding_escape(out, bytes++, 1);
    }
}

/* Appends a name in UTF-8 to `out` in the code page, escapes as the bytes that they stand for.
 * FALSE when a character is missing there. */
static gboolean encoding_encode(GIConv converter, const char *utf8, gsize length, GString *out)
{
    const char *end = utf8 + length;
    while (utf8 < end) {
        const char *escape = encoding_find_escape(utf8, (gsize)(end - utf8));
        const char *plain_end = escape == NULL ? end : escape;
        if (plain_end > utf8 && !encoding_convert(converter, utf8, (gsize)(plain_end - utf8), out))
            return FALSE;
        if (escape == NULL)
            break;
        g_string_append_c(out, (char)(g_utf8_get_char(escape) - ENCODING_ESCAPE));
        utf8 = escape + 3;
    }
    return TRUE;
}

/* Whether `decoder->part` leads back to `bytes`. */
static gboolean encoding_leads_back(EncodingDecoder *decoder, const char *bytes, gsize length)
{
    g_string_truncate(decoder->back, 0);
    return encoding_encode(decoder->from_utf8, decoder->part->str, decoder->part->len,
                           decoder->back) &&
           decoder->back->len == length && memcmp(decoder->back->str, bytes, length) == 0;
}

/* Appends the character at `bytes` to the decoder's part; returns its length, or 0 when there is
 * none that leads back. */
static gsize encoding_decode_character(EncodingDecoder *decoder, const char *bytes, gsize length)
{
    GString *part = decoder->part;
    for (gsize n = 1; n <= MIN(length, ENCODING_CHARACTER_MAX); n++) {
        gsize before = part->len;
        if (!encoding_convert(decoder->to_utf8, bytes, n, part) || part->len == before)
            continue;
        g_string_truncate(decoder->back, 0);
        gboolean good = encoding_find_escape(part->str + before, part->len - before) == NULL &&
                        encoding_convert(decoder->from_utf8, part->str + before, part->len - before,
                                         decoder->back) &&
                        decoder->back->len == n && memcmp(decoder->back->str, bytes, n) == 0;
        if (good)
            return n;
        g_string_truncate(part, before);
        return 0;
    }
    return 0;
}

/* Decodes one path component into the decoder's part. Each of three ways is taken only if it
 * provably leads back to the same bytes: the name as a whole, character by character with escapes
 * where a character has several codes or none, and ASCII with escapes. */
static void encoding_decode_component(EncodingDecoder *decoder, const char *bytes, gsize length)
{
    GString *part = decoder->part;
    g_string_truncate(part, 0);
    if (encoding_convert(decoder->to_utf8, bytes, length, part) &&
        encoding_find_escape(part->str, part->len) == NULL &&
        encoding_leads_back(decoder, bytes, length))
        return;

    g_string_truncate(part, 0);
    for (gsize at = 0; at < length;) {
        gsize n = encoding_decode_character(decoder, bytes + at, length - at);
        if (n == 0)
            encoding_escape(part, bytes + at, n = 1);
        at += n;
    }
    if (encoding_leads_back(decoder, bytes, length))
        return;

    g_string_truncate(part, 0);
    for (gsize at = 0; at < length; at++) {
        /* 5C and 7E are the two letters of ASCII that code pages put something else in place of. */
        if ((guchar)bytes[at] < 0x80 && bytes[at] != '\\' && bytes[at] != '~')
            g_string_append_c(part, bytes[at]);
        else
            encoding_escape(part, bytes + at, 1);
    }
}

static gboolean encoding_is_plain_ascii(const char *bytes, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        if ((guchar)bytes[i] >= 0x80 || bytes[i] == '\\' || bytes[i] == '~')
            return FALSE;
    }
    return TRUE;
}

void encoding_decode(EncodingDecoder *decoder, const char *bytes, gsize length, GString *out)
{
    if (decoder->utf8) {
        encoding_decode_utf8(bytes, length, out);
        return;
    }
    const char *end = bytes + length;
    while (bytes < end) {
        const char *slash = memchr(bytes, '/', (gsize)(end - bytes));
        gsize n = (gsize)((slash == NULL ? end : slash) - bytes);
        if (encoding_is_plain_ascii(bytes, n)) {
            g_string_append_len(out, bytes, (gssize)n);
        } else {
            encoding_decode_component(decoder, bytes, n);
            g_string_append_len(out, decoder->part->str, (gssize)decoder->part->len);
        }
        if (slash != NULL)
            g_string_append_c(out, '/');
        bytes += n + (slash == NULL ? 0 : 1);
    }
}

static gboolean encoding_names_utf8(const char *codepage)
{
    return codepage == NULL || *codepage == '\0' || g_ascii_strcasecmp(codepage, "UTF-8") == 0 ||
           g_ascii_strcasecmp(codepage, "UTF8") == 0;
}

EncodingDecoder *encoding_decoder_new(const char *codepage)
{
    EncodingDecoder *decoder = g_new0(EncodingDecoder, 1);
    decoder->utf8 = encoding_names_utf8(codepage);
    decoder->to_utf8 = decoder->utf8 ? ICONV_NONE : g_iconv_open("UTF-8", codepage);
    decoder->from_utf8 = decoder->utf8 ? ICONV_NONE : g_iconv_open(codepage, "UTF-8");
    decoder->part = g_string_new(NULL);
    decoder->back = g_string_new(NULL);
    return decoder;
}

void encoding_decoder_free(EncodingDecoder *decoder)
{
    if (decoder == NULL)
        return;
    if (decoder->to_utf8 != ICONV_NONE)
        g_iconv_close(decoder->to_utf8);
    if (decoder->from_utf8 != ICONV_NONE)
        g_iconv_close(decoder->from_utf8);
    g_string_free(decoder->part, TRUE);
    g_string_free(decoder->back, TRUE);
    g_free(decoder);
}

char *encoding_from_server(const char *bytes, gssize length, const char *codepage)
{
    g_autoptr(EncodingDecoder) decoder = encoding_decoder_new(codepage);
    GString *out = g_string_new(NULL);
    encoding_decode(decoder, bytes, length < 0 ? strlen(bytes) : (gsize)length, out);
    return g_string_free(out, FALSE);
}

/* Converts `utf8` path component by path component: to the bytes, and back to see that they are
 * read as the same name. */
static gboolean encoding_to_codepage(EncodingDecoder *decoder, const char *utf8, GString *out)
{
    for (;;) {
        gsize n = strcspn(utf8, "/");
        if (encoding_is_plain_ascii(utf8, n))
            g_string_append_len(out, utf8, (gssize)n);
        else if (!encoding_encode(decoder->from_utf8, utf8, n, out))
            return FALSE;
        utf8 += n;
        if (*utf8 == '\0')
            return TRUE;
        g_string_append_c(out, *utf8++);
    }
}

char *encoding_show(const char *bytes, gssize length, gsize max)
{
    static const char more[] = "...";
    gsize given = length < 0 ? strlen(bytes) : (gsize)length;
    /* Enough to fill `max` bytes, and to end a character that the cut would break. */
    g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)MIN(given, max + 8));
    GString *shown = g_string_new(NULL);
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_string_append_unichar(shown, plain_is_risky(c) ? '?' : c);
    }
    if (shown->len > max) {
        gsize end = max - MIN(max, sizeof(more) - 1);
        while (end > 0 && ((guchar)shown->str[end] & 0xC0) == 0x80)
            end--;
        g_string_truncate(shown, end);
        g_string_append(shown, more);
    }
    return g_string_free(shown, FALSE);
}

static gboolean encoding_fail(GError **error, const char *utf8, const char *why)
{
    g_autofree char *shown = encoding_show(utf8, -1, ENCODING_SHOWN_MAX);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NAME, "the name \"%s\" can't be sent: %s", shown,
                why);
    return FALSE;
}

/* Whether the bytes after `start` are read as `utf8` when they come back. */
static gboolean encoding_returns(EncodingDecoder *decoder, const GString *bytes, gsize start,
                                 const char *utf8)
{
    g_autoptr(GString) back = g_string_new(NULL);
    encoding_decode(decoder, bytes->str + start, bytes->len - start, back);
    return strcmp(back->str, utf8) == 0;
}

gboolean encoding_to_server(const char *utf8, const char *codepage, GString *out, GError **error)
{
    if (strpbrk(utf8, "\r\n") != NULL)
        return encoding_fail(error, utf8, "it holds a line end, which FTP can't carry");
    if (!g_utf8_validate(utf8, -1, NULL))
        return encoding_fail(error, utf8, "it is not UTF-8");
    gsize length = strlen(utf8);
    gboolean same = encoding_names_utf8(codepage) ? encoding_find_escape(utf8, length) == NULL
                                                  : encoding_is_plain_ascii(utf8, length);
    if (same) {
        g_string_append_len(out, utf8, (gssize)length);
        return TRUE;
    }
    for (const char *at = utf8; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        gunichar byte = c - ENCODING_ESCAPE;
        if (encoding_is_escape(c) && (byte == 0 || byte == '\r' || byte == '\n'))
            return encoding_fail(error, utf8, "it holds an escaped line end or zero byte");
    }

    gsize start = out->len;
    g_autoptr(EncodingDecoder) decoder = encoding_decoder_new(codepage);
    if (decoder->utf8)
        decoder->from_utf8 = g_iconv_open("UTF-8", "UTF-8");
    const char *why = NULL;
    if (!encoding_to_codepage(decoder, utf8, out))
        why = "the server's code page lacks one of its characters";
    else if (!encoding_returns(decoder, out, start, utf8))
        why = "the server would show it under another name";
    if (why == NULL)
        return TRUE;
    g_string_truncate(out, start);
    return encoding_fail(error, utf8, why);
}

/* Whether the single byte is a whole character, ending nothing and beginning nothing. */
static gboolean encoding_byte_is_character(EncodingDecoder *decoder, guint byte)
{
    char bytes[1] = {(char)byte};
    g_string_truncate(decoder->part, 0);
    if (!encoding_convert(decoder->to_utf8, bytes, 1, decoder->part) || decoder->part->len == 0)
        return FALSE;
    gboolean same = decoder->part->len == 1 && decoder->part->str[0] == bytes[0];
    return same || ((byte == '\\' || byte == '~') && g_utf8_strlen(decoder->part->str, -1) == 1);
}

/* Whether '/' can be the second byte of a character. */
static gboolean encoding_hides_slash(EncodingDecoder *decoder, guint lead)
{
    char bytes[2] = {(char)lead, '/'};
    g_string_truncate(decoder->part, 0);
    return encoding_convert(decoder->to_utf8, bytes, 2, decoder->part) &&
           !g_str_has_suffix(decoder->part->str, "/");
}

gboolean encoding_check(const char *codepage, GError **error)
{
    if (encoding_names_utf8(codepage))
        return TRUE;
    g_autoptr(EncodingDecoder) decoder = encoding_decoder_new(codepage);
    if (decoder->to_utf8 == ICONV_NONE || decoder->from_utf8 == ICONV_NONE) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "unknown code page \"%s\": iconv --list shows those that this system knows",
                    codepage);
        return FALSE;
    }
    gboolean good = TRUE;
    for (guint byte = 1; byte < 0x80 && good; byte++)
        good = encoding_byte_is_character(decoder, byte);
    for (guint lead = 0x80; lead <= 0xFF && good; lead++)
        good = !encoding_hides_slash(decoder, lead);
    if (!good)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "the code page \"%s\" can't be used for file names: it doesn't have ASCII in "
                    "its place",
                    codepage);
    return good;
}
