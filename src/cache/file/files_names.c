/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on names and attributes of files that may be open.
 *
 * While a file's name changes the file is busy, so that no upload goes to the old name when that is
 * gone already. Who needs several files claims them in the order of their addresses.
 */
#include "file_private.h"
#include "ftpsfs/util/error.h"

/* Whether the server can set what is asked for, as far as is known. */
static gboolean check_can(Files *files, guint32 mode, gint64 mtime, GError **error)
{
    if ((mode == G_MAXUINT32 || remote_can(files->remote, REMOTE_CAN_CHMOD)) &&
        (mtime == G_MININT64 || remote_can(files->remote, REMOTE_CAN_SET_MTIME)))
        return TRUE;
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                        "the server has no command to set this attribute");
    return FALSE;
}

/* For a file with nothing to upload that a Writeback does not have yet. */
static gboolean set_now(Files *files, Node *node, guint32 mode, gint64 mtime, GCancellable *cancel,
                        GError **error)
{
    Writeback *writeback = files->writeback;
    gboolean pending = writeback != NULL && writeback_has(writeback, node);
    if (pending && !check_can(files, mode, mtime, error))
        return FALSE;
    if (pending && !writeback_set(writeback, node, mode, mtime, &pending, error))
        return FALSE;
    /* It may have been uploaded just now. */
    return pending || tree_set_attributes(files->tree, node, mode, mtime, cancel, error);
}

static gboolean set_claimed(File *file, guint32 mode, gint64 mtime, GCancellable *cancel,
                            GError **error)
{
    Files *files = file->files;
    lock_take(&file->lock);
    gboolean later = file_is_pending(file) || file->hidden;
    gboolean ok = !later || check_can(files, mode, mtime, error);
    if (later && ok) {
        upload_want(file->upload, mode, mtime);
        tree_set_local(files->tree, file->node, G_MAXUINT64, mtime, 0, mode, FALSE);
    }
    lock_release(&file->lock);
    if (later)
        return ok;
    if (!set_now(files, file->node, mode, mtime, cancel, error))
        return FALSE;
    NodeInfo info;
    node_info(file->node, &info);
    file->base = file_state_of(&info);
    return TRUE;
}

gboolean files_set_attributes(Files *files, Node *node, guint32 mode, gint64 mtime,
                              GCancellable *cancel, GError **error)
{
    File *file = files_find(files, node);
    if (file == NULL)
        return set_now(files, node, mode, mtime, cancel, error);
    /* After an upload that is under way, which could undo it. */
    gboolean ok = file_claim(file, cancel, error);
    if (ok) {
        ok = set_claimed(file, mode, mtime, cancel, error);
        file_unclaim(file);
    }
    file_unref(file);
    return ok;
}

gboolean file_hide(File *file, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    Tree *tree = file->files->tree;
    g_autofree char *hidden = g_strdup_printf(".ftpsfs-unlinked-%08x", g_random_int());
    tree_pin(tree, file->node);
    if (!tree_rename(tree, dir, name, dir, hidden, TRUE, cancel, error)) {
        tree_unpin(tree, file->node);
        return FALSE;
    }
    lock_take(&file->lock);
    file->hidden = TRUE;
    lock_release(&file->lock);
    return TRUE;
}

gboolean file_make_local(File *file, guint64 max, GCancellable *cancel)
{
    g_autoptr(GError) failure = NULL;
    Extent missing;
    lock_take(&file->lock);
    guint64 size = file->spool != NULL ? spool_size(file->spool) : file->remote_size;
    gboolean local = file->spool != NULL && !spool_missing(file->spool, 0, G_MAXUINT64, &missing);
    if (!local && size <= max)
        local = file_ensure_spool(file, &failure) &&
                upload_fetch_missing(file, 0, G_MAXUINT64, cancel, &failure);
    lock_release(&file->lock);
    if (failure != NULL)
        g_debug("an open file is not kept by a copy: %s", failure->message);
    return local;
}

