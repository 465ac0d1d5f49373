/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine.h"

#include <errno.h>
#include <unistd.h>

#include "ftpsfs/util/log.h"
#include "ftpsfs/util/notify.h"
#include "ftpsfs/util/own_file.h"
#include "ftpsfs/util/sandbox.h"
#include "setup.h"

void confine_opened_clear(Opened *opened)
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

gboolean confine(const MountConfig *config, int receiver, Opened *opened, GError **error)
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
