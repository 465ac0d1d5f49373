/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each process of a mount may ask of the kernel, and why.
 *
 * The evidence is strace: tests/integration/test_containment_sandbox.py runs mounts of many kinds
 * under it, and fails when a call is missing here. Beside what it shows with one version of the
 * libraries stands what others do in its place (glibc 2.36 to 2.41, musl, GLib 2.74 to 2.84, GnuTLS
 * 3.7 and 3.8, libfuse 3.14 to 3.17). A call with several rules is allowed when one of them holds.
 *
 * A filter sees numbers, not what pointers point to. So where a number is no bound, the call is
 * left out: openat2 and clone3 (flags in memory), socket for AF_UNIX (an address in memory, of
 * root's service manager maybe). fchmod is left out whole: root owns the libraries that it reads.
 *
 * Two architectures put all of the sockets (socketcall) or all of mmap behind a pointer: there
 * these are allowed as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "seccomp_numbers.h"

/* clang-format off */
#define ALLOW(call, reason)    {.number = SYS_##call, .why = (reason)}
#define ALLOW_IF(call, reason, ...) \
    {.number = SYS_##call, .why = (reason), .checks = {__VA_ARGS__}}
#define ALLOW_WHEN(case, call, reason)    {.number = SYS_##call, .why = (reason), .in = (case)}
#define ALLOW_WHEN_IF(case, call, reason, ...) \
    {.number = SYS_##call, .why = (reason), .in = (case), .checks = {__VA_ARGS__}}

/* Of argument n, which counts from 0. */
#define BITS(n, bits, wanted) \
    {.kind = CHECK_BITS, .argument = (n), .mask = (guint32)(bits), .value = (guint32)(wanted)}
#define IS(n, wanted)    BITS(n, ~0U, wanted)
#define NONE_OF(n, bits) BITS(n, bits, 0)
#define FROM(n, least)   {.kind = CHECK_FROM, .argument = (n), .value = (guint32)(least)}
#define UP_TO(n, most)   {.kind = CHECK_UP_TO, .argument = (n), .value = (guint32)(most)}
#define NULLED(n)        {.kind = CHECK_NULL, .argument = (n)}
#define OURSELF(n)       {.kind = CHECK_OURSELF, .argument = (n)}
#define RECEIVER(n)      {.kind = CHECK_RECEIVER, .argument = (n)}
#define KEPT(n)          {.kind = CHECK_KEPT, .argument = (n)}
#define OTHER(n)         {.kind = CHECK_OTHER, .argument = (n)}
/* clang-format on */

#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* Of clone: a thread, and no new namespace. */
#define CLONE_SPACES                                                                               \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

/* Flags of open that make a file. O_TMPFILE has the bit of O_DIRECTORY too. */
#define MAKES (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))

/* Modes that give a file the power of its owner. */
#define SET_ID 07000

#define SOCK_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

/* Newer than some headers. */
#define GET_TERMINAL_2 0x802c542aU /* TCGETS2, glibc 2.42's isatty() */
#define CLONE_FUSE     0x8004e500U /* FUSE_DEV_IOC_CLONE */
#define SET_VMA        0x53564d41U /* PR_SET_VMA */

static const Rule common[] = {
    /* Memory. Code comes from files alone: libgcc and iconv's converters are loaded late. */
    ALLOW(brk, "memory"),
#ifdef __s390x__
    ALLOW(mmap, "memory; its arguments lie in memory"),
#elif !defined(__i386__)
    ALLOW_IF(mmap, "memory", NONE_OF(2, PROT_EXEC)),
    ALLOW_IF(mmap, "libraries", NONE_OF(2, PROT_WRITE), NONE_OF(3, MAP_ANONYMOUS)),
#endif
    ALLOW_IF(mmap2, "memory", NONE_OF(2, PROT_EXEC)),
    ALLOW_IF(mmap2, "libraries", NONE_OF(2, PROT_WRITE), NONE_OF(3, MAP_ANONYMOUS)),
    ALLOW(munmap, "memory"),
    ALLOW(mremap, "realloc"),
    ALLOW_IF(mprotect, "malloc's arenas, stacks, libraries", NONE_OF(2, PROT_EXEC)),
    ALLOW(madvise, "free"),
    ALLOW(mlock, "passwords"),
    ALLOW(mlock2, "passwords"),
    ALLOW(munlock, "passwords"),
    ALLOW(membarrier, "locks of libraries"),

    /* Threads. */
    ALLOW_IF(clone, "new threads", BITS(CLONE_FLAGS, CLONE_THREAD | CLONE_SPACES, CLONE_THREAD)),
    ALLOW(futex, "locks"),
    ALLOW(futex_time64, "locks"),
    ALLOW(set_robust_list, "new threads"),
    ALLOW(rseq, "new threads"),
    ALLOW(set_tid_address, "new threads"),
    ALLOW(sched_yield, "locks"),
    ALLOW(sched_getaffinity, "the number of processors"),
    ALLOW(sched_getattr, "GLib's thread pools"),
    ALLOW(getcpu, "malloc"),
    ALLOW(exit, "the end of a thread"),
    ALLOW(exit_group, "the end"),
    ALLOW_IF(prctl, "threads' names", IS(0, PR_SET_NAME)),
    ALLOW_IF(prctl, "threads' names", IS(0, PR_GET_NAME)),
    ALLOW_IF(prctl, "libcap, when a library brings it", IS(0, PR_CAPBSET_READ)),
    ALLOW_IF(prctl, "names of memory, in glibc 2.41", IS(0, SET_VMA)),
    ALLOW(riscv_hwprobe, "which code a library takes"),
    ALLOW(riscv_flush_icache, "libraries"),

    /* Signals, to this process alone. */
    ALLOW(rt_sigaction, "signals"),
    ALLOW(rt_sigprocmask, "signals"),
    ALLOW(rt_sigreturn, "signals"),
    ALLOW(sigreturn, "signals"),
    ALLOW(sigaltstack, "signals"),
    ALLOW(rt_sigtimedwait, "sigwait()"),
    ALLOW(rt_sigtimedwait_time64, "sigwait()"),
    ALLOW(restart_syscall, "waits that a signal or a debugger broke"),
    ALLOW_IF(tgkill, "pthread_kill(), raise(), abort()", OURSELF(0)),
#ifndef __GLIBC__
    ALLOW(tkill, "musl's pthread_kill(); Landlock keeps it to this process"),
#endif

    /* Time, and who we are. */
    ALLOW(clock_gettime, "time"),
    ALLOW(clock_gettime64, "time"),
    ALLOW(clock_getres, "time"),
    ALLOW(clock_getres_time64, "time"),
    ALLOW(clock_nanosleep, "sleep"),
    ALLOW(clock_nanosleep_time64, "sleep"),
    ALLOW(nanosleep, "sleep"),
    ALLOW(gettimeofday, "time"),
    ALLOW(time, "time"),
    ALLOW(getpid, "names of temporary files, messages"),
    ALLOW(getppid, "libraries"),
    ALLOW(gettid, "messages, locks"),
    ALLOW(getuid, "whose files are shown"),
    ALLOW(getuid32, "whose files are shown"),
    ALLOW(geteuid, "whose files are shown"),
    ALLOW(geteuid32, "whose files are shown"),
    ALLOW(getgid, "whose files are shown"),
    ALLOW(getgid32, "whose files are shown"),
    ALLOW(getegid, "whose files are shown"),
    ALLOW(getegid32, "whose files are shown"),
    ALLOW(getrandom, "keys"),
    ALLOW(getrusage, "GnuTLS's random numbers"),
    ALLOW(uname, "libraries"),
    ALLOW(sysinfo, "qsort(), the number of processors"),
    ALLOW_IF(prlimit64, "the stack of a new thread", IS(0, 0), NULLED(2)),
    ALLOW(getrlimit, "the stack of a new thread"),
    ALLOW(ugetrlimit, "the stack of a new thread"),

    /* Files that are looked at, and descriptors. */
    ALLOW(read, "all"),
    ALLOW(write, "all"),
    ALLOW_IF(close, "all", KEPT(0)),
    ALLOW(lseek, "files"),
    ALLOW(_llseek, "files"),
    ALLOW_IF(open, "files, read only", NONE_OF(1, MAKES | O_ACCMODE | O_TRUNC)),
    ALLOW_IF(openat, "files, read only", NONE_OF(2, MAKES | O_ACCMODE | O_TRUNC)),
    ALLOW(fstat, "files"),
    ALLOW(fstat64, "files"),
    ALLOW(stat, "files"),
    ALLOW(stat64, "files"),
    ALLOW(lstat, "files"),
    ALLOW(lstat64, "files"),
    ALLOW(fstatat64, "files"),
    ALLOW(newfstatat, "files"),
    ALLOW(statx, "files"),
    ALLOW(statfs, "directories"),
    ALLOW(statfs64, "directories"),
    ALLOW(fstatfs, "directories"),
    ALLOW(fstatfs64, "directories"),
    ALLOW(access, "files"),
    ALLOW(faccessat, "files"),
    ALLOW(faccessat2, "files"),
    ALLOW(readlink, "files"),
    ALLOW(readlinkat, "files"),
    ALLOW(getcwd, "files"),
    ALLOW(getdents, "directories"),
    ALLOW(getdents64, "directories"),
    ALLOW(poll, "waits"),
    ALLOW(ppoll, "waits"),
    ALLOW(ppoll_time64, "waits"),
    /* Not F_DUPFD, nor F_SETOWN and F_SETSIG, which send signals. */
    ALLOW_IF(fcntl, "flags and locks", FROM(1, F_GETFD), UP_TO(1, F_SETLKW)),
    ALLOW_IF(fcntl64, "flags and locks", FROM(1, F_GETFD), UP_TO(1, F_SETLKW)),
    ALLOW_IF(fcntl64, "locks of large files", FROM(1, 12), UP_TO(1, 14)),
};

/* The process that talks to the server, and the one that --probe makes. */
static const Rule serves[] = {
    /* Spool, journals, caches, logs: Landlock says where. */
    ALLOW_IF(open, "files", NONE_OF(1, MAKES)),
    ALLOW_IF(open, "new files", NONE_OF(2, SET_ID)),
    ALLOW_IF(openat, "files", NONE_OF(2, MAKES)),
    ALLOW_IF(openat, "new files", NONE_OF(3, SET_ID)),
    ALLOW(readv, "the cache on disk, libfuse"),
    ALLOW(writev, "the cache on disk, libfuse"),
    ALLOW(pread64, "spool"),
    ALLOW(pwrite64, "spool"),
    ALLOW(preadv, "spool"),
    ALLOW(preadv2, "spool"),
    ALLOW(pwritev, "spool"),
    ALLOW(pwritev2, "spool"),
    ALLOW(ftruncate, "spool, journals"),
    ALLOW(ftruncate64, "spool, journals"),
    ALLOW(fallocate, "GLib's files"),
    ALLOW(fadvise64, "libraries"),
    ALLOW(fadvise64_64, "libraries"),
    ALLOW(arm_fadvise64_64, "libraries"),
    ALLOW(fsync, "journals"),
    ALLOW(fdatasync, "journals"),
    ALLOW(copy_file_range, "spool"),
    ALLOW(flock, "caches, known_hosts"),
    ALLOW_IF(fcntl, "locks of open files", FROM(1, F_OFD_GETLK), UP_TO(1, F_OFD_SETLKW)),
    ALLOW_IF(fcntl64, "locks of open files", FROM(1, F_OFD_GETLK), UP_TO(1, F_OFD_SETLKW)),
    ALLOW(rename, "journals, caches"),
    ALLOW(renameat, "journals, caches"),
    ALLOW(renameat2, "journals, caches"),
    ALLOW(unlink, "journals, the control socket"),
    ALLOW(unlinkat, "caches"),
    ALLOW(rmdir, "journals"),
    ALLOW_IF(mkdir, "journals, lost files", NONE_OF(1, SET_ID)),
    ALLOW_IF(mkdirat, "journals, lost files", NONE_OF(2, SET_ID)),
    ALLOW(link, "what another mount has left"),
    ALLOW(linkat, "what another mount has left"),
    ALLOW_IF(utimensat, "the last use of a cached chunk is now", NULLED(1), NULLED(2)),
    ALLOW_IF(utimensat_time64, "the last use of a cached chunk is now", NULLED(1), NULLED(2)),

    /* libfuse. */
    ALLOW(splice, "requests and replies"),
    ALLOW(tee, "requests and replies"),
    ALLOW(vmsplice, "requests and replies"),
    ALLOW(pipe, "requests and replies"),
    ALLOW(pipe2, "requests and replies"),
    ALLOW_IF(fcntl, "the room in a pipe", FROM(1, F_SETPIPE_SZ), UP_TO(1, F_GETPIPE_SZ)),
    ALLOW_IF(fcntl64, "the room in a pipe", FROM(1, F_SETPIPE_SZ), UP_TO(1, F_GETPIPE_SZ)),
    ALLOW_IF(ioctl, "each thread opens /dev/fuse", IS(1, CLONE_FUSE)),

    /* Events. */
    ALLOW(eventfd, "wakes a thread"),
    ALLOW(eventfd2, "wakes a thread"),
    ALLOW(signalfd4, "SIGTERM"),
    ALLOW(epoll_create1, "GLib"),
    ALLOW(epoll_ctl, "GLib"),
    ALLOW(epoll_wait, "GLib"),
    ALLOW(epoll_pwait, "GLib"),
    ALLOW(timerfd_create, "GLib"),
    ALLOW(timerfd_settime, "GLib"),
    ALLOW(timerfd_settime64, "GLib"),
    ALLOW_IF(kill, "ends the thread that waits for SIGUSR2", OURSELF(0)),

    /* The terminal. TIOCSTI and TIOCLINUX would type into it. */
    ALLOW_IF(ioctl, "isatty()", IS(1, TCGETS)),
    ALLOW_IF(ioctl, "isatty()", IS(1, GET_TERMINAL_2)),
    ALLOW_IF(ioctl, "the progress line", IS(1, TIOCGWINSZ)),
    ALLOW_IF(ioctl, "sockets", IS(1, FIONREAD)),
    ALLOW_IF(ioctl, "sockets", IS(1, FIONBIO)),
    ALLOW_IF(dup2, "/dev/null in the terminal's place", UP_TO(1, 2), OTHER(0)),
    ALLOW_IF(dup3, "/dev/null in the terminal's place", UP_TO(1, 2), OTHER(0)),

    /* The server: TCP. */
    ALLOW_IF(socket, "server", IS(0, AF_INET), BITS(1, ~SOCK_FLAGS, SOCK_STREAM), IS(2, 0)),
    ALLOW_IF(socket, "server", IS(0, AF_INET6), BITS(1, ~SOCK_FLAGS, SOCK_STREAM), IS(2, 0)),
    ALLOW_IF(connect, "server", OTHER(0)),
    ALLOW_IF(sendto, "send()", NULLED(4)),
    ALLOW_IF(sendmsg, "server, resolver, mounter", OTHER(0)),
    ALLOW(send, "send()"),
    ALLOW(recv, "recv()"),
    ALLOW(recvfrom, "recv()"),
    ALLOW(shutdown, "server, helpers"),
    ALLOW(getsockname, "server"),
    ALLOW(getpeername, "server"),
    ALLOW(getsockopt, "server, who asks at the control socket"),
    ALLOW_IF(setsockopt, "server", IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)),
    ALLOW_IF(setsockopt, "server", IS(1, SOL_SOCKET), IS(2, SO_LINGER)),
    ALLOW_IF(setsockopt, "server", IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR)),
    ALLOW_IF(setsockopt, "server", IS(1, IPPROTO_TCP), UP_TO(2, TCP_KEEPCNT)),
    ALLOW_IF(setsockopt, "server", IS(1, IPPROTO_TCP), IS(2, TCP_USER_TIMEOUT)),
    ALLOW_IF(setsockopt, "server", IS(1, IPPROTO_TCP), IS(2, TCP_NOTSENT_LOWAT)),
    ALLOW(accept, "the control socket, active mode"),
    ALLOW(accept4, "the control socket, active mode"),
    ALLOW_WHEN_IF(RULE_LISTENS, bind, "active mode", OTHER(0)),
    ALLOW_WHEN_IF(RULE_LISTENS, listen, "active mode", OTHER(0)),

    /* The helpers. A pair can't be connected anew, as one of datagrams could. */
    ALLOW_IF(socketpair, "a question to the resolver", IS(0, AF_UNIX),
             BITS(1, ~SOCK_FLAGS, SOCK_SEQPACKET)),
    ALLOW_IF(recvmsg, "/dev/fuse from the mounter", RECEIVER(0)),
    ALLOW(wait4, "the end of a helper"),
    ALLOW(waitid, "the end of a helper"),
#if defined(__i386__) || defined(__s390x__)
    ALLOW_IF(socketcall, "sockets; its arguments lie in memory", NONE_OF(0, ~31U)),
#endif

    /* The module of a PKCS #11 token may talk to a service: pcscd, tpm2-abrmd. */
    ALLOW_WHEN_IF(RULE_TOKEN, socket, "tokens", IS(0, AF_UNIX)),
    ALLOW_WHEN(RULE_TOKEN, recvmsg, "tokens"),
    ALLOW_WHEN(RULE_TOKEN, dup, "tokens"),
    ALLOW_WHEN(RULE_TOKEN, umask, "tokens"),
};

/* The process that looks up names. What the modules of /etc/nsswitch.conf do, nobody can list; it
 * is nobody's process, or the mount's user's, and has no word with the server. */
static const Rule resolves[] = {
    ALLOW(readv, "modules"),
    ALLOW(writev, "modules"),
    ALLOW(pread64, "modules"),
    ALLOW(pwrite64, "modules"),
    ALLOW(flock, "modules"),
    ALLOW(pipe, "modules"),
    ALLOW(pipe2, "modules"),
    ALLOW(eventfd, "modules"),
    ALLOW(eventfd2, "modules"),
    ALLOW(epoll_create1, "modules"),
    ALLOW(epoll_ctl, "modules"),
    ALLOW(epoll_wait, "modules"),
    ALLOW(epoll_pwait, "modules"),
    ALLOW(timerfd_create, "modules"),
    ALLOW(timerfd_settime, "modules"),
    ALLOW(timerfd_settime64, "modules"),
    ALLOW(select, "modules"),
    ALLOW(_newselect, "modules"),
    ALLOW(pselect6, "modules"),
    ALLOW(pselect6_time64, "modules"),
    ALLOW_IF(fcntl, "modules copy descriptors", IS(1, F_DUPFD)),
    ALLOW_IF(fcntl, "modules copy descriptors", IS(1, F_DUPFD_CLOEXEC)),
    ALLOW_IF(fcntl64, "modules copy descriptors", IS(1, F_DUPFD)),
    ALLOW_IF(fcntl64, "modules copy descriptors", IS(1, F_DUPFD_CLOEXEC)),
    ALLOW_IF(open, "sss maps its cache, /dev/null", NONE_OF(1, MAKES)),
    ALLOW_IF(openat, "sss maps its cache, /dev/null", NONE_OF(2, MAKES)),
    ALLOW_IF(dup2, "/dev/null in the terminal's place", UP_TO(1, 2)),
    ALLOW_IF(dup3, "/dev/null in the terminal's place", UP_TO(1, 2)),
    ALLOW_IF(ioctl, "isatty()", IS(1, TCGETS)),
    ALLOW_IF(ioctl, "name servers", IS(1, FIONREAD)),
    ALLOW_IF(ioctl, "name servers", IS(1, FIONBIO)),
    ALLOW_IF(socket, "name servers", IS(0, AF_INET)),
    ALLOW_IF(socket, "name servers", IS(0, AF_INET6)),
    ALLOW_IF(socket, "nscd, sssd, systemd-resolved", IS(0, AF_UNIX)),
    ALLOW_IF(socket, "this machine's addresses", IS(0, AF_NETLINK), IS(2, 0)),
    ALLOW_IF(socketpair, "modules", IS(0, AF_UNIX)),
    ALLOW(bind, "this machine's addresses"),
    ALLOW(connect, "name servers"),
    ALLOW(send, "name servers"),
    ALLOW(sendto, "name servers"),
    ALLOW(sendmsg, "name servers"),
    ALLOW(sendmmsg, "name servers"),
    ALLOW(recv, "name servers"),
    ALLOW(recvfrom, "name servers"),
    ALLOW(recvmsg, "questions"),
    ALLOW(recvmmsg, "name servers"),
    ALLOW(recvmmsg_time64, "name servers"),
    ALLOW(shutdown, "name servers"),
    ALLOW(getsockname, "name servers"),
    ALLOW(getpeername, "name servers"),
    ALLOW(getsockopt, "name servers"),
    ALLOW(setsockopt, "name servers"),
#if defined(__i386__) || defined(__s390x__)
    ALLOW_IF(socketcall, "sockets; its arguments lie in memory", NONE_OF(0, ~31U)),
#endif
};

/* Root's mounter, once it has mounted. Files are read alone: it is in no Landlock domain, which
 * could not unmount. */
static const Rule unmounts[] = {
    ALLOW(recvmsg, "its one word"),
    ALLOW(sendmsg, "its answer"),
#ifdef SYS_poll
    ALLOW(poll, "its word, or the end of the mount"),
#endif
    ALLOW(ppoll, "its word, or the end of the mount"),
#ifdef SYS_ppoll_time64
    ALLOW(ppoll_time64, "its word, or the end of the mount"),
#endif
    ALLOW(umount2, "what it is there for"),
    ALLOW(chdir, "the mountpoint by its directory"),
    ALLOW(fchdir, "the mountpoint by its directory"),
    ALLOW(shutdown, "its socket"),
    ALLOW_IF(ioctl, "isatty()", IS(1, TCGETS)),
#if defined(__i386__) || defined(__s390x__)
    ALLOW_IF(socketcall, "sockets; its arguments lie in memory", NONE_OF(0, ~31U)),
#endif
};

/* What libraries try and can do without. */
static const RuleAnswer answers[] = {
    {SYS_clone3, ENOSYS}, /* then clone, whose flags can be looked at */
    {SYS_futex_waitv, ENOSYS},  {SYS_socket, EAFNOSUPPORT},
    {SYS_memfd_create, ENOSYS}, {SYS_fchmodat2, ENOSYS},
};

gsize seccomp_rules_for(SandboxRole role, RuleTable tables[RULE_TABLES])
{
    static const RuleTable roles[] = {
        [SANDBOX_SERVES] = {serves, G_N_ELEMENTS(serves)},
        [SANDBOX_RESOLVES] = {resolves, G_N_ELEMENTS(resolves)},
        [SANDBOX_UNMOUNTS] = {unmounts, G_N_ELEMENTS(unmounts)},
    };
    tables[0] = (RuleTable){common, G_N_ELEMENTS(common)};
    tables[1] = roles[role];
    return 2;
}

const RuleAnswer *seccomp_rules_answers(gsize *count)
{
    *count = G_N_ELEMENTS(answers);
    return answers;
}
