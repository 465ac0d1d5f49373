/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the server's file what it should be, the cheapest safe way, and hearing it say so.
 */
#include "ftpsfs/util/error.h"
#include "upload_private.h"

#define FETCH_SIZE (1024 * 1024)

/* An upload that is cut off is begun once more on another connection. */
#define UPLOAD_ATTEMPTS 2

/* Between two looks whether others need the session. */
#define DRAIN_SIZE (256 * 1024)

/* The server is asked for room for files from this size on. */
#define RESERVE_MIN (16 * 1024 * 1024)

/* One try of an upload. */
typedef struct {
    const char *path;   /* where it goes: the file's, or the temporary's */
    guint64 size;       /* what the server's file then has */
    guint64 generation; /* of the spool when it began */
    UploadWanted set;   /* what was wanted when it was finalized */
    RemoteEntry *entry; /* the server's word on it, once finalized */
    gboolean finalized;
} Attempt;

gboolean upload_fetch_missing(File *file, guint64 start, guint64 end, GCancellable *cancel,
                              GError **error)
{
    Extent missing;
    while (spool_missing(file->spool, start, end, &missing)) {
        gsize length = (gsize)MIN(missing.end - missing.start, (guint64)FETCH_SIZE);
        g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        Reader *reader = file->reader;
        lock_release(&file->lock);
        gboolean ok = reader_read(reader, missing.start, length, parts, cancel, error);
        lock_take(&file->lock);
        if (!ok)
            return FALSE;
        guint64 offset = missing.start;
        for (guint i = 0; i < parts->len; i++) {
            gsize size = 0;
            const void *bytes = g_bytes_get_data(g_ptr_array_index(parts, i), &size);
            if (!spool_fill(file->spool, bytes, size, offset, error))
                return FALSE;
            offset += size;
        }
        if (offset == missing.start) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                        "the file has become shorter on the server");
            return FALSE;
        }
    }
    return TRUE;
}

/* Whether the server's file at `path` has `size` bytes: somebody else may have changed it. */
static gboolean has_size(File *file, const char *path, guint64 size, GCancellable *cancel)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autoptr(GError) failure = NULL;
    lock_release(&file->lock);
    gboolean ok = remote_stat_exact(file->files->remote, path, entry, cancel, &failure);
    lock_take(&file->lock);
    if (!ok)
        g_debug("%s: %s", path, failure->message);
    return ok && (entry->has & REMOTE_HAS_SIZE) && entry->size == size;
}

/* Where an append would begin: everything that changed lies behind what the server has. FALSE when
 * that is not so. */
static gboolean append_offset(const File *file, guint64 *offset)
{
    Extent dirty;
    guint64 size = spool_size(file->spool);
    if (file->upload->state == UPLOAD_PAUSED) {
        *offset = file->upload->sent;
        return *offset > 0 && *offset <= size;
    }
    if (file->upload->state != UPLOAD_NONE)
        return FALSE;
    *offset = spool_base_size(file->spool);
    /* A spool that has only become shorter, and one that was made longer again, are no appends. */
    return !file->files->atomic_upload && *offset > 0 && *offset < size &&
           *offset == file->remote_size && spool_dirty_range(file->spool, &dirty) &&
           dirty.start >= *offset;
}

/* The mode that the new content is to have: what was asked for, else that of the file which it
 * replaces. */
static guint32 mode_to_set(const File *file)
{
    NodeInfo info;
    node_info(file->node, &info);
    gboolean replaces =
        file->upload->temporary != NULL && !file->unborn && (info.has & REMOTE_HAS_MODE);
    guint32 wanted = file->upload->wanted.mode;
    return wanted == G_MAXUINT32 && replaces ? info.mode : wanted;
}

/* Tells whoever asks for the state of things what is on its way. */
static void announce(File *file, RemoteStream *store)
{
    g_autofree char *target = file->upload->temporary != NULL ? node_path(file->node) : NULL;
    remote_stream_expect(store, target, spool_size(file->spool));
}

