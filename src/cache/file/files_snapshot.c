/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/files_snapshot.h"

#include "file_private.h"

static void free_upload(gpointer data)
{
    UploadSnapshot *upload = data;
    g_free(upload->path);
    g_free(upload->failure);
    g_free(upload);
}

static SnapshotState state_of(const File *file, guint handles)
{
    UploadState upload = upload_state(file->upload);
    if (file->busy || upload == UPLOAD_STREAMING || upload == UPLOAD_STALE)
        return handles > 0 && !file->busy ? SNAPSHOT_OPEN : SNAPSHOT_SENDING;
    if (file->failure != NULL)
        return SNAPSHOT_FAILED;
    return handles > 0 ? SNAPSHOT_OPEN : SNAPSHOT_WAITING;
}

static void add_upload(FilesSnapshot *snapshot, File *file, guint handles)
{
    lock_take(&file->lock);
    if (file_is_pending(file) && !file->hidden) {
        UploadSnapshot *upload = g_new0(UploadSnapshot, 1);
        upload->state = state_of(file, handles);
        upload->total = file->spool != NULL ? spool_size(file->spool) : file->remote_size;
        upload->sent = MIN(upload_progress(file->upload), upload->total);
        upload->failure = g_strdup(file->failure);
        g_ptr_array_add(snapshot->uploads, upload);
        lock_release(&file->lock);
        upload->path = node_path(file->node);
        return;
    }
    lock_release(&file->lock);
}

/* What was closed and is kept until the server has it. */
static void add_kept(const WritebackEntry *entry, gpointer data)
{
    static const SnapshotState states[] = {
        [WRITEBACK_WAITING] = SNAPSHOT_WAITING,
        [WRITEBACK_UPLOADING] = SNAPSHOT_SENDING,
        [WRITEBACK_REFUSED] = SNAPSHOT_FAILED,
    };
    FilesSnapshot *snapshot = data;
    UploadSnapshot *upload = g_new0(UploadSnapshot, 1);
    upload->path = g_strdup(entry->path);
    upload->state = states[entry->state];
    if (entry->state == WRITEBACK_WAITING && entry->error != NULL)
        upload->state = SNAPSHOT_FAILED;
    upload->total = entry->size;
    upload->sent = MIN(entry->sent, entry->size);
    upload->failure = g_strdup(entry->error);
    g_ptr_array_add(snapshot->uploads, upload);
}

/* A reference to each File and how many handles it has, so that no lock is held while they are
 * looked at. */
static GPtrArray *ref_all(Files *files, GArray *handles)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(file_unref);
    GHashTableIter iter;
    gpointer value;
    lock_take(&files->lock);
    g_hash_table_iter_init(&iter, files->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        File *file = value;
        g_ptr_array_add(all, file_ref(file));
        g_array_append_val(handles, file->handles);
    }
    lock_release(&files->lock);
    return all;
}

FilesSnapshot *files_snapshot(Files *files)
{
    FilesSnapshot *snapshot = g_new0(FilesSnapshot, 1);
    snapshot->memory_used = chunks_used(files->chunks);
    snapshot->memory_size = files->cache_size;
    if (files->reader.disk != NULL) {
        snapshot->has_disk = TRUE;
        disk_usage(files->reader.disk, &snapshot->disk_used, &snapshot->disk_size);
    }
    snapshot->nodes = tree_count(files->tree);
    snapshot->uploads = g_ptr_array_new_with_free_func(free_upload);
    g_autoptr(GArray) handles = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GPtrArray) all = ref_all(files, handles);
    for (guint i = 0; i < all->len; i++) {
        guint count = g_array_index(handles, guint, i);
        snapshot->open += count > 0 ? 1 : 0;
        add_upload(snapshot, g_ptr_array_index(all, i), count);
    }
    if (files->writeback != NULL)
        writeback_foreach(files->writeback, add_kept, snapshot);
    return snapshot;
}

void files_snapshot_free(FilesSnapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    g_ptr_array_unref(snapshot->uploads);
    g_free(snapshot);
}
