/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ftpsfs: options -> helpers -> credentials -> sandbox -> remote -> tree -> mount -> loop ->
 * unmount.
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

#include "confine.h"
#include "describe.h"
#include "ftpsfs/config/config.h"
#include "ftpsfs/config/credentials.h"
#include "ftpsfs/fs/control.h"
#include "ftpsfs/fs/fs.h"
#include "ftpsfs/fs/mounter.h"
#include "ftpsfs/fs/premounted.h"
#include "ftpsfs/ftp/deflate.h"
#include "ftpsfs/util/log.h"
#include "ftpsfs/util/notify.h"
#include "ftpsfs/util/owners.h"
#include "ftpsfs/util/sandbox.h"
#include "ftpsfs/util/statsfile.h"
#include "inherited.h"
#include "probe.h"
#include "progress.h"
#include "setup.h"
#include "signals.h"
#include "verbs.h"
#include "version.h"

/* mount(8)'s exit status for "mount failure"; 1 is for a wrong invocation. */
#define EXIT_MOUNT 32

/* What main has made before the mount is served. */
typedef struct {
    const MountConfig *config;
    Credentials *credentials;
    Mounter *mounter;          /* NULL: mount.fuse3 has mounted */
    ResolverProcess *resolver; /* NULL: no names to look up, or no sandbox */
    int ready_fd;              /* see report_ready; -1 in the foreground */
} Start;

