/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session_private.h"

#include <poll.h>
#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

/* More replies than this at once are none that anybody asked for. */
#define POLL_REPLIES_MAX 64

void session_free(Session *session)
{
    if (session == NULL)
        return;
    if (session->attached != NULL)
        session->free_attached(session->attached);
    if (session->channel != NULL)
        channel_leave(session->channel);
    channel_free(session->channel);
    reply_parser_free(session->parser);
    g_queue_clear_full(&session->pending, g_free);
    g_string_free(session->out, TRUE);
    g_free(session->login_directory);
    g_free(session->directory);
    g_free(session->tls);
    g_free(session->notice);
    activity_clear(&session->activity);
    g_free(session);
}

void session_break(Session *session)
{
    session->broken = TRUE;
}

gboolean session_is_broken(const Session *session)
{
    return session->broken;
}

const char *session_login_directory(const Session *session)
{
    return session->login_directory;
}

gint64 session_last_used(const Session *session)
{
    return session->last_used;
}

gint64 session_last_heard(const Session *session)
{
    return session->last_heard;
}

void session_set_idle_since(Session *session, gint64 when)
{
    session->idle_since = when;
}

gint64 session_idle_since(const Session *session)
{
    return session->idle_since;
}

Channel *session_channel(Session *session)
{
    return session->channel;
}

SessionContext *session_context(const Session *session)
{
    return session->context;
}

void session_attach(Session *session, gpointer data, GDestroyNotify free_data)
{
    session->attached = data;
    session->free_attached = free_data;
}

gpointer session_attached(const Session *session)
{
    return session->attached;
}

void session_note_sent(Session *session)
{
    session->fresh = TRUE;
}

void session_note_wait(Session *session)
{
    if (session->fresh)
        STATS_ADD(session->context->stats, round_trips, 1);
    session->fresh = FALSE;
}

/* Whether the argument is nobody else's business. */
static gboolean is_secret(const char *verb)
{
    return g_str_equal(verb, "PASS") || g_str_equal(verb, "ACCT");
}

static void trace_command(const Session *session, const char *verb, const char *argument)
{
    g_autofree char *text = g_strdup_printf("%s%s%s", verb, argument != NULL ? " " : "",
                                            argument == NULL  ? ""
                                            : is_secret(verb) ? "****"
                                                              : argument);
    g_debug("> %s", text);
    trace_line(session->context->options->trace, session->number, '>', text);
}

/* `text`: of the reply. */
static void trace_reply(const Session *session, int code, const char *text)
{
    g_debug("< %d %s", code, text);
    if (session->context->options->trace == NULL)
        return;
    g_autofree char *line = g_strdup_printf("%d %s", code, text);
    trace_line(session->context->options->trace, session->number, '<', line);
}

/* A password goes out as it is unless the server's encoding is known to be another. It is no name:
 * no message shows it, and no copy of it stays in memory. */
static gboolean append_secret(Session *session, const char *text, GError **error)
{
    const char *codepage = session->context->options->codepage;
    if (strpbrk(text, "\r\n") != NULL) {
        g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                            "the password holds a line end, which FTP can't carry");
        return FALSE;
    }
    if (codepage == NULL || !g_utf8_validate(text, -1, NULL)) {
        g_string_append(session->out, text);
        return TRUE;
    }
    gsize length = 0;
    g_autofree char *converted = g_convert(text, -1, codepage, "UTF-8", NULL, &length, NULL);
    if (converted == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "the password can't be sent: codepage %s lacks one of its characters",
                    codepage);
        return FALSE;
    }
    g_string_append_len(session->out, converted, (gssize)length);
    secret_wipe(converted, length);
    return TRUE;
}

static gboolean append_argument(Session *session, const char *verb, const char *argument,
                                GError **error)
{
    g_string_append_c(session->out, ' ');
    if (is_secret(verb))
        return append_secret(session, argument, error);
    return encoding_to_server(argument, session->context->options->codepage, session->out, error);
}

/* Sends what has been queued. */
static gboolean flush_lines(Session *session, GCancellable *cancel, GError **error)
{
    gboolean sent =
        channel_write(session->channel, session->out->str, session->out->len, cancel, error);
    /* There may be a password in it. */
    secret_wipe(session->out->str, session->out->len);
    g_string_truncate(session->out, 0);
    if (!sent) {
        /* A line that went out in part would garble what follows. */
        session->broken = TRUE;
        return FALSE;
    }
    session_note_sent(session);
    session->last_used = g_get_monotonic_time();
    return TRUE;
}

static gboolean queue_line(Session *session, const char *verb, const char *argument,
                           PendingReply what, GError **error)
{
    if (session->broken) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the control connection is gone");
        return FALSE;
    }
    gsize length = session->out->len;
    g_string_append(session->out, verb);
    if (argument != NULL && !append_argument(session, verb, argument, error)) {
        g_string_truncate(session->out, length);
        return FALSE;
    }
    g_string_append(session->out, "\r\n");
    trace_command(session, verb, argument);
    STATS_ADD(session->context->stats, commands, 1);
    pending_replies_push(&session->pending, what);
    return TRUE;
}

