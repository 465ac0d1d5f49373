/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log_socket - the log's way to the journal or to syslog: in place of g_log_writer_journald() and
 * syslog(3), which open a socket when they like.
 *
 * A process that may send datagrams to any path can talk to much of what root runs. So the one
 * socket is connected before the sandbox, which keeps it connected there. The journal's and
 * systemd's syslog socket live as long as the machine does; a syslog daemon without systemd that is
 * started anew is reached again by the next mount alone.
 *
 * A part of the logger, whose lock guards it.
 */
#ifndef FTPSFS_SRC_UTIL_LOG_SOCKET_H
#define FTPSFS_SRC_UTIL_LOG_SOCKET_H

#include <glib.h>

typedef struct {
    int fd; /* -1: none */
    gboolean journal;
    gboolean stream; /* of syslog: each line ends with NUL */
} LogSocket;

/* Connects to the journal, or to syslog, in place of what it was connected to. Where there is none
 * that stays, or `to->fd` is -1. */
void log_socket_connect(LogSocket *to, gboolean journal);
void log_socket_close(LogSocket *to);

/* Sends an entry to the journal. FALSE when it can't be. */
gboolean log_socket_fields(const LogSocket *to, const GLogField *fields, gsize count);

/* Sends a line to syslog. `priority`: LOG_ERR and so on. FALSE when it can't be. */
gboolean log_socket_line(LogSocket *to, int priority, const char *line);

#endif
