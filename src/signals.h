/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signals - what SIGINT, SIGTERM and SIGHUP do to a mount. Before the mount is there, they end the
 * program. While it serves, libfuse's handlers end the service. While the last uploads are made,
 * they end the wait for them; what is not uploaded is kept on this machine.
 *
 * One thread waits for these signals, so no handler is needed. All other threads block them, except
 * the first one while it serves. The lock (LOCK_RANK_SIGNALS) guards the phase and `files`.
 */
#ifndef FTPSFS_SRC_SIGNALS_H
#define FTPSFS_SRC_SIGNALS_H

#include "ftpsfs/cache/file.h"

typedef struct Signals Signals;

/* Blocks them in the calling thread and those that it makes. To be called before there are any. */
void signals_block(void);

/* Starts the thread; the caller is the thread that will serve. */
Signals *signals_start(void);

/* From now on they are the caller's, who lets them in by fs_serve: there may be a mount that has to
 * be taken down. */
void signals_serve(Signals *signals);

/* The service is over: from now on they make `files` give up. NULL: they do nothing. */
void signals_drain(Signals *signals, Files *files);

/* Ends the thread and frees. NULL is fine. */
void signals_stop(Signals *signals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Signals, signals_stop)

#endif