/* Stores the rest of the spool, from attempt->size on, and hears the server's verdict. */
static gboolean store_rest(File *file, RemoteStream *store, Attempt *attempt, GCancellable *cancel,
                           GError **error)
{
    Remote *remote = file->files->remote;
    announce(file, store);
    gboolean ok = upload_send(file, store, &attempt->size, spool_size(file->spool), cancel, error);
    guint32 mode = mode_to_set(file);
    attempt->set = file->upload->wanted;
    lock_release(&file->lock);
    if (ok)
        ok = remote_stream_finish_and_finalize(store, remote, attempt->path, mode,
                                               attempt->set.mtime, attempt->entry, NULL,
                                               &attempt->finalized, cancel, error);
    else
        remote_stream_close(store);
    lock_take(&file->lock);
    return ok;
}

typedef enum {
    STEP_NONE, /* the server has what it had */
    STEP_DONE,
    STEP_FAILED,
    STEP_EARLY,   /* others needed the session: some is stored, and the rest can be appended */
    STEP_REFUSED, /* before a byte was sent */
} Step;

/* Ends the file's store, which has sent everything. */
static Step finish_store(File *file, Attempt *attempt, GCancellable *cancel, GError **error)
{
    attempt->size = file->upload->sent;
    RemoteStream *store = upload_take_store(file, UPLOAD_FINISHING);
    return store_rest(file, store, attempt, cancel, error) ? STEP_DONE : STEP_FAILED;
}

/* Sends what is left to the file's store and ends it. */
static Step drain(File *file, Attempt *attempt, GCancellable *cancel, GError **error)
{
    Upload *upload = file->upload;
    guint64 end = spool_size(file->spool);
    announce(file, upload->store);
    while (upload->sent < end) {
        if (!upload_send(file, upload->store, &upload->sent, MIN(end, upload->sent + DRAIN_SIZE),
                         cancel, error)) {
            attempt->size = upload->sent;
            upload_cut_off(file);
            return STEP_FAILED;
        }
        if (end > spool_size(file->spool))
            break; /* truncated meanwhile; the change counter makes the upload run again */
        if (upload->sent < end && upload_yield_is_wanted(upload) &&
            !g_atomic_int_get(&file->files->no_append)) {
            upload_end_early(file, cancel);
            return STEP_EARLY;
        }
    }
    return finish_store(file, attempt, cancel, error);
}

/* With `whole` there is no coming back: it isn't ended early. */
static Step store_from(File *file, RemoteStore how, Attempt *attempt, gboolean whole,
                       GCancellable *cancel, GError **error)
{
    RemoteStream *store = upload_open_store(file, attempt->path, how, attempt->size, cancel, error);
    if (store == NULL)
        return STEP_FAILED;
    if (whole) {
        upload_go(file->upload, UPLOAD_FINISHING);
        return store_rest(file, store, attempt, cancel, error) ? STEP_DONE : STEP_FAILED;
    }
    upload_go_on(file, store, attempt->size);
    return drain(file, attempt, cancel, error);
}

/* Lock held; dropped meanwhile. */
static gboolean reserve(File *file, GCancellable *cancel, GError **error)
{
    guint64 size = spool_size(file->spool);
    if (size < RESERVE_MIN)
        return TRUE;
    lock_release(&file->lock);
    gboolean ok = remote_reserve(file->files->remote, size, cancel, error);
    lock_take(&file->lock);
    return ok;
}

static Step store_whole(File *file, Attempt *attempt, gboolean at_once, GCancellable *cancel,
                        GError **error)
{
    /* First of all: the store cuts the server's file to nothing. */
    if (!upload_fetch_missing(file, 0, G_MAXUINT64, cancel, error) || !reserve(file, cancel, error))
        return STEP_FAILED;
    attempt->size = 0;
    return store_from(file, REMOTE_STORE_NEW, attempt, at_once, cancel, error);
}

