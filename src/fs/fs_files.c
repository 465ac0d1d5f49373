/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callbacks on the content of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>

#include "fs_private.h"

#define CAN_WRITE 1

static uint64_t handle_of(File *file, int flags)
{
    return (uint64_t)(uintptr_t)file | ((flags & O_ACCMODE) != O_RDONLY ? CAN_WRITE : 0);
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    gboolean keep_cache = FALSE;
    File *file =
        file_open(fs_of(req)->files, fs_node(req, ino), fi->flags, &keep_cache, cancel, &error);
    if (file == NULL) {
        fs_reply_error(req, ino, NULL, error);
        return;
    }
    fi->fh = handle_of(file, fi->flags);
    fi->keep_cache = keep_cache ? 1 : 0;
    if (fuse_reply_open(req, fi) != 0)
        file_close(file);
}

static void fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    if (fs_refuse_reserved(req, name))
        return;
    Fs *fs = fs_of(req);
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = NULL;
    File *file = file_create(fs->files, fs_node(req, parent), name, fs_mode_bits(FALSE, mode),
                             &node, cancel, &error);
    if (file == NULL) {
        fs_reply_error(req, parent, name, error);
        return;
    }
    fi->fh = handle_of(file, fi->flags);
    struct fuse_entry_param entry;
    fs_fill_entry(fs, node, &entry);
    if (fuse_reply_create(req, &entry, fi) != 0) {
        node_forget(node, 1);
        file_close(file);
    }
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    if (!file_read(fs_file(fi), (guint64)offset, size, parts, cancel, &error)) {
        fs_reply_error(req, ino, NULL, error);
        return;
    }
    /* The chunks go to the kernel from where they lie. */
    g_autofree struct iovec *iov = g_new0(struct iovec, parts->len + 1);
    for (guint i = 0; i < parts->len; i++)
        iov[i].iov_base = (void *)g_bytes_get_data(g_ptr_array_index(parts, i), &iov[i].iov_len);
    fuse_reply_iov(req, iov, (int)parts->len);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    gboolean append = (fi->flags & O_APPEND) != 0 && !fi->writepage;
    if (file_write(fs_file(fi), data, size, (guint64)offset, append, cancel, &error))
        fuse_reply_write(req, size);
    else
        fs_reply_error(req, ino, NULL, error);
}

static void flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, gboolean sync)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    if (sync ? file_sync(fs_file(fi), cancel, &error) : file_flush(fs_file(fi), cancel, &error))
        fuse_reply_err(req, 0);
    else
        fs_reply_error(req, ino, NULL, error);
}

static void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    /* One who only reads has nothing to wait for. */
    if (fi->fh & CAN_WRITE)
        flush(req, ino, fi, FALSE);
    else
        fuse_reply_err(req, 0);
}

static void fs_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)datasync;
    flush(req, ino, fi, TRUE);
}

static void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    file_close(fs_file(fi));
    fuse_reply_err(req, 0);
}

/* cp copies a whole file so; where the server can't, it reads and writes instead. */
static void fs_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
                               struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
                               struct fuse_file_info *fi_out, size_t length, int flags)
{
    (void)ino_out;
    if (off_in != 0 || off_out != 0 || flags != 0) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    guint64 copied = 0;
    if (file_copy(fs_file(fi_in), fs_file(fi_out), length, &copied, cancel, &error))
        fuse_reply_write(req, copied);
    else
        fs_reply_error(req, ino_in, NULL, error);
}

#define HASH_SHA256 "user.ftpsfs.sha256"
#define HASH_MD5    "user.ftpsfs.md5"

static void fs_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    gboolean md5 = strcmp(name, HASH_MD5) == 0;
    if (!md5 && strcmp(name, HASH_SHA256) != 0) {
        fuse_reply_err(req, g_str_has_prefix(name, "user.") ? ENODATA : EOPNOTSUPP);
        return;
    }
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = files_hash(fs_of(req)->files, fs_node(req, ino),
                                       md5 ? REMOTE_HASH_MD5 : REMOTE_HASH_SHA256, cancel, &error);
    size_t length = hash != NULL ? strlen(hash) : 0;
    if (hash == NULL)
        fs_reply_error(req, ino, NULL, error);
    else if (size == 0)
        fuse_reply_xattr(req, length);
    else if (size < length)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, hash, length);
}

void fs_files_register(struct fuse_lowlevel_ops *ops, const Fs *fs)
{
    if (remote_can(fs->remote, REMOTE_CAN_COPY))
        ops->copy_file_range = fs_copy_file_range;
    /* Without it the kernel asks once; with it, for security.capability at every write. */
    if (remote_can(fs->remote, REMOTE_CAN_HASH))
        ops->getxattr = fs_getxattr;
    ops->open = fs_open;
    ops->create = fs_create;
    ops->read = fs_read;
    ops->write = fs_write;
    ops->flush = fs_flush;
    ops->fsync = fs_fsync;
    ops->release = fs_release;
}
