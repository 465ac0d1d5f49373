/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock - the mutexes of the program, and the one order in which they are taken.
 *
 * LockRank is that order. Whoever holds a lock takes only locks of ranks further down in the list.
 * No thread holds two locks of one rank. Locks may be released in any order. Other headers name the
 * rank of their lock and say nothing else about the order.
 *
 * Two more rules hold for all of them. A thread that waits on a condition holds the lock of that
 * condition and no other. A thread that waits for the network holds none.
 *
 * Builds with FTPSFS_CHECK_LOCKS (meson sets it for debug builds) check the order and both rules:
 * each thread notes what it holds, and the program aborts at the first step that breaks a rule. So
 * a possible deadlock shows the first time that its code runs, not when two threads meet in it.
 *
 * The claims of files (File.busy) and the locks on paths (WritebackPathLock) are no Locks: they are
 * notes that last for a whole exchange with the server, and nobody who waits for one holds a Lock.
 * A thread claims the files it needs in the order of their addresses, and locks paths after that.
 *
 * The logger's mutex is no Lock either. Every module logs, and so does the check when it finds a
 * broken rule. The logger's mutex comes after all ranks, and nothing is called with it held.
 */
#ifndef FTPSFS_UTIL_LOCK_H
#define FTPSFS_UTIL_LOCK_H

#include <glib.h>

/* The module whose lock it is, and what it guards. */
typedef enum {
    LOCK_RANK_SIGNALS,        /* signals.c: the phase, and the Files that a signal ends */
    LOCK_RANK_PROGRESS,       /* progress.c: whether the bar is over */
    LOCK_RANK_INTERRUPTS,     /* fs/interrupts: which operation has which cancellable */
    LOCK_RANK_FS,             /* fs: the table of directory handles */
    LOCK_RANK_HANDLE,         /* fs/fs_directories: the entries of one directory handle */
    LOCK_RANK_CONTROL,        /* fs/control: who uses what the answers are made from */
    LOCK_RANK_DRAIN_WATCHDOG, /* cache/file/drain_watchdog: its count, and its thread */
    LOCK_RANK_FILES,          /* cache/file: the table of Files, and the counts of handles */
    LOCK_RANK_FILE,           /* cache/file: one File, its spool included */
    LOCK_RANK_WRITEBACK,      /* cache/writeback: the pending items and the path locks */
    LOCK_RANK_CLEANUP,        /* cache/temporary/temporary_cleanup: names that are to be removed */
    LOCK_RANK_PREFETCH,       /* cache/read/prefetch: its jobs */
    LOCK_RANK_READER,         /* cache/read/reader: one file's streams, and who waits for them */
    LOCK_RANK_TREE,           /* cache/tree: every field of every Node */
    LOCK_RANK_JOURNAL,        /* cache/writeback/journal: the file, and how much of it is durable */
    LOCK_RANK_SPACE,          /* cache/spool/space: how much of the disk is used */
    LOCK_RANK_DISK_CACHE,     /* cache/read/disk: how much of the disk is used */
    LOCK_RANK_CHUNKS,         /* cache/read/chunks: the cached content */
    LOCK_RANK_BUFFERS,        /* cache/read/chunks: the memory that the content lies in */
    LOCK_RANK_POOL,           /* ftp/pool: the connections, and who waits for one */
    LOCK_RANK_TICKET,         /* ftp/session: the TLS session ticket */
    LOCK_RANK_LOOKUP,         /* ftp/transfer/dial: the answer to one look-up of a name */
    LOCK_RANK_ACTIVITY,       /* ftp/session/activity: what one connection is doing */
    LOCK_RANK_CLOCK,          /* ftp/listing/server_clock: the server's time and zone */
    LOCK_RANK_OWNERS,         /* util/process/owners: names of users and groups */
    LOCK_RANKS
} LockRank;

typedef struct {
    GMutex mutex;
    LockRank rank;
} Lock;

void lock_init(Lock *lock, LockRank rank);

/* Nobody holds it or waits for it. */
void lock_clear(Lock *lock);

/* Both by the same thread. */
void lock_take(Lock *lock);
void lock_release(Lock *lock);

/* Waits on `cond` with `lock` held, which is released meanwhile. Spurious wake-ups happen: callers
 * loop on their own condition. What can be cancelled is waited for with wait.h instead. */
void lock_wait(GCond *cond, Lock *lock);

/* The same until `deadline` (monotonic microseconds) at most. FALSE when that has passed. */
gboolean lock_wait_until(GCond *cond, Lock *lock, gint64 deadline);

/* The thread is about to wait for `what`, which may take long: it must hold no lock. */
void lock_check_none(const char *what);

/* Holds a lock to the end of the scope:
 *     g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&tree->lock); */
typedef Lock LockHolder;

static inline LockHolder *lock_hold(Lock *lock)
{
    lock_take(lock);
    return lock;
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LockHolder, lock_release)

#endif
