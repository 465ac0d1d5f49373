/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callbacks that list directories. A handle holds the children as they were when it was opened or
 * rewound, so that offsets stay good while the directory changes. Those of a big directory are
 * shown while its listing is on its way: the thread that has answered the opendir runs it to its
 * end, also when the handle is released before, and those who read wait for what follows.
 */
#include <errno.h>

#include "fs_private.h"

#include "ftpsfs/util/lock.h"

typedef struct {
    Lock lock;           /* guards what follows: a handle may be used by several threads */
    GPtrArray *children; /* Node references */
    TreeListing *rest;   /* what follows them; NULL: that is all */
    gboolean read;       /* something was read from it since */
} DirHandle;

/* Offsets 0 and 1 are "." and "..", the children follow. */
#define FIRST_CHILD 2

void fs_directory_handle_free(gpointer data)
{
    DirHandle *handle = data;
    g_ptr_array_unref(handle->children);
    g_clear_pointer(&handle->rest, tree_listing_unref);
    lock_clear(&handle->lock);
    g_free(handle);
}

static DirHandle *new_handle(Fs *fs, GPtrArray *children, TreeListing *rest)
{
    DirHandle *handle = g_new0(DirHandle, 1);
    lock_init(&handle->lock, LOCK_RANK_HANDLE);
    handle->children = children;
    handle->rest = rest;
    lock_take(&fs->lock);
    g_hash_table_add(fs->directories, handle);
    lock_release(&fs->lock);
    return handle;
}

static void drop_handle(Fs *fs, DirHandle *handle)
{
    lock_take(&fs->lock);
    g_hash_table_remove(fs->directories, handle);
    lock_release(&fs->lock);
}

/* Takes the children and the rest, which may be NULL. */
static void reply_open(fuse_req_t req, struct fuse_file_info *fi, GPtrArray *children,
                       TreeListing *rest)
{
    Fs *fs = fs_of(req);
    DirHandle *handle = new_handle(fs, children, rest);
    fi->fh = (uint64_t)(uintptr_t)handle;
    if (fuse_reply_open(req, fi) != 0)
        drop_handle(fs, handle);
}

/* An opendir on its way; the request is gone once it is answered. */
typedef struct {
    fuse_req_t req;
    struct fuse_file_info *fi;
    FsCancellable *cancel;
    gulong handler; /* of fs_go_on */
} Opening;

static void show_begin(GPtrArray *children, TreeListing *rest, gpointer data)
{
    Opening *opening = data;
    opening->handler = fs_go_on(fs_of(opening->req), opening->cancel);
    reply_open(opening->req, opening->fi, children, rest);
}

static void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    Fs *fs = fs_of(req);
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    g_autoptr(GError) error = NULL;
    Opening opening = {.req = req, .fi = fi, .cancel = cancel};
    TreeParts parts = {.begin = show_begin, .data = &opening};
    GPtrArray *children = files_list(fs->files, fs_node(req, ino), &parts, cancel, &error);
    if (parts.begun)
        fs_went_on(fs, opening.handler);
    else if (children == NULL)
        fs_reply_error(req, ino, NULL, error);
    else
        reply_open(req, fi, children, NULL);
}

static void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    drop_handle(fs_of(req), (DirHandle *)(uintptr_t)fi->fh);
    fuse_reply_err(req, 0);
}

/* rewinddir(3) shows what is there now. */
static gboolean rewind_handle(fuse_req_t req, DirHandle *handle, Node *dir, GError **error)
{
    g_autoptr(FsCancellable) cancel = fs_cancellable(req);
    GPtrArray *children = tree_list(fs_of(req)->tree, dir, cancel, error);
    /* The request may be interrupted after `cancel` is gone. */
    fuse_req_interrupt_func(req, NULL, NULL);
    if (children == NULL)
        return FALSE;
    lock_take(&handle->lock);
    g_ptr_array_unref(handle->children);
    handle->children = children;
    g_clear_pointer(&handle->rest, tree_listing_unref);
    lock_release(&handle->lock);
    return TRUE;
}

/* What is to come after the handle's children, `known` of them, when none of these is at `offset`:
 * a reference, or NULL. */
