/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Pool, shared by pool.c (who gets a session), pool_lease.c (what is done
 * with a lease), pool_open.c (one connection more), pool_outage.c (a server that is out of reach)
 * and pool_keepalive.c (what happens to idle sessions).
 */
#ifndef FTPSFS_SRC_FTP_POOL_POOL_PRIVATE_H
#define FTPSFS_SRC_FTP_POOL_POOL_PRIVATE_H

#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"
#include "pool.h"

/* After the server has refused one more connection, seconds until the next try. */
#define POOL_LIMIT_RETRY_S 60

/* A holder keeps its session at least for this time before it is asked to give it back. */
#define POOL_HOLD_MIN_MS 200

/* So many others go before one who waits for a session to move a file's content on. */
#define POOL_PASSES_MAX 8

/* Between tries to reach a server: the first pause and the longest, in milliseconds. */
#define POOL_PAUSE_MIN_MS 100
#define POOL_PAUSE_MAX_MS 3000

/* Somebody in pool_lease; lives on its stack. */
typedef struct {
    Pool *pool;
    GCond cond;
    Wait wait;
    LeaseWant want;
    guint passed;     /* others who came later and went first */
    gboolean refused; /* the server takes no more connections */
    gboolean opening; /* a connection of its own */
    Session *session; /* handed over to it */
} Waiter;

struct Lease {
    Pool *pool;
    Session *session;
    LeaseWant want;
    gint64 since; /* monotonic microseconds when it began */
    GList link;   /* in the pool's leases */
    /* Of holders; guarded by the pool's lock: */
    GCancellable *yield;
    gboolean asked;
    gint64 yieldable_since; /* monotonic microseconds */
    gint64 last_use;
};

struct Pool {
    SessionContext *context;
    Lock lock;            /* guards what follows */
    GQueue idle;          /* Session *, the most recently used first */
    GQueue waiters;       /* Waiter *, first come first */
    GQueue holders;       /* Lease * with yield set */
    GQueue leases;        /* Lease *, all that are out */
    guint total;          /* sessions idle, leased or being opened */
    guint opening;        /* those that waiters are opening */
    guint shortage;       /* grows with leases for data that found no data port ready */
    gboolean growing;     /* one more session is being opened in the background */
    GThreadPool *grower;  /* which does that */
    guint ceiling;        /* as many at most */
    gint64 ceiling_until; /* a lowered ceiling is tried again after */
    guint connecting;     /* how many are being opened, by whomever */
    char *refusal;        /* why the ceiling was lowered, until that is logged */
    gboolean learned;     /* the server's features are known */
    GError *down;         /* why the server can't be reached, while no session exists */
    gint64 outage_until;  /* an outage counts as down from then on; 0: there is none */
    gint64 failed_at;     /* of the last connect */
    guint pause_ms;       /* before the next */
    gint64 retry_at;
    guint probe_delay_s;
    gint64 probe_at;
    guint probing; /* 1 while the keep-alive's probe is under way, which counts in `total` */
    gint64 slept;  /* how long the machine was suspended since it was booted, microseconds */
    /* Cancelled when the mount ends, for the keep-alive's own connects. */
    GCancellable *stop;
    /* The keep-alive's: */
    GThread *thread;
    int wake_fd;
    gboolean stopping;
};

/* With the lock held: whether nothing but a probe is there, and the last connect failed. */
gboolean pool_is_down_locked(const Pool *pool);

/* With the lock held: notes that a connection was opened, or why not. */
void pool_note_success(Pool *pool);
void pool_note_down(Pool *pool, const GError *failure);

/* With the lock held: the server could not be reached and no session is left. TRUE when it is to be
 * tried again at retry_at. */
gboolean pool_note_outage(Pool *pool, const GError *failure);

/* With the lock held: gives a session to the first waiter, or keeps it as idle. */
void pool_hand_over(Pool *pool, Session *session);

/* With the lock held: drops all idle sessions that were not heard of since `when`. */
void pool_drop_silent(Pool *pool, gint64 when);

/* pool_keepalive.c */
void pool_keepalive_start(Pool *pool);
void pool_keepalive_stop(Pool *pool);
void pool_keepalive_wake(Pool *pool);

/* With the lock held: reads what came on the idle session of `link`, goes on with its data port.
 * FALSE when it was dead and has been removed. */
gboolean pool_check_idle(Pool *pool, GList *link);

/* With the lock held: frees a session that is in no list any more and uncounts it. */
void pool_forget_session(Pool *pool, Session *session);

/* pool_open.c */

/* What has come of opening a connection. */
typedef enum {
    OPEN_FAILED, /* with an error for the caller */
    OPEN_AGAIN,  /* not before retry_at */
    OPEN_LIMIT,  /* wait for a session that comes free */
} OpenOutcome;

/* Opens a connection, for which total has been counted up. Lock held; dropped meanwhile. */
Session *pool_open_session(Pool *pool, OpenOutcome *outcome, GCancellable *cancel, GError **error);

/* Opens one more connection while nobody waits for it; `data` is the Pool. Runs on the grower's
 * thread. */
void pool_grow(gpointer task, gpointer data);

/* pool.c: with the lock held: the first who waits looks again at what there is. */
void pool_wake_first(Pool *pool);

#endif
