/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operations of a Remote by letters, for fuzz_session and record_session: all that the layers
 * above do to a server, on a few paths.
 */
#ifndef FTPSFS_TESTS_FUZZ_SESSION_OPERATIONS_H
#define FTPSFS_TESTS_FUZZ_SESSION_OPERATIONS_H

#include "ftpsfs/ftp/remote.h"

/* Is told each path before an operation is called with it. */
typedef void (*OperationPath)(const char *path);

/* Does one operation; *names (char *) has what listings have told, for the operations on these.
 * Letters without a meaning are passed over. */
void operation_run(Remote *remote, char letter, GPtrArray *names, OperationPath allow);

#endif
