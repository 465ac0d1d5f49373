/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

/* As the kernel has it. */
#define LINKS_MAX 40

/* A walk down a path. */
typedef struct {
    int fd;     /* the directory where it is */
    char *rest; /* the way from there */
    guint links;
} Walk;

/* Goes on from `fd`, which it takes. */
static void step_to(Walk *walk, int fd)
{
    close(walk->fd);
    walk->fd = fd;
}

/* Puts the target of the link `fd` in front of the rest. */
static gboolean follow(Walk *walk, int fd, const struct stat *status)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(fd, "", target, sizeof target - 1);
    if (length < 0)
        return FALSE;
    target[length] = '\0';
    if ((status->st_uid != 0 && status->st_uid != geteuid()) || ++walk->links > LINKS_MAX) {
        errno = ELOOP;
        return FALSE;
    }
    char *rest = g_strconcat(target, "/", walk->rest, NULL);
    g_free(walk->rest);
    walk->rest = rest;
    if (*target != '/')
        return TRUE;
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return FALSE;
    step_to(walk, root);
    return TRUE;
}

/* One directory further, or one link. What was opened is what is looked at. */
static gboolean step(Walk *walk)
{
    g_autofree char *before = walk->rest;
    char *name = before + strspn(before, "/");
    char *end = name + strcspn(name, "/");
    walk->rest = g_strdup(end + strspn(end, "/"));
    *end = '\0';
    if (*name == '\0')
        return TRUE;
    int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status = {0};
    if (fd < 0)
        return FALSE;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        step_to(walk, fd);
        return TRUE;
    }
    errno = ENOTDIR;
    gboolean good = S_ISLNK(status.st_mode) && follow(walk, fd, &status);
    int code = errno;
    close(fd);
    errno = code;
    return good;
}

/* A descriptor of the directory, or -1 with errno. */
static int open_directory(const char *path)
{
    Walk walk = {.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .rest = g_strdup(path)};
    gboolean good = walk.fd >= 0;
    while (good && *walk.rest != '\0')
        good = step(&walk);
    g_free(walk.rest);
    if (good)
        return walk.fd;
    int code = errno;
    if (walk.fd >= 0)
        close(walk.fd);
    errno = code;
    return -1;
}

static int fail(int fd, const char *option, const char *path, const char *why, GError **error)
{
    if (fd >= 0)
        close(fd);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "-o %s=%s: %s", option, path, why);
    return -1;
}

int own_file_open(const char *option, const char *path, int flags, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    int directory = open_directory(parent);
    int fd = -1;
    if (directory >= 0) {
        /* O_NONBLOCK: a pipe is not waited for, but refused. */
        fd = openat(directory, name,
                    flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
        int code = errno;
        close(directory);
        errno = code;
    }
    struct stat status;
    if (fd < 0 && errno == ELOOP)
        return fail(fd, option, path,
                    "is or leads through a symbolic link of another user: name "
                    "the file itself",
                    error);
    if (fd < 0 || fstat(fd, &status) != 0)
        return fail(fd, option, path, g_strerror(errno), error);
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid())
        return fail(fd, option, path, "is not a file of this user's: name another", error);
    if (status.st_nlink > 1)
        return fail(fd, option, path, "is a file that has other names too: name another", error);
    if ((status.st_mode & 077) != 0 && fchmod(fd, 0600) != 0)
        return fail(fd, option, path, g_strerror(errno), error);
    return fd;
}

char *own_file_make_directory(const char *option, const char *parent, const char *name,
                              GError **error)
{
    g_autofree char *path = g_build_filename(parent, name, NULL);
    int fd = -1;
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        fail(fd, option, path, g_strerror(errno), error);
        return NULL;
    }
    if (status.st_uid != geteuid()) {
        fail(fd, option, path, "belongs to somebody else", error);
        return NULL;
    }
    if ((status.st_mode & 077) != 0 && fchmod(fd, 0700) != 0) {
        fail(fd, option, path, g_strerror(errno), error);
        return NULL;
    }
    close(fd);
    return g_steal_pointer(&path);
}
