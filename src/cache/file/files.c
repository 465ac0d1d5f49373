/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file_private.h"
#include "ftpsfs/util/error.h"

/* ---- the table ---- */

Files *files_new(Remote *remote, Tree *tree, Stats *stats, const FilesOptions *options)
{
    Files *files = g_new0(Files, 1);
    files->watchdog = drain_watchdog_new(stats, options->timeout_s);
    files->remote = remote;
    files->tree = tree;
    files->chunks = chunks_new(options->cache_size);
    /* A thread for each connection that can be busy, and some to let go of those that were. */
    files->workers = workers_new(2 * options->connections + 4);
    files->closers = workers_new(2);
    files->cleanup = temporary_cleanup_new(remote, files->workers, options->timeout_s,
                                           drain_watchdog_cancellable(files->watchdog));
    files->reader = (ReaderShared){
        .remote = remote,
        .chunks = files->chunks,
        .disk = options->disk,
        .workers = files->workers,
        .closers = files->closers,
        .stats = stats,
        /* What is read ahead has to survive in the cache until it is read. */
        .readahead = MIN(options->readahead, options->cache_size / 4),
        .cache_size = options->cache_size,
        .ahead_max = options->cache_size / 16 * 7,
        .max_streams = MAX(options->connections - 1, 1),
        .timeout_s = options->timeout_s,
    };
    PrefetchOptions ahead = {
        .remote = remote,
        .tree = tree,
        .chunks = files->chunks,
        .disk = options->disk,
        .workers = files->workers,
        .stats = stats,
        .connections = options->connections,
        .cache_size = options->cache_size,
    };
    files->prefetch = options->prefetch ? prefetch_new(&ahead) : NULL;
    files->spool_dir = g_strdup(options->spool_dir);
    files->rescue_dir = g_strdup(options->rescue_dir);
    files->atomic_upload = options->atomic_upload;
    files->cache_size = options->cache_size;
    files->timeout_s = options->timeout_s;
    lock_init(&files->lock, LOCK_RANK_FILES);
    files->table = g_hash_table_new(NULL, NULL);
    files->space = options->space;
    files->writeback = options->writeback;
    if (files->writeback != NULL)
        writeback_start(files->writeback, files->cleanup, files_uploaded, files);
    return files;
}

File *file_ref(File *file)
{
    g_atomic_int_inc(&file->references);
    return file;
}

void file_unref(gpointer data)
{
    File *file = data;
    if (!g_atomic_int_dec_and_test(&file->references))
        return;
    reader_close(file->reader);
    spool_free(file->spool);
    upload_free(file->upload);
    g_free(file->failure);
    node_unref(file->node);
    g_cond_clear(&file->changed);
    lock_clear(&file->lock);
    g_free(file);
}

static File *file_new(Files *files, Node *node, const NodeInfo *known)
{
    /* An upload that ended since may have changed what was known of it. */
    NodeInfo now;
    const NodeInfo *info = known;
    if (files->writeback != NULL) {
        node_info(node, &now);
        info = &now;
    }
    File *file = g_new0(File, 1);
    file->files = files;
    file->node = node_ref(node);
    file->references = 1;
    lock_init(&file->lock, LOCK_RANK_FILE);
    g_cond_init(&file->changed);
    file->version = info->version;
    file->remote_size = info->size;
    file->reader = reader_new(&files->reader, node, info->version, info->size);
    file->upload = upload_new();
    file->base = file_state_of(info);
    if (files->writeback == NULL)
        return file;
    file->spool = writeback_spool(files->writeback, node, files->spool_dir);
    if (file->spool != NULL) {
        spool_set_space(file->spool, files->space);
        spool_set_prefix(file->spool, writeback_prefix(files->writeback));
    }
    return file;
}

File *files_acquire(Files *files, Node *node, const NodeInfo *info)
{
    lock_take(&files->lock);
    File *file = g_hash_table_lookup(files->table, node);
    if (file == NULL) {
        file = file_new(files, node, info);
        g_hash_table_insert(files->table, node, file);
    }
    file->handles++;
    lock_release(&files->lock);
    return file;
}

File *files_find(Files *files, Node *node)
{
    if (node == NULL)
        return NULL;
    lock_take(&files->lock);
    File *file = g_hash_table_lookup(files->table, node);
    if (file != NULL)
        file_ref(file);
    lock_release(&files->lock);
    return file;
}

/* The last handle of a file that was unlinked while it was open is gone: now the file goes too. */
static void remove_hidden(File *file)
{
    g_autofree char *path = node_path(file->node);
    g_autoptr(GError) failure = NULL;
    GCancellable *cancel = drain_watchdog_cancellable(file->files->watchdog);
    if (path != NULL && !remote_unlink(file->files->remote, path, cancel, &failure))
        g_warning("%s: this deleted file could not be removed and lies there still: %s. Delete it "
                  "with another FTP client.",
                  path, failure->message);
    tree_unpin(file->files->tree, file->node);
    tree_detach(file->files->tree, file->node);
}

