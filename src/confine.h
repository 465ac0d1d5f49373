/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine - what a mount opens while it may, and the sandbox that it enters then.
 *
 * After confine_enter the process reaches no file but those below the state directory, its own
 * directories for spool and cache, and libraries; what else it needs is open by then: the files of
 * trace= and stats=, the sockets of the log, of the service manager and of --status. Belongs to
 * main and is used by its thread; no lock.
 */
#ifndef FTPSFS_SRC_CONFINE_H
#define FTPSFS_SRC_CONFINE_H

#include "ftpsfs/cache/disk.h"
#include "ftpsfs/config/config.h"
#include "ftpsfs/fs/control.h"
#include "ftpsfs/util/statsfile.h"
#include "ftpsfs/util/trace.h"

typedef struct {
    Trace *trace;          /* NULL: no trace= */
    DiskCache *disk;       /* NULL: no cache_dir= */
    Control *control;      /* NULL: there is no place for its socket, and the mount does without */
    StatsFile *stats_file; /* not started */
    char *spool_dir;       /* in that of the options, and nobody else's */
    int notify_fd;         /* see notify_connect */
} Opened;

void confine_opened_clear(Opened *opened);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Opened, confine_opened_clear)

/* Becomes the user of setuid=, opens it all, and gives up the rest. `receiver` as in
 * SandboxOptions. FTPSFS_ERROR_CONFIG. */
gboolean confine(const MountConfig *config, int receiver, Opened *opened, GError **error);

#endif
