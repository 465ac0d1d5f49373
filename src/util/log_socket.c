/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL "/run/systemd/journal/socket"
#define SYSLOG  "/dev/log"

static int connect_to(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

void log_socket_connect(LogSocket *to, gboolean journal)
{
    int fd = connect_to(journal ? JOURNAL : SYSLOG, SOCK_DGRAM);
    gboolean stream = fd < 0 && errno == EPROTOTYPE && !journal;
    if (stream)
        fd = connect_to(SYSLOG, SOCK_STREAM);
    /* The old one stays where a new one can't be had: a sandbox forbids to connect what has its
     * number, which a connection to the server would get next. */
    if (fd < 0)
        return;
    log_socket_close(to);
    *to = (LogSocket){.fd = fd, .journal = journal, .stream = stream};
}

void log_socket_close(LogSocket *to)
{
    if (to->fd >= 0)
        close(to->fd);
    to->fd = -1;
}

static gboolean send_text(const LogSocket *to, const char *text, gsize length)
{
    gssize sent;
    do {
        sent = send(to->fd, text, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (gssize)length;
}

/* KEY=value, or KEY, the length in 8 bytes and the value, where that has several lines. */
static void add_field(GString *text, const char *key, const char *value, gsize length)
{
    if (memchr(value, '\n', length) == NULL) {
        g_string_append_printf(text, "%s=", key);
    } else {
        guint64 bytes = GUINT64_TO_LE((guint64)length);
        g_string_append_printf(text, "%s\n", key);
        g_string_append_len(text, (const char *)&bytes, sizeof bytes);
    }
    g_string_append_len(text, value, (gssize)length);
    g_string_append_c(text, '\n');
}

gboolean log_socket_fields(const LogSocket *to, const GLogField *fields, gsize count)
{
    if (to->fd < 0 || !to->journal)
        return FALSE;
    g_autoptr(GString) text = g_string_new(NULL);
    for (gsize i = 0; i < count; i++)
        add_field(text, fields[i].key, fields[i].value,
                  fields[i].length < 0 ? strlen(fields[i].value) : (gsize)fields[i].length);
    return send_text(to, text->str, text->len);
}

gboolean log_socket_line(LogSocket *to, int priority, const char *line)
{
    char date[32] = "";
    struct tm now;
    time_t seconds = time(NULL);
    if (localtime_r(&seconds, &now) != NULL)
        strftime(date, sizeof date, "%b %e %T ", &now);
    g_autofree char *text =
        g_strdup_printf("<%d>%sftpsfs[%ld]: %s", priority | LOG_DAEMON, date, (long)getpid(), line);
    gsize length = strlen(text) + (to->stream ? 1 : 0);
    if (to->fd >= 0 && !to->journal && send_text(to, text, length))
        return TRUE;
    /* A daemon that was started anew has another socket of that name. */
    log_socket_connect(to, FALSE);
    return to->fd >= 0 && send_text(to, text, length);
}