static Step append(File *file, Attempt *attempt, GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    guint64 offset = attempt->size;
    if (g_atomic_int_get(&file->files->no_append) || !has_size(file, attempt->path, offset, cancel))
        return STEP_NONE;
    Step step = store_from(file, REMOTE_STORE_APPEND, attempt, FALSE, cancel, &failure);
    if (step != STEP_FAILED)
        return step;
    if (attempt->size == offset && ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL)) {
        g_debug("%s; storing it whole", failure->message);
        return STEP_REFUSED;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return STEP_FAILED;
}

/* Sends what lies behind the server's content, in as many appends as it takes. */
static Step append_all(File *file, Attempt *attempt, GCancellable *cancel, GError **error)
{
    Step step = STEP_EARLY;
    while (step == STEP_EARLY && append_offset(file, &attempt->size)) {
        if (attempt->size == spool_size(file->spool)) {
            /* A store that was ended early had sent everything. */
            upload_go(file->upload, UPLOAD_FINISHING);
            return STEP_DONE;
        }
        step = append(file, attempt, cancel, error);
    }
    /* What was sent already was changed meanwhile, or did not arrive. */
    return step == STEP_EARLY ? STEP_NONE : step;
}

/* Sends all of it. What others interrupt is gone on with, unless that was `refused`. */
static gboolean send_whole(File *file, Attempt *attempt, Step before, GCancellable *cancel,
                           GError **error)
{
    Step step = store_whole(file, attempt, before == STEP_REFUSED, cancel, error);
    if (step == STEP_EARLY)
        step = append_all(file, attempt, cancel, error);
    if (step == STEP_NONE || step == STEP_REFUSED) {
        before = step;
        step = store_whole(file, attempt, TRUE, cancel, error);
    }
    /* So it was not the file that was refused. */
    if (step == STEP_DONE && before == STEP_REFUSED)
        g_atomic_int_set(&file->files->no_append, TRUE);
    return step == STEP_DONE;
}

/* Sends what the server lacks and hears its 226. */
static gboolean send_changes(File *file, Attempt *attempt, GCancellable *cancel, GError **error)
{
    const Upload *upload = file->upload;
    Step step = STEP_NONE;
    if (upload->state == UPLOAD_STREAMING) {
        step = drain(file, attempt, cancel, error);
        if (step == STEP_DONE || step == STEP_FAILED)
            return step == STEP_DONE;
    }
    upload_abandon(file);
    if (append_offset(file, &attempt->size)) {
        step = append_all(file, attempt, cancel, error);
        if (step == STEP_DONE || step == STEP_FAILED)
            return step == STEP_DONE;
    } else if (upload->state == UPLOAD_NONE && !file->files->atomic_upload) {
        gboolean done = FALSE;
        attempt->size = spool_size(file->spool);
        if (!upload_in_place(file, attempt->path, &done, cancel, error))
            return FALSE;
        if (done)
            return TRUE;
    }
    return send_whole(file, attempt, step, cancel, error);
}

/* ---- atomic_upload ---- */

/* Moves the temporary over the file. Not cancelled on the way. Lock held; dropped. */
static gboolean move_in_place(File *file, const char *path, GError **error)
{
    const Files *files = file->files;
    g_autofree char *temporary = g_strdup(file->upload->temporary);
    g_autofree char *aside = temporary_path(path, "old");
    lock_release(&file->lock);
    gboolean ok = temporary_move_over(files->remote, files->cleanup, temporary, path, aside, error);
    lock_take(&file->lock);
    if (!ok)
        return FALSE;
    g_clear_pointer(&file->upload->temporary, g_free);
    file->unborn = FALSE;
    return TRUE;
}

/* ---- the server's word ---- */

