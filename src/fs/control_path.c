/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/fs/control_path.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ftpsfs/util/digest.h"

#define HASH_DIGITS 16

static gboolean is_owned_by(const char *path, uid_t uid)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == uid;
}

char **control_path_directories(uid_t uid, const char *state_dir)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    const char *session = g_getenv("XDG_RUNTIME_DIR");
    if (session != NULL && *session == '/' && is_owned_by(session, uid))
        g_ptr_array_add(list, g_build_filename(session, "ftpsfs", NULL));
    g_autofree char *user = g_strdup_printf("/run/user/%u", (guint)uid);
    if (is_owned_by(user, uid))
        g_ptr_array_add(list, g_build_filename(user, "ftpsfs", NULL));
    if (uid == 0)
        g_ptr_array_add(list, g_strdup("/run/ftpsfs"));
    if (state_dir != NULL)
        g_ptr_array_add(list, g_strdup(state_dir));
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

char *control_path_socket(const char *directory, const char *mountpoint)
{
    g_autoptr(Digest) digest = digest_new(NULL);
    if (digest == NULL)
        return NULL;
    digest_add(digest, mountpoint, strlen(mountpoint));
    g_autofree char *hash = digest_hex(digest, NULL);
    if (hash == NULL)
        return NULL;
    g_autofree char *path = g_strdup_printf("%s/%.*s.socket", directory, HASH_DIGITS, hash);
    return strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path ? g_steal_pointer(&path)
                                                                       : NULL;
}
