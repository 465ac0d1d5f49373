/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_remote.h"

#include "fake_files.h"

typedef struct {
    guint count;
    guint skip, times;
    FtpsfsErrorCode code;
    gboolean done;
    gboolean hold;
    guint held;
} OpState;

struct Remote {
    GMutex lock;
    GCond changed;
    char *root;
    FakeSettings settings;
    FakeFile *top;
    OpState ops[FAKE_OPS];
    guint batched;
    guint stall; /* entries; 0: no listing is to stall */
    gboolean stalled;
};

static gint64 rounded(gint64 mtime, RemoteTime precision)
{
    gint64 unit = precision == REMOTE_TIME_DAY ? 86400 : precision == REMOTE_TIME_MINUTE ? 60 : 1;
    return mtime - mtime % unit;
}

static void fill_entry(Remote *remote, const FakeFile *file, RemoteTime precision,
                       RemoteEntry *entry)
{
    entry_clear(entry);
    g_string_assign(entry->name, file->name);
    entry->type = file->type;
    entry->has = REMOTE_HAS_MTIME | REMOTE_HAS_MODE;
    if (file->type == REMOTE_TYPE_FILE)
        entry->has |= REMOTE_HAS_SIZE;
    entry->size = file->size;
    entry->mode = file->mode;
    entry->mtime = rounded(file->mtime, precision);
    entry->time_precision = precision;
    if (file->target != NULL && remote->settings.tell_targets)
        entry->long_target = strlen(file->target) > ENTRY_TARGET_MAX;
    if (file->target != NULL && remote->settings.tell_targets && !entry->long_target)
        g_string_assign(entry->target, file->target);
}

/* Counting, failing, holding. */

static gboolean refuse(GError **error, FtpsfsErrorCode code, const char *path)
{
    g_set_error(error, FTPSFS_ERROR, (gint)code, "the fake server refuses: %s", path);
    return FALSE;
}

/* Takes the lock and counts. FALSE: the operation is to fail at once. */
static gboolean begin(Remote *remote, FakeOp op, const char *path, gboolean *fail_later,
                      GError **error)
{
    g_mutex_lock(&remote->lock);
    OpState *state = &remote->ops[op];
    state->count++;
    *fail_later = FALSE;
    if (state->times == 0)
        return TRUE;
    if (state->skip > 0) {
        state->skip--;
        return TRUE;
    }
    state->times--;
    *fail_later = state->done;
    return state->done || refuse(error, state->code, path);
}

static void wake(GCancellable *cancel, gpointer data)
{
    Remote *remote = data;
    (void)cancel;
    g_mutex_lock(&remote->lock);
    g_cond_broadcast(&remote->changed);
    g_mutex_unlock(&remote->lock);
}

/* Holds the reply back and lets the lock go. `ok` as the operation went. */
static gboolean end(Remote *remote, FakeOp op, const char *path, gboolean ok, gboolean fail_later,
                    GCancellable *cancel, GError **error)
{
    OpState *state = &remote->ops[op];
    gboolean interrupted = FALSE;
    if (state->hold) {
        gulong handler = 0;
        state->held++;
        g_cond_broadcast(&remote->changed);
        g_mutex_unlock(&remote->lock);
        if (cancel != NULL)
            handler = g_cancellable_connect(cancel, G_CALLBACK(wake), remote, NULL);
        g_mutex_lock(&remote->lock);
        while (state->hold && !g_cancellable_is_cancelled(cancel))
            g_cond_wait(&remote->changed, &remote->lock);
        interrupted = state->hold;
        state->held--;
        g_cond_broadcast(&remote->changed);
        g_mutex_unlock(&remote->lock);
        if (cancel != NULL)
            g_cancellable_disconnect(cancel, handler);
        g_mutex_lock(&remote->lock);
    }
    FtpsfsErrorCode code = state->code;
    g_mutex_unlock(&remote->lock);
    if (!interrupted && !fail_later)
        return ok;
    g_clear_error(error);
    return refuse(error, interrupted ? FTPSFS_ERROR_INTERRUPTED : code, path);
}

