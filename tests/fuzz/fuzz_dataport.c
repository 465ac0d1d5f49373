/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies to EPSV and PASV: a port is found only where one stands, between 1 and 65535, and neither
 * a number that is too large nor one of another reply is taken for it.
 */
#include <string.h>

#include "ftp/transfer/dataport.h"
#include "fuzz_common.h"

/* The number at *text, which goes behind its digits; G_MAXUINT when it is larger than a port. */
static guint take_digits(const char **text)
{
    guint number = 0;
    for (; g_ascii_isdigit(**text); (*text)++)
        number = number > G_MAXUINT16 ? number : number * 10 + (guint)(**text - '0');
    return number > G_MAXUINT16 ? G_MAXUINT : number;
}

/* Whether `port` stands in the line between two characters that are the same. */
static gboolean has_epsv(const char *line, guint port)
{
    for (const char *p = line; *p != '\0';) {
        if (!g_ascii_isdigit(*p)) {
            p++;
            continue;
        }
        char before = p > line ? p[-1] : '\0';
        if (take_digits(&p) == port && before != '\0' && *p == before)
            return TRUE;
    }
    return FALSE;
}

/* Whether `port` stands in the line as the last two of six numbers. */
static gboolean has_pasv(const char *line, guint port)
{
    guint numbers[6] = {0};
    guint count = 0;
    for (const char *p = line; *p != '\0';) {
        if (!g_ascii_isdigit(*p)) {
            p++;
            continue;
        }
        memmove(numbers, numbers + 1, sizeof numbers - sizeof *numbers);
        numbers[5] = take_digits(&p);
        count++;
        if (count >= 6 && numbers[4] <= 255 && numbers[5] <= 255 &&
            numbers[4] * 256 + numbers[5] == port)
            return TRUE;
    }
    return FALSE;
}

static gboolean stands_in(const Reply *reply, guint port)
{
    for (guint i = 0; i < reply->lines->len; i++) {
        const char *line = g_ptr_array_index(reply->lines, i);
        if (reply->code == 229 ? has_epsv(line, port) : has_pasv(line, port))
            return TRUE;
    }
    return FALSE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    if (!reply_parser_feed(parser, (const char *)data, size, NULL))
        return 0;
    for (;;) {
        g_autoptr(Reply) reply = reply_parser_take(parser);
        if (reply == NULL)
            return 0;
        guint port = dataport_parse(reply);
        if (port == 0)
            continue;
        g_assert_cmpuint(port, <=, G_MAXUINT16);
        g_assert_true(reply->code == 229 || reply->code == 227);
        g_assert_true(stands_in(reply, port));
    }
}
