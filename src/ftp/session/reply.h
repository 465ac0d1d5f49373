/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reply - incremental parser of the server's replies (RFC 959 section 4.2).
 *
 * A ReplyParser belongs to one session and is used by one thread at a time. Replies come out whole
 * and belong to the caller.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_REPLY_H
#define FTPSFS_SRC_FTP_SESSION_REPLY_H

#include <glib.h>

#define REPLY_LINE_MAX  (64 * 1024)   /* bytes of one line */
#define REPLY_TOTAL_MAX (1024 * 1024) /* bytes of one multi-line reply */

typedef struct {
    int code;         /* 100..599 */
    GPtrArray *lines; /* char *, at least one. The first and the last without "NNN " or "NNN-";
                         the lines between as they came, leading space kept, "NNN-" stripped where
                         a server repeats it. Line ends stripped. */
} Reply;

/* Whether `reply` has a code of the class `digit`: 1 preliminary .. 5 permanent failure. */
gboolean reply_is(const Reply *reply, int digit);

/* The server's words on one line, control characters replaced, shortened to 500 bytes; for
 * messages. For g_free. */
char *reply_text(const Reply *reply);

/* Another one of the same words. */
Reply *reply_copy(const Reply *reply);

void reply_free(Reply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reply, reply_free)

typedef struct ReplyParser ReplyParser;

ReplyParser *reply_parser_new(void);
void reply_parser_free(ReplyParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplyParser, reply_parser_free)

/* Takes `length` bytes as they came. Complete replies are queued in the parser. Lines end in LF or
 * CR LF; telnet IAC sequences are dropped. FALSE with FTPSFS_ERROR_PROTOCOL on a line or reply over
 * the maximum, a line that is no reply, or a NUL; the parser is unusable then. */
gboolean reply_parser_feed(ReplyParser *parser, const char *data, gsize length, GError **error);

/* The next complete reply, or NULL when there is none yet. */
Reply *reply_parser_take(ReplyParser *parser);

/* Something is left: a complete reply that has not been taken, a part of one, or a part of a telnet
 * sequence. After the reply to AUTH TLS has been taken it tells of text injected before TLS. */
gboolean reply_parser_has_rest(const ReplyParser *parser);

#endif
