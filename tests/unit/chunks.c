/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/read/chunks.h"

#include <string.h>

static GBytes *filled(gsize size, guint8 byte)
{
    guint8 *data = g_malloc(size + 1);
    memset(data, byte, size + 1);
    return g_bytes_new_take(data, size);
}

static void put(ChunkCache *cache, guint64 node, guint64 version, guint64 index, gsize size)
{
    g_autoptr(GBytes) bytes = filled(size, (guint8)index);
    chunks_put(cache, node, version, index, bytes);
}

static void touch(ChunkCache *cache, guint64 node, guint64 version, guint64 index)
{
    g_autoptr(GBytes) bytes = chunks_get(cache, node, version, index);
    g_assert_nonnull(bytes);
}

static void a_chunk_comes_back_as_the_same_bytes(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(4 * CHUNK_SIZE);
    g_autoptr(GBytes) bytes = filled(1000, 7);
    chunks_put(cache, 1, 2, 3, bytes);
    g_autoptr(GBytes) found = chunks_get(cache, 1, 2, 3);
    g_assert_true(found == bytes); /* no copy */
    g_assert_null(chunks_get(cache, 9, 2, 3));
    g_assert_null(chunks_get(cache, 1, 9, 3));
    g_assert_null(chunks_get(cache, 1, 2, 9));
    g_assert_false(chunks_has(cache, 1, 2, 9));
    g_assert_cmpuint(chunks_used(cache), ==, 1000);
}

static void the_least_recently_used_goes_first(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(3 * CHUNK_SIZE);
    for (guint64 i = 0; i < 3; i++)
        put(cache, 1, 1, i, CHUNK_SIZE);
    touch(cache, 1, 1, 0);
    put(cache, 2, 1, 0, CHUNK_SIZE);
    g_assert_true(chunks_has(cache, 1, 1, 0));
    g_assert_false(chunks_has(cache, 1, 1, 1));
    g_assert_true(chunks_has(cache, 1, 1, 2));
    put(cache, 2, 1, 1, CHUNK_SIZE);
    g_assert_false(chunks_has(cache, 1, 1, 2));
    put(cache, 2, 1, 2, CHUNK_SIZE);
    g_assert_false(chunks_has(cache, 1, 1, 0));
    g_assert_cmpuint(chunks_used(cache), ==, 3 * CHUNK_SIZE);
}

static void has_leaves_the_age_alone(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(2 * CHUNK_SIZE);
    put(cache, 1, 1, 0, CHUNK_SIZE);
    put(cache, 1, 1, 1, CHUNK_SIZE);
    g_assert_true(chunks_has(cache, 1, 1, 0));
    put(cache, 1, 1, 2, CHUNK_SIZE);
    g_assert_false(chunks_has(cache, 1, 1, 0));
    g_assert_true(chunks_has(cache, 1, 1, 1));
}

static void content_stays_within_the_capacity(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(10 * CHUNK_SIZE);
    for (guint64 i = 0; i < 100; i++) {
        put(cache, i % 7, 1, i, i % 3 == 0 ? CHUNK_SIZE : 5000);
        g_assert_cmpuint(chunks_used(cache), <=, 10 * CHUNK_SIZE);
        g_assert_true(chunks_has(cache, i % 7, 1, i));
    }
    g_assert_cmpuint(chunks_used(cache), >, 9 * CHUNK_SIZE);
}

static void one_chunk_always_fits(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(0);
    put(cache, 1, 1, 0, CHUNK_SIZE);
    g_assert_true(chunks_has(cache, 1, 1, 0));
    put(cache, 1, 1, 1, CHUNK_SIZE);
    g_assert_false(chunks_has(cache, 1, 1, 0));
    g_assert_true(chunks_has(cache, 1, 1, 1));
    g_assert_cmpuint(chunks_used(cache), ==, CHUNK_SIZE);
}

static void chunks_of_nothing_are_bounded_too(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(CHUNK_SIZE);
    guint kept = 0;
    for (guint64 i = 0; i < 10000; i++)
        put(cache, i, 1, 0, 0);
    for (guint64 i = 0; i < 10000; i++)
        kept += chunks_has(cache, i, 1, 0) ? 1 : 0;
    g_assert_cmpuint(kept, >, 0);
    g_assert_cmpuint(kept, <, 1000);
    g_assert_cmpuint(chunks_used(cache), ==, 0);
}

static void a_chunk_put_again_replaces_the_old_one(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(2 * CHUNK_SIZE);
    put(cache, 1, 1, 0, 4000);
    put(cache, 1, 1, 1, CHUNK_SIZE);
    put(cache, 1, 1, 0, 100);
    g_assert_cmpuint(chunks_used(cache), ==, CHUNK_SIZE + 100);
    g_autoptr(GBytes) found = chunks_get(cache, 1, 1, 0);
    g_assert_cmpuint(g_bytes_get_size(found), ==, 100);
    /* It is the younger one now. */
    put(cache, 1, 1, 2, CHUNK_SIZE);
    g_assert_true(chunks_has(cache, 1, 1, 0));
    g_assert_false(chunks_has(cache, 1, 1, 1));
}

static void drop_takes_all_versions_of_one_node(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(16 * CHUNK_SIZE);
    for (guint64 i = 0; i < 3; i++) {
        put(cache, 1, 1, i, 1000);
        put(cache, 1, 2, i, 1000);
        put(cache, 2, 1, i, 1000);
    }
    chunks_drop(cache, 1);
    for (guint64 i = 0; i < 3; i++) {
        g_assert_false(chunks_has(cache, 1, 1, i));
        g_assert_false(chunks_has(cache, 1, 2, i));
        g_assert_true(chunks_has(cache, 2, 1, i));
    }
    g_assert_cmpuint(chunks_used(cache), ==, 3000);
    chunks_drop(cache, 1);
    chunks_drop(cache, 77);
    chunks_drop(cache, 2);
    g_assert_cmpuint(chunks_used(cache), ==, 0);
    put(cache, 1, 1, 0, 1000);
    g_assert_true(chunks_has(cache, 1, 1, 0));
}

