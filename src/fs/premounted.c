/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/fs/premounted.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/mounts.h"

/* The kernel's own form of a device's number, as fdinfo has it. */
#define MINOR_BITS 20

static gboolean is_safe(const MountEntry *mount)
{
    return g_strv_contains((const char *const *)mount->options, "nosuid") &&
           g_strv_contains((const char *const *)mount->options, "nodev");
}

/* Only if what the path leads to is that mount. */
static gboolean make_safe(const MountEntry *mount)
{
    struct mount_attr wanted = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    int fd = open(mount->point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    guint id;
    gboolean done = fd >= 0 && mounts_fd_number(fd, "mnt_id", &id) && id == mount->id &&
                    mount_setattr(fd, "", AT_EMPTY_PATH, &wanted, sizeof wanted) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* All places where the file system is mounted; *known is FALSE when it is found nowhere. */
static gboolean all_safe(guint connection, gboolean *known)
{
    g_autoptr(GPtrArray) mounts = mounts_read(NULL);
    gboolean safe = TRUE;
    *known = FALSE;
    for (guint i = 0; mounts != NULL && i < mounts->len; i++) {
        const MountEntry *mount = g_ptr_array_index(mounts, i);
        if ((mount->major << MINOR_BITS | mount->minor) != connection || !mounts_is_fuse(mount))
            continue;
        *known = TRUE;
        safe = safe && (is_safe(mount) || make_safe(mount));
    }
    return safe;
}

gboolean premounted_check(const char *name, gboolean told, GError **error)
{
    guint64 fd = 0;
    guint connection;
    gboolean known = FALSE;
    gboolean safe =
        g_ascii_string_to_unsigned(strrchr(name, '/') + 1, 10, 0, G_MAXINT, &fd, NULL) &&
        mounts_fd_number((int)fd, "fuse_connection", &connection) && all_safe(connection, &known);
    if (known ? safe : told)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "what has mounted already and passed on %s has not forbidden the server's files "
                "to act as set-user-id programs and devices: unmount it, and mount it with the "
                "options nosuid,nodev, or with the type ftpsfs and without drop_privileges",
                name);
    return FALSE;
}
