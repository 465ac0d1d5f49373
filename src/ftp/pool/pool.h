/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp/pool: the control connections of a mount. Offers leases to src/ftp/remote, and knows when
 * the server is down. Uses src/ftp/session, src/ftp/transfer and src/util.
 *
 * pool - the control connections of a mount, leased one operation at a time.
 *
 * The pool owns every Session that nobody has leased. It opens connections on demand up to a
 * ceiling: `connections`, or what the server was found to allow. Waiters get sessions in the order
 * in which they came, but whoever wants to move a file's content lets a few others go first. One
 * keep-alive thread looks after the idle ones: it notices dead ones, finishes prepared data
 * connections, sends NOOP, closes what has been idle for long, and probes a server that is down.
 *
 * A server that refuses one connection more while others are open has shown its limit: the ceiling
 * is lowered for a minute. A server that can't be reached at all is tried for `timeout` seconds,
 * with growing random pauses, before the operations that need it fail. From then on it counts as
 * down: operations fail at once, until the keep-alive's probe finds it back.
 *
 * The pool's lock (LOCK_RANK_POOL) guards the lists and counts.
 */
#ifndef FTPSFS_SRC_FTP_POOL_POOL_H
#define FTPSFS_SRC_FTP_POOL_POOL_H

#include "ftp/session/session.h"

typedef struct Pool Pool;
typedef struct Lease Lease;

/* `context` outlives the pool. Opens nothing yet. */
Pool *pool_new(SessionContext *context);

/* Sends QUIT everywhere, waits for the answers a moment, and frees. No lease may be out. */
void pool_free(Pool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pool, pool_free)

typedef enum {
    LEASE_ANY = 0,
    LEASE_DATA = 1 << 0,    /* for a transfer: the one that is readiest for it */
    LEASE_FRESH = 1 << 1,   /* no idle one if that can be helped, after one was found dead */
    LEASE_CONTENT = 1 << 2, /* for a file's content: what takes long, and lets others go first */
} LeaseWant;

/* A session for one operation: an idle one, a new one, or the next that is returned. The whole wait
 * takes twice the timeout at most. Fails at once with the last connect's error while the server is
 * down. Errors: as session_open, _TIMEOUT. */
Lease *pool_lease(Pool *pool, LeaseWant want, GCancellable *cancel, GError **error);

/* Whether the server counts as down because it can't be reached (not because it refuses us). */
gboolean pool_is_down(Pool *pool);

/* Gives the session back. A broken one is dropped. NULL is fine. */
void pool_lease_return(Lease *lease);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lease, pool_lease_return)

Session *pool_lease_session(Lease *lease);

/* The operation failed with `failure`. When that was a server that fell silent, idle sessions not
 * heard of since the lease began are dropped too: they went the same way, and each would cost the
 * next operation a timeout. */
void pool_lease_failed(Lease *lease, const GError *failure);

/* Marks the lease as one that is kept for long and can be given up for others: when somebody waits
 * and no session comes free, `yield` of the holder that was of use the longest time ago is
 * cancelled (without the pool's lock). The holder then returns the lease soon. */
void pool_lease_allow_yield(Lease *lease, GCancellable *yield);

/* The holder was of use just now. */
void pool_lease_touch(Lease *lease);

#endif