gboolean session_queue(Session *session, const char *verb, const char *argument, GError **error)
{
    if (!queue_line(session, verb, argument, (PendingReply){.who = PENDING_CALLER}, error))
        return FALSE;
    activity_command(&session->activity, verb, is_secret(verb) ? NULL : argument);
    return TRUE;
}

gboolean session_send(Session *session, const char *verb, const char *argument,
                      GCancellable *cancel, GError **error)
{
    return session_queue(session, verb, argument, error) && flush_lines(session, cancel, error);
}

gboolean session_queue_to(Session *session, const char *verb, const char *argument,
                          SessionReplyFunc func, GError **error)
{
    PendingReply what = {.who = PENDING_FUNC, .func = func};
    return queue_line(session, verb, argument, what, error);
}

gboolean session_ask_port(Session *session, const char *verb, gboolean early, SessionReplyFunc func,
                          GCancellable *cancel, GError **error)
{
    PendingReply what = {.who = PENDING_FUNC, .func = func, .early = early};
    return queue_line(session, verb, NULL, what, error) && flush_lines(session, cancel, error);
}

/* A server that was reloaded, or has its accounts elsewhere, may forget a login that it took.
 * Another session gets over that. 530 has other meanings, which its words tell. */
static gboolean wants_login(Session *session, const Reply *reply, const char *text)
{
    const PendingReply *pending = g_queue_peek_head(&session->pending);
    /* An answer that is of no interest proves nothing; the next command finds out. */
    if (reply->code != 530 || !session->logged_in ||
        (pending != NULL && pending->who == PENDING_DROP))
        return FALSE;
    g_autofree char *lower = g_ascii_strdown(text, -1);
    return strstr(lower, "log in") != NULL || strstr(lower, "login") != NULL ||
           strstr(lower, "logged in") != NULL || strstr(lower, "log on") != NULL ||
           strstr(lower, "logon") != NULL || strstr(lower, "logged on") != NULL;
}

/* Takes a parsed reply, checked: 421 ends the connection, as do the wish for another login and a
 * reply that nobody asked for. */
static Reply *take_parsed(Session *session, GError **error)
{
    g_autoptr(Reply) reply = reply_parser_take(session->parser);
    if (reply == NULL)
        return NULL;
    g_autofree char *text = reply_text(reply);
    trace_reply(session, reply->code, text);
    session->last_used = session->last_heard = g_get_monotonic_time();
    if (reply->code == 421) {
        session->broken = TRUE;
        /* Before the login has ended it is the server's limit, not a connection that got lost. */
        g_set_error(error, FTPSFS_ERROR,
                    session->logged_in ? FTPSFS_ERROR_LOST : FTPSFS_ERROR_LIMIT,
                    "the server ends the connection: 421 %s", text);
        return NULL;
    }
    if (wants_login(session, reply, text)) {
        session->broken = TRUE;
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOGGED_OUT,
                    "the server has forgotten the login: 530 %s", text);
        return NULL;
    }
    if (g_queue_is_empty(&session->pending)) {
        session->broken = TRUE;
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "the server sent a reply that nothing asked for: %d %s", reply->code, text);
        return NULL;
    }
    return g_steal_pointer(&reply);
}

Reply *session_next_reply(Session *session, gint64 deadline, GCancellable *cancel, GError **error)
{
    if (session->broken) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the control connection is gone");
        return NULL;
    }
    char buffer[4096];
    for (;;) {
        g_autoptr(GError) failure = NULL;
        Reply *reply = take_parsed(session, &failure);
        if (reply != NULL)
            return reply;
        gboolean would_block = FALSE;
        gssize got = 0;
        if (failure == NULL)
            got = channel_read_now(session->channel, buffer, sizeof buffer, &would_block, &failure);
        if (would_block && wait_fd(channel_fd(session->channel), POLLIN, deadline, cancel,
                                   "the server's reply", &failure))
            continue;
        if (failure == NULL && got == 0)
            g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                        "the server closed the control connection");
        if (failure == NULL && reply_parser_feed(session->parser, buffer, (gsize)got, &failure))
            continue;
        if (!ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED))
            session->broken = TRUE;
        if (ftpsfs_error_is(failure, FTPSFS_ERROR_TRUNCATED))
            ftpsfs_error_propagate_as(error, g_steal_pointer(&failure), FTPSFS_ERROR_LOST);
        else
            g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
}

static gboolean check_flood(Session *session, gint64 deadline, GError **error)
{
    if (g_get_monotonic_time() < deadline)
        return TRUE;
    session->broken = TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT,
                "the server sends preliminary replies without end");
    return FALSE;
}

