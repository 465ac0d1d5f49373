/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupts - what the kernel's FUSE_INTERRUPT cancels.
 *
 * The kernel reports every signal: one that ends the program, and one that its own timer sends each
 * second. It does not say whether the call may be restarted. Elsewhere most calls never fail with
 * EINTR, and few programs expect it. So an operation first gets some time to end by itself.
 *
 * libfuse calls an interrupt's callback without a lock. Meanwhile the request may be answered, and
 * its cancellable freed. So the callback gets a number instead of a pointer, and the number means
 * nothing once the operation is over.
 *
 * The lock (LOCK_RANK_INTERRUPTS) is not held while something is cancelled: that takes other locks.
 */
#ifndef FTPSFS_SRC_FS_INTERRUPTS_H
#define FTPSFS_SRC_FS_INTERRUPTS_H

#include <gio/gio.h>

#include "ftpsfs/util/lock.h"

typedef struct {
    GThread *thread; /* waits for the end of the while */
    Lock lock;       /* guards what follows */
    GCond cond;      /* something was asked for, or it is over */
    gsize last;
    GHashTable *pending; /* number -> GCancellable */
    GQueue asked;        /* numbers that are to be cancelled, with the time: Asked, in order */
    gboolean over;
} Interrupts;

void interrupts_init(Interrupts *interrupts);
void interrupts_clear(Interrupts *interrupts);

/* A new cancellable, and the number to cancel it by. For interrupts_end. */
GCancellable *interrupts_begin(Interrupts *interrupts, gsize *number);

/* Cancels it in a while, unless it has ended by then. Any thread. */
void interrupts_ask(Interrupts *interrupts, gsize number);

/* The operation goes on though its request is answered: no interrupt is meant for it any more. */
void interrupts_detach(GCancellable *cancel);

/* The operation is over: takes back and unreferences what interrupts_begin gave. */
void interrupts_end(GCancellable *cancel);

#endif
