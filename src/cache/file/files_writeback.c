/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Writeback means for files: what is to be uploaded is given to it at flush, and while it is
 * pending there the File reads from what it has kept.
 */
#include "file_private.h"
#include "ftpsfs/util/error.h"

/* A file of which more than this would have to be fetched first is changed on the server at once.
 */
#define KEEP_FETCH_MAX (16 * 1024 * 1024)

static const JournalState absent = {.kind = JOURNAL_ABSENT, .mtime = G_MININT64};

JournalState file_state_of(const NodeInfo *info)
{
    return (JournalState){
        .kind = JOURNAL_FILE,
        .precision = info->time_precision,
        .size = (info->has & REMOTE_HAS_SIZE) ? info->size : G_MAXUINT64,
        .mtime = (info->has & REMOTE_HAS_MTIME) ? info->mtime : G_MININT64,
    };
}

/* Bytes that are on the server alone. Lock held. */
static guint64 missing_bytes(const Spool *spool)
{
    guint64 bytes = 0;
    Extent missing;
    for (guint64 from = 0; spool_missing(spool, from, G_MAXUINT64, &missing); from = missing.end)
        bytes += missing.end - missing.start;
    return bytes;
}

/* What the Writeback is to be told. Lock held. */
static WritebackPut describe(const File *file, const NodeInfo *info, const char *content)
{
    gboolean replaces = !file->unborn && (info->has & REMOTE_HAS_MODE);
    UploadWanted wanted = upload_wanted(file->upload);
    return (WritebackPut){
        .content = content,
        .size = spool_size(file->spool),
        .mode = wanted.mode == G_MAXUINT32 && replaces ? info->mode : wanted.mode,
        /* The time of the last write: it stays when the upload comes later. */
        .mtime = wanted.mtime != G_MININT64 ? wanted.mtime : info->mtime,
        .base = file->unborn ? absent : file->base,
    };
}

/* Lock held, busy; the lock is dropped. */
static gboolean put(File *file, GCancellable *cancel, GError **error)
{
    Files *files = file->files;
    g_autofree char *content = NULL;
    NodeInfo info;
    node_info(file->node, &info);
    if (!spool_freeze(file->spool, &content, error))
        return FALSE;
    WritebackPut what = describe(file, &info, content);
    UploadWanted set = upload_wanted(file->upload);
    guint64 generation = file->generation;
    upload_go(file->upload, UPLOAD_NONE);
    lock_release(&file->lock);
    gboolean ok = writeback_put(files->writeback, file->node, &what, cancel, error);
    lock_take(&file->lock);
    if (!ok) {
        /* The frozen file is gone, but the spool has it open; whatever comes is to be kept again.
         */
        upload_go(file->upload, UPLOAD_WHOLE);
        return FALSE;
    }
    if (file->generation != generation)
        return TRUE;
    upload_had(file->upload, &set);
    /* No fraction of a second, which the server's time won't have. */
    tree_set_local(files->tree, file->node, G_MAXUINT64, what.mtime, 0, G_MAXUINT32, FALSE);
    return TRUE;
}

gboolean file_keep(File *file, GCancellable *cancel, GError **error)
{
    if (file->hidden)
        return TRUE;
    g_autofree char *path = node_path(file->node);
    if (path == NULL) {
        upload_forget(file);
        return TRUE;
    }
    if (file->spool == NULL || missing_bytes(file->spool) > KEEP_FETCH_MAX)
        return upload_finish(file, cancel, error);
    return upload_fetch_missing(file, 0, G_MAXUINT64, cancel, error) && put(file, cancel, error);
}

gboolean file_finalize(File *file, GCancellable *cancel, GError **error)
{
    return file->files->writeback != NULL ? file_keep(file, cancel, error)
                                          : upload_finish(file, cancel, error);
}

gboolean file_sync(File *file, GCancellable *cancel, GError **error)
{
    if (!file_flush(file, cancel, error))
        return FALSE;
    return file->files->writeback == NULL ||
           writeback_sync(file->files->writeback, file->node, cancel, error);
}

/* ---- when an upload has ended ---- */

/* The attributes are the server's from now on. */
static void show_result(Files *files, const WritebackResult *result)
{
    const RemoteEntry *entry = result->entry;
    gboolean has_mtime = (entry->has & REMOTE_HAS_MTIME) != 0;
    tree_set_local(files->tree, result->node, result->size, has_mtime ? entry->mtime : G_MININT64,
                   entry->mtime_ns, (entry->has & REMOTE_HAS_MODE) ? entry->mode : G_MAXUINT32,
                   TRUE);
    NodeInfo info;
    node_info(result->node, &info);
    tree_note_kernel_version(result->node, info.version);
}