void file_cut_loose(File *file)
{
    lock_take(&file->lock);
    upload_forget(file);
    file->unborn = FALSE;
    lock_release(&file->lock);
}

/* Ends a store in good order before its file is deleted or replaced under it: some servers refuse
 * to delete what is being written. Claimed. */
static void end_store(File *file)
{
    lock_take(&file->lock);
    upload_abandon(file);
    lock_release(&file->lock);
}

static gboolean unlink_known(File *file, Node *dir, const char *name, GCancellable *cancel,
                             GError **error)
{
    Tree *tree = file->files->tree;
    if (file->unborn) {
        file_cut_loose(file);
        tree_detach(tree, file->node);
        return TRUE;
    }
    if (!file_make_local(file, 0, cancel))
        return file_hide(file, dir, name, cancel, error);
    end_store(file);
    if (!tree_unlink(tree, dir, name, cancel, error))
        return FALSE;
    file_cut_loose(file);
    return TRUE;
}

/* A handle on the source if that is a file, so that one who opens it now uses the same File. */
static File *open_source(Files *files, Node *source)
{
    NodeInfo info;
    if (source == NULL)
        return NULL;
    node_info(source, &info);
    return info.type == REMOTE_TYPE_FILE ? files_acquire(files, source, &info) : NULL;
}

/* The server removes what it has of a file first: until it has, that is not what was acknowledged
 * last. */
static gboolean unlink_pending(File *file, Node *dir, const char *name, GCancellable *cancel,
                               GError **error)
{
    Files *files = file->files;
    g_autoptr(GError) failure = NULL;
    if (!tree_unlink(files->tree, dir, name, cancel, &failure) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    file_cut_loose(file);
    return writeback_drop(files->writeback, file->node, error);
}

static gboolean unlink_locked(File *file, Node *dir, const char *name, GCancellable *cancel,
                              GError **error)
{
    gboolean done = FALSE;
    if (!files_forget_new(file, &done, error))
        return FALSE;
    if (done)
        return TRUE;
    if (writeback_has(file->files->writeback, file->node))
        return unlink_pending(file, dir, name, cancel, error);
    return unlink_known(file, dir, name, cancel, error);
}

static gboolean unlink_claimed(File *file, Node *dir, const char *name, GCancellable *cancel,
                               GError **error)
{
    Writeback *writeback = file->files->writeback;
    g_autofree char *path = writeback != NULL ? node_path(file->node) : NULL;
    if (path == NULL)
        return unlink_known(file, dir, name, cancel, error);
    WritebackPathLock lock = {.from = path};
    if (!writeback_path_lock(writeback, &lock, cancel, error))
        return FALSE;
    gboolean ok = unlink_locked(file, dir, name, cancel, error);
    writeback_path_unlock(writeback, &lock);
    return ok;
}

gboolean files_unlink(Files *files, Node *dir, const char *name, GCancellable *cancel,
                      GError **error)
{
    g_autoptr(Node) node = tree_peek(files->tree, dir, name);
    File *file = files_find(files, node);
    File *own = NULL;
    if (file == NULL && node != NULL && files->writeback != NULL &&
        writeback_has(files->writeback, node))
        own = file = open_source(files, node);
    if (file == NULL)
        return tree_unlink(files->tree, dir, name, cancel, error);
    gboolean ok = file_claim(file, cancel, error);
    if (ok) {
        ok = unlink_claimed(file, dir, name, cancel, error);
        file_unclaim(file);
    }
    if (own != NULL) {
        file_close_after(own, cancel);
        return ok;
    }
    files_reap(file);
    file_unref(file);
    return ok;
}

gboolean files_rmdir(Files *files, Node *dir, const char *name, GCancellable *cancel,
                     GError **error)
{
    g_autoptr(Node) node = tree_peek(files->tree, dir, name);
    g_autofree char *path = files->writeback != NULL && node != NULL ? node_path(node) : NULL;
    if (path == NULL)
        return tree_rmdir(files->tree, dir, name, cancel, error);
    /* What was given up below may be on the server still, under a hidden name. */
    WritebackPathLock lock = {.from = path, .below = TRUE};
    if (!writeback_path_lock(files->writeback, &lock, cancel, error))
        return FALSE;
    gboolean ok = tree_rmdir(files->tree, dir, name, cancel, error);
    writeback_path_unlock(files->writeback, &lock);
    return ok;
}

/* ---- rename ---- */

static gint compare_addresses(gconstpointer a, gconstpointer b)
{
    guintptr left = (guintptr) * (const File *const *)a;
    guintptr right = (guintptr) * (const File *const *)b;
    return left < right ? -1 : left > right;
}

/* The Files at and below `node` and that of `replaced`, in the order of their addresses; each once:
 * a file and what it replaces are never one. */
static GPtrArray *files_concerned(Files *files, Node *node, File *replaced)
{
    GPtrArray *concerned = g_ptr_array_new_with_free_func(file_unref);
    g_autofree char *path = node_path(node);
    g_autofree char *prefix = g_strconcat(path != NULL ? path : "", "/", NULL);
    if (replaced != NULL)
        g_ptr_array_add(concerned, file_ref(replaced));
    lock_take(&files->lock);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, files->table);
    while (path != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
        File *file = value;
        g_autofree char *own = node_path(file->node);
        if (file != replaced && own != NULL &&
            (g_str_equal(own, path) || g_str_has_prefix(own, prefix)))
            g_ptr_array_add(concerned, file_ref(file));
    }
    lock_release(&files->lock);
    g_ptr_array_sort(concerned, compare_addresses);
    return concerned;
}

