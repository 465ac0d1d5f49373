/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply.h"

#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/util/error.h"

#define REPLY_TEXT_MAX  500 /* bytes of reply_text */
#define REPLY_SHOWN_MAX 80  /* bytes of a bad line in a message */

/* Telnet commands (RFC 854). From SE on a byte after IAC is a command. */
#define TELNET_SE   240
#define TELNET_SB   250
#define TELNET_WILL 251
#define TELNET_IAC  255

typedef enum {
    TELNET_DATA,       /* plain bytes */
    TELNET_COMMAND,    /* after IAC */
    TELNET_OPTION,     /* after IAC WILL, WONT, DO or DONT */
    TELNET_NEGOTIATE,  /* between IAC SB and IAC SE */
    TELNET_NEGOTIATED, /* after an IAC within them */
} TelnetState;

struct ReplyParser {
    TelnetState telnet;
    gsize telnet_length; /* bytes of the sub-negotiation so far */
    GString *line;       /* the line so far, without LF */
    Reply *open;         /* a multi-line reply that has begun, or NULL */
    gsize open_length;   /* its bytes so far */
    GQueue complete;     /* Reply * */
    gboolean broken;
};

static Reply *reply_new(int code)
{
    Reply *reply = g_new0(Reply, 1);
    reply->code = code;
    reply->lines = g_ptr_array_new_with_free_func(g_free);
    return reply;
}

Reply *reply_copy(const Reply *reply)
{
    Reply *copy = g_new0(Reply, 1);
    copy->code = reply->code;
    copy->lines = g_ptr_array_ref(reply->lines);
    return copy;
}

void reply_free(Reply *reply)
{
    if (reply == NULL)
        return;
    g_ptr_array_unref(reply->lines);
    g_free(reply);
}

gboolean reply_is(const Reply *reply, int digit)
{
    return reply->code / 100 == digit;
}

char *reply_text(const Reply *reply)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < reply->lines->len && all->len <= REPLY_TEXT_MAX; i++) {
        const char *line = g_ptr_array_index(reply->lines, i);
        while (*line == ' ' || *line == '\t')
            line++;
        if (*line != '\0' && all->len > 0)
            g_string_append_c(all, ' ');
        g_string_append(all, line);
    }
    return encoding_show(all->str, (gssize)all->len, REPLY_TEXT_MAX);
}

ReplyParser *reply_parser_new(void)
{
    ReplyParser *parser = g_new0(ReplyParser, 1);
    parser->line = g_string_sized_new(256);
    g_queue_init(&parser->complete);
    return parser;
}

void reply_parser_free(ReplyParser *parser)
{
    if (parser == NULL)
        return;
    g_string_free(parser->line, TRUE);
    reply_free(parser->open);
    Reply *reply;
    while ((reply = g_queue_pop_head(&parser->complete)) != NULL)
        reply_free(reply);
    g_free(parser);
}

/* The code at the start of `line`, or 0 when it has none that a reply may have. */
static int reply_line_code(const char *line)
{
    if (line[0] < '1' || line[0] > '5' || !g_ascii_isdigit(line[1]) || !g_ascii_isdigit(line[2]))
        return 0;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* What a line says, without "NNN " or "NNN-". `line` has a code. */
static const char *reply_line_text(const char *line)
{
    return line[3] == '\0' ? line + 3 : line + 4;
}

static gboolean reply_parser_fail(GError **error, const char *what, const char *line)
{
    g_autofree char *shown = encoding_show(line, -1, REPLY_SHOWN_MAX);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                "the server sent %s (\"%s\"): is it an FTP server that speaks TLS on this port?",
                what, shown);
    return FALSE;
}

static gboolean reply_parser_inner_line(ReplyParser *parser, const char *line, gsize length,
                                        GError **error)
{
    parser->open_length += length + 1;
    if (parser->open_length > REPLY_TOTAL_MAX) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "the server sent a reply %d of more than %d bytes", parser->open->code,
                    REPLY_TOTAL_MAX);
        return FALSE;
    }
    gboolean own = reply_line_code(line) == parser->open->code;
    gboolean last = own && (line[3] == ' ' || line[3] == '\0');
    gboolean repeated = own && line[3] == '-';
    g_ptr_array_add(parser->open->lines, g_strdup(last || repeated ? reply_line_text(line) : line));
    if (last)
        g_queue_push_tail(&parser->complete, g_steal_pointer(&parser->open));
    return TRUE;
}

