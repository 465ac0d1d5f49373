/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/tls/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "channel_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

static GBytes *peer_leaf(gnutls_session_t session)
{
    guint count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    return chain != NULL && count > 0 ? g_bytes_new(chain[0].data, chain[0].size) : NULL;
}

/* A data connection must reach the very server of the control connection, not just one with a
 * valid certificate. */
static gboolean check_same_server(const Channel *channel, GError **error)
{
    g_autoptr(GBytes) leaf = peer_leaf(channel->session);
    if (channel->control_leaf != NULL && leaf != NULL && g_bytes_equal(leaf, channel->control_leaf))
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "the data connection to %s shows another certificate than the control connection: "
                "it does not reach the same server, or somebody is in between",
                channel->host);
    return FALSE;
}

/* Called by GnuTLS when the peer's certificate is there, before anything of ours that is worth
 * protecting is sent. */
static int verify_hook(gnutls_session_t session)
{
    Channel *channel = gnutls_session_get_ptr(session);
    gnutls_alert_description_t alert = GNUTLS_A_BAD_CERTIFICATE;
    g_clear_error(&channel->verify_error);
    gboolean good = trust_verify(channel->trust, session, channel->host, channel->port, &alert,
                                 &channel->verify_error) &&
                    (!channel->is_data || check_same_server(channel, &channel->verify_error));
    if (good || channel->probe_only) {
        channel->verified = TRUE;
        return 0;
    }
    if (gnutls_alert_send(session, GNUTLS_AL_FATAL, alert) < 0)
        g_debug("%s could not be told why its certificate is refused", channel->host);
    return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

static void set_no_delay(int fd)
{
    int on = 1;
    /* Fails on the socket pairs of tests, which have no delay anyhow. */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        g_debug("no TCP_NODELAY: %s", g_strerror(errno));
}

static gboolean start_session(Channel *channel, gnutls_group_t group, GError **error)
{
    unsigned int flags =
        GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_FORCE_CLIENT_CERT;
    if (group != GNUTLS_GROUP_INVALID)
        flags |= GNUTLS_KEY_SHARE_TOP;
    int code = gnutls_init(&channel->session, flags);
    if (code < 0) {
        channel->session = NULL;
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS, "can't start TLS for %s: %s",
                    channel->host, gnutls_strerror(code));
        return FALSE;
    }
    if (!trust_apply(channel->trust, channel->session, channel->host, group, error))
        return FALSE;
    gnutls_session_set_ptr(channel->session, channel);
    gnutls_session_set_verify_function(channel->session, verify_hook);
    channel_attach_socket(channel);
    if (channel->given_ticket != NULL) {
        gsize length;
        const void *data = g_bytes_get_data(channel->given_ticket, &length);
        code = gnutls_session_set_data(channel->session, data, length);
        /* Only a longer handshake. */
        if (code < 0) {
            g_debug("can't resume a TLS session with %s: %s", channel->host, gnutls_strerror(code));
            g_clear_pointer(&channel->given_ticket, g_bytes_unref);
        }
    }
    return TRUE;
}

Channel *channel_new(int fd, Trust *trust, const ChannelOptions *options, GError **error)
{
    const Channel *control = options->control;
    g_autoptr(Channel) channel = g_new0(Channel, 1);
    channel->fd = fd;
    channel->trust = trust_ref(trust);
    channel->host = g_strdup(options->host);
    channel->port = options->port;
    channel->timeout_s = options->timeout_s;
    channel->keep_first = TRUE;
    channel->probe_only = options->probe_only;
    channel->wait_handshake =
        g_strdup_printf("the TLS handshake with %s port %u", options->host, options->port);
    channel->wait_read = g_strdup_printf("data from %s", options->host);
    channel->wait_write = g_strdup_printf("%s to take data", options->host);
    gnutls_group_t group = GNUTLS_GROUP_INVALID;
    if (control != NULL) {
        channel->is_data = TRUE;
        if (control->leaf != NULL)
            channel->control_leaf = g_bytes_ref(control->leaf);
        channel->given_ticket = channel_ticket(control);
        group = channel_group(control);
    } else if (options->ticket != NULL) {
        channel->given_ticket = g_bytes_ref(options->ticket);
    }
    set_no_delay(fd);
    if (!start_session(channel, group, error))
        return NULL;
    return g_steal_pointer(&channel);
}

