/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "file_private.h"
#include "ftpsfs/util/error.h"

/* A file that is replaced by a rename while it is open is fetched up to this size, so that its
 * readers keep it; a larger one is moved to a hidden name. */
#define PRESERVE_MAX (64 * 1024 * 1024)

/* ---- the table ---- */

Files *files_new(Remote *remote, Tree *tree, Stats *stats, const FilesOptions *options)
{
    Files *files = g_new0(Files, 1);
    files->remote = remote;
    files->tree = tree;
    files->chunks = chunks_new(options->cache_size);
    /* A thread for each connection that can be busy, and some to let go of those that were. */
    files->workers = workers_new(2 * options->connections + 4);
    files->reader = (ReaderShared){
        .remote = remote,
        .chunks = files->chunks,
        .workers = files->workers,
        .stats = stats,
        /* What is read ahead has to survive in the cache until it is read. */
        .readahead = MIN(options->readahead, options->cache_size / 4),
        .max_streams = MAX(options->connections / 2, 1),
        .timeout_s = options->timeout_s,
    };
    files->spool_dir = g_strdup(options->spool_dir);
    files->lost_dir = g_strdup(options->lost_dir);
    files->timeout_s = options->timeout_s;
    g_mutex_init(&files->lock);
    files->table = g_hash_table_new(NULL, NULL);
    return files;
}

File *file_hold(File *file)
{
    g_atomic_int_inc(&file->references);
    return file;
}

void file_release(gpointer data)
{
    File *file = data;
    if (!g_atomic_int_dec_and_test(&file->references))
        return;
    reader_close(file->reader);
    spool_free(file->spool);
    node_unref(file->node);
    g_cond_clear(&file->changed);
    g_mutex_clear(&file->lock);
    g_free(file);
}

static File *file_new(Files *files, Node *node, const NodeInfo *info)
{
    File *file = g_new0(File, 1);
    file->files = files;
    file->node = node_ref(node);
    file->references = 1;
    g_mutex_init(&file->lock);
    g_cond_init(&file->changed);
    file->version = info->version;
    file->reader = reader_new(&files->reader, node, info->version, info->size);
    file->want_mode = G_MAXUINT32;
    file->want_mtime = G_MININT64;
    return file;
}

File *files_acquire(Files *files, Node *node, const NodeInfo *info)
{
    g_mutex_lock(&files->lock);
    File *file = g_hash_table_lookup(files->table, node);
    if (file == NULL) {
        file = file_new(files, node, info);
        g_hash_table_insert(files->table, node, file);
    }
    file->handles++;
    g_mutex_unlock(&files->lock);
    return file;
}

/* The File of `node` if it has one: a reference for file_release. */
static File *find_file(Files *files, Node *node)
{
    if (node == NULL)
        return NULL;
    g_mutex_lock(&files->lock);
    File *file = g_hash_table_lookup(files->table, node);
    if (file != NULL)
        file_hold(file);
    g_mutex_unlock(&files->lock);
    return file;
}

/* The last handle of a file that was unlinked while it was open is gone: now the file goes too. */
static void remove_hidden(File *file)
{
    g_autofree char *path = node_path(file->node);
    g_autoptr(GError) failure = NULL;
    if (path != NULL && !remote_unlink(file->files->remote, path, NULL, &failure))
        g_warning("%s: this deleted file could not be removed and lies there still: %s", path,
                  failure->message);
    tree_unpin(file->files->tree, file->node);
    tree_detach(file->files->tree, file->node);
}

static gboolean flush_logged(File *file)
{
    g_mutex_lock(&file->lock);
    gboolean pending = file_is_pending(file) && !file->hidden;
    g_mutex_unlock(&file->lock);
    g_autoptr(GError) failure = NULL;
    if (!pending || file_flush(file, NULL, &failure))
        return TRUE;
    g_autofree char *path = node_path(file->node);
    g_warning("%s: not uploaded yet: %s", path != NULL ? path : "(deleted file)", failure->message);
    return FALSE;
}

void file_close(File *file)
{
    Files *files = file->files;
    g_mutex_lock(&files->lock);
    gboolean last = file->handles == 1;
    g_mutex_unlock(&files->lock);
    if (last)
        flush_logged(file);

    g_mutex_lock(&files->lock);
    g_mutex_lock(&file->lock);
    file->handles--;
    gboolean gone = file->handles == 0 && (file->hidden || !file_is_pending(file));
    g_mutex_unlock(&file->lock);
    if (gone)
        g_hash_table_remove(files->table, file->node);
    g_mutex_unlock(&files->lock);
    if (!gone)
        return;
    if (file->hidden)
        remove_hidden(file);
    g_mutex_lock(&file->lock);
    if (file->hidden)
        writer_abandon(file);
    writer_forget(file);
    file_update_pin(file);
    g_mutex_unlock(&file->lock);
    file_release(file);
}

