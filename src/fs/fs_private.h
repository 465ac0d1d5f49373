/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the callbacks share: fs.c (session), fs_names.c (lookup and operations on names),
 * fs_directories.c (listing), fs_files.c (content), fs_attributes.c and fs_errors.c. The Fs' lock
 * is LOCK_RANK_FS, that of a directory handle LOCK_RANK_HANDLE.
 */
#ifndef FTPSFS_SRC_FS_FS_PRIVATE_H
#define FTPSFS_SRC_FS_FS_PRIVATE_H

#include <fuse_lowlevel.h>

#include "ftpsfs/fs/fs.h"
#include "ftpsfs/util/lock.h"
#include "interrupts.h"

struct Fs {
    FsOptions options;
    Remote *remote;
    Tree *tree;
    Files *files;
    struct fuse_session *session;
    Lock lock;               /* guards directories */
    GHashTable *directories; /* handles of open directories, for those that are never released: the
                                kernel does not do so after a signal has ended the session */
    Interrupts interrupts;
    GCancellable *ended; /* cancelled at the unmount, and when a signal ends the session */
    gint behind;         /* operations that go on behind their replies */
    int wake_fd;         /* an eventfd: has the watch over the unmount look again; -1: none */
    gboolean mounted;
    gboolean signals;
    /* What opens files to read in a mount that refuses to write; constant. */
    void (*open)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
};

static inline Fs *fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

/* The node of an inode number that the kernel got from us; borrowed, the kernel's lookup keeps it.
 */
Node *fs_node(fuse_req_t req, fuse_ino_t ino);

/* What fi->fh holds of an open file: the File, and in its lowest bit whether the handle can write.
 */
static inline File *fs_file(const struct fuse_file_info *fi)
{
    return (File *)(uintptr_t)(fi->fh & ~(uint64_t)1);
}

/* A GCancellable that is cancelled when the kernel interrupts the request, freed as a g_autoptr of
 * its own type. It may outlive the reply. */
typedef GCancellable FsCancellable;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsCancellable, interrupts_end)
FsCancellable *fs_cancellable(fuse_req_t req);

/* From just before its reply to its end an operation goes on behind that, until the unmount, and no
 * interrupt ends it any more. fs_go_on gives what fs_went_on takes. */
gulong fs_go_on(Fs *fs, FsCancellable *cancel);
void fs_went_on(Fs *fs, gulong handler);

/* Replies with EPERM, and says so, when `name` is one that ftpsfs keeps for itself. */
gboolean fs_refuse_reserved(fuse_req_t req, const char *name);

/* fs_errors.c: replies with the errno of `error`, and logs it as one about `ino`, or about `name`
 * in it (NULL: itself). */
void fs_reply_error(fuse_req_t req, fuse_ino_t ino, const char *name, const GError *error);

/* fs_attributes.c */
/* The permission bits of a file that are shown, and sent to the server: never set-user-id, and of
 * set-group-id and sticky those of directories alone, where they give nobody another's rights. */
guint32 fs_mode_bits(gboolean directory, guint32 mode);
void fs_fill_stat(const Fs *fs, const NodeInfo *info, struct stat *st);

/* Seconds for which the kernel may keep the attributes. */
double fs_validity(const NodeInfo *info);

/* The same for attributes: none where a better answer can be had. */
double fs_attribute_validity(const NodeInfo *info);

/* The reply to lookup and its like: takes over one reference of the caller's as the kernel's. */
void fs_fill_entry(const Fs *fs, Node *node, struct fuse_entry_param *entry);

/* Registers callbacks of one file. */
void fs_names_register(struct fuse_lowlevel_ops *ops);
void fs_directories_register(struct fuse_lowlevel_ops *ops);
void fs_directory_handle_free(gpointer data);
void fs_files_register(struct fuse_lowlevel_ops *ops, const Fs *fs);
void fs_attributes_register(struct fuse_lowlevel_ops *ops);
/* After all others, where the server can be read only. */
void fs_read_only_register(struct fuse_lowlevel_ops *ops, Fs *fs);

/* fs_refresh.c: drops what is cached of `path` (below the mount's root, "" for the root) and all
 * below it, here and in the kernel. Blocks while the kernel is busy with the directories. FALSE
 * when only a directory above it is known, and was dropped. */
gboolean fs_refresh(Fs *fs, const char *path);

#endif
