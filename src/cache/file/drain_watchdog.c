/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drain_watchdog.h"

#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"

/* Timeouts without progress: one for what is under way, one for its second try. */
#define PATIENCE_TIMEOUTS 2

struct DrainWatchdog {
    const Stats *stats;
    guint timeout_s;
    GCancellable *cancel;
    Lock lock;  /* guards what follows */
    GCond cond; /* over */
    GThread *thread;
    guint64 done;
    gboolean over;
};

DrainWatchdog *drain_watchdog_new(const Stats *stats, guint timeout_s)
{
    DrainWatchdog *watchdog = g_new0(DrainWatchdog, 1);
    watchdog->stats = stats;
    watchdog->timeout_s = timeout_s;
    watchdog->cancel = g_cancellable_new();
    lock_init(&watchdog->lock, LOCK_RANK_DRAIN_WATCHDOG);
    g_cond_init(&watchdog->cond);
    return watchdog;
}

static guint64 progress(const DrainWatchdog *watchdog)
{
    return watchdog->done + (guint64)STATS_GET(watchdog->stats, bytes_out);
}

static gpointer watch(gpointer data)
{
    DrainWatchdog *watchdog = data;
    lock_take(&watchdog->lock);
    guint64 before = progress(watchdog);
    gint64 deadline = deadline_in(PATIENCE_TIMEOUTS * watchdog->timeout_s);
    while (!watchdog->over) {
        if (lock_wait_until(&watchdog->cond, &watchdog->lock, deadline))
            continue;
        guint64 now = progress(watchdog);
        if (now == before)
            break;
        before = now;
        deadline = deadline_in(PATIENCE_TIMEOUTS * watchdog->timeout_s);
    }
    gboolean over = watchdog->over;
    lock_release(&watchdog->lock);
    if (!over) {
        g_message("the server takes nothing any more; the unmount does not wait for it longer");
        g_cancellable_cancel(watchdog->cancel);
    }
    return NULL;
}

void drain_watchdog_begin(DrainWatchdog *watchdog)
{
    lock_take(&watchdog->lock);
    if (watchdog->thread == NULL)
        watchdog->thread = g_thread_new("ending", watch, watchdog);
    lock_release(&watchdog->lock);
}

void drain_watchdog_give_up(DrainWatchdog *watchdog)
{
    g_cancellable_cancel(watchdog->cancel);
}

void drain_watchdog_note_progress(DrainWatchdog *watchdog)
{
    lock_take(&watchdog->lock);
    watchdog->done++;
    lock_release(&watchdog->lock);
}

GCancellable *drain_watchdog_cancellable(const DrainWatchdog *watchdog)
{
    return watchdog->cancel;
}

void drain_watchdog_free(DrainWatchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    lock_take(&watchdog->lock);
    watchdog->over = TRUE;
    g_cond_signal(&watchdog->cond);
    lock_release(&watchdog->lock);
    if (watchdog->thread != NULL)
        g_thread_join(watchdog->thread);
    g_object_unref(watchdog->cancel);
    g_cond_clear(&watchdog->cond);
    lock_clear(&watchdog->lock);
    g_free(watchdog);
}
