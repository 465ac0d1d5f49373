/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places: which streams a reader has. There are at most so many; each has its part of the file.
 */
#include "reader_private.h"

gboolean read_slots_is_needed(const Stream *stream)
{
    for (const GList *l = stream->reader->waiters.head; l != NULL; l = l->next) {
        const Waiter *waiter = l->data;
        if (!waiter->blocked && waiter->index >= stream->next && waiter->index < stream->end)
            return TRUE;
    }
    return FALSE;
}

gboolean read_slots_has_free(const Reader *reader)
{
    if (reader->streams->len < reader->shared->max_streams)
        return TRUE;
    for (guint i = 0; i < reader->streams->len; i++)
        if (!read_slots_is_needed(g_ptr_array_index(reader->streams, i)))
            return TRUE;
    return FALSE;
}

static gboolean is_over(const Stream *stream)
{
    return stream->failure != NULL || read_stream_is_done(stream);
}

/* Whether `a` would be missed less than `b`. One that has ended is on its way out anyhow. */
static gboolean is_less_useful(const Stream *a, const Stream *b)
{
    if (is_over(a) != is_over(b))
        return is_over(a);
    if (a->run == b->run)
        return a->first > b->first;
    return a->run->last_use < b->run->last_use;
}

/* Makes room for one stream: one that has ended, or the last one of the run that was of no use for
 * the longest time. */
static void drop_least_useful(Reader *reader)
{
    Stream *least = NULL;
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        if (!read_slots_is_needed(stream) && (least == NULL || is_less_useful(stream, least)))
            least = stream;
    }
    if (least != NULL)
        read_stream_drop(least);
}

/* Where a stream from `index` on meets `other`, which is not before it: at what that one has
 * brought. But when that has left the cache, at what it will bring. */
static guint64 meeting(const Reader *reader, const Stream *other, guint64 index)
{
    gboolean there = other->next == other->first ||
                     chunks_has(reader->shared->chunks, reader->ino, reader->version, other->first);
    return other->first > index && there ? other->first : other->next;
}

Stream *read_slots_start(Reader *reader, Run *run, guint64 index)
{
    if (reader->streams->len >= reader->shared->max_streams)
        drop_least_useful(reader);
    Stream *stream = g_new0(Stream, 1);
    stream->references = 1;
    stream->reader = reader_ref(reader);
    stream->run = run;
    stream->first = stream->next = index;
    stream->end = reader_chunks(reader);
    stream->stop = g_cancellable_new();
    stream->opened = g_get_monotonic_time();
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *other = g_ptr_array_index(reader->streams, i);
        if (other->run->window == 0)
            continue; /* is for a few chunks only */
        if (other->next > index)
            stream->end = MIN(stream->end, meeting(reader, other, index));
        else if (run->window > 0)
            other->end = MIN(other->end, MAX(index, other->next));
    }
    if (run->tuning.streams > 1)
        stream->end = MIN(stream->end, index + run->segment);
    run->frontier = MAX(run->frontier, stream->end);
    run->streams++;
    g_ptr_array_add(reader->streams, stream);
    return stream;
}

/* How many chunks a stream is waited for rather than another one started: those that come while
 * that would get its connection. */
static guint64 reach_of(const Stream *stream)
{
    const Tuning *tuning = &stream->run->tuning;
    if (tuning->since == 0 || tuning->setup_us == 0)
        return SEEK_AHEAD_CHUNKS;
    gdouble elapsed = (gdouble)MAX(g_get_monotonic_time() - tuning->since, 1000);
    gdouble bytes =
        (gdouble)tuning->bytes / elapsed / stream->run->streams * (gdouble)tuning->setup_us;
    return SEEK_AHEAD_CHUNKS + (guint64)(bytes / CHUNK_SIZE);
}

Stream *read_slots_find(Reader *reader, guint64 index)
{
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        if (index < stream->next || index >= stream->end)
            continue;
        /* Others ask for more at once, as the kernel's read-ahead does: that is no seek. */
        if (index < stream->run->position + RUN_SLACK_CHUNKS && stream->run->window > 0)
            return stream;
        if (index - stream->next <= reach_of(stream))
            return stream;
    }
    return NULL;
}