/* The functions of remote.h. */

const char *remote_root(const Remote *remote)
{
    return remote->root;
}

gboolean remote_is_gone(Remote *remote, GCancellable *cancel)
{
    (void)cancel;
    return remote->settings.gone;
}

gboolean remote_can(const Remote *remote, RemoteCan what)
{
    switch (what) {
    case REMOTE_CAN_MLST:
        return remote->settings.mlst;
    case REMOTE_CAN_CHMOD:
        return remote->settings.chmod;
    case REMOTE_CAN_SET_MTIME:
        return remote->settings.set_mtime;
    case REMOTE_CAN_SYMLINK:
        return remote->settings.symlink;
    case REMOTE_CAN_MOVE:
        return TRUE;
    default:
        return FALSE;
    }
}

/* Stalls if this is the moment. FALSE when it was cancelled. */
static gboolean stall(Remote *remote, guint entries, GCancellable *cancel)
{
    gboolean ok = TRUE;
    gulong handler = 0;
    if (cancel != NULL)
        handler = g_cancellable_connect(cancel, G_CALLBACK(wake), remote, NULL);
    g_mutex_lock(&remote->lock);
    if (entries > 0 && remote->stall == entries) {
        remote->stall = 0;
        remote->stalled = TRUE;
        g_cond_broadcast(&remote->changed);
        while (remote->stalled && !g_cancellable_is_cancelled(cancel))
            g_cond_wait(&remote->changed, &remote->lock);
        ok = !remote->stalled;
        remote->stalled = FALSE;
    }
    g_mutex_unlock(&remote->lock);
    if (cancel != NULL)
        g_cancellable_disconnect(cancel, handler);
    return ok;
}

/* Delivers what the server has read. It reads again for a listing that starts again. */
static gboolean deliver(Remote *remote, const char *path, GPtrArray *files, EntryFunc func,
                        void (*restart)(gpointer), gpointer data, GCancellable *cancel,
                        GError **error)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    guint restarts = remote->settings.list_restarts;
    for (guint i = 0; i < files->len; i++) {
        if (!stall(remote, i, cancel))
            return refuse(error, FTPSFS_ERROR_INTERRUPTED, path);
        if (i > 0 && i == remote->settings.list_cut)
            return refuse(error, FTPSFS_ERROR_TIMEOUT, path);
        fill_entry(remote, g_ptr_array_index(files, i), remote->settings.list_precision, entry);
        if (!func(entry, data, error))
            return FALSE;
        if (restarts > 0 && i >= files->len / 2) {
            restarts--;
            restart(data);
            g_mutex_lock(&remote->lock);
            g_autoptr(GPtrArray) again = fake_files_snapshot(fake_files_find(remote->top, path));
            g_mutex_unlock(&remote->lock);
            g_ptr_array_set_size(files, 0);
            g_ptr_array_extend_and_steal(files, g_steal_pointer(&again));
            i = (guint)-1;
        }
    }
    return TRUE;
}

gboolean remote_list(Remote *remote, const char *path, EntryFunc func, void (*restart)(gpointer),
                     gpointer data, GCancellable *cancel, GError **error)
{
    gboolean fail_later;
    g_autoptr(GPtrArray) files = NULL;
    gboolean ok = begin(remote, FAKE_LIST, path, &fail_later, error);
    if (ok) {
        const FakeFile *dir = fake_files_find(remote->top, path);
        if (dir == NULL)
            ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
        else if (dir->type != REMOTE_TYPE_DIR)
            ok = refuse(error, FTPSFS_ERROR_NOT_DIR, path);
        else
            files = fake_files_snapshot(dir);
    }
    if (!end(remote, FAKE_LIST, path, ok, fail_later, cancel, error))
        return FALSE;
    return deliver(remote, path, files, func, restart, data, cancel, error);
}

gboolean remote_list_long(Remote *remote, const char *path, EntryFunc func,
                          void (*restart)(gpointer), gpointer data, GCancellable *cancel,
                          GError **error)
{
    return remote_list(remote, path, func, restart, data, cancel, error);
}

