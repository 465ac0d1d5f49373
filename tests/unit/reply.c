/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/session/reply.h"

#include <string.h>

#include "ftpsfs/util/error.h"

/* Feeds `text` in pieces of `piece` bytes. */
static void feed(ReplyParser *parser, const char *text, gsize piece)
{
    gsize length = strlen(text);
    for (gsize at = 0; at < length; at += piece) {
        g_autoptr(GError) error = NULL;
        g_assert_true(reply_parser_feed(parser, text + at, MIN(piece, length - at), &error));
        g_assert_no_error(error);
    }
}

/* The next reply is `code` with exactly `lines`, joined by '|'. */
static void assert_next(ReplyParser *parser, int code, const char *lines)
{
    g_autoptr(Reply) reply = reply_parser_take(parser);
    g_assert_nonnull(reply);
    g_assert_cmpint(reply->code, ==, code);
    g_ptr_array_add(reply->lines, NULL);
    g_autofree char *joined = g_strjoinv("|", (char **)reply->lines->pdata);
    g_assert_cmpstr(joined, ==, lines);
    g_ptr_array_set_size(reply->lines, (gint)reply->lines->len - 1);
}

static void assert_refused(const char *data, gsize length)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(reply_parser_feed(parser, data, length, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_assert_false(reply_parser_feed(parser, "200 ok\r\n", 8, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
    g_assert_null(reply_parser_take(parser));
}

/* `text` gives one reply, however it is cut, and nothing is left. */
static void assert_reply(const char *text, int code, const char *lines)
{
    for (gsize piece = 1; piece <= strlen(text); piece++) {
        g_autoptr(ReplyParser) parser = reply_parser_new();
        feed(parser, text, piece);
        assert_next(parser, code, lines);
        g_assert_null(reply_parser_take(parser));
        g_assert_false(reply_parser_has_rest(parser));
    }
}

static void test_single_lines(void)
{
    assert_reply("220 Welcome\r\n", 220, "Welcome");
    assert_reply("220 Welcome\n", 220, "Welcome");
    assert_reply("220 \r\n", 220, "");
    assert_reply("220\r\n", 220, "");
    assert_reply("220  two spaces \r\n", 220, " two spaces ");
    assert_reply("599 highest\r\n", 599, "highest");
    assert_reply("100 lowest\r\n", 100, "lowest");
    assert_reply("257 \"/a \"\"b\"\"\" is current\r\n", 257, "\"/a \"\"b\"\"\" is current");
}

static void test_multi_line(void)
{
    assert_reply("211-Features:\r\n MDTM\r\n REST STREAM\r\n SIZE\r\n211 End\r\n", 211,
                 "Features:| MDTM| REST STREAM| SIZE|End");
    assert_reply("211-Features:\n MDTM\n211 End\n", 211, "Features:| MDTM|End");
    assert_reply("220-\r\n\r\n220 \r\n", 220, "||");
    assert_reply("220-only two\r\n220\r\n", 220, "only two|");
}

static void test_inner_digits(void)
{
    assert_reply("230-Quota\r\n1234 files\r\n550 is not the end\r\n2301 nor this\r\n"
                 " 230 nor this\r\n230_nor this\r\n230 end\r\n",
                 230,
                 "Quota|1234 files|550 is not the end|2301 nor this| 230 nor this|230_nor "
                 "this|end");
}

static void test_repeated_code(void)
{
    assert_reply("211-Features:\r\n211-MLST type*;size*;\r\n211-  UTF8\r\n211-\r\n211 End\r\n", 211,
                 "Features:|MLST type*;size*;|  UTF8||End");
    assert_reply("211-Features:\r\n212-other code\r\n211 End\r\n", 211,
                 "Features:|212-other code|End");
}

static void test_several(void)
{
    static const char text[] = "331 Password?\r\n230-Hello\r\n there\r\n230 Go\r\n215 UNIX\r\n2";
    for (gsize piece = 1; piece <= strlen(text); piece++) {
        g_autoptr(ReplyParser) parser = reply_parser_new();
        feed(parser, text, piece);
        assert_next(parser, 331, "Password?");
        assert_next(parser, 230, "Hello| there|Go");
        assert_next(parser, 215, "UNIX");
        g_assert_null(reply_parser_take(parser));
        g_assert_true(reply_parser_has_rest(parser));
        feed(parser, "00 OK\r\n", 3);
        assert_next(parser, 200, "OK");
    }
}

static void test_rest(void)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    g_assert_false(reply_parser_has_rest(parser));
    feed(parser, "234 go ahead\r\n200 injected\r\n", 100);
    assert_next(parser, 234, "go ahead");
    g_assert_true(reply_parser_has_rest(parser));
    assert_next(parser, 200, "injected");
    g_assert_false(reply_parser_has_rest(parser));
    feed(parser, "200-a\r\n", 100);
    g_assert_true(reply_parser_has_rest(parser));
    feed(parser, "200 b\r\n", 100);
    assert_next(parser, 200, "a|b");
    feed(parser, "\xff", 1);
    g_assert_true(reply_parser_has_rest(parser));
}

static void test_telnet(void)
{
    /* IAC WILL 1, IAC DO 3, IAC NOP, IAC DM, IAC SB 24 .. IAC SE, a doubled IAC. */
    assert_reply("22\xff\xfb\x01"
                 "0 a\xff\xfd\x03"
                 "b\xff\xf1"
                 "c\xff\xf2"
                 "d\xff\xfa\x18x\ny\xff\xff"
                 "z\xff\xf0"
                 "e\xff\xff"
                 "f\r\n",
                 220,
                 "abcde\xff"
                 "f");
    /* ISO 8859-1 from a server that knows no telnet. */
    assert_reply("257 \"/\xff"
                 "a\xff\" ok\r\n",
                 257,
                 "\"/\xff"
                 "a\xff\" ok");
}

static void test_no_reply(void)
{
    static const char *const texts[] = {
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "22 x\r\n",
        "220_x\r\n",
        "600 x\r\n",
        "099 x\r\n",
        "2200 x\r\n",
        " 220 x\r\n",
        "22x x\r\n",
        "220\tx\r\n",
        "-220 x\r\n",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_refused(texts[i], strlen(texts[i]));
    assert_refused("\x15\x03\x03\x00\x02\x02\x46", 7);
    assert_refused("200 a\0b\r\n", 9);
    assert_refused("200-a\r\nb\0\r\n200 c\r\n", 18);
}

static void test_good_before_bad(void)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    g_autoptr(GError) error = NULL;
    static const char text[] = "200 fine\r\nnot fine\r\n";
    g_assert_false(reply_parser_feed(parser, text, strlen(text), &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, "not fine"));
    assert_next(parser, 200, "fine");
}

static void test_line_limit(void)
{
    g_autofree char *longest = g_strnfill(REPLY_LINE_MAX - 4, 'x');
    g_autofree char *good = g_strdup_printf("200 %s\n", longest);
    g_autoptr(ReplyParser) parser = reply_parser_new();
    feed(parser, good, 4096);
    assert_next(parser, 200, longest);

    g_autofree char *bad = g_strdup_printf("200 %sx", longest);
    assert_refused(bad, strlen(bad));
    g_autofree char *endless = g_strdup_printf("200 \xff\xfa%s%s", longest, longest);
    assert_refused(endless, strlen(endless));
}

static void test_total_limit(void)
{
    g_autoptr(GString) text = g_string_new("200-\n");
    while (text->len < REPLY_TOTAL_MAX - 64)
        g_string_append(text, " thirty-two bytes with line end.\n");
    g_autofree char *good = g_strdup_printf("%s200 end\n", text->str);
    g_autoptr(ReplyParser) parser = reply_parser_new();
    feed(parser, good, 65536);
    g_autoptr(Reply) reply = reply_parser_take(parser);
    g_assert_cmpint(reply->code, ==, 200);

    for (int i = 0; i < 4; i++)
        g_string_append(text, " thirty-two bytes with line end.\n");
    assert_refused(text->str, text->len);
}

static void test_classes(void)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    feed(parser, "150 a\r\n226 b\r\n350 c\r\n425 d\r\n550 e\r\n", 100);
    for (int digit = 1; digit <= 5; digit++) {
        g_autoptr(Reply) reply = reply_parser_take(parser);
        for (int other = 1; other <= 5; other++)
            g_assert_cmpint(reply_is(reply, other), ==, other == digit);
    }
}

static char *text_of(const char *data)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    feed(parser, data, 100000);
    g_autoptr(Reply) reply = reply_parser_take(parser);
    return reply_text(reply);
}

