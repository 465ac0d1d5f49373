/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *inside; /* a directory within reach */
    char *outside;
} Fixture;

static void setup(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->inside = g_dir_make_tmp("ftpsfs-inside-XXXXXX", NULL);
    fixture->outside = g_dir_make_tmp("ftpsfs-outside-XXXXXX", NULL);
    g_assert_nonnull(fixture->inside);
    g_assert_nonnull(fixture->outside);
}

static void teardown(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_assert_cmpint(g_rmdir(fixture->inside), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->outside), ==, 0);
    g_free(fixture->inside);
    g_free(fixture->outside);
}

/* The exit status of `check` in a process of its own that has entered the sandbox. */
static int within(const SandboxOptions *options, int (*check)(const Fixture *),
                  const Fixture *fixture)
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0)
        _exit(sandbox_enter(options, NULL) ? check(fixture) : 99);
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Makes and removes a file. 0 or an errno. */
static int write_in(const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "file", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return unlink(path) == 0 ? 0 : errno;
}

static int read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int check_inside(const Fixture *fixture)
{
    return write_in(fixture->inside);
}

static int check_outside(const Fixture *fixture)
{
    return write_in(fixture->outside);
}

static int check_passwords(const Fixture *fixture)
{
    (void)fixture;
    return read_file("/etc/passwd");
}

static int check_library(const Fixture *fixture)
{
    (void)fixture;
    return read_file("/etc/ld.so.cache");
}

static void test_files(Fixture *fixture, gconstpointer data)
{
    (void)data;
    const char *write[] = {fixture->inside, "/no/such/place", NULL};
    SandboxOptions closed = {.files = SANDBOX_CLOSED, .write = write};
    int refused = SANDBOX_SANITIZED ? 0 : EACCES;
    g_assert_cmpint(within(&closed, check_inside, fixture), ==, 0);
    g_assert_cmpint(within(&closed, check_library, fixture), ==, 0);
    g_assert_cmpint(within(&closed, check_outside, fixture), ==, refused);
    g_assert_cmpint(within(&closed, check_passwords, fixture), ==, refused);
}

static void test_system(Fixture *fixture, gconstpointer data)
{
    (void)data;
    SandboxOptions system = {.files = SANDBOX_SYSTEM};
    g_assert_cmpint(within(&system, check_passwords, fixture), ==, 0);
    g_assert_cmpint(within(&system, check_outside, fixture), ==, SANDBOX_SANITIZED ? 0 : EACCES);
}

static void test_open(Fixture *fixture, gconstpointer data)
{
    (void)data;
    SandboxOptions options = {.files = SANDBOX_OPEN};
    g_assert_cmpint(within(&options, check_outside, fixture), ==, 0);
    g_assert_cmpint(within(&options, check_passwords, fixture), ==, 0);
}

static int check_exec(const Fixture *fixture)
{
    (void)fixture;
    execl("/bin/true", "true", NULL);
    return errno;
}

static int check_fork(const Fixture *fixture)
{
    (void)fixture;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child < 0 ? errno : 0;
}

static int check_packets(const Fixture *fixture)
{
    (void)fixture;
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int check_sockets(const Fixture *fixture)
{
    (void)fixture;
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++) {
        int fd = socket(families[i], SOCK_STREAM, 0);
        if (fd < 0 && errno != EAFNOSUPPORT)
            return errno;
        close(fd);
    }
    return 0;
}

static gpointer give(gpointer data)
{
    return data;
}

static int check_thread(const Fixture *fixture)
{
    return g_thread_join(g_thread_new("thread", give, (gpointer)(guintptr)fixture)) != fixture;
}

/* Whether /proc says so of this process: "name:\tvalue". */
static gboolean status_is(const char *name, const char *value)
{
    g_autofree char *text = NULL;
    g_autofree char *wanted = g_strdup_printf("\n%s:\t%s\n", name, value);
    return g_file_get_contents("/proc/self/status", &text, NULL, NULL) &&
           strstr(text, wanted) != NULL;
}

static int check_privileges(const Fixture *fixture)
{
    (void)fixture;
    return status_is("NoNewPrivs", "1") && status_is("CapBnd", "0000000000000000") ? 0 : 1;
}

static void test_calls(Fixture *fixture, gconstpointer data)
{
    (void)data;
    SandboxOptions options = {.files = SANDBOX_OPEN};
    g_assert_cmpint(within(&options, check_thread, fixture), ==, 0);
    g_assert_cmpint(within(&options, check_sockets, fixture), ==, 0);
    g_assert_cmpint(within(&options, check_exec, fixture), ==, SANDBOX_SANITIZED ? 0 : EPERM);
    g_assert_cmpint(within(&options, check_fork, fixture), ==, SANDBOX_SANITIZED ? 0 : EPERM);
    if (!SANDBOX_SANITIZED)
        g_assert_cmpint(within(&options, check_packets, fixture), ==, EAFNOSUPPORT);
}

static void test_privileges(Fixture *fixture, gconstpointer data)
{
    (void)data;
    SandboxOptions options = {.files = SANDBOX_OPEN};
    int expected = SANDBOX_SANITIZED || geteuid() != 0 ? 1 : 0;
    g_assert_cmpint(within(&options, check_privileges, fixture), ==, expected);
}

/* Becomes root anew, which changes no user; but with one that it does change the kernel takes a
 * default of the machine's, and that may be 1. */
static void test_memory(Fixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        if (!sandbox_become(0, 0, NULL, NULL))
            _exit(99);
        _exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    int expected = geteuid() != 0 ? 99 : SANDBOX_SANITIZED ? 1 : 0;
    g_assert_cmpint(WEXITSTATUS(status), ==, expected);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(path, function) g_test_add(path, Fixture, NULL, setup, function, teardown)
    TEST("/sandbox/closed, only what is named can be reached", test_files);
    TEST("/sandbox/for the system, it can be read but not written", test_system);
    TEST("/sandbox/open, files are as before", test_open);
    TEST("/sandbox/threads and connections go on, programs and processes don't", test_calls);
    TEST("/sandbox/privileges are gone and can't be gained", test_privileges);
    TEST("/sandbox/after becoming a user the memory is hidden", test_memory);
#undef TEST
    return g_test_run();
}