gboolean remote_stat(Remote *remote, const char *path, RemoteEntry *entry, GCancellable *cancel,
                     GError **error)
{
    gboolean fail_later;
    if (!remote->settings.mlst)
        return refuse(error, FTPSFS_ERROR_UNSUPPORTED, path);
    gboolean ok = begin(remote, FAKE_STAT, path, &fail_later, error);
    if (ok) {
        const FakeFile *file = fake_files_find(remote->top, path);
        if (file != NULL)
            fill_entry(remote, file, REMOTE_TIME_SECOND, entry);
        else
            ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    }
    return end(remote, FAKE_STAT, path, ok, fail_later, cancel, error);
}

gboolean remote_stat_exact(Remote *remote, const char *path, RemoteEntry *entry,
                           GCancellable *cancel, GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, FAKE_STAT_EXACT, path, &fail_later, error);
    if (ok) {
        const FakeFile *file = fake_files_find(remote->top, path);
        if (file != NULL && file->type == REMOTE_TYPE_FILE)
            fill_entry(remote, file, REMOTE_TIME_SECOND, entry);
        else
            ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    }
    return end(remote, FAKE_STAT_EXACT, path, ok, fail_later, cancel, error);
}

gboolean remote_measure(Remote *remote, const char *path, guint64 *size, GCancellable *cancel,
                        GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, FAKE_MEASURE, path, &fail_later, error);
    const FakeFile *file = ok ? fake_files_find(remote->top, path) : NULL;
    if (ok && file != NULL)
        *size = file->size;
    else if (ok)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    return end(remote, FAKE_MEASURE, path, ok, fail_later, cancel, error);
}

guint fake_batched(Remote *remote)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&remote->lock);
    return remote->batched;
}

gboolean remote_stat_batch(Remote *remote, RemoteQuery *queries, guint count, GCancellable *cancel,
                           GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, FAKE_STAT_BATCH, queries[0].path, &fail_later, error);
    for (guint i = 0; ok && i < count; i++) {
        const FakeFile *file = fake_files_find(remote->top, queries[i].path);
        if (file == NULL || file->type != REMOTE_TYPE_FILE)
            continue;
        queries[i].has = queries[i].want;
        queries[i].size = file->size;
        queries[i].mtime = file->mtime;
        remote->batched++;
    }
    return end(remote, FAKE_STAT_BATCH, queries[0].path, ok, fail_later, cancel, error);
}

/* What a server says when a name is taken. */
static FtpsfsErrorCode taken(const Remote *remote)
{
    return remote->settings.tell_exists ? FTPSFS_ERROR_EXISTS : FTPSFS_ERROR_ACCESS;
}

static gboolean make(Remote *remote, FakeOp op, const char *path, RemoteType type,
                     const char *target, GCancellable *cancel, GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, op, path, &fail_later, error);
    if (ok && fake_files_find(remote->top, path) != NULL)
        ok = refuse(error, taken(remote), path);
    if (ok && fake_files_find_parent(remote->top, path) == NULL)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    if (ok)
        fake_files_put(remote->top, path, type)->target = g_strdup(target);
    return end(remote, op, path, ok, fail_later, cancel, error);
}

gboolean remote_mkdir(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    return make(remote, FAKE_MKDIR, path, REMOTE_TYPE_DIR, NULL, cancel, error);
}

gboolean remote_symlink(Remote *remote, const char *target, const char *path, GCancellable *cancel,
                        GError **error)
{
    if (!remote->settings.symlink)
        return refuse(error, FTPSFS_ERROR_UNSUPPORTED, path);
    return make(remote, FAKE_SYMLINK, path, REMOTE_TYPE_SYMLINK, target, cancel, error);
}

static gboolean delete_one(Remote *remote, FakeOp op, const char *path, GCancellable *cancel,
                           GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, op, path, &fail_later, error);
    FakeFile *file = ok ? fake_files_find(remote->top, path) : NULL;
    if (ok && file == NULL)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    if (ok && ((file->type == REMOTE_TYPE_DIR) != (op == FAKE_RMDIR) ||
               (file->children != NULL && file->children->len > 0)))
        ok = refuse(error, FTPSFS_ERROR_ACCESS, path);
    if (ok)
        fake_files_remove(file);
    return end(remote, op, path, ok, fail_later, cancel, error);
}

