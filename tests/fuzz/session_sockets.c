/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls by which data connections are made: the linker puts these in their place (--wrap), so
 * that a port that the input names is not connected to.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "session_server.h"

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_listen(int fd, int backlog);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

static void tell_address(struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(40000)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpuint(*length, >=, sizeof server);
    memcpy(address, &server, sizeof server);
    *length = sizeof server;
}

int __wrap_socket(int domain, int type, int protocol)
{
    (void)protocol;
    g_assert_cmpint(domain, ==, AF_INET);
    g_assert_cmpint(type & SOCK_STREAM, ==, SOCK_STREAM);
    return server_socket(FALSE);
}

/* To the control connection's peer, whatever address the reply has, and never to a port of another
 * service. Some ports are closed. */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_in told;
    (void)fd;
    g_assert_cmpuint(length, ==, sizeof told);
    memcpy(&told, address, sizeof told);
    g_assert_cmpuint(told.sin_addr.s_addr, ==, htonl(INADDR_LOOPBACK));
    g_assert_cmpuint(ntohs(told.sin_port), >=, 1024);
    if (ntohs(told.sin_port) % 16 != 15)
        return 0;
    errno = ECONNREFUSED;
    return -1;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)fd;
    (void)address;
    (void)length;
    return 0;
}

int __wrap_listen(int fd, int backlog)
{
    (void)backlog;
    if (server_connects())
        server_make_readable(fd);
    return 0;
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    (void)fd;
    (void)flags;
    tell_address(address, length);
    return server_socket(FALSE);
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    (void)fd;
    tell_address(address, length);
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    (void)fd;
    tell_address(address, length);
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    (void)fd;
    (void)level;
    (void)name;
    (void)value;
    (void)length;
    return 0;
}
