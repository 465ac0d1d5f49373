/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is fetched ahead: the jobs, the workers on them, and the account of what was of use. */
#include "fetch.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "prefetch_private.h"

/* What may be fetched in vain before anything was of use. */
#define BYTES_IN_VAIN        (8 * 1024 * 1024)
#define BYTES_FORGIVEN_PER_S (64 * 1024)
#define LIST_COST            100 /* so that a fifth of one can be counted */
#define LISTS_FORGIVEN_PER_S (LIST_COST / 2)
#define READY_MAX            256 /* jobs that wait for their use; the oldest are given up */

/* ---- the account ---- */

static gboolean budget_take(Budget *budget, gint64 amount)
{
    gint64 now = g_get_monotonic_time();
    gint64 gift = (now - budget->since) / G_USEC_PER_SEC * budget->per_second;
    if (gift > 0) {
        budget->credit = MIN(budget->credit + gift, budget->max);
        budget->since = now;
    }
    if (budget->credit < amount)
        return FALSE;
    budget->credit -= amount;
    return TRUE;
}

static void budget_return(Budget *budget, gint64 amount)
{
    budget->credit = MIN(budget->credit + amount, budget->max);
}

static gboolean is_dir(const Job *job)
{
    return job->info.type == REMOTE_TYPE_DIR;
}

static Budget *budget_of(const Job *job)
{
    return is_dir(job) ? &job->prefetch->lists : &job->prefetch->bytes;
}

static gint64 cost_of(const Job *job)
{
    return is_dir(job) ? LIST_COST : (gint64)job->info.size;
}

/* ---- jobs ---- */

static void job_unref(Job *job)
{
    if (--job->references > 0)
        return;
    if (job->series != NULL)
        prefetch_series_unref(job->series);
    node_unref(job->node);
    g_free(job);
}

/* Takes the job out of the table and of its list; one that runs goes on. */
static void give_up(Job *job)
{
    Prefetch *prefetch = job->prefetch;
    if (job->given_up)
        return;
    job->given_up = TRUE;
    if (job->state == JOB_QUEUED)
        g_queue_unlink(&prefetch->queue, &job->link);
    else if (job->state == JOB_READY)
        g_queue_unlink(&prefetch->ready, &job->link);
    g_hash_table_remove(prefetch->jobs, job->node);
    job_unref(job);
}

/* One that has not begun costs nothing. */
static void cancel_queued(Job *job)
{
    budget_return(budget_of(job), cost_of(job));
    if (job->series != NULL)
        job->series->fetched--;
    give_up(job);
}

static void count_wasted(const Job *job)
{
    if (is_dir(job))
        STATS_ADD(job->prefetch->with.stats, lists_wasted, 1);
    else
        STATS_ADD(job->prefetch->with.stats, prefetch_wasted_bytes, job->fetched);
}

static void waste(Job *job)
{
    count_wasted(job);
    give_up(job);
}

static void note_used(Job *job)
{
    if (job->used)
        return;
    job->used = TRUE;
    budget_return(budget_of(job), cost_of(job) + cost_of(job) / 5);
    if (job->series != NULL)
        job->series->used++;
}

/* Whether what was fetched is still there. */
static gboolean is_still_valid(const Job *job)
{
    const PrefetchOptions *with = &job->prefetch->with;
    if (is_dir(job))
        return tree_listed_until(with->tree, job->node) == job->listed_until;
    return chunks_has(with->chunks, job->info.ino, job->info.version, 0);
}

void prefetch_finish_dir(Prefetch *prefetch, Node *node)
{
    Job *job = g_hash_table_lookup(prefetch->jobs, node);
    if (job == NULL)
        return;
    if (job->state == JOB_QUEUED) {
        prefetch->behind = FALSE;
        cancel_queued(job);
    } else if (job->state == JOB_RUNNING) {
        note_used(job);
    } else if (is_still_valid(job)) {
        note_used(job);
        give_up(job);
    } else {
        waste(job);
    }
}

/* ---- the work ---- */

/* Puts a whole chunk where readers look for it. */
static void publish(Job *job, guint64 index, GBytes *chunk, gboolean from_server)
{
    Prefetch *prefetch = job->prefetch;
    NodeInfo now;
    node_info(job->node, &now);
    if (now.version == job->info.version)
        chunks_put(prefetch->with.chunks, job->info.ino, job->info.version, index, chunk);
    if (from_server)
        STATS_ADD(prefetch->with.stats, prefetched_bytes, g_bytes_get_size(chunk));
    lock_take(&prefetch->lock);
    job->fetched += g_bytes_get_size(chunk);
    g_cond_broadcast(&prefetch->changed);
    lock_release(&prefetch->lock);
}

static gsize chunk_length(const Job *job, guint64 index)
{
    return (gsize)MIN((guint64)CHUNK_SIZE, job->info.size - index * CHUNK_SIZE);
}

