/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/util/process: the processes of the program: how a helper is started, the resolver, and the
 * sandbox that each process enters. Offers names of hosts and users to a daemon that can't read
 * /etc. Uses src/util.
 *
 * helper - a process of our own that does one thing for this one, over a socket.
 *
 * The helper is a fork that keeps standard output and error and one end of a socket pair, lets the
 * terminal's signals be for its parent, and ends when the other end of the socket closes. It may
 * outlive its parent and be used by a later fork of that: a daemon starts its helpers before it
 * asks for passwords, which they are not to know, and goes to the background afterwards. A Helper
 * belongs to who started it; no lock.
 */
#ifndef FTPSFS_UTIL_HELPER_H
#define FTPSFS_UTIL_HELPER_H

#include <gio/gio.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;
    int socket; /* SOCK_SEQPACKET: messages stay whole */
} Helper;

/* Runs in the helper; its result is the exit status. `kept` is the descriptor that it was started
 * with, or -1. */
typedef int (*HelperMain)(int socket, int kept, gpointer data);

/* Starts it with a copy of the descriptor `kept`, unless that is -1, as the only one beside its
 * socket. To be called while the process has one thread. FTPSFS_ERROR_CONFIG. */
gboolean helper_start(Helper *helper, int kept, HelperMain run, gpointer data, GError **error);

/* Tells the helper to end, by the end of the socket, and waits for that. */
void helper_stop(Helper *helper);

/* Closes the socket alone: another process, forked since, goes on with the helper. */
void helper_leave(Helper *helper);

/* Sends `length` bytes as one message, with a copy of the descriptor `fd` unless it is -1. FALSE
 * with errno. */
gboolean helper_send(int socket, const void *data, gsize length, int fd);

/* Receives one message of at most `length` bytes; *fd, unless `fd` is NULL, is the descriptor that
 * came with it, or -1. Its length; 0 at the end, -1 with errno. */
gssize helper_receive(int socket, void *data, gsize length, int *fd);

#endif
