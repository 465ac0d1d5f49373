/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chunks.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/lock.h"

#define SUBDIRECTORY "ftpsfs-content-1"
#define LOCK_NAME    "lock"
#define NEW_PREFIX   "new-"

#define MAGIC "FTPSFSC1"
#define ORDER 0x01020304u /* another value on a machine of the other byte order */

/* A file that changed so short ago may change again without another time. */
#define QUIET_S 2

/* When it has become too large it shrinks to this share, so that it is not looked through for each
 * chunk. */
#define KEEP_TENTHS 9

/* A file that is being written is left alone for so long. */
#define NEW_MAX_S 600

/* After a failure to write. */
#define PAUSE_US (60 * G_USEC_PER_SEC)

#define BLOCK 4096

typedef struct {
    char magic[8];
    guint32 order;
    guint32 length;
    guint64 index;
    guint8 key[32];
    guint8 hash[32]; /* SHA-256 of the header, with zeros in this place, and the content */
} Header;

struct DiskCache {
    int dir_fd;
    int lock_fd;
    char *path;   /* of the directory, by its descriptor */
    char *source; /* the identity, as text; NULL until disk_set_source */
    guint64 capacity;
    Lock lock;          /* guards what follows */
    guint64 used;       /* bytes on disk, as far as is known */
    guint64 names;      /* made so far, for new files */
    gint64 quiet_until; /* monotonic microseconds: nothing is written before */
};

/* A file found in the directory. */
typedef struct {
    char *name;
    guint64 size;
    struct timespec used;
} Found;

static int open_directory(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, SUBDIRECTORY, NULL);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "cache_dir: %s can't be made: %s; choose another directory", path,
                    g_strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "cache_dir: %s can't be opened: %s; choose another directory", path,
                    g_strerror(errno));
    } else if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "cache_dir: %s belongs to or can be written by others, who could give files "
                    "another content; choose another directory",
                    path);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

DiskCache *disk_new(const char *dir, guint64 capacity, GError **error)
{
    int dir_fd = open_directory(dir, error);
    if (dir_fd < 0)
        return NULL;
    int lock_fd = openat(dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock_fd < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "cache_dir: nothing can be written in %s: %s; choose another directory", dir,
                    g_strerror(errno));
        close(dir_fd);
        return NULL;
    }
    DiskCache *disk = g_new0(DiskCache, 1);
    disk->dir_fd = dir_fd;
    disk->lock_fd = lock_fd;
    disk->path = g_strdup_printf("/proc/self/fd/%d", dir_fd);
    disk->capacity = capacity;
    lock_init(&disk->lock, LOCK_RANK_DISK_CACHE);
    disk->used = G_MAXUINT64; /* the first chunk that is put has it counted */
    return disk;
}

void disk_set_source(DiskCache *disk, const Identity *identity)
{
    g_free(disk->source);
    disk->source = g_strdup(identity_text(identity));
}

void disk_free(DiskCache *disk)
{
    if (disk == NULL)
        return;
    close(disk->dir_fd);
    close(disk->lock_fd);
    lock_clear(&disk->lock);
    g_free(disk->path);
    g_free(disk->source);
    g_free(disk);
}

const char *disk_path(const DiskCache *disk)
{
    return disk->path;
}

gboolean disk_key(const DiskCache *disk, const char *path, const NodeInfo *info, DiskKey *key)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    if ((info->has & REMOTE_HAS_MTIME) == 0 || info->time_precision != REMOTE_TIME_SECOND ||
        (info->mtime <= now && info->mtime + QUIET_S > now))
        return FALSE;
    g_autofree char *version = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT ".%09d",
                                               info->size, info->mtime, info->mtime_ns);
    gnutls_hash_hd_t hash = NULL;
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
        return FALSE;
    /* With their final NULs: nothing runs into the next. */
    gboolean ok = gnutls_hash(hash, disk->source, strlen(disk->source) + 1) >= 0 &&
                  gnutls_hash(hash, path, strlen(path) + 1) >= 0 &&
                  gnutls_hash(hash, version, strlen(version) + 1) >= 0;
    gnutls_hash_deinit(hash, key->hash);
    return ok;
}

gboolean disk_identify(const DiskCache *disk, Remote *remote, const char *path,
                       const NodeInfo *info, GCancellable *cancel, DiskKey *key)
{
    if (info->time_precision == REMOTE_TIME_SECOND)
        return disk_key(disk, path, info, key);
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autoptr(GError) failure = NULL;
    if (!remote_stat_exact(remote, path, entry, cancel, &failure)) {
        g_debug("%s: not kept on disk: %s", path, failure->message);
        return FALSE;
    }
    NodeInfo exact = *info;
    exact.has = entry->has;
    exact.mtime = entry->mtime;
    exact.mtime_ns = entry->mtime_ns;
    exact.time_precision = entry->time_precision;
    return entry->size == info->size && disk_key(disk, path, &exact, key);
}

