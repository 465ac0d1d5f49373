/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callbacks on names: lookup and forget, and what makes, moves and removes them.
 */
#include <errno.h>
#include <stdio.h>

#include "fs_private.h"

/* Replies to a call that gives the kernel a node: the reference becomes the kernel's lookup. */
static void reply_entry(fuse_req_t req, fuse_ino_t parent, const char *name, Node *node,
                        const GError *error)
{
    if (node == NULL) {
        fs_reply_error(req, parent, name, error);
        return;
    }
    struct fuse_entry_param entry;
    fs_fill_entry(fs_of(req), node, &entry);
    /* A kernel that has gone away does not forget. */
    if (fuse_reply_entry(req, &entry) != 0)
        node_forget(node, 1);
}

static void reply_done(fuse_req_t req, fuse_ino_t parent, const char *name, gboolean done,
                       const GError *error)
{
    if (done)
        fuse_reply_err(req, 0);
    else
        fs_reply_error(req, parent, name, error);
}

gboolean fs_refuse_reserved(fuse_req_t req, const char *name)
{
    if (!tree_name_is_hidden(name))
        return FALSE;
    g_message("%s: names that begin like this are ftpsfs's own: choose another", name);
    fuse_reply_err(req, EPERM);
    return TRUE;
}

static void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node =
        tree_lookup(fs_of(req)->tree, fs_node(req, parent), name, cancel, &error);
    reply_entry(req, parent, name, node, error);
}

static void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    node_forget(fs_node(req, ino), nlookup);
    fuse_reply_none(req);
}

static void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        node_forget(fs_node(req, forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(req);
}

static void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    if (fs_refuse_reserved(req, name))
        return;
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = tree_mkdir(fs_of(req)->tree, fs_node(req, parent), name,
                                      fs_mode_bits(TRUE, mode), cancel, &error);
    reply_entry(req, parent, name, node, error);
}

static void fs_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    if (fs_refuse_reserved(req, name))
        return;
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node =
        tree_symlink(fs_of(req)->tree, fs_node(req, parent), name, target, cancel, &error);
    reply_entry(req, parent, name, node, error);
}

static void fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autofree char *target = tree_readlink(fs_of(req)->tree, fs_node(req, ino), cancel, &error);
    if (target == NULL)
        fs_reply_error(req, ino, NULL, error);
    else
        fuse_reply_readlink(req, target);
}

static void fs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    gboolean done = files_unlink(fs_of(req)->files, fs_node(req, parent), name, cancel, &error);
    reply_done(req, parent, name, done, error);
}

static void fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    gboolean done = files_rmdir(fs_of(req)->files, fs_node(req, parent), name, cancel, &error);
    reply_done(req, parent, name, done, error);
}

static void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned int flags)
{
    if (flags & ~(unsigned)RENAME_NOREPLACE) {
        fuse_reply_err(req, EINVAL); /* RENAME_EXCHANGE has no counterpart in FTP */
        return;
    }
    if (fs_refuse_reserved(req, new_name))
        return;
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    gboolean done =
        files_rename(fs_of(req)->files, fs_node(req, parent), name, fs_node(req, new_parent),
                     new_name, (flags & RENAME_NOREPLACE) != 0, cancel, &error);
    reply_done(req, parent, name, done, error);
}

/* link(2) says that this is the answer of a file system without hard links. */
static void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
    (void)ino;
    (void)new_parent;
    (void)new_name;
    fuse_reply_err(req, EPERM);
}

static void fs_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)rdev;
    if (!S_ISREG(mode)) {
        fuse_reply_err(req, EPERM);
        return;
    }
    if (fs_refuse_reserved(req, name))
        return;
    Fs *fs = fs_of(req);
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = NULL;
    File *file = file_create(fs->files, fs_node(req, parent), name, fs_mode_bits(FALSE, mode),
                             &node, cancel, &error);
    if (file != NULL) {
        if (!file_flush(file, cancel, &error))
            g_clear_pointer(&node, node_unref);
        file_close_after(file, cancel);
    }
    reply_entry(req, parent, name, node, error);
}

void fs_names_register(struct fuse_lowlevel_ops *ops)
{
    ops->lookup = fs_lookup;
    ops->forget = fs_forget;
    ops->forget_multi = fs_forget_multi;
    ops->mkdir = fs_mkdir;
    ops->symlink = fs_symlink;
    ops->readlink = fs_readlink;
    ops->unlink = fs_unlink;
    ops->rmdir = fs_rmdir;
    ops->rename = fs_rename;
    ops->link = fs_link;
    ops->mknod = fs_mknod;
}
