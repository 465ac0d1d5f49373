/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers - the threads that background work runs on: read-ahead, uploads, prefetch.
 *
 * One Workers a mount. Tasks run in no particular order and must end by themselves. Thread-safe.
 */
#ifndef FTPSFS_UTIL_WORKERS_H
#define FTPSFS_UTIL_WORKERS_H

#include <glib.h>

typedef struct Workers Workers;
typedef void (*WorkerFunc)(gpointer data);

/* At most `threads` tasks run at once; others wait their turn. */
Workers *workers_new(guint threads);

/* Waits for all tasks that were given, then frees. */
void workers_free(Workers *workers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Workers, workers_free)

void workers_run(Workers *workers, WorkerFunc func, gpointer data);

#endif
