/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the server does with whole files by itself: copying, hashing, giving them to others.
 */
#include "file_private.h"
#include "ftpsfs/util/error.h"

static gboolean set_unsupported(GError **error, const char *why)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "no copy by the server: %s", why);
    return FALSE;
}

/* Whether the target is what cp has just made: new, and empty. Lock held. */
static gboolean is_new(const File *file)
{
    /* With a Writeback the server has not heard of it. */
    gboolean unsent = file->files->writeback != NULL && file->unborn &&
                      upload_state(file->upload) == UPLOAD_WHOLE &&
                      !writeback_has(file->files->writeback, file->node);
    return (upload_is_empty(file->upload) || unsent) && spool_size(file->spool) == 0;
}

/* Copies over the new file. On failure that is empty as before, and what is written to it then is
 * stored. Claimed. */
static gboolean copy_claimed(File *to, const char *from, const char *path, guint64 size,
                             GCancellable *cancel, GError **error)
{
    Remote *remote = to->files->remote;
    g_autoptr(RemoteEntry) entry = entry_new();
    lock_take(&to->lock);
    if (!is_new(to)) {
        lock_release(&to->lock);
        return set_unsupported(error, "the target is not new");
    }
    upload_abandon(to);
    upload_go(to->upload, UPLOAD_FINISHING);
    guint64 generation = to->generation;
    UploadWanted set = {upload_wanted(to->upload).mode, G_MININT64};
    lock_release(&to->lock);
    gboolean ok = remote_copy(remote, from, path, cancel, error) &&
                  remote_finalize(remote, path, set.mode, set.mtime, entry, cancel, error);
    if (ok && (!(entry->has & REMOTE_HAS_SIZE) || entry->size != size))
        ok = set_unsupported(error, "the copy has another size");
    lock_take(&to->lock);
    if (ok && to->generation != generation)
        ok = set_unsupported(error, "the target was written to meanwhile");
    if (ok) {
        g_clear_pointer(&to->spool, spool_free);
        upload_had(to->upload, &set);
        to->unborn = FALSE;
        upload_adopt(to, entry, size, generation);
    } else {
        upload_go(to->upload, UPLOAD_WHOLE);
    }
    lock_release(&to->lock);
    return ok;
}

gboolean file_copy(File *from, File *to, guint64 length, guint64 *copied, GCancellable *cancel,
                   GError **error)
{
    Files *files = from->files;
    if (from == to || files->atomic_upload || !remote_can(files->remote, REMOTE_CAN_COPY))
        return set_unsupported(error, "it can't, or is not to");
    if (!file_sync(from, cancel, error))
        return FALSE;
    NodeInfo info;
    node_info(from->node, &info);
    g_autofree char *source = node_path(from->node);
    g_autofree char *target = node_path(to->node);
    if (source == NULL || target == NULL || info.size == 0 || length < info.size)
        return set_unsupported(error, "it copies whole files alone");
    if (!file_claim(to, cancel, error))
        return FALSE;
    gboolean ok = copy_claimed(to, source, target, info.size, cancel, error);
    file_unclaim(to);
    *copied = info.size;
    return ok;
}

/* Waits until the server has the node's file, which may be open. */
static gboolean sync_node(Files *files, Node *node, GCancellable *cancel, GError **error)
{
    File *file = files_find(files, node);
    gboolean ok = file == NULL || file_sync(file, cancel, error);
    if (file != NULL)
        file_unref(file);
    else if (files->writeback != NULL)
        ok = writeback_sync(files->writeback, node, cancel, error);
    return ok;
}

gboolean files_set_owner(Files *files, Node *node, const TreeOwner *owner, GCancellable *cancel,
                         GError **error)
{
    return sync_node(files, node, cancel, error) &&
           tree_set_owner(files->tree, node, owner, cancel, error);
}

char *files_hash(Files *files, Node *node, RemoteHash kind, GCancellable *cancel, GError **error)
{
    if (!sync_node(files, node, cancel, error))
        return NULL;
    g_autofree char *path = node_path(node);
    if (path == NULL) {
        g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE, "the file was deleted");
        return NULL;
    }
    return remote_hash(files->remote, kind, path, cancel, error);
}
