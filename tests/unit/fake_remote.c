/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_remote.h"

#include <string.h>

typedef struct FakeFile FakeFile;

struct FakeFile {
    FakeFile *parent;
    char *name;
    RemoteType type;
    guint64 size;
    gint64 mtime;
    guint32 mode;
    guint32 uid, gid; /* that remote_set_owner has set */
    char *target;
    GPtrArray *children; /* of a directory, in the order in which they were made */
    GHashTable *by_name;
};

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
};

/* The in-memory file system; the lock is held. */

static void file_free(gpointer data)
{
    FakeFile *file = data;
    g_free(file->name);
    g_free(file->target);
    g_clear_pointer(&file->by_name, g_hash_table_unref);
    g_clear_pointer(&file->children, g_ptr_array_unref);
    g_free(file);
}

static FakeFile *file_new(FakeFile *parent, const char *name, RemoteType type)
{
    FakeFile *file = g_new0(FakeFile, 1);
    file->parent = parent;
    file->name = g_strdup(name);
    file->type = type;
    file->mode = type == REMOTE_TYPE_DIR ? 0755 : 0644;
    file->mtime = 1000000000;
    if (type == REMOTE_TYPE_DIR) {
        file->children = g_ptr_array_new_with_free_func(file_free);
        file->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    }
    if (parent != NULL) {
        g_ptr_array_add(parent->children, file);
        g_hash_table_insert(parent->by_name, file->name, file);
    }
    return file;
}

static FakeFile *find(Remote *remote, const char *path)
{
    FakeFile *file = remote->top;
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part != NULL && file != NULL; part++) {
        if (**part == '\0')
            continue;
        file = file->by_name != NULL ? g_hash_table_lookup(file->by_name, *part) : NULL;
    }
    return file;
}

static FakeFile *find_parent(Remote *remote, const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    FakeFile *file = find(remote, parent);
    return file != NULL && file->type == REMOTE_TYPE_DIR ? file : NULL;
}

static FakeFile *put(Remote *remote, const char *path, RemoteType type)
{
    FakeFile *parent = find_parent(remote, path);
    g_assert_nonnull(parent);
    g_autofree char *name = g_path_get_basename(path);
    return file_new(parent, name, type);
}

/* Takes a file out of its directory, unfreed. */
static void take_out(FakeFile *file)
{
    guint index;
    FakeFile *parent = file->parent;
    g_assert_true(g_ptr_array_find(parent->children, file, &index));
    g_hash_table_remove(parent->by_name, file->name);
    g_ptr_array_steal_index(parent->children, index);
    file->parent = NULL;
}

static void remove_file(FakeFile *file)
{
    take_out(file);
    file_free(file);
}

static gint64 rounded(gint64 mtime, RemoteTime precision)
{
    gint64 unit = precision == REMOTE_TIME_DAY ? 86400 : precision == REMOTE_TIME_MINUTE ? 60 : 1;
    return mtime - mtime % unit;
}

static void fill_entry(Remote *remote, const FakeFile *file, RemoteTime precision,
                       RemoteEntry *entry)
{
    remote_entry_clear(entry);
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

/* What a listing tells, as of the moment at which the server reads the directory. */
static GPtrArray *snapshot(const FakeFile *dir)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(file_free);
    for (guint i = 0; i < dir->children->len; i++) {
        const FakeFile *file = g_ptr_array_index(dir->children, i);
        FakeFile *copy = g_new0(FakeFile, 1);
        copy->name = g_strdup(file->name);
        copy->type = file->type;
        copy->size = file->size;
        copy->mtime = file->mtime;
        copy->mode = file->mode;
        copy->target = g_strdup(file->target);
        g_ptr_array_add(files, copy);
    }
    return files;
}

static gboolean deliver(Remote *remote, const GPtrArray *files, ListingFunc func,
                        void (*restart)(gpointer), gpointer data, GError **error)
{
    g_autoptr(RemoteEntry) entry = remote_entry_new();
    guint restarts = remote->settings.list_restarts;
    for (guint i = 0; i < files->len; i++) {
        fill_entry(remote, g_ptr_array_index(files, i), remote->settings.list_precision, entry);
        if (!func(entry, data, error))
            return FALSE;
        if (restarts > 0 && i >= files->len / 2) {
            restarts--;
            restart(data);
            i = (guint)-1;
        }
    }
    return TRUE;
}

