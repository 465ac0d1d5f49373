/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs: how far streams work ahead of sequential reading, and how many of them do.
 */
#include "reader_private.h"

/* Runs that a reader remembers; the oldest is forgotten. */
#define RUNS_MAX 16

/* A segment is never shorter: each costs a connection. */
#define SEGMENT_MIN_CHUNKS 32

/* A segment shall take so many times as long as its connection's set-up. */
#define SEGMENT_SETUPS 12

/* What a trial of more streams has to bring. */
#define TRIAL_GAIN 1.15

/* A connection that is so fast (bytes a microsecond) and so close is limited by the processors. */
#define FAST_RATE     40.0
#define FAST_SETUP_US 20000

/* The first trial is with so many streams, each later one with twice as many. */
#define FIRST_TRIAL 4

/* From so slow a set-up on a connection needs long to get going; the others are started as soon as
 * so many chunks have been read. */
#define FAR_SETUP_US 150000
#define FAR_CHUNKS   16

/* Connecting and logging in take about so many times as long as the set-up of one transfer. */
#define LOGIN_SETUPS 4

/* Connections need so many times as long as their set-up to come to speed. */
#define WARM_SETUPS 5

#define PERIOD_MIN_US 250000
#define PERIOD_MAX_US 1500000

/* After a trial that was no gain; doubled for each one more. */
#define TRIAL_PAUSE_US (5 * G_USEC_PER_SEC)

/* What the run may have ahead of the application in the cache, in chunks: the share that is left to
 * it of what the mount has. */
static guint64 budget(const Reader *reader)
{
    ReaderShared *shared = reader->shared;
    guint64 runs = (guint64)MAX(g_atomic_int_get(&shared->runs), 1);
    return MIN(shared->ahead_max / runs, shared->readahead * 4) / CHUNK_SIZE;
}

static guint64 window_max(const Reader *reader, const Run *run)
{
    guint64 most = budget(reader);
    if (run->tuning.streams < 2)
        most = MIN(most, reader->shared->readahead / CHUNK_SIZE);
    return MAX(most, 1);
}

static void set_window(const Reader *reader, Run *run, guint64 window)
{
    if (run->window == 0 && window > 0)
        g_atomic_int_inc(&reader->shared->runs);
    run->window = MIN(window, window_max(reader, run));
}

static guint64 distance(const Run *run, guint64 index)
{
    return index > run->position ? index - run->position : run->position - index;
}

Run *read_run_find(Reader *reader, guint64 index)
{
    Run *best = NULL;
    for (guint i = 0; i < reader->runs->len; i++) {
        Run *run = g_ptr_array_index(reader->runs, i);
        if (index + RUN_SLACK_CHUNKS >= run->position &&
            index <= run->position + MAX(run->window, SEEK_AHEAD_CHUNKS) &&
            (best == NULL || distance(run, index) < distance(best, index)))
            best = run;
    }
    return best;
}

static gboolean is_needed(const Reader *reader, const Run *run)
{
    for (guint i = 0; i < reader->streams->len; i++) {
        const Stream *stream = g_ptr_array_index(reader->streams, i);
        if (stream->run == run && read_slots_is_needed(stream))
            return TRUE;
    }
    return FALSE;
}

static void forget_oldest(Reader *reader)
{
    Run *oldest = NULL;
    for (guint i = 0; i < reader->runs->len; i++) {
        Run *run = g_ptr_array_index(reader->runs, i);
        if ((oldest == NULL || run->last_use < oldest->last_use) && !is_needed(reader, run))
            oldest = run;
    }
    if (oldest != NULL)
        read_run_drop(reader, oldest);
}

Run *read_run_new(Reader *reader, guint64 index)
{
    if (reader->runs->len >= RUNS_MAX)
        forget_oldest(reader);
    Run *run = g_new0(Run, 1);
    run->first = run->position = run->dropped = index;
    run->tuning.streams = 1;
    run->last_use = g_get_monotonic_time();
    /* From a file's beginning on, reading is mostly sequential; elsewhere that has to show first.
     */
    if (index == 0)
        set_window(reader, run, FIRST_WINDOW_CHUNKS);
    g_ptr_array_add(reader->runs, run);
    return run;
}

