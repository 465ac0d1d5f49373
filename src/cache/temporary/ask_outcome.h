/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exists - what the server has under a name, past all caches: for what was under way when its reply
 * was lost, with the connection or with the daemon. No state; no lock may be held.
 */
#ifndef FTPSFS_SRC_CACHE_TEMPORARY_ASK_OUTCOME_H
#define FTPSFS_SRC_CACHE_TEMPORARY_ASK_OUTCOME_H

#include "ftpsfs/ftp/remote.h"

typedef enum { EXISTS_NO, EXISTS_YES, EXISTS_UNKNOWN } Exists;

/* EXISTS_UNKNOWN when the server could not be asked. */
Exists exists_look(Remote *remote, const char *path);

/* Whether a rename whose reply never came was carried out. EXISTS_UNKNOWN too when neither name is
 * there. */
Exists exists_renamed(Remote *remote, const char *from, const char *to);

#endif