/* Takes the line that has just ended. */
static gboolean reply_parser_line(ReplyParser *parser, GError **error)
{
    GString *buffer = parser->line;
    if (buffer->len > 0 && buffer->str[buffer->len - 1] == '\r')
        g_string_truncate(buffer, buffer->len - 1);
    if (parser->open != NULL)
        return reply_parser_inner_line(parser, buffer->str, buffer->len, error);

    int code = reply_line_code(buffer->str);
    char mark = code == 0 ? 'x' : buffer->str[3];
    if (mark != ' ' && mark != '-' && mark != '\0')
        return reply_parser_fail(error, "a line that is no FTP reply", buffer->str);
    g_autoptr(Reply) reply = reply_new(code);
    g_ptr_array_add(reply->lines, g_strdup(reply_line_text(buffer->str)));
    if (mark == '-') {
        parser->open_length = buffer->len + 1;
        parser->open = g_steal_pointer(&reply);
    } else {
        g_queue_push_tail(&parser->complete, g_steal_pointer(&reply));
    }
    return TRUE;
}

/* Takes one byte that is not part of a telnet sequence. */
static gboolean reply_parser_byte(ReplyParser *parser, char byte, GError **error)
{
    if (byte == '\0')
        return reply_parser_fail(error, "a zero byte in a reply", parser->line->str);
    if (byte == '\n') {
        gboolean ok = reply_parser_line(parser, error);
        g_string_truncate(parser->line, 0);
        return ok;
    }
    if (parser->line->len >= REPLY_LINE_MAX) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "the server sent a reply line of more than %d bytes", REPLY_LINE_MAX);
        return FALSE;
    }
    g_string_append_c(parser->line, byte);
    return TRUE;
}

/* Takes the byte after an IAC. */
static gboolean reply_parser_command(ReplyParser *parser, guchar byte, GError **error)
{
    parser->telnet = TELNET_DATA;
    if (byte == TELNET_IAC)
        return reply_parser_byte(parser, (char)byte, error);
    if (byte < TELNET_SE) /* no telnet at all: 0xff is a letter of the server's code page */
        return reply_parser_byte(parser, (char)TELNET_IAC, error) &&
               reply_parser_byte(parser, (char)byte, error);
    if (byte == TELNET_SB) {
        parser->telnet = TELNET_NEGOTIATE;
        parser->telnet_length = 0;
    } else if (byte >= TELNET_WILL) {
        parser->telnet = TELNET_OPTION;
    }
    return TRUE;
}

static gboolean reply_parser_step(ReplyParser *parser, guchar byte, GError **error)
{
    switch (parser->telnet) {
    case TELNET_DATA:
        if (byte != TELNET_IAC)
            return reply_parser_byte(parser, (char)byte, error);
        parser->telnet = TELNET_COMMAND;
        return TRUE;
    case TELNET_COMMAND:
        return reply_parser_command(parser, byte, error);
    case TELNET_OPTION:
        parser->telnet = TELNET_DATA;
        return TRUE;
    case TELNET_NEGOTIATE:
    case TELNET_NEGOTIATED:
        if (++parser->telnet_length > REPLY_LINE_MAX)
            return reply_parser_fail(error, "a telnet negotiation without end", "");
        if (parser->telnet == TELNET_NEGOTIATED)
            parser->telnet = byte == TELNET_SE ? TELNET_DATA : TELNET_NEGOTIATE;
        else if (byte == TELNET_IAC)
            parser->telnet = TELNET_NEGOTIATED;
        return TRUE;
    }
    return TRUE;
}

gboolean reply_parser_feed(ReplyParser *parser, const char *data, gsize length, GError **error)
{
    if (parser->broken)
        return reply_parser_fail(error, "more after a broken reply", "");
    for (gsize i = 0; i < length; i++) {
        if (!reply_parser_step(parser, (guchar)data[i], error)) {
            parser->broken = TRUE;
            return FALSE;
        }
    }
    return TRUE;
}

Reply *reply_parser_take(ReplyParser *parser)
{
    return g_queue_pop_head(&parser->complete);
}

gboolean reply_parser_has_rest(const ReplyParser *parser)
{
    return parser->line->len > 0 || parser->open != NULL || parser->telnet != TELNET_DATA ||
           parser->complete.length > 0;
}
