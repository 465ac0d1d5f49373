/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies of a hostile server. The first byte tells where the data is cut in two. */
#include "ftp/session/reply.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(const Reply *reply)
{
    g_assert_cmpint(reply->code, >=, 100);
    g_assert_cmpint(reply->code, <=, 599);
    g_assert_true(reply_is(reply, reply->code / 100));
    g_assert_cmpuint(reply->lines->len, >=, 1);
    for (guint i = 0; i < reply->lines->len; i++) {
        const char *line = g_ptr_array_index(reply->lines, i);
        g_assert_null(strchr(line, '\n'));
        g_assert_cmpuint(strlen(line), <=, REPLY_LINE_MAX);
    }
    g_autofree char *text = reply_text(reply);
    g_assert_cmpuint(strlen(text), <=, 500);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_null(strpbrk(text, "\r\n"));
}

/* Feeds the data cut at `cut`; returns the number of replies, and whether it was refused. */
static guint feed(const char *data, size_t size, size_t cut, gboolean *refused)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    g_autoptr(GError) error = NULL;
    *refused = !reply_parser_feed(parser, data, cut, &error) ||
               !reply_parser_feed(parser, data + cut, size - cut, &error);
    g_assert_cmpint(*refused, ==, error != NULL);
    guint count = 0;
    for (;;) {
        g_autoptr(Reply) reply = reply_parser_take(parser);
        if (reply == NULL)
            break;
        check_reply(reply);
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t length = size - 1;
    gboolean refused_whole, refused_cut;
    guint whole = feed(text, length, length, &refused_whole);
    guint cut = feed(text, length, length * data[0] / 255, &refused_cut);
    g_assert_cmpuint(whole, ==, cut);
    g_assert_cmpint(refused_whole, ==, refused_cut);
    return 0;
}
