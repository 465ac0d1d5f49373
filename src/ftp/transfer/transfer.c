/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transfer_private.h"

#include <unistd.h>

#include "active.h"
#include "dataport.h"
#include "dial.h"
#include "ftp/session/session_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

static Stats *stats_of(const Transfer *transfer)
{
    return session_context(transfer->session)->stats;
}

static void transfer_free(Transfer *transfer)
{
    transfer_early_end(transfer);
    if (transfer->shown)
        activity_end_transfer(&transfer->session->activity);
    channel_free(transfer->channel);
    deflate_inflater_free(transfer->inflater);
    g_free(transfer->verb);
    g_free(transfer->path);
    g_free(transfer);
}

void transfer_abort(Transfer *transfer)
{
    if (transfer == NULL)
        return;
    if (!transfer->replied) {
        session_drop_replies(transfer->session);
        /* ProFTPD's mod_tls disconnects altogether when it writes data after our FIN (EPIPE), but
         * reports the end of the transfer after a reset (ECONNRESET). */
        if (transfer->channel != NULL)
            channel_reset(transfer->channel);
    }
    transfer_free(transfer);
}

static Channel *open_channel(Session *session, int fd, GError **error)
{
    const SessionContext *context = session_context(session);
    ChannelOptions how = {.host = context->options->host,
                          .port = context->options->port,
                          .timeout_s = context->options->timeout_s,
                          .control = session_channel(session)};
    return channel_new(fd, context->trust, &how, error);
}

/* RANG (draft-bryan-ftp-range) names the first and the last byte. */
static gboolean queue_start(Session *session, const TransferOptions *options, GError **error)
{
    if (options->end > 0) {
        g_autofree char *range = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                                                 options->restart, options->end - 1);
        return session_queue(session, "RANG", range, error);
    }
    if (options->restart == 0)
        return TRUE;
    g_autofree char *marker = g_strdup_printf("%" G_GUINT64_FORMAT, options->restart);
    return session_queue(session, "REST", marker, error);
}

static gboolean is_upload(const char *verb)
{
    return g_str_equal(verb, "STOR") || g_str_equal(verb, "APPE");
}

static void got_mode_z(Session *session, const Reply *reply)
{
    Features *features = session_context(session)->features;
    session->compressed = reply_is(reply, 2);
    if (session->compressed || features_get(features, FEATURE_MODE_Z) == FEATURE_NO)
        return;
    features_set(features, FEATURE_MODE_Z, FEATURE_NO);
    g_autofree char *text = reply_text(reply);
    g_message("%s refuses to compress (MODE Z: %d %s): -o compress has no effect",
              session_context(session)->options->host, reply->code, text);
}

static void got_mode_s(Session *session, const Reply *reply)
{
    /* It is in the mode that was asked for, or of no use: nothing is sent that it might take for
     * compressed. */
    session->compressed = FALSE;
    if (!reply_is(reply, 2))
        session_break(session);
}

/* The mode for this transfer; the reply comes before the first to its command. What comes is
 * compressed, what goes is not: ProFTPD waits 0.2 s after each 16 KiB of a compressed upload, and
 * before 1.3.10 spoils some of them (its issue 1896). */
static gboolean queue_mode(Session *session, const TransferOptions *options, GError **error)
{
    const SessionContext *context = session_context(session);
    gboolean wanted = context->options->compress && !is_upload(options->verb) &&
                      features_get(context->features, FEATURE_MODE_Z) == FEATURE_YES;
    if (wanted == session->compressed)
        return TRUE;
    return session_queue_to(session, "MODE", wanted ? "Z" : "S", wanted ? got_mode_z : got_mode_s,
                            error);
}

/* Sends REST or RANG and the command; the replies are still to be received. */
static gboolean send_commands(Session *session, const TransferOptions *options,
                              GCancellable *cancel, GError **error)
{
    if (!queue_mode(session, options, error) || !queue_start(session, options, error))
        return FALSE;
    return session_send(session, options->verb, options->argument, cancel, error);
}

static void count_transfer(Stats *stats, const char *verb)
{
    if (g_str_equal(verb, "RETR"))
        STATS_ADD(stats, retrieves, 1);
    else if (is_upload(verb))
        STATS_ADD(stats, stores, 1);
    else
        STATS_ADD(stats, lists, 1);
}

/* Receives the reply to REST or RANG where one was sent. */
static gboolean receive_start(Session *session, const TransferOptions *options,
                              GCancellable *cancel, GError **error)
{
    if (options->restart == 0 && options->end == 0)
        return TRUE;
    g_autoptr(Reply) rest = session_receive_final(session, cancel, error);
    if (rest == NULL || reply_is(rest, 3))
        return rest != NULL;
    /* The command after it is under way from offset 0: not what was asked for. */
    session_drop_replies(session);
    if (options->end > 0)
        features_set(session_context(session)->features, FEATURE_RANG, FEATURE_NO);
    session_set_reply_error(error, options->end > 0 ? "RANG" : "REST", options->path, rest);
    return FALSE;
}

