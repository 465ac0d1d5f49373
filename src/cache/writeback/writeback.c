/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life, queue and threads. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "writeback_private.h"

/* From this size on an upload is a long one; not all connections are given to those at once. */
#define LARGE_SIZE (1024 * 1024)

/* Pauses after tries that failed: the first, and the longest. */
#define RETRY_FIRST_US ((gint64)G_USEC_PER_SEC)
#define RETRY_MAX_US   (60 * (gint64)G_USEC_PER_SEC)

/* A journal of this size is begun anew when nothing is pending. */
#define COMPACT_SIZE (64 * 1024)

/* ---- items ---- */

void writeback_schedule(Item *item, gint64 ready_at)
{
    GQueue *ready = &item->writeback->ready;
    if (item->link != NULL)
        g_queue_delete_link(ready, item->link);
    item->ready_at = ready_at;
    GList *before = ready->tail;
    while (before != NULL && ((Item *)before->data)->ready_at > ready_at)
        before = before->prev;
    if (before == NULL) {
        g_queue_push_head(ready, item);
        item->link = ready->head;
    } else {
        g_queue_insert_after(ready, before, item);
        item->link = before->next;
    }
    g_cond_broadcast(&item->writeback->changed);
}

void writeback_remove_content(const char *content)
{
    if (content != NULL && unlink(content) != 0 && errno != ENOENT)
        g_warning("%s: can't be removed: %s; delete it by hand", content, g_strerror(errno));
}

/* The items that waited for this one wait no more. `state`: what they are over then. */
static void release_followers(Item *item, const JournalState *state)
{
    Item *newest =
        item->node != NULL ? g_hash_table_lookup(item->writeback->by_node, item->node) : NULL;
    for (; newest != NULL && newest != item; newest = newest->after) {
        if (newest->after != item)
            continue;
        newest->after = item->after;
        if (item->after == NULL)
            newest->base = *state;
        break;
    }
}

void writeback_forget(Item *item, char **content)
{
    Writeback *writeback = item->writeback;
    JournalState base = item->base;
    release_followers(item, &base);
    if (item->link != NULL)
        g_queue_delete_link(&writeback->ready, item->link);
    item->link = NULL;
    g_hash_table_remove(writeback->by_id, &item->id);
    if (item->node != NULL && g_hash_table_lookup(writeback->by_node, item->node) == item) {
        g_hash_table_remove(writeback->by_node, item->node);
        if (item->after != NULL)
            g_hash_table_insert(writeback->by_node, item->node, item->after);
    }
    STATS_ADD(writeback->stats, writeback_pending, -1);
    STATS_ADD(writeback->stats, writeback_bytes, -(gint64)item->size);
    space_give(writeback->space, item->size);
    if (item->node != NULL) {
        tree_unpin(writeback->tree, item->node);
        node_unref(item->node);
        item->node = NULL;
    }
    *content = g_strdup(item->content);
    g_cond_broadcast(&writeback->changed);
    if (!writeback_item_in_flight(item)) {
        writeback_item_free(item);
        return;
    }
    item->dropped = TRUE;
    g_ptr_array_add(writeback->dying, item);
    g_cancellable_cancel(item->cancel);
}

void writeback_compact(Writeback *writeback)
{
    if (g_hash_table_size(writeback->by_id) > 0 || writeback->dying->len > 0 ||
        writeback->renaming > 0 || journal_size(writeback->journal) < COMPACT_SIZE)
        return;
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(GError) failure = NULL;
    if (!journal_rewrite(writeback->journal, none, &failure))
        g_warning("%s", failure->message);
}

/* ---- the threads ---- */

static gboolean is_large(const Item *item)
{
    return item->size >= LARGE_SIZE;
}

static gboolean may_begin(const Item *item)
{
    const Writeback *writeback = item->writeback;
    guint large_max = MAX(writeback->connections, 3) - 2;
    return item->after == NULL && !writeback_item_is_locked(item) &&
           (!is_large(item) || writeback->large < large_max);
}

