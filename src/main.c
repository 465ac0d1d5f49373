/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ftpsfs: options -> remote -> tree -> mount -> loop -> unmount.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ftpsfs/config/config.h"
#include "ftpsfs/config/credentials.h"
#include "ftpsfs/fs/fs.h"
#include "ftpsfs/util/log.h"
#include "ftpsfs/util/statsfile.h"
#include "version.h"

static Trust *make_trust(const MountConfig *config, GError **error)
{
    TrustOptions options = {
        .verify = config->verify,
        .tls_min = config->tls_min,
        .ca_file = config->ca_file,
        .ca_path = config->ca_path,
        .crl_file = config->crl_file,
        .known_hosts = config->known_hosts,
        .cert = config->cert,
        .key = config->key,
        .priority = config->priority,
        .pins = config->pins != NULL ? (const char *const *)config->pins->pdata : NULL,
    };
    return trust_new(&options, error);
}

static Remote *connect_remote(const MountConfig *config, const Credentials *credentials,
                              Stats *stats, GError **error)
{
    g_autoptr(Trust) trust = make_trust(config, error);
    if (trust == NULL)
        return NULL;
    RemoteOptions options = {
        .host = config->source->host,
        .port = config->source->port,
        .explicit_tls = config->explicit_tls,
        .user = credentials->user,
        .password = credentials->password,
        .account = credentials->account,
        .directory = config->source->directory,
        .connections = config->connections,
        .timeout_s = config->timeout_s,
        .keepalive_s = config->keepalive_s,
        .idle_timeout_s = config->idle_timeout_s,
        .codepage = config->codepage,
    };
    return remote_new(&options, trust, stats, NULL, error);
}

static Files *make_files(const MountConfig *config, Remote *remote, Tree *tree, Stats *stats)
{
    FilesOptions options = {
        .cache_size = config->cache_size,
        .readahead = config->readahead,
        .prefetch = config->prefetch,
        .spool_dir = config->spool_dir,
        .lost_dir = config->lost_dir,
        .atomic_upload = config->atomic_upload,
        .connections = config->connections,
        .timeout_s = config->timeout_s,
    };
    return files_new(remote, tree, stats, &options);
}

/* Tells the process that waits in the foreground how the mount went, and lets go of the terminal.
 */
static void report_ready(int ready_fd)
{
    if (ready_fd < 0)
        return;
    char ok = '\0';
    if (write(ready_fd, &ok, 1) != 1)
        g_warning("nobody waits for this mount: %s", g_strerror(errno));
    close(ready_fd);
    log_to_system();
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++)
        dup2(null_fd, fd);
    if (null_fd > 2)
        close(null_fd);
}

/* The whole life of a mount. `ready_fd`: see report_ready; -1 in the foreground. */
static int serve(const MountConfig *config, const Credentials *credentials, int ready_fd)
{
    Stats stats = {0};
    statsfile_block();
    g_autoptr(GError) error = NULL;
    g_autoptr(Remote) remote = connect_remote(config, credentials, &stats, &error);
    if (remote == NULL) {
        g_printerr("ftpsfs: %s\n", error->message);
        return EXIT_FAILURE;
    }
    TreeOptions tree_options = {.timeout_s = config->dir_cache_timeout_s};
    g_autoptr(Tree) tree = tree_new(remote, &tree_options);
    g_autoptr(Files) files = make_files(config, remote, tree, &stats);
    FsOptions options = {
        .mountpoint = config->mountpoint,
        .fuse_options = config->fuse_options,
        .debug = config->debug,
        .uid = config->have_uid ? config->uid : getuid(),
        .gid = config->have_gid ? config->gid : getgid(),
        .umask_files = config->umask_files,
        .umask_dirs = config->umask_dirs,
    };
    g_autoptr(Fs) fs = fs_mount(remote, tree, files, &options, &error);
    if (fs == NULL) {
        g_printerr("ftpsfs: %s\n", error->message);
        return EXIT_FAILURE;
    }
    g_autoptr(StatsFile) stats_file = statsfile_start(&stats, config->stats_file);
    report_ready(ready_fd);
    gboolean ok = fs_serve(fs);
    /* In this order: no more requests; uploads end; connections end; then the last count. */
    g_clear_pointer(&fs, fs_free);
    g_clear_pointer(&files, files_free);
    g_clear_pointer(&tree, tree_free);
    g_clear_pointer(&remote, remote_free);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Waits in the foreground until the child has mounted or failed; its messages go to stderr. */
static int wait_for_mount(pid_t child, int ready_fd)
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
    return EXIT_FAILURE;
}

/* Goes to the background before there are threads; the caller's process stays until the mount is
 * there or has failed. */
static int serve_in_background(const MountConfig *config, const Credentials *credentials)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        g_printerr("ftpsfs: no pipe: %s\n", g_strerror(errno));
        return EXIT_FAILURE;
    }
    pid_t child = fork();
    if (child < 0) {
        g_printerr("ftpsfs: no new process: %s\n", g_strerror(errno));
        return EXIT_FAILURE;
    }
    if (child > 0) {
        close(fds[1]);
        return wait_for_mount(child, fds[0]);
    }
    close(fds[0]);
    setsid();
    if (chdir("/") != 0)
        g_warning("chdir /: %s", g_strerror(errno));
    return serve(config, credentials, fds[1]);
}

static void print_version(void)
{
    g_print("ftpsfs %s (GnuTLS %s, GLib %u.%u.%u)\n", FTPSFS_VERSION, gnutls_check_version(NULL),
            glib_major_version, glib_minor_version, glib_micro_version);
}

int main(int argc, char **argv)
{
    log_init(G_LOG_LEVEL_MESSAGE);
    g_autoptr(GError) error = NULL;
    g_autoptr(MountConfig) config = config_parse(argc, argv, &error);
    if (config == NULL) {
        g_printerr("ftpsfs: %s\n", error->message);
        return EXIT_FAILURE;
    }
    if (config->action == CONFIG_HELP) {
        g_autofree char *help = config_help();
        g_print("%s", help);
        return EXIT_SUCCESS;
    }
    if (config->action == CONFIG_VERSION) {
        print_version();
        return EXIT_SUCCESS;
    }
    if (config->debug)
        log_set_level(G_LOG_LEVEL_DEBUG);
    signal(SIGPIPE, SIG_IGN);
    g_autoptr(Credentials) credentials = credentials_find(config, &error);
    if (credentials == NULL) {
        g_printerr("ftpsfs: %s\n", error->message);
        return EXIT_FAILURE;
    }
    return config->foreground ? serve(config, credentials, -1)
                              : serve_in_background(config, credentials);
}