/* FALSE when something is still pending. */
static gboolean flush_logged(File *file)
{
    lock_take(&file->lock);
    gboolean pending = file_is_pending(file) && !file->hidden;
    lock_release(&file->lock);
    g_autoptr(GError) failure = NULL;
    if (!pending)
        return TRUE;
    if (file_flush(file, drain_watchdog_cancellable(file->files->watchdog), &failure)) {
        drain_watchdog_note_progress(file->files->watchdog);
        return TRUE;
    }
    g_autofree char *path = node_path(file->node);
    g_warning("%s: not uploaded yet: %s", path != NULL ? path : "(deleted file)", failure->message);
    return FALSE;
}

/* Ends all that goes on with the file, which is out of the table. Nobody has it open. */
static void end_file(File *file)
{
    if (!file_claim(file, NULL, NULL))
        return;
    lock_take(&file->lock);
    upload_forget(file);
    lock_release(&file->lock);
    if (file->hidden)
        remove_hidden(file);
    file_unclaim(file);
}

void files_reap(File *file)
{
    Files *files = file->files;
    lock_take(&files->lock);
    lock_take(&file->lock);
    gboolean gone = file->handles == 0 && !file->busy && (file->hidden || !file_is_pending(file)) &&
                    g_hash_table_lookup(files->table, file->node) == file;
    lock_release(&file->lock);
    if (gone)
        g_hash_table_remove(files->table, file->node);
    lock_release(&files->lock);
    if (!gone)
        return;
    if (file->hidden)
        end_file(file);
    file_unref(file);
}

void file_close(File *file)
{
    Files *files = file->files;
    file_ref(file);
    lock_take(&files->lock);
    gboolean last = --file->handles == 0;
    lock_release(&files->lock);
    if (last) {
        /* One that opens it now only adds to what is still to be uploaded. */
        flush_logged(file);
        files_reap(file);
    }
    file_unref(file);
}

/* A WorkerFunc. */
static void close_behind(gpointer data)
{
    File *file = data;
    file_close(file);
    file_unref(file);
}

void file_close_after(File *file, GCancellable *cancel)
{
    if (g_cancellable_is_cancelled(cancel))
        workers_run(file->files->workers, close_behind, file_ref(file));
    else
        file_close(file);
}

GPtrArray *files_list(Files *files, Node *dir, TreeParts *parts, GCancellable *cancel,
                      GError **error)
{
    g_autoptr(Node) kept = node_ref(dir);
    STATS_ADD(files->reader.stats, list_requests, 1);
    if (tree_listed_until(files->tree, dir) != 0)
        STATS_ADD(files->reader.stats, list_hits, 1);
    prefetch_note_listing(files->prefetch, dir);
    GPtrArray *children = tree_list_parts(files->tree, kept, parts, cancel, error);
    if (children != NULL || (parts->begun && tree_listed_until(files->tree, kept) != 0))
        prefetch_note_listed(files->prefetch, kept);
    return children;
}

/* ---- the end ---- */

static gboolean file_is_stranded(File *file)
{
    lock_take(&file->lock);
    gboolean pending = file_is_pending(file);
    lock_release(&file->lock);
    return pending;
}

void files_begin_end(Files *files)
{
    drain_watchdog_begin(files->watchdog);
}

void files_give_up(Files *files)
{
    g_message("asked to end again: the uploads that are left are not waited for");
    drain_watchdog_give_up(files->watchdog);
    if (files->writeback != NULL)
        writeback_give_up(files->writeback);
}

static guint flush_open(Files *files)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(file_unref);
    GHashTableIter iter;
    gpointer value;
    lock_take(&files->lock);
    g_hash_table_iter_init(&iter, files->table);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(all, file_ref(value));
    lock_release(&files->lock);
    guint failed = 0;
    for (guint i = 0; i < all->len; i++) {
        File *file = g_ptr_array_index(all, i);
        failed += flush_logged(file) ? 0 : 1;
        files_reap(file);
    }
    return failed;
}

guint files_flush(Files *files)
{
    guint failed = flush_open(files);
    if (files->writeback != NULL)
        failed += writeback_flush(files->writeback, drain_watchdog_cancellable(files->watchdog));
    return failed;
}

void files_flush_last(Files *files)
{
    files->flushed_last = TRUE;
    files_begin_end(files);
    flush_open(files);
    if (files->writeback != NULL)
        writeback_stop(files->writeback);
}

void files_free(Files *files)
{
    if (files == NULL)
        return;
    files_begin_end(files);
    prefetch_stop(files->prefetch);
    g_autoptr(GList) rest = g_hash_table_get_values(files->table);
    for (GList *l = rest; l != NULL; l = l->next) {
        File *file = l->data;
        if ((files->flushed_last || !flush_logged(file)) && file_is_stranded(file))
            rescue_save(file);
        g_hash_table_remove(files->table, file->node);
        end_file(file);
        file_unref(file);
    }
    if (files->writeback != NULL && !files->flushed_last)
        writeback_stop(files->writeback);
    workers_free(files->workers);
    workers_free(files->closers);
    temporary_cleanup_end(files->cleanup);
    temporary_cleanup_free(files->cleanup);
    prefetch_free(files->prefetch);
    g_hash_table_unref(files->table);
    chunks_free(files->chunks);
    lock_clear(&files->lock);
    drain_watchdog_free(files->watchdog);
    g_free(files->spool_dir);
    g_free(files->rescue_dir);
    g_free(files);
}
