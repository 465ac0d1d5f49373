/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of pending files: what deletes and renames mean for them. */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "writeback_private.h"

static gboolean matches(const Item *item, const WritebackPathLock *lock)
{
    g_autofree char *moved = lock->below ? journal_moved_path(item->path, lock->from, "") : NULL;
    return moved != NULL || g_str_equal(item->path, lock->from) ||
           g_strcmp0(item->path, lock->to) == 0;
}

/* Whether an upload stands in the way of the one who wants to hold its path. */
static gboolean is_in_the_way(const Item *item, const WritebackPathLock *lock)
{
    if (!matches(item, lock))
        return FALSE;
    if (item->state == ITEM_COMMITTING)
        return TRUE;
    /* Into a directory that is renamed or removed nothing is sent at all. */
    g_autofree char *moved = journal_moved_path(item->path, lock->from, "");
    return lock->below && moved != NULL && (item->state == ITEM_UPLOADING || item->dropped);
}

/* Lock held. */
static gboolean is_free(Writeback *writeback, const WritebackPathLock *lock)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, writeback->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (is_in_the_way(value, lock))
            return FALSE;
    for (guint i = 0; i < writeback->dying->len; i++)
        if (is_in_the_way(g_ptr_array_index(writeback->dying, i), lock))
            return FALSE;
    return TRUE;
}

/* Whether another thread holds one of the paths. Lock held. */
static gboolean is_taken(Writeback *writeback, const WritebackPathLock *lock)
{
    Item from = {.writeback = writeback, .path = (char *)lock->from};
    Item to = {.writeback = writeback, .path = (char *)lock->to};
    if (writeback_item_is_locked(&from) || (lock->to != NULL && writeback_item_is_locked(&to)))
        return TRUE;
    for (guint i = 0; lock->below && i < writeback->path_locks->len; i++) {
        const WritebackPathLock *other = g_ptr_array_index(writeback->path_locks, i);
        g_autofree char *below = journal_moved_path(other->from, lock->from, "");
        g_autofree char *into =
            other->to != NULL ? journal_moved_path(other->to, lock->from, "") : NULL;
        if (below != NULL || into != NULL)
            return TRUE;
    }
    return FALSE;
}

gboolean writeback_path_lock(Writeback *writeback, WritebackPathLock *lock, GCancellable *cancel,
                             GError **error)
{
    gboolean ok = TRUE;
    Wait wait;
    wait_begin(&wait, &writeback->changed, &writeback->lock, cancel);
    lock_take(&writeback->lock);
    while (ok && is_taken(writeback, lock))
        ok = wait_step(&wait, WAIT_FOREVER, WRITEBACK_AWAITED, error);
    if (ok) {
        g_ptr_array_add(writeback->path_locks, lock);
        while (ok && !is_free(writeback, lock))
            ok = wait_step(&wait, WAIT_FOREVER, WRITEBACK_AWAITED, error);
        if (!ok) {
            g_ptr_array_remove_fast(writeback->path_locks, lock);
            g_cond_broadcast(&writeback->changed);
        }
    }
    lock_release(&writeback->lock);
    wait_end(&wait);
    return ok;
}

void writeback_path_unlock(Writeback *writeback, WritebackPathLock *lock)
{
    lock_take(&writeback->lock);
    g_ptr_array_remove_fast(writeback->path_locks, lock);
    g_cond_broadcast(&writeback->changed);
    lock_release(&writeback->lock);
}

/* The oldest item of the node. */
static Item *first_of(Writeback *writeback, Node *node)
{
    Item *item = g_hash_table_lookup(writeback->by_node, node);
    while (item != NULL && item->after != NULL)
        item = item->after;
    return item;
}

/* Whether the server may have got the file from us already, and we don't know. */
static gboolean may_be_there(const Item *item)
{
    return item->target != NULL;
}

gboolean writeback_is_new(Writeback *writeback, Node *node)
{
    lock_take(&writeback->lock);
    const Item *first = first_of(writeback, node);
    gboolean new = first != NULL && first->base.kind == JOURNAL_ABSENT && !may_be_there(first);
    lock_release(&writeback->lock);
    return new;
}

/* Appends the record and gives the item up. Lock held. */
static gboolean drop_one(Writeback *writeback, Item *item, GPtrArray *contents, GError **error)
{
    JournalRecord record = journal_record(JOURNAL_DROP, item->id);
    char *content = NULL;
    if (!journal_append(writeback->journal, &record, FALSE, error))
        return FALSE;
    writeback_forget(item, &content);
    g_ptr_array_add(contents, content);
    return TRUE;
}

/* Removes the files when the records are durable. */
static gboolean sync_and_remove(Writeback *writeback, GPtrArray *contents, gboolean ok,
                                GError **error)
{
    ok = ok && journal_sync(writeback->journal, error);
    for (guint i = 0; ok && i < contents->len; i++)
        writeback_remove_content(g_ptr_array_index(contents, i));
    return ok;
}