/* Receives the reply to the command. TRUE when the transfer may begin. */
static gboolean receive_verdict(Session *session, const TransferOptions *options,
                                GCancellable *cancel, gboolean *refused, GError **error)
{
    *refused = FALSE;
    g_autoptr(Reply) reply = session_receive(session, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 1))
        return TRUE;
    *refused = TRUE;
    if (reply_is(reply, 2)) {
        /* Replies and commands are out of step: no reply of this session is to be believed. */
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "%s %s: the server reports the end before the beginning (%d)", options->verb,
                    options->path, reply->code);
    } else
        session_set_reply_error(error, options->verb, options->path, reply);
    return FALSE;
}

static Transfer *transfer_new(Session *session, const TransferOptions *options)
{
    Transfer *transfer = g_new0(Transfer, 1);
    transfer->session = session;
    transfer->verb = g_strdup(options->verb);
    transfer->path = g_strdup(options->path);
    transfer->expected_size = options->expected_size;
    transfer->replied = TRUE; /* until a command is out */
    return transfer;
}

/* The server has accepted the command and the ClientHello is out, unless that has failed: the rest
 * of the handshake. */
static gboolean complete_handshake(Transfer *transfer, const TransferOptions *options,
                                   GError *begin_failure, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (begin_failure != NULL || !channel_handshake(transfer->channel, cancel, &failure)) {
        /* The server may report the failure now, or wait for another data connection to serve this
         * very command on: no telling what the next one would get. */
        session_break(transfer->session);
        if (failure == NULL)
            failure = g_error_copy(begin_failure);
        /* Who was interrupted, or refused, learns nothing of when to begin. */
        if (ftpsfs_error_is(failure, FTPSFS_ERROR_LOST))
            features_hello_failed(session_context(transfer->session)->features);
        g_propagate_prefixed_error(error, g_steal_pointer(&failure),
                                   "%s %s: data connection: ", transfer->verb, transfer->path);
        return FALSE;
    }
    session_note_sent(transfer->session); /* the handshake's last flight */
    if (transfer->session->compressed)
        transfer->inflater = deflate_inflater_new();
    transfer->shown = TRUE;
    activity_begin_transfer(&transfer->session->activity, options->first, options->total);
    if (channel_resumed(transfer->channel))
        STATS_ADD(stats_of(transfer), data_resumed, 1);
    transfer_early_bye(transfer);
    return TRUE;
}

static Transfer *attempt(Session *session, const TransferOptions *options, gboolean *prepared,
                         GCancellable *cancel, GError **error)
{
    int fd = dataport_take(dataport_of(session), prepared, cancel, error);
    if (fd < 0)
        return NULL;
    dial_tune(fd, session_context(session)->options->timeout_s);
    Stats *stats = session_context(session)->stats;
    STATS_ADD(stats, data_connections, 1);
    if (*prepared)
        STATS_ADD(stats, prepared_used, 1);

    g_autoptr(Transfer) transfer = transfer_new(session, options);
    transfer->channel = open_channel(session, fd, error);
    if (transfer->channel == NULL || !send_commands(session, options, cancel, error))
        return NULL;
    transfer->replied = FALSE;
    count_transfer(stats, options->verb);

    /* The ClientHello goes out behind the command without waiting for the 150: one round trip less.
     * Its failure is judged after the reply, which may say why the server hung up. */
    g_autoptr(GError) tls_failure = NULL;
    if (!features_hello_waits(session_context(session)->features) &&
        !channel_handshake_begin(transfer->channel, &tls_failure))
        g_debug("%s %s: %s", transfer->verb, transfer->path, tls_failure->message);
    gboolean refused = FALSE;
    if (!receive_start(session, options, cancel, error) ||
        !receive_verdict(session, options, cancel, &refused, error)) {
        transfer->replied = refused;
        return NULL;
    }
    if (!complete_handshake(transfer, options, tls_failure, cancel, error))
        return NULL;
    return g_steal_pointer(&transfer);
}

/* ---- active mode ---- */

/* Waits for the server's connection. Servers say 150 before or after they have made it, or why they
 * could not; *begun: 150 was said. -1 on failure; transfer->replied: the final reply has come. */