/* The next item to upload, taken out of the queue; or NULL, and *wake: when to look again, unless
 * something changes. Lock held. */
static Item *take_next(Writeback *writeback, gint64 *wake_at)
{
    gint64 now = g_get_monotonic_time();
    gboolean hurry = writeback->stopping || writeback->flushing > 0;
    *wake_at = G_MAXINT64;
    if (writeback->given_up)
        return NULL;
    for (GList *l = writeback->ready.head; l != NULL; l = l->next) {
        Item *item = l->data;
        /* Who waits for all does not wait for the delay. */
        if (item->ready_at > now && !(hurry && item->attempts == 0) && !writeback->stopping) {
            *wake_at = MIN(*wake_at, item->ready_at);
            if (!hurry)
                break;
            continue;
        }
        if (!may_begin(item))
            continue;
        g_queue_delete_link(&writeback->ready, l);
        item->link = NULL;
        return item;
    }
    return NULL;
}

/* Takes out an item whose end is in the journal, and its content with it. Lock held; dropped while
 * the disk is waited for. */
static void forget_durably(Item *item, const char *unless)
{
    Writeback *writeback = item->writeback;
    g_autoptr(GError) failure = NULL;
    g_autofree char *content = NULL;
    item->state = ITEM_WAITING; /* so that it is freed */
    writeback_forget(item, &content);
    lock_release(&writeback->lock);
    if (!journal_sync(writeback->journal, &failure))
        g_warning("%s: %s", unless, failure->message);
    writeback_remove_content(content);
    lock_take(&writeback->lock);
    writeback_compact(writeback);
}

/* The item that waits for this one, or NULL. Lock held. */
static Item *follower_of(const Item *item)
{
    Item *later =
        item->node != NULL ? g_hash_table_lookup(item->writeback->by_node, item->node) : NULL;
    while (later != NULL && later->after != item)
        later = later->after;
    return later;
}

/* An upload that failed makes way for newer content, unless it may have been carried out all the
 * same: then nothing but another look tells what the newer one replaces. Lock held; dropped. */
static gboolean make_way(Item *item)
{
    Item *follower = follower_of(item);
    if (follower == NULL || item->target != NULL)
        return FALSE;
    JournalRecord drop = journal_record(JOURNAL_DROP, item->id);
    g_autoptr(GError) failure = NULL;
    if (!journal_append(item->writeback->journal, &drop, FALSE, &failure)) {
        g_warning("%s", failure->message);
        return FALSE;
    }
    /* What it has left on the server is the newer one's to remove. */
    follower->temporary = g_steal_pointer(&item->temporary);
    follower->replayed = TRUE;
    forget_durably(item, "what newer content replaces may be uploaded once more after a crash");
    return TRUE;
}

/* It will not be tried any more, nor will what waits for it. Lock held. */
static void refuse(Item *item, const char *why, gboolean passing)
{
    g_warning("%s: not uploaded: %s. Its content is kept in %s, and uploaded by the next mount of "
              "this source%s",
              item->path, why, item->content, passing ? "" : "; see that the server takes it then");
    for (Item *later = item; later != NULL; later = follower_of(later)) {
        later->state = ITEM_REFUSED;
        if (later->link != NULL)
            g_queue_delete_link(&item->writeback->ready, later->link);
        later->link = NULL;
    }
}

