/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mount.h"

#include <unistd.h>

#include "ftpsfs/cache/disk.h"
#include "ftpsfs/config/credentials.h"
#include "ftpsfs/fs/control.h"
#include "ftpsfs/fs/fs.h"
#include "ftpsfs/fs/mounter.h"
#include "ftpsfs/util/log.h"
#include "ftpsfs/util/notify.h"
#include "ftpsfs/util/own_file.h"
#include "ftpsfs/util/owners.h"
#include "ftpsfs/util/sandbox.h"
#include "ftpsfs/util/statsfile.h"
#include "ftpsfs/util/trace.h"
#include "progress.h"
#include "setup.h"
#include "signals.h"

/* How long a closed file waits for what programs do next to it: rename, chmod, utimens, unlink. */
#define WRITEBACK_DELAY_MS 200

/* What a mount opens while it may. In the sandbox it reaches no file but those below the state
 * directory, its own directories for spool and cache, and libraries; what else it needs is open by
 * then: the files of trace= and stats=, the sockets of the log, of the service manager and of
 * --status. */
typedef struct {
    Trace *trace;          /* NULL: no trace= */
    DiskCache *disk;       /* NULL: no cache_dir= */
    Control *control;      /* NULL: there is no place for its socket, and the mount does without */
    StatsFile *stats_file; /* not started */
    char *spool_dir;       /* in that of the options, and nobody else's */
    int notify_fd;         /* see notify_connect */
} Opened;

/* In the order in which they are made: each uses only what stands before it. */
struct Mount {
    const MountConfig *config;
    Mounter *mounter;          /* NULL: mount.fuse3 has mounted */
    ResolverProcess *resolver; /* NULL: no names to look up, or no sandbox */
    Credentials *credentials;
    Stats stats;
    Trust *trust;
    Opened opened;
    Signals *signals;
    Remote *remote;
    Owners *owners;
    Tree *tree;
    Identity *identity;
    Space *space;
    Writeback *writeback; /* NULL: no -o writeback */
    Files *files;
    Fs *fs;
};

/* ---- before the fork ---- */

static gboolean start_helpers(Mount *mount, MountTitle title, gpointer data, GError **error)
{
    const MountConfig *config = mount->config;
    MounterOptions options = {
        .mountpoint = config->mountpoint,
        .mountpoint_fd = config->mountpoint_fd,
        .fuse_options = config->fuse_options,
        .uid = config->setuid_name != NULL ? config->setuid_uid : getuid(),
        .gid = config->setuid_name != NULL ? config->setuid_gid : getgid(),
        .background = !config->foreground,
    };
    if (!mountpoint_is_passed(config)) {
        mount->mounter = mounter_start(&options, title, data, error);
        if (mount->mounter == NULL)
            return FALSE;
    }
    gboolean names = config->idmap == CONFIG_IDMAP_NAMES;
    if (names || (config->sandbox && !g_hostname_is_ip_address(config->source->host))) {
        mount->resolver = resolver_start(title, data, error);
        return mount->resolver != NULL;
    }
    return TRUE;
}

Mount *mount_new(const MountConfig *config, MountTitle title, gpointer data, GError **error)
{
    g_autoptr(Mount) mount = g_new0(Mount, 1);
    mount->config = config;
    mount->opened.notify_fd = -1;
    return start_helpers(mount, title, data, error) ? g_steal_pointer(&mount) : NULL;
}

gboolean mount_find_credentials(Mount *mount, GError **error)
{
    mount->credentials = credentials_find(mount->config, error);
    return mount->credentials != NULL;
}

void mount_leave(Mount *mount)
{
    mounter_leave(g_steal_pointer(&mount->mounter));
    resolver_leave(g_steal_pointer(&mount->resolver));
    mount_free(mount);
}

void mount_keep(Mount *mount)
{
    credentials_lock(mount->credentials);
}

/* ---- into the sandbox ---- */

static void opened_clear(Opened *opened)
{
    g_clear_pointer(&opened->control, control_stop);
    g_clear_pointer(&opened->stats_file, statsfile_stop);
    g_clear_pointer(&opened->disk, disk_free);
    g_clear_pointer(&opened->trace, trace_free);
    g_clear_pointer(&opened->spool_dir, g_free);
}

/* *disk stays NULL without cache_dir=. */
static gboolean open_disk(const MountConfig *config, DiskCache **disk, GError **error)
{
    if (config->cache_dir == NULL)
        return TRUE;
    *disk = disk_new(config->cache_dir, config->cache_disk_size, error);
    return *disk != NULL;
}

/* The socket by which the mount is asked what it does. NULL: a mount can do without. */
static Control *bind_control(const MountConfig *config)
{
    if (mountpoint_is_passed(config))
        return NULL; /* the mountpoint's name is not known */
    ControlAddress place = {
        .mountpoint = config->mountpoint,
        .uid = geteuid(),
        .state_dir = config->state_dir,
    };
    g_autoptr(GError) failure = NULL;
    Control *control = control_bind(&place, &failure);
    if (control == NULL)
        g_info("ftpsfs --status can't ask this mount, as there is no place for its socket: %s",
               failure->message);
    return control;
}