static char *file_name(const DiskKey *key, guint64 index)
{
    GString *name = g_string_sized_new(84);
    for (gsize i = 0; i < sizeof key->hash; i++)
        g_string_append_printf(name, "%02x", key->hash[i]);
    g_string_append_printf(name, "-%" G_GINT64_MODIFIER "x", index);
    return g_string_free(name, FALSE);
}

/* The hash that belongs into `header`, whose hash is zeros. */
static gboolean hash_of(const Header *header, const void *content, guint8 hash[32])
{
    gnutls_hash_hd_t handle = NULL;
    if (gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) < 0)
        return FALSE;
    gboolean ok = gnutls_hash(handle, header, sizeof *header) >= 0 &&
                  gnutls_hash(handle, content, header->length) >= 0;
    gnutls_hash_deinit(handle, hash);
    return ok;
}

static void fill_header(Header *header, const DiskKey *key, guint64 index, gsize length)
{
    *header = (Header){.order = ORDER, .length = (guint32)length, .index = index};
    memcpy(header->magic, MAGIC, sizeof header->magic);
    memcpy(header->key, key->hash, sizeof header->key);
}

/* Reads and checks a chunk's file. */
static gboolean read_chunk(int fd, const Header *wanted, void *content)
{
    struct stat st;
    Header found;
    struct iovec iov[2] = {{&found, sizeof found}, {content, wanted->length}};
    gsize size = sizeof found + wanted->length;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (guint64)st.st_size != size ||
        readv(fd, iov, 2) != (gssize)size)
        return FALSE;
    guint8 hash[32];
    memcpy(hash, found.hash, sizeof hash);
    memset(found.hash, 0, sizeof found.hash);
    guint8 computed[32];
    if (memcmp(&found, wanted, sizeof found) != 0 || !hash_of(&found, content, computed) ||
        memcmp(hash, computed, sizeof hash) != 0)
        return FALSE;
    /* What is used stays; not written for each of many reads. */
    if (st.st_mtime + 1 < g_get_real_time() / G_USEC_PER_SEC)
        futimens(fd, NULL);
    return TRUE;
}

GBytes *disk_get(DiskCache *disk, const DiskKey *key, guint64 index, gsize length)
{
    g_autofree char *name = file_name(key, index);
    int fd = openat(disk->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            g_info("the cache on disk: %s: %s", name, g_strerror(errno));
        return NULL;
    }
    Header wanted;
    fill_header(&wanted, key, index, length);
    g_autofree guint8 *content = g_malloc(length);
    gboolean ok = read_chunk(fd, &wanted, content);
    close(fd);
    if (ok)
        return g_bytes_new_take(g_steal_pointer(&content), length);
    g_message("the cache on disk: %s is damaged and deleted", name);
    if (unlinkat(disk->dir_fd, name, 0) != 0 && errno != ENOENT)
        g_warning("the cache on disk: %s can't be deleted: %s", name, g_strerror(errno));
    return NULL;
}

/* ---- room ---- */

static void found_free(gpointer pointer)
{
    Found *found = pointer;
    g_free(found->name);
    g_free(found);
}

static gint by_use(gconstpointer a, gconstpointer b)
{
    const Found *left = *(Found *const *)a;
    const Found *right = *(Found *const *)b;
    if (left->used.tv_sec != right->used.tv_sec)
        return left->used.tv_sec < right->used.tv_sec ? -1 : 1;
    return left->used.tv_nsec < right->used.tv_nsec ? -1 : left->used.tv_nsec > right->used.tv_nsec;
}

