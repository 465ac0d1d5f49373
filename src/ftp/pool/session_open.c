/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session_open.h"
#include "ftp/session/session_private.h"
#include "ftp/transfer/dataport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftp/session/login.h"
#include "ftp/transfer/dial.h"
#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

/* One reply in clear, before AUTH TLS. Read byte by byte so that nothing that follows it is taken
 * for the server's word: text injected behind the reply to AUTH would outlive the handshake. */
static Reply *plain_reply(int fd, guint timeout_s, GCancellable *cancel, GError **error)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    gint64 deadline = deadline_in(timeout_s);
    for (;;) {
        Reply *reply = reply_parser_take(parser);
        if (reply != NULL)
            return reply;
        if (!wait_fd(fd, POLLIN, deadline, cancel, "the server's greeting", error))
            return NULL;
        char byte;
        gssize got = recv(fd, &byte, 1, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                        "the server closed the connection before AUTH TLS");
            return NULL;
        }
        if (!reply_parser_feed(parser, &byte, 1, error))
            return NULL;
    }
}

/* RFC 4217 section 4: the one command sent in clear is AUTH. */
static gboolean say_auth_tls(int fd, const RemoteOptions *options, char **greeted,
                             GCancellable *cancel, GError **error)
{
    static const char command[] = "AUTH TLS\r\n";
    g_autoptr(Reply) greeting = plain_reply(fd, options->timeout_s, cancel, error);
    if (greeting == NULL)
        return FALSE;
    g_autofree char *text = reply_text(greeting);
    if (greeting->code != 220) {
        g_set_error(error, FTPSFS_ERROR,
                    greeting->code == 421 ? FTPSFS_ERROR_LIMIT : FTPSFS_ERROR_CONNECT,
                    "%s does not take the connection: %d %s", options->host, greeting->code, text);
        return FALSE;
    }
    if (send(fd, command, sizeof command - 1, MSG_NOSIGNAL) != (gssize)sizeof command - 1) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "AUTH TLS could not be sent: %s",
                    g_strerror(errno));
        return FALSE;
    }
    g_autoptr(Reply) reply = plain_reply(fd, options->timeout_s, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply->code == 234) {
        if (greeted != NULL)
            *greeted = g_steal_pointer(&text);
        return TRUE;
    }
    g_autofree char *words = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "%s refuses AUTH TLS (%d %s); ftpsfs sends nothing without encryption",
                options->host, reply->code, words);
    return FALSE;
}

int session_open_dial(const RemoteOptions *options, char **greeting, GCancellable *cancel,
                      GError **error)
{
    int fd = dial(options->host, options->port, options->timeout_s, cancel, error);
    if (fd < 0 || !options->explicit_tls || say_auth_tls(fd, options, greeting, cancel, error))
        return fd;
    close(fd);
    return -1;
}

/* *refused: it was the `ticket` (NULL: none) that the connection failed for. */
static Channel *connect_with(SessionContext *context, GBytes *ticket, gboolean *refused,
                             GCancellable *cancel, GError **error)
{
    const RemoteOptions *options = context->options;
    *refused = FALSE;
    int fd = session_open_dial(options, NULL, cancel, error);
    if (fd < 0)
        return NULL;
    ChannelOptions how = {.host = options->host,
                          .port = options->port,
                          .timeout_s = options->timeout_s,
                          .ticket = ticket};
    g_autoptr(Channel) channel = channel_new(fd, context->trust, &how, error);
    if (channel == NULL)
        return NULL;
    g_autoptr(GError) failure = NULL;
    if (!channel_handshake(channel, cancel, &failure)) {
        *refused = channel_resumption_refused(channel);
        if (*refused)
            g_propagate_error(error, g_steal_pointer(&failure));
        else
            session_probe_propagate(error, g_steal_pointer(&failure), channel, options,
                                    context->trust, cancel);
        return NULL;
    }
    g_autofree char *description = channel_describe(channel);
    g_debug("control connection to %s: %s%s", options->host, description,
            channel_resumed(channel) ? ", resumed" : "");
    return g_steal_pointer(&channel);
}

static void drop_ticket(SessionContext *context, const GBytes *ticket)
{
    lock_take(&context->ticket_lock);
    if (context->ticket == ticket)
        g_clear_pointer(&context->ticket, g_bytes_unref);
    lock_release(&context->ticket_lock);
}

