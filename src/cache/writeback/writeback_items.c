/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs do to the content and the attributes of pending files, and waiting for uploads. */
#include "ftpsfs/util/error.h"
#include "writeback_private.h"

const char *writeback_prefix(const Writeback *writeback)
{
    return writeback->prefix;
}

static gint64 soon(const Writeback *writeback)
{
    return g_get_monotonic_time() + writeback->delay;
}

/* The node's path, once nobody holds it. Lock held. */
static char *free_path(Writeback *writeback, Node *node, const Wait *wait, GError **error)
{
    for (;;) {
        g_autofree char *path = node_path(node);
        if (path == NULL) {
            g_autofree char *name = node_name(node);
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE,
                        "\"%s\" was deleted, or its directory was", name);
            return NULL;
        }
        Item probe = {.writeback = writeback, .path = path};
        if (!writeback_item_is_locked(&probe))
            return g_steal_pointer(&path);
        if (!wait_step(wait, WAIT_FOREVER, WRITEBACK_AWAITED, error))
            return NULL;
    }
}

/* Appends the records of a new item, and of the end of that which it replaces. Lock held. */
static gboolean append_put(const Item *item, const Item *replaced, GError **error)
{
    Journal *journal = item->writeback->journal;
    JournalRecord record = writeback_put_record(item);
    /* With both, the record names the one that goes before; the other has one of its own. */
    gboolean apart = replaced != NULL && item->after != NULL;
    if (replaced != NULL && !apart)
        record.other = replaced->id;
    if (!journal_append(journal, &record, FALSE, error))
        return FALSE;
    JournalRecord drop = journal_record(JOURNAL_DROP, apart ? replaced->id : 0);
    return !apart || journal_append(journal, &drop, FALSE, error);
}

/* Makes the item and appends its record; *old: content file of the one that it replaces. Lock held.
 */
static gboolean put_locked(Writeback *writeback, Node *node, const char *path,
                           const WritebackPut *put, char **old, GError **error)
{
    Item *last = g_hash_table_lookup(writeback->by_node, node);
    gboolean replaces = last != NULL && !writeback_item_in_flight(last);
    Item *item = writeback_item_new(writeback, writeback->next_id++, node, path, put->content);
    item->size = put->size;
    item->mode = put->mode;
    item->mtime = put->mtime;
    item->base = last != NULL ? last->base : put->base;
    item->after = replaces ? last->after : last;
    space_count(writeback->space, item->size);
    STATS_ADD(writeback->stats, writeback_bytes, item->size);
    if (!append_put(item, replaces ? last : NULL, error)) {
        g_autofree char *unused = NULL;
        writeback_forget(item, &unused);
        if (last != NULL)
            g_hash_table_insert(writeback->by_node, node, last);
        return FALSE;
    }
    if (replaces) {
        /* What it had left on the server is the new one's to remove. */
        item->temporary = g_steal_pointer(&last->temporary);
        item->target = g_steal_pointer(&last->target);
        item->aside = g_steal_pointer(&last->aside);
        item->replayed = last->replayed || last->attempts > 0;
        writeback_forget(last, old);
    }
    writeback_schedule(item, soon(writeback));
    return TRUE;
}

gboolean writeback_put(Writeback *writeback, Node *node, const WritebackPut *put,
                       GCancellable *cancel, GError **error)
{
    gboolean ok = FALSE;
    g_autofree char *old = NULL;
    /* The name of the content file is durable before the record that names it. */
    if (!journal_sync_directory(writeback->directory, error)) {
        writeback_remove_content(put->content);
        return FALSE;
    }
    Wait wait;
    wait_begin(&wait, &writeback->changed, &writeback->lock, cancel);
    lock_take(&writeback->lock);
    g_autofree char *path = free_path(writeback, node, &wait, error);
    if (path != NULL)
        ok = put_locked(writeback, node, path, put, &old, error);
    lock_release(&writeback->lock);
    wait_end(&wait);
    if (!ok) {
        writeback_remove_content(put->content);
        return FALSE;
    }
    if (!journal_sync(writeback->journal, error))
        return FALSE;
    writeback_remove_content(old);
    return TRUE;
}

gboolean writeback_has(Writeback *writeback, Node *node)
{
    lock_take(&writeback->lock);
    gboolean has = g_hash_table_contains(writeback->by_node, node);
    lock_release(&writeback->lock);
    return has;
}

gboolean writeback_is_newest(Writeback *writeback, Node *node, guint64 id)
{
    lock_take(&writeback->lock);
    const Item *item = g_hash_table_lookup(writeback->by_node, node);
    gboolean newest = item != NULL && item->id == id;
    lock_release(&writeback->lock);
    return newest;
}

Spool *writeback_spool(Writeback *writeback, Node *node, const char *directory)
{
    g_autoptr(GError) failure = NULL;
    Spool *spool = NULL;
    lock_take(&writeback->lock);
    const Item *item = g_hash_table_lookup(writeback->by_node, node);
    if (item != NULL)
        spool = spool_open_frozen(directory, item->content, item->size, &failure);
    if (failure != NULL)
        g_critical("%s: its pending content can't be read: %s", item->path, failure->message);
    lock_release(&writeback->lock);
    return spool;
}