gboolean writeback_drop(Writeback *writeback, Node *node, GError **error)
{
    g_autoptr(GPtrArray) contents = g_ptr_array_new_with_free_func(g_free);
    gboolean ok = TRUE;
    Item *item;
    lock_take(&writeback->lock);
    while (ok && (item = g_hash_table_lookup(writeback->by_node, node)) != NULL)
        ok = drop_one(writeback, item, contents, error);
    lock_release(&writeback->lock);
    return sync_and_remove(writeback, contents, ok, error);
}

/* Gives up those that go before the item. Lock held. */
static gboolean drop_older(Writeback *writeback, Item *item, GPtrArray *contents, GError **error)
{
    gboolean ok = TRUE;
    while (ok && item->after != NULL)
        ok = drop_one(writeback, item->after, contents, error);
    return ok;
}

/* Lock held. */
static gboolean move_locked(Writeback *writeback, Node *node, const char *to, Node *replaced,
                            const JournalState *base, GPtrArray *contents, GError **error)
{
    Item *item = g_hash_table_lookup(writeback->by_node, node);
    Item *target = replaced != NULL ? g_hash_table_lookup(writeback->by_node, replaced) : NULL;
    g_return_val_if_fail(item != NULL, FALSE);
    if (!drop_older(writeback, item, contents, error) ||
        (target != NULL && !drop_older(writeback, target, contents, error)))
        return FALSE;
    JournalRecord record = journal_record(JOURNAL_MOVE, item->id);
    record.path = to;
    record.other = target != NULL ? target->id : 0;
    record.state = target != NULL ? target->base : *base;
    if (!journal_append(writeback->journal, &record, FALSE, error))
        return FALSE;
    g_free(item->path);
    item->path = g_strdup(to);
    item->base = record.state;
    if (target != NULL) {
        char *content = NULL;
        /* It may have been about to be put there. */
        item->replayed = item->replayed || may_be_there(target) || target->replayed;
        writeback_forget(target, &content);
        g_ptr_array_add(contents, content);
    }
    if (item->link != NULL && item->attempts == 0)
        writeback_schedule(item, g_get_monotonic_time() + writeback->delay);
    return TRUE;
}

gboolean writeback_move(Writeback *writeback, Node *node, const char *to, Node *replaced,
                        const JournalState *base, GError **error)
{
    g_autoptr(GPtrArray) contents = g_ptr_array_new_with_free_func(g_free);
    lock_take(&writeback->lock);
    gboolean ok = move_locked(writeback, node, to, replaced, base, contents, error);
    lock_release(&writeback->lock);
    return sync_and_remove(writeback, contents, ok, error);
}

/* ---- renames by the server ---- */

gboolean writeback_rename_begin(Writeback *writeback, const WritebackPathLock *lock, guint64 *id,
                                GError **error)
{
    *id = 0;
    gboolean concerned = FALSE;
    gboolean ok = TRUE;
    lock_take(&writeback->lock);
    GHashTableIter iter;
    gpointer item;
    g_hash_table_iter_init(&iter, writeback->by_id);
    while (!concerned && g_hash_table_iter_next(&iter, NULL, &item))
        concerned = matches(item, lock);
    if (concerned) {
        JournalRecord record = journal_record(JOURNAL_RENAME, writeback->next_id++);
        record.path = lock->from;
        record.second = lock->to;
        ok = journal_append(writeback->journal, &record, FALSE, error);
        *id = record.id;
        writeback->renaming += ok ? 1 : 0;
    }
    lock_release(&writeback->lock);
    return ok && (!concerned || journal_sync(writeback->journal, error));
}

static void move_path(char **path, const WritebackPathLock *lock)
{
    char *moved = *path != NULL ? journal_moved_path(*path, lock->from, lock->to) : NULL;
    if (moved == NULL)
        return;
    g_free(*path);
    *path = moved;
}

/* Lock held. */
static void move_all(Writeback *writeback, const WritebackPathLock *lock, GPtrArray *contents)
{
    g_autoptr(GList) items = g_hash_table_get_values(writeback->by_id);
    for (GList *l = items; l != NULL; l = l->next) {
        Item *item = l->data;
        if (g_str_equal(item->path, lock->to)) {
            char *content = NULL;
            writeback_forget(item, &content);
            g_ptr_array_add(contents, content);
            continue;
        }
        move_path(&item->path, lock);
        move_path(&item->temporary, lock);
        move_path(&item->target, lock);
        move_path(&item->aside, lock);
    }
}

void writeback_rename_end(Writeback *writeback, const WritebackPathLock *lock, guint64 id,
                          gboolean renamed)
{
    if (id == 0)
        return;
    g_autoptr(GPtrArray) contents = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) failure = NULL;
    JournalRecord record = journal_record(renamed ? JOURNAL_RENAMED : JOURNAL_KEPT, id);
    lock_take(&writeback->lock);
    writeback->renaming--;
    gboolean ok = journal_append(writeback->journal, &record, FALSE, &failure);
    if (renamed)
        move_all(writeback, lock, contents);
    lock_release(&writeback->lock);
    /* Without the record the next mount asks the server. */
    if (!sync_and_remove(writeback, contents, ok, &failure))
        g_warning("%s", failure->message);
}