/* Waits for what GnuTLS wants to do next. */
static gboolean wait_for_socket(Channel *channel, const char *what, GCancellable *cancel,
                                GError **error)
{
    short events = gnutls_record_get_direction(channel->session) == 1 ? POLLOUT : POLLIN;
    channel->drained = FALSE;
    return wait_fd(channel->fd, events, deadline_in(channel->timeout_s), cancel, what, error);
}

static gboolean check_cancelled(const Channel *channel, GCancellable *cancel, GError **error)
{
    if (!g_cancellable_is_cancelled(cancel))
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                "interrupted while the connection to %s was in use", channel->host);
    return FALSE;
}

/* Gives `*kept` (remembered from here on) and the caller the error for `code`. */
static void fail(Channel *channel, ChannelAct act, int code, GError **kept, GError **error)
{
    if (*kept == NULL)
        *kept = channel_error_new(channel, act, code);
    g_propagate_error(error, g_error_copy(*kept));
}

static void handshake_failed(Channel *channel, int code, GError **error)
{
    /* The verify hook has sent its own. */
    if (channel->verify_error == NULL && channel->socket_errno == 0 && !channel->eof)
        gnutls_alert_send_appropriate(channel->session, code);
    channel->disagreed = channel_is_disagreement(channel, code);
    fail(channel, CHANNEL_HANDSHAKE, code, &channel->read_failure, error);
    if (channel->write_failure == NULL)
        channel->write_failure = g_error_copy(channel->read_failure);
}

/* One go at the handshake: GNUTLS_E_AGAIN when the socket must be waited for. */
static int try_handshake(Channel *channel)
{
    for (;;) {
        channel->blocked = TRUE;
        int code = gnutls_handshake(channel->session);
        if (code == GNUTLS_E_AGAIN && channel->blocked)
            return code;
        if (code == GNUTLS_E_WARNING_ALERT_RECEIVED)
            g_debug("%s warns in the TLS handshake: %s", channel->host,
                    gnutls_alert_get_name(gnutls_alert_get(channel->session)));
        else if (code == GNUTLS_E_SUCCESS || gnutls_error_is_fatal(code))
            return code;
    }
}

/* A session that resumes another shows no certificate, and the hook is not called. It is as good as
 * the other's is now: the date may have passed, or a list of revoked ones been loaded, in the
 * months that a mount lasts. A data connection is resumed from a control connection that was looked
 * at this way, and that is not used for longer than its certificate is valid. */
static gboolean verify_resumed(Channel *channel)
{
    gnutls_alert_description_t alert = GNUTLS_A_BAD_CERTIFICATE;
    g_clear_error(&channel->verify_error);
    if (trust_verify(channel->trust, channel->session, channel->host, channel->port, &alert,
                     &channel->verify_error) ||
        channel->probe_only)
        return TRUE;
    channel->outdated = TRUE;
    if (gnutls_alert_send(channel->session, GNUTLS_AL_FATAL, alert) < 0)
        g_debug("%s could not be told why its certificate is refused", channel->host);
    return FALSE;
}

/* The one thing that is known only now. Nothing but the handshake has been sent. */
static gboolean check_group(Channel *channel, GError **error)
{
    g_autoptr(GError) weak = NULL;
    if (trust_check_group(channel->trust, channel->session, channel->host, &weak))
        return TRUE;
    if (channel->verify_error == NULL)
        channel->verify_error = g_steal_pointer(&weak);
    if (channel->probe_only)
        return TRUE;
    if (gnutls_alert_send(channel->session, GNUTLS_AL_FATAL, GNUTLS_A_INSUFFICIENT_SECURITY) < 0)
        g_debug("%s could not be told why its group is refused", channel->host);
    handshake_failed(channel, GNUTLS_E_DH_PRIME_UNACCEPTABLE, error);
    return FALSE;
}

