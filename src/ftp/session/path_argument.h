/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path_argument - how a path is written in a command: the one place where paths become arguments.
 *
 * Most servers take the path as it is. Those of systems whose names have no slashes (VMS, MVS) take
 * single names: there "/" stands for the login directory, and a path is addressed by entering its
 * directory, step by step from there, and then by the bare name (FEATURE_PATHS is NO). A session
 * remembers where it is, so that neighbouring operations enter nothing.
 *
 * All functions work on a Session that the caller has leased; no state of their own, no lock.
 * Arguments that are returned point into `path` and live as long.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_PATH_ARGUMENT_H
#define FTPSFS_SRC_FTP_SESSION_PATH_ARGUMENT_H

#include "session.h"

/* Whether the server is addressed by CWD and bare names. */
gboolean path_argument_is_relative(const Session *session);

/* Whether the login directory is one of VMS, "DISK$USER:[SMITH]"; or one of MVS, "'SMITH.'". */
gboolean path_argument_is_vms(const Session *session);
gboolean path_argument_is_mvs(const Session *session);

/* Whether the text of PWD, which begins with no slash, is an absolute name in some system's way:
 * only then CWD leads back to it from anywhere. */
gboolean path_argument_is_absolute(const char *directory);

/* The argument by which a command names `path`; the session has to be in its directory, where it is
 * addressed by CWD. */
const char *path_argument_name(const Session *session, const char *path);

/* Goes where a command can name `path`; returns path_argument_name. NULL on failure:
 * FTPSFS_ERROR_NOT_FOUND or what the server's words mean when a directory on the way can't be
 * entered; FTPSFS_ERROR_INVALID when a name would mean something else to the server. */
const char *path_argument_enter(Session *session, const char *path, GCancellable *cancel,
                                GError **error);

/* The same for a command on the directory `path` itself, as LIST and AVBL are; *argument is NULL
 * where it is in the session's directory then. */
gboolean path_argument_enter_directory(Session *session, const char *path, const char **argument,
                                       GCancellable *cancel, GError **error);

/* MKD or RMD of `path`, in whichever way the server names a subdirectory; its final reply. */
Reply *path_argument_directory_command(Session *session, const char *verb, const char *path,
                                       GCancellable *cancel, GError **error);

/* Something was renamed or removed that may have been a directory: sessions that are below it have
 * to enter anew. */
void path_argument_note_moved(Session *session);

/* Whether `a` and `b` can be named by one command (RNFR, RNTO): always, or when both are in the
 * same directory. */
gboolean path_argument_is_together(const Session *session, const char *a, const char *b);

#endif
