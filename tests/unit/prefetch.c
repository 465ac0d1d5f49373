/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files are fetched ahead and which are not. */
#include <string.h>

#include "prefetch_fixture.h"

static void second_open_in_order(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 10, 4096);
    list(&bed, bed.tree.root);
    open_file(&bed, "f001");
    assert_opened("");
    open_file(&bed, "f002");
    await_fetched(2);
    assert_opened("f003 f004");
    read_file(&bed, "f003");
    g_assert_true(is_cached(&bed, "f003"));
    g_assert_cmpint(STATS_GET(&bed.stats, prefetched_bytes), ==, 8192);
    bed_clear(&bed);
}

static void from_the_first_file(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 40, 4096);
    list(&bed, bed.tree.root);
    open_file(&bed, "f000");
    assert_opened("");
    open_file(&bed, "f001");
    await_fetched(8);
    read_file(&bed, "f002");
    g_assert_cmpint(STATS_GET(&bed.stats, prefetched_bytes), ==, 8 * 4096);
    open_file(&bed, "f002");
    await_fetched(17); /* up to f018: sixteen ahead, twice the connections */
    bed_clear(&bed);
}

static void window_doubles(void)
{
    Bed bed;
    bed_init(&bed, 4);
    put_files(&bed, "/m", 40, 4096);
    list(&bed, bed.tree.root);
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_fetched(2);
    open_file(&bed, "f003");
    read_file(&bed, "f003");
    await_fetched(5); /* up to f007 */
    open_file(&bed, "f004");
    read_file(&bed, "f004");
    await_fetched(10); /* up to f012: eight ahead, twice the connections */
    open_file(&bed, "f005");
    read_file(&bed, "f005");
    await_fetched(11);
    bed_clear(&bed);
}

static void order_of_names(void)
{
    Bed bed;
    bed_init(&bed, 8);
    static const char *const names[] = {"/m/d", "/m/a", "/m/f", "/m/b", "/m/e", "/m/c", "/m/g"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        fake_put_file(bed.tree.remote, names[i], 100, 1);
    list(&bed, bed.tree.root);
    open_file(&bed, "b");
    open_file(&bed, "c");
    await_fetched(2);
    assert_opened("d e");
    bed_clear(&bed);
}

static void opens_in_no_order(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 60, 4096);
    list(&bed, bed.tree.root);
    static const char *const names[] = {"f050", "f010", "f030", "f005", "f040", "f020", "f000"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        open_file(&bed, names[i]);
    bed_end_prefetch(&bed);
    assert_opened("");
    bed_clear(&bed);
}

static void other_sizes(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 2, 10);
    fake_put_file(bed.tree.remote, "/m/large", PREFETCH_SMALL_MAX + 1, 1);
    fake_put_file(bed.tree.remote, "/m/empty", 0, 1);
    fake_put_dir(bed.tree.remote, "/m/directory");
    fake_put_file(bed.tree.remote, "/m/most", PREFETCH_SMALL_MAX, 1);
    fake_put_file(bed.tree.remote, "/m/small", 1, 1);
    list(&bed, bed.tree.root);
    open_file(&bed, "f000");
    open_file(&bed, "f001");
    await_fetched(2);
    assert_opened("most small");
    Node *most = child_of(&bed, bed.tree.root, "most");
    read_file(&bed, "most");
    NodeInfo info = fixture_info(most);
    for (guint64 index = 0; index < PREFETCH_SMALL_MAX / CHUNK_SIZE; index++)
        g_assert_true(chunks_has(bed.chunks, info.ino, info.version, index));
    bed_clear(&bed);
}

static void seen_by_the_kernel(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 6, 4096);
    list(&bed, bed.tree.root);
    open_file(&bed, "f003");
    open_file(&bed, "f000");
    open_file(&bed, "f001");
    await_fetched(3);
    assert_opened("f002 f004 f005");
    bed_clear(&bed);
}

static void local_writer(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 6, 4096);
    list(&bed, bed.tree.root);
    Node *node = child_of(&bed, bed.tree.root, "f002");
    tree_pin(bed.tree.tree, node);
    open_file(&bed, "f000");
    open_file(&bed, "f001");
    await_fetched(3);
    assert_opened("f003 f004 f005");
    tree_unpin(bed.tree.tree, node);
    bed_clear(&bed);
}