/* Claims the first `*n` of them, counted up. */
static gboolean claim_all(GPtrArray *all, guint *n, GCancellable *cancel, GError **error)
{
    for (; *n < all->len; (*n)++)
        if (!file_claim(g_ptr_array_index(all, *n), cancel, error))
            return FALSE;
    return TRUE;
}

/* Uploads what is pending under a path that is about to change. Claimed. */
static gboolean finalize_all(GPtrArray *all, const File *replaced, GCancellable *cancel,
                             GError **error)
{
    gboolean ok = TRUE;
    for (guint i = 0; ok && i < all->len; i++) {
        File *file = g_ptr_array_index(all, i);
        if (file == replaced)
            continue;
        lock_take(&file->lock);
        ok = !file_is_pending(file) || file_finalize(file, cancel, error);
        /* Written to while that was on its way; the new name gets it with the next flush. */
        lock_release(&file->lock);
    }
    return ok;
}

typedef struct {
    Node *dir, *new_dir;
    const char *name, *new_name;
    gboolean no_replace;
} Names;

/* rename(2) over a target that is open. Claimed. */
static gboolean rename_over_open(File *target, const Names *names, GCancellable *cancel,
                                 GError **error)
{
    Tree *tree = target->files->tree;
    if (target->unborn || file_make_local(target, FILE_PRESERVE_MAX, cancel)) {
        end_store(target);
        if (!tree_rename(tree, names->dir, names->name, names->new_dir, names->new_name, FALSE,
                         cancel, error))
            return FALSE;
        file_cut_loose(target);
        return TRUE;
    }
    if (!file_hide(target, names->new_dir, names->new_name, cancel, error))
        return FALSE;
    if (tree_rename(tree, names->dir, names->name, names->new_dir, names->new_name, FALSE, cancel,
                    error))
        return TRUE;
    g_autofree char *hidden = node_name(target->node);
    g_autoptr(GError) failure = NULL;
    /* Not cancelled: until it has its name back the target is gone for everybody. */
    if (!tree_rename(tree, names->new_dir, hidden, names->new_dir, names->new_name, TRUE, NULL,
                     &failure)) {
        g_warning("%s lies under the name %s now: %s. Rename it back with another FTP client.",
                  names->new_name, hidden, failure->message);
        return FALSE;
    }
    lock_take(&target->lock);
    target->hidden = FALSE;
    lock_release(&target->lock);
    tree_unpin(tree, target->node);
    return FALSE;
}

