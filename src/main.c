/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ftpsfs: what the command line asks for. For a mount (mount.h): options -> helpers ->
 * credentials -> background -> sandbox -> remote -> tree -> mount -> loop -> unmount.
 *
 * Three processes make a mount. The one that talks to the server has no privileges and sees few
 * files. What takes more is left to helpers, which are started before it has secrets: the mounter
 * (fs/mounter.h), which mounts and unmounts, and the resolver (util/resolver.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "describe.h"
#include "ftpsfs/config/config.h"
#include "ftpsfs/fs/fs.h"
#include "ftpsfs/fs/premounted.h"
#include "ftpsfs/ftp/deflate.h"
#include "ftpsfs/util/log.h"
#include "ftpsfs/util/sandbox.h"
#include "inherited.h"
#include "mount.h"
#include "probe.h"
#include "verbs.h"
#include "version.h"

/* mount(8)'s exit status for "mount failure"; 1 is for a wrong invocation. */
#define EXIT_MOUNT 32

/* Tells the process that waits in the foreground how the mount went, and lets go of the terminal.
 */
static void report_ready(int ready_fd)
{
    if (ready_fd < 0)
        return;
    char ok = '\0';
    if (write(ready_fd, &ok, 1) != 1)
        g_warning("the process that waits for this mount can't be told that it is there: %s",
                  g_strerror(errno));
    close(ready_fd);
    log_to_system();
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++)
        dup2(null_fd, fd);
    if (null_fd > 2)
        close(null_fd);
}

static int fail(const MountConfig *config, const GError *error)
{
    g_printerr("ftpsfs: %s\n", error->message);
    return config != NULL && config->helper ? EXIT_MOUNT : EXIT_FAILURE;
}

/* The whole life of a mount, which is taken. `ready_fd` as in report_ready; -1 in the foreground.
 */