static void never_all_connections(void)
{
    Bed bed;
    bed_init(&bed, 4);
    put_files(&bed, "/m", 40, 4096);
    list(&bed, bed.tree.root);
    hold(TRUE);
    for (guint i = 0; i < 5; i++) {
        g_autofree char *name = g_strdup_printf("f%03u", i * 2);
        open_file(&bed, name);
    }
    await_active(3);
    hold(FALSE);
    for (guint i = 9; i < 17; i++) {
        g_autofree char *name = g_strdup_printf("f%03u", i);
        read_file(&bed, name);
    }
    bed_end_prefetch(&bed);
    /* One more while a reader waits, which then needs no connection of its own. */
    g_assert_cmpuint(server.most_active, <=, 4);
    bed_clear(&bed);
}

static void queue_behind_the_limit(void)
{
    Bed bed;
    bed_init(&bed, 2);
    put_files(&bed, "/m", 10, 4096);
    list(&bed, bed.tree.root);
    hold(TRUE);
    open_file(&bed, "f000");
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_active(1);
    g_assert_cmpuint(server.opened->len, ==, 1);
    /* The reader comes to one that has not begun: it is the reader's to fetch. */
    read_file(&bed, "f003");
    hold(FALSE);
    bed_end_prefetch(&bed);
    for (guint i = 0; i < server.opened->len; i++)
        g_assert_cmpstr(g_ptr_array_index(server.opened, i), !=, "/m/f003");
    bed_clear(&bed);
}

typedef struct {
    Bed *bed;
    const char *name;
    GCancellable *cancel;
    gboolean cached; /* when the wait was over */
} Reading;

static gpointer run_reading(gpointer data)
{
    Reading *reading = data;
    g_autoptr(Node) node =
        fixture_find(&reading->bed->tree, reading->bed->tree.root, reading->name);
    NodeInfo info = fixture_info(node);
    prefetch_await(reading->bed->prefetch, node, info.version, info.size, reading->cancel);
    reading->cached = is_cached(reading->bed, reading->name);
    return NULL;
}

static void read_waits(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 10, 300000);
    list(&bed, bed.tree.root);
    hold(TRUE);
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_active(2);
    Reading reading = {.bed = &bed, .name = "f003"};
    GThread *thread = g_thread_new("reader", run_reading, &reading);
    g_assert_false(is_cached(&bed, "f003"));
    hold(FALSE);
    g_thread_join(thread);
    g_assert_true(reading.cached);
    await_fetched(2);
    bed_clear(&bed);
}

static void wait_is_cancelled(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 10, 4096);
    list(&bed, bed.tree.root);
    hold(TRUE);
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_active(2);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    Reading reading = {.bed = &bed, .name = "f003", .cancel = cancel};
    GThread *thread = g_thread_new("reader", run_reading, &reading);
    g_cancellable_cancel(cancel);
    g_thread_join(thread);
    g_assert_false(reading.cached);
    bed_clear(&bed); /* with the transfers still held: they are cut off */
}

static void shorter_than_listed(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 10, 4096);
    list(&bed, bed.tree.root);
    server.cut = 1;
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_fetched(2);
    read_file(&bed, "f003");
    g_assert_false(is_cached(&bed, "f003"));
    bed_clear(&bed);
}

static void changed_meanwhile(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 10, 4096);
    list(&bed, bed.tree.root);
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_fetched(2);
    g_assert_true(is_cached(&bed, "f003"));
    Node *node = child_of(&bed, bed.tree.root, "f003");
    tree_set_local(bed.tree.tree, node, 4096, 2, 0, G_MAXUINT32, TRUE);
    g_assert_false(is_cached(&bed, "f003"));
    read_file(&bed, "f003");
    bed_end_prefetch(&bed);
    g_assert_cmpint(STATS_GET(&bed.stats, prefetch_wasted_bytes), ==, 2 * 4096);
    bed_clear(&bed);
}

static void used_and_wasted(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_files(&bed, "/m", 10, 1000);
    list(&bed, bed.tree.root);
    open_file(&bed, "f001");
    open_file(&bed, "f002");
    await_fetched(2);
    read_file(&bed, "f003");
    read_file(&bed, "f003");
    bed_end_prefetch(&bed);
    g_assert_cmpint(STATS_GET(&bed.stats, prefetched_bytes), ==, 2000);
    g_assert_cmpint(STATS_GET(&bed.stats, prefetch_wasted_bytes), ==, 1000);
    bed_clear(&bed);
}