gboolean remote_rmdir(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    return delete_one(remote, FAKE_RMDIR, path, cancel, error);
}

gboolean remote_unlink(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    return delete_one(remote, FAKE_UNLINK, path, cancel, error);
}

/* As rename(2) for what the tests need; FALSE with the refusal. */
static gboolean move(Remote *remote, const char *from, const char *to, GError **error)
{
    FakeFile *file = fake_files_find(remote->top, from);
    FakeFile *there = fake_files_find(remote->top, to);
    FakeFile *parent = fake_files_find_parent(remote->top, to);
    if (file == NULL || parent == NULL)
        return refuse(error, FTPSFS_ERROR_NOT_FOUND, from);
    if (there == file)
        return TRUE;
    if (there != NULL && !remote->settings.rename_over)
        return refuse(error, taken(remote), to);
    if (there != NULL && there->children != NULL && there->children->len > 0)
        return refuse(error, FTPSFS_ERROR_ACCESS, to);
    if (there != NULL)
        fake_files_remove(there);
    fake_files_take_out(file);
    g_free(file->name);
    file->name = g_path_get_basename(to);
    file->parent = parent;
    g_ptr_array_add(parent->children, file);
    g_hash_table_insert(parent->by_name, file->name, file);
    return TRUE;
}

gboolean remote_rename(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                       GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, FAKE_RENAME, from, &fail_later, error);
    ok = ok && move(remote, from, to, error);
    return end(remote, FAKE_RENAME, from, ok, fail_later, cancel, error);
}

gboolean remote_set_attributes(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                               GCancellable *cancel, GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, FAKE_SET_ATTRIBUTES, path, &fail_later, error);
    FakeFile *file = ok ? fake_files_find(remote->top, path) : NULL;
    if (ok && file == NULL)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    if (ok && mode != G_MAXUINT32)
        file->mode = mode;
    if (ok && mtime != G_MININT64)
        file->mtime = mtime;
    return end(remote, FAKE_SET_ATTRIBUTES, path, ok, fail_later, cancel, error);
}

gboolean remote_set_owner(Remote *remote, const char *path, RemoteAccount kind, const char *account,
                          GCancellable *cancel, GError **error)
{
    gboolean fail_later;
    gboolean ok = begin(remote, FAKE_SET_ATTRIBUTES, path, &fail_later, error);
    FakeFile *file = ok ? fake_files_find(remote->top, path) : NULL;
    if (ok && file == NULL)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    if (ok)
        *(kind == REMOTE_GROUP ? &file->gid : &file->uid) =
            (guint32)g_ascii_strtoull(account, NULL, 10);
    return end(remote, FAKE_SET_ATTRIBUTES, path, ok, fail_later, cancel, error);
}

/* For the tests. */

Remote *fake_remote_new(const char *root)
{
    Remote *remote = g_new0(Remote, 1);
    g_mutex_init(&remote->lock);
    g_cond_init(&remote->changed);
    remote->root = g_strdup(root);
    remote->settings = (FakeSettings){
        .mlst = TRUE,
        .chmod = TRUE,
        .symlink = TRUE,
        .tell_targets = TRUE,
        .list_precision = REMOTE_TIME_SECOND,
    };
    remote->top = fake_files_new(NULL, "", REMOTE_TYPE_DIR);
    FakeFile *dir = remote->top;
    g_auto(GStrv) parts = g_strsplit(root, "/", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (**part != '\0')
            dir = fake_files_new(dir, *part, REMOTE_TYPE_DIR);
    }
    return remote;
}

void fake_remote_free(Remote *remote)
{
    fake_files_free(remote->top);
    g_free(remote->root);
    g_mutex_clear(&remote->lock);
    g_cond_clear(&remote->changed);
    g_free(remote);
}

FakeSettings *fake_settings(Remote *remote)
{
    return &remote->settings;
}

