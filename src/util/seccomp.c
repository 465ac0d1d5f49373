/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the sandbox that takes away system calls: a seccomp filter. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "sandbox_private.h"

#if defined(__x86_64__) && defined(__LP64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT      0x40000000U
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && G_BYTE_ORDER == G_LITTLE_ENDIAN
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

/*
 * What no part of serving a mount calls, and what would help somebody who has taken the process
 * over: starting programs, looking into other processes, administration, and interfaces of the
 * kernel with a record of holes. A list of what is allowed would be shorter on paper, but the C
 * library, GLib and GnuTLS change what they call with each version.
 */
static const unsigned refused[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_add_key,
    SYS_keyctl,
    SYS_request_key,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_open_by_handle_at,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_syslog,
    SYS_personality,
    SYS_mknodat,
    SYS_vhangup,
    SYS_fanotify_init,
    SYS_listen,
    SYS_pidfd_getfd,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
    SYS_mknod,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};

#ifdef ARCHITECTURE

static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

/* The low half of an argument, which is where an int lies. */
#define ARGUMENT(n)                                                                                \
    (unsigned)(offsetof(struct seccomp_data, args) + (n) * sizeof(guint64) +                       \
               (G_BYTE_ORDER == G_BIG_ENDIAN ? sizeof(guint32) : 0))

#ifdef __s390x__
#define CLONE_FLAGS ARGUMENT(1)
#else
#define CLONE_FLAGS ARGUMENT(0)
#endif

static void add(GArray *program, unsigned code, unsigned k, guint8 jump_true, guint8 jump_false)
{
    struct sock_filter step = BPF_JUMP((unsigned short)code, k, jump_true, jump_false);
    g_array_append_val(program, step);
}

static void load(GArray *program, unsigned offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void give(GArray *program, unsigned result)
{
    add(program, BPF_RET | BPF_K, result, 0, 0);
}

static unsigned refusal(int number)
{
    return SECCOMP_RET_ERRNO | (unsigned)number;
}

/* Starting threads stays possible, processes not. The flags of clone3 lie in memory, where a filter
 * can't look: the C library falls back to clone. */
static void add_processes(GArray *program)
{
#ifdef SYS_clone3
    add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
    give(program, refusal(ENOSYS));
#endif
    add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    load(program, CLONE_FLAGS);
    add(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    give(program, SECCOMP_RET_ALLOW);
    give(program, refusal(EPERM));
}

static void add_sockets(GArray *program)
{
#ifdef SYS_socket
    guint8 count = G_N_ELEMENTS(families);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, (guint8)(count + 3));
    load(program, ARGUMENT(0));
    for (guint8 i = 0; i < count; i++)
        add(program, BPF_JMP | BPF_JEQ | BPF_K, families[i], (guint8)(count - i), 0);
    give(program, refusal(EAFNOSUPPORT));
    give(program, SECCOMP_RET_ALLOW);
#endif
}

static GArray *make_program(const SandboxOptions *options)
{
    GArray *program = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
    load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    give(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
    add(program, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    give(program, refusal(ENOSYS));
#endif
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        if (options->listen && refused[i] == SYS_listen)
            continue;
        add(program, BPF_JMP | BPF_JEQ | BPF_K, refused[i], 0, 1);
        give(program, refusal(EPERM));
    }
    add_processes(program);
    add_sockets(program);
    give(program, SECCOMP_RET_ALLOW);
    return program;
}

gboolean sandbox_seccomp(const SandboxOptions *options, char **words, GError **error)
{
    g_autoptr(GArray) steps = make_program(options);
    struct sock_fprog program = {
        .len = (unsigned short)steps->len,
        .filter = (struct sock_filter *)(void *)steps->data,
    };
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) {
        *words = g_strdup("seccomp");
        return TRUE;
    }
    /* A kernel without it says so in these ways. */
    if (errno == ENOSYS || errno == EINVAL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "seccomp, which keeps ftpsfs from system calls that it does not need, can't be set "
                "up: %s; -o no_sandbox does without",
                g_strerror(errno));
    return FALSE;
}

#else

gboolean sandbox_seccomp(const SandboxOptions *options, char **words, GError **error)
{
    (void)options;
    (void)words;
    (void)error;
    (void)refused;
    return TRUE;
}

#endif
