/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes: what the tree knows as struct stat, and getattr, setattr, statfs.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fs_private.h"
#include "ftpsfs/util/error.h"

/* A good size of one read; programs size their buffers by it. */
#define BLOCK_SIZE (128 * 1024)

/* What statfs shows when the server tells nothing: enough that no program refuses to write. */
#define UNKNOWN_SPACE (1024ULL * 1024 * 1024 * 1024)

/* Permissions by the "perm" fact where the server tells no mode (RFC 3659 section 7.5.5). */
static guint32 mode_from_perm(const NodeInfo *info)
{
    gboolean dir = info->type == REMOTE_TYPE_DIR;
    if (!(info->has & REMOTE_HAS_PERM))
        return dir ? 0755 : 0644;
    guint read = dir ? REMOTE_PERM_ENTER | REMOTE_PERM_LIST : REMOTE_PERM_READ;
    guint write =
        dir ? REMOTE_PERM_CREATE | REMOTE_PERM_MKDIR : REMOTE_PERM_WRITE | REMOTE_PERM_APPEND;
    guint32 mode = (info->perm & read) ? (dir ? 0555 : 0444) : 0;
    return (info->perm & write) ? mode | 0200 : mode;
}

guint32 fs_mode_bits(gboolean directory, guint32 mode)
{
    return mode & (directory ? S_ISGID | S_ISVTX | 0777 : 0777);
}

/* A device or a socket of the server is a pipe here: no number of a device is ever believed. */
static mode_t mode_of(const Fs *fs, const NodeInfo *info)
{
    gboolean directory = info->type == REMOTE_TYPE_DIR;
    guint32 told = (info->has & REMOTE_HAS_MODE) ? info->mode : mode_from_perm(info);
    guint32 mode = fs_mode_bits(directory, told);
    switch (info->type) {
    case REMOTE_TYPE_DIR:
        return S_IFDIR | (mode & ~fs->options.umask_dirs);
    case REMOTE_TYPE_SYMLINK:
        return S_IFLNK | 0777;
    case REMOTE_TYPE_OTHER:
        return S_IFIFO | (mode & ~fs->options.umask_files);
    case REMOTE_TYPE_FILE:
        break;
    }
    return S_IFREG | (mode & ~fs->options.umask_files);
}

static uid_t uid_of(const Fs *fs, const NodeInfo *info)
{
    return fs->options.server_uid && (info->has & REMOTE_HAS_UID) ? info->uid : fs->options.uid;
}

static gid_t gid_of(const Fs *fs, const NodeInfo *info)
{
    return fs->options.server_gid && (info->has & REMOTE_HAS_GID) ? info->gid : fs->options.gid;
}

void fs_fill_stat(const Fs *fs, const NodeInfo *info, struct stat *st)
{
    memset(st, 0, sizeof *st);
    st->st_ino = info->ino;
    st->st_mode = mode_of(fs, info);
    /* 1 also for directories: it tells find(1) not to count sub-directories by it. */
    st->st_nlink = 1;
    st->st_uid = uid_of(fs, info);
    st->st_gid = gid_of(fs, info);
    st->st_size = info->type == REMOTE_TYPE_DIR ? 0 : (off_t)info->size;
    st->st_blksize = BLOCK_SIZE;
    st->st_blocks = st->st_size / 512 + (st->st_size % 512 != 0); /* no sum that could overflow */
    st->st_mtim.tv_sec = info->mtime;
    st->st_mtim.tv_nsec = info->mtime_ns;
    st->st_atim = st->st_ctim = st->st_mtim;
}

double fs_validity(const NodeInfo *info)
{
    gint64 left = info->valid_until - g_get_monotonic_time();
    return left > 0 ? (double)left / (double)G_USEC_PER_SEC : 0.0;
}

double fs_attribute_validity(const NodeInfo *info)
{
    return info->inexact ? 0.0 : fs_validity(info);
}

void fs_fill_entry(const Fs *fs, Node *node, struct fuse_entry_param *entry)
{
    NodeInfo info;
    node_info(node, &info);
    memset(entry, 0, sizeof *entry);
    entry->ino = (fuse_ino_t)node;
    entry->entry_timeout = fs_validity(&info);
    entry->attr_timeout = fs_attribute_validity(&info);
    fs_fill_stat(fs, &info, &entry->attr);
    node_remember(node);
}

static void reply_attributes(fuse_req_t req, fuse_ino_t ino, GCancellable *cancel)
{
    Fs *fs = fs_of(req);
    NodeInfo info;
    g_autoptr(GError) error = NULL;
    if (!tree_refresh(fs->tree, fs_node(req, ino), FALSE, &info, cancel, &error)) {
        fs_reply_error(req, ino, NULL, error);
        return;
    }
    struct stat st;
    fs_fill_stat(fs, &info, &st);
    /* A size that nothing told will be known when the file is opened. */
    fuse_reply_attr(req, &st, fs_attribute_validity(&info));
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    reply_attributes(req, ino, cancel);
}

/* One of the two that chown(2) changes. */
typedef struct {
    RemoteAccount kind;
    guint32 id;
    gboolean changes; /* the owner that is shown anyway is nothing to do */
} Owning;

static char *account_of(const Fs *fs, const Owning *owning)
{
    if (fs->options.account == NULL)
        return g_strdup_printf("%u", owning->id);
    return fs->options.account(owning->kind, owning->id, fs->options.account_data);
}

/* What is known before anything is done: a number that stands for none of the server's owners can't
 * be told to it, and commands follow a symbolic link to its file. */