static gboolean finish_handshake(Channel *channel, GError **error)
{
    /* A full handshake in which the hook was not called has no certificate in it. */
    if (!channel->verified && !gnutls_session_is_resumed(channel->session)) {
        g_set_error(&channel->verify_error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "%s port %u showed no certificate, so it can't be verified", channel->host,
                    channel->port);
        handshake_failed(channel, GNUTLS_E_CERTIFICATE_ERROR, error);
        return FALSE;
    }
    if (!channel->verified && !channel->is_data && !verify_resumed(channel)) {
        handshake_failed(channel, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR, error);
        return FALSE;
    }
    if (!check_group(channel, error))
        return FALSE;
    channel->done = TRUE;
    channel->handshake_us = g_get_monotonic_time() - channel->began;
    channel->keep_first = FALSE;
    channel->leaf = peer_leaf(channel->session);
    if (!channel->is_data)
        channel->valid_until = trust_valid_until(channel->trust, channel->session);
    g_autofree char *description = channel_describe(channel);
    g_debug("TLS with %s port %u: %s%s", channel->host, channel->port, description,
            channel_resumed(channel) ? ", resumed" : "");
    return TRUE;
}

gboolean channel_handshake_begin(Channel *channel, GError **error)
{
    if (channel->done)
        return TRUE;
    if (channel->read_failure != NULL) {
        g_propagate_error(error, g_error_copy(channel->read_failure));
        return FALSE;
    }
    if (channel->began == 0)
        channel->began = g_get_monotonic_time();
    int code = try_handshake(channel);
    if (code == GNUTLS_E_AGAIN)
        return TRUE;
    if (code == GNUTLS_E_SUCCESS)
        return finish_handshake(channel, error);
    handshake_failed(channel, code, error);
    return FALSE;
}

gboolean channel_handshake(Channel *channel, GCancellable *cancel, GError **error)
{
    for (;;) {
        if (!check_cancelled(channel, cancel, error) || !channel_handshake_begin(channel, error))
            return FALSE;
        if (channel->done)
            return TRUE;
        g_autoptr(GError) wait_error = NULL;
        if (wait_for_socket(channel, channel->wait_handshake, cancel, &wait_error))
            continue;
        /* Some text shorter than a TLS header leaves GnuTLS waiting for the rest of it. */
        GError *plain = ftpsfs_error_is(wait_error, FTPSFS_ERROR_TIMEOUT)
                            ? channel_plain_text_error(channel)
                            : NULL;
        g_propagate_error(error, plain != NULL ? plain : g_steal_pointer(&wait_error));
        return FALSE;
    }
}

/* What must hold before bytes flow. */
static gboolean check_usable(const Channel *channel, const GError *failure, GError **error)
{
    if (failure != NULL) {
        g_propagate_error(error, g_error_copy(failure));
        return FALSE;
    }
    if (channel->done)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "the TLS handshake with %s port %u is not done", channel->host, channel->port);
    return FALSE;
}

gssize channel_read_now(Channel *channel, void *buffer, gsize length, gboolean *would_block,
                        GError **error)
{
    *would_block = FALSE;
    if (!check_usable(channel, channel->read_failure, error))
        return -1;
    gssize got = channel_receive(channel, buffer, length);
    if (got >= 0)
        return got;
    if (got == GNUTLS_E_AGAIN)
        *would_block = TRUE;
    else
        fail(channel, CHANNEL_READ, (int)got, &channel->read_failure, error);
    return -1;
}

gssize channel_read(Channel *channel, void *buffer, gsize length, GCancellable *cancel,
                    GError **error)
{
    if (!check_cancelled(channel, cancel, error))
        return -1;
    for (;;) {
        gboolean would_block;
        gssize got = channel_read_now(channel, buffer, length, &would_block, error);
        if (!would_block)
            return got;
        if (!wait_for_socket(channel, channel->wait_read, cancel, error))
            return -1;
    }
}