/* A program that opens in order and reads nothing of it. */
static void guesses_that_fail(void)
{
    Bed bed;
    bed_init(&bed, 4);
    put_files(&bed, "/m", 200, 1000);
    list(&bed, bed.tree.root);
    for (guint i = 0; i < 200; i++) {
        g_autofree char *name = g_strdup_printf("f%03u", i);
        open_file(&bed, name);
    }
    bed_end_prefetch(&bed);
    /* What may be ahead at once, and no more in vain. */
    g_assert_cmpuint(server.opened->len, <=, 9);
    bed_clear(&bed);
}

static void every_third_file(void)
{
    Bed bed;
    bed_init(&bed, 4);
    put_files(&bed, "/m", 300, 1000);
    list(&bed, bed.tree.root);
    for (guint i = 0; i < 300; i += 3) {
        g_autofree char *name = g_strdup_printf("f%03u", i);
        open_file(&bed, name);
        read_file(&bed, name);
    }
    bed_end_prefetch(&bed);
    gint64 fetched = STATS_GET(&bed.stats, prefetched_bytes);
    gint64 wasted = STATS_GET(&bed.stats, prefetch_wasted_bytes);
    g_assert_cmpint(wasted, <=, (fetched - wasted) / 5 + 9 * 1000);
    bed_clear(&bed);
}

static void bytes_in_vain(void)
{
    Bed bed;
    bed_init(&bed, 16);
    for (guint d = 0; d < 8; d++) {
        g_autofree char *path = g_strdup_printf("/m/d%u", d);
        fake_put_dir(bed.tree.remote, path);
        put_files(&bed, path, 6, PREFETCH_SMALL_MAX);
    }
    for (guint d = 0; d < 8; d++) {
        g_autofree char *name = g_strdup_printf("d%u", d);
        Node *dir = child_of(&bed, bed.tree.root, name);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) nodes = tree_list(bed.tree.tree, dir, NULL, &error);
        g_assert_no_error(error);
        for (guint i = 0; i < 4; i++)
            prefetch_note_open(bed.prefetch, g_ptr_array_index(nodes, i));
    }
    bed_end_prefetch(&bed);
    /* A constant, and a little that time forgives. */
    g_assert_cmpint(STATS_GET(&bed.stats, prefetched_bytes), <=, 10 << 20);
    bed_clear(&bed);
}

static void one_connection(void)
{
    Bed bed;
    bed_init(&bed, 1);
    g_assert_null(bed.prefetch);
    put_files(&bed, "/m", 10, 4096);
    list(&bed, bed.tree.root);
    open_file(&bed, "f000");
    open_file(&bed, "f001");
    read_file(&bed, "f002");
    assert_opened("");
    bed_clear(&bed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prefetch/the second open in order fetches the next two files",
                    second_open_in_order);
    g_test_add_func("/prefetch/who begins with the first file gets a file for each connection",
                    from_the_first_file);
    g_test_add_func("/prefetch/each step in order doubles what is ahead, up to a limit",
                    window_doubles);
    g_test_add_func("/prefetch/the order of names is one too", order_of_names);
    g_test_add_func("/prefetch/opens in no order fetch nothing", opens_in_no_order);
    g_test_add_func("/prefetch/large and empty files and directories are left out", other_sizes);
    g_test_add_func("/prefetch/what the kernel has is left out", seen_by_the_kernel);
    g_test_add_func("/prefetch/what a local writer has is left out", local_writer);
    g_test_add_func("/prefetch/not all connections are used", never_all_connections);
    g_test_add_func("/prefetch/a reader fetches itself what has not begun", queue_behind_the_limit);
    g_test_add_func("/prefetch/a read waits for what is on its way", read_waits);
    g_test_add_func("/prefetch/the wait can be cancelled", wait_is_cancelled);
    g_test_add_func("/prefetch/a file shorter than listed is not kept", shorter_than_listed);
    g_test_add_func("/prefetch/a file that has changed is not served", changed_meanwhile);
    g_test_add_func("/prefetch/what was not read counts as wasted", used_and_wasted);
    g_test_add_func("/prefetch/a directory where guesses fail is left alone", guesses_that_fail);
    g_test_add_func("/prefetch/a reader of every third file wastes a fifth", every_third_file);
    g_test_add_func("/prefetch/the bytes in vain are bounded over all directories", bytes_in_vain);
    g_test_add_func("/prefetch/with one connection nothing is fetched ahead", one_connection);
    return g_test_run();
}
