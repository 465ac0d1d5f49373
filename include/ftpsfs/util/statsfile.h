/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statsfile - what a mount does at its user's two signals: more detail in the log at SIGUSR1; the
 * counters at SIGUSR2 in the log and, with `-o stats=FILE`, as JSON in that
 * file, which is written at the start and at the end too.
 *
 * The file is opened before the process gives up its privileges and stays open: its directory can't
 * be reached any more then.
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

/* Opens the file; `path` may be NULL. FTPSFS_ERROR_CONFIG, as own_file_open. */
StatsFile *statsfile_open(const char *path, GError **error);

/* Begins. `stats` outlives it. */
void statsfile_start(StatsFile *file, const Stats *stats);

/* Writes the file a last time, ends the thread and frees. NULL is fine. */
void statsfile_stop(StatsFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StatsFile, statsfile_stop)

#endif
