/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log - where messages go. The only global mutable state of the program.
 *
 * Code logs with g_warning, g_message, g_info and g_debug; G_LOG_DOMAIN is "ftpsfs". Messages go to
 * the systemd journal when stderr is one, with their fields; else to stderr, and from log_to_system
 * on to syslog. What is said again within half a minute is counted instead, and the count is said
 * later; a trace (debug) is not folded. Secrets are never passed to a log call.
 *
 * Warnings, and what log_failure says, are kept for the status view, the last few of them.
 *
 * One mutex guards all of it. It is not one of lock.h, which says why.
 */
#ifndef FTPSFS_UTIL_LOG_H
#define FTPSFS_UTIL_LOG_H

#include <glib.h>

/* Installs the writer: messages down to `level` (G_LOG_LEVEL_CRITICAL, _WARNING, _MESSAGE, _INFO or
 * _DEBUG) go to stderr as "ftpsfs: text". Call once, first. */
void log_init(GLogLevelFlags level);

/* Changes the level. Safe from any thread. */
void log_set_level(GLogLevelFlags level);

/* One step more of detail: message, info, debug, and message again; says so. */
void log_raise(void);

/* A word that goes with every message to the journal, as FTPSFS_MOUNT: the mountpoint. */
void log_set_mount(const char *mountpoint);

/* Connects to what messages will go to, before a sandbox forbids that: with `system` to syslog,
 * unless they go to the journal. The socket's descriptor, or -1. */
int log_connect(gboolean system);

/* In a new process, whose descriptors are closed: messages go to stderr. */
void log_leave(void);

/* From here on messages go to syslog, unless they go to the journal. Called when the daemon goes to
 * the background. */
void log_to_system(void);

/* Says what is still being counted. Called at the end. */
void log_flush(void);

/* Logs that an operation on `path` (may be NULL) failed for a program, as a message, or for debug
 * alone when `ordinary`. `code`: the errno's name. */
void log_failure(gboolean ordinary, const char *path, const char *code, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* One of the last things that went wrong. */
typedef struct {
    gint64 time; /* of the last time, microseconds since 1970 */
    guint times; /* how often in a row */
    char *path;  /* NULL where the message alone says it */
    char *code;  /* "EIO"; NULL: a warning */
    char *message;
} LogRecent;

/* The last of them, LogRecent *, the oldest first; the array frees them. */
GPtrArray *log_recent(void);

#endif