/* *trace stays NULL without trace=. */
static gboolean open_trace(const MountConfig *config, Trace **trace, GError **error)
{
    if (config->trace_file != NULL)
        *trace = trace_open(config->trace_file, error);
    return config->trace_file == NULL || *trace != NULL;
}

/* A directory of our own in spool_dir, which may be that of all of the machine's temporary files.
 * All mounts of a user share it. Who has taken its name can't take a random one. A mount that does
 * not write does without, and one that does says so then. */
static char *open_spool(const MountConfig *config)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *name = g_strdup_printf("ftpsfs-%u", (guint)geteuid());
    char *path = own_file_make_directory("spool_dir", config->spool_dir, name, &failure);
    if (path != NULL)
        return path;
    path = g_strdup_printf("%s/%s-XXXXXX", config->spool_dir, name);
    if (g_mkdtemp(path) != NULL)
        g_message("%s; files that are written are kept in %s", failure->message, path);
    else
        g_debug("%s", failure->message);
    return path;
}

static gboolean open_all(const MountConfig *config, Opened *opened, GError **error)
{
    if (!open_trace(config, &opened->trace, error) || !open_disk(config, &opened->disk, error))
        return FALSE;
    opened->stats_file = statsfile_open(config->stats_file, error);
    if (opened->stats_file == NULL)
        return FALSE;
    opened->control = bind_control(config);
    opened->spool_dir = open_spool(config);
    opened->notify_fd = notify_connect();
    return TRUE;
}

/* Becomes the user of setuid=, opens it all, and gives up the rest. `receiver` as in
 * SandboxOptions. FTPSFS_ERROR_CONFIG. */
static gboolean confine(const MountConfig *config, int receiver, Opened *opened, GError **error)
{
    if (config->setuid_name != NULL &&
        !sandbox_become(config->setuid_uid, config->setuid_gid, config->setuid_name, error))
        return FALSE;
    /* In a sandbox a place that is made later could not be reached. */
    if (!setup_state(config, config->sandbox, error) || !open_all(config, opened, error))
        return FALSE;
    int log_fd = log_connect(!config->foreground);
    if (!config->sandbox)
        return TRUE;
    const char *write[] = {config->state_dir,
                           opened->spool_dir,
                           "/dev/fuse",
                           "/dev/null",
                           opened->disk != NULL ? disk_path(opened->disk) : NULL,
                           NULL};
    const char *sockets[] = {opened->control != NULL ? control_directory(opened->control) : NULL,
                             NULL};
    SandboxOptions options = {
        .role = SANDBOX_SERVES,
        .files = setup_files(config),
        .write = write,
        .remove = sockets,
        .listen = config->active,
        .token = setup_files(config) == SANDBOX_OPEN,
        .receiver = receiver,
        .senders = {log_fd, opened->notify_fd},
    };
    return sandbox_enter(&options, error);
}

/* ---- the parts ---- */

static gboolean open_trust(Mount *mount, GError **error)
{
    TrustOptions options = setup_trust(mount->config, mount->credentials);
    mount->trust = trust_new(&options, error);
    /* A key that is loaded needs no passphrase any more. */
    g_clear_pointer(&mount->credentials->key_password, secret_unref);
    return mount->trust != NULL;
}

static gboolean open_remote(Mount *mount, GError **error)
{
    RemoteOptions options = setup_remote(mount->config, mount->credentials, mount->opened.trace);
    mount->remote = remote_new(&options, mount->trust, &mount->stats, NULL, error);
    return mount->remote != NULL;
}

/* mount->writeback stays NULL without -o writeback. */
static gboolean open_writeback(Mount *mount, GError **error)
{
    const MountConfig *config = mount->config;
    if (!config->writeback || config->read_only)
        return TRUE;
    WritebackOptions options = {
        .directory = config->writeback_dir,
        .identity = mount->identity,
        .connections = config->connections,
        .delay_ms = WRITEBACK_DELAY_MS,
    };
    mount->writeback =
        writeback_new(mount->remote, mount->tree, &mount->stats, mount->space, &options, error);
    return mount->writeback != NULL;
}

static Files *make_files(Mount *mount)
{
    const MountConfig *config = mount->config;
    FilesOptions options = {
        .space = mount->space,
        .writeback = mount->writeback,
        .cache_size = config->cache_size,
        .disk = mount->opened.disk,
        .readahead = config->readahead,
        .prefetch = config->prefetch,
        .spool_dir = mount->opened.spool_dir,
        .rescue_dir = config->rescue_dir,
        .atomic_upload = config->atomic_upload,
        .connections = config->connections,
        .timeout_s = config->timeout_s,
    };
    return files_new(mount->remote, mount->tree, &mount->stats, &options);
}

