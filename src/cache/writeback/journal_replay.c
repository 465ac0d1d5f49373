/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a journal's records mean, one after the other: which uploads are pending.
 */
#include <string.h>

#include "journal_private.h"

/* A file like no other: whatever the server has is not this. */
static const JournalState unknown_state = {
    .kind = JOURNAL_FILE, .size = G_MAXUINT64, .mtime = G_MININT64};

static void item_free(gpointer data)
{
    JournalItem *item = data;
    if (item == NULL)
        return;
    g_free(item->path);
    g_free(item->content);
    g_free(item->temporary);
    g_free(item->target);
    g_free(item->aside);
    g_free(item);
}

static void rename_free(gpointer data)
{
    JournalRename *rename = data;
    g_free(rename->from);
    g_free(rename->to);
    g_free(rename);
}

void journal_plan_free(JournalPlan *plan)
{
    if (plan == NULL)
        return;
    g_ptr_array_unref(plan->items);
    g_ptr_array_unref(plan->renames);
    g_ptr_array_unref(plan->cleanup);
    g_free(plan);
}

char *journal_moved_path(const char *path, const char *from, const char *to)
{
    gsize length = strlen(from);
    if (strncmp(path, from, length) != 0 || (path[length] != '\0' && path[length] != '/'))
        return NULL;
    return g_strconcat(to, path + length, NULL);
}

/* Replaying. There may be many records, so that each takes no longer for the number of items: those
 * that end leave a gap in the plan until all is read. */
typedef struct {
    JournalPlan *plan;
    GHashTable *items;    /* of id: index in the plan's, and 1 */
    GHashTable *given_up; /* of id: char *, the temporary */
    guint after;          /* at most so many items are JOURNAL_AFTER */
} Replay;

static JournalItem *find_item(const Replay *replay, guint64 id)
{
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(replay->items, &id));
    return index > 0 ? g_ptr_array_index(replay->plan->items, index - 1) : NULL;
}

static void close_gaps(JournalPlan *plan)
{
    guint kept = 0;
    for (guint i = 0; i < plan->items->len; i++) {
        gpointer item = g_steal_pointer(&g_ptr_array_index(plan->items, i));
        if (item != NULL)
            g_ptr_array_index(plan->items, kept++) = item;
    }
    g_ptr_array_set_size(plan->items, (gint)kept);
}

/* Makes the table anew. */
static void index_items(Replay *replay)
{
    g_hash_table_remove_all(replay->items);
    for (guint i = 0; i < replay->plan->items->len; i++) {
        JournalItem *item = g_ptr_array_index(replay->plan->items, i);
        g_hash_table_insert(replay->items, &item->id, GUINT_TO_POINTER(i + 1));
    }
}

/* The item is pending no more. With `leave` its temporary may be on the server still. */
static void end_item(Replay *replay, JournalItem *item, gboolean leave)
{
    if (item == NULL)
        return;
    if (leave && item->temporary != NULL)
        g_hash_table_insert(replay->given_up, g_memdup2(&item->id, sizeof item->id),
                            g_steal_pointer(&item->temporary));
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(replay->items, &item->id));
    g_hash_table_remove(replay->items, &item->id);
    g_ptr_array_index(replay->plan->items, index - 1) = NULL;
    item_free(item);
}

/* Those that waited for item `id`, which is given up or done, are over `state` now. */
static void resolve_after(const Replay *replay, guint64 id, const JournalState *state,
                          guint64 after)
{
    for (guint i = 0; replay->after > 0 && i < replay->plan->items->len; i++) {
        JournalItem *item = g_ptr_array_index(replay->plan->items, i);
        if (item == NULL || item->base.kind != JOURNAL_AFTER || item->after != id)
            continue;
        item->base = *state;
        item->after = after;
    }
}

static void give_up(Replay *replay, guint64 id)
{
    JournalItem *item = find_item(replay, id);
    if (item == NULL)
        return;
    JournalState base = item->base;
    resolve_after(replay, id, &base, item->after);
    end_item(replay, item, TRUE);
}

static void put(Replay *replay, const JournalRecord *record)
{
    gboolean follows = record->state.kind == JOURNAL_AFTER;
    JournalState state = record->state;
    /* Its predecessor ended before this record was written, or is not known. */
    if (follows && find_item(replay, record->other) == NULL)
        state = unknown_state;
    if (!follows && record->other != 0)
        give_up(replay, record->other);
    end_item(replay, find_item(replay, record->id), TRUE);
    JournalItem *item = g_new0(JournalItem, 1);
    item->id = record->id;
    item->path = g_strdup(record->path);
    item->content = g_strdup(record->second);
    item->size = record->size;
    item->mode = record->mode;
    item->mtime = record->mtime;
    item->base = state;
    item->after = state.kind == JOURNAL_AFTER ? record->other : 0;
    replay->after += item->after != 0 ? 1 : 0;
    g_ptr_array_add(replay->plan->items, item);
    g_hash_table_insert(replay->items, &item->id, GUINT_TO_POINTER(replay->plan->items->len));
}