void fake_put_file(Remote *remote, const char *path, guint64 size, gint64 mtime)
{
    g_mutex_lock(&remote->lock);
    FakeFile *file = fake_files_find(remote->top, path);
    if (file == NULL)
        file = fake_files_put(remote->top, path, REMOTE_TYPE_FILE);
    file->size = size;
    file->mtime = mtime;
    g_mutex_unlock(&remote->lock);
}

void fake_put_dir(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    fake_files_put(remote->top, path, REMOTE_TYPE_DIR);
    g_mutex_unlock(&remote->lock);
}

void fake_put_symlink(Remote *remote, const char *path, const char *target)
{
    g_mutex_lock(&remote->lock);
    fake_files_put(remote->top, path, REMOTE_TYPE_SYMLINK)->target = g_strdup(target);
    g_mutex_unlock(&remote->lock);
}

void fake_delete(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    FakeFile *file = fake_files_find(remote->top, path);
    g_assert_nonnull(file);
    fake_files_remove(file);
    g_mutex_unlock(&remote->lock);
}

gboolean fake_exists(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    gboolean exists = fake_files_find(remote->top, path) != NULL;
    g_mutex_unlock(&remote->lock);
    return exists;
}

guint64 fake_size(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    const FakeFile *file = fake_files_find(remote->top, path);
    g_assert_nonnull(file);
    guint64 size = file->size;
    g_mutex_unlock(&remote->lock);
    return size;
}

guint32 fake_mode(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    const FakeFile *file = fake_files_find(remote->top, path);
    g_assert_nonnull(file);
    guint32 mode = file->mode;
    g_mutex_unlock(&remote->lock);
    return mode;
}

guint fake_children(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    const FakeFile *file = fake_files_find(remote->top, path);
    g_assert_nonnull(file);
    guint count = file->children->len;
    g_mutex_unlock(&remote->lock);
    return count;
}

guint fake_count(Remote *remote, FakeOp op)
{
    g_mutex_lock(&remote->lock);
    guint count = remote->ops[op].count;
    g_mutex_unlock(&remote->lock);
    return count;
}

guint fake_count_all(Remote *remote)
{
    guint count = 0;
    for (guint op = 0; op < FAKE_OPS; op++)
        count += fake_count(remote, (FakeOp)op);
    return count;
}

void fake_fail(Remote *remote, FakeOp op, guint skip, guint times, FtpsfsErrorCode code,
               gboolean done)
{
    g_mutex_lock(&remote->lock);
    OpState *state = &remote->ops[op];
    state->skip = skip;
    state->times = times;
    state->code = code;
    state->done = done;
    g_mutex_unlock(&remote->lock);
}

void fake_hold(Remote *remote, FakeOp op)
{
    g_mutex_lock(&remote->lock);
    remote->ops[op].hold = TRUE;
    g_mutex_unlock(&remote->lock);
}

void fake_release(Remote *remote, FakeOp op)
{
    g_mutex_lock(&remote->lock);
    remote->ops[op].hold = FALSE;
    g_cond_broadcast(&remote->changed);
    g_mutex_unlock(&remote->lock);
}

void fake_wait_held(Remote *remote, FakeOp op, guint n)
{
    g_mutex_lock(&remote->lock);
    while (remote->ops[op].held < n)
        g_cond_wait(&remote->changed, &remote->lock);
    g_mutex_unlock(&remote->lock);
}

void fake_stall(Remote *remote, guint entries)
{
    g_mutex_lock(&remote->lock);
    remote->stall = entries;
    g_mutex_unlock(&remote->lock);
}

void fake_wait_stalled(Remote *remote)
{
    g_mutex_lock(&remote->lock);
    while (!remote->stalled)
        g_cond_wait(&remote->changed, &remote->lock);
    g_mutex_unlock(&remote->lock);
}

void fake_go_on(Remote *remote)
{
    g_mutex_lock(&remote->lock);
    remote->stalled = FALSE;
    g_cond_broadcast(&remote->changed);
    g_mutex_unlock(&remote->lock);
}
