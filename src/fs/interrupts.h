/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupts - what the kernel's FUSE_INTERRUPT cancels.
 *
 * libfuse takes the pointer that it gives to an interrupt's callback out of the request under a
 * lock, but calls the callback without it: the request may be answered in between, and its
 * cancellable freed. So the pointer is a number here, which means nothing once the operation is
 * over.
 */
#ifndef FTPSFS_SRC_FS_INTERRUPTS_H
#define FTPSFS_SRC_FS_INTERRUPTS_H

#include <gio/gio.h>

typedef struct {
    GMutex lock; /* guards what follows */
    gsize last;
    GHashTable *pending; /* number -> GCancellable */
} Interrupts;

void interrupts_init(Interrupts *interrupts);
void interrupts_clear(Interrupts *interrupts);

/* A new cancellable, and the number to cancel it by. For interrupts_end. */
GCancellable *interrupts_begin(Interrupts *interrupts, gsize *number);

/* From any thread; a number that has ended is passed over. */
void interrupts_cancel(Interrupts *interrupts, gsize number);

/* The operation is over: takes back and unreferences what interrupts_begin gave. */
void interrupts_end(GCancellable *cancel);

#endif
