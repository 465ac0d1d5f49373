/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statsfile - what a mount does at its user's two signals: more detail in the log at SIGUSR1; the
 * counters at SIGUSR2 in the log and, with `-o stats=FILE`, as JSON in that
 * file, which is written once more at the end.
 *
 * Runs a thread of its own, which waits for the signal; statsfile_block has to be called before any
 * other thread exists.
 */
#ifndef FTPSFS_UTIL_STATSFILE_H
#define FTPSFS_UTIL_STATSFILE_H

#include "ftpsfs/util/stats.h"

typedef struct StatsFile StatsFile;

/* Blocks both signals in the calling thread and those that it makes. */
void statsfile_block(void);

/* `stats` outlives it; `path` may be NULL. */
StatsFile *statsfile_start(const Stats *stats, const char *path);

/* Writes the file a last time, ends the thread and frees. NULL is fine. */
void statsfile_stop(StatsFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StatsFile, statsfile_stop)

#endif