gboolean writeback_set(Writeback *writeback, Node *node, guint32 mode, gint64 mtime,
                       gboolean *pending, GError **error)
{
    lock_take(&writeback->lock);
    Item *item = g_hash_table_lookup(writeback->by_node, node);
    *pending = item != NULL;
    gboolean ok = TRUE;
    if (item != NULL) {
        JournalRecord record = journal_record(JOURNAL_SET, item->id);
        record.mode = mode;
        record.mtime = mtime;
        ok = journal_append(writeback->journal, &record, FALSE, error);
    }
    if (item != NULL && ok) {
        if (mode != G_MAXUINT32)
            item->mode = mode;
        if (mtime != G_MININT64)
            item->mtime = mtime;
        item->changes++;
        tree_set_local(writeback->tree, node, G_MAXUINT64, mtime, 0, mode, FALSE);
        if (item->link != NULL && item->attempts == 0)
            writeback_schedule(item, soon(writeback));
    }
    lock_release(&writeback->lock);
    return ok && (!*pending || journal_sync(writeback->journal, error));
}

/* ---- waiting ---- */

/* Has it uploaded now. Lock held. */
static void hurry(Item *item)
{
    if (item->state == ITEM_REFUSED)
        item->state = ITEM_WAITING;
    if (item->state == ITEM_WAITING)
        writeback_schedule(item, 0);
}

static gboolean set_failure(const Item *item, GError **error)
{
    g_set_error(error, FTPSFS_ERROR,
                item->failure != NULL ? item->failure->code : FTPSFS_ERROR_INTERRUPTED,
                "%s: not uploaded yet: %s", item->path,
                item->failure != NULL ? item->failure->message : "the mount has ended");
    return FALSE;
}

/* Lock held; dropped while waiting. */
static gboolean sync_item(Writeback *writeback, guint64 id, const Wait *wait, GError **error)
{
    Item *item = g_hash_table_lookup(writeback->by_id, &id);
    if (item == NULL)
        return TRUE;
    hurry(item);
    guint attempts = item->attempts;
    while ((item = g_hash_table_lookup(writeback->by_id, &id)) != NULL) {
        if (item->attempts > attempts || writeback->stopped)
            return set_failure(item, error);
        if (!wait_step(wait, WAIT_FOREVER, WRITEBACK_AWAITED, error))
            return FALSE;
    }
    return TRUE;
}

gboolean writeback_sync(Writeback *writeback, Node *node, GCancellable *cancel, GError **error)
{
    Wait wait;
    wait_begin(&wait, &writeback->changed, &writeback->lock, cancel);
    lock_take(&writeback->lock);
    const Item *item = g_hash_table_lookup(writeback->by_node, node);
    guint64 id = item != NULL ? item->id : 0;
    guint64 before = item != NULL && item->after != NULL ? item->after->id : 0;
    gboolean ok =
        sync_item(writeback, before, &wait, error) && sync_item(writeback, id, &wait, error);
    lock_release(&writeback->lock);
    wait_end(&wait);
    return ok;
}

/* The oldest item of those after number `first` up to `last`. Lock held. */
static const Item *oldest(const Writeback *writeback, guint64 first, guint64 last)
{
    const Item *found = NULL;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, writeback->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Item *item = value;
        if (item->id > first && item->id <= last && (found == NULL || item->id < found->id))
            found = item;
    }
    return found;
}

guint writeback_flush(Writeback *writeback, GCancellable *cancel)
{
    Wait wait;
    wait_begin(&wait, &writeback->changed, &writeback->lock, cancel);
    lock_take(&writeback->lock);
    writeback->flushing++;
    g_cond_broadcast(&writeback->changed);
    guint64 last = writeback->next_id;
    guint64 done = 0;
    const Item *item;
    while ((item = oldest(writeback, done, last)) != NULL) {
        done = item->id;
        /* Whose upload fails has been told already; the others are waited for all the same. */
        sync_item(writeback, done, &wait, NULL);
    }
    guint left = 0;
    for (done = 0; (item = oldest(writeback, done, last)) != NULL; done = item->id)
        left++;
    writeback->flushing--;
    lock_release(&writeback->lock);
    wait_end(&wait);
    return left;
}

/* ---- the view ---- */

static gint compare_ids(gconstpointer a, gconstpointer b)
{
    const Item *left = a;
    const Item *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

void writeback_foreach(Writeback *writeback,
                       void (*func)(const WritebackEntry *entry, gpointer data), gpointer data)
{
    lock_take(&writeback->lock);
    GList *items = g_list_sort(g_hash_table_get_values(writeback->by_id), compare_ids);
    for (GList *l = items; l != NULL; l = l->next) {
        const Item *item = l->data;
        WritebackState state =
            writeback_item_in_flight(item) ? WRITEBACK_UPLOADING : WRITEBACK_WAITING;
        WritebackEntry entry = {
            .path = item->path,
            .size = item->size,
            .sent = item->sent,
            .state = item->state == ITEM_REFUSED ? WRITEBACK_REFUSED : state,
            .error = item->failure != NULL ? item->failure->message : NULL,
        };
        func(&entry, data);
    }
    g_list_free(items);
    lock_release(&writeback->lock);
}