static void one_chunk_is_forgotten_and_the_others_stay(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(1024 * 1024);
    for (guint64 i = 0; i < 3; i++)
        put(cache, 1, 1, i, 1000);
    chunks_forget(cache, 1, 1, 1);
    chunks_forget(cache, 1, 1, 7);
    chunks_forget(cache, 1, 2, 0);
    g_assert_true(chunks_has(cache, 1, 1, 0));
    g_assert_false(chunks_has(cache, 1, 1, 1));
    g_assert_true(chunks_has(cache, 1, 1, 2));
    g_assert_cmpuint(chunks_used(cache), ==, 2000);
}

static void a_reader_keeps_what_the_cache_has_dropped(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(CHUNK_SIZE);
    put(cache, 1, 1, 5, CHUNK_SIZE);
    g_autoptr(GBytes) bytes = chunks_get(cache, 1, 1, 5);
    chunks_drop(cache, 1);
    put(cache, 2, 1, 0, CHUNK_SIZE);
    const guint8 *data = g_bytes_get_data(bytes, NULL);
    g_assert_cmpuint(data[0], ==, 5);
    g_assert_cmpuint(data[CHUNK_SIZE - 1], ==, 5);
}

static void content_whose_owner_uses_the_cache_on_release(gpointer cache)
{
    g_assert_false(chunks_has(cache, 1, 1, 0));
}

static void content_is_released_outside_of_the_lock(void)
{
    static const guint8 data[16];
    g_autoptr(ChunkCache) cache = chunks_new(CHUNK_SIZE);
    GBytes *bytes = g_bytes_new_with_free_func(
        data, sizeof data, content_whose_owner_uses_the_cache_on_release, cache);
    chunks_put(cache, 1, 1, 0, bytes);
    g_bytes_unref(bytes);
    chunks_drop(cache, 1);
    g_assert_cmpuint(chunks_used(cache), ==, 0);
}

enum { THREADS = 6, ROUNDS = 4000, NODES = 5, INDICES = 12 };

/* The bytes tell which chunk they are, so a mix-up shows. */
static gpointer use_the_cache(gpointer data)
{
    ChunkCache *cache = data;
    g_autoptr(GRand) random = g_rand_new_with_seed(GPOINTER_TO_UINT(g_thread_self()));
    guint hits = 0;
    for (guint i = 0; i < ROUNDS; i++) {
        guint64 node = (guint64)g_rand_int_range(random, 0, NODES);
        guint64 index = (guint64)g_rand_int_range(random, 0, INDICES);
        g_autoptr(GBytes) found = chunks_get(cache, node, 1, index);
        if (found != NULL) {
            const guint8 *bytes = g_bytes_get_data(found, NULL);
            g_assert_cmpuint(bytes[0], ==, node * INDICES + index);
            g_assert_cmpuint(bytes[g_bytes_get_size(found) - 1], ==, node * INDICES + index);
            hits++;
        } else {
            g_autoptr(GBytes) made = filled(CHUNK_SIZE / 4, (guint8)(node * INDICES + index));
            chunks_put(cache, node, 1, index, made);
        }
        if (g_rand_int_range(random, 0, 50) == 0)
            chunks_drop(cache, node);
        g_assert_cmpuint(chunks_used(cache), <=, 8 * CHUNK_SIZE);
    }
    return GUINT_TO_POINTER(hits);
}

static void threads_see_their_chunks_only(void)
{
    g_autoptr(ChunkCache) cache = chunks_new(8 * CHUNK_SIZE);
    GThread *threads[THREADS];
    guint hits = 0;
    for (guint i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("chunks", use_the_cache, cache);
    for (guint i = 0; i < THREADS; i++)
        hits += GPOINTER_TO_UINT(g_thread_join(threads[i]));
    g_assert_cmpuint(hits, >, 0);
    for (guint64 node = 0; node < NODES; node++)
        chunks_drop(cache, node);
    g_assert_cmpuint(chunks_used(cache), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chunks/a chunk comes back as the same bytes",
                    a_chunk_comes_back_as_the_same_bytes);
    g_test_add_func("/chunks/the least recently used goes first",
                    the_least_recently_used_goes_first);
    g_test_add_func("/chunks/has leaves the age alone", has_leaves_the_age_alone);
    g_test_add_func("/chunks/content stays within the capacity", content_stays_within_the_capacity);
    g_test_add_func("/chunks/one chunk always fits", one_chunk_always_fits);
    g_test_add_func("/chunks/chunks of nothing are bounded too", chunks_of_nothing_are_bounded_too);
    g_test_add_func("/chunks/a chunk put again replaces the old one",
                    a_chunk_put_again_replaces_the_old_one);
    g_test_add_func("/chunks/drop takes all versions of one node",
                    drop_takes_all_versions_of_one_node);
    g_test_add_func("/chunks/one chunk is forgotten and the others stay",
                    one_chunk_is_forgotten_and_the_others_stay);
    g_test_add_func("/chunks/a reader keeps what the cache has dropped",
                    a_reader_keeps_what_the_cache_has_dropped);
    g_test_add_func("/chunks/content is released outside of the lock",
                    content_is_released_outside_of_the_lock);
    g_test_add_func("/chunks/threads see their chunks only", threads_see_their_chunks_only);
    return g_test_run();
}
