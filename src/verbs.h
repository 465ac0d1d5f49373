/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verbs - what the command line can ask of a mount that is there: --status, --flush, --refresh,
 * --unmount. No state, no lock.
 */
#ifndef FTPSFS_SRC_VERBS_H
#define FTPSFS_SRC_VERBS_H

#include "ftpsfs/config/config.h"

/* Whether config->action is one of them. */
gboolean verbs_have(const MountConfig *config);

/* Does it. The exit status of the program. */
int verbs_run(const MountConfig *config);

#endif
