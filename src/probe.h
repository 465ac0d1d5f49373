/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe - ftpsfs --probe: finds out what a server is like, and says it. Nothing is mounted.
 *
 * What can be seen without a login is looked at by a process of its own, since the server is not
 * known to be the right one then; the password is looked for when its certificate has proved good.
 * Both processes are as confined as a mount's. No state, no lock.
 */
#ifndef FTPSFS_SRC_PROBE_H
#define FTPSFS_SRC_PROBE_H

#include "ftpsfs/config/config.h"

/* The exit status of the program; 1 is for a wrong invocation. */
enum {
    PROBE_FINE = 0,        /* a mount with these options works; there may be warnings */
    PROBE_UNREACHABLE = 3, /* no name, no connection, no TLS */
    PROBE_UNTRUSTED = 4,   /* the certificate is refused, and nothing was sent */
    PROBE_NO_LOGIN = 5,    /* no password was found, or the server refuses the login */
    PROBE_NO_LISTING = 6,  /* the directory can't be entered or listed */
};

/* Does it. The exit status. */
int probe_run(const MountConfig *config);

#endif
