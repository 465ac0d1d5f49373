/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataport.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftp/session/session_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

/* Servers close a port that nobody uses after a minute or so; a prepared one is given up before. */
#define PREPARED_MAX_AGE_S 45

/* One that goes bad as soon as this did so because it was asked for too early. */
#define EARLY_MAX_AGE_S 2

/* Data connections are never made to the ports of well-known services (RFC 6335 section 6): behind
 * a forwarder or an address translation they may be another machine's than the server's. */
#define DATA_PORT_MIN 1024

typedef enum {
    PORT_NONE,       /* nothing under way */
    PORT_ASKED,      /* EPSV or PASV sent */
    PORT_CONNECTING, /* connect() under way */
    PORT_READY,
    PORT_FAILED, /* the reply was no port, or connect() failed: see failure */
} PortState;

struct DataPort {
    Session *session; /* the owner */
    PortState state;
    gboolean wanted; /* prepare one when the session is drained */
    Trial early;     /* asked for before the end of a transfer */
    Reply *swapped;  /* the transfer's, which the last early question got; or NULL */
    int fd;
    gint64 since; /* monotonic microseconds when the connect began */
    GError *failure;
};

void dataport_reset(DataPort *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
    g_clear_error(&port->failure);
    if (port->state != PORT_ASKED)
        port->state = PORT_NONE;
}

static Features *features_of(const DataPort *port)
{
    return session_context(port->session)->features;
}

/* What came of asking early. */
static void end_early(DataPort *port, TrialOutcome outcome)
{
    trial_end(&port->early, outcome);
    port->early = (Trial){0};
}

static void free_port(gpointer data)
{
    DataPort *port = data;
    if (port->state == PORT_ASKED)
        end_early(port, TRIAL_LOST);
    dataport_reset(port);
    reply_free(port->swapped);
    g_free(port);
}

void dataport_attach(Session *session)
{
    DataPort *port = g_new0(DataPort, 1);
    port->session = session;
    port->fd = -1;
    session_attach(session, port, free_port);
}

DataPort *dataport_of(const Session *session)
{
    return session_attached(session);
}

static void fail(DataPort *port, FtpsfsErrorCode code, const char *what, const char *why)
{
    end_early(port, TRIAL_FAILED);
    dataport_reset(port);
    port->state = PORT_FAILED;
    port->failure = g_error_new(FTPSFS_ERROR, (gint)code, "%s: %s", what, why);
}

static void connect_begin(DataPort *port, guint16 number)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int control = channel_fd(session_channel(port->session));
    if (getpeername(control, (struct sockaddr *)&address, &length) != 0) {
        fail(port, FTPSFS_ERROR_LOST, "the control connection is gone", g_strerror(errno));
        return;
    }
    if (address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = htons(number);
    else
        ((struct sockaddr_in *)&address)->sin_port = htons(number);

    port->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port->fd < 0) {
        fail(port, FTPSFS_ERROR_CONNECT, "no socket for a data connection", g_strerror(errno));
        return;
    }
    port->since = g_get_monotonic_time();
    if (connect(port->fd, (struct sockaddr *)&address, length) == 0) {
        port->state = PORT_READY;
        return;
    }
    if (errno != EINPROGRESS) {
        fail(port, FTPSFS_ERROR_CONNECT, "the server's data port can't be reached",
             g_strerror(errno));
        return;
    }
    port->state = PORT_CONNECTING;
}

/* The reply to an early question. FALSE: it was none, and the port is asked for in time. */
static gboolean take_early(DataPort *port, const Reply *reply)
{
    if (dataport_parse(reply) == 0) {
        /* The refusal was sent first, and taken for the transfer's end. */
        if (reply_is(reply, 2))
            port->swapped = reply_copy(reply);
        end_early(port, TRIAL_FAILED);
        port->wanted = TRUE;
        return FALSE;
    }
    /* A server that takes commands during a transfer could do so before it has sent all. */
    if (port->session->out_of_turn)
        end_early(port, TRIAL_FAILED);
    else
        trial_end(&port->early, TRIAL_WORKED);
    return TRUE;
}

static void got_port_reply(Session *session, const Reply *reply)
{
    DataPort *port = dataport_of(session);
    Features *features = features_of(port);
    port->state = PORT_NONE;
    if (trial_is_on(&port->early) && !take_early(port, reply))
        return;
    if (reply->code == 229)
        features_set(features, FEATURE_EPSV, FEATURE_YES);
    else if (reply_is(reply, 5) && features_get(features, FEATURE_EPSV) != FEATURE_YES)
        features_set(features, FEATURE_EPSV, FEATURE_NO);
    guint16 number = dataport_parse(reply);
    if (number != 0 && number < DATA_PORT_MIN) {
        g_autofree char *why = g_strdup_printf(
            "port %u is for another service, as all below %d are", number, DATA_PORT_MIN);
        fail(port, FTPSFS_ERROR_PROTOCOL, "the server's data port is refused", why);
        return;
    }
    if (number != 0) {
        connect_begin(port, number);
        return;
    }
    FtpsfsErrorCode code = FTPSFS_ERROR_PROTOCOL;
    if (reply_is(reply, 5))
        code = FTPSFS_ERROR_UNSUPPORTED;
    else if (reply_is(reply, 4))
        code = FTPSFS_ERROR_LOST;
    g_autofree char *text = reply_text(reply);
    fail(port, code, "the server gives no port for a data connection", text);
}