static gboolean may_give(const Fs *fs, const NodeInfo *info, const Owning *owning, GError **error)
{
    gboolean group = owning->kind == REMOTE_GROUP;
    gboolean told = group ? fs->options.server_gid : fs->options.server_uid;
    RemoteCan can = group ? REMOTE_CAN_CHGRP : REMOTE_CAN_CHOWN;
    if (!owning->changes ||
        (told && info->type != REMOTE_TYPE_SYMLINK && remote_can(fs->remote, can)))
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "the %s of this can't be changed",
                group ? "group" : "owner");
    return FALSE;
}

static gboolean give(Fs *fs, Node *node, const Owning *owning, GCancellable *cancel, GError **error)
{
    if (!owning->changes)
        return TRUE;
    g_autofree char *account = account_of(fs, owning);
    if (account == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "the number %u has no name here that could be told to the server", owning->id);
        return FALSE;
    }
    TreeOwner owner = {.kind = owning->kind, .account = account, .id = owning->id};
    return files_set_owner(fs->files, node, &owner, cancel, error);
}

/* The group first: who has given a file away may do no more with it. */
static gboolean set_owner(Fs *fs, Node *node, const struct stat *attr, int to_set,
                          GCancellable *cancel, GError **error)
{
    NodeInfo info;
    node_info(node, &info);
    Owning group = {.kind = REMOTE_GROUP, .id = attr->st_gid};
    Owning owner = {.kind = REMOTE_OWNER, .id = attr->st_uid};
    group.changes = (to_set & FUSE_SET_ATTR_GID) && group.id != gid_of(fs, &info);
    owner.changes = (to_set & FUSE_SET_ATTR_UID) && owner.id != uid_of(fs, &info);
    return may_give(fs, &info, &group, error) && may_give(fs, &info, &owner, error) &&
           give(fs, node, &group, cancel, error) && give(fs, node, &owner, cancel, error);
}

/* chown(2) knows one answer where it is not allowed, and where it can't be done. */
static void refuse_owner(fuse_req_t req, fuse_ino_t ino, const GError *error)
{
    if (!ftpsfs_error_is(error, FTPSFS_ERROR_UNSUPPORTED) &&
        !ftpsfs_error_is(error, FTPSFS_ERROR_ACCESS)) {
        fs_reply_error(req, ino, NULL, error);
        return;
    }
    g_info("chown: %s", error->message);
    fuse_reply_err(req, EPERM);
}

/* Most servers can't set the time of a directory. tar, rsync and cp -a all try, and would call
 * every copied tree a failure; a directory's time is nothing that can get lost, so it stays the
 * server's. */
static gboolean pass_over(Node *node, guint32 mode, GError **error)
{
    NodeInfo info;
    node_info(node, &info);
    if (info.type != REMOTE_TYPE_DIR || mode != G_MAXUINT32 ||
        !(ftpsfs_error_is(*error, FTPSFS_ERROR_UNSUPPORTED) ||
          ftpsfs_error_is(*error, FTPSFS_ERROR_ACCESS)))
        return FALSE;
    g_info("a directory's time is left to the server: %s", (*error)->message);
    g_clear_error(error);
    return TRUE;
}

static gboolean set_mode_and_time(Fs *fs, Node *node, const struct stat *attr, int to_set,
                                  GCancellable *cancel, GError **error)
{
    NodeInfo info;
    node_info(node, &info);
    guint32 mode = (to_set & FUSE_SET_ATTR_MODE)
                       ? fs_mode_bits(info.type == REMOTE_TYPE_DIR, attr->st_mode)
                       : G_MAXUINT32;
    gint64 mtime = G_MININT64;
    if (to_set & FUSE_SET_ATTR_MTIME_NOW)
        mtime = g_get_real_time() / G_USEC_PER_SEC;
    else if (to_set & FUSE_SET_ATTR_MTIME)
        mtime = attr->st_mtim.tv_sec;
    if (mode == G_MAXUINT32 && mtime == G_MININT64)
        return TRUE;
    return files_set_attributes(fs->files, node, mode, mtime, cancel, error) ||
           pass_over(node, mode, error);
}

static void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    Fs *fs = fs_of(req);
    Node *node = fs_node(req, ino);
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    if (!set_owner(fs, node, attr, to_set, cancel, &error)) {
        refuse_owner(req, ino, error);
        return;
    }
    File *file = fi != NULL ? fs_file(fi) : NULL;
    if (((to_set & FUSE_SET_ATTR_SIZE) &&
         !file_truncate(fs->files, node, file, (guint64)attr->st_size, cancel, &error)) ||
        !set_mode_and_time(fs, node, attr, to_set, cancel, &error)) {
        fs_reply_error(req, ino, NULL, error);
        return;
    }
    reply_attributes(req, ino, cancel);
}

static void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
    Fs *fs = fs_of(req);
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autofree char *path = node_path(fs_node(req, ino));
    guint64 bytes = UNKNOWN_SPACE;
    g_autoptr(GError) error = NULL;
    guint64 total = 0;
    if (path != NULL && !remote_available(fs->remote, path, &bytes, &total, cancel, &error)) {
        bytes = UNKNOWN_SPACE;
        g_debug("statfs: %s", error->message);
    }
    struct statvfs st = {
        .f_bsize = BLOCK_SIZE,
        .f_frsize = 4096,
        .f_blocks = MAX(bytes, total) / 4096,
        .f_bfree = bytes / 4096,
        .f_bavail = bytes / 4096,
        .f_files = 1000000,
        .f_ffree = 1000000,
        .f_namemax = 255,
    };
    fuse_reply_statfs(req, &st);
}

void fs_attributes_register(struct fuse_lowlevel_ops *ops)
{
    ops->getattr = fs_getattr;
    ops->setattr = fs_setattr;
    ops->statfs = fs_statfs;
}
