/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupts - what the kernel's FUSE_INTERRUPT cancels.
 *
 * The kernel tells of every signal, be it one that ends the program or one that a timer of its
 * sends each second, and of none whether the call may be restarted. Most calls fail with EINTR
 * nowhere else, and few programs look for it. So an operation is given a while to end by itself
 * first.
 *
 * libfuse takes the pointer that it gives to an interrupt's callback out of the request under a
 * lock, but calls the callback without it: the request may be answered in between, and its
 * cancellable freed. So the pointer is a number here, which means nothing once the operation is
 * over.
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
