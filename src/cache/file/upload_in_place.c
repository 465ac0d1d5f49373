/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing a part of a large file on servers that overwrite in place (REST before STOR).
 */
#include "upload_private.h"

/* Smaller files are stored whole: that is one exchange, and leaves no room for surprises. */
#define IN_PLACE_MIN (1024 * 1024)

/* Dirty extents that are nearer to each other than this are sent as one. */
#define MERGE_GAP (256 * 1024)

/* More runs than this cost more than what they save. */
#define RUNS_MAX 16

/* The runs to send, of Extent; NULL when it isn't worth it. */
static GArray *plan_runs(const Spool *spool)
{
    g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(Extent));
    guint64 total = 0;
    Extent dirty;
    for (guint64 from = 0; spool_dirty_next(spool, from, &dirty); from = dirty.end) {
        Extent *last = runs->len > 0 ? &g_array_index(runs, Extent, runs->len - 1) : NULL;
        if (last != NULL && dirty.start - last->end < MERGE_GAP) {
            total += dirty.end - last->end;
            last->end = dirty.end;
            continue;
        }
        total += dirty.end - dirty.start;
        g_array_append_val(runs, dirty);
        if (runs->len > RUNS_MAX)
            return NULL;
    }
    return runs->len > 0 && total <= spool_size(spool) / 2 ? g_steal_pointer(&runs) : NULL;
}

/* REST 0 is no restart but a new file, so that the first byte can't be sent. Often it is the same
 * as before: then the run begins behind it. Lock held; dropped. */
static gboolean skip_first_byte(File *file, Extent *run, GCancellable *cancel)
{
    if (run->start > 0)
        return TRUE;
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    Reader *reader = file->reader;
    lock_release(&file->lock);
    gboolean ok = reader_read(reader, 0, 1, parts, cancel, NULL);
    lock_take(&file->lock);
    guint8 wanted = 0;
    if (!ok || parts->len != 1 || spool_read(file->spool, &wanted, 1, 0, NULL) != 1)
        return FALSE;
    const guint8 *there = g_bytes_get_data(g_ptr_array_index(parts, 0), NULL);
    run->start = 1;
    return *there == wanted;
}

/* Whether the server keeps what follows is learned once, on a scratch file beside the target. Lock
 * held; dropped. */
static gboolean server_overwrites(File *file, const char *path, GCancellable *cancel)
{
    Remote *remote = file->files->remote;
    g_autofree char *scratch = temporary_path(path, "probe");
    lock_release(&file->lock);
    gboolean overwrites = remote_probe_rest_stor(remote, scratch, cancel);
    lock_take(&file->lock);
    return overwrites;
}

/* Whether the server's file is still the one that the changes are over. Lock held; dropped. */
static gboolean base_is_there(File *file, const char *path, GCancellable *cancel)
{
    guint64 size = file->remote_size;
    g_autoptr(RemoteEntry) entry = entry_new();
    lock_release(&file->lock);
    gboolean ok = remote_stat_exact(file->files->remote, path, entry, cancel, NULL);
    lock_take(&file->lock);
    return ok && (entry->has & REMOTE_HAS_SIZE) && entry->size == size;
}

static gboolean send_run(File *file, const char *path, const Extent *run, GCancellable *cancel,
                         GError **error)
{
    if (!upload_fetch_missing(file, run->start, run->end, cancel, error))
        return FALSE;
    RemoteStream *store = upload_open_store(file, path, REMOTE_STORE_AT, run->start, cancel, error);
    if (store == NULL)
        return FALSE;
    guint64 offset = run->start;
    gboolean ok = upload_send(file, store, &offset, run->end, cancel, error);
    lock_release(&file->lock);
    if (ok)
        ok = remote_stream_finish(store, cancel, error);
    else
        remote_stream_close(store);
    lock_take(&file->lock);
    return ok;
}

gboolean upload_in_place(File *file, const char *path, gboolean *done, GCancellable *cancel,
                         GError **error)
{
    guint64 size = spool_size(file->spool);
    if (size < IN_PLACE_MIN || spool_base_size(file->spool) != file->remote_size)
        return TRUE;
    g_autoptr(GArray) runs = plan_runs(file->spool);
    if (runs == NULL || !skip_first_byte(file, &g_array_index(runs, Extent, 0), cancel) ||
        !server_overwrites(file, path, cancel) || !base_is_there(file, path, cancel))
        return TRUE;
    upload_go(file->upload, UPLOAD_FINISHING);
    for (guint i = 0; i < runs->len; i++)
        if (!send_run(file, path, &g_array_index(runs, Extent, i), cancel, error))
            return FALSE;
    *done = TRUE;
    return TRUE;
}
