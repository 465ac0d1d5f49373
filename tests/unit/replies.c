/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replies.h"

#include <string.h>

Reply *test_reply(const char *text)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    g_assert_true(reply_parser_feed(parser, text, strlen(text), NULL));
    Reply *reply = reply_parser_take(parser);
    g_assert_nonnull(reply);
    return reply;
}
