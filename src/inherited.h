/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inherited - the descriptors that the program was started with.
 *
 * A daemon lives longer than the program that started it. An inherited lock file or pipe would stay
 * open until the unmount. So all descriptors but the first three are closed, once those that
 * options name (credentials=/dev/fd/63) have been read. No state, no lock.
 */
#ifndef FTPSFS_SRC_INHERITED_H
#define FTPSFS_SRC_INHERITED_H

#include <glib.h>

/* Those above 2 that are open now: to be called first. Opens /dev/null in the place of the first
 * three where they are closed, so that nothing else comes there. The array is the caller's. */
GArray *inherited_find(void);

/* Closes those that were found, but the one of `mountpoint` when that is /dev/fd/N. */
void inherited_close(const GArray *found, const char *mountpoint);

#endif
