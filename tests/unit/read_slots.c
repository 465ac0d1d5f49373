/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which streams a Reader gives up when it may have no more, and which part of the file each has. */
#include "reader_fixture.h"

#define STEP 65536

/* Reads two chunks in sequence: from the second one on, a stream goes on. */
static void begin_run(Bed *bed, guint64 at)
{
    read_all(bed, at, at + 2 * CHUNK_SIZE, STEP);
}

/* Where the stream of begin_run began that goes on. */
static guint64 stream_of(guint64 at)
{
    return at == 0 ? 0 : at + CHUNK_SIZE;
}

static void assert_open(guint64 at, gboolean open)
{
    g_assert_cmpint(fake_streams_is_open(stream_of(at)), ==, open);
}

static void test_longest_unused(void)
{
    Bed bed;
    bed_init(&bed, 200 * MIB);
    bed.shared.max_streams = 3;
    for (guint64 i = 0; i < 3; i++)
        begin_run(&bed, i * 40 * MIB);
    fake_streams_wait_open(3);
    /* The one that began first is not the one that was of no use for the longest time. */
    read_at(&bed, 2 * CHUNK_SIZE, STEP);
    begin_run(&bed, 120 * MIB);
    fake_streams_wait_open(3);
    assert_open(0, TRUE);
    assert_open(40 * MIB, FALSE);
    assert_open(80 * MIB, TRUE);
    assert_open(120 * MIB, TRUE);
    /* Those that are left go on where they are. */
    guint before = fake_streams_opened();
    read_all(&bed, 80 * MIB + 2 * CHUNK_SIZE, 90 * MIB, STEP);
    read_all(&bed, 2 * CHUNK_SIZE, 10 * MIB, STEP);
    g_assert_cmpuint(fake_streams_opened(), ==, before);
    bed_clear(&bed);
}

static void test_last_segment(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 128 * MIB);
    bed.shared.ahead_max = 24 * MIB;
    settings->piece = 65536;
    settings->delay_us = 10000;
    const guint64 start = 16 * MIB;
    for (guint64 at = start; fake_streams_open_now() < bed.shared.max_streams; at += STEP)
        g_assert_cmpuint(read_at(&bed, at, STEP), ==, STEP);
    fake_streams_pause(start);
    fake_streams_wait_open(bed.shared.max_streams);
    guint64 last = fake_streams_last_open();
    read_at(&bed, MIB, STEP);
    /* What was read ends by itself. */
    fake_streams_wait_open(bed.shared.max_streams - 1);
    g_assert_cmpuint(fake_streams_last_open(), <, last);
    g_assert_false(fake_streams_is_open(MIB));
    bed_clear(&bed);
}

/* A stream for one read, whose 226 is late, is in nobody's way. */
static void test_ended(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 200 * MIB);
    bed.shared.max_streams = 2;
    settings->ranges = TRUE;
    settings->pause_at = 120 * MIB + CHUNK_SIZE;
    begin_run(&bed, 0);
    read_at(&bed, 120 * MIB, CHUNK_SIZE);
    fake_streams_wait_paused(1);
    fake_streams_wait_open(2);
    /* A slot is needed: that of the one which was of use last. */
    read_at(&bed, 60 * MIB, CHUNK_SIZE);
    fake_streams_wait_open(1);
    assert_open(0, TRUE);
    guint before = fake_streams_opened();
    read_all(&bed, 2 * CHUNK_SIZE, 8 * MIB, STEP);
    g_assert_cmpuint(fake_streams_opened(), ==, before);
    bed_clear(&bed);
}

/* Reads the first `first` bytes, which leave the cache, and then `second`. The first stream is
 * still there all the while: it waits for the server, a little further on or for the 226. */
static void read_twice(guint64 first, guint64 second, guint64 capacity, guint64 cache_size)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 40 * MIB);
    chunks_free(bed.shared.chunks);
    bed.shared.chunks = chunks_new(capacity);
    bed.shared.cache_size = cache_size;
    /* So near that the stream cannot have stopped at its window before. */
    settings->pause_at = MIN(first + MIB / 2, bed.size);
    read_all(&bed, 0, first, STEP);
    fake_streams_wait_paused(1);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    read_all(&bed, 0, MIN(first, second), STEP);
    fake_streams_go_on();
    read_all(&bed, MIN(first, second), second, STEP);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    g_assert_cmpuint(fake_streams_bytes(), <=, 2 * bed.size);
    bed_clear(&bed);
}

static void test_again_whole(void)
{
    read_twice(40 * MIB, 40 * MIB, 64 * MIB, 32 * MIB);
}

static void test_again_part(void)
{
    read_twice(24 * MIB, 40 * MIB, 64 * MIB, 32 * MIB);
    read_twice(24 * MIB, 20 * MIB, 64 * MIB, 32 * MIB);
}

/* Others have pushed its chunks out. */
static void test_again_pushed_out(void)
{
    read_twice(40 * MIB, 40 * MIB, 20 * MIB, 64 * MIB);
    read_twice(24 * MIB, 40 * MIB, 20 * MIB, 64 * MIB);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reader/slots/the run that was of no use for the longest time gives up one",
                    test_longest_unused);
    g_test_add_func("/reader/slots/of a run with several streams the last one is given up",
                    test_last_segment);
    g_test_add_func("/reader/slots/a stream that has ended gives its slot up before all others",
                    test_ended);
    g_test_add_func("/reader/slots/a file larger than the cache is one stream when read again",
                    test_again_whole);
    g_test_add_func("/reader/slots/what was read of a larger file is one stream when read again",
                    test_again_part);
    g_test_add_func("/reader/slots/what was pushed out of the cache is one stream when read again",
                    test_again_pushed_out);
    return g_test_run();
}