static gboolean ask(DataPort *port, const Trial *early, GError **error)
{
    port->wanted = FALSE;
    if (port->state == PORT_FAILED)
        dataport_reset(port);
    if (port->state != PORT_NONE)
        return TRUE;
    /* PASV can't express an IPv6 address, but its port is all that is used of it. */
    gboolean epsv = features_maybe(features_of(port), FEATURE_EPSV);
    if (!session_ask_port(port->session, epsv ? "EPSV" : "PASV", early != NULL, got_port_reply,
                          NULL, error))
        return FALSE;
    port->state = PORT_ASKED;
    port->early = early != NULL ? *early : (Trial){0};
    g_clear_pointer(&port->swapped, reply_free);
    return TRUE;
}

static gboolean is_passive(const DataPort *port)
{
    return !session_context(port->session)->options->active;
}

void dataport_want(DataPort *port)
{
    port->wanted = is_passive(port);
}

static gboolean can_ask_ahead(const DataPort *port)
{
    return is_passive(port) && features_get(features_of(port), FEATURE_EPSV) == FEATURE_YES &&
           port->state == PORT_NONE;
}

gboolean dataport_ask_early(DataPort *port, Trial *early)
{
    if (!can_ask_ahead(port) || !trial_begin(early, features_of(port), FEATURE_EPSV_EARLY))
        return FALSE;
    g_autoptr(GError) failure = NULL;
    if (ask(port, early, &failure))
        return TRUE;
    trial_end(early, TRIAL_UNDECIDED);
    *early = (Trial){0};
    g_debug("EPSV: %s", failure->message);
    return FALSE;
}

const Reply *dataport_swapped(const DataPort *port)
{
    return port->swapped;
}

void dataport_ask(DataPort *port)
{
    if (!can_ask_ahead(port))
        return;
    g_autoptr(GError) failure = NULL;
    if (!ask(port, NULL, &failure))
        g_debug("EPSV: %s", failure->message);
}

static void connect_check(DataPort *port)
{
    int failed = 0;
    socklen_t length = sizeof failed;
    struct pollfd pfd = {.fd = port->fd, .events = POLLOUT};
    if (poll(&pfd, 1, 0) <= 0)
        return;
    if (getsockopt(port->fd, SOL_SOCKET, SO_ERROR, &failed, &length) != 0)
        failed = errno;
    if (failed != 0)
        fail(port, FTPSFS_ERROR_CONNECT, "the server's data port can't be reached",
             g_strerror(failed));
    else
        port->state = PORT_READY;
}

static gint64 age_of(const DataPort *port)
{
    return g_get_monotonic_time() - port->since;
}

/* Whether a prepared connection has been closed by the server or soon will be. Nothing comes from
 * it before the ClientHello: what can be read is a FIN or RST. */
static gboolean is_stale(const DataPort *port)
{
    struct pollfd pfd = {.fd = port->fd, .events = POLLIN};
    return poll(&pfd, 1, 0) != 0 || age_of(port) > PREPARED_MAX_AGE_S * G_USEC_PER_SEC;
}

void dataport_was_stale(DataPort *port)
{
    /* Some close it with all else at the end of the transfer. */
    if (age_of(port) < EARLY_MAX_AGE_S * G_USEC_PER_SEC)
        end_early(port, TRIAL_FAILED);
    dataport_reset(port);
}

gboolean dataport_advance(DataPort *port)
{
    if (port->wanted && session_is_drained(port->session) && !ask(port, NULL, NULL))
        return FALSE;
    if (port->state == PORT_CONNECTING)
        connect_check(port);
    if (port->state == PORT_READY && is_stale(port))
        dataport_was_stale(port);
    return TRUE;
}

gboolean dataport_is_ready(DataPort *port)
{
    return dataport_advance(port) && port->state == PORT_READY;
}

int dataport_fd(const DataPort *port, short *events)
{
    *events = port->state == PORT_CONNECTING ? POLLOUT : POLLIN;
    return port->fd;
}

static gboolean connect_wait(DataPort *port, GCancellable *cancel, GError **error)
{
    guint timeout = session_context(port->session)->options->timeout_s;
    while (port->state == PORT_CONNECTING) {
        if (!wait_fd(port->fd, POLLOUT, deadline_in(timeout), cancel,
                     "the server's data port to answer", error)) {
            dataport_reset(port);
            return FALSE;
        }
        connect_check(port);
    }
    return TRUE;
}

/* Goes from where the port stands to READY or FAILED. */
static gboolean make_ready(DataPort *port, GCancellable *cancel, GError **error)
{
    if (!ask(port, NULL, error))
        return FALSE;
    guint timeout_s = session_context(port->session)->options->timeout_s;
    if (port->state == PORT_ASKED && !session_drain(port->session, timeout_s, cancel, error))
        return FALSE;
    return connect_wait(port, cancel, error);
}

int dataport_take(DataPort *port, gboolean *prepared, GCancellable *cancel, GError **error)
{
    Features *features = session_context(port->session)->features;
    *prepared = dataport_is_ready(port);
    gboolean epsv_was_open = features_maybe(features, FEATURE_EPSV);
    if (!*prepared && !make_ready(port, cancel, error))
        return -1;
    if (port->state == PORT_FAILED && epsv_was_open && !features_maybe(features, FEATURE_EPSV) &&
        !make_ready(port, cancel, error))
        return -1;
    if (port->state != PORT_READY) {
        if (ftpsfs_error_is(port->failure, FTPSFS_ERROR_PROTOCOL))
            session_break(port->session);
        if (port->failure != NULL)
            g_propagate_error(error, g_steal_pointer(&port->failure));
        else
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONNECT, "the data port went bad");
        dataport_reset(port);
        return -1;
    }
    int fd = port->fd;
    port->fd = -1;
    port->state = PORT_NONE;
    return fd;
}