static TreeListing *rest_at(DirHandle *handle, off_t offset, guint *known)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&handle->lock);
    *known = handle->children->len;
    if (handle->rest == NULL || offset - FIRST_CHILD < (off_t)*known)
        return NULL;
    return tree_listing_ref(handle->rest);
}

static void take_more(DirHandle *handle, TreeListing *rest)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&handle->lock);
    /* Else it was rewound. */
    if (handle->rest == rest && tree_listing_take(rest, handle->children))
        g_clear_pointer(&handle->rest, tree_listing_unref);
}

/* Waits until there is a child at `offset`, or that is the end. */
static gboolean await_child(fuse_req_t req, DirHandle *handle, off_t offset, GError **error)
{
    guint known;
    for (;;) {
        g_autoptr(TreeListing) rest = rest_at(handle, offset, &known);
        if (rest == NULL)
            return TRUE;
        g_autoptr(FsCancellable) cancel = fs_cancellable(req);
        gboolean ok = tree_listing_await(rest, known, cancel, error);
        fuse_req_interrupt_func(req, NULL, NULL);
        if (!ok)
            return FALSE;
        take_more(handle, rest);
    }
}

/* The bytes that entry `index` takes in the buffer; more than `space` when it does not fit. */
static size_t add_entry(fuse_req_t req, char *buffer, size_t space, const char *name, Node *node,
                        gboolean plus, off_t next)
{
    Fs *fs = fs_of(req);
    NodeInfo info;
    node_info(node, &info);
    struct fuse_entry_param entry = {0};
    fs_fill_stat(fs, &info, &entry.attr);
    if (!plus)
        return fuse_add_direntry(req, buffer, space, name, &entry.attr, next);
    /* "." and ".." count as no lookup. */
    if (next > FIRST_CHILD) {
        entry.ino = (fuse_ino_t)node;
        entry.entry_timeout = fs_validity(&info);
        entry.attr_timeout = fs_attribute_validity(&info);
    }
    return fuse_add_direntry_plus(req, buffer, space, name, &entry, next);
}

/* Fills the buffer from `offset` on, with the handle's lock held. */
static size_t fill(fuse_req_t req, const DirHandle *handle, Node *dir, char *buffer, size_t size,
                   off_t offset, gboolean plus)
{
    size_t used = 0;
    for (off_t i = offset; i - FIRST_CHILD < (off_t)handle->children->len; i++) {
        Node *node =
            i < FIRST_CHILD ? dir : g_ptr_array_index(handle->children, (guint)(i - FIRST_CHILD));
        g_autofree char *name = i == 0 ? g_strdup(".") : i == 1 ? g_strdup("..") : node_name(node);
        size_t bytes = add_entry(req, buffer + used, size - used, name, node, plus, i + 1);
        if (bytes > size - used)
            break;
        used += bytes;
        if (plus && i >= FIRST_CHILD)
            node_remember(node);
    }
    return used;
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *fi, gboolean plus)
{
    DirHandle *handle = (DirHandle *)(uintptr_t)fi->fh;
    Node *dir = fs_node(req, ino);
    g_autoptr(GError) error = NULL;
    if ((offset == 0 && handle->read && !rewind_handle(req, handle, dir, &error)) ||
        !await_child(req, handle, offset, &error)) {
        fs_reply_error(req, ino, NULL, error);
        return;
    }
    g_autofree char *buffer = g_malloc(size);
    lock_take(&handle->lock);
    handle->read = TRUE;
    size_t used = fill(req, handle, dir, buffer, size, offset, plus);
    lock_release(&handle->lock);
    fuse_reply_buf(req, buffer, used);
}

static void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    read_directory(req, ino, size, offset, fi, FALSE);
}

static void fs_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *fi)
{
    read_directory(req, ino, size, offset, fi, TRUE);
}

/* All changes of names are on the server before their calls return. */
static void fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    fuse_reply_err(req, 0);
}

void fs_directories_register(struct fuse_lowlevel_ops *ops)
{
    ops->opendir = fs_opendir;
    ops->releasedir = fs_releasedir;
    ops->readdir = fs_readdir;
    ops->readdirplus = fs_readdirplus;
    ops->fsyncdir = fs_fsyncdir;
}
