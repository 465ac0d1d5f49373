/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drain_watchdog - ends the last uploads of an unmount when nothing gets through any more.
 *
 * Each wait for the server has its own deadline. But with a silent server and many files, one
 * deadline after the other would hold an unmount for hours. After drain_watchdog_begin, when
 * nothing has got through for two timeouts, its cancellable is cancelled. What is left is kept
 * locally. Thread-safe; its lock is LOCK_RANK_DRAIN_WATCHDOG.
 */
#ifndef FTPSFS_SRC_CACHE_FILE_DRAIN_WATCHDOG_H
#define FTPSFS_SRC_CACHE_FILE_DRAIN_WATCHDOG_H

#include <gio/gio.h>

#include "ftpsfs/util/stats.h"

typedef struct DrainWatchdog DrainWatchdog;

/* `stats` outlives it: its bytes_out tells whether something gets through. */
DrainWatchdog *drain_watchdog_new(const Stats *stats, guint timeout_s);

/* Ends the watch. NULL is fine. */
void drain_watchdog_free(DrainWatchdog *watchdog);

/* The clock runs from the first call on. Any thread. */
void drain_watchdog_begin(DrainWatchdog *watchdog);

/* Nothing is waited for any more: cancels at once. Any thread. */
void drain_watchdog_give_up(DrainWatchdog *watchdog);

/* A file is done with. Any thread. */
void drain_watchdog_note_progress(DrainWatchdog *watchdog);

/* For whatever is done for a file that nobody has open; borrowed. */
GCancellable *drain_watchdog_cancellable(const DrainWatchdog *watchdog);

#endif
