/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_connect(void)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    if (path == NULL || *path == '\0')
        return -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    gsize length = strlen(path);
    if (length >= sizeof address.sun_path || (*path != '/' && *path != '@')) {
        g_warning("NOTIFY_SOCKET=%s is no socket that can be reached", path);
        return -1;
    }
    memcpy(address.sun_path, path, length);
    /* "@" stands for the NUL of an abstract socket, whose name ends with its length. */
    if (*path == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&address, size) == 0)
        return fd;
    g_warning("the service manager at %s can't be reached: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void notify_service_manager(int fd, const char *state)
{
    if (fd >= 0 && send(fd, state, strlen(state), MSG_NOSIGNAL) < 0)
        g_warning("the service manager can't be told %s: %s", state, g_strerror(errno));
}
