/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ftpsfs/fs/control_path.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/mounts.h"
#include "ftpsfs/util/wait.h"

#define QUERY_S 10

void control_client_mount_free(ControlMount *mount)
{
    if (mount == NULL)
        return;
    g_free(mount->mountpoint);
    g_free(mount->below);
    g_free(mount);
}

/* ---- the mount table ---- */

/* What of `path` lies below `mountpoint`; NULL when it is elsewhere. Borrowed from `path`. */
static const char *below(const char *path, const char *mountpoint)
{
    gsize length = strlen(mountpoint);
    if (strncmp(path, mountpoint, length) != 0)
        return NULL;
    if (path[length] == '\0')
        return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

/* The FUSE mount that `path` is in. A mount hides what was found before when it lies deeper or was
 * mounted later. */
static ControlMount *find_mount(const char *path)
{
    g_autoptr(GPtrArray) mounts = mounts_read(NULL);
    const MountEntry *best = NULL;
    const char *best_rest = NULL;
    for (guint i = 0; mounts != NULL && i < mounts->len; i++) {
        const MountEntry *entry = g_ptr_array_index(mounts, i);
        const char *rest = below(path, g_str_equal(entry->point, "/") ? "" : entry->point);
        if (rest == NULL || (best != NULL && strlen(best->point) > strlen(entry->point)))
            continue;
        best = entry;
        best_rest = rest;
    }
    if (best == NULL || !mounts_is_fuse(best))
        return NULL;
    const char *owner = strstr(best->super_options, "user_id=");
    ControlMount *found = g_new0(ControlMount, 1);
    found->mountpoint = g_strdup(best->point);
    found->below = g_strdup(best_rest);
    found->id = best->id;
    found->major = best->major;
    found->minor = best->minor;
    if (owner != NULL)
        found->uid = (guint)g_ascii_strtoull(owner + strlen("user_id="), NULL, 10);
    return found;
}

ControlMount *control_client_find(const char *path, GError **error)
{
    /* By its name first: to resolve links may take the answer of a server that is gone. */
    g_autofree char *plain = g_canonicalize_filename(path, NULL);
    ControlMount *found = find_mount(plain);
    char *resolved = found == NULL ? realpath(path, NULL) : NULL;
    if (resolved != NULL)
        found = find_mount(resolved);
    free(resolved);
    if (found == NULL)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "%s is not in a mount of ftpsfs: findmnt -t fuse.ftpsfs lists those there are",
                    path);
    return found;
}

/* ---- the socket ---- */

/* The directory of the state of the mount's user, as config finds it when that user mounts. */
static char *state_directory(guint uid)
{
    if (uid == geteuid())
        return g_build_filename(g_get_user_data_dir(), "ftpsfs", NULL);
    const struct passwd *user = getpwuid(uid);
    return user != NULL ? g_build_filename(user->pw_dir, ".local", "share", "ftpsfs", NULL) : NULL;
}

/* A directory where the daemon of the mount may have its socket: only one of the mount's user, who
 * could else lead root by a link to sockets of others. O_PATH; -1: none. */
static int open_directory(const char *path, const ControlMount *mount)
{
    struct stat status;
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &status) == 0 && status.st_uid == mount->uid))
        return fd;
    close(fd);
    return -1;
}

/* Connects to the socket `name` in an open directory; -1 with errno. */
static int connect_in(int directory, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)(void *)&address, sizeof address) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* Somebody else could have put a socket there, or a link to one of root's. */
static gboolean is_daemon_of(int fd, const ControlMount *mount)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == mount->uid;
}

gboolean control_client_is_dead(const ControlMount *mount)
{
    struct stat status;
    return stat(mount->mountpoint, &status) != 0 && errno == ENOTCONN;
}

