/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/own_file.h"
#include "ftpsfs/util/plain.h"

struct Trace {
    int fd;
    gint failed; /* atomic: it has been said that the file can't be written */
};

Trace *trace_open(const char *path, GError **error)
{
    int fd = own_file_open("trace", path, O_WRONLY | O_APPEND, error);
    if (fd < 0)
        return NULL;
    Trace *trace = g_new0(Trace, 1);
    trace->fd = fd;
    return trace;
}

void trace_free(Trace *trace)
{
    if (trace == NULL)
        return;
    close(trace->fd);
    g_free(trace);
}

void trace_line(Trace *trace, guint session, char speaker, const char *text)
{
    if (trace == NULL)
        return;
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *plain = plain_text(text);
    g_autofree char *line = g_strdup_printf(
        "%s.%06d #%u %c %s\n", time, g_date_time_get_microsecond(now), session, speaker, plain);
    gsize length = strlen(line);
    /* O_APPEND keeps lines of several threads apart. */
    if (write(trace->fd, line, length) != (ssize_t)length &&
        g_atomic_int_compare_and_exchange(&trace->failed, FALSE, TRUE))
        g_warning("the protocol trace has gaps, as it can't be written: %s; make room for it",
                  g_strerror(errno));
}
