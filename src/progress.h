/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress - the bar of the uploads that are waited for, on standard error: in place on a terminal,
 * else a line when it changes.
 *
 * A Bar belongs to one thread. A Progress has a thread of its own that draws; its lock
 * (LOCK_RANK_PROGRESS) guards only the word to end.
 */
#ifndef FTPSFS_SRC_PROGRESS_H
#define FTPSFS_SRC_PROGRESS_H

#include "ftpsfs/fs/control.h"
#include "status.h"

/* How long a bar stays as it is. */
#define PROGRESS_MS 200

/* All zeros before the first call. */
typedef struct {
    StatusWork work;
    char *shown; /* the line; NULL: none yet */
} Bar;

/* Draws what the answer to "status" says of uploads, if that is news. */
void progress_bar_draw(Bar *bar, const Records *status);

/* Takes it away from the terminal and frees what it holds. */
void progress_bar_clear(Bar *bar);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bar, progress_bar_clear)

typedef struct Progress Progress;

/* Draws a bar of the mount's own uploads until progress_stop, for somebody who has pressed ^C and
 * waits. NULL when there is nothing to ask (`control` is NULL) or nobody looks: standard error is
 * no terminal. The control outlives it. */
Progress *progress_start(Control *control);
void progress_stop(Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_stop)

#endif
