/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_service_manager(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    if (path == NULL || *path == '\0')
        return;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    gsize length = strlen(path);
    if (length >= sizeof address.sun_path || (*path != '/' && *path != '@')) {
        g_warning("NOTIFY_SOCKET=%s is no socket that can be reached", path);
        return;
    }
    memcpy(address.sun_path, path, length);
    /* "@" stands for the NUL of an abstract socket, whose name ends with its length. */
    if (*path == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                         (const struct sockaddr *)(const void *)&address, size) < 0)
        g_warning("the service manager at %s can't be told %s: %s", path, state, g_strerror(errno));
    if (fd >= 0)
        close(fd);
}