/* Gives a reply to whom it is for. TRUE when that is the caller. */
static gboolean dispatch(Session *session, const Reply *reply)
{
    GList *link = pending_replies_find(&session->pending, reply);
    PendingReply copy = *(const PendingReply *)link->data;
    session->out_of_turn = link != session->pending.head;
    if (!reply_is(reply, 1)) {
        g_free(link->data);
        g_queue_delete_link(&session->pending, link);
    }
    if (copy.who == PENDING_FUNC && !reply_is(reply, 1))
        copy.func(session, reply);
    return copy.who == PENDING_CALLER;
}

void session_hurry(Session *session, guint seconds)
{
    session->hurry_s = seconds;
}

static gint64 reply_deadline(const Session *session)
{
    guint timeout = session->context->options->timeout_s;
    return deadline_in(session->hurry_s > 0 ? MIN(session->hurry_s, timeout) : timeout);
}

static Reply *receive_until(Session *session, gint64 deadline, GCancellable *cancel, GError **error)
{
    session_note_wait(session);
    for (;;) {
        g_autoptr(Reply) reply = session_next_reply(session, deadline, cancel, error);
        if (reply == NULL)
            return NULL;
        if (dispatch(session, reply))
            return g_steal_pointer(&reply);
        /* A server that never stops sending never lets a wait run into its deadline. */
        if (!check_flood(session, deadline, error))
            return NULL;
    }
}

Reply *session_receive(Session *session, GCancellable *cancel, GError **error)
{
    return receive_until(session, reply_deadline(session), cancel, error);
}

Reply *session_receive_final(Session *session, GCancellable *cancel, GError **error)
{
    gint64 deadline = reply_deadline(session);
    for (;;) {
        g_autoptr(Reply) reply = receive_until(session, deadline, cancel, error);
        if (reply == NULL)
            return NULL;
        if (!reply_is(reply, 1))
            return g_steal_pointer(&reply);
        if (!check_flood(session, deadline, error))
            return NULL;
    }
}

Reply *session_command(Session *session, const char *verb, const char *argument,
                       GCancellable *cancel, GError **error)
{
    if (!session_send(session, verb, argument, cancel, error))
        return NULL;
    Reply *reply = session_receive_final(session, cancel, error);
    if (reply == NULL)
        session_drop_replies(session);
    return reply;
}

void session_drop_replies(Session *session)
{
    pending_replies_drop(&session->pending);
}

void session_forget_reply(Session *session)
{
    g_free(g_queue_pop_head(&session->pending));
}

gboolean session_owes_replies(const Session *session)
{
    return pending_replies_has_callers(&session->pending);
}

gboolean session_is_drained(const Session *session)
{
    return session->pending.length == 0;
}

gboolean session_poll(Session *session, GError **error)
{
    if (channel_has_expired(session->channel)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                    "the certificate that the server showed on it has expired");
        return FALSE;
    }
    char buffer[4096];
    guint replies = 0;
    while (!session->broken) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(Reply) reply = take_parsed(session, &failure);
        if (reply != NULL && ++replies <= POLL_REPLIES_MAX) {
            dispatch(session, reply);
            continue;
        }
        if (reply != NULL)
            g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                        "the server sends replies without end");
        gboolean would_block = FALSE;
        gssize got = 0;
        if (failure == NULL)
            got = channel_read_now(session->channel, buffer, sizeof buffer, &would_block, &failure);
        if (would_block)
            return TRUE;
        if (failure == NULL && got == 0)
            g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                        "the server closed the control connection");
        if (failure == NULL && reply_parser_feed(session->parser, buffer, (gsize)got, &failure))
            continue;
        session->broken = TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the control connection is gone");
    return FALSE;
}

gboolean session_drain(Session *session, guint timeout_s, GCancellable *cancel, GError **error)
{
    gint64 deadline = deadline_in(timeout_s);
    if (!session_is_drained(session))
        session_note_wait(session);
    while (!session_is_drained(session)) {
        g_autoptr(Reply) reply = session_next_reply(session, deadline, cancel, error);
        if (reply == NULL || !check_flood(session, deadline, error))
            return FALSE;
        if (dispatch(session, reply)) {
            session->broken = TRUE;
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL, "a reply came out of order: %d",
                        reply->code);
            return FALSE;
        }
    }
    return TRUE;
}

void session_quit_begin(Session *session)
{
    g_autoptr(GError) error = NULL;
    session_drop_replies(session);
    if (!session_send(session, "QUIT", NULL, NULL, &error))
        g_debug("QUIT: %s", error->message);
}

void session_quit_end(Session *session, gint64 deadline)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Reply) reply =
        session->broken ? NULL : receive_until(session, deadline, NULL, &error);
    if (error != NULL || (reply != NULL && !channel_bye(session->channel, NULL, &error)))
        g_debug("QUIT: %s", error->message);
    session->broken = TRUE;
}
