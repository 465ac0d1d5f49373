/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "channel_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Taken from a data connection's socket at once: GnuTLS by itself would ask for the five bytes of a
 * record's header and then for its content, two system calls a record. */
#define READ_AHEAD (64 * 1024)

/* Tells GnuTLS why the socket took or gave nothing, and keeps it for ourselves. */
static void note_failure(Channel *channel, int failure)
{
    channel->blocked = failure == EAGAIN || failure == EWOULDBLOCK;
    if (!channel->blocked && failure != EINTR)
        channel->socket_errno = failure;
    gnutls_transport_set_errno(channel->session, channel->blocked ? EAGAIN : failure);
}

static ssize_t receive(Channel *channel, void *buffer, size_t length)
{
    ssize_t got = recv(channel->fd, buffer, length, MSG_DONTWAIT);
    channel->blocked = FALSE;
    if (got > 0) {
        if (channel->keep_first && channel->first_length < sizeof channel->first) {
            gsize kept = MIN((gsize)got, sizeof channel->first - channel->first_length);
            memcpy(channel->first + channel->first_length, buffer, kept);
            channel->first_length += kept;
        }
    } else if (got == 0) {
        channel->eof = TRUE;
    } else {
        note_failure(channel, errno);
    }
    return got;
}

static ssize_t pull_from_socket(gnutls_transport_ptr_t transport, void *buffer, size_t length)
{
    Channel *channel = transport;
    if (channel->ahead_length == 0) {
        if (!channel->is_data || !channel->done)
            return receive(channel, buffer, length);
        if (channel->drained) {
            channel->blocked = TRUE;
            gnutls_transport_set_errno(channel->session, EAGAIN);
            return -1;
        }
        if (channel->ahead == NULL)
            channel->ahead = g_malloc(READ_AHEAD);
        ssize_t got = receive(channel, channel->ahead, READ_AHEAD);
        if (got <= 0)
            return got;
        channel->drained = got < READ_AHEAD;
        channel->ahead_start = 0;
        channel->ahead_length = (gsize)got;
    }
    channel->blocked = FALSE;
    gsize taken = MIN(length, channel->ahead_length);
    memcpy(buffer, channel->ahead + channel->ahead_start, taken);
    channel->ahead_start += taken;
    channel->ahead_length -= taken;
    return (ssize_t)taken;
}

static ssize_t push_to_socket(gnutls_transport_ptr_t transport, const giovec_t *pieces, int count)
{
    Channel *channel = transport;
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    ssize_t sent = sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    channel->blocked = FALSE;
    if (sent >= 0)
        return sent;
    note_failure(channel, errno);
    return sent;
}

/* Nothing ever waits inside GnuTLS, gnutls_session_get_data2 included. */
static int never_wait(gnutls_transport_ptr_t transport, unsigned int ms)
{
    (void)transport;
    (void)ms;
    return 0;
}

void channel_attach_socket(Channel *channel)
{
    gnutls_transport_set_ptr(channel->session, channel);
    gnutls_transport_set_pull_function(channel->session, pull_from_socket);
    gnutls_transport_set_vec_push_function(channel->session, push_to_socket);
    gnutls_transport_set_pull_timeout_function(channel->session, never_wait);
}