static int accept_server(Transfer *transfer, int listener, const TransferOptions *options,
                         gboolean *begun, GCancellable *cancel, GError **error)
{
    Session *session = transfer->session;
    gint64 deadline = deadline_in(session_context(session)->options->timeout_s);
    for (;;) {
        gboolean spoke = FALSE;
        int fd = active_accept(session, listener, deadline, &spoke, cancel, error);
        if (fd >= 0 || !spoke)
            return fd;
        /* transfer->replied is FALSE until then. */
        if (!receive_verdict(session, options, cancel, &transfer->replied, error))
            return -1;
        *begun = TRUE;
    }
}

/* From EPRT to the socket that the server has connected to; -1 on failure. */
static int invite_server(Transfer *transfer, const TransferOptions *options, gboolean *begun,
                         GCancellable *cancel, GError **error)
{
    Session *session = transfer->session;
    int listener = active_listen(session, error);
    if (listener < 0)
        return -1;
    int fd = -1;
    if (active_announce(session, listener, cancel, error) &&
        send_commands(session, options, cancel, error)) {
        transfer->replied = FALSE;
        count_transfer(stats_of(transfer), options->verb);
        if (receive_start(session, options, cancel, error))
            fd = accept_server(transfer, listener, options, begun, cancel, error);
    }
    close(listener);
    return fd;
}

static Transfer *open_active(Session *session, const TransferOptions *options, GCancellable *cancel,
                             GError **error)
{
    gboolean begun = FALSE;
    g_autoptr(Transfer) transfer = transfer_new(session, options);
    int fd = invite_server(transfer, options, &begun, cancel, error);
    if (fd < 0)
        return NULL;
    dial_tune(fd, session_context(session)->options->timeout_s);
    STATS_ADD(stats_of(transfer), data_connections, 1);
    transfer->channel = open_channel(session, fd, error);
    if (transfer->channel == NULL)
        return NULL;
    g_autoptr(GError) tls_failure = NULL;
    if (!channel_handshake_begin(transfer->channel, &tls_failure))
        g_debug("%s %s: %s", transfer->verb, transfer->path, tls_failure->message);
    gboolean refused = FALSE;
    if (!begun && !receive_verdict(session, options, cancel, &refused, error)) {
        transfer->replied = refused;
        return NULL;
    }
    if (!complete_handshake(transfer, options, tls_failure, cancel, error))
        return NULL;
    return g_steal_pointer(&transfer);
}

Transfer *transfer_open(Session *session, const TransferOptions *options, GCancellable *cancel,
                        GError **error)
{
    if (session_context(session)->options->active)
        return open_active(session, options, cancel, error);
    g_autoptr(GError) failure = NULL;
    gboolean prepared = FALSE;
    Transfer *transfer = attempt(session, options, &prepared, cancel, &failure);
    /* A prepared port may have timed out on the server's side since: 425, 426. */
    gboolean stale = prepared && failure != NULL && !session_is_broken(session) &&
                     ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) &&
                     !ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT);
    if (stale) {
        g_debug("a prepared data connection was stale: %s", failure->message);
        g_clear_error(&failure);
        dataport_was_stale(dataport_of(session));
        transfer = attempt(session, options, &prepared, cancel, &failure);
    }
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return transfer;
}

