/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pending file: its record, its life, whether others hold its name. */
#include <string.h>

#include "writeback_private.h"

JournalRecord writeback_put_record(const Item *item)
{
    JournalRecord record = journal_record(JOURNAL_PUT, item->id);
    record.path = item->path;
    record.second = strrchr(item->content, '/') + 1;
    record.size = item->size;
    record.mode = item->mode;
    record.mtime = item->mtime;
    record.state = item->base;
    if (item->after != NULL) {
        record.state.kind = JOURNAL_AFTER;
        record.other = item->after->id;
    }
    return record;
}

Item *writeback_item_new(Writeback *writeback, guint64 id, Node *node, const char *path,
                         const char *content)
{
    Item *item = g_new0(Item, 1);
    item->writeback = writeback;
    item->id = id;
    item->path = g_strdup(path);
    item->content = g_strdup(content);
    item->cancel = g_cancellable_new();
    g_hash_table_insert(writeback->by_id, &item->id, item);
    STATS_ADD(writeback->stats, writeback_pending, 1);
    if (node != NULL) {
        item->node = node_ref(node);
        tree_pin(writeback->tree, node);
        g_hash_table_insert(writeback->by_node, node, item);
    }
    return item;
}

void writeback_item_free(Item *item)
{
    g_free(item->path);
    g_free(item->content);
    g_free(item->temporary);
    g_free(item->target);
    g_free(item->aside);
    g_clear_error(&item->failure);
    g_object_unref(item->cancel);
    g_free(item);
}

gboolean writeback_item_in_flight(const Item *item)
{
    return item->state == ITEM_UPLOADING || item->state == ITEM_PARKED ||
           item->state == ITEM_COMMITTING;
}

static gboolean is_at_or_below(const char *path, const char *top)
{
    gsize length = strlen(top);
    return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

gboolean writeback_item_is_locked(const Item *item)
{
    const GPtrArray *path_locks = item->writeback->path_locks;
    for (guint i = 0; i < path_locks->len; i++) {
        const WritebackPathLock *lock = g_ptr_array_index(path_locks, i);
        if ((lock->below ? is_at_or_below(item->path, lock->from)
                         : g_str_equal(item->path, lock->from)) ||
            g_strcmp0(item->path, lock->to) == 0)
            return TRUE;
    }
    return FALSE;
}
