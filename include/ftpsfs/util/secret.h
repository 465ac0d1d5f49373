/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret - a password or passphrase in memory that is locked (mlock), kept out of core dumps
 * (MADV_DONTDUMP) and wiped when the last reference goes.
 *
 * Immutable after secret_new, reference-counted atomically: may be shared between threads.
 */
#ifndef FTPSFS_UTIL_SECRET_H
#define FTPSFS_UTIL_SECRET_H

#include <glib.h>

typedef struct Secret Secret;

/* Copies `length` bytes of `text` (need not be terminated; -1: strlen). The caller wipes its own
 * copy, for which there is secret_wipe. Never NULL. */
Secret *secret_new(const char *text, gssize length);
Secret *secret_ref(Secret *secret);
void secret_unref(Secret *secret);

/* Locks it in the memory of this process: to be called after a fork(), which a lock does not
 * survive. NULL is fine. */
void secret_lock(const Secret *secret);

/* The text, zero-terminated; owned by `secret`. */
const char *secret_peek(const Secret *secret);

/* Overwrites `length` bytes of `memory` in a way that the compiler keeps. */
void secret_wipe(void *memory, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_unref)

#endif