/* Takes the whole file from the cache on disk. FALSE when it is not all there. */
static gboolean load_file(Job *job, const DiskKey *key)
{
    g_autoptr(GPtrArray) chunks = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (guint64 index = 0; index * CHUNK_SIZE < job->info.size; index++) {
        GBytes *chunk = disk_get(job->prefetch->with.disk, key, index, chunk_length(job, index));
        if (chunk == NULL)
            return FALSE;
        g_ptr_array_add(chunks, chunk);
    }
    for (guint index = 0; index < chunks->len; index++)
        publish(job, index, g_ptr_array_index(chunks, index), FALSE);
    return TRUE;
}

/* `key`: for the cache on disk, or NULL. */
static gboolean fetch_chunk(Job *job, RemoteStream *stream, guint64 index, const DiskKey *key,
                            GError **error)
{
    g_autoptr(GBytes) chunk =
        fetch_bytes(stream, chunk_length(job, index), job->prefetch->stop, error);
    if (chunk == NULL)
        return FALSE;
    publish(job, index, chunk, TRUE);
    if (key != NULL)
        disk_put(job->prefetch->with.disk, key, index, chunk);
    return TRUE;
}

static gboolean fetch_file(Job *job, GError **error)
{
    const PrefetchOptions *with = &job->prefetch->with;
    g_autofree char *path = node_path(job->node);
    if (path == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_STALE, "the file is gone from the server");
        return FALSE;
    }
    DiskKey key;
    gboolean on_disk = with->disk != NULL && disk_identify(with->disk, with->remote, path,
                                                           &job->info, job->prefetch->stop, &key);
    if (on_disk && load_file(job, &key))
        return TRUE;
    g_autoptr(RemoteStream) stream =
        remote_stream_open(with->remote, path, 0, job->info.size, job->prefetch->stop, error);
    if (stream == NULL)
        return FALSE;
    for (guint64 index = 0; index * CHUNK_SIZE < job->info.size; index++)
        if (!fetch_chunk(job, stream, index, on_disk ? &key : NULL, error))
            return FALSE;
    /* The server's 226, so that the control connection is of use at once. */
    guint8 more[16];
    g_autoptr(GError) failure = NULL;
    if (remote_stream_read(stream, more, sizeof more, job->prefetch->stop, &failure) < 0)
        g_debug("after the last byte: %s", failure->message);
    return TRUE;
}

static gboolean list_dir(Job *job, GError **error)
{
    Tree *tree = job->prefetch->with.tree;
    g_autoptr(GPtrArray) children = tree_list(tree, job->node, job->prefetch->stop, error);
    if (children == NULL)
        return FALSE;
    job->listed_until = tree_listed_until(tree, job->node);
    STATS_ADD(job->prefetch->with.stats, lists_prefetched, 1);
    return TRUE;
}

static void run_job(gpointer data);

static void start_jobs(Prefetch *prefetch)
{
    /* One connection is the foreground's. While that lives on what is fetched ahead it has no use
     * for it. */
    guint limit = prefetch->limit + (prefetch->awaited > 0 || prefetch->behind ? 1 : 0);
    while (prefetch->running < limit && prefetch->queue.head != NULL) {
        Job *job = prefetch->queue.head->data;
        g_queue_unlink(&prefetch->queue, &job->link);
        job->state = JOB_RUNNING;
        job->references++;
        prefetch->running++;
        workers_run(prefetch->with.workers, run_job, job);
    }
}

static void note_awaited(Job *job)
{
    if (job->awaited)
        return;
    job->awaited = TRUE;
    job->prefetch->awaited++;
    job->prefetch->behind = TRUE;
    start_jobs(job->prefetch);
}

void prefetch_take_over(Prefetch *prefetch, Node *node)
{
    Job *job = g_hash_table_lookup(prefetch->jobs, node);
    if (job != NULL && job->state == JOB_QUEUED)
        cancel_queued(job);
    else if (job != NULL && job->state == JOB_RUNNING)
        note_awaited(job);
}

/* What becomes of a job that has run. */
static void end_job(Job *job, gboolean ok)
{
    Prefetch *prefetch = job->prefetch;
    if (!ok && !job->used) {
        /* What was not fetched was not fetched in vain. */
        budget_return(budget_of(job), cost_of(job) - (gint64)job->fetched);
        STATS_ADD(prefetch->with.stats, prefetch_wasted_bytes, job->fetched);
        give_up(job);
        job->state = JOB_READY;
        return;
    }
    if (job->given_up && !job->used)
        count_wasted(job);
    if (job->used)
        give_up(job);
    job->state = JOB_READY;
    if (job->given_up)
        return;
    g_queue_push_tail_link(&prefetch->ready, &job->link);
    if (prefetch->ready.length > READY_MAX)
        waste(prefetch->ready.head->data);
}

static void run_job(gpointer data)
{
    Job *job = data;
    Prefetch *prefetch = job->prefetch;
    g_autoptr(GError) failure = NULL;
    gboolean ok = is_dir(job) ? list_dir(job, &failure) : fetch_file(job, &failure);
    if (!ok)
        g_debug("not fetched ahead: %s", failure->message);
    lock_take(&prefetch->lock);
    prefetch->running--;
    if (job->awaited)
        prefetch->awaited--;
    end_job(job, ok);
    if (ok && is_dir(job))
        prefetch_go_on(prefetch);
    start_jobs(prefetch);
    g_cond_broadcast(&prefetch->changed);
    job_unref(job);
    lock_release(&prefetch->lock);
}

