/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/lock.h"

/* ---- what this thread holds ---- */

#ifdef FTPSFS_CHECK_LOCKS

static const char *const names[] = {
    [LOCK_RANK_SIGNALS] = "signals",
    [LOCK_RANK_PROGRESS] = "progress",
    [LOCK_RANK_INTERRUPTS] = "interrupts",
    [LOCK_RANK_FS] = "fs",
    [LOCK_RANK_HANDLE] = "handle",
    [LOCK_RANK_CONTROL] = "control",
    [LOCK_RANK_DRAIN_WATCHDOG] = "drain watchdog",
    [LOCK_RANK_FILES] = "files",
    [LOCK_RANK_FILE] = "file",
    [LOCK_RANK_WRITEBACK] = "writeback",
    [LOCK_RANK_PREFETCH] = "prefetch",
    [LOCK_RANK_READER] = "reader",
    [LOCK_RANK_TREE] = "tree",
    [LOCK_RANK_JOURNAL] = "journal",
    [LOCK_RANK_SPACE] = "space",
    [LOCK_RANK_CLEANUP] = "temporary cleanup",
    [LOCK_RANK_DISK_CACHE] = "disk cache",
    [LOCK_RANK_CHUNKS] = "chunks",
    [LOCK_RANK_BUFFERS] = "buffers",
    [LOCK_RANK_POOL] = "pool",
    [LOCK_RANK_TICKET] = "ticket",
    [LOCK_RANK_LOOKUP] = "lookup",
    [LOCK_RANK_ACTIVITY] = "activity",
    [LOCK_RANK_CLOCK] = "clock",
    [LOCK_RANK_OWNERS] = "owners",
};
G_STATIC_ASSERT(G_N_ELEMENTS(names) == LOCK_RANKS);

/* One of each rank at most. */
static _Thread_local const Lock *held[LOCK_RANKS];
static _Thread_local guint n_held;

static void check_take(const Lock *lock)
{
    for (guint i = 0; i < n_held; i++)
        if (held[i]->rank >= lock->rank)
            g_error("lock order: %s is taken while %s is held; see ftpsfs/util/lock.h",
                    names[lock->rank], names[held[i]->rank]);
    held[n_held++] = lock;
}

static void check_release(const Lock *lock)
{
    guint i = 0;
    while (i < n_held && held[i] != lock)
        i++;
    if (i == n_held)
        g_error("lock order: %s is released by a thread that does not hold it", names[lock->rank]);
    for (n_held--; i < n_held; i++)
        held[i] = held[i + 1];
}

static void check_wait(const Lock *lock)
{
    for (guint i = 0; i < n_held; i++)
        if (held[i] != lock)
            g_error("lock order: %s is held by a thread that waits on a condition of %s",
                    names[held[i]->rank], names[lock->rank]);
}

void lock_check_none(const char *what)
{
    if (n_held > 0)
        g_error("lock order: %s is held by a thread that waits for %s", names[held[0]->rank], what);
}

#else

static void check_take(const Lock *lock)
{
    (void)lock;
}

static void check_release(const Lock *lock)
{
    (void)lock;
}

static void check_wait(const Lock *lock)
{
    (void)lock;
}

void lock_check_none(const char *what)
{
    (void)what;
}

#endif

/* ---- the locks ---- */

void lock_init(Lock *lock, LockRank rank)
{
    g_mutex_init(&lock->mutex);
    lock->rank = rank;
}

void lock_clear(Lock *lock)
{
    g_mutex_clear(&lock->mutex);
}

void lock_take(Lock *lock)
{
    check_take(lock);
    g_mutex_lock(&lock->mutex);
}

void lock_release(Lock *lock)
{
    check_release(lock);
    g_mutex_unlock(&lock->mutex);
}

void lock_wait(GCond *cond, Lock *lock)
{
    check_wait(lock);
    g_cond_wait(cond, &lock->mutex);
}

gboolean lock_wait_until(GCond *cond, Lock *lock, gint64 deadline)
{
    check_wait(lock);
    return g_cond_wait_until(cond, &lock->mutex, deadline);
}