/* ---- the end ---- */

static gboolean write_all(int fd, Spool *spool, GError **error)
{
    g_autofree char *buffer = g_malloc(CHUNK_SIZE);
    for (guint64 offset = 0; offset < spool_size(spool);) {
        guint64 end = MIN(offset + CHUNK_SIZE, spool_size(spool));
        Extent missing = {.start = end, .end = end};
        if (spool_missing(spool, offset, end, &missing) && missing.start == offset) {
            offset = missing.end; /* what could not be fetched stays a hole */
            continue;
        }
        gsize length = (gsize)(missing.start - offset);
        gssize got = spool_read(spool, buffer, length, offset, error);
        if (got < 0)
            return FALSE;
        if (pwrite(fd, buffer, (gsize)got, (off_t)offset) != got) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s", g_strerror(errno));
            return FALSE;
        }
        offset += (guint64)got;
    }
    return ftruncate(fd, (off_t)spool_size(spool)) == 0;
}

/* What can't be uploaded is kept where the user finds it. */
static void save_lost(File *file)
{
    g_autofree char *path = node_path(file->node);
    g_autofree char *name = node_name(file->node);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
    g_autofree char *file_name = g_strdup_printf("%s-%s", stamp, name);
    g_autofree char *full = g_build_filename(file->files->lost_dir, file_name, NULL);
    g_autoptr(GError) failure = NULL;
    int fd = -1;
    if (g_mkdir_with_parents(file->files->lost_dir, 0700) == 0)
        fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || !write_all(fd, file->spool, &failure))
        g_critical("%s is LOST: it could neither be uploaded nor saved as %s: %s", path, full,
                   failure != NULL ? failure->message : g_strerror(errno));
    else
        g_warning("%s could not be uploaded; its content is kept as %s", path, full);
    if (fd >= 0 && close(fd) != 0)
        g_critical("%s: %s", full, g_strerror(errno));
}

void files_free(Files *files)
{
    if (files == NULL)
        return;
    g_autoptr(GList) rest = g_hash_table_get_values(files->table);
    for (GList *l = rest; l != NULL; l = l->next) {
        File *file = l->data;
        gboolean done = file->hidden || flush_logged(file);
        if (!done && file->spool != NULL)
            save_lost(file);
        g_hash_table_remove(files->table, file->node);
        if (file->hidden)
            remove_hidden(file);
        g_mutex_lock(&file->lock);
        writer_abandon(file);
        writer_forget(file);
        file_update_pin(file);
        g_mutex_unlock(&file->lock);
        file_release(file);
    }
    workers_free(files->workers);
    g_hash_table_unref(files->table);
    chunks_free(files->chunks);
    g_mutex_clear(&files->lock);
    g_free(files->spool_dir);
    g_free(files->lost_dir);
    g_free(files);
}

/* ---- attributes and names of files that may be open ---- */

gboolean files_set_attributes(Files *files, Node *node, guint32 mode, gint64 mtime,
                              GCancellable *cancel, GError **error)
{
    File *file = find_file(files, node);
    if (file == NULL)
        return tree_set_attributes(files->tree, node, mode, mtime, cancel, error);
    g_mutex_lock(&file->lock);
    gboolean later = file_is_pending(file) || file->busy;
    if (later && mode != G_MAXUINT32)
        file->want_mode = mode;
    if (later && mtime != G_MININT64)
        file->want_mtime = mtime;
    g_mutex_unlock(&file->lock);
    file_release(file);
    if (!later)
        return tree_set_attributes(files->tree, node, mode, mtime, cancel, error);
    tree_set_local(files->tree, node, G_MAXUINT64, mtime, 0, mode, FALSE);
    return TRUE;
}

static char *hidden_name(void)
{
    return g_strdup_printf(".ftpsfs-unlinked-%08x", g_random_int());
}