/* Lock held, dropped at times. Takes `failure`. */
static void end_failed(Item *item, GError *failure)
{
    Writeback *writeback = item->writeback;
    gboolean passing = ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_PASSING);
    gboolean new = item->failure == NULL || !g_str_equal(item->failure->message, failure->message);
    item->attempts++;
    g_clear_error(&item->failure);
    item->failure = failure;
    item->sent = 0;
    STATS_ADD(writeback->stats, writeback_failures, 1);
    if (make_way(item))
        return;
    if (writeback->stopping || !passing) {
        refuse(item, failure->message, passing);
        return;
    }
    item->state = ITEM_WAITING;
    gint64 pause = RETRY_FIRST_US << MIN(item->attempts - 1, 6);
    if (new)
        g_message("%s: not uploaded yet, tried again: %s", item->path, failure->message);
    writeback_schedule(item, g_get_monotonic_time() + MIN(pause, RETRY_MAX_US));
}

/* Lock held; dropped while the disk is waited for. */
static void end_done(Item *item, const JournalState *state)
{
    Writeback *writeback = item->writeback;
    JournalRecord record = journal_record(JOURNAL_DONE, item->id);
    record.state = *state;
    g_autoptr(GError) failure = NULL;
    if (!journal_append(writeback->journal, &record, FALSE, &failure))
        g_warning("it was uploaded, and may be once more after a crash: %s", failure->message);
    STATS_ADD(writeback->stats, writeback_uploads, 1);
    release_followers(item, state);
    forget_durably(item, "it was uploaded, and may be once more after a crash");
}

/* Lock held. */
static void end_dropped(Item *item)
{
    Writeback *writeback = item->writeback;
    g_ptr_array_remove_fast(writeback->dying, item);
    JournalRecord record = journal_record(JOURNAL_CLEAN, item->id);
    g_autoptr(GError) failure = NULL;
    if (!item->may_reappear && !journal_append(writeback->journal, &record, FALSE, &failure))
        g_debug("%s", failure->message);
    writeback_item_free(item);
    writeback_compact(writeback);
}

/* Tells those above, who may look at the item meanwhile. Lock held; dropped. */
static void report(Item *item, const RemoteEntry *entry, const JournalState *state,
                   gboolean conflict)
{
    Writeback *writeback = item->writeback;
    if (item->node == NULL)
        return;
    WritebackResult result = {
        .node = item->node,
        .entry = conflict ? NULL : entry,
        .size = item->size,
        .id = item->id,
        .state = *state,
    };
    lock_release(&writeback->lock);
    writeback->func(writeback->data, &result);
    lock_take(&writeback->lock);
}

/* Lock held; dropped. */
static void upload(Item *item)
{
    Writeback *writeback = item->writeback;
    gboolean large = is_large(item);
    writeback->large += large ? 1 : 0;
    item->state = ITEM_UPLOADING;
    item->sent = 0;
    JournalState state = item->base;
    lock_release(&writeback->lock);
    g_autoptr(RemoteEntry) entry = entry_new();
    GError *failure = NULL;
    gboolean conflict = FALSE;
    UploadEnd end = writeback_upload(item, entry, &state, &conflict, &failure);
    lock_take(&writeback->lock);
    writeback->large -= large ? 1 : 0;
    if (end == UPLOAD_DONE) {
        report(item, entry, &state, conflict);
        end_done(item, &state);
    } else if (item->dropped) {
        g_clear_error(&failure);
        end_dropped(item);
    } else {
        end_failed(item, failure);
    }
    g_cond_broadcast(&writeback->changed);
}

/* Whether there is nothing to do any more. Lock held. */
static gboolean has_ended(const Writeback *writeback)
{
    gboolean more = writeback->ready.length > 0 && !writeback->given_up;
    if (!writeback->stopping || more || writeback->dying->len > 0)
        return FALSE;
    GHashTableIter iter;
    gpointer item;
    g_hash_table_iter_init(&iter, writeback->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &item))
        if (writeback_item_in_flight(item))
            return FALSE;
    return TRUE;
}

