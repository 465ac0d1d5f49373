/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the sandbox: sandbox.c (privileges, and the whole), landlock.c (files), seccomp.c
 * (system calls).
 */
#ifndef FTPSFS_SRC_UTIL_PROCESS_SANDBOX_PRIVATE_H
#define FTPSFS_SRC_UTIL_PROCESS_SANDBOX_PRIVATE_H

#include "ftpsfs/util/sandbox.h"

/* What was put in force, in words; NULL when the kernel has none of it. g_free. Both need
 * no_new_privs. FTPSFS_ERROR_CONFIG. */
gboolean landlock_apply(const SandboxOptions *options, char **words, GError **error);
gboolean seccomp_apply(const SandboxOptions *options, char **words, GError **error);

#endif
