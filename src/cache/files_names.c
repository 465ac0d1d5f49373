/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on names and attributes of files that may be open.
 *
 * While a file's name changes the file is busy, so that no upload goes to the old name when that is
 * gone already. Who needs several files claims them in the order of their addresses.
 */
#include "file_private.h"
#include "ftpsfs/util/error.h"

/* A file that is replaced by a rename while it is open is fetched up to this size, so that its
 * readers keep it; a larger one is moved to a hidden name. */
#define PRESERVE_MAX (64 * 1024 * 1024)

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

static gboolean set_claimed(File *file, guint32 mode, gint64 mtime, GCancellable *cancel,
                            GError **error)
{
    Files *files = file->files;
    g_mutex_lock(&file->lock);
    gboolean later = file_is_pending(file) || file->hidden;
    gboolean ok = !later || check_can(files, mode, mtime, error);
    if (later && ok) {
        if (mode != G_MAXUINT32)
            file->want_mode = mode;
        if (mtime != G_MININT64)
            file->want_mtime = mtime;
        tree_set_local(files->tree, file->node, G_MAXUINT64, mtime, 0, mode, FALSE);
    }
    g_mutex_unlock(&file->lock);
    return later ? ok : tree_set_attributes(files->tree, file->node, mode, mtime, cancel, error);
}

gboolean files_set_attributes(Files *files, Node *node, guint32 mode, gint64 mtime,
                              GCancellable *cancel, GError **error)
{
    File *file = files_find(files, node);
    if (file == NULL)
        return tree_set_attributes(files->tree, node, mode, mtime, cancel, error);
    /* After an upload that is under way, which could undo it. */
    gboolean ok = file_claim(file, cancel, error);
    if (ok) {
        ok = set_claimed(file, mode, mtime, cancel, error);
        file_unclaim(file);
    }
    file_release(file);
    return ok;
}

/* Moves the open file out of sight; it goes when it is closed. Claimed. */
static gboolean hide(File *file, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    Tree *tree = file->files->tree;
    g_autofree char *hidden = g_strdup_printf(".ftpsfs-unlinked-%08x", g_random_int());
    tree_pin(tree, file->node);
    if (!tree_rename(tree, dir, name, dir, hidden, TRUE, cancel, error)) {
        tree_unpin(tree, file->node);
        return FALSE;
    }
    g_mutex_lock(&file->lock);
    file->hidden = TRUE;
    g_mutex_unlock(&file->lock);
    return TRUE;
}

/* Makes all of an open file local if that is cheap (`max`: bytes of it at most that may have to be
 * fetched), so that it does without the server. Claimed. */
static gboolean make_local(File *file, guint64 max, GCancellable *cancel)
{
    g_autoptr(GError) failure = NULL;
    Extent missing;
    g_mutex_lock(&file->lock);
    guint64 size = file->spool != NULL ? spool_size(file->spool) : file->remote_size;
    gboolean local = file->spool != NULL && !spool_missing(file->spool, 0, G_MAXUINT64, &missing);
    if (!local && size <= max)
        local = file_ensure_spool(file, &failure) &&
                writer_fetch_missing(file, 0, G_MAXUINT64, cancel, &failure);
    g_mutex_unlock(&file->lock);
    if (failure != NULL)
        g_debug("an open file is not kept by a copy: %s", failure->message);
    return local;
}

/* The name of a file that is wholly local is gone: nothing is uploaded any more. Claimed. */
static void cut_loose(File *file)
{
    g_mutex_lock(&file->lock);
    writer_abandon(file);
    writer_forget(file);
    file->unborn = FALSE;
    g_mutex_unlock(&file->lock);
}

/* Ends a store in good order before its file is deleted or replaced under it: some servers refuse
 * to delete what is being written. Claimed. */
static void end_store(File *file)
{
    g_mutex_lock(&file->lock);
    writer_abandon(file);
    g_mutex_unlock(&file->lock);
}

static gboolean unlink_claimed(File *file, Node *dir, const char *name, GCancellable *cancel,
                               GError **error)
{
    Tree *tree = file->files->tree;
    if (file->unborn) {
        cut_loose(file);
        tree_detach(tree, file->node);
        return TRUE;
    }
    if (!make_local(file, 0, cancel))
        return hide(file, dir, name, cancel, error);
    end_store(file);
    if (!tree_unlink(tree, dir, name, cancel, error))
        return FALSE;
    cut_loose(file);
    return TRUE;
}