/* Moves the open file out of sight; it goes when it is closed. */
static gboolean hide(File *file, Node *dir, const char *name, GCancellable *cancel, GError **error)
{
    Tree *tree = file->files->tree;
    g_autofree char *hidden = hidden_name();
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

/* Makes all of an open file local if that is cheap (`max`: bytes to fetch at most), so that it does
 * without the server. FALSE without error set when it is not. */
static gboolean make_local(File *file, guint64 max, GCancellable *cancel, GError **error)
{
    NodeInfo info;
    node_info(file->node, &info);
    g_mutex_lock(&file->lock);
    Extent missing;
    gboolean local =
        file->spool != NULL && !spool_missing(file->spool, 0, spool_size(file->spool), &missing);
    if (!local && info.size <= max && file_begin_busy(file, cancel, error)) {
        if (file->spool == NULL)
            file->spool = spool_new(file->files->spool_dir, info.size, error);
        local = file->spool != NULL && writer_fetch_missing(file, cancel, error);
        file_end_busy(file);
    }
    g_mutex_unlock(&file->lock);
    return local;
}

/* The name of a file that is wholly local is gone: nothing is uploaded any more. */
static void cut_loose(File *file)
{
    g_mutex_lock(&file->lock);
    if (file_begin_busy(file, NULL, NULL)) {
        writer_abandon(file);
        writer_forget(file);
        file_end_busy(file);
    }
    g_mutex_unlock(&file->lock);
}

/* Ends a store in good order before its file is deleted under it: some servers refuse to delete
 * what is being written. */
static void end_store(File *file)
{
    g_mutex_lock(&file->lock);
    if (file_begin_busy(file, NULL, NULL)) {
        writer_abandon(file);
        file_end_busy(file);
    }
    g_mutex_unlock(&file->lock);
}

static gboolean unlink_open(File *file, Node *dir, const char *name, GCancellable *cancel,
                            GError **error)
{
    if (!make_local(file, 0, cancel, NULL))
        return hide(file, dir, name, cancel, error);
    end_store(file);
    if (!tree_unlink(file->files->tree, dir, name, cancel, error))
        return FALSE;
    cut_loose(file);
    return TRUE;
}

gboolean files_unlink(Files *files, Node *dir, const char *name, GCancellable *cancel,
                      GError **error)
{
    g_autoptr(Node) node = tree_peek(files->tree, dir, name);
    File *file = find_file(files, node);
    if (file == NULL)
        return tree_unlink(files->tree, dir, name, cancel, error);
    gboolean ok = unlink_open(file, dir, name, cancel, error);
    file_release(file);
    return ok;
}

static GPtrArray *files_below(Files *files, const char *path)
{
    GPtrArray *below = g_ptr_array_new_with_free_func(file_release);
    g_autofree char *prefix = g_strconcat(path, "/", NULL);
    g_mutex_lock(&files->lock);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, files->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        File *file = value;
        g_autofree char *own = node_path(file->node);
        if (own != NULL && (g_str_equal(own, path) || g_str_has_prefix(own, prefix)))
            g_ptr_array_add(below, file_hold(file));
    }
    g_mutex_unlock(&files->lock);
    return below;
}

/* Uploads what is pending at or below a path that is about to change. */
static gboolean settle_below(Files *files, Node *node, GCancellable *cancel, GError **error)
{
    g_autofree char *path = node != NULL ? node_path(node) : NULL;
    if (path == NULL)
        return TRUE;
    g_autoptr(GPtrArray) below = files_below(files, path);
    for (guint i = 0; i < below->len; i++)
        if (!file_flush(g_ptr_array_index(below, i), cancel, error))
            return FALSE;
    return TRUE;
}

/* rename(2) over a target that is open. */
static gboolean rename_over_open(File *target, Node *dir, const char *name, Node *new_dir,
                                 const char *new_name, GCancellable *cancel, GError **error)
{
    Tree *tree = target->files->tree;
    if (make_local(target, PRESERVE_MAX, cancel, NULL)) {
        end_store(target);
        if (!tree_rename(tree, dir, name, new_dir, new_name, FALSE, cancel, error))
            return FALSE;
        cut_loose(target);
        return TRUE;
    }
    if (!hide(target, new_dir, new_name, cancel, error))
        return FALSE;
    if (tree_rename(tree, dir, name, new_dir, new_name, FALSE, cancel, error))
        return TRUE;
    g_autofree char *hidden = node_name(target->node);
    g_autoptr(GError) failure = NULL;
    if (!tree_rename(tree, new_dir, hidden, new_dir, new_name, TRUE, NULL, &failure)) {
        g_warning("%s lies under the name %s now: %s", new_name, hidden, failure->message);
        return FALSE;
    }
    g_mutex_lock(&target->lock);
    target->hidden = FALSE;
    g_mutex_unlock(&target->lock);
    tree_unpin(tree, target->node);
    return FALSE;
}

gboolean files_rename(Files *files, Node *dir, const char *name, Node *new_dir,
                      const char *new_name, gboolean no_replace, GCancellable *cancel,
                      GError **error)
{
    g_autoptr(Node) source = tree_peek(files->tree, dir, name);
    if (!settle_below(files, source, cancel, error))
        return FALSE;
    g_autoptr(Node) replaced = tree_peek(files->tree, new_dir, new_name);
    File *target = no_replace || replaced == source ? NULL : find_file(files, replaced);
    if (target == NULL)
        return tree_rename(files->tree, dir, name, new_dir, new_name, no_replace, cancel, error);
    gboolean ok = rename_over_open(target, dir, name, new_dir, new_name, cancel, error);
    file_release(target);
    return ok;
}