gboolean remote_list(Remote *remote, const char *path, ListingFunc func, void (*restart)(gpointer),
                     gpointer data, GCancellable *cancel, GError **error)
{
    gboolean fail_later;
    g_autoptr(GPtrArray) files = NULL;
    gboolean ok = begin(remote, FAKE_LIST, path, &fail_later, error);
    if (ok) {
        const FakeFile *dir = find(remote, path);
        if (dir == NULL)
            ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
        else if (dir->type != REMOTE_TYPE_DIR)
            ok = refuse(error, FTPSFS_ERROR_NOT_DIR, path);
        else
            files = snapshot(dir);
    }
    if (!end(remote, FAKE_LIST, path, ok, fail_later, cancel, error))
        return FALSE;
    return deliver(remote, files, func, restart, data, error);
}

gboolean remote_list_long(Remote *remote, const char *path, ListingFunc func,
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
        const FakeFile *file = find(remote, path);
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
        const FakeFile *file = find(remote, path);
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
    const FakeFile *file = ok ? find(remote, path) : NULL;
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
        const FakeFile *file = find(remote, queries[i].path);
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
    if (ok && find(remote, path) != NULL)
        ok = refuse(error, taken(remote), path);
    if (ok && find_parent(remote, path) == NULL)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    if (ok)
        put(remote, path, type)->target = g_strdup(target);
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
    FakeFile *file = ok ? find(remote, path) : NULL;
    if (ok && file == NULL)
        ok = refuse(error, FTPSFS_ERROR_NOT_FOUND, path);
    if (ok && ((file->type == REMOTE_TYPE_DIR) != (op == FAKE_RMDIR) ||
               (file->children != NULL && file->children->len > 0)))
        ok = refuse(error, FTPSFS_ERROR_ACCESS, path);
    if (ok)
        remove_file(file);
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
    FakeFile *file = find(remote, from);
    FakeFile *there = find(remote, to);
    FakeFile *parent = find_parent(remote, to);
    if (file == NULL || parent == NULL)
        return refuse(error, FTPSFS_ERROR_NOT_FOUND, from);
    if (there == file)
        return TRUE;
    if (there != NULL && !remote->settings.rename_over)
        return refuse(error, taken(remote), to);
    if (there != NULL && there->children != NULL && there->children->len > 0)
        return refuse(error, FTPSFS_ERROR_ACCESS, to);
    if (there != NULL)
        remove_file(there);
    take_out(file);
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
    FakeFile *file = ok ? find(remote, path) : NULL;
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
    FakeFile *file = ok ? find(remote, path) : NULL;
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
    remote->top = file_new(NULL, "", REMOTE_TYPE_DIR);
    FakeFile *dir = remote->top;
    g_auto(GStrv) parts = g_strsplit(root, "/", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (**part != '\0')
            dir = file_new(dir, *part, REMOTE_TYPE_DIR);
    }
    return remote;
}

void fake_remote_free(Remote *remote)
{
    file_free(remote->top);
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
    FakeFile *file = find(remote, path);
    if (file == NULL)
        file = put(remote, path, REMOTE_TYPE_FILE);
    file->size = size;
    file->mtime = mtime;
    g_mutex_unlock(&remote->lock);
}

void fake_put_dir(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    put(remote, path, REMOTE_TYPE_DIR);
    g_mutex_unlock(&remote->lock);
}

void fake_put_symlink(Remote *remote, const char *path, const char *target)
{
    g_mutex_lock(&remote->lock);
    put(remote, path, REMOTE_TYPE_SYMLINK)->target = g_strdup(target);
    g_mutex_unlock(&remote->lock);
}

void fake_delete(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    FakeFile *file = find(remote, path);
    g_assert_nonnull(file);
    remove_file(file);
    g_mutex_unlock(&remote->lock);
}

gboolean fake_exists(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    gboolean exists = find(remote, path) != NULL;
    g_mutex_unlock(&remote->lock);
    return exists;
}

guint64 fake_size(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    const FakeFile *file = find(remote, path);
    g_assert_nonnull(file);
    guint64 size = file->size;
    g_mutex_unlock(&remote->lock);
    return size;
}

guint32 fake_mode(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    const FakeFile *file = find(remote, path);
    g_assert_nonnull(file);
    guint32 mode = file->mode;
    g_mutex_unlock(&remote->lock);
    return mode;
}

guint fake_children(Remote *remote, const char *path)
{
    g_mutex_lock(&remote->lock);
    const FakeFile *file = find(remote, path);
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