static gboolean open_cache(Mount *mount, GError **error)
{
    const MountConfig *config = mount->config;
    mount->owners = owners_new(mount->resolver);
    mount->tree = setup_tree(config, mount->remote, mount->owners, &mount->stats);
    mount->identity = setup_identity(config, mount->credentials, mount->trust);
    if (mount->opened.disk != NULL)
        disk_set_source(mount->opened.disk, mount->identity);
    mount->space = space_new(config->spool_size, config->timeout_s);
    if (!open_writeback(mount, error))
        return FALSE;
    mount->files = make_files(mount);
    return TRUE;
}

/* FsOptions.account for idmap=names. */
static char *name_of_account(RemoteAccount kind, guint32 id, gpointer data)
{
    return owners_name(data, kind == REMOTE_GROUP ? RESOLVER_GROUP : RESOLVER_USER, id);
}

static gboolean open_fs(Mount *mount, GError **error)
{
    const MountConfig *config = mount->config;
    g_autofree char *mounted = NULL;
    if (mount->mounter != NULL) {
        mounted = mounter_mount(mount->mounter, error);
        if (mounted == NULL)
            return FALSE;
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
        .account_data = mount->owners,
        .umask_files = config->umask_files,
        .umask_dirs = config->umask_dirs,
    };
    mount->fs = fs_mount(mount->remote, mount->tree, mount->files, &options, error);
    return mount->fs != NULL;
}

/* What can be asked from now on: the counts, and the socket of --status. */
static void open_views(Mount *mount)
{
    statsfile_start(mount->opened.stats_file, &mount->stats);
    if (mount->opened.control == NULL)
        return;
    ControlSubject subject = {
        .remote = mount->remote,
        .files = mount->files,
        .fs = mount->fs,
        .stats = &mount->stats,
        .server = mount->config->server,
        .rescue_dir = mount->config->rescue_dir,
        .connections = mount->config->connections,
    };
    control_start(mount->opened.control, &subject);
}

gboolean mount_open(Mount *mount, GError **error)
{
    statsfile_block();
    signals_block();
    int receiver = mount->mounter != NULL ? mounter_socket(mount->mounter) : 0;
    if (!open_trust(mount, error) || !confine(mount->config, receiver, &mount->opened, error))
        return FALSE;
    setup_warn(mount->config);
    mount->signals = signals_start();
    if (!open_remote(mount, error) || !open_cache(mount, error))
        return FALSE;
    signals_serve(mount->signals);
    if (!open_fs(mount, error))
        return FALSE;
    open_views(mount);
    return TRUE;
}

/* ---- the end ---- */

/* The mount is gone, and its last files are sent. What answers --status loses a part before that
 * part is freed. */
static void end_service(Mount *mount)
{
    Control *control = mount->opened.control;
    signals_drain(mount->signals, mount->files);
    notify_service_manager(mount->opened.notify_fd,
                           "STOPPING=1\nSTATUS=Sending what is left, unmounting.");
    /* No more requests come before the uploads end. */
    g_clear_pointer(&mount->mounter, mounter_free);
    control_leave_fs(control);
    g_clear_pointer(&mount->fs, fs_free);
    Progress *progress = mount->config->foreground ? progress_start(control) : NULL;
    files_flush_last(mount->files);
    progress_stop(progress);
    control_leave_files(control);
    signals_drain(mount->signals, NULL);
}

gboolean mount_serve(Mount *mount)
{
    notify_service_manager(mount->opened.notify_fd, "READY=1\nSTATUS=Mounted.");
    gboolean ok = fs_serve(mount->fs);
    end_service(mount);
    return ok;
}

void mount_free(Mount *mount)
{
    if (mount == NULL)
        return;
    g_clear_pointer(&mount->fs, fs_free);
    g_clear_pointer(&mount->files, files_free);
    g_clear_pointer(&mount->writeback, writeback_free);
    g_clear_pointer(&mount->tree, tree_free);
    /* The connections end: after this nothing is counted or traced any more. */
    g_clear_pointer(&mount->remote, remote_free);
    /* So this writes the last count, and tells those who wait for the end of the mount. */
    opened_clear(&mount->opened);
    log_flush();
    g_clear_pointer(&mount->space, space_free);
    g_clear_pointer(&mount->identity, identity_free);
    g_clear_pointer(&mount->owners, owners_free);
    g_clear_pointer(&mount->signals, signals_stop);
    g_clear_pointer(&mount->trust, trust_unref);
    /* After a failure the mounter still has a mount to undo. */
    g_clear_pointer(&mount->mounter, mounter_free);
    g_clear_pointer(&mount->resolver, resolver_stop);
    g_clear_pointer(&mount->credentials, credentials_free);
    g_free(mount);
}
