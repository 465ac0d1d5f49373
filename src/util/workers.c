/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/workers.h"

typedef struct {
    WorkerFunc func;
    gpointer data;
} Task;

struct Workers {
    GThreadPool *pool;
};

static void run_task(gpointer data, gpointer unused)
{
    (void)unused;
    g_autofree Task *task = data;
    task->func(task->data);
}

Workers *workers_new(guint threads)
{
    Workers *workers = g_new0(Workers, 1);
    workers->pool = g_thread_pool_new(run_task, NULL, (gint)threads, FALSE, NULL);
    return workers;
}

void workers_free(Workers *workers)
{
    if (workers == NULL)
        return;
    g_thread_pool_free(workers->pool, FALSE, TRUE);
    g_free(workers);
}

void workers_run(Workers *workers, WorkerFunc func, gpointer data)
{
    Task task = {.func = func, .data = data};
    g_autoptr(GError) error = NULL;
    /* A thread that could not be made leaves the task queued for those that exist. */
    if (!g_thread_pool_push(workers->pool, g_memdup2(&task, sizeof task), &error))
        g_warning("no new thread for background work: %s; raise the limit of processes (ulimit -u)",
                  error->message);
}
