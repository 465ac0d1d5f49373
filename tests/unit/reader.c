/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Reader gives and what it asks the server for, on streams of made-up content. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader_fixture.h"

static void assert_read_fails(Bed *bed, guint64 offset, gsize length, FtpsfsErrorCode code)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GError) error = NULL;
    g_assert_false(reader_read(bed->reader, offset, length, parts, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, (gint)code);
}

static void test_sequential(void)
{
    Bed bed;
    bed_init(&bed, 20 * MIB + 12345);
    read_all(&bed, 0, bed.size, 100000);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    g_assert_cmpuint(fake_streams_bytes(), ==, bed.size);
    bed_clear(&bed);
}

static void test_again(void)
{
    Bed bed;
    bed_init(&bed, 4 * MIB);
    read_all(&bed, 0, bed.size, 65536);
    read_all(&bed, 0, bed.size, 65536);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    bed_clear(&bed);
}

static void test_larger_than_cache(void)
{
    Bed bed;
    bed_init(&bed, 40 * MIB);
    bed.shared.cache_size = 32 * MIB;
    read_all(&bed, 0, bed.size, 65536);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    g_assert_cmpuint(fake_streams_bytes(), ==, bed.size);
    /* What is kept behind; nothing is ahead at the end. */
    g_assert_cmpuint(chunks_used(bed.shared.chunks), ==, 8 * MIB);
    /* The beginning is fetched again, and right. */
    read_all(&bed, 0, MIB, 65536);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    bed_clear(&bed);
}

static void test_ends(void)
{
    Bed bed;
    bed_init(&bed, 300000);
    g_assert_cmpuint(read_at(&bed, 299999, 10), ==, 1);
    g_assert_cmpuint(read_at(&bed, 300000, 10), ==, 0);
    g_assert_cmpuint(read_at(&bed, 5000000, 10), ==, 0);
    g_assert_cmpuint(read_at(&bed, 0, 1000000), ==, 300000);
    bed_clear(&bed);
}

static void test_random(void)
{
    Bed bed;
    bed_init(&bed, 200 * MIB);
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (guint i = 0; i < 100; i++) {
        guint64 at = (guint64)g_rand_int_range(random, 0, 200 * 256) * 4096;
        g_assert_cmpuint(read_at(&bed, at, 4096), ==, 4096);
    }
    g_assert_cmpuint(fake_streams_opened(), <=, 100);
    /* Mostly a block each; chunks where one fell near another, and what is read ahead at a file's
     * beginning. */
    g_assert_cmpuint(fake_streams_bytes(), <=, 100 * CHUNK_SIZE + 8 * CHUNK_SIZE);
    bed_clear(&bed);
}

