/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "temporary_cleanup.h"

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"

/* A name may come into being after it was removed; how often it is removed again. */
#define DOUBT_MAX 1

typedef struct {
    TemporaryCleanup *cleanup;
    char *path;
    guint doubts; /* so often it is removed again after it was */
    gint64 due;   /* not before; monotonic microseconds */
} Item;

struct TemporaryCleanup {
    Remote *remote;
    Workers *workers;
    guint timeout_s;
    GCancellable *cancel;
    Lock lock;    /* guards what follows */
    GQueue items; /* Item *, those that no task has */
};

TemporaryCleanup *temporary_cleanup_new(Remote *remote, Workers *workers, guint timeout_s,
                                        GCancellable *cancel)
{
    TemporaryCleanup *cleanup = g_new0(TemporaryCleanup, 1);
    cleanup->remote = remote;
    cleanup->workers = workers;
    cleanup->timeout_s = timeout_s;
    cleanup->cancel = g_object_ref(cancel);
    lock_init(&cleanup->lock, LOCK_RANK_CLEANUP);
    g_queue_init(&cleanup->items);
    return cleanup;
}

static void item_free(gpointer data)
{
    Item *item = data;
    g_free(item->path);
    g_free(item);
}

void temporary_cleanup_free(TemporaryCleanup *cleanup)
{
    if (cleanup == NULL)
        return;
    g_queue_clear_full(&cleanup->items, item_free);
    g_object_unref(cleanup->cancel);
    lock_clear(&cleanup->lock);
    g_free(cleanup);
}

static Item *item_new(TemporaryCleanup *cleanup, char *path, const GError *failure)
{
    Item *item = g_new0(Item, 1);
    item->cleanup = cleanup;
    item->path = path;
    item->doubts =
        failure != NULL && ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ? DOUBT_MAX : 0;
    return item;
}

static void keep(Item *item)
{
    lock_take(&item->cleanup->lock);
    g_queue_push_tail(&item->cleanup->items, item);
    lock_release(&item->cleanup->lock);
}

static void say(const Item *item, const GError *failure)
{
    g_message("%s: a temporary file is left there: %s. Delete it with another FTP client.",
              item->path, failure->message);
}

/* FALSE with *failure when another try may help. */
static gboolean try_to_remove(const Item *item, GError **failure)
{
    g_autoptr(GError) why = NULL;
    const TemporaryCleanup *cleanup = item->cleanup;
    if (remote_unlink(cleanup->remote, item->path, cleanup->cancel, &why) ||
        ftpsfs_error_is(why, FTPSFS_ERROR_NOT_FOUND))
        return TRUE;
    if (!ftpsfs_error_has(why, FTPSFS_ERROR_CLASS_OUTAGE) &&
        !ftpsfs_error_is(why, FTPSFS_ERROR_INTERRUPTED)) {
        say(item, why);
        return TRUE;
    }
    g_propagate_error(failure, g_steal_pointer(&why));
    return FALSE;
}

/* A WorkerFunc. Takes the item. */
static void run(gpointer data)
{
    Item *item = data;
    TemporaryCleanup *cleanup = item->cleanup;
    g_autoptr(GError) failure = NULL;
    if (try_to_remove(item, &failure)) {
        if (item->doubts == 0) {
            item_free(item);
            return;
        }
        item->doubts--;
        item->due = deadline_in(cleanup->timeout_s);
    } else {
        g_info("%s is to be removed later: %s", item->path, failure->message);
    }
    keep(item);
}

void temporary_cleanup_add(TemporaryCleanup *cleanup, char *path, const GError *failure)
{
    workers_run(cleanup->workers, run, item_new(cleanup, path, failure));
}

void temporary_cleanup_remove(TemporaryCleanup *cleanup, const char *path)
{
    run(item_new(cleanup, g_strdup(path), NULL));
}

void temporary_cleanup_recheck(TemporaryCleanup *cleanup, const char *path)
{
    Item *item = item_new(cleanup, g_strdup(path), NULL);
    item->due = deadline_in(cleanup->timeout_s);
    keep(item);
}

void temporary_cleanup_retry(TemporaryCleanup *cleanup)
{
    gint64 now = g_get_monotonic_time();
    lock_take(&cleanup->lock);
    for (GList *l = cleanup->items.head, *next; l != NULL; l = next) {
        Item *item = l->data;
        next = l->next;
        if (item->due > now)
            continue;
        g_queue_delete_link(&cleanup->items, l);
        workers_run(cleanup->workers, run, item);
    }
    lock_release(&cleanup->lock);
}

void temporary_cleanup_end(TemporaryCleanup *cleanup)
{
    lock_take(&cleanup->lock);
    GQueue rest = cleanup->items;
    g_queue_init(&cleanup->items);
    lock_release(&cleanup->lock);
    for (Item *item; (item = g_queue_pop_head(&rest)) != NULL; item_free(item)) {
        g_autoptr(GError) failure = NULL;
        if (!try_to_remove(item, &failure))
            say(item, failure);
    }
}
