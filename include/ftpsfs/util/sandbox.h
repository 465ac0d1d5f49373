/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox - gives up what a process does not need: privileges, files, system calls.
 *
 * The kernel keeps most of this a thread, so a process calls these while it has one thread; those
 * that it makes later inherit it. What was given up can't be had back. No state, no lock.
 *
 * Where the kernel lacks a part (Landlock came with Linux 5.13), the others still hold; g_info says
 * which do. A build with a sanitizer is not confined: sanitizers write reports, and leak detection
 * traces the process.
 */
#ifndef FTPSFS_UTIL_SANDBOX_H
#define FTPSFS_UTIL_SANDBOX_H

#include <glib.h>
#include <sys/types.h>

typedef enum {
    SANDBOX_CLOSED, /* nothing but what the lists below name */
    SANDBOX_SYSTEM, /* reading too, but for home and temporary directories: for name services */
    SANDBOX_OPEN,   /* files as before */
} SandboxFiles;

typedef struct {
    SandboxFiles files;
    const char *const *read;  /* files and directories with all below; NULL-terminated, or NULL */
    const char *const *write; /* the same, to read, write, make and remove */
    gboolean listen;          /* TCP ports may be listened on */
} SandboxOptions;

/* Keeps this process out of core dumps and away from the debuggers of the same user. */
void sandbox_hide_memory(void);

/* Becomes `uid` and `gid`, with the groups that `name` is in (NULL: none), for good.
 * FTPSFS_ERROR_CONFIG. */
gboolean sandbox_become(uid_t uid, gid_t gid, const char *name, GError **error);

/* Gives up all capabilities but those of `keep` (1 << CAP_...), from the bounding set too.
 * FTPSFS_ERROR_CONFIG. */
gboolean sandbox_drop_capabilities(guint64 keep, GError **error);

/* Gives up everything that serving a mount does not need: no_new_privs, all capabilities, the files
 * outside `options` (Landlock), listening on TCP ports unless they say so, starting programs and
 * processes, and the system calls that administer a machine (seccomp). Paths that are not there are
 * passed over. FTPSFS_ERROR_CONFIG when the kernel has a part and refuses it. */
gboolean sandbox_enter(const SandboxOptions *options, GError **error);

#endif