static gboolean rename_claimed(Files *files, File *target, const Names *names, GCancellable *cancel,
                               GError **error)
{
    if (target != NULL)
        return rename_over_open(target, names, cancel, error);
    return tree_rename(files->tree, names->dir, names->name, names->new_dir, names->new_name,
                       names->no_replace, cancel, error);
}

/* The paths are held. `own`: the source if that is a file. */
static gboolean rename_locked(Files *files, File *own, File *target, const Names *names,
                              const WritebackPathLock *lock, GCancellable *cancel, GError **error)
{
    Writeback *writeback = files->writeback;
    gboolean pending = own != NULL && writeback_has(writeback, own->node);
    if (pending ? writeback_is_new(writeback, own->node) : own != NULL && own->unborn)
        return files_move_new(own, names->new_dir, names->new_name, names->no_replace, lock, target,
                              cancel, error);
    guint64 id = 0;
    if (!writeback_rename_begin(writeback, lock, &id, error))
        return FALSE;
    gboolean ok = rename_claimed(files, target, names, cancel, error);
    writeback_rename_end(writeback, lock, id, ok);
    return ok;
}

static gboolean rename_with_writeback(Files *files, Node *source, File *own, File *target,
                                      const Names *names, GCancellable *cancel, GError **error)
{
    g_autofree char *from = node_path(source);
    g_autofree char *dir = node_path(names->new_dir);
    if (from == NULL || dir == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE, "\"%s\" is not there any more",
                    names->name);
        return FALSE;
    }
    g_autofree char *to =
        g_strconcat(dir, g_str_has_suffix(dir, "/") ? "" : "/", names->new_name, NULL);
    if (g_str_equal(from, to))
        return TRUE;
    WritebackPathLock lock = {.from = from, .to = to, .below = own == NULL};
    if (!writeback_path_lock(files->writeback, &lock, cancel, error))
        return FALSE;
    gboolean ok = rename_locked(files, own, target, names, &lock, cancel, error);
    writeback_path_unlock(files->writeback, &lock);
    return ok;
}

gboolean files_rename(Files *files, Node *dir, const char *name, Node *new_dir,
                      const char *new_name, gboolean no_replace, GCancellable *cancel,
                      GError **error)
{
    Names names = {dir, new_dir, name, new_name, no_replace};
    if (dir != new_dir && !remote_can(files->remote, REMOTE_CAN_MOVE)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CROSS,
                    "\"%s\": the server has no way to rename to another directory; copy", name);
        return FALSE;
    }
    g_autoptr(Node) source = tree_peek(files->tree, dir, name);
    g_autoptr(Node) replaced = tree_peek(files->tree, new_dir, new_name);
    if (source == NULL)
        return tree_rename(files->tree, dir, name, new_dir, new_name, no_replace, cancel, error);
    File *own = open_source(files, source);
    File *target = no_replace || replaced == source ? NULL : files_find(files, replaced);
    g_autoptr(GPtrArray) all = files_concerned(files, source, target);
    guint claimed = 0;
    gboolean ok =
        claim_all(all, &claimed, cancel, error) && finalize_all(all, target, cancel, error);
    if (ok && files->writeback != NULL)
        ok = rename_with_writeback(files, source, own, target, &names, cancel, error);
    else if (ok)
        ok = rename_claimed(files, target, &names, cancel, error);
    for (guint i = 0; i < claimed; i++)
        file_unclaim(g_ptr_array_index(all, i));
    if (target != NULL) {
        files_reap(target);
        file_unref(target);
    }
    if (own != NULL)
        file_close_after(own, cancel);
    return ok;
}