static void test_text(void)
{
    g_autofree char *joined = text_of("550-No such\r\n  \r\n file\r\n550 sorry\r\n");
    g_assert_cmpstr(joined, ==, "No such file sorry");
    g_autofree char *controls = text_of("550 a\x1b[31mb\rc\x7f\x01\r\n");
    g_assert_cmpstr(controls, ==, "a?[31mb?c??");
    g_autofree char *broken = text_of("550 gr\xfc\xdf\r\n");
    g_assert_true(g_utf8_validate(broken, -1, NULL));
    g_assert_true(g_str_has_prefix(broken, "gr"));

    g_autoptr(GString) wide = g_string_new("550 x");
    for (int i = 0; i < 300; i++)
        g_string_append(wide, "ü");
    g_string_append(wide, "\r\n");
    g_autofree char *cut = text_of(wide->str);
    g_assert_cmpuint(strlen(cut), <=, 500);
    g_assert_cmpuint(strlen(cut), >=, 490);
    g_assert_true(g_utf8_validate(cut, -1, NULL));
    g_assert_true(g_str_has_suffix(cut, "ü..."));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reply/a reply of one line comes out whole", test_single_lines);
    g_test_add_func("/reply/a multi-line reply ends at its own code", test_multi_line);
    g_test_add_func("/reply/inner lines may begin with digits", test_inner_digits);
    g_test_add_func("/reply/a repeated code is stripped from inner lines", test_repeated_code);
    g_test_add_func("/reply/several replies in one piece are queued", test_several);
    g_test_add_func("/reply/bytes after the last reply taken are noticed", test_rest);
    g_test_add_func("/reply/telnet sequences are dropped", test_telnet);
    g_test_add_func("/reply/a line that is no reply is refused", test_no_reply);
    g_test_add_func("/reply/replies before a bad line can be taken", test_good_before_bad);
    g_test_add_func("/reply/a line has a maximal length", test_line_limit);
    g_test_add_func("/reply/a reply has a maximal length", test_total_limit);
    g_test_add_func("/reply/the first digit gives the class", test_classes);
    g_test_add_func("/reply/the text is one clean line", test_text);
    return g_test_run();
}
