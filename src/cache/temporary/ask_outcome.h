/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask_outcome - what the server has under a name, past all caches: for what was under way when its
 * reply was lost, with the connection or with the daemon. No state; no lock may be held.
 */
#ifndef FTPSFS_SRC_CACHE_TEMPORARY_ASK_OUTCOME_H
#define FTPSFS_SRC_CACHE_TEMPORARY_ASK_OUTCOME_H

#include "ftpsfs/ftp/remote.h"

typedef enum { ASK_OUTCOME_NO, ASK_OUTCOME_YES, ASK_OUTCOME_UNKNOWN } AskOutcome;

/* ASK_OUTCOME_UNKNOWN when the server could not be asked, or `cancel` (may be NULL) was cancelled.
 */
AskOutcome ask_outcome_exists(Remote *remote, const char *path, GCancellable *cancel);

/* Whether a rename whose reply never came was carried out. ASK_OUTCOME_UNKNOWN too when neither
 * name is there. */
AskOutcome ask_outcome_renamed(Remote *remote, const char *from, const char *to,
                               GCancellable *cancel);

#endif
