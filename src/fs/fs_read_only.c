/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callbacks of a mount whose server can be read only (remote_is_read_only): EROFS for all that
 * writes. It is not the kernel's "ro", since that has to be said before the server is known.
 */
#include <fcntl.h>

#include "fs_private.h"
#include "ftpsfs/util/error.h"

static void refuse(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    g_autoptr(GError) error =
        g_error_new(FTPSFS_ERROR, FTPSFS_ERROR_READ_ONLY,
                    "the server's files are records of data sets, which ftpsfs can read only");
    fs_reply_error(req, ino, name, error);
}

static void refuse_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    refuse(req, parent, name);
}

static void refuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                         dev_t rdev)
{
    (void)mode;
    (void)rdev;
    refuse(req, parent, name);
}

static void refuse_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                          struct fuse_file_info *fi)
{
    (void)mode;
    (void)fi;
    refuse(req, parent, name);
}

static void refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    (void)target;
    refuse(req, parent, name);
}

static void refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
    (void)ino;
    refuse(req, new_parent, new_name);
}

static void refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
                          fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
    (void)new_parent;
    (void)new_name;
    (void)flags;
    refuse(req, parent, name);
}

static void refuse_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                           struct fuse_file_info *fi)
{
    (void)attr;
    (void)to_set;
    (void)fi;
    refuse(req, ino, NULL);
}

static void open_to_read(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    if ((fi->flags & O_ACCMODE) == O_RDONLY && (fi->flags & O_TRUNC) == 0)
        fs_of(req)->open(req, ino, fi);
    else
        refuse(req, ino, NULL);
}

void fs_read_only_register(struct fuse_lowlevel_ops *ops, Fs *fs)
{
    fs->open = ops->open;
    ops->open = open_to_read;
    ops->create = refuse_create;
    ops->mknod = refuse_mknod;
    ops->mkdir = refuse_mkdir;
    ops->symlink = refuse_symlink;
    ops->link = refuse_link;
    ops->rename = refuse_rename;
    ops->unlink = refuse;
    ops->rmdir = refuse;
    ops->setattr = refuse_setattr;
}
