/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "active.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "ftp/session/session_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage space;
} Address;

static guint16 port_of(const struct sockaddr *address)
{
    const Address *known = (const Address *)(const void *)address;
    return ntohs(known->any.sa_family == AF_INET6 ? known->v6.sin6_port : known->v4.sin_port);
}

static void set_port(Address *address, guint16 port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

/* The same machine, whatever the port. */
static gboolean same_host(const Address *a, const Address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return FALSE;
    if (a->any.sa_family == AF_INET6)
        return IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
    return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

static char *show(const Address *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *bytes = address->any.sa_family == AF_INET6 ? (const void *)&address->v6.sin6_addr
                                                           : (const void *)&address->v4.sin_addr;
    return g_strdup(inet_ntop(address->any.sa_family, bytes, text, sizeof text));
}

char *active_format(const struct sockaddr *address, gboolean eprt)
{
    const Address *known = (const Address *)(const void *)address;
    g_autofree char *text = show(known);
    guint16 port = port_of(address);
    gboolean v6 = address->sa_family == AF_INET6;
    if (eprt)
        return g_strdup_printf("|%d|%s|%u|", v6 ? 2 : 1, text, port);
    return v6 ? NULL
              : g_strdup_printf("%s,%u,%u", g_strdelimit(text, ".", ','), port >> 8, port & 0xFFu);
}

static gboolean own_address(Session *session, Address *address, GError **error)
{
    socklen_t length = sizeof *address;
    if (getsockname(channel_fd(session->channel), &address->any, &length) == 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the control connection is gone: %s",
                g_strerror(errno));
    return FALSE;
}

/* -1 when the port is taken. */
static int listen_on(Address *address, guint16 port)
{
    int on = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    set_port(address, port);
    /* Connections that have ended on this port are no hindrance. */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, &address->any, sizeof address->space) == 0 && listen(fd, 4) == 0)
        return fd;
    int number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return -1;
}

int active_listen(Session *session, GError **error)
{
    const RemoteOptions *options = session->context->options;
    Address address;
    if (!own_address(session, &address, error))
        return -1;
    guint first = options->active_first;
    guint count = first != 0 ? options->active_last - first + 1u : 1u;
    /* From anywhere in the range on: servers connect from one port of theirs, and a pair of ports
     * that was in use just now can't be used again at once. */
    guint start = (guint)g_random_int_range(0, (gint32)count);
    for (guint i = 0; i < count; i++) {
        guint port = first != 0 ? first + (start + i) % count : 0;
        int fd = listen_on(&address, (guint16)port);
        if (fd >= 0)
            return fd;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONNECT,
                "no port for the server to connect to: %s%s", g_strerror(errno),
                first != 0 ? "; give more of them with -o active_ports" : "");
    return -1;
}

static void set_refusal(GError **error, const char *verb, const Reply *reply)
{
    g_autofree char *text = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR,
                reply_is(reply, 4) ? FTPSFS_ERROR_LOST : FTPSFS_ERROR_UNSUPPORTED,
                "the server refuses to make data connections (%s: %d %s); without -o active it is "
                "asked to take them",
                verb, reply->code, text);
}

/* TRUE when the server has taken it; learns from the reply which command it has. */
static gboolean judge(Session *session, gboolean eprt, const Reply *reply, gboolean *again,
                      GError **error)
{
    Features *features = session->context->features;
    *again = FALSE;
    if (reply_is(reply, 2)) {
        features_set(features, FEATURE_EPRT, eprt ? FEATURE_YES : FEATURE_NO);
        return TRUE;
    }
    /* 522: it does not know the protocol of the address, which PORT does not name. */
    *again = eprt && reply_is(reply, 5);
    if (*again)
        features_set(features, FEATURE_EPRT, FEATURE_NO);
    set_refusal(error, eprt ? "EPRT" : "PORT", reply);
    return FALSE;
}

gboolean active_announce(Session *session, int listener, GCancellable *cancel, GError **error)
{
    Address address;
    socklen_t length = sizeof address;
    if (getsockname(listener, &address.any, &length) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONNECT, "the listening socket is gone: %s",
                    g_strerror(errno));
        return FALSE;
    }
    for (;;) {
        gboolean eprt = features_maybe(session->context->features, FEATURE_EPRT);
        g_autofree char *argument = active_format(&address.any, eprt);
        if (argument == NULL) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                        "the server has no EPRT, without which it can't connect to an IPv6 "
                        "address; leave out -o active, or use its IPv4 address");
            return FALSE;
        }
        const char *verb = eprt ? "EPRT" : "PORT";
        g_autoptr(Reply) reply = session_command(session, verb, argument, cancel, error);
        if (reply == NULL)
            return FALSE;
        g_autoptr(GError) refusal = NULL;
        gboolean again = FALSE;
        if (judge(session, eprt, reply, &again, &refusal))
            return TRUE;
        if (!again) {
            g_propagate_error(error, g_steal_pointer(&refusal));
            return FALSE;
        }
    }
}

/* Takes a connection that is there; -1 when it was none of the server's. */
static int take(Session *session, int listener)
{
    Address peer;
    Address caller;
    socklen_t length = sizeof caller;
    socklen_t peer_length = sizeof peer;
    int fd = accept4(listener, &caller.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return -1;
    if (getpeername(channel_fd(session->channel), &peer.any, &peer_length) == 0 &&
        same_host(&peer, &caller))
        return fd;
    g_autofree char *text = show(&caller);
    g_message("a data connection from %s, which is not the server, was closed", text);
    close(fd);
    return -1;
}

int active_accept(Session *session, int listener, gint64 deadline, gboolean *spoke,
                  GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    *spoke = FALSE;
    GPollFD cancel_poll = {.fd = -1};
    gboolean cancellable = g_cancellable_make_pollfd(cancel, &cancel_poll);
    int fd = -1;
    session_note_wait(session);
    while (fd < 0 && !*spoke && failure == NULL) {
        /* What has been read behind an earlier reply does not show in poll. */
        gboolean rest =
            reply_parser_has_rest(session->parser) || channel_pending(session->channel) > 0;
        struct pollfd fds[] = {
            {.fd = listener, .events = POLLIN},
            {.fd = channel_fd(session->channel), .events = POLLIN},
            {.fd = cancellable ? cancel_poll.fd : -1, .events = POLLIN},
        };
        int count = poll(fds, G_N_ELEMENTS(fds), rest ? 0 : deadline_left_ms(deadline));
        if (count < 0 && errno != EINTR)
            g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "poll: %s", g_strerror(errno));
        else if (count > 0 && fds[2].revents != 0)
            g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                        "interrupted while waiting for the server's data connection");
        else if (count > 0 && fds[0].revents != 0)
            fd = take(session, listener);
        else if (rest || (count > 0 && fds[1].revents != 0))
            *spoke = TRUE;
        if (fd < 0 && !*spoke && failure == NULL && g_get_monotonic_time() >= deadline)
            g_set_error(&failure, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT,
                        "the server did not make the data connection that -o active asks it for: a "
                        "firewall may be in the way");
    }
    if (cancellable)
        g_cancellable_release_fd(cancel);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return fd;
}
