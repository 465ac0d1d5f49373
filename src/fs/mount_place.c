/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/fs/mount_place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/mounts.h"

struct MountPlace {
    int parent; /* O_PATH */
    char *name; /* in it */
    char *path; /* for messages */
    guint id, major, minor;
};

static gboolean fail(const char *path, const char *what, GError **error)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "%s %s", path, what);
    return FALSE;
}

void mount_place_free(MountPlace *place)
{
    if (place == NULL)
        return;
    if (place->parent >= 0)
        close(place->parent);
    g_free(place->name);
    g_free(place->path);
    g_free(place);
}

/* Takes `parent`. */
static MountPlace *new_place(int parent, const char *path)
{
    MountPlace *place = g_new0(MountPlace, 1);
    place->parent = parent;
    place->name = g_path_get_basename(path);
    place->path = g_strdup(path);
    return place;
}

/* The number of what is mounted there now, the uppermost. O_PATH asks the file system nothing, and
 * without O_DIRECTORY an automounter isn't asked to mount, which would wait for this very process.
 */
static gboolean number_there(const MountPlace *place, guint *id)
{
    int fd = openat(place->parent, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    gboolean told = mounts_fd_number(fd, "mnt_id", id);
    close(fd);
    return told;
}

MountPlace *mount_place_above(int covered, GError **error)
{
    g_autofree char *path = mounts_fd_name(covered, error);
    g_autoptr(GPtrArray) mounts = path != NULL ? mounts_read(error) : NULL;
    if (mounts == NULL)
        return NULL;
    /* ".." of what a mount covers is the directory that the mountpoint lies in. */
    g_autoptr(MountPlace) place =
        new_place(openat(covered, "..", O_PATH | O_DIRECTORY | O_CLOEXEC), path);
    guint id, below;
    const MountEntry *entry =
        place->parent >= 0 && number_there(place, &id) ? mounts_find(mounts, id) : NULL;
    /* One that lay on or below ours would have, or be, another's parent. */
    if (entry == NULL || !mounts_is_fuse(entry) || !mounts_fd_number(covered, "mnt_id", &below) ||
        entry->parent != below) {
        fail(path,
             "does not hold the mount that was just made: something was moved or mounted "
             "there at the same moment; findmnt -t fuse.ftpsfs shows where it is",
             error);
        return NULL;
    }
    place->id = entry->id;
    place->major = entry->major;
    place->minor = entry->minor;
    return g_steal_pointer(&place);
}

MountPlace *mount_place_at(const char *path, guint id, guint major, guint minor, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autoptr(MountPlace) place =
        new_place(open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
    place->id = id;
    place->major = major;
    place->minor = minor;
    if (place->parent < 0) {
        fail(path, g_strerror(errno), error);
        return NULL;
    }
    if (!mount_place_holds(place)) {
        fail(path, "does not hold that mount any more: look with findmnt -t fuse.ftpsfs", error);
        return NULL;
    }
    return g_steal_pointer(&place);
}

gboolean mount_place_holds(const MountPlace *place)
{
    g_autoptr(GPtrArray) mounts = mounts_read(NULL);
    const MountEntry *entry = mounts != NULL ? mounts_find(mounts, place->id) : NULL;
    guint id;
    return entry != NULL && entry->major == place->major && entry->minor == place->minor &&
           number_there(place, &id) && id == place->id;
}

/* Says itself what is wrong. It looks for itself whether the mount is the user's. */
static gboolean run_fusermount(const MountPlace *place, int flags, GError **error)
{
    const char *how = (flags & MNT_DETACH) ? "-uz" : "-u";
    const char *argv[] = {"fusermount3", how, "--", place->name, NULL};
    int status = 0;
    g_autoptr(GError) failure = NULL;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                      &status, &failure))
        return fail(place->path, failure->message, error);
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           fail(place->path, "can't be unmounted; see the message above", error);
}

gboolean mount_place_unmount(const MountPlace *place, int flags, GError **error)
{
    if (!mount_place_holds(place))
        return fail(place->path, "holds another file system now, which stays", error);
    if (fchdir(place->parent) != 0)
        return fail(place->path, g_strerror(errno), error);
    if (geteuid() != 0)
        return run_fusermount(place, flags, error);
    if (umount2(place->name, flags | UMOUNT_NOFOLLOW) == 0)
        return TRUE;
    int number = errno;
    g_autofree char *why =
        g_strdup_printf("can't be unmounted: %s%s", g_strerror(number),
                        number == EBUSY ? "; fuser -vm shows which programs use it" : "");
    return fail(place->path, why, error);
}
