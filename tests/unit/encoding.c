/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/encoding.h"

#include <string.h>

#include "ftpsfs/util/error.h"

/* `bytes` are shown as `utf8` (NULL: whatever) and lead back to themselves. */
static void assert_round_trip(const char *codepage, const char *bytes, const char *utf8)
{
    g_autofree char *decoded = encoding_from_server(bytes, -1, codepage);
    g_assert_true(g_utf8_validate(decoded, -1, NULL));
    if (utf8 != NULL)
        g_assert_cmpstr(decoded, ==, utf8);
    g_autoptr(GString) back = g_string_new("RETR ");
    g_autoptr(GError) error = NULL;
    encoding_to_server(decoded, codepage, back, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(back->str, "RETR "));
    g_assert_cmpstr(back->str + 5, ==, bytes);
    g_assert_cmpuint(back->len, ==, 5 + strlen(bytes));
}

static void assert_unsendable(const char *codepage, const char *utf8)
{
    g_autoptr(GString) out = g_string_new("kept");
    g_autoptr(GError) error = NULL;
    g_assert_false(encoding_to_server(utf8, codepage, out, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NAME);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpstr(out->str, ==, "kept");
}

static void test_utf8(void)
{
    assert_round_trip(NULL, "plain", "plain");
    assert_round_trip(NULL, "", "");
    assert_round_trip(NULL, "Grüße 日本語 😀", "Grüße 日本語 😀");
    assert_round_trip("UTF-8", "Grüße", "Grüße");
    assert_round_trip("utf8", "Grüße", "Grüße");
    assert_round_trip("", "Grüße", "Grüße");
    assert_round_trip(NULL, "/a path/with ~ and \\", "/a path/with ~ and \\");
    /* Characters that begin with the same byte as the escapes. */
    assert_round_trip(NULL, "\uF6FF\uF800\uFFFD\uFEFF", "\uF6FF\uF800\uFFFD\uFEFF");
}

static void test_not_utf8(void)
{
    assert_round_trip(NULL, "gr\xfc\xdf", "gr\uF7FC\uF7DF");
    assert_round_trip(NULL, "\x80", "\uF780");
    assert_round_trip(NULL, "\xc3", "\uF7C3");
    assert_round_trip(NULL, "\xc3(", "\uF7C3(");
    assert_round_trip(NULL, "a\xe2\x82z/\xff\xfe", "a\uF7E2\uF782z/\uF7FF\uF7FE");
    assert_round_trip(NULL, "\xc0\xaf", "\uF7C0\uF7AF");                     /* overlong '/' */
    assert_round_trip(NULL, "\xed\xa0\x80", "\uF7ED\uF7A0\uF780");           /* a surrogate */
    assert_round_trip(NULL, "\xf5\x80\x80\x80", "\uF7F5\uF780\uF780\uF780"); /* over U+10FFFF */
    assert_round_trip(NULL,
                      "ü\xfc"
                      "ü",
                      "ü\uF7FCü");
}

static void test_real_private_use(void)
{
    assert_round_trip(NULL, "\uF700", "\uF7EF\uF79C\uF780");
    assert_round_trip(NULL, "a\uF741z", "a\uF7EF\uF79D\uF781z");
    assert_round_trip(NULL, "\uF7FF\uF7FF", "\uF7EF\uF79F\uF7BF\uF7EF\uF79F\uF7BF");
}

static void test_codepages(void)
{
    assert_round_trip("ISO-8859-1", "gr\xfc\xdf", "grüß");
    assert_round_trip("ISO-8859-15", "\xa4", "€");
    assert_round_trip("CP1252", "\x80 \x93quoted\x94", "€ “quoted”");
    assert_round_trip("CP1252", "\x81\x8d", "\uF781\uF78D"); /* no characters there */
    assert_round_trip("CP437", "\x81\x84", "üä");
    assert_round_trip("KOI8-R", "\xd0\xd2\xc9\xd7\xc5\xd4", "привет");
    assert_round_trip("GB18030", "\xc4\xe3\xba\xc3", "你好");
    assert_round_trip("EUC-JP", "\xc6\xfc\xcb\xdc", "日本");
    assert_round_trip("SHIFT_JIS", "\x93\xfa\x96\x7b/\x95\x5c", "日本/表"); /* 5C within a letter */
    assert_round_trip("SHIFT_JIS", "\x81", "\uF781");
    assert_round_trip("SHIFT_JIS", "\x81/\x93\xfa", "\uF781/日");
    assert_round_trip("SHIFT_JIS", "a\\b~c", NULL);
    assert_round_trip("BIG5", "\xa7\x41\xa6\x6e", "你好");
    assert_round_trip("ASCII", "gr\xfc", "gr\uF7FC");
}

static void test_ambiguous_codes(void)
{
    /* In CP932 these are second codes of characters whose first code is another. */
    assert_round_trip("CP932", "\x87\x90", NULL);
    assert_round_trip("CP932", "\xed\x40\xfa\x5c", NULL);
    assert_round_trip("CP932", "\x81\xca\xee\xf9\xfa\x54", NULL);
    /* Vietnamese: base letters and marks that iconv puts together. */
    assert_round_trip("CP1258",
                      "e\xcc"
                      "a\xd2\xec",
                      NULL);
    assert_round_trip("TCVN",
                      "a\xb0\xb1"
                      "e",
                      NULL);
    assert_round_trip("BIG5-HKSCS", "\x88\x62\x88\x64\x88\x66", NULL);
}

static void test_every_pair_of_bytes(void)
{
    static const char *const codepages[] = {NULL,      "CP1252", "CP932",  "SHIFT_JIS", "EUC-JP",
                                            "GB18030", "BIG5",   "EUC-KR", "CP1258",    "no such"};
    for (gsize i = 0; i < G_N_ELEMENTS(codepages); i++) {
        g_autoptr(EncodingDecoder) decoder = encoding_decoder_new(codepages[i]);
        g_autoptr(GString) name = g_string_new(NULL);
        for (guint lead = 0x7f; lead <= 0xff; lead += 3) {
            for (guint trail = 0x20; trail <= 0xff; trail += 7) {
                char bytes[] = {'a', (char)lead, (char)trail, 'z', '\0'};
                g_string_truncate(name, 0);
                encoding_decode(decoder, bytes, 4, name);
                g_assert_true(g_utf8_validate(name->str, -1, NULL));
                if ((lead + trail) % 16 == 0) /* opening iconv for each takes a while */
                    assert_round_trip(codepages[i], bytes, name->str);
            }
        }
    }
}

static void test_unsendable(void)
{
    assert_unsendable(NULL, "line\nend");
    assert_unsendable(NULL, "carriage\rreturn");
    assert_unsendable("ISO-8859-1", "line\nend");
    assert_unsendable(NULL, "\uF70A");
    assert_unsendable(NULL, "\uF70D");
    assert_unsendable(NULL, "\uF700");
    assert_unsendable("CP1252", "\uF70A");
    assert_unsendable(NULL, "not utf-8 \xff");
    assert_unsendable(NULL, "\xEF\x9C");
    assert_unsendable("ISO-8859-1", "日本");
    assert_unsendable("ISO-8859-1", "€");
    assert_unsendable("ASCII", "ü");
    assert_unsendable("no such code page", "ü");
}

static void test_aliases(void)
{
    /* Escapes that would come back as the characters that their bytes are. */
    assert_unsendable(NULL, "\uF741");
    assert_unsendable(NULL, "\uF72F");
    assert_unsendable(NULL, "\uF7C3\uF7BC");
    assert_unsendable("ISO-8859-1", "\uF7FC");
    assert_unsendable("SHIFT_JIS", "\uF793\uF7FA");
}

static void test_unknown_codepage(void)
{
    assert_round_trip("no such code page", "plain", "plain");
    assert_round_trip("no such code page", "gr\xfc/\x5c~", NULL);
}

static void test_check(void)
{
    static const char *const good[] = {NULL,     "",          "UTF-8", "ISO-8859-1", "CP1252",
                                       "KOI8-R", "SHIFT_JIS", "CP932", "EUC-JP",     "GB18030",
                                       "BIG5",   "CP1258",    "ASCII"};
    static const char *const bad[] = {
        "no such code page", "UTF-16",      "UTF-16LE", "UTF-32",   "UTF-7",
        "ISO-2022-JP",       "ISO-2022-KR", "IBM037",   "EBCDIC-US"};
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        encoding_check(good[i], &error);
        g_assert_no_error(error);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(encoding_check(bad[i], &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, bad[i]));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/encoding/UTF-8 is kept as it is", test_utf8);
    g_test_add_func("/encoding/bytes that are not UTF-8 are escaped", test_not_utf8);
    g_test_add_func("/encoding/the escapes' own characters are escaped", test_real_private_use);
    g_test_add_func("/encoding/code pages are converted both ways", test_codepages);
    g_test_add_func("/encoding/a character of several codes keeps its bytes", test_ambiguous_codes);
    g_test_add_func("/encoding/any two bytes lead back to themselves", test_every_pair_of_bytes);
    g_test_add_func("/encoding/names that FTP can't carry are refused", test_unsendable);
    g_test_add_func("/encoding/two names never lead to the same bytes", test_aliases);
    g_test_add_func("/encoding/an unknown code page leaves ASCII", test_unknown_codepage);
    g_test_add_func("/encoding/code pages are checked", test_check);
    return g_test_run();
}
