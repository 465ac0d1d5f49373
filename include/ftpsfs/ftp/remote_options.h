/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remote_options - how a mount reaches its server and what it may do there: constant from
 * remote_new on. The strings belong to the Remote, which copies them.
 */
#ifndef FTPSFS_FTP_REMOTE_OPTIONS_H
#define FTPSFS_FTP_REMOTE_OPTIONS_H

#include <gio/gio.h>

#include "ftpsfs/util/secret.h"
#include "ftpsfs/util/trace.h"

/* Strings may be NULL where the comment says so; all are copied. */
typedef struct {
    const char *host;
    guint16 port;
    gboolean explicit_tls; /* AUTH TLS (RFC 4217) instead of TLS from the first byte */
    const char *user;
    Secret *password;                  /* referenced */
    Secret *account;                   /* for ACCT, referenced; NULL */
    const char *virtual_host;          /* for HOST; NULL: none is sent */
    const char *directory;             /* where the mount starts; NULL or "": the login directory */
    gboolean active;                   /* the server makes the data connections (EPRT, PORT), */
    guint16 active_first, active_last; /* to a port from the one to the other; 0: any */
    gboolean compress;                 /* MODE Z for what is read, if it can */
    guint connections;                 /* at most this many control connections */
    guint timeout_s;                   /* without progress */
    guint keepalive_s;                 /* NOOP on idle connections after; 0: never */
    guint idle_timeout_s;              /* idle connections but one are closed after; 0: never */
    const char *codepage;              /* NULL: UTF-8 */
    GTimeZone *time_zone;              /* of LIST's times, referenced; NULL: learned */
    const char *const *init_commands;  /* sent after login; NULL */
    Trace *trace;                      /* outlives the Remote; NULL: none */
} RemoteOptions;

#endif