static gboolean receive_end(Transfer *transfer, GCancellable *cancel, GError **error)
{
    if (transfer->replied)
        return TRUE;
    g_autoptr(GError) failure = NULL;
    g_autoptr(Reply) reply = session_receive_final(transfer->session, cancel, &failure);
    transfer->replied = reply != NULL;
    if (reply != NULL && reply_is(reply, 2)) {
        transfer_early_replied(transfer);
        return TRUE;
    }
    if (reply != NULL)
        session_set_reply_error(&failure, transfer->verb, transfer->path, reply);
    if (transfer_early_explains(transfer, &failure, cancel))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- between the transfer and the channel ---- */

/* What line_read gets as its `data`. */
typedef struct {
    const Transfer *transfer;
    GCancellable *cancel;
} Line;

static gssize line_read(gpointer data, void *buffer, gsize length, GError **error)
{
    const Line *line = data;
    gssize got = channel_read(line->transfer->channel, buffer, length, line->cancel, error);
    if (got > 0)
        STATS_ADD(stats_of(line->transfer), wire_in, got);
    return got;
}

/* The transfer's bytes, whether they are compressed on the way or not. */
static gssize read_bytes(Transfer *transfer, void *buffer, gsize length, GCancellable *cancel,
                         GError **error)
{
    Line line = {.transfer = transfer, .cancel = cancel};
    if (transfer->inflater == NULL)
        return line_read(&line, buffer, length, error);
    return deflate_inflater_read(transfer->inflater, line_read, &line, buffer, length, error);
}

/* A server that ends without close_notify is believed only when the size says that this is the
 * end; TLS exists to keep others from cutting a file short. Compressed data have an end of their
 * own, with a checksum, and are not believed without. */
static gboolean end_is_credible(const Transfer *transfer, GError **failure)
{
    if (!ftpsfs_error_is(*failure, FTPSFS_ERROR_TRUNCATED) ||
        (transfer->inflater != NULL && !deflate_inflater_ended(transfer->inflater)) ||
        transfer->expected_size == G_MAXUINT64 || transfer->bytes != transfer->expected_size)
        return FALSE;
    g_clear_error(failure);
    return TRUE;
}

gssize transfer_read(Transfer *transfer, void *buffer, gsize length, GCancellable *cancel,
                     GError **error)
{
    if (transfer->replied)
        return 0;
    if (transfer->bytes == 0)
        session_note_wait(transfer->session);
    g_autoptr(GError) failure = NULL;
    gssize got = read_bytes(transfer, buffer, length, cancel, &failure);
    if (got > 0) {
        transfer->bytes += (guint64)got;
        STATS_ADD(stats_of(transfer), bytes_in, got);
        activity_advance(&transfer->session->activity, (gsize)got);
        return got;
    }
    if (transfer_early_bye_failed(transfer, &failure))
        got = -1;
    if (got < 0 && !end_is_credible(transfer, &failure)) {
        g_propagate_prefixed_error(error, g_steal_pointer(&failure), "%s %s: ", transfer->verb,
                                   transfer->path);
        return -1;
    }
    transfer_early_listen(transfer);
    /* vsftpd sends its 226 only after the client's close_notify. A failure to send it shows in the
     * reply, if it matters. */
    if (!trial_is_on(&transfer->bye) && !channel_bye(transfer->channel, cancel, &failure))
        g_debug("%s %s: %s", transfer->verb, transfer->path, failure->message);
    transfer_early_port(transfer);
    return receive_end(transfer, cancel, error) ? 0 : -1;
}

gboolean transfer_must_repeat(const Transfer *transfer)
{
    return transfer->must_repeat;
}

guint64 transfer_bytes(const Transfer *transfer)
{
    return transfer->bytes;
}

void transfer_expect(Transfer *transfer, const char *path, guint64 total)
{
    activity_expect(&transfer->session->activity, path, total);
}

/* A server that hangs up on the data says why on the control connection: a full disk or a quota is
 * no lost connection that would be worth another try. */
static void explain_write(Transfer *transfer, GError **failure, GCancellable *cancel)
{
    g_autoptr(GError) verdict = NULL;
    if (!ftpsfs_error_is(*failure, FTPSFS_ERROR_LOST) || receive_end(transfer, cancel, &verdict) ||
        ftpsfs_error_has(verdict, FTPSFS_ERROR_CLASS_CONNECTION) ||
        ftpsfs_error_is(verdict, FTPSFS_ERROR_INTERRUPTED))
        return;
    g_clear_error(failure);
    *failure = g_steal_pointer(&verdict);
}

gboolean transfer_write(Transfer *transfer, const void *data, gsize length, GCancellable *cancel,
                        GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (!channel_write(transfer->channel, data, length, cancel, &failure)) {
        explain_write(transfer, &failure, cancel);
        g_propagate_prefixed_error(error, g_steal_pointer(&failure), "%s %s: ", transfer->verb,
                                   transfer->path);
        return FALSE;
    }
    session_note_sent(transfer->session);
    transfer->bytes += length;
    STATS_ADD(stats_of(transfer), bytes_out, length);
    activity_advance(&transfer->session->activity, length);
    return TRUE;
}

gboolean transfer_bye(Transfer *transfer, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (!channel_bye(transfer->channel, cancel, &failure)) {
        g_propagate_prefixed_error(error, g_steal_pointer(&failure), "%s %s: ", transfer->verb,
                                   transfer->path);
        return FALSE;
    }
    session_note_sent(transfer->session);
    return TRUE;
}

gboolean transfer_judge(Transfer *transfer, const Reply *reply, GError **error)
{
    transfer->replied = TRUE;
    if (reply_is(reply, 2))
        return TRUE;
    session_set_reply_error(error, transfer->verb, transfer->path, reply);
    return FALSE;
}

gboolean transfer_finish(Transfer *transfer, GCancellable *cancel, GError **error)
{
    g_autoptr(Transfer) owned = transfer;
    if (owned->replied)
        return TRUE;
    if (!transfer_bye(owned, cancel, error))
        return FALSE;
    /* The socket stays open until the server has said 226: closing it with the server's own
     * close_notify unread would reset the connection under the data that is still on its way. */
    return receive_end(owned, cancel, error);
}
