/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody would try who has taken over a process of a mount: each by its system call, in a
 * process that has entered the sandbox of that role. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "ftpsfs/util/sandbox.h"

/* Newer than some headers; the same numbers everywhere. */
#define CALL_PIDFD_SEND_SIGNAL 424
#define CALL_IO_URING_SETUP    425
#define CALL_OPEN_TREE         428
#define CALL_MOVE_MOUNT        429
#define CALL_FSOPEN            430
#define CALL_PIDFD_OPEN        434
#define CALL_CLONE3            435
#define CALL_OPENAT2           437
#define CALL_PIDFD_GETFD       438
#define CALL_FCHMODAT2         452
#define CALL_SETXATTRAT        463
#define CALL_UNKNOWN           1999

typedef struct {
    char *inside;  /* a directory within reach */
    char *outside; /* one without */
    char *foreign; /* a file there, */
    int foreign_fd;
    char *local;  /* a stream socket there */
    pid_t other;  /* a process */
    int pair[2];  /* SOCK_SEQPACKET; the first end is the receiver */
    int inbox;    /* a datagram socket, */
    int sender;   /* and one that is connected to it */
    int terminal; /* a pseudo terminal */
} Scene;

/* A system call and what it is answered: an errno. */
typedef struct {
    const char *what;
    int wanted;
    long number;
    long arguments[6];
} Attempt;

#define WORKS 0
#define P(x)  ((long)(guintptr)(x))

static struct sockaddr_un at_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    return address;
}

static int bound(const char *path, int type)
{
    struct sockaddr_un address = at_path(path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address), ==,
                    0);
    return fd;
}

static pid_t start_other(void)
{
    pid_t other = fork();
    g_assert_cmpint(other, >=, 0);
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return other;
}

static void setup(Scene *scene, gconstpointer data)
{
    (void)data;
    scene->inside = g_dir_make_tmp("ftpsfs-inside-XXXXXX", NULL);
    scene->outside = g_dir_make_tmp("ftpsfs-outside-XXXXXX", NULL);
    scene->foreign = g_build_filename(scene->outside, "file", NULL);
    g_assert_true(g_file_set_contents(scene->foreign, "x", 1, NULL));
    scene->foreign_fd = open(scene->foreign, O_RDONLY | O_CLOEXEC);
    scene->local = g_build_filename(scene->outside, "socket", NULL);
    scene->inbox = bound(scene->local, SOCK_DGRAM);
    scene->sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = at_path(scene->local);
    g_assert_cmpint(
        connect(scene->sender, (const struct sockaddr *)(const void *)&address, sizeof address), ==,
        0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scene->pair), ==, 0);
    g_assert_cmpint(send(scene->pair[1], "m", 1, 0), ==, 1);
    scene->terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(scene->terminal, >=, 0);
    scene->other = start_other();
}

static void teardown(Scene *scene, gconstpointer data)
{
    (void)data;
    kill(scene->other, SIGKILL);
    waitpid(scene->other, NULL, 0);
    int fds[] = {scene->foreign_fd, scene->inbox,   scene->sender,
                 scene->terminal,   scene->pair[0], scene->pair[1]};
    for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
    g_unlink(scene->foreign);
    g_unlink(scene->local);
    g_assert_cmpint(g_rmdir(scene->inside), ==, 0);
    g_assert_cmpint(g_rmdir(scene->outside), ==, 0);
    g_free(scene->inside);
    g_free(scene->outside);
    g_free(scene->foreign);
    g_free(scene->local);
}

/* Whether the call is answered so. The child has the sandbox of `options` and nothing but this call
 * to do. */
static gboolean answered(const SandboxOptions *options, const Attempt *attempt)
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        if (!sandbox_enter(options, NULL))
            _exit(255);
        const long *a = attempt->arguments;
        errno = 0;
        long result = syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        _exit(result >= 0 ? 0 : errno);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    if (code != attempt->wanted)
        g_printerr("%s: %s\n", attempt->what, code == 0 ? "works" : g_strerror(code));
    return code == attempt->wanted;
}

