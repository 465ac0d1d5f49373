/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drain_watchdog.h"

#include "ftpsfs/util/wait.h"

/* Timeouts without progress: one for what is under way, one for its second try. */
#define PATIENCE_TIMEOUTS 2

struct Ending {
    const Stats *stats;
    guint timeout_s;
    GCancellable *cancel;
    GMutex lock; /* guards what follows */
    GCond cond;  /* over */
    GThread *thread;
    guint64 done;
    gboolean over;
};

Ending *ending_new(const Stats *stats, guint timeout_s)
{
    Ending *ending = g_new0(Ending, 1);
    ending->stats = stats;
    ending->timeout_s = timeout_s;
    ending->cancel = g_cancellable_new();
    g_mutex_init(&ending->lock);
    g_cond_init(&ending->cond);
    return ending;
}

static guint64 progress(const Ending *ending)
{
    return ending->done + (guint64)STATS_GET(ending->stats, bytes_out);
}

static gpointer watch(gpointer data)
{
    Ending *ending = data;
    g_mutex_lock(&ending->lock);
    guint64 before = progress(ending);
    gint64 deadline = deadline_in(PATIENCE_TIMEOUTS * ending->timeout_s);
    while (!ending->over) {
        if (wait_cond(&ending->cond, &ending->lock, deadline))
            continue;
        guint64 now = progress(ending);
        if (now == before)
            break;
        before = now;
        deadline = deadline_in(PATIENCE_TIMEOUTS * ending->timeout_s);
    }
    gboolean over = ending->over;
    g_mutex_unlock(&ending->lock);
    if (!over) {
        g_message("the server takes nothing any more; the unmount does not wait for it longer");
        g_cancellable_cancel(ending->cancel);
    }
    return NULL;
}

void ending_begin(Ending *ending)
{
    g_mutex_lock(&ending->lock);
    if (ending->thread == NULL)
        ending->thread = g_thread_new("ending", watch, ending);
    g_mutex_unlock(&ending->lock);
}

void ending_give_up(Ending *ending)
{
    g_cancellable_cancel(ending->cancel);
}

void ending_note_progress(Ending *ending)
{
    g_mutex_lock(&ending->lock);
    ending->done++;
    g_mutex_unlock(&ending->lock);
}

GCancellable *ending_cancellable(const Ending *ending)
{
    return ending->cancel;
}

void ending_free(Ending *ending)
{
    if (ending == NULL)
        return;
    g_mutex_lock(&ending->lock);
    ending->over = TRUE;
    g_cond_signal(&ending->cond);
    g_mutex_unlock(&ending->lock);
    if (ending->thread != NULL)
        g_thread_join(ending->thread);
    g_object_unref(ending->cancel);
    g_cond_clear(&ending->cond);
    g_mutex_clear(&ending->lock);
    g_free(ending);
}