gboolean channel_write(Channel *channel, const void *data, gsize length, GCancellable *cancel,
                       GError **error)
{
    const guchar *left = data;
    if (channel->probe_only) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "nothing is sent to %s on a connection that only looks", channel->host);
        return FALSE;
    }
    if (!check_cancelled(channel, cancel, error) ||
        !check_usable(channel, channel->write_failure, error))
        return FALSE;
    while (length > 0) {
        gssize sent = gnutls_record_send(channel->session, left, length);
        if (sent > 0) {
            left += sent;
            length -= (gsize)sent;
        } else if (sent == GNUTLS_E_AGAIN) {
            if (!wait_for_socket(channel, channel->wait_write, cancel, error)) {
                /* Part of a record is out: nothing else may follow it. */
                channel->write_failure =
                    g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                                "an earlier write to %s was given up half-way", channel->host);
                return FALSE;
            }
        } else if (sent != GNUTLS_E_INTERRUPTED) {
            fail(channel, CHANNEL_WRITE, (int)sent, &channel->write_failure, error);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean send_close_notify(Channel *channel, GCancellable *cancel, GError **error)
{
    if (!check_usable(channel, channel->write_failure, error))
        return FALSE;
    for (;;) {
        int code = gnutls_bye(channel->session, GNUTLS_SHUT_WR);
        if (code == GNUTLS_E_SUCCESS)
            return TRUE;
        if (code == GNUTLS_E_AGAIN) {
            if (!wait_for_socket(channel, channel->wait_write, cancel, error))
                return FALSE;
        } else if (code != GNUTLS_E_INTERRUPTED) {
            fail(channel, CHANNEL_WRITE, code, &channel->write_failure, error);
            return FALSE;
        }
    }
}

gboolean channel_bye(Channel *channel, GCancellable *cancel, GError **error)
{
    if (channel->said_bye)
        return TRUE;
    if (!send_close_notify(channel, cancel, error))
        return FALSE;
    channel->said_bye = TRUE;
    /* The FIN right behind it, for servers that wait for the end of the connection. */
    if (shutdown(channel->fd, SHUT_WR) != 0)
        g_debug("%s closed its connection first: %s", channel->host, g_strerror(errno));
    return TRUE;
}

void channel_leave(Channel *channel)
{
    if (channel->said_bye || channel->probe_only ||
        !check_usable(channel, channel->write_failure, NULL))
        return;
    int code = gnutls_bye(channel->session, GNUTLS_SHUT_WR);
    if (code != GNUTLS_E_SUCCESS)
        g_debug("no close_notify for %s: %s", channel->host, gnutls_strerror(code));
}

gboolean channel_drain(Channel *channel, GCancellable *cancel, GError **error)
{
    g_autofree guchar *scrap = g_malloc(16384);
    for (;;) {
        g_autoptr(GError) read_error = NULL;
        gssize got = channel_read(channel, scrap, 16384, cancel, &read_error);
        if (got == 0 || ftpsfs_error_is(read_error, FTPSFS_ERROR_TRUNCATED))
            return TRUE;
        if (got < 0) {
            g_propagate_error(error, g_steal_pointer(&read_error));
            return FALSE;
        }
    }
}

int channel_fd(const Channel *channel)
{
    return channel->fd;
}

gsize channel_pending(const Channel *channel)
{
    gsize pending = channel->session != NULL ? gnutls_record_check_pending(channel->session) : 0;
    return pending + channel->ahead_length + (channel->has_later ? 1 : 0);
}

void channel_shutdown(Channel *channel)
{
    g_atomic_int_set(&channel->shut, 1);
    if (shutdown(channel->fd, SHUT_RDWR) != 0)
        g_debug("nothing to shut down with %s: %s", channel->host, g_strerror(errno));
}

void channel_reset(Channel *channel)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        g_debug("SO_LINGER: %s", g_strerror(errno));
}

void channel_free(Channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->session != NULL)
        gnutls_deinit(channel->session);
    if (channel->fd >= 0)
        close(channel->fd);
    trust_unref(channel->trust);
    g_clear_pointer(&channel->control_leaf, g_bytes_unref);
    g_clear_pointer(&channel->leaf, g_bytes_unref);
    g_clear_pointer(&channel->given_ticket, g_bytes_unref);
    g_clear_error(&channel->verify_error);
    g_clear_error(&channel->read_failure);
    g_clear_error(&channel->write_failure);
    g_free(channel->host);
    g_free(channel->ahead);
    g_free(channel->wait_handshake);
    g_free(channel->wait_read);
    g_free(channel->wait_write);
    g_free(channel);
}
