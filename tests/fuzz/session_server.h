/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server of fuzz_session, in the place of the network: session_channel.c has the functions of
 * tls/channel.h and ftp/transfer/dial.h, session_sockets.c those of the C library that data
 * connections are made with, session_time.c those that wait, session_keeper.c the pool's threads.
 * No byte leaves the process and no time passes: a wait for what does not come sets the clock
 * forward and ends. One thread.
 */
#ifndef FTPSFS_TESTS_FUZZ_SESSION_SERVER_H
#define FTPSFS_TESTS_FUZZ_SESSION_SERVER_H

#include "session_script.h"

/* The script that is played from now on, owned by the caller; NULL: none. */
void server_play(Script *script);

/* Whether `fd` is that of a control connection, and then *comes: whether something comes on it
 * before the wait is over. */
gboolean server_awaits(int fd, gboolean *comes);

/* A descriptor in place of a socket: never readable, or always. */
int server_socket(gboolean readable);
void server_make_readable(int fd);

/* Whether the server connects to a listening socket. */
gboolean server_connects(void);

/* What the clock says, in microseconds, and what has to be waited for. */
void server_reset_clock(void);

#endif