static void start_clear(Start *start)
{
    g_clear_pointer(&start->mounter, mounter_free);
    g_clear_pointer(&start->resolver, resolver_stop);
    g_clear_pointer(&start->credentials, credentials_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Start, start_clear)

/* How long a closed file waits for what programs do next to it: rename, chmod, utimens, unlink. */
#define WRITEBACK_DELAY_MS 200

/* *writeback stays NULL without -o writeback. */
static gboolean open_writeback(const MountConfig *config, const Identity *identity, Remote *remote,
                               Tree *tree, Stats *stats, Space *space, Writeback **writeback,
                               GError **error)
{
    if (!config->writeback || config->read_only)
        return TRUE;
    WritebackOptions options = {
        .directory = config->writeback_dir,
        .identity = identity,
        .connections = config->connections,
        .delay_ms = WRITEBACK_DELAY_MS,
    };
    *writeback = writeback_new(remote, tree, stats, space, &options, error);
    return *writeback != NULL;
}

static Files *make_files(const MountConfig *config, const Opened *opened, Remote *remote,
                         Tree *tree, Stats *stats, Space *space, Writeback *writeback)
{
    FilesOptions options = {
        .space = space,
        .writeback = writeback,
        .cache_size = config->cache_size,
        .disk = opened->disk,
        .readahead = config->readahead,
        .prefetch = config->prefetch,
        .spool_dir = opened->spool_dir,
        .rescue_dir = config->rescue_dir,
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

/* FsOptions.account for idmap=names. */
static char *name_of_account(RemoteAccount kind, guint32 id, gpointer data)
{
    return owners_name(data, kind == REMOTE_GROUP ? RESOLVER_GROUP : RESOLVER_USER, id);
}

static Fs *mount_fs(const Start *start, Remote *remote, Tree *tree, Files *files, Owners *owners,
                    GError **error)
{
    const MountConfig *config = start->config;
    g_autofree char *mounted = NULL;
    if (start->mounter != NULL) {
        mounted = mounter_mount(start->mounter, error);
        if (mounted == NULL)
            return NULL;
    }
    gboolean told = config->idmap != CONFIG_IDMAP_USER;
    FsOptions options = {
        .mountpoint = mounted != NULL ? mounted : config->mountpoint,
        .fuse_options = config->fuse_options,
        .debug = config->debug,
        .uid = config->have_uid ? config->uid : getuid(),
        .gid = config->have_gid ? config->gid : getgid(),
        .server_uid = told && !config->have_uid,
        .server_gid = told && !config->have_gid,
        .account = config->idmap == CONFIG_IDMAP_NAMES ? name_of_account : NULL,
        .account_data = owners,
        .umask_files = config->umask_files,
        .umask_dirs = config->umask_dirs,
    };
    return fs_mount(remote, tree, files, &options, error);
}

static int fail(const MountConfig *config, const GError *error)
{
    g_printerr("ftpsfs: %s\n", error->message);
    return config != NULL && config->helper ? EXIT_MOUNT : EXIT_FAILURE;
}

static void start_control(Control *control, const MountConfig *config, Remote *remote, Files *files,
                          Fs *fs, const Stats *stats)
{
    ControlSubject subject = {
        .remote = remote,
        .files = files,
        .fs = fs,
        .stats = stats,
        .server = config->server,
        .rescue_dir = config->rescue_dir,
        .connections = config->connections,
    };
    control_start(control, &subject);
}

/* Serves until the unmount, and sends what is left then. */
static gboolean run(Start *start, Signals *signals, const Opened *opened, Files *files, Fs **fs)
{
    Control *control = opened->control;
    gboolean ok = fs_serve(*fs);
    signals_drain(signals, files);
    notify_service_manager(opened->notify_fd,
                           "STOPPING=1\nSTATUS=Sending what is left, unmounting.");
    /* No more requests come before the uploads end. */
    g_clear_pointer(&start->mounter, mounter_free);
    control_leave_fs(control);
    g_clear_pointer(fs, fs_free);
    Progress *progress = start->config->foreground ? progress_start(control) : NULL;
    files_flush_last(files);
    progress_stop(progress);
    control_leave_files(control);
    signals_drain(signals, NULL);
    return ok;
}

/* The whole life of a mount. */
static int serve(Start *start)
{
    const MountConfig *config = start->config;
    Stats stats = {0};
    statsfile_block();
    signals_block();
    g_autoptr(GError) error = NULL;
    TrustOptions trust_options = setup_trust(config, start->credentials);
    g_autoptr(Trust) trust = trust_new(&trust_options, &error);
    /* A key that is loaded needs no passphrase any more. */
    g_clear_pointer(&start->credentials->key_password, secret_unref);
    g_auto(Opened) opened = {.notify_fd = -1};
    int receiver = start->mounter != NULL ? mounter_socket(start->mounter) : 0;
    if (trust == NULL || !confine(config, receiver, &opened, &error))
        return fail(config, error);
    setup_warn(config);
    g_autoptr(Signals) signals = signals_start();
    RemoteOptions remote_options = setup_remote(config, start->credentials, opened.trace);
    g_autoptr(Remote) remote = remote_new(&remote_options, trust, &stats, NULL, &error);
    if (remote == NULL)
        return fail(config, error);
    g_autoptr(Owners) owners = owners_new(start->resolver);
    g_autoptr(Tree) tree = setup_tree(config, remote, owners, &stats);
    g_autoptr(Identity) identity = setup_identity(config, start->credentials, trust);
    if (opened.disk != NULL)
        disk_set_source(opened.disk, identity);
    g_autoptr(Space) space = space_new(config->spool_size, config->timeout_s);
    g_autoptr(Writeback) writeback = NULL;
    if (!open_writeback(config, identity, remote, tree, &stats, space, &writeback, &error))
        return fail(config, error);
    g_autoptr(Files) files = make_files(config, &opened, remote, tree, &stats, space, writeback);
    signals_serve(signals);
    g_autoptr(Fs) fs = mount_fs(start, remote, tree, files, owners, &error);
    if (fs == NULL)
        return fail(config, error);
    statsfile_start(opened.stats_file, &stats);
    if (opened.control != NULL)
        start_control(opened.control, config, remote, files, fs, &stats);
    report_ready(start->ready_fd);
    notify_service_manager(opened.notify_fd, "READY=1\nSTATUS=Mounted.");
    gboolean ok = run(start, signals, &opened, files, &fs);
    /* In this order: connections end; then the last count. */
    g_clear_pointer(&files, files_free);
    g_clear_pointer(&writeback, writeback_free);
    g_clear_pointer(&tree, tree_free);
    g_clear_pointer(&remote, remote_free);
    confine_opened_clear(&opened);
    log_flush();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
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
 * there or has failed. */
static int serve_in_background(Start *start)
{
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
        mounter_leave(g_steal_pointer(&start->mounter));
        resolver_leave(g_steal_pointer(&start->resolver));
        return wait_for_mount(start->config, child, fds[0]);
    }
    close(fds[0]);
    credentials_lock(start->credentials);
    setsid();
    if (chdir("/") != 0)
        g_warning("the directory / can't be entered, so the one that ftpsfs was started in stays "
                  "in use: %s",
                  g_strerror(errno));
    start->ready_fd = fds[1];
    return serve(start);
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

/* Starts the helpers that the mount takes. */
static gboolean start_helpers(Start *start, Arguments *arguments, GError **error)
{
    const MountConfig *config = start->config;
    MounterOptions options = {
        .mountpoint = config->mountpoint,
        .mountpoint_fd = config->mountpoint_fd,
        .fuse_options = config->fuse_options,
        .uid = config->setuid_name != NULL ? config->setuid_uid : getuid(),
        .gid = config->setuid_name != NULL ? config->setuid_gid : getgid(),
        .background = !config->foreground,
    };
    if (!mountpoint_is_passed(config)) {
        start->mounter = mounter_start(&options, set_title, arguments, error);
        if (start->mounter == NULL)
            return FALSE;
    }
    gboolean names = config->idmap == CONFIG_IDMAP_NAMES;
    if (names || (config->sandbox && !g_hostname_is_ip_address(config->source->host))) {
        start->resolver = resolver_start(set_title, arguments, error);
        return start->resolver != NULL;
    }
    return TRUE;
}

static int mount_and_serve(MountConfig *config, Arguments *arguments)
{
    g_autoptr(GError) error = NULL;
    g_auto(Start) start = {.config = config, .ready_fd = -1};
    if (mountpoint_is_passed(config) &&
        !premounted_check(config->mountpoint, config->told_safe, &error))
        return fail(config, error);
    if (!start_helpers(&start, arguments, &error))
        return fail(config, error);
    config_let_go(config);
    start.credentials = credentials_find(config, &error);
    if (start.credentials == NULL)
        return fail(config, error);
    inherited_close(arguments->inherited, config->mountpoint);
    return config->foreground ? serve(&start) : serve_in_background(&start);
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
