/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/log.h"

#include <stdio.h>
#include <syslog.h>

/* The logger is the one thing that has to be reachable from everywhere, GLib's own messages
 * included, so its state is global: an atomic level, and where to write. */
static gint log_level = G_LOG_LEVEL_MESSAGE;
static gint log_system = FALSE;

static int syslog_priority(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return LOG_ERR;
    if (level & G_LOG_LEVEL_WARNING)
        return LOG_WARNING;
    if (level & G_LOG_LEVEL_MESSAGE)
        return LOG_NOTICE;
    return (level & G_LOG_LEVEL_INFO) ? LOG_INFO : LOG_DEBUG;
}

static const char *field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++)
        if (g_str_equal(fields[i].key, key) && fields[i].length == -1)
            return fields[i].value;
    return NULL;
}

static GLogWriterOutput log_write(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                  gpointer data)
{
    (void)data;
    if ((gint)(level & G_LOG_LEVEL_MASK) > g_atomic_int_get(&log_level))
        return G_LOG_WRITER_HANDLED;
    const char *message = field(fields, n_fields, "MESSAGE");
    if (message == NULL)
        message = "(no message)";
    if (!g_atomic_int_get(&log_system)) {
        const char *prefix = (level & G_LOG_LEVEL_WARNING) ? "warning: " : "";
        if (g_atomic_int_get(&log_level) >= G_LOG_LEVEL_DEBUG) /* a trace needs times */
            fprintf(stderr, "%.3f ", (double)g_get_monotonic_time() / G_USEC_PER_SEC);
        fprintf(stderr, "ftpsfs: %s%s\n", prefix, message);
        return G_LOG_WRITER_HANDLED;
    }
    if (g_log_writer_is_journald(fileno(stderr)) &&
        g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    syslog(syslog_priority(level), "%s", message);
    return G_LOG_WRITER_HANDLED;
}

void log_init(GLogLevelFlags level)
{
    log_set_level(level);
    g_log_set_writer_func(log_write, NULL, NULL);
}

void log_set_level(GLogLevelFlags level)
{
    g_atomic_int_set(&log_level, (gint)level);
}

void log_to_system(void)
{
    openlog("ftpsfs", LOG_PID, LOG_DAEMON);
    g_atomic_int_set(&log_system, TRUE);
}
