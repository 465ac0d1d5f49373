/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Pool, shared by pool.c (leasing) and keeper.c (what happens to idle sessions).
 */
#ifndef FTPSFS_SRC_FTP_POOL_PRIVATE_H
#define FTPSFS_SRC_FTP_POOL_PRIVATE_H

#include "ftpsfs/ftp/pool.h"

/* After the server has refused one more connection, seconds until the next try. */
#define POOL_LIMIT_RETRY_S 60

/* A holder is not asked for its session before it had it for so long. */
#define POOL_HOLD_MIN_MS 200

/* Somebody in pool_lease; lives on its stack. */
typedef struct {
    Pool *pool;
    GCond cond;
    Session *session; /* handed over to it */
} Waiter;

struct Lease {
    Pool *pool;
    Session *session;
    gboolean for_data;
    /* Of holders; guarded by the pool's lock: */
    GCancellable *yield;
    gboolean asked;
    gint64 held_since; /* monotonic microseconds */
    gint64 last_use;
};

struct Pool {
    SessionContext *context;
    GMutex lock;          /* guards what follows */
    GQueue idle;          /* Session *, the most recently used first */
    GQueue waiters;       /* Waiter *, first come first */
    GQueue holders;       /* Lease * with yield set */
    guint total;          /* sessions idle, leased or being opened */
    guint ceiling;        /* as many at most */
    gint64 ceiling_until; /* a lowered ceiling is tried again after */
    gboolean learned;     /* the server's features are known */
    GError *down;         /* why the server can't be reached, while no session exists */
    guint probe_delay_s;
    gint64 probe_at;
    /* The keeper's: */
    GThread *thread;
    int wake_fd;
    gboolean stopping;
};

/* keeper.c */
void keeper_start(Pool *pool);
void keeper_stop(Pool *pool);
void keeper_wake(Pool *pool);

/* With the lock held: reads what came on the idle session of `link`, goes on with its data port.
 * FALSE when it was dead and has been removed. */
gboolean pool_check_idle(Pool *pool, GList *link);

/* With the lock held: frees a session that is in no list any more and uncounts it. */
void pool_forget_session(Pool *pool, Session *session);

#endif