/* All of them are tried, and those are named that are not answered as they should be. */
static void try_all(const SandboxOptions *options, const Attempt *attempts, gsize count)
{
    g_autoptr(GString) wrong = g_string_new(NULL);
    for (gsize i = 0; i < count && !SANDBOX_SANITIZED; i++)
        if (!answered(options, &attempts[i]))
            g_string_append_printf(wrong, "%s%s", wrong->len > 0 ? "; " : "", attempts[i].what);
    g_assert_cmpstr(wrong->str, ==, "");
}

/* The sandbox of the process that talks to the server. */
static void try_serving(const Scene *scene, const Attempt *attempts, gsize count)
{
    const char *write[] = {scene->inside, NULL};
    SandboxOptions options = {
        .role = SANDBOX_SERVES,
        .files = SANDBOX_CLOSED,
        .write = write,
        .receiver = scene->pair[0],
        .senders = {scene->sender},
    };
    try_all(&options, attempts, count);
}

static void test_files(Scene *scene, gconstpointer data)
{
    (void)data;
    struct timespec times[2] = {{0}};
    g_autofree char *new = g_build_filename(scene->inside, "new", NULL);
    guint64 how[3] = {O_CREAT | O_RDWR, 04755, 0};
    const Attempt attempts[] = {
#ifdef SYS_chmod
        {"chmod of a foreign file", EPERM, SYS_chmod, {P(scene->foreign), 04755}},
        {"chown", EPERM, SYS_chown, {P(scene->foreign), 0, 0}},
        {"lchown", EPERM, SYS_lchown, {P(scene->foreign), 0, 0}},
        {"utimes", EPERM, SYS_utimes, {P(scene->foreign), 0}},
        {"creat 04755", EPERM, SYS_creat, {P(new), 04755}},
        {"open 04755", EPERM, SYS_open, {P(new), O_CREAT | O_RDWR, 04755}},
        {"mknod", EPERM, SYS_mknod, {P(new), S_IFREG | 04755, 0}},
        {"symlink", EPERM, SYS_symlink, {P("/etc"), P(new)}},
#endif
#ifdef SYS_utime
        {"utime", EPERM, SYS_utime, {P(scene->foreign), 0}},
#endif
        {"fchmod", EPERM, SYS_fchmod, {scene->foreign_fd, 04755}},
        {"fchmod without set-id", EPERM, SYS_fchmod, {scene->foreign_fd, 0666}},
        {"fchmodat", EPERM, SYS_fchmodat, {AT_FDCWD, P(scene->foreign), 04755}},
        {"fchmodat2", ENOSYS, CALL_FCHMODAT2, {AT_FDCWD, P(scene->foreign), 04755, 0}},
        {"fchown", EPERM, SYS_fchown, {scene->foreign_fd, 0, 0}},
        {"fchownat", EPERM, SYS_fchownat, {AT_FDCWD, P(scene->foreign), 0, 0, 0}},
        {"setxattr", EPERM, SYS_setxattr, {P(scene->foreign), P("user.x"), P("y"), 1, 0}},
        {"lsetxattr", EPERM, SYS_lsetxattr, {P(scene->foreign), P("user.x"), P("y"), 1, 0}},
        {"fsetxattr", EPERM, SYS_fsetxattr, {scene->foreign_fd, P("user.x"), P("y"), 1, 0}},
        {"setxattrat", EPERM, CALL_SETXATTRAT, {AT_FDCWD, P(scene->foreign), 0, P("user.x")}},
        {"removexattr", EPERM, SYS_removexattr, {P(scene->foreign), P("user.x")}},
        {"utimensat", EPERM, SYS_utimensat, {AT_FDCWD, P(scene->foreign), 0, 0}},
        {"futimens to a chosen time", EPERM, SYS_utimensat, {scene->foreign_fd, 0, P(times), 0}},
        {"openat 04755", EPERM, SYS_openat, {AT_FDCWD, P(new), O_CREAT | O_RDWR, 04755}},
        {"openat of a nameless file, 02755",
         EPERM,
         SYS_openat,
         {AT_FDCWD, P(scene->inside), O_TMPFILE | O_RDWR, 02755}},
        {"openat2", EPERM, CALL_OPENAT2, {AT_FDCWD, P(new), P(how), sizeof how}},
        {"mkdirat 02777", EPERM, SYS_mkdirat, {AT_FDCWD, P(new), 02777}},
        {"mknodat", EPERM, SYS_mknodat, {AT_FDCWD, P(new), S_IFREG | 04755, 0}},
        {"symlinkat", EPERM, SYS_symlinkat, {P("/etc"), AT_FDCWD, P(new)}},
        {"/etc/shadow", EACCES, SYS_openat, {AT_FDCWD, P("/etc/shadow"), O_RDONLY}},
        {"a new file in /run", EACCES, SYS_openat, {AT_FDCWD, P("/run/ftpsfs-x"), O_CREAT, 0600}},
        {"the foreign file", EACCES, SYS_openat, {AT_FDCWD, P(scene->foreign), O_RDONLY}},
        {"open_by_handle_at", EPERM, SYS_open_by_handle_at, {AT_FDCWD, 0, 0}},
        {"chroot", EPERM, SYS_chroot, {P("/")}},
        {"futimens to now", WORKS, SYS_utimensat, {scene->foreign_fd, 0, 0, 0}},
    };
    try_serving(scene, attempts, G_N_ELEMENTS(attempts));
}

