/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port numbers in replies to EPSV and PASV. */
#include <string.h>

#include "dataport.h"

/* Digits at *text, which goes behind them; FALSE when there are none, or they make more than
 * `max`. */
static gboolean take_number(const char **text, guint max, guint *number)
{
    if (!g_ascii_isdigit(**text))
        return FALSE;
    for (*number = 0; g_ascii_isdigit(**text); (*text)++) {
        *number = *number * 10 + (guint)(**text - '0');
        if (*number > max)
            return FALSE;
    }
    return TRUE;
}

/* "<d><d><d>port<d>" at `text`: the delimiter is any character that is no digit, mostly '|'. RFC
 * 2428 section 3 has the first two fields empty; some servers fill them, "|1|10.0.0.1|6446|". */
static guint16 epsv_at(const char *text)
{
    char delimiter = text[0];
    if (delimiter < 33 || delimiter > 126 || g_ascii_isalnum(delimiter))
        return 0;
    const char *p = text;
    for (guint field = 0; field < 2; field++) {
        p = strchr(p + 1, delimiter);
        if (p == NULL)
            return 0;
    }
    p++;
    guint port = 0;
    return take_number(&p, G_MAXUINT16, &port) && *p == delimiter ? (guint16)port : 0;
}

/* In parentheses, as the RFC has it, or bare. */
static guint16 parse_epsv(const char *text)
{
    for (const char *open = strchr(text, '('); open != NULL; open = strchr(open + 1, '(')) {
        guint16 port = epsv_at(open + 1);
        if (port != 0)
            return port;
    }
    const char *bar = strchr(text, '|');
    return bar != NULL ? epsv_at(bar) : 0;
}

static void skip_blanks(const char **text)
{
    while (**text == ' ' || **text == '\t')
        (*text)++;
}

/* "h1,h2,h3,h4,p1,p2" at `text`, with or without blanks. The address is not looked at. */
static guint16 pasv_at(const char *text)
{
    guint numbers[6];
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (i > 0) {
            skip_blanks(&text);
            if (*text++ != ',')
                return 0;
            skip_blanks(&text);
        }
        if (!take_number(&text, 255, &numbers[i]))
            return 0;
    }
    return (guint16)(numbers[4] * 256 + numbers[5]);
}

/* Anywhere in the text: RFC 1123 section 4.1.2.6 says that there need be no parentheses. */
static guint16 parse_pasv(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (!g_ascii_isdigit(*p))
            continue;
        guint16 port = pasv_at(p);
        if (port != 0)
            return port;
        while (g_ascii_isdigit(p[1]))
            p++;
    }
    return 0;
}

guint16 dataport_parse(const Reply *reply)
{
    if (reply->code != 229 && reply->code != 227)
        return 0;
    for (guint i = 0; i < reply->lines->len; i++) {
        const char *line = g_ptr_array_index(reply->lines, i);
        guint16 port = reply->code == 229 ? parse_epsv(line) : parse_pasv(line);
        if (port != 0)
            return port;
    }
    return 0;
}
