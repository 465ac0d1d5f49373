/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"

struct Progress {
    Control *control;
    GThread *thread;
    Lock lock;
    GCond cond;
    gboolean over;
};

void progress_bar_draw(Bar *bar, const Records *status)
{
    StatusStyle style = status_style(STDERR_FILENO);
    g_autofree char *line = status_upload_line(status, &style, &bar->work);
    if (line == NULL || g_strcmp0(line, bar->shown) == 0)
        return;
    /* What else is said then begins where the bar does. */
    fprintf(stderr, style.terminal ? "%s\033[K\r" : "%s\n", line);
    fflush(stderr);
    g_free(bar->shown);
    bar->shown = g_steal_pointer(&line);
}

void progress_bar_clear(Bar *bar)
{
    if (bar->shown != NULL && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    g_clear_pointer(&bar->shown, g_free);
}

static void draw(Progress *progress, Bar *bar)
{
    g_autoptr(Records) status = records_new();
    control_report(progress->control, status);
    if (bar->shown == NULL && records_count(status, "upload") > 0)
        fputs("\nftpsfs: sending what is left; another ^C keeps it on this machine\n", stderr);
    progress_bar_draw(bar, status);
}

static gpointer run(gpointer data)
{
    Progress *progress = data;
    g_auto(Bar) bar = {0};
    lock_take(&progress->lock);
    while (!progress->over) {
        lock_release(&progress->lock);
        draw(progress, &bar);
        lock_take(&progress->lock);
        gint64 deadline = g_get_monotonic_time() + PROGRESS_MS * G_TIME_SPAN_MILLISECOND;
        while (!progress->over && lock_wait_until(&progress->cond, &progress->lock, deadline))
            continue;
    }
    lock_release(&progress->lock);
    return NULL;
}

Progress *progress_start(Control *control)
{
    if (control == NULL || !isatty(STDERR_FILENO))
        return NULL;
    Progress *progress = g_new0(Progress, 1);
    progress->control = control;
    lock_init(&progress->lock, LOCK_RANK_PROGRESS);
    g_cond_init(&progress->cond);
    progress->thread = g_thread_new("progress", run, progress);
    return progress;
}

void progress_stop(Progress *progress)
{
    if (progress == NULL)
        return;
    lock_take(&progress->lock);
    progress->over = TRUE;
    g_cond_signal(&progress->cond);
    lock_release(&progress->lock);
    g_thread_join(progress->thread);
    g_cond_clear(&progress->cond);
    lock_clear(&progress->lock);
    g_free(progress);
}
