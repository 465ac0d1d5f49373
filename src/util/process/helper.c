/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/log.h"

/* Meant for the parent, by a terminal or by a service manager that signals all of a service's
 * processes: a helper that went first would be missed. */
static void ignore_signals(void)
{
    static const int numbers[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGUSR1, SIGUSR2};
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        signal(numbers[i], SIG_IGN);
}

/* Before Linux 5.9 there was no close_range(). */
static void close_others(unsigned first)
{
    if (close_range(first, ~0U, 0) == 0)
        return;
    for (int fd = (int)first; fd < sysconf(_SC_OPEN_MAX) && fd < 65536; fd++)
        close(fd);
}

/* Puts `fd` at the number `place`, where nothing of use is. */
static gboolean put(int fd, int place)
{
    return dup2(fd, place) == place && fcntl(place, F_SETFD, FD_CLOEXEC) == 0;
}

static int run_helper(int socket, int kept, HelperMain run, gpointer data)
{
    ignore_signals();
    log_leave();
    /* Closes those of the parent: the pipe to who waits for the mount, files that were opened. */
    int first = STDERR_FILENO + 1;
    /* Out of the way of the socket's place, which may be its own. */
    int copy = kept >= 0 ? fcntl(kept, F_DUPFD_CLOEXEC, first + 2) : -1;
    if (!put(socket, first) || (kept >= 0 && !put(copy, first + 1)))
        return 1;
    close_others((unsigned)first + (kept >= 0 ? 2 : 1));
    return run(first, kept >= 0 ? first + 1 : -1, data);
}

gboolean helper_start(Helper *helper, int kept, HelperMain run, gpointer data, GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "no socket for a helper process: %s",
                    g_strerror(errno));
        return FALSE;
    }
    helper->pid = fork();
    if (helper->pid < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "no helper process: %s",
                    g_strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return FALSE;
    }
    if (helper->pid == 0)
        _exit(run_helper(ends[1], kept, run, data));
    close(ends[1]);
    helper->socket = ends[0];
    return TRUE;
}

void helper_stop(Helper *helper)
{
    char rest;
    shutdown(helper->socket, SHUT_WR);
    while (recv(helper->socket, &rest, 1, 0) > 0)
        continue;
    /* In a sandbox it may be the receiver (sandbox.h), and then stays open until the end. */
    close(helper->socket);
    helper->socket = -1;
    /* A daemon that went to the background is not the parent, and need not be. */
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void helper_leave(Helper *helper)
{
    close(helper->socket);
    helper->socket = -1;
}

/* Room for one descriptor beside a message. */
typedef union {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
} Attachment;

gboolean helper_send(int socket, const void *data, gsize length, int fd)
{
    struct iovec part = {.iov_base = (void *)(guintptr)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    Attachment attachment = {0};
    if (fd >= 0) {
        message.msg_control = attachment.space;
        message.msg_controllen = sizeof attachment.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    gssize sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (gssize)length;
}

gssize helper_receive(int socket, void *data, gsize length, int *fd)
{
    struct iovec part = {.iov_base = data, .iov_len = length};
    Attachment attachment = {0};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = attachment.space,
        .msg_controllen = sizeof attachment.space,
    };
    gssize received;
    do {
        received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    int got = -1;
    struct cmsghdr *header = received < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(&got, CMSG_DATA(header), sizeof got);
    if (fd != NULL)
        *fd = got;
    else if (got >= 0)
        close(got);
    return received;
}