static void test_block(void)
{
    Bed bed;
    bed_init(&bed, 64 * MIB);
    read_at(&bed, 20 * MIB + 4096, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    g_assert_cmpuint(fake_streams_bytes(), ==, 8192);
    /* The rest of the block is there. */
    read_at(&bed, 20 * MIB, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    /* More of the place is wanted: the chunk. */
    read_at(&bed, 20 * MIB + 65536, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    read_at(&bed, 20 * MIB + 100000, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    /* The last bytes of the file, and what is no block. */
    read_at(&bed, 64 * MIB - 100, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 3);
    read_at(&bed, 40 * MIB + 6000, 4096);
    bed_clear(&bed);
}

static void test_block_lost(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 64 * MIB);
    settings->loses = 1;
    settings->lose_at = 0;
    read_at(&bed, 20 * MIB, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    bed_clear(&bed);
}

static void test_two_readers(void)
{
    Bed bed;
    bed_init(&bed, 60 * MIB);
    for (guint64 at = 0; at < 20 * MIB; at += 65536) {
        read_at(&bed, at, 65536);
        read_at(&bed, 30 * MIB + at, 65536);
    }
    /* The second one is found to be sequential at its second chunk only. */
    g_assert_cmpuint(fake_streams_opened(), <=, 4);
    bed_clear(&bed);
}

typedef struct {
    Bed *bed;
    guint first, of;
} Job;

static gpointer read_every_nth(gpointer data)
{
    const Job *job = data;
    for (guint64 at = job->first * 32768; at < job->bed->size; at += job->of * 32768)
        g_assert_cmpuint(read_at(job->bed, at, 32768), ==, 32768);
    return NULL;
}

static void run_threads(Bed *bed, guint count, GThreadFunc func)
{
    Job jobs[8];
    GThread *threads[8];
    for (guint i = 0; i < count; i++) {
        jobs[i] = (Job){bed, i, count};
        threads[i] = g_thread_new("reader", func, &jobs[i]);
    }
    for (guint i = 0; i < count; i++)
        g_thread_join(threads[i]);
}

static void test_threads(void)
{
    Bed bed;
    bed_init(&bed, 24 * MIB);
    run_threads(&bed, 8, read_every_nth);
    /* One more while a stream that was given up is still being let go; the pool bounds that. */
    g_assert_cmpuint(fake_streams_most_open(), <=, bed.shared.max_streams + 1);
    bed_clear(&bed);
}

/* Places that no two of the jobs have in common. */
static gpointer read_apart(gpointer data)
{
    const Job *job = data;
    for (guint64 i = 0; i < 8; i++) {
        guint64 offset = (job->first * 7 + i * 5) * MIB % job->bed->size;
        g_assert_cmpuint(read_at(job->bed, offset, 100000), ==, 100000);
    }
    return NULL;
}

static void test_apart(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 56 * MIB);
    settings->delay_us = 2000;
    bed.shared.max_streams = 1;
    run_threads(&bed, 8, read_apart);
    /* Nobody's was taken away before it had brought what it was for. */
    g_assert_cmpuint(fake_streams_opened(), <=, 8 * 8);
    g_assert_cmpuint(fake_streams_most_open(), <=, 2); /* one may be letting go */
    bed_clear(&bed);
}

static void test_lost(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    settings->lose_at = MIB + 50000;
    settings->loses = 1;
    read_all(&bed, 0, bed.size, 65536);
    g_autoptr(GArray) offsets = fake_streams_offsets();
    g_assert_cmpuint(offsets->len, ==, 2);
    /* Goes on where it was lost. */
    g_assert_cmpuint(g_array_index(offsets, guint64, 1), >=, MIB + 50000);
    g_assert_cmpuint(fake_streams_bytes(), ==, bed.size);
    bed_clear(&bed);
}

static void test_lost_for_good(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    settings->refuse = 2;
    assert_read_fails(&bed, 0, 4096, FTPSFS_ERROR_LOST);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    /* The next read tries again. */
    g_assert_cmpuint(read_at(&bed, 0, 4096), ==, 4096);
    bed_clear(&bed);
}

static void test_shorter(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    settings->size = 2 * MIB;
    read_all(&bed, 0, 2 * MIB, 65536);
    assert_read_fails(&bed, 2 * MIB, 4096, FTPSFS_ERROR_STALE);
    bed_clear(&bed);
}

static void test_longer(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    settings->size = 5 * MIB;
    read_all(&bed, 0, 3 * MIB, 65536);
    g_assert_cmpuint(read_at(&bed, 3 * MIB, 4096), ==, 0);
    bed_clear(&bed);
}

static void test_close(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    settings->pause_at = 20000;
    read_at(&bed, 0, 4096);
    fake_streams_wait_paused(1);
    /* Returns though the server sends nothing; bed_clear would wait for ever. */
    bed_clear(&bed);
}

static void test_reset(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    read_at(&bed, 0, 4096);
    settings->size = MIB;
    bed.size = MIB;
    reader_reset(bed.reader, fixture_info(bed.node).version + 1, MIB);
    read_all(&bed, 0, MIB, 65536);
    g_assert_cmpuint(fake_streams_opened(), ==, 2);
    bed_clear(&bed);
}

static gpointer cancel_when_paused(gpointer data)
{
    fake_streams_wait_paused(1);
    g_cancellable_cancel(data);
    return NULL;
}

static void test_interrupted(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 3 * MIB);
    settings->pause_at = 0;
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    GThread *thread = g_thread_new("canceller", cancel_when_paused, cancel);
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GError) error = NULL;
    g_assert_false(reader_read(bed.reader, 0, 4096, parts, cancel, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_thread_join(thread);
    /* The stream was not the reader's alone and goes on. */
    fake_streams_go_on();
    g_assert_cmpuint(read_at(&bed, 0, 4096), ==, 4096);
    g_assert_cmpuint(fake_streams_opened(), ==, 1);
    bed_clear(&bed);
}

static void test_yield_paused(void)
{
    Bed bed;
    bed_init(&bed, 30 * MIB);
    read_all(&bed, 0, MIB, 65536);
    /* Its window is full, so no worker is in it, and still it lets go. */
    while (fake_streams_open_now() > 0) {
        fake_streams_yield();
        g_usleep(1000);
    }
    read_all(&bed, MIB, 4 * MIB, 65536);
    g_assert_cmpuint(fake_streams_opened(), >=, 2);
    g_assert_cmpuint(fake_streams_bytes(), <, 16 * MIB);
    bed_clear(&bed);
}

static void test_yield_running(void)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 4 * MIB);
    settings->pause_at = 200000;
    read_at(&bed, 0, 65536);
    fake_streams_wait_paused(1);
    fake_streams_yield();
    fake_streams_go_on();
    read_all(&bed, 65536, 4 * MIB, 65536);
    g_assert_cmpuint(fake_streams_bytes(), <=, 4 * MIB);
    bed_clear(&bed);
}

static void test_memory(void)
{
    Bed bed;
    bed_init(&bed, 400 * MIB);
    for (guint64 at = 0; at < 100 * MIB; at += 512 * 1024) {
        read_at(&bed, at, 512 * 1024);
        g_assert_cmpuint(chunks_used(bed.shared.chunks), <=, 64 * MIB);
        /* What is read ahead stays within the window. */
        g_assert_cmpuint(fake_streams_bytes(), <=, at + MIB + bed.shared.ahead_max);
    }
    bed_clear(&bed);
}

static void test_segments(gconstpointer ranges)
{
    Bed bed;
    FakeStreams *settings = bed_init(&bed, 64 * MIB);
    bed.shared.ahead_max = 24 * MIB;
    settings->ranges = ranges != NULL;
    settings->piece = 65536;
    settings->delay_us = 10000; /* each connection gives 6.5 MB/s at most */
    read_all(&bed, 0, bed.size, 131072);
    g_assert_cmpuint(fake_streams_most_open(), >, 1);
    /* One more while a stream that was given up is still being let go; the pool bounds that. */
    g_assert_cmpuint(fake_streams_most_open(), <=, bed.shared.max_streams + 1);
    /* No part is fetched twice, but for what is under way when a stream is cut off. */
    g_assert_cmpuint(fake_streams_bytes(), <=, bed.size + 8 * CHUNK_SIZE);
    bed_clear(&bed);
}

static void test_disk(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("ftpsfs-test-XXXXXX", &error);
    g_assert_no_error(error);
    IdentityFacts facts = {.host = "server", .port = 990, .user = "me"};
    g_autoptr(Identity) identity = identity_new(&facts);
    for (guint mount = 0; mount < 2; mount++) {
        Bed bed;
        bed_init(&bed, 2 * MIB + 1000);
        reader_close(bed.reader);
        bed.shared.disk = disk_new(dir, 100 * MIB, &error);
        g_assert_no_error(error);
        disk_set_source(bed.shared.disk, identity);
        bed.reader = reader_new(&bed.shared, bed.node, fixture_info(bed.node).version, bed.size);
        read_all(&bed, 0, bed.size, 65536);
        g_assert_cmpuint(fake_streams_opened(), ==, mount == 0 ? 1 : 0);
        bed_clear(&bed);
    }
    g_autofree char *below = g_build_filename(dir, "ftpsfs-content-1", NULL);
    GDir *files = g_dir_open(below, 0, NULL);
    for (const char *name; (name = g_dir_read_name(files)) != NULL;) {
        g_autofree char *path = g_build_filename(below, name, NULL);
        g_remove(path);
    }
    g_dir_close(files);
    g_rmdir(below);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reader/sequential reading is one stream", test_sequential);
    g_test_add_func("/reader/reading again costs nothing", test_again);
    g_test_add_func("/reader/a file larger than the cache leaves it behind the reader",
                    test_larger_than_cache);
    g_test_add_func("/reader/reads are cut at the end of the file", test_ends);
    g_test_add_func("/reader/random reads fetch the chunks they touch", test_random);
    g_test_add_func("/reader/a lone small read fetches a block", test_block);
    g_test_add_func("/reader/a block that is lost on the way comes as a stream", test_block_lost);
    g_test_add_func("/reader/two readers of one file have a stream each", test_two_readers);
    g_test_add_func("/reader/threads may read in any order", test_threads);
    g_test_add_func("/reader/those who read far apart take turns on one connection", test_apart);
    g_test_add_func("/reader/a lost connection is resumed where it was lost", test_lost);
    g_test_add_func("/reader/a connection lost twice is an error, once", test_lost_for_good);
    g_test_add_func("/reader/a file that is shorter than known is an error", test_shorter);
    g_test_add_func("/reader/a file that is longer than known ends where it was known to",
                    test_longer);
    g_test_add_func("/reader/closing does not wait for the server", test_close);
    g_test_add_func("/reader/a new version is read anew", test_reset);
    g_test_add_func("/reader/an interrupted read leaves the stream alone", test_interrupted);
    g_test_add_func("/reader/a paused stream gives its connection up", test_yield_paused);
    g_test_add_func("/reader/a running stream gives its connection up and resumes",
                    test_yield_running);
    g_test_add_func("/reader/memory is bounded", test_memory);
    g_test_add_data_func("/reader/slow connections are joined by others", NULL, test_segments);
    g_test_add_data_func("/reader/segments end in order where the server has ranges", "ranges",
                         test_segments);
    g_test_add_func("/reader/the cache on disk serves the next mount", test_disk);
    return g_test_run();
}
