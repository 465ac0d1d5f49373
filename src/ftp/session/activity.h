/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * activity - what a control connection is doing now, for the status view. Private to ftp/.
 *
 * An Activity is part of its Session. The thread that uses the session tells it what it does; any
 * thread may look, as long as something keeps the session (the pool's lock does). Its own lock
 * (LOCK_RANK_ACTIVITY) guards the texts; positions are atomic.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_ACTIVITY_H
#define FTPSFS_SRC_FTP_SESSION_ACTIVITY_H

#include "ftpsfs/ftp/session_snapshot.h"
#include "ftpsfs/util/lock.h"

typedef struct {
    Lock lock;         /* guards verb, path, since, transfer */
    char *verb;        /* of the latest command of whoever uses the session; NULL: none yet */
    char *path;        /* its argument; NULL */
    gint64 since;      /* monotonic microseconds when it was sent */
    gboolean transfer; /* a data connection is open, for `verb` */
    gsize first;       /* where in the file the transfer began; atomic like those that follow */
    gsize moved;       /* bytes that it has moved */
    gsize total;       /* the file's size; 0: unknown */
} Activity;

void activity_init(Activity *activity);
void activity_clear(Activity *activity);

/* A command was sent. Ignored while a transfer is under way: the commands that go on beside it are
 * not what the session is there for. */
void activity_command(Activity *activity, const char *verb, const char *argument);

/* The command's data connection is open; it begins at byte `first` of a file of `total` bytes (0:
 * unknown). */
void activity_begin_transfer(Activity *activity, guint64 first, guint64 total);

/* It turns out that the file has so many bytes, and `path` (NULL: the command's argument) as the
 * name to show: it may be stored under a hidden one. */
void activity_expect(Activity *activity, const char *path, guint64 total);
void activity_advance(Activity *activity, gsize bytes);
void activity_end_transfer(Activity *activity);

/* Copies what it says into `into`, whose texts are to be freed. */
void activity_snapshot(Activity *activity, SessionSnapshot *into);

#endif
