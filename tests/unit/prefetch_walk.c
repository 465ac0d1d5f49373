/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which directories are listed ahead of a walk and which are not. */
#include "prefetch_fixture.h"

static void put_dirs(Bed *bed, const char *format, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("%s/d%03u", format, i);
        fake_put_dir(bed->tree.remote, path);
    }
}

static void list_below(Bed *bed, Node *dir, const char *name)
{
    g_autoptr(Node) child = fixture_find(&bed->tree, dir, name);
    list(bed, child);
}

/* Waits until `count` listings were made ahead. */
static void await_lists(Bed *bed, gint64 count)
{
    while (STATS_GET(&bed->stats, lists_prefetched) < count)
        g_thread_yield();
}

static void one_listing(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_dirs(&bed, "/m", 10);
    list(&bed, bed.tree.root);
    bed_end_prefetch(&bed);
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_LIST), ==, 1);
    bed_clear(&bed);
}

static void walk(void)
{
    Bed bed;
    bed_init(&bed, 4);
    put_dirs(&bed, "/m", 100);
    list(&bed, bed.tree.root);
    for (guint i = 0; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("d%03u", i);
        list_below(&bed, bed.tree.root, name);
        if (i == 0)
            await_lists(&bed, 2);
    }
    bed_end_prefetch(&bed);
    /* Each directory once, whoever was first. */
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_LIST), ==, 101);
    g_assert_cmpint(STATS_GET(&bed.stats, lists_prefetched), >=, 2);
    g_assert_cmpint(STATS_GET(&bed.stats, lists_wasted), ==, 0);
    bed_clear(&bed);
}

static void walk_in_depth(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_dirs(&bed, "/m", 3);
    put_dirs(&bed, "/m/d000", 3);
    put_dirs(&bed, "/m/d001", 3);
    list(&bed, bed.tree.root);
    /* Its children come before its siblings. */
    list_below(&bed, bed.tree.root, "d000");
    await_lists(&bed, 2);
    Node *first = child_of(&bed, bed.tree.root, "d000");
    Node *child = child_of(&bed, first, "d000");
    Node *sibling = child_of(&bed, bed.tree.root, "d001");
    g_assert_cmpint(tree_listed_until(bed.tree.tree, child), >, 0);
    g_assert_cmpint(tree_listed_until(bed.tree.tree, sibling), ==, 0);
    bed_clear(&bed);
}

static void walk_stays_below(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_dirs(&bed, "/m", 5);
    put_dirs(&bed, "/m/d000", 3);
    Node *top = child_of(&bed, bed.tree.root, "d000");
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) nodes G_GNUC_UNUSED =
            tree_list(bed.tree.tree, bed.tree.root, NULL, &error);
        g_assert_no_error(error);
    }
    list(&bed, top);
    list_below(&bed, top, "d000");
    list_below(&bed, top, "d001");
    list_below(&bed, top, "d002");
    bed_end_prefetch(&bed);
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_LIST), ==, 5);
    bed_clear(&bed);
}

static void listing_is_waited_for(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_dirs(&bed, "/m", 4);
    list(&bed, bed.tree.root);
    list_below(&bed, bed.tree.root, "d000");
    await_lists(&bed, 2);
    fake_hold(bed.tree.remote, FAKE_LIST);
    list_below(&bed, bed.tree.root, "d001");
    fake_wait_held(bed.tree.remote, FAKE_LIST, 1);
    fake_release(bed.tree.remote, FAKE_LIST);
    list_below(&bed, bed.tree.root, "d003");
    bed_end_prefetch(&bed);
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_LIST), ==, 5);
    bed_clear(&bed);
}

/* Someone who looks into a directory and its first child, again and again. */
static void lists_in_vain(void)
{
    Bed bed;
    bed_init(&bed, 2);
    put_dirs(&bed, "/m", 40);
    for (guint i = 0; i < 40; i++) {
        g_autofree char *path = g_strdup_printf("/m/d%03u", i);
        put_dirs(&bed, path, 5);
    }
    g_autoptr(GError) error = NULL;
    GPtrArray *nodes = tree_list(bed.tree.tree, bed.tree.root, NULL, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < nodes->len; i++) {
        list(&bed, g_ptr_array_index(nodes, i));
        list_below(&bed, g_ptr_array_index(nodes, i), "d000");
    }
    g_ptr_array_unref(nodes);
    bed_end_prefetch(&bed);
    g_assert_cmpint(STATS_GET(&bed.stats, lists_prefetched), <=, 12);
    g_assert_cmpint(STATS_GET(&bed.stats, lists_wasted), <=,
                    STATS_GET(&bed.stats, lists_prefetched));
    bed_clear(&bed);
}

static void expired_listing_is_wasted(void)
{
    Bed bed;
    bed_init(&bed, 8);
    put_dirs(&bed, "/m", 3);
    list(&bed, bed.tree.root);
    list_below(&bed, bed.tree.root, "d000");
    await_lists(&bed, 2);
    fixture_advance(FIXTURE_TIMEOUT + 1);
    list_below(&bed, bed.tree.root, "d001");
    bed_end_prefetch(&bed);
    g_assert_cmpint(STATS_GET(&bed.stats, lists_wasted), >=, 1);
    bed_clear(&bed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prefetch/walk/one listing is no walk", one_listing);
    g_test_add_func("/prefetch/walk/the next directories are listed ahead", walk);
    g_test_add_func("/prefetch/walk/children come before siblings", walk_in_depth);
    g_test_add_func("/prefetch/walk/it does not leave where it began", walk_stays_below);
    g_test_add_func("/prefetch/walk/a listing on its way is waited for", listing_is_waited_for);
    g_test_add_func("/prefetch/walk/the listings in vain are bounded", lists_in_vain);
    g_test_add_func("/prefetch/walk/a listing that expired unused is wasted",
                    expired_listing_is_wasted);
    return g_test_run();
}