void read_run_drop(Reader *reader, Run *run)
{
    for (guint i = reader->streams->len; i > 0; i--) {
        Stream *stream = g_ptr_array_index(reader->streams, i - 1);
        if (stream->run == run)
            read_stream_drop(stream);
    }
    if (run->window > 0)
        g_atomic_int_add(&reader->shared->runs, -1);
    g_ptr_array_remove(reader->runs, run);
    g_free(run);
}

/* How much to have ahead now that reading goes on in sequence. */
static guint64 grown(const Reader *reader, const Run *run, gboolean waited)
{
    if (run->window == 0)
        return FIRST_WINDOW_CHUNKS;
    if (run->window < STEADY_WINDOW_CHUNKS)
        return STEADY_WINDOW_CHUNKS;
    /* Also down again, when others have come to share the cache with. */
    return MIN(waited ? run->window * 2 : run->window, window_max(reader, run));
}

/* A file that is larger than the cache, read through from its beginning, would push out all else
 * and then itself before it is read again. What has been read is with the kernel too, so it makes
 * room: the daemon stays small, and reading on goes into memory that is at hand. */
static void drop_behind(const Reader *reader, Run *run)
{
    const ReaderShared *shared = reader->shared;
    if (reader->size <= shared->cache_size || run->window == 0)
        return;
    for (; run->dropped + KEPT_BEHIND_CHUNKS < run->position; run->dropped++)
        chunks_forget(shared->chunks, reader->ino, reader->version, run->dropped);
}

void read_run_advance(Reader *reader, Run *run, guint64 index, guint64 last, gboolean waited)
{
    run->last_use = g_get_monotonic_time();
    if (last >= run->position) {
        if (run->begun && index <= run->position)
            set_window(reader, run, grown(reader, run, waited));
        run->position = last + 1;
        drop_behind(reader, run);
    }
    run->begun = TRUE;
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        if (stream->run != run)
            continue;
        if (stream->remote != NULL)
            remote_stream_touch(stream->remote);
        /* What is waited for is fetched at once; ahead of that, not for every few bytes. */
        gboolean needed = stream->next < MIN(run->position, stream->end);
        read_stream_go_on(stream, needed ? 0 : MIN(run->window / 2, STEADY_WINDOW_CHUNKS / 2));
    }
    read_run_extend(reader, run);
}

/* Parts the rest of the file, which a stream has to itself so far, into segments. That stream goes
 * on alone for `alone` chunks, until the others have come to speed. */
static void begin_segments(Reader *reader, Run *run, guint64 segment, guint64 alone)
{
    run->segment = segment;
    run->frontier = run->position;
    for (guint i = 0; i < reader->streams->len; i++) {
        Stream *stream = g_ptr_array_index(reader->streams, i);
        if (stream->run != run)
            continue;
        if (run->tuning.before < 2)
            stream->end = MIN(stream->end, stream->next + alone);
        run->frontier = MAX(run->frontier, stream->end);
    }
}

void read_run_extend(Reader *reader, Run *run)
{
    while (run->streams < run->tuning.streams &&
           reader->streams->len < reader->shared->max_streams) {
        guint64 start = MAX(run->frontier, run->position);
        /* Near the end of the file one more would bring little. */
        if (run->streams == 0 || start >= run->position + run->window ||
            start + SEGMENT_MIN_CHUNKS / 2 >= reader_chunks(reader))
            return; /* without a stream, the next read starts one */
        Stream *stream = read_slots_start(reader, run, start);
        read_stream_go_on(stream, 0);
    }
}

void read_run_note_idle(Run *run)
{
    run->tuning.since = 0;
}

static void postpone_trial(Tuning *tuning)
{
    tuning->not_before = g_get_monotonic_time() + (TRIAL_PAUSE_US << MIN(tuning->failures, 6u));
    tuning->failures++;
}

void read_run_note_yield(Run *run)
{
    Tuning *tuning = &run->tuning;
    tuning->streams = MAX(tuning->streams - 1, 1);
    tuning->before = 0;
    tuning->starting = FALSE;
    postpone_trial(tuning);
}

