/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "config_fail.h"
#include "ftpsfs/util/mounts.h"

/* mount.fuse3 with drop_privileges has opened and mounted /dev/fuse already and names its
 * descriptor instead of a mountpoint; libfuse understands it. */
#define PASSED_DESCRIPTOR "/dev/fd/"

static gboolean is_empty(DIR *directory)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            return FALSE;
    }
    return TRUE;
}

static gboolean fail_mountpoint(const char *path, int number, GError **error)
{
    switch (number) {
    case ENOENT:
        return config_fail(error, "the mountpoint %s does not exist: make it with mkdir", path);
    case ENOTDIR:
        return config_fail(error, "the mountpoint %s is not a directory", path);
    case ENOTCONN:
        return config_fail(error,
                           "the mountpoint %s holds a mount whose program has ended: free it with "
                           "ftpsfs --unmount %s",
                           path, path);
    default:
        return config_fail(error, "the mountpoint %s can't be used: %s", path, g_strerror(number));
    }
}

/* Opens the directory and tells its absolute name, for g_free. The descriptor; -1 with errno. */
static int hold(const char *path, char **absolute)
{
    char *resolved = realpath(path, NULL);
    int fd = resolved == NULL ? -1 : open(resolved, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int number = errno;
    *absolute = g_strdup(resolved);
    free(resolved);
    errno = number;
    return fd;
}

/* A link may have been put on the way between the two looks of hold(). */
static gboolean check_name(const char *absolute, int fd, GError **error)
{
    g_autofree char *name = mounts_fd_name(fd, error);
    if (name == NULL)
        return FALSE;
    return g_str_equal(name, absolute) ||
           config_fail(
               error,
               "the mountpoint %s was moved while it was looked at, to %s: stop what moves it, or "
               "choose another one",
               absolute, name);
}

static gboolean check_empty(const char *path, int fd, GError **error)
{
    int number = 0;
    int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = list >= 0 ? fdopendir(list) : NULL;
    if (directory == NULL) {
        number = errno;
        if (list >= 0)
            close(list);
        return fail_mountpoint(path, number, error);
    }
    gboolean empty = is_empty(directory);
    closedir(directory);
    return empty ||
           config_fail(error,
                       "the mountpoint %s is not empty: choose an empty directory, or hide what it "
                       "holds with -o nonempty",
                       path);
}

/* Root mounts for USER where USER could: at a place of its own. A directory of autofs was made by
 * the automounter, which is root's. */
static gboolean check_owner(const MountConfig *config, const char *path, int fd, GError **error)
{
    struct stat status;
    struct statfs system;
    if (config->setuid_name == NULL)
        return TRUE;
    if (fstat(fd, &status) != 0 || fstatfs(fd, &system) != 0)
        return fail_mountpoint(path, errno, error);
    if (status.st_uid == config->setuid_uid || system.f_type == AUTOFS_SUPER_MAGIC)
        return TRUE;
    const struct passwd *owner = getpwuid(status.st_uid);
    g_autofree char *number = g_strdup_printf("user %u", (guint)status.st_uid);
    return config_fail(error,
                       "the mountpoint %s belongs to %s, and -o setuid=%s mounts only upon what is "
                       "%s's own: chown %s %s",
                       path, owner != NULL ? owner->pw_name : number, config->setuid_name,
                       config->setuid_name, config->setuid_name, path);
}

static gboolean on_command_line(const OptionState *state, const char *name)
{
    const OptionTold *told = options_told(state, name);
    return told != NULL && told->rank == OPTION_RANK_COMMAND;
}

gboolean mountpoint_check(OptionState *state, const char *path, GError **error)
{
    MountConfig *config = &state->config;
    /* mount.fuse3 hands on all the words that it mounts with. */
    config->told_safe = on_command_line(state, "nosuid") && on_command_line(state, "nodev") &&
                        !on_command_line(state, "suid") && !on_command_line(state, "dev");
    if (g_str_has_prefix(path, PASSED_DESCRIPTOR)) {
        config->mountpoint = g_strdup(path);
        return TRUE;
    }
    config->mountpoint_fd = hold(path, &config->mountpoint);
    if (config->mountpoint_fd < 0)
        return fail_mountpoint(path, errno, error);
    return check_name(config->mountpoint, config->mountpoint_fd, error) &&
           (state->nonempty || check_empty(path, config->mountpoint_fd, error)) &&
           check_owner(config, path, config->mountpoint_fd, error);
}

gboolean mountpoint_is_passed(const MountConfig *config)
{
    return g_str_has_prefix(config->mountpoint, PASSED_DESCRIPTOR);
}
