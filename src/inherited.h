/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inherited - the descriptors that the program was started with.
 *
 * A daemon outlives who started it. A file that a script holds a lock by, or a pipe that somebody
 * waits at, would be held for as long as the mount is. So all but the first three are closed once
 * they have been read that options name (credentials=/dev/fd/63). No state, no lock.
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