static gpointer run(gpointer data)
{
    Writeback *writeback = data;
    lock_take(&writeback->lock);
    while (!has_ended(writeback)) {
        gint64 wake_at;
        Item *item = take_next(writeback, &wake_at);
        if (item != NULL)
            upload(item);
        else if (wake_at == G_MAXINT64)
            lock_wait(&writeback->changed, &writeback->lock);
        else
            lock_wait_until(&writeback->changed, &writeback->lock, wake_at);
    }
    g_cond_broadcast(&writeback->changed);
    lock_release(&writeback->lock);
    return NULL;
}

/* ---- life ---- */

Writeback *writeback_new(Remote *remote, Tree *tree, Stats *stats, Space *space,
                         const WritebackOptions *options, GError **error)
{
    g_autoptr(Writeback) writeback = g_new0(Writeback, 1);
    writeback->remote = remote;
    writeback->tree = tree;
    writeback->stats = stats;
    writeback->space = space;
    writeback->connections = options->connections;
    writeback->delay = (gint64)options->delay_ms * 1000;
    writeback->threads = g_ptr_array_new();
    lock_init(&writeback->lock, LOCK_RANK_WRITEBACK);
    g_cond_init(&writeback->changed);
    g_queue_init(&writeback->ready);
    writeback->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    writeback->by_node = g_hash_table_new(NULL, NULL);
    writeback->dying = g_ptr_array_new();
    writeback->path_locks = g_ptr_array_new();
    return writeback_read(writeback, options, error) ? g_steal_pointer(&writeback) : NULL;
}

void writeback_start(Writeback *writeback, TemporaryCleanup *cleanup, WritebackFunc func,
                     gpointer data)
{
    writeback->cleanup = cleanup;
    writeback->func = func;
    writeback->data = data;
    writeback_resume(writeback);
    for (guint i = 0; i < writeback->connections; i++)
        g_ptr_array_add(writeback->threads, g_thread_new("writeback", run, writeback));
}

void writeback_stop(Writeback *writeback)
{
    lock_take(&writeback->lock);
    writeback->stopping = TRUE;
    guint pending = g_hash_table_size(writeback->by_id);
    if (pending > 0)
        g_info("%u uploads are left to be made", pending);
    g_cond_broadcast(&writeback->changed);
    lock_release(&writeback->lock);
    for (guint i = 0; i < writeback->threads->len; i++)
        g_thread_join(g_ptr_array_index(writeback->threads, i));
    g_ptr_array_set_size(writeback->threads, 0);
    lock_take(&writeback->lock);
    writeback->stopped = TRUE;
    g_cond_broadcast(&writeback->changed);
    lock_release(&writeback->lock);
}

void writeback_give_up(Writeback *writeback)
{
    lock_take(&writeback->lock);
    writeback->given_up = TRUE;
    GHashTableIter iter;
    gpointer item;
    g_hash_table_iter_init(&iter, writeback->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &item))
        g_cancellable_cancel(((Item *)item)->cancel);
    g_cond_broadcast(&writeback->changed);
    lock_release(&writeback->lock);
}

void writeback_free(Writeback *writeback)
{
    if (writeback == NULL)
        return;
    if (writeback->threads->len > 0)
        writeback_stop(writeback);
    g_autoptr(GList) rest = g_hash_table_get_values(writeback->by_id);
    for (GList *l = rest; l != NULL; l = l->next) {
        Item *item = l->data;
        if (item->node != NULL) {
            tree_unpin(writeback->tree, item->node);
            node_unref(item->node);
        }
        writeback_item_free(item);
    }
    journal_plan_free(writeback->plan);
    g_hash_table_unref(writeback->by_id);
    g_hash_table_unref(writeback->by_node);
    g_queue_clear(&writeback->ready);
    g_ptr_array_unref(writeback->dying);
    g_ptr_array_unref(writeback->path_locks);
    g_ptr_array_unref(writeback->threads);
    journal_close(writeback->journal);
    g_cond_clear(&writeback->changed);
    lock_clear(&writeback->lock);
    g_free(writeback->directory);
    g_free(writeback->prefix);
    g_free(writeback);
}