static void move(Replay *replay, const JournalRecord *record)
{
    if (record->other != 0 && record->other != record->id)
        give_up(replay, record->other);
    JournalItem *item = find_item(replay, record->id);
    if (item == NULL)
        return;
    g_free(item->path);
    item->path = g_strdup(record->path);
    item->base = record->state;
    if (item->base.kind != JOURNAL_AFTER)
        item->after = 0;
    else if (item->after == 0)
        item->base = unknown_state;
}

static void commit(JournalItem *item, const JournalRecord *record)
{
    g_free(item->temporary);
    g_free(item->target);
    g_free(item->aside);
    item->temporary = g_strdup(record->second);
    item->target = g_strdup(record->path);
    item->aside = g_strdup(record->third);
    item->stored_mtime = record->mtime;
}

void journal_plan_rename(JournalPlan *plan, const char *from, const char *to)
{
    for (guint i = plan->items->len; i-- > 0;) {
        JournalItem *item = g_ptr_array_index(plan->items, i);
        if (g_str_equal(item->path, to)) {
            if (item->temporary != NULL)
                g_ptr_array_add(plan->cleanup, g_steal_pointer(&item->temporary));
            g_ptr_array_remove_index(plan->items, i);
            continue;
        }
        char **paths[] = {&item->path, &item->temporary, &item->target, &item->aside};
        for (guint k = 0; k < G_N_ELEMENTS(paths); k++) {
            char *moved = *paths[k] != NULL ? journal_moved_path(*paths[k], from, to) : NULL;
            if (moved == NULL)
                continue;
            g_free(*paths[k]);
            *paths[k] = moved;
        }
    }
}

static void take_rename(Replay *replay, const JournalRecord *record)
{
    JournalRename *rename = g_new0(JournalRename, 1);
    rename->id = record->id;
    rename->from = g_strdup(record->path);
    rename->to = g_strdup(record->second);
    g_ptr_array_add(replay->plan->renames, rename);
}

static void end_rename(Replay *replay, const JournalRecord *record)
{
    for (guint i = 0; i < replay->plan->renames->len; i++) {
        const JournalRename *rename = g_ptr_array_index(replay->plan->renames, i);
        if (rename->id != record->id)
            continue;
        if (record->type == JOURNAL_RENAMED) {
            close_gaps(replay->plan);
            /* The table has the numbers of items that may go. */
            g_hash_table_remove_all(replay->items);
            journal_plan_rename(replay->plan, rename->from, rename->to);
            index_items(replay);
        }
        g_ptr_array_remove_index(replay->plan->renames, i);
        return;
    }
}

static void begin(JournalItem *item, const JournalRecord *record)
{
    g_free(item->temporary);
    item->temporary = g_strdup(record->second);
    g_clear_pointer(&item->target, g_free);
    g_clear_pointer(&item->aside, g_free);
}

static void set(JournalItem *item, const JournalRecord *record)
{
    if (record->mode != G_MAXUINT32)
        item->mode = record->mode;
    if (record->mtime != G_MININT64)
        item->mtime = record->mtime;
}

static void apply(const JournalRecord *record, gpointer data)
{
    Replay *replay = data;
    replay->plan->records++;
    replay->plan->next_id = MAX(replay->plan->next_id, record->id + 1);
    JournalItem *item = find_item(replay, record->id);
    switch (record->type) {
    case JOURNAL_PUT:
        put(replay, record);
        break;
    case JOURNAL_MOVE:
        move(replay, record);
        break;
    case JOURNAL_SET:
        if (item != NULL)
            set(item, record);
        break;
    case JOURNAL_DROP:
        give_up(replay, record->id);
        break;
    case JOURNAL_START:
        if (item != NULL)
            begin(item, record);
        break;
    case JOURNAL_COMMIT:
        if (item != NULL)
            commit(item, record);
        break;
    case JOURNAL_DONE:
        resolve_after(replay, record->id, &record->state, 0);
        end_item(replay, item, FALSE);
        break;
    case JOURNAL_CLEAN:
        g_hash_table_remove(replay->given_up, &record->id);
        break;
    case JOURNAL_RENAME:
        take_rename(replay, record);
        break;
    case JOURNAL_RENAMED:
    case JOURNAL_KEPT:
        end_rename(replay, record);
        break;
    case JOURNAL_TYPES:
        break;
    }
}

JournalPlan *journal_replay(const guint8 *data, gsize length)
{
    JournalPlan *plan = g_new0(JournalPlan, 1);
    plan->items = g_ptr_array_new_with_free_func(item_free);
    plan->renames = g_ptr_array_new_with_free_func(rename_free);
    plan->cleanup = g_ptr_array_new_with_free_func(g_free);
    plan->next_id = 1;
    g_autoptr(GHashTable) items = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autoptr(GHashTable) given_up =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    Replay replay = {.plan = plan, .items = items, .given_up = given_up};
    journal_parse(data, length, apply, &replay, &plan->torn, &plan->damaged);
    close_gaps(plan);
    GHashTableIter iter;
    gpointer temporary;
    g_hash_table_iter_init(&iter, given_up);
    while (g_hash_table_iter_next(&iter, NULL, &temporary))
        g_ptr_array_add(plan->cleanup, g_strdup(temporary));
    return plan;
}
