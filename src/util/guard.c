/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

/* What others may not do, by GuardKind. */
static const mode_t forbidden[] = {[GUARD_WRITE] = 022, [GUARD_SECRET] = 077};

static gboolean is_of_service(const char *path)
{
    const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
    gsize length = directory != NULL ? strlen(directory) : 0;
    return length > 0 && *directory == '/' && strncmp(path, directory, length) == 0 &&
           path[length] == '/';
}

gboolean guard_check(const struct stat *status, GuardKind kind, uid_t owner, const char *path,
                     const char *what, GError **error)
{
    if (status->st_uid != owner && status->st_uid != 0) {
        g_set_error(
            error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
            "%s %s and belongs to user %u, neither to you nor to root: make one of your own, "
            "or chown it",
            path, what, (guint)status->st_uid);
        return FALSE;
    }
    mode_t open = status->st_mode & forbidden[kind];
    if (open == 0 || (open == S_IRGRP && is_of_service(path)))
        return TRUE;
    guint mode = (guint)status->st_mode & 0777;
    if (kind == GUARD_WRITE)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "%s %s and can be written by other users (mode %03o): chmod go-w %s", path,
                    what, mode, path);
    else
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "%s %s and is open to other users (mode %03o): chmod 600 %s", path, what, mode,
                    path);
    return FALSE;
}

static gboolean fail_directory(const char *path, const char *why, GError **error)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "the directory %s is not safe to keep files in: %s; move it away, or name another "
                "place with XDG_DATA_HOME",
                path, why);
    return FALSE;
}

static gboolean fail_owner(const char *path, uid_t owner, GError **error)
{
    g_autofree char *why =
        g_strdup_printf("it belongs to user %u, neither to you nor to root", (guint)owner);
    return fail_directory(path, why, error);
}

static gboolean is_trusted(uid_t owner)
{
    return owner == geteuid() || owner == 0;
}

/* The directory itself, through its descriptor. */
static gboolean check_open(int fd, const char *path, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fail_directory(path, g_strerror(errno), error);
    if (!is_trusted(status.st_uid))
        return fail_owner(path, status.st_uid, error);
    if (status.st_uid == geteuid()) {
        if ((status.st_mode & 077) == 0 || fchmod(fd, 0700) == 0)
            return TRUE;
        return fail_directory(path, g_strerror(errno), error);
    }
    return (status.st_mode & 022) == 0 ||
           fail_directory(path, "it is root's and other users can write to it", error);
}

gboolean guard_directory(const char *path, GError **error)
{
    struct stat link;
    if (lstat(path, &link) != 0)
        return TRUE;
    if (S_ISLNK(link.st_mode) && !is_trusted(link.st_uid))
        return fail_owner(path, link.st_uid, error);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || fail_directory(path, g_strerror(errno), error);
    gboolean good = check_open(fd, path, error);
    close(fd);
    return good;
}