/* Judges the trial that is on. */
static void end_trial(Tuning *tuning, gdouble rate)
{
    if (rate >= tuning->rate * TRIAL_GAIN) {
        g_debug("%u connections are faster than %u: %.1f MB/s instead of %.1f", tuning->streams,
                tuning->before, rate, tuning->rate);
        tuning->failures = 0;
    } else {
        g_debug("%u connections are no faster than %u: %.1f MB/s instead of %.1f", tuning->streams,
                tuning->before, rate, tuning->rate);
        tuning->streams = tuning->before;
        postpone_trial(tuning);
    }
    tuning->before = 0;
}

static void begin_trial(Reader *reader, Run *run, gdouble rate, gint64 now)
{
    Tuning *tuning = &run->tuning;
    gboolean fast = rate >= FAST_RATE && tuning->setup_us < FAST_SETUP_US;
    gboolean far = tuning->setup_us >= FAR_SETUP_US;
    guint streams = far ? reader->shared->max_streams
                        : MIN(MAX(tuning->streams * 2, FIRST_TRIAL), reader->shared->max_streams);
    if (fast || now < tuning->not_before || streams <= tuning->streams)
        return;
    guint64 room = budget(reader) / (streams + 1);
    gdouble in_setup = rate / tuning->streams * (gdouble)tuning->setup_us / CHUNK_SIZE;
    /* A far one is not at its speed yet. */
    guint64 worth = far ? room : (guint64)(in_setup * SEGMENT_SETUPS);
    /* At the end of the file, or with a small cache, there is nothing to gain. */
    guint64 left = reader_chunks(reader) - MIN(run->position, reader_chunks(reader));
    if (room < SEGMENT_MIN_CHUNKS || left < SEGMENT_MIN_CHUNKS * 2)
        return;
    tuning->before = tuning->streams;
    guint64 segment = CLAMP(MIN(worth, left / (streams + 1)), SEGMENT_MIN_CHUNKS, room);
    begin_segments(reader, run, segment, segment + (guint64)(in_setup * LOGIN_SETUPS));
    tuning->starting = TRUE;
    tuning->rate = rate;
    tuning->streams = streams;
    set_window(reader, run, G_MAXUINT64);
    read_run_extend(reader, run);
}

/* Whether a stream of the run has not got its first byte yet. */
static gboolean is_starting(const Reader *reader, const Run *run)
{
    for (guint i = 0; i < reader->streams->len; i++) {
        const Stream *stream = g_ptr_array_index(reader->streams, i);
        if (stream->run == run && stream->opened != 0)
            return TRUE;
    }
    return FALSE;
}

static void begin_period(Tuning *tuning, gint64 now)
{
    tuning->since = now;
    tuning->bytes = 0;
}

void read_run_tune(Reader *reader, Run *run, gsize bytes)
{
    Tuning *tuning = &run->tuning;
    gint64 now = g_get_monotonic_time();
    tuning->bytes += bytes;
    if (tuning->since == 0) {
        begin_period(tuning, now);
        return;
    }
    gint64 elapsed = now - tuning->since;
    gdouble rate = (gdouble)tuning->bytes / (gdouble)MAX(elapsed, 1);
    if (tuning->starting) {
        if (is_starting(reader, run))
            return;
        /* What came meanwhile came without the others, who are not at their speed at once. */
        tuning->rate = MAX(tuning->rate, rate);
        tuning->starting = FALSE;
        tuning->warm_at = now + WARM_SETUPS * tuning->setup_us;
    }
    if (now < tuning->warm_at) {
        begin_period(tuning, now);
        return;
    }
    gboolean far = tuning->not_before == 0 && tuning->streams == 1 &&
                   tuning->setup_us >= FAR_SETUP_US && run->position >= run->first + FAR_CHUNKS;
    if (!far && elapsed < CLAMP(3 * tuning->setup_us, PERIOD_MIN_US, PERIOD_MAX_US))
        return;
    if (tuning->before != 0)
        end_trial(tuning, rate);
    if (run->window > 0)
        begin_trial(reader, run, rate, now);
    begin_period(tuning, now);
}
