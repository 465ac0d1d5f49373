/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/util: what every layer needs and no library has: errors, locks, waits, the log, files that
 * are this user's own, texts for people, counters. Uses GLib and GnuTLS alone.
 *
 * error - the one GError domain used below the FUSE layer.
 *
 * A code says what went wrong in terms of the file system or the connection. What follows from it
 * (errno, refusal, passing, ...) stands in one table in error.c. The message says what happened, to
 * which path or host, in words for a person. There is no state here and so no lock.
 */
#ifndef FTPSFS_UTIL_ERROR_H
#define FTPSFS_UTIL_ERROR_H

#include <glib.h>

#define FTPSFS_ERROR (ftpsfs_error_quark())
GQuark ftpsfs_error_quark(void);

typedef enum {
    FTPSFS_ERROR_IO,            /* anything without a better name: EIO */
    FTPSFS_ERROR_NOT_FOUND,     /* ENOENT */
    FTPSFS_ERROR_EXISTS,        /* EEXIST */
    FTPSFS_ERROR_ACCESS,        /* EACCES */
    FTPSFS_ERROR_NOT_EMPTY,     /* ENOTEMPTY */
    FTPSFS_ERROR_NOT_DIR,       /* ENOTDIR */
    FTPSFS_ERROR_IS_DIR,        /* EISDIR */
    FTPSFS_ERROR_NO_SPACE,      /* ENOSPC: 452, 552, or the local spool is full */
    FTPSFS_ERROR_TOO_BIG,       /* EFBIG: more than a file can have */
    FTPSFS_ERROR_UNSUPPORTED,   /* EOPNOTSUPP: the server has no command for this */
    FTPSFS_ERROR_NAME,          /* EILSEQ: a name that FTP can't carry (CR, LF, not in codepage) */
    FTPSFS_ERROR_NAME_TOO_LONG, /* ENAMETOOLONG */
    FTPSFS_ERROR_INVALID,       /* EINVAL */
    FTPSFS_ERROR_STALE,         /* ESTALE: the node no longer exists on the server */
    FTPSFS_ERROR_CROSS,         /* EXDEV: the server can't rename to another directory */
    FTPSFS_ERROR_READ_ONLY,     /* EROFS */
    FTPSFS_ERROR_OUTSIDE,       /* EPERM: a symbolic link that leads out of the mount */
    FTPSFS_ERROR_BUSY,          /* EBUSY: 450, file in use */
    FTPSFS_ERROR_INTERRUPTED,   /* EINTR: the caller's GCancellable was cancelled */
    FTPSFS_ERROR_TIMEOUT,       /* ETIMEDOUT: a deadline passed without progress */
    FTPSFS_ERROR_LOST,          /* EIO: connection closed or reset; may be retried on a new one */
    FTPSFS_ERROR_TRUNCATED,     /* EIO: data connection ended without close_notify */
    FTPSFS_ERROR_PROTOCOL,      /* EIO: the server broke the protocol; the connection is dropped */
    FTPSFS_ERROR_CONNECT,       /* EIO: name resolution or TCP connect failed */
    FTPSFS_ERROR_TLS,           /* EIO: handshake or certificate verification failed */
    FTPSFS_ERROR_LOGIN,         /* EACCES: the server refused user or password */
    FTPSFS_ERROR_LOGGED_OUT,    /* EACCES: "530 please log in" long after the login; as LOST */
    FTPSFS_ERROR_LIMIT,         /* EIO: the server takes no more connections (421, 530 too many) */
    FTPSFS_ERROR_CONFIG,        /* command line or configuration: never reaches FUSE */
} FtpsfsErrorCode;

/* What can be concluded from an error. A code may be in several classes; error.c has the table. */
typedef enum {
    /* Programs meet it every day and handle it themselves: not worth a line in the log. */
    FTPSFS_ERROR_CLASS_ORDINARY = 1 << 0,
    /* The server, or a check in its place, has said no: nothing was changed by the attempt. */
    FTPSFS_ERROR_CLASS_REFUSAL = 1 << 1,
    /* The connection is unusable now; the operation may be tried again on another one. */
    FTPSFS_ERROR_CLASS_CONNECTION = 1 << 2,
    /* ... and that has a point even after two connections: it costs no timeout and no login. */
    FTPSFS_ERROR_CLASS_REPEATABLE = 1 << 3,
    /* There is no connection to be had now; that may pass by itself. All of CONNECTION are in it.
     */
    FTPSFS_ERROR_CLASS_OUTAGE = 1 << 4,
    /* A later attempt may end differently: the outages, and what an administrator mends. */
    FTPSFS_ERROR_CLASS_PASSING = 1 << 5,
} FtpsfsErrorClass;

/* Whether `error` (may be NULL: FALSE) is in one of `classes`. */
gboolean ftpsfs_error_has(const GError *error, FtpsfsErrorClass classes);

/* The errno that a system call fails with because of `error`: EIO for those of other domains. */
int ftpsfs_error_errno(const GError *error);

/* Hands `failure` (taken, not NULL) on as an error of `code`: who knows more than who made it says
 * what it is. */
void ftpsfs_error_propagate_as(GError **error, GError *failure, FtpsfsErrorCode code);

/* Shorthand for g_error_matches (error, FTPSFS_ERROR, code). */
gboolean ftpsfs_error_is(const GError *error, FtpsfsErrorCode code);

#endif