static void explain_silence(const ControlMount *mount, GError **error)
{
    if (mount->uid != geteuid() && geteuid() != 0)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_ACCESS,
                    "%s is the mount of user %u: that user and root alone may ask it",
                    mount->mountpoint, mount->uid);
    else if (control_client_is_dead(mount))
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                    "%s holds a mount whose program has ended, killed or by a fault: "
                    "ftpsfs --unmount %s takes it away, then mount it again",
                    mount->mountpoint, mount->mountpoint);
    else
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND,
                    "no ftpsfs answers for %s: it is no ftpsfs, or had no place for its socket "
                    "(mounting with -o log_level=info says why); fusermount3 -u unmounts it",
                    mount->mountpoint);
}

/* Tries one place. The connection; -1: nobody is there. With `forget` nobody is expected, and a
 * socket that nobody listens on is removed. */
static int try_directory(const ControlMount *mount, const char *path, gboolean forget)
{
    g_autofree char *socket_path = control_path_socket(path, mount->mountpoint);
    int directory = socket_path != NULL ? open_directory(path, mount) : -1;
    if (directory < 0)
        return -1;
    g_autofree char *name = g_path_get_basename(socket_path);
    int fd = connect_in(directory, name);
    if (fd >= 0 && !is_daemon_of(fd, mount)) {
        close(fd);
        fd = -1;
    } else if (fd < 0 && forget && errno == ECONNREFUSED && unlinkat(directory, name, 0) != 0) {
        g_debug("%s: %s", socket_path, g_strerror(errno));
    }
    close(directory);
    return fd;
}

static int try_directories(const ControlMount *mount, gboolean forget)
{
    g_autofree char *state = state_directory(mount->uid);
    g_auto(GStrv) directories = control_path_directories(mount->uid, state);
    int fd = -1;
    for (char **directory = directories; *directory != NULL && fd < 0; directory++)
        fd = try_directory(mount, *directory, forget);
    return fd;
}

static int connect_daemon(const ControlMount *mount, GError **error)
{
    int fd = try_directories(mount, FALSE);
    if (fd < 0)
        explain_silence(mount, error);
    return fd;
}

void control_client_forget(const ControlMount *mount)
{
    int fd = try_directories(mount, TRUE);
    if (fd >= 0)
        close(fd);
}

int control_client_ask(const ControlMount *mount, const char *verb, const char *path,
                       GError **error)
{
    int fd = connect_daemon(mount, error);
    if (fd < 0)
        return -1;
    g_autoptr(Records) question = records_new();
    records_begin(question, verb);
    records_add_text(question, "path", path);
    g_autofree char *text = records_to_text(question);
    gsize length = strlen(text);
    if (send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length)
        return fd;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: its ftpsfs can't be asked: %s",
                mount->mountpoint, g_strerror(errno));
    close(fd);
    return -1;
}

static gboolean read_all(int fd, GString *text, gint64 deadline, GError **error)
{
    char buffer[16 * 1024];
    while (text->len <= RECORDS_TEXT_MAX) {
        if (!wait_fd(fd, POLLIN, deadline, NULL, "the answer of ftpsfs", error))
            return FALSE;
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got == 0)
            return TRUE;
        if (got > 0)
            g_string_append_len(text, buffer, got);
        else if (errno != EINTR)
            break;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "ftpsfs broke off its answer");
    return FALSE;
}

Records *control_client_receive(int fd, guint seconds, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    gboolean good = read_all(fd, text, seconds > 0 ? deadline_in(seconds) : G_MAXINT64, error);
    close(fd);
    if (!good)
        return NULL;
    g_autoptr(Records) answer = records_from_text(text->str, text->len, error);
    if (answer == NULL || records_count(answer, "ok") > 0)
        return g_steal_pointer(&answer);
    const char *message = records_text(records_get(answer, "error", 0), "message");
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "%s",
                message != NULL ? message
                                : "ftpsfs hung up without an answer: it has ended, or is asked too "
                                  "much at once");
    return NULL;
}

Records *control_client_query(const ControlMount *mount, const char *verb, const char *path,
                              GError **error)
{
    int fd = control_client_ask(mount, verb, path, error);
    return fd >= 0 ? control_client_receive(fd, QUERY_S, error) : NULL;
}
