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

/* Whether this is a build with a sanitizer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED TRUE
#elif defined(__has_feature)
#define SANDBOX_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANDBOX_SANITIZED FALSE
#endif

/* What a process is there for, which says which system calls it has left. */
typedef enum {
    SANDBOX_SERVES,   /* talks to the server */
    SANDBOX_RESOLVES, /* looks up names */
    SANDBOX_UNMOUNTS, /* is root's, and waits for one word */
} SandboxRole;

typedef enum {
    SANDBOX_CLOSED, /* nothing but what the lists below name */
    SANDBOX_SYSTEM, /* reading too, but for home and temporary directories: for name services */
    SANDBOX_OPEN,   /* files as before */
} SandboxFiles;

#define SANDBOX_SENDERS 2

typedef struct {
    SandboxRole role;
    guint64 capabilities; /* that are kept: 1 << CAP_... */
    SandboxFiles files;
    const char *const *read;   /* files and directories with all below; NULL-terminated, or NULL */
    const char *const *write;  /* the same, to read, write, make and remove */
    const char *const *remove; /* directories, to remove files in; the same */
    gboolean listen;           /* TCP ports may be listened on */
    gboolean token;            /* local services may be talked to: for a PKCS #11 token */
    /* The one descriptor, 3 or more, that others may come by; it can't be closed. 0: none */
    int receiver;
    /* Datagram sockets, 3 or more, that send where they are connected to, and nowhere else. 0:
     * none */
    int senders[SANDBOX_SENDERS];
} SandboxOptions;

/* Keeps this process out of core dumps and away from the debuggers of the same user. */
void sandbox_hide_memory(void);

/* Becomes `uid` and `gid`, with the groups that `name` is in (NULL: none), for good, and hides its
 * memory from that user's other processes. FTPSFS_ERROR_CONFIG. */
gboolean sandbox_become(uid_t uid, gid_t gid, const char *name, GError **error);

/* Gives up all capabilities but those of `keep` (1 << CAP_...), from the bounding set too.
 * FTPSFS_ERROR_CONFIG. */
gboolean sandbox_drop_capabilities(guint64 keep, GError **error);

/* Gives up everything that `role` does not need: no_new_privs, capabilities, the files outside
 * `options`, other processes and their abstract sockets (Landlock), and all system calls that are
 * not in the role's list (seccomp; src/util/seccomp_rules.c). Paths that are not there are passed
 * over. FTPSFS_ERROR_CONFIG when the kernel has a part and refuses it. */
gboolean sandbox_enter(const SandboxOptions *options, GError **error);

#endif
