/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "temporary_cleanup.h"

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

/* A name may come into being after it was removed; how often it is removed again. */
#define DOUBT_MAX 1

typedef struct {
    Leftovers *leftovers;
    char *path;
    guint doubts; /* so often it is removed again after it was */
    gint64 due;   /* not before; monotonic microseconds */
} Item;

struct Leftovers {
    Remote *remote;
    Workers *workers;
    guint timeout_s;
    GCancellable *cancel;
    GMutex lock;  /* guards what follows */
    GQueue items; /* Item *, those that no task has */
};

Leftovers *leftovers_new(Remote *remote, Workers *workers, guint timeout_s, GCancellable *cancel)
{
    Leftovers *leftovers = g_new0(Leftovers, 1);
    leftovers->remote = remote;
    leftovers->workers = workers;
    leftovers->timeout_s = timeout_s;
    leftovers->cancel = g_object_ref(cancel);
    g_mutex_init(&leftovers->lock);
    g_queue_init(&leftovers->items);
    return leftovers;
}

static void item_free(gpointer data)
{
    Item *item = data;
    g_free(item->path);
    g_free(item);
}

void leftovers_free(Leftovers *leftovers)
{
    if (leftovers == NULL)
        return;
    g_queue_clear_full(&leftovers->items, item_free);
    g_object_unref(leftovers->cancel);
    g_mutex_clear(&leftovers->lock);
    g_free(leftovers);
}

static Item *item_new(Leftovers *leftovers, char *path, const GError *failure)
{
    Item *item = g_new0(Item, 1);
    item->leftovers = leftovers;
    item->path = path;
    item->doubts =
        failure != NULL && ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ? DOUBT_MAX : 0;
    return item;
}

static void keep(Item *item)
{
    g_mutex_lock(&item->leftovers->lock);
    g_queue_push_tail(&item->leftovers->items, item);
    g_mutex_unlock(&item->leftovers->lock);
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
    const Leftovers *leftovers = item->leftovers;
    if (remote_unlink(leftovers->remote, item->path, leftovers->cancel, &why) ||
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
    Leftovers *leftovers = item->leftovers;
    g_autoptr(GError) failure = NULL;
    if (try_to_remove(item, &failure)) {
        if (item->doubts == 0) {
            item_free(item);
            return;
        }
        item->doubts--;
        item->due = deadline_in(leftovers->timeout_s);
    } else {
        g_info("%s is to be removed later: %s", item->path, failure->message);
    }
    keep(item);
}

void leftovers_add(Leftovers *leftovers, char *path, const GError *failure)
{
    workers_run(leftovers->workers, run, item_new(leftovers, path, failure));
}

void leftovers_remove(Leftovers *leftovers, const char *path)
{
    run(item_new(leftovers, g_strdup(path), NULL));
}

void leftovers_recheck(Leftovers *leftovers, const char *path)
{
    Item *item = item_new(leftovers, g_strdup(path), NULL);
    item->due = deadline_in(leftovers->timeout_s);
    keep(item);
}

void leftovers_retry(Leftovers *leftovers)
{
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&leftovers->lock);
    for (GList *l = leftovers->items.head, *next; l != NULL; l = next) {
        Item *item = l->data;
        next = l->next;
        if (item->due > now)
            continue;
        g_queue_delete_link(&leftovers->items, l);
        workers_run(leftovers->workers, run, item);
    }
    g_mutex_unlock(&leftovers->lock);
}

void leftovers_end(Leftovers *leftovers)
{
    g_mutex_lock(&leftovers->lock);
    GQueue rest = leftovers->items;
    g_queue_init(&leftovers->items);
    g_mutex_unlock(&leftovers->lock);
    for (Item *item; (item = g_queue_pop_head(&rest)) != NULL; item_free(item)) {
        g_autoptr(GError) failure = NULL;
        if (!try_to_remove(item, &failure))
            say(item, failure);
    }
}