static Channel *connect_tls(SessionContext *context, GCancellable *cancel, GError **error)
{
    gboolean refused;
    g_autoptr(GError) failure = NULL;
    lock_take(&context->ticket_lock);
    g_autoptr(GBytes) ticket = context->ticket != NULL ? g_bytes_ref(context->ticket) : NULL;
    lock_release(&context->ticket_lock);
    Channel *channel = connect_with(context, ticket, &refused, cancel, &failure);
    if (channel == NULL && refused) {
        /* A server goes on resuming sessions when its certificate has been renewed. */
        g_debug("a TLS session of %s is not resumed: %s", context->options->host, failure->message);
        drop_ticket(context, ticket);
        return connect_with(context, NULL, &refused, cancel, error);
    }
    if (channel == NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return channel;
}

/* "257 "/a ""quoted"" path" comment" (RFC 959 appendix II). */
static char *parse_pwd(const Reply *reply)
{
    const char *text = g_ptr_array_index(reply->lines, 0);
    const char *p = strchr(text, '"');
    if (reply->code != 257 || p == NULL)
        return NULL;
    g_autoptr(GString) path = g_string_new(NULL);
    for (p++; *p != '\0'; p++) {
        if (*p == '"' && *++p != '"')
            return path->len > 0 ? g_string_free(g_steal_pointer(&path), FALSE) : NULL;
        g_string_append_c(path, *p);
    }
    return NULL;
}

static void note_no_compression(const SessionContext *context)
{
    if (context->options->compress &&
        features_get(context->features, FEATURE_MODE_Z) != FEATURE_YES)
        g_message("%s can't compress (FEAT tells of no MODE Z): -o compress has no effect",
                  context->options->host);
}

static gboolean learn_features(Session *session, GCancellable *cancel, GError **error)
{
    Features *features = session->context->features;
    g_autoptr(Reply) feat = session_command(session, "FEAT", NULL, cancel, error);
    if (feat == NULL)
        return FALSE;
    features_learn_feat(features, feat);
    note_no_compression(session->context);
    g_autoptr(Reply) help = session_command(session, "SITE", "HELP", cancel, error);
    if (help == NULL)
        return FALSE;
    features_learn_site_help(features, help);
    return TRUE;
}

/* Sends "OPTS ..." and "CLNT ..." where they are wanted. The replies are dropped: a server that
 * refuses has said so in FEAT already, or goes on as before. */
static gboolean send_options(Session *session, GCancellable *cancel, GError **error)
{
    Features *features = session->context->features;
    const RemoteOptions *options = session->context->options;
    const char *facts = features_mlst_facts(features);
    if (facts != NULL) {
        g_autofree char *argument = g_strdup_printf("MLST %s", facts);
        if (!session_send(session, "OPTS", argument, cancel, error))
            return FALSE;
    }
    /* Some servers take OPTS UTF8 from clients alone that have said who they are. */
    if (features_get(features, FEATURE_CLNT) == FEATURE_YES &&
        !session_send(session, "CLNT", "ftpsfs", cancel, error))
        return FALSE;
    if (options->codepage == NULL && features_get(features, FEATURE_UTF8) == FEATURE_YES &&
        !session_send(session, "OPTS", "UTF8 ON", cancel, error))
        return FALSE;
    /* RFC 2640 section 4: replies, of which the words are looked at, and the months of listings. */
    if (features_get(features, FEATURE_LANG) == FEATURE_YES &&
        !session_send(session, "LANG", "en", cancel, error))
        return FALSE;
    session_drop_replies(session);
    return TRUE;
}

/* Everything between the login and the first operation, in as few round trips as it takes. */
static gboolean set_up(Session *session, gboolean first, GCancellable *cancel, GError **error)
{
    if (!session_queue(session, "PBSZ", "0", error) ||
        !session_queue(session, "PROT", "P", error) ||
        !session_queue(session, "TYPE", "I", error) ||
        !session_send(session, "PWD", NULL, cancel, error))
        return FALSE;
    g_autoptr(Reply) pbsz = session_receive_final(session, cancel, error);
    g_autoptr(Reply) prot = pbsz != NULL ? session_receive_final(session, cancel, error) : NULL;
    g_autoptr(Reply) type = prot != NULL ? session_receive_final(session, cancel, error) : NULL;
    g_autoptr(Reply) pwd = type != NULL ? session_receive_final(session, cancel, error) : NULL;
    if (pwd == NULL || !login_protect(session, prot, cancel, error))
        return FALSE;
    if (!reply_is(type, 2)) {
        session_set_reply_error(error, "TYPE", "I", type);
        return FALSE;
    }
    g_autofree char *directory = parse_pwd(pwd);
    if (directory != NULL)
        session->login_directory =
            encoding_from_server(directory, -1, session->context->options->codepage);
    else
        session->login_directory = g_strdup("/");
    if (first && !learn_features(session, cancel, error))
        return FALSE;
    /* A command of the user's may change the directory. */
    if (session->context->options->init_commands == NULL)
        session->directory = g_strdup("/");
    session->moves = g_atomic_int_get(&session->context->moves);
    return send_options(session, cancel, error) && login_run_commands(session, cancel, error);
}

static void keep_ticket(Session *session)
{
    SessionContext *context = session->context;
    GBytes *ticket = channel_ticket(session->channel);
    if (ticket == NULL)
        return;
    lock_take(&context->ticket_lock);
    g_clear_pointer(&context->ticket, g_bytes_unref);
    context->ticket = ticket;
    lock_release(&context->ticket_lock);
}

Session *session_open(SessionContext *context, gboolean first, GCancellable *cancel, GError **error)
{
    Channel *channel = connect_tls(context, cancel, error);
    if (channel == NULL)
        return NULL;
    g_autoptr(Session) session = g_new0(Session, 1);
    session->context = context;
    session->channel = channel;
    session->parser = reply_parser_new();
    session->out = g_string_sized_new(4096);
    g_queue_init(&session->pending);
    dataport_attach(session);
    session->number = (guint)g_atomic_int_add(&context->opened, 1) + 1;
    session->tls = channel_describe(channel);
    activity_init(&session->activity);

    /* After AUTH TLS the greeting has been said already (RFC 4217 section 4). */
    if ((!context->options->explicit_tls && !login_greet(session, cancel, error)) ||
        !login_identify(session, first, cancel, error) || !set_up(session, first, cancel, error))
        return NULL;
    session->logged_in = TRUE;
    keep_ticket(session);
    STATS_ADD(context->stats, sessions_opened, 1);
    return g_steal_pointer(&session);
}