gboolean files_unlink(Files *files, Node *dir, const char *name, GCancellable *cancel,
                      GError **error)
{
    g_autoptr(Node) node = tree_peek(files->tree, dir, name);
    File *file = files_find(files, node);
    if (file == NULL)
        return tree_unlink(files->tree, dir, name, cancel, error);
    gboolean ok = file_claim(file, cancel, error);
    if (ok) {
        ok = unlink_claimed(file, dir, name, cancel, error);
        file_unclaim(file);
    }
    files_reap(file);
    file_release(file);
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
    GPtrArray *concerned = g_ptr_array_new_with_free_func(file_release);
    g_autofree char *path = node_path(node);
    g_autofree char *prefix = g_strconcat(path != NULL ? path : "", "/", NULL);
    if (replaced != NULL)
        g_ptr_array_add(concerned, file_hold(replaced));
    g_mutex_lock(&files->lock);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, files->table);
    while (path != NULL && g_hash_table_iter_next(&iter, NULL, &value)) {
        File *file = value;
        g_autofree char *own = node_path(file->node);
        if (file != replaced && own != NULL &&
            (g_str_equal(own, path) || g_str_has_prefix(own, prefix)))
            g_ptr_array_add(concerned, file_hold(file));
    }
    g_mutex_unlock(&files->lock);
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
static gboolean settle_all(GPtrArray *all, const File *replaced, GCancellable *cancel,
                           GError **error)
{
    gboolean ok = TRUE;
    for (guint i = 0; ok && i < all->len; i++) {
        File *file = g_ptr_array_index(all, i);
        if (file == replaced)
            continue;
        g_mutex_lock(&file->lock);
        ok = !file_is_pending(file) || writer_finish(file, cancel, error);
        /* Written to while that was on its way; the new name gets it with the next flush. */
        g_mutex_unlock(&file->lock);
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
    if (target->unborn || make_local(target, PRESERVE_MAX, cancel)) {
        end_store(target);
        if (!tree_rename(tree, names->dir, names->name, names->new_dir, names->new_name, FALSE,
                         cancel, error))
            return FALSE;
        cut_loose(target);
        return TRUE;
    }
    if (!hide(target, names->new_dir, names->new_name, cancel, error))
        return FALSE;
    if (tree_rename(tree, names->dir, names->name, names->new_dir, names->new_name, FALSE, cancel,
                    error))
        return TRUE;
    g_autofree char *hidden = node_name(target->node);
    g_autoptr(GError) failure = NULL;
    if (!tree_rename(tree, names->new_dir, hidden, names->new_dir, names->new_name, TRUE, NULL,
                     &failure)) {
        g_warning("%s lies under the name %s now: %s", names->new_name, hidden, failure->message);
        return FALSE;
    }
    g_mutex_lock(&target->lock);
    target->hidden = FALSE;
    g_mutex_unlock(&target->lock);
    tree_unpin(tree, target->node);
    return FALSE;
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

gboolean files_rename(Files *files, Node *dir, const char *name, Node *new_dir,
                      const char *new_name, gboolean no_replace, GCancellable *cancel,
                      GError **error)
{
    Names names = {dir, new_dir, name, new_name, no_replace};
    g_autoptr(Node) source = tree_peek(files->tree, dir, name);
    g_autoptr(Node) replaced = tree_peek(files->tree, new_dir, new_name);
    if (source == NULL)
        return tree_rename(files->tree, dir, name, new_dir, new_name, no_replace, cancel, error);
    File *own = open_source(files, source);
    File *target = no_replace || replaced == source ? NULL : files_find(files, replaced);
    g_autoptr(GPtrArray) all = files_concerned(files, source, target);
    guint claimed = 0;
    gboolean ok = claim_all(all, &claimed, cancel, error) && settle_all(all, target, cancel, error);
    if (ok && target != NULL)
        ok = rename_over_open(target, &names, cancel, error);
    else if (ok)
        ok = tree_rename(files->tree, dir, name, new_dir, new_name, no_replace, cancel, error);
    for (guint i = 0; i < claimed; i++)
        file_unclaim(g_ptr_array_index(all, i));
    if (target != NULL) {
        files_reap(target);
        file_release(target);
    }
    if (own != NULL)
        file_close(own);
    return ok;
}