/* Others have changed the file, and what they have made of it is to be seen again. */
static void show_conflict(Files *files, const WritebackResult *result)
{
    tree_set_local(files->tree, result->node, G_MAXUINT64, G_MININT64, 0, G_MAXUINT32, TRUE);
    tree_expire(files->tree, result->node);
    g_autoptr(Node) dir = node_parent(result->node);
    if (dir != NULL)
        tree_expire(files->tree, dir);
}

/* Lock held. */
static void adopt_result(File *file, const WritebackResult *result)
{
    Files *files = file->files;
    gboolean current =
        !file_is_pending(file) && writeback_is_newest(files->writeback, file->node, result->id);
    file->unborn = FALSE;
    file->base = result->state;
    if (result->entry == NULL) {
        show_conflict(files, result);
        return;
    }
    if (!current)
        return;
    show_result(files, result);
    NodeInfo info;
    node_info(file->node, &info);
    file->version = info.version;
    file->remote_size = result->size;
    reader_reset(file->reader, info.version, result->size);
}

void files_uploaded(gpointer data, const WritebackResult *result)
{
    Files *files = data;
    lock_take(&files->lock);
    File *file = g_hash_table_lookup(files->table, result->node);
    if (file != NULL)
        file_ref(file);
    else if (result->entry == NULL)
        show_conflict(files, result);
    else if (writeback_is_newest(files->writeback, result->node, result->id))
        show_result(files, result);
    lock_release(&files->lock);
    if (file == NULL)
        return;
    lock_take(&file->lock);
    adopt_result(file, result);
    lock_release(&file->lock);
    file_unref(file);
}

/* ---- names ---- */

static gboolean is_new(File *file)
{
    Writeback *writeback = file->files->writeback;
    if (writeback_has(writeback, file->node))
        return writeback_is_new(writeback, file->node);
    return file->unborn;
}

gboolean files_forget_new(File *file, gboolean *done, GError **error)
{
    Files *files = file->files;
    *done = is_new(file);
    if (!*done)
        return TRUE;
    if (!writeback_drop(files->writeback, file->node, error))
        return FALSE;
    file_cut_loose(file);
    tree_detach(files->tree, file->node);
    return TRUE;
}

/* What is open under the new name keeps its content. *base: what the server then has there. */
static gboolean preserve_target(File *target, Node *dir, const char *name, JournalState *base,
                                GCancellable *cancel, GError **error)
{
    if (target->unborn)
        *base = absent;
    else if (target->pinned)
        *base = target->base;
    if (target->handles == 0 || target->unborn ||
        file_make_local(target, FILE_PRESERVE_MAX, cancel))
        return TRUE;
    /* Too large to be fetched: it is moved out of sight on the server. */
    *base = absent;
    return file_hide(target, dir, name, cancel, error);
}

/* What is under the new name, so that it can be replaced: *base, as the server has it. */
static gboolean prepare_target(Files *files, Node *there, Node *dir, const char *name,
                               gboolean no_replace, JournalState *base, GCancellable *cancel,
                               GError **error)
{
    NodeInfo info;
    node_info(there, &info);
    *base = file_state_of(&info);
    if (no_replace) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_EXISTS, "\"%s\" exists already", name);
        return FALSE;
    }
    if (info.type == REMOTE_TYPE_DIR) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IS_DIR, "\"%s\" is a directory", name);
        return FALSE;
    }
    if (info.type == REMOTE_TYPE_FILE)
        return TRUE;
    *base = absent;
    return tree_unlink(files->tree, dir, name, cancel, error);
}

gboolean files_move_new(File *file, Node *new_dir, const char *new_name, gboolean no_replace,
                        const WritebackPathLock *lock, File *target, GCancellable *cancel,
                        GError **error)
{
    Files *files = file->files;
    g_autoptr(GError) failure = NULL;
    JournalState base = absent;
    g_autoptr(Node) there = tree_lookup(files->tree, new_dir, new_name, cancel, &failure);
    if (there == NULL && !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (there != NULL &&
        !prepare_target(files, there, new_dir, new_name, no_replace, &base, cancel, error))
        return FALSE;
    if (there != NULL && target != NULL &&
        !preserve_target(target, new_dir, new_name, &base, cancel, error))
        return FALSE;
    if (writeback_has(files->writeback, file->node)) {
        if (!writeback_move(files->writeback, file->node, lock->to, there, &base, error))
            return FALSE;
    } else {
        /* Made, and not written to or closed yet. The next flush has the new name. */
        if (there != NULL && !writeback_drop(files->writeback, there, error))
            return FALSE;
        file->unborn = base.kind == JOURNAL_ABSENT;
        file->base = base;
    }
    tree_moved(files->tree, file->node, new_dir, new_name);
    if (target != NULL && !target->hidden)
        file_cut_loose(target);
    return TRUE;
}