static guint64 size_on_disk(guint64 size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* Whether it is the name of a chunk's file. */
static gboolean is_ours(const char *name)
{
    gsize digits = strspn(name, "0123456789abcdef");
    return digits == 64 && name[64] == '-' && name[65] != '\0' &&
           name[65 + strspn(name + 65, "0123456789abcdef")] == '\0';
}

static void discard(DiskCache *disk, const char *name)
{
    if (unlinkat(disk->dir_fd, name, 0) != 0 && errno != ENOENT && errno != EISDIR)
        g_info("the cache on disk: %s can't be deleted: %s", name, g_strerror(errno));
}

/* All chunks there are. What is something else is deleted. */
static GPtrArray *list_entries(DiskCache *disk)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(found_free);
    int fd = openat(disk->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        g_warning(
            "the cache on disk can't be looked through: %s; check the directory of -o cache_dir",
            g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return all;
    }
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, "..") ||
            g_str_equal(entry->d_name, LOCK_NAME) ||
            fstatat(disk->dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode) && is_ours(entry->d_name)) {
            Found *found = g_new0(Found, 1);
            found->name = g_strdup(entry->d_name);
            found->size = size_on_disk((guint64)st.st_size);
            found->used = st.st_mtim;
            g_ptr_array_add(all, found);
        } else if (!g_str_has_prefix(entry->d_name, NEW_PREFIX) || st.st_mtime + NEW_MAX_S < now) {
            discard(disk, entry->d_name);
        }
    }
    closedir(dir);
    return all;
}

/* Deletes what was not used for the longest time; gives the bytes that are left. */
static guint64 delete_oldest(DiskCache *disk)
{
    g_autoptr(GPtrArray) all = list_entries(disk);
    guint64 used = 0;
    for (guint i = 0; i < all->len; i++)
        used += ((const Found *)g_ptr_array_index(all, i))->size;
    if (used <= disk->capacity)
        return used;
    g_ptr_array_sort(all, by_use);
    guint64 keep = disk->capacity / 10 * KEEP_TENTHS;
    for (guint i = 0; i < all->len && used > keep; i++) {
        const Found *found = g_ptr_array_index(all, i);
        discard(disk, found->name);
        used -= found->size;
    }
    return used;
}

/* Counts `size` more bytes; when that is too much for what is known, all is looked at, other
 * mounts' files included. */
static void make_room(DiskCache *disk, guint64 size)
{
    lock_take(&disk->lock);
    gboolean full = disk->used > disk->capacity || disk->capacity - disk->used < size;
    /* Until the count is right again others go on. */
    disk->used = full ? disk->capacity / 10 * KEEP_TENTHS : disk->used + size;
    lock_release(&disk->lock);
    if (!full || flock(disk->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return; /* another mount is at it */
    guint64 used = delete_oldest(disk);
    flock(disk->lock_fd, LOCK_UN);
    lock_take(&disk->lock);
    disk->used = used + size;
    lock_release(&disk->lock);
}

/* ---- writing ---- */

/* A name for a new file; NULL while nothing is to be written. */
static char *new_name(DiskCache *disk)
{
    lock_take(&disk->lock);
    gboolean quiet = g_get_monotonic_time() < disk->quiet_until;
    guint64 number = disk->names++;
    lock_release(&disk->lock);
    return quiet ? NULL
                 : g_strdup_printf(NEW_PREFIX "%ld-%" G_GUINT64_FORMAT "-%08x", (long)getpid(),
                                   number, g_random_int());
}

static gboolean write_file(const DiskCache *disk, const char *name, const Header *header,
                           const void *content)
{
    int fd = openat(disk->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return FALSE;
    struct iovec iov[2] = {{(void *)header, sizeof *header}, {(void *)content, header->length}};
    gssize written = writev(fd, iov, 2);
    int failed = written < 0 ? errno : ENOSPC;
    if (close(fd) != 0 && written >= 0) {
        failed = errno;
        written = -1;
    }
    errno = failed;
    return written == (gssize)(sizeof *header + header->length);
}

void disk_usage(DiskCache *disk, guint64 *used, guint64 *capacity)
{
    lock_take(&disk->lock);
    *used = disk->used;
    lock_release(&disk->lock);
    *capacity = disk->capacity;
}

void disk_put(DiskCache *disk, const DiskKey *key, guint64 index, GBytes *chunk)
{
    gsize length;
    const void *content = g_bytes_get_data(chunk, &length);
    g_autofree char *temporary = new_name(disk);
    Header header;
    fill_header(&header, key, index, length);
    guint8 hash[32];
    if (temporary == NULL || !hash_of(&header, content, hash))
        return;
    memcpy(header.hash, hash, sizeof hash);
    make_room(disk, size_on_disk(sizeof header + length));
    g_autofree char *name = file_name(key, index);
    if (write_file(disk, temporary, &header, content) &&
        renameat(disk->dir_fd, temporary, disk->dir_fd, name) == 0)
        return;
    g_warning("nothing is kept in the cache on disk for a minute: %s; make room in the directory "
              "of -o cache_dir",
              g_strerror(errno));
    discard(disk, temporary);
    lock_take(&disk->lock);
    disk->quiet_until = g_get_monotonic_time() + PAUSE_US;
    lock_release(&disk->lock);
}