static void test_sockets(Scene *scene, gconstpointer data)
{
    (void)data;
    struct sockaddr_un address = at_path(scene->local);
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
    int one = 1, pair[2];
    const Attempt attempts[] = {
        {"a local stream socket", EAFNOSUPPORT, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
        {"a local datagram socket", EAFNOSUPPORT, SYS_socket, {AF_UNIX, SOCK_DGRAM, 0}},
        {"a local seqpacket socket", EAFNOSUPPORT, SYS_socket, {AF_UNIX, SOCK_SEQPACKET, 0}},
        {"a pair of streams", EPERM, SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, P(pair)}},
        {"a pair of datagram sockets", EPERM, SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, P(pair)}},
        {"the sender elsewhere", EPERM, SYS_connect, {scene->sender, P(&address), sizeof address}},
        {"a message elsewhere", EPERM, SYS_sendmsg, {scene->sender, P(&message), 0}},
        {"a datagram elsewhere",
         EPERM,
         SYS_sendto,
         {scene->sender, P(&byte), 1, 0, P(&address), sizeof address}},
        {"many messages elsewhere", EPERM, SYS_sendmmsg, {scene->sender, P(&message), 1, 0}},
        {"a copy of the sender", EPERM, SYS_dup, {scene->sender}},
        {"a copy of the sender, numbered", EPERM, SYS_dup3, {scene->sender, 0, 0}},
        {"a copy by fcntl", EPERM, SYS_fcntl, {scene->sender, F_DUPFD, 10}},
        {"a copy by fcntl, closing", EPERM, SYS_fcntl, {scene->sender, F_DUPFD_CLOEXEC, 10}},
        {"a descriptor by another pair", EPERM, SYS_recvmsg, {scene->pair[1], P(&message), 0}},
        {"the receiver's number", EPERM, SYS_close, {scene->pair[0]}},
        {"UDP", EAFNOSUPPORT, SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
        {"raw IP", EAFNOSUPPORT, SYS_socket, {AF_INET, SOCK_RAW, 1}},
        {"SCTP", EAFNOSUPPORT, SYS_socket, {AF_INET, SOCK_STREAM, 132}},
        {"packets", EAFNOSUPPORT, SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
        {"netlink ROUTE", EAFNOSUPPORT, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}},
        {"netlink NETFILTER", EAFNOSUPPORT, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
        {"netlink XFRM", EAFNOSUPPORT, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_XFRM}},
        {"the kernel's ciphers", EAFNOSUPPORT, SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
        {"the host of a guest", EAFNOSUPPORT, SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
        {"listen", EPERM, SYS_listen, {scene->pair[0], 1}},
        {"a program on a socket",
         EPERM,
         SYS_setsockopt,
         {scene->pair[1], SOL_SOCKET, SO_ATTACH_FILTER, P(&one), sizeof one}},
        {"TLS in the kernel",
         EPERM,
         SYS_setsockopt,
         {scene->pair[1], IPPROTO_TCP, TCP_ULP, P("tls"), 3}},
        {"TCP", WORKS, SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}},
        {"a pair for the resolver", WORKS, SYS_socketpair, {AF_UNIX, SOCK_SEQPACKET, 0, P(pair)}},
        {"a message from the mounter", WORKS, SYS_recvmsg, {scene->pair[0], P(&message), 0}},
        {"a line of the log", WORKS, SYS_sendto, {scene->sender, P(&byte), 1, MSG_NOSIGNAL}},
    };
    try_serving(scene, attempts, G_N_ELEMENTS(attempts));
}

static void test_processes(Scene *scene, gconstpointer data)
{
    (void)data;
    struct rlimit64 limit = {0};
    long other = scene->other;
    siginfo_t info = {.si_code = SI_QUEUE};
    guint64 attributes[7] = {sizeof attributes};
    const char *words[] = {"true", NULL};
    struct iovec part = {0};
    const Attempt attempts[] = {
        {"kill of another process", EPERM, SYS_kill, {other, 0}},
        {"kill of all", EPERM, SYS_kill, {-1, 0}},
        {"kill of the group", EPERM, SYS_kill, {0, 0}},
        {"tgkill", EPERM, SYS_tgkill, {other, other, 0}},
        {"tkill", EPERM, SYS_tkill, {other, 0}},
        {"rt_sigqueueinfo", EPERM, SYS_rt_sigqueueinfo, {other, SIGCONT, P(&info)}},
        {"a signal by fcntl", EPERM, SYS_fcntl, {scene->pair[1], F_SETOWN, other}},
        {"pidfd_open", EPERM, CALL_PIDFD_OPEN, {other, 0}},
        {"pidfd_getfd", EPERM, CALL_PIDFD_GETFD, {0, 0, 0}},
        {"pidfd_send_signal", EPERM, CALL_PIDFD_SEND_SIGNAL, {0, 0, 0, 0}},
        {"limits of another", EPERM, SYS_prlimit64, {other, RLIMIT_NOFILE, 0, P(&limit)}},
        {"other limits for another", EPERM, SYS_prlimit64, {other, RLIMIT_NOFILE, P(&limit), 0}},
        {"other limits for itself", EPERM, SYS_prlimit64, {0, RLIMIT_CORE, P(&limit), 0}},
        {"ptrace", EPERM, SYS_ptrace, {PTRACE_SEIZE, other, 0, 0}},
        {"process_vm_readv", EPERM, SYS_process_vm_readv, {other, P(&part), 1, P(&part), 1, 0}},
        {"kcmp", EPERM, SYS_kcmp, {other, other, 0, 0, 0}},
        {"sched_setattr", EPERM, SYS_sched_setattr, {other, P(attributes), 0}},
        {"setpriority", EPERM, SYS_setpriority, {PRIO_PROCESS, other, 5}},
        {"execve", EPERM, SYS_execve, {P("/bin/true"), P(words), P(words + 1)}},
        {"execveat", EPERM, SYS_execveat, {AT_FDCWD, P("/bin/true"), P(words), P(words + 1), 0}},
        {"fork", EPERM, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
        {"a process in a new user namespace", EPERM, SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0}},
        {"clone3", ENOSYS, CALL_CLONE3, {0, 0}},
        {"unshare", EPERM, SYS_unshare, {CLONE_NEWUSER}},
        {"setns", EPERM, SYS_setns, {scene->foreign_fd, 0}},
        {"setresuid", EPERM, SYS_setresuid, {-1, -1, -1}},
        {"being dumped", EPERM, SYS_prctl, {PR_SET_DUMPABLE, 1, 0, 0, 0}},
        {"its name", WORKS, SYS_prctl, {PR_SET_NAME, P("name"), 0, 0, 0}},
        {"its own limits", WORKS, SYS_prlimit64, {0, RLIMIT_NOFILE, 0, P(&limit)}},
    };
    try_serving(scene, attempts, G_N_ELEMENTS(attempts));
}

static void test_kernel(Scene *scene, gconstpointer data)
{
    (void)data;
    long size = sysconf(_SC_PAGESIZE);
    void *page =
        mmap(NULL, (gsize)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char byte = 'x';
    struct termios line;
    const Attempt attempts[] = {
#ifdef SYS_modify_ldt
        {"modify_ldt", EPERM, SYS_modify_ldt, {0, P(page), 8}},
        {"iopl", EPERM, SYS_iopl, {0}},
#endif
        {"TIOCSTI", EPERM, SYS_ioctl, {scene->terminal, TIOCSTI, P(&byte)}},
        {"TIOCLINUX", EPERM, SYS_ioctl, {scene->terminal, TIOCLINUX, P(&byte)}},
        {"TIOCSCTTY", EPERM, SYS_ioctl, {scene->terminal, TIOCSCTTY, 0}},
        {"TIOCSETD", EPERM, SYS_ioctl, {scene->terminal, TIOCSETD, P(page)}},
        {"TCSETS", EPERM, SYS_ioctl, {scene->terminal, TCSETS, P(page)}},
        {"memory to write and run",
         EPERM,
         SYS_mmap,
         {0, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"memory to run",
         EPERM,
         SYS_mmap,
         {0, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"written memory to run", EPERM, SYS_mprotect, {P(page), size, PROT_READ | PROT_EXEC}},
        {"memfd_create", ENOSYS, SYS_memfd_create, {P("x"), 0}},
        {"bpf", EPERM, SYS_bpf, {0, 0, 0}},
        {"io_uring_setup", EPERM, CALL_IO_URING_SETUP, {1, P(page)}},
        {"perf_event_open", EPERM, SYS_perf_event_open, {0, 0, -1, -1, 0}},
        {"userfaultfd", EPERM, SYS_userfaultfd, {0}},
        {"keyctl", EPERM, SYS_keyctl, {0, 0, 0, 0, 0}},
        {"seccomp", EPERM, SYS_seccomp, {0, 0, 0}},
        {"mount", EPERM, SYS_mount, {0, P(scene->inside), P("tmpfs"), 0, 0}},
        {"umount2", EPERM, SYS_umount2, {P(scene->inside), 0}},
        {"fsopen", EPERM, CALL_FSOPEN, {P("tmpfs"), 0}},
        {"open_tree", EPERM, CALL_OPEN_TREE, {AT_FDCWD, P("/"), 1}},
        {"move_mount", EPERM, CALL_MOVE_MOUNT, {AT_FDCWD, P("/"), AT_FDCWD, P("/"), 0}},
        {"pivot_root", EPERM, SYS_pivot_root, {P("/"), P("/")}},
        {"personality", EPERM, SYS_personality, {0xffffffffL}},
        {"the kernel's log", EPERM, SYS_syslog, {10, 0, 0}},
        {"fanotify_init", EPERM, SYS_fanotify_init, {0, 0}},
        {"inotify_init1", EPERM, SYS_inotify_init1, {0}},
        {"sethostname", EPERM, SYS_sethostname, {P("x"), 1}},
        {"clock_settime", EPERM, SYS_clock_settime, {0, P(page)}},
        {"init_module", EPERM, SYS_init_module, {0, 0, 0}},
        {"reboot", EPERM, SYS_reboot, {0, 0, 0, 0}},
        {"a call of a later kernel", ENOSYS, CALL_UNKNOWN, {0}},
        {"isatty", WORKS, SYS_ioctl, {scene->terminal, TCGETS, P(&line)}},
    };
    try_serving(scene, attempts, G_N_ELEMENTS(attempts));
    munmap(page, (gsize)size);
}

static void test_resolver(Scene *scene, gconstpointer data)
{
    (void)data;
    SandboxOptions options = {.role = SANDBOX_RESOLVES, .files = SANDBOX_SYSTEM};
    g_autofree char *new = g_build_filename(scene->inside, "new", NULL);
    const Attempt attempts[] = {
        {"chmod", EPERM, SYS_fchmodat, {AT_FDCWD, P("/etc"), 0777}},
        {"fchmod", EPERM, SYS_fchmod, {scene->foreign_fd, 0666}},
        {"a new file", EPERM, SYS_openat, {AT_FDCWD, P(new), O_CREAT | O_RDWR, 0600}},
        {"unlinkat", EPERM, SYS_unlinkat, {AT_FDCWD, P(scene->foreign), 0}},
        {"renameat", EPERM, SYS_renameat2, {AT_FDCWD, P(scene->foreign), AT_FDCWD, P(new), 0}},
        {"execve", EPERM, SYS_execve, {P("/bin/true"), 0, 0}},
        {"fork", EPERM, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
        {"kill", EPERM, SYS_kill, {scene->other, 0}},
        {"ptrace", EPERM, SYS_ptrace, {PTRACE_SEIZE, scene->other, 0, 0}},
        {"pidfd_open", EPERM, CALL_PIDFD_OPEN, {scene->other, 0}},
        {"netlink NETFILTER", EAFNOSUPPORT, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
        {"packets", EAFNOSUPPORT, SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
        {"mount", EPERM, SYS_mount, {0, P(scene->inside), P("tmpfs"), 0, 0}},
        {"unshare", EPERM, SYS_unshare, {CLONE_NEWUSER}},
        {"memory to write and run",
         EPERM,
         SYS_mmap,
         {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"UDP", WORKS, SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
        {"a local service", WORKS, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
        {"addresses", WORKS, SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}},
    };
    try_all(&options, attempts, G_N_ELEMENTS(attempts));
}

static void test_mounter(Scene *scene, gconstpointer data)
{
    (void)data;
    SandboxOptions options = {
        .role = SANDBOX_UNMOUNTS, .capabilities = ~G_GUINT64_CONSTANT(0), .files = SANDBOX_OPEN};
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    const Attempt attempts[] = {
        {"mount", EPERM, SYS_mount, {0, P(scene->inside), P("tmpfs"), 0, 0}},
        {"a file to write to", EPERM, SYS_openat, {AT_FDCWD, P(scene->foreign), O_RDWR}},
        {"a new file", EPERM, SYS_openat, {AT_FDCWD, P(scene->inside), O_TMPFILE | O_RDWR, 0600}},
        {"a file cut off", EPERM, SYS_openat, {AT_FDCWD, P(scene->foreign), O_TRUNC}},
        {"openat2", EPERM, CALL_OPENAT2, {AT_FDCWD, P(scene->foreign), 0, 0}},
        {"chmod", EPERM, SYS_fchmodat, {AT_FDCWD, P(scene->foreign), 04755}},
        {"unlinkat", EPERM, SYS_unlinkat, {AT_FDCWD, P(scene->foreign), 0}},
        {"execve", EPERM, SYS_execve, {P("/bin/true"), 0, 0}},
        {"fork", EPERM, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
        {"TCP", EAFNOSUPPORT, SYS_socket, {AF_INET, SOCK_STREAM, 0}},
        {"a local service", EAFNOSUPPORT, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
        {"kill", EPERM, SYS_kill, {scene->other, 0}},
        {"ptrace", EPERM, SYS_ptrace, {PTRACE_SEIZE, scene->other, 0, 0}},
        {"setresuid", EPERM, SYS_setresuid, {-1, -1, -1}},
        {"unshare", EPERM, SYS_unshare, {CLONE_NEWNS}},
        {"bpf", EPERM, SYS_bpf, {0, 0, 0}},
        {"the mount table", WORKS, SYS_openat, {AT_FDCWD, P("/proc/self/mountinfo"), O_RDONLY}},
        {"its word", WORKS, SYS_recvmsg, {scene->pair[0], P(&message), 0}},
        /* Root is told that nothing is mounted there, others that they may not. */
        {"umount2", geteuid() == 0 ? EINVAL : EPERM, SYS_umount2, {P(scene->inside), MNT_DETACH}},
    };
    try_all(&options, attempts, G_N_ELEMENTS(attempts));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(path, function) g_test_add(path, Scene, NULL, setup, function, teardown)
    TEST("/sandbox calls/files have no new modes, owners, times or attributes", test_files);
    TEST("/sandbox calls/sockets lead to the server alone", test_sockets);
    TEST("/sandbox calls/other processes are out of reach", test_processes);
    TEST("/sandbox calls/the kernel is asked for nothing else", test_kernel);
    TEST("/sandbox calls/the resolver looks up names", test_resolver);
    TEST("/sandbox calls/root's mounter unmounts", test_mounter);
#undef TEST
    return g_test_run();
}