static int serve(Mount *mount, const MountConfig *config, int ready_fd)
{
    g_autoptr(Mount) owned = mount;
    g_autoptr(GError) error = NULL;
    if (!mount_open(owned, &error))
        return fail(config, error);
    report_ready(ready_fd);
    return mount_serve(owned) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Waits in the foreground until the child has mounted or failed; its messages go to stderr. */
static int wait_for_mount(const MountConfig *config, pid_t child, int ready_fd)
{
    char ok = '\0';
    ssize_t got;
    do {
        got = read(ready_fd, &ok, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1)
        return EXIT_SUCCESS;
    int status = 0;
    if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
        g_printerr("ftpsfs: ended by signal %d before it had mounted\n", WTERMSIG(status));
    return config->helper ? EXIT_MOUNT : EXIT_FAILURE;
}

/* Goes to the background before there are threads; the caller's process stays until the mount is
 * there or has failed. The mount is taken. */
static int serve_in_background(Mount *mount, const MountConfig *config)
{
    g_autoptr(Mount) owned = mount;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        g_printerr("ftpsfs: no pipe: %s; raise the limit of open files (ulimit -n)\n",
                   g_strerror(errno));
        return EXIT_FAILURE;
    }
    pid_t child = fork();
    if (child < 0) {
        g_printerr("ftpsfs: no new process: %s; raise the limit of processes (ulimit -u)\n",
                   g_strerror(errno));
        return EXIT_FAILURE;
    }
    if (child > 0) {
        close(fds[1]);
        mount_leave(g_steal_pointer(&owned));
        return wait_for_mount(config, child, fds[0]);
    }
    close(fds[0]);
    mount_keep(owned);
    setsid();
    if (chdir("/") != 0)
        g_warning("the directory / can't be entered, so the one that ftpsfs was started in stays "
                  "in use: %s",
                  g_strerror(errno));
    return serve(g_steal_pointer(&owned), config, fds[1]);
}

static void print_version(void)
{
    const char *zlib = deflate_version();
    g_print("ftpsfs %s (libfuse %s, GnuTLS %s, GLib %u.%u.%u, %s%s)\n", FTPSFS_VERSION,
            fs_library_version(), gnutls_check_version(NULL), glib_major_version,
            glib_minor_version, glib_micro_version, zlib != NULL ? "zlib " : "without zlib",
            zlib != NULL ? zlib : "");
}

typedef struct {
    int count;
    char **words;
    const GArray *inherited; /* see inherited_find */
} Arguments;

/* What ps(1) shows of a helper, in place of the command line that it was copied with. The words lie
 * behind one another. */
static void set_title(gpointer data, const char *title)
{
    const Arguments *arguments = data;
    char *first = arguments->words[0];
    char *last = arguments->words[arguments->count - 1];
    gsize space = (gsize)(last - first) + strlen(last) + 1;
    g_autofree char *text = g_strdup_printf("ftpsfs: %s", title);
    memset(first, 0, space);
    g_strlcpy(first, text, space);
}

static int mount_and_serve(MountConfig *config, Arguments *arguments)
{
    g_autoptr(GError) error = NULL;
    if (mountpoint_is_passed(config) &&
        !premounted_check(config->mountpoint, config->told_safe, &error))
        return fail(config, error);
    g_autoptr(Mount) mount = mount_new(config, set_title, arguments, &error);
    if (mount == NULL)
        return fail(config, error);
    config_let_go(config);
    if (!mount_find_credentials(mount, &error))
        return fail(config, error);
    inherited_close(arguments->inherited, config->mountpoint);
    return config->foreground ? serve(g_steal_pointer(&mount), config, -1)
                              : serve_in_background(g_steal_pointer(&mount), config);
}

/* -d and mount -v say more than log_level=. */
static void set_log_level(const MountConfig *config)
{
    static const GLogLevelFlags levels[] = {
        [CONFIG_LOG_ERROR] = G_LOG_LEVEL_CRITICAL,  [CONFIG_LOG_WARNING] = G_LOG_LEVEL_WARNING,
        [CONFIG_LOG_MESSAGE] = G_LOG_LEVEL_MESSAGE, [CONFIG_LOG_INFO] = G_LOG_LEVEL_INFO,
        [CONFIG_LOG_DEBUG] = G_LOG_LEVEL_DEBUG,
    };
    GLogLevelFlags level = levels[config->log_level];
    if (config->debug)
        level = G_LOG_LEVEL_DEBUG;
    else if (config->verbose)
        level = MAX(level, G_LOG_LEVEL_INFO);
    log_set_level(level);
    log_set_mount(config->mountpoint);
}

int main(int argc, char **argv)
{
    g_autoptr(GArray) inherited = inherited_find();
    setlocale(LC_CTYPE, "");
    log_init(G_LOG_LEVEL_MESSAGE);
    sandbox_hide_memory();
    g_autoptr(GError) error = NULL;
    g_autoptr(MountConfig) config = config_parse(argc, argv, &error);
    if (config == NULL)
        return fail(NULL, error);
    if (config->action == CONFIG_HELP) {
        g_autofree char *help = config_help();
        g_print("%s", help);
        return EXIT_SUCCESS;
    }
    if (config->action == CONFIG_PRINT) {
        g_print("%s", config->printed);
        return EXIT_SUCCESS;
    }
    if (config->action == CONFIG_VERSION) {
        print_version();
        return EXIT_SUCCESS;
    }
    if (config->action == CONFIG_DESCRIBE)
        return describe_run(config);
    if (verbs_have(config))
        return verbs_run(config);
    set_log_level(config);
    if (config->fake)
        return EXIT_SUCCESS;
    signal(SIGPIPE, SIG_IGN);
    if (config->action == CONFIG_PROBE)
        return probe_run(config);
    Arguments arguments = {.count = argc, .words = argv, .inherited = inherited};
    return mount_and_serve(config, &arguments);
}