gboolean prefetch_has_job(const Prefetch *prefetch, Node *node)
{
    return g_hash_table_contains(prefetch->jobs, node);
}

static gboolean add_job(Prefetch *prefetch, Node *node, const NodeInfo *info, Series *series)
{
    Job probe = {.prefetch = prefetch, .info = *info};
    if (prefetch->stopping || !budget_take(budget_of(&probe), cost_of(&probe)))
        return FALSE;
    Job *job = g_new0(Job, 1);
    job->references = 1;
    job->prefetch = prefetch;
    job->node = node_ref(node);
    job->info = *info;
    job->link.data = job;
    if (series != NULL) {
        series->references++;
        series->fetched++;
        job->series = series;
    }
    g_hash_table_insert(prefetch->jobs, node, job);
    g_queue_push_tail_link(&prefetch->queue, &job->link);
    start_jobs(prefetch);
    return TRUE;
}

gboolean prefetch_file(Prefetch *prefetch, Node *node, const NodeInfo *info, Series *series)
{
    return add_job(prefetch, node, info, series);
}

gboolean prefetch_dir(Prefetch *prefetch, Node *dir)
{
    NodeInfo info = {.type = REMOTE_TYPE_DIR};
    return add_job(prefetch, dir, &info, NULL);
}

/* ---- readers ---- */

/* Waits until the job has fetched up to `end`, or has ended. Lock held; dropped meanwhile. */
static void wait_for(Job *job, guint64 end, GCancellable *cancel)
{
    Prefetch *prefetch = job->prefetch;
    Wait wait;
    job->references++;
    note_awaited(job);
    wait_begin_locked(&wait, &prefetch->changed, &prefetch->lock, cancel);
    while (job->state == JOB_RUNNING && job->fetched < MIN(end, job->info.size) &&
           wait_step(&wait, WAIT_FOREVER, "a file that is fetched ahead", NULL))
        continue;
    wait_end_locked(&wait);
    job_unref(job);
}

void prefetch_await(Prefetch *prefetch, Node *node, guint64 version, guint64 end,
                    GCancellable *cancel)
{
    if (prefetch == NULL)
        return;
    lock_take(&prefetch->lock);
    Job *job = g_hash_table_lookup(prefetch->jobs, node);
    if (job != NULL && job->info.version != version) {
        /* The file has another content by now. */
        if (job->state == JOB_QUEUED)
            cancel_queued(job);
        else if (job->state == JOB_READY)
            waste(job);
        else
            give_up(job);
    } else if (job != NULL) {
        gboolean running = job->state == JOB_RUNNING;
        prefetch_finish_dir(prefetch, node);
        if (running)
            wait_for(job, end, cancel);
    }
    lock_release(&prefetch->lock);
}

/* ---- the whole ---- */

Prefetch *prefetch_new(const PrefetchOptions *options)
{
    if (options->connections < 2)
        return NULL;
    Prefetch *prefetch = g_new0(Prefetch, 1);
    prefetch->with = *options;
    prefetch->limit = options->connections - 1;
    prefetch->window_max = 2 * options->connections;
    prefetch->stop = g_cancellable_new();
    lock_init(&prefetch->lock, LOCK_RANK_PREFETCH);
    g_cond_init(&prefetch->changed);
    prefetch->jobs = g_hash_table_new(NULL, NULL);
    gint64 now = g_get_monotonic_time();
    gint64 bytes = (gint64)MIN((guint64)BYTES_IN_VAIN, options->cache_size / 4);
    gint64 lists = (gint64)prefetch->window_max * 2 * LIST_COST;
    prefetch->bytes = (Budget){bytes, bytes, BYTES_FORGIVEN_PER_S, now};
    prefetch->lists = (Budget){lists, lists, LISTS_FORGIVEN_PER_S, now};
    return prefetch;
}

void prefetch_stop(Prefetch *prefetch)
{
    if (prefetch == NULL)
        return;
    lock_take(&prefetch->lock);
    prefetch->stopping = TRUE;
    while (prefetch->queue.head != NULL)
        cancel_queued(prefetch->queue.head->data);
    lock_release(&prefetch->lock);
    g_cancellable_cancel(prefetch->stop);
}

void prefetch_free(Prefetch *prefetch)
{
    if (prefetch == NULL)
        return;
    while (prefetch->ready.head != NULL)
        waste(prefetch->ready.head->data);
    for (Series *series; (series = g_queue_pop_head(&prefetch->series)) != NULL;)
        prefetch_series_unref(series);
    for (Walk *walk; (walk = g_queue_pop_head(&prefetch->walks)) != NULL;)
        prefetch_walk_free(walk);
    g_hash_table_unref(prefetch->jobs);
    g_object_unref(prefetch->stop);
    g_cond_clear(&prefetch->changed);
    lock_clear(&prefetch->lock);
    g_free(prefetch);
}