/* Sets mode and time that were asked for while the upload was pending, asks the server what it has
 * now, unless that was done on the upload's own connection; and compares. */
static gboolean confirm(File *file, Attempt *attempt, GCancellable *cancel, GError **error)
{
    if (!attempt->finalized) {
        guint32 mode = mode_to_set(file);
        attempt->set = file->upload->wanted;
        lock_release(&file->lock);
        attempt->finalized = remote_finalize(file->files->remote, attempt->path, mode,
                                             attempt->set.mtime, attempt->entry, cancel, error);
        lock_take(&file->lock);
        if (!attempt->finalized)
            return FALSE;
    }
    const RemoteEntry *entry = attempt->entry;
    if ((entry->has & REMOTE_HAS_SIZE) && entry->size != attempt->size) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED,
                    "%s: the server has %" G_GUINT64_FORMAT " bytes of %" G_GUINT64_FORMAT
                    " after the upload",
                    attempt->path, entry->size, attempt->size);
        return FALSE;
    }
    upload_had(file->upload, &attempt->set);
    return TRUE;
}

void upload_adopt(File *file, const RemoteEntry *entry, guint64 size, guint64 generation)
{
    Tree *tree = file->files->tree;
    if (file->generation != generation) {
        /* Written to meanwhile: still dirty, and no longer over what the server has. What is not
         * dirty is the same there. */
        upload_go(file->upload, UPLOAD_WHOLE);
        return;
    }
    upload_go(file->upload, UPLOAD_NONE);
    if (file->spool != NULL)
        spool_clean(file->spool);
    gboolean has_mtime = (entry->has & REMOTE_HAS_MTIME) != 0;
    tree_set_local(tree, file->node, size, has_mtime ? entry->mtime : G_MININT64, entry->mtime_ns,
                   (entry->has & REMOTE_HAS_MODE) ? entry->mode : G_MAXUINT32, TRUE);
    NodeInfo info;
    node_info(file->node, &info);
    file->version = info.version;
    file->base = file_state_of(&info);
    file->remote_size = size;
    tree_note_kernel_version(file->node, info.version);
    reader_reset(file->reader, info.version, size);
}

/* One whole try. */
static gboolean finish_once(File *file, const char *path, GCancellable *cancel, GError **error)
{
    g_autofree char *target = upload_target(file, path);
    g_autoptr(RemoteEntry) entry = entry_new();
    Attempt attempt = {.path = target, .generation = file->generation, .entry = entry};
    if (!send_changes(file, &attempt, cancel, error) || !confirm(file, &attempt, cancel, error) ||
        (file->upload->temporary != NULL && !move_in_place(file, path, error)))
        return FALSE;
    upload_adopt(file, entry, attempt.size, attempt.generation);
    return TRUE;
}

/* The server may still be at it on the lost connection: the next try takes another name. */
static void give_temporary_up(File *file, const GError *failure)
{
    if (file->upload->temporary != NULL && ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_OUTAGE))
        temporary_cleanup_add(file->files->cleanup, g_steal_pointer(&file->upload->temporary),
                              failure);
}

gboolean upload_finish(File *file, GCancellable *cancel, GError **error)
{
    if (file->hidden)
        return TRUE;
    g_autofree char *path = node_path(file->node);
    if (path == NULL) {
        upload_forget(file);
        return TRUE;
    }
    for (guint attempt = 1;; attempt++) {
        g_autoptr(GError) failure = NULL;
        if (finish_once(file, path, cancel, &failure)) {
            temporary_cleanup_retry(file->files->cleanup);
            return TRUE;
        }
        /* Whatever the server has now, it is not a beginning to go on from. */
        give_temporary_up(file, failure);
        upload_go(file->upload, UPLOAD_WHOLE);
        if (attempt == UPLOAD_ATTEMPTS ||
            !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REPEATABLE)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        g_info("%s: uploading again: %s", path, failure->message);
    }
}
