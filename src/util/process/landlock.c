/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the sandbox that takes away files: Landlock, by its system calls. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "sandbox_private.h"

/* Newer than some headers; the kernel's ABI number says whether it knows them. */
#define FS_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP (1ULL << 0)  /* ABI 4 */
#define SCOPES       (3ULL << 0)  /* ABI 6: abstract sockets, signals */

#define FS_ABI_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FS_READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_OF_FILES                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     FS_TRUNCATE | FS_IOCTL_DEV)

/* struct landlock_ruleset_attr as of ABI 6. */
typedef struct {
    guint64 handled_access_fs;
    guint64 handled_access_net;
    guint64 scoped;
} Ruleset;

/* What the C library, GLib, GnuTLS and libfuse open as they go: converters of iconv, time zones,
 * libraries loaded late, the size of requests. */
static const char *const libraries[] = {
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/usr/share",
    "/nix/store",
    "/gnu/store",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/urandom",
    "/dev/random",
    "/sys/devices/system/cpu",
    "/proc/sys/fs/fuse",
    NULL,
};

/* Where users' files are: not for the resolver. */
static const char *const private_directories[] = {"home", "root",  "tmp", "srv",
                                                  "mnt",  "media", NULL};

static gboolean fail(const char *what, GError **error)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "Landlock, which keeps ftpsfs away from other files, can't be set up (%s: %s); "
                "-o no_sandbox does without",
                what, g_strerror(errno));
    return FALSE;
}

/* The accesses that the kernel can take away. */
static Ruleset handled(long abi, const SandboxOptions *options)
{
    Ruleset ruleset = {.scoped = abi >= 6 ? SCOPES : 0};
    if (options->files == SANDBOX_OPEN)
        return ruleset;
    ruleset.handled_access_fs = FS_ABI_1;
    if (abi >= 2)
        ruleset.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        ruleset.handled_access_fs |= FS_TRUNCATE;
    if (abi >= 4 && !options->listen)
        ruleset.handled_access_net = NET_BIND_TCP;
    if (abi >= 5)
        ruleset.handled_access_fs |= FS_IOCTL_DEV;
    return ruleset;
}

static gsize ruleset_size(long abi)
{
    if (abi >= 6)
        return sizeof(Ruleset);
    return abi >= 4 ? offsetof(Ruleset, scoped) : offsetof(Ruleset, handled_access_net);
}

/* Allows `access` below `path`. */
static gboolean allow(int ruleset, const char *path, guint64 access, GError **error)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        g_debug("sandbox: %s: %s", path, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return TRUE;
    }
    struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(status.st_mode) ? access : access & FS_OF_FILES,
        .parent_fd = fd,
    };
    long result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    gboolean good = result == 0 || fail(path, error);
    close(fd);
    return good;
}

static gboolean allow_all(int ruleset, const char *const *paths, guint64 access, GError **error)
{
    for (; paths != NULL && *paths != NULL; paths++)
        if (!allow(ruleset, *paths, access, error))
            return FALSE;
    return TRUE;
}

/* Reading anywhere but in private_directories. */
static gboolean allow_system(int ruleset, GError **error)
{
    DIR *root = opendir("/");
    if (root == NULL)
        return fail("/", error);
    gboolean good = TRUE;
    const struct dirent *entry;
    while (good && (entry = readdir(root)) != NULL) {
        if (*entry->d_name == '.' || g_strv_contains(private_directories, entry->d_name))
            continue;
        g_autofree char *path = g_strconcat("/", entry->d_name, NULL);
        good = allow(ruleset, path, FS_READ, error);
    }
    closedir(root);
    return good;
}

/* Programs are not started, and nothing is made that is not a file or a directory. */
static gboolean allow_files(int ruleset, const SandboxOptions *options, guint64 known,
                            GError **error)
{
    guint64 write = FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE |
                    FS_IOCTL_DEV;
    return allow_all(ruleset, libraries, FS_READ, error) &&
           allow_all(ruleset, options->read, FS_READ, error) &&
           allow_all(ruleset, options->write, write & known, error) &&
           allow_all(ruleset, options->remove, LANDLOCK_ACCESS_FS_REMOVE_FILE, error) &&
           (options->files != SANDBOX_SYSTEM || allow_system(ruleset, error));
}

gboolean landlock_apply(const SandboxOptions *options, char **words, GError **error)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0) {
        /* Not built in, or not switched on at boot. */
        gboolean absent = errno == ENOSYS || errno == EOPNOTSUPP;
        return absent || fail("its version", error);
    }
    Ruleset attributes = handled(abi, options);
    if (attributes.handled_access_fs == 0 && attributes.scoped == 0)
        return TRUE;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, ruleset_size(abi), 0);
    if (ruleset < 0)
        return fail("its rules", error);
    gboolean good = options->files == SANDBOX_OPEN ||
                    allow_files(ruleset, options, attributes.handled_access_fs, error);
    if (good && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        good = fail("its start", error);
    close(ruleset);
    if (good)
        *words = g_strdup_printf("Landlock %ld", abi);
    return good;
}
