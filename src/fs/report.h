/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report - what a mount is doing, as records: the answer to "status". Private to fs/.
 */
#ifndef FTPSFS_SRC_FS_REPORT_H
#define FTPSFS_SRC_FS_REPORT_H

#include "ftpsfs/fs/control.h"
#include "ftpsfs/util/records.h"

/* Adds all that is to be said of `subject`, which was mounted at `mountpoint` at `started`
 * (microseconds since 1970). Parts of the subject that are NULL are left out. */
void report_gather(const ControlSubject *subject, const char *mountpoint, gint64 started,
                   Records *records);

#endif
