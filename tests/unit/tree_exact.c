/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"
#include "tree_fixture.h"

#define FILES 40

/* A server whose listings tell the minute, with FILES files f00, f01, ... */
static void start_limited(Fixture *f, gboolean exact_times, guint exact_max)
{
    TreeOptions options = {
        .timeout_s = FIXTURE_TIMEOUT,
        .clock = fixture_now,
        .exact_times = exact_times,
        .exact_max = exact_max,
    };
    f->remote = fake_remote_new("/m");
    f->tree = tree_new(f->remote, &options);
    f->root = tree_root(f->tree);
    fake_settings(f->remote)->mlst = FALSE;
    fake_settings(f->remote)->list_precision = REMOTE_TIME_MINUTE;
    for (guint i = 0; i < FILES; i++) {
        g_autofree char *path = g_strdup_printf("/m/f%02u", i);
        fake_put_file(f->remote, path, 1, 6000 + i);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) children = tree_list(f->tree, f->root, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(children->len, ==, FILES);
}

static void start(Fixture *f, gboolean exact_times)
{
    start_limited(f, exact_times, 0);
}

static void stat_node(Fixture *f, Node *node, NodeInfo *info)
{
    g_autoptr(GError) error = NULL;
    assert_succeeds(tree_refresh(f->tree, node, FALSE, info, NULL, &error), error);
}

static void looking_at_many_files_asks_for_more_and_more_at_once(void)
{
    Fixture f;
    start(&f, TRUE);
    for (guint i = 0; i < FILES; i++) {
        NodeInfo info;
        g_autofree char *name = g_strdup_printf("f%02u", i);
        g_autoptr(Node) node = fixture_find(&f, f.root, name);
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 6000 + i);
        g_assert_cmpint(info.time_precision, ==, REMOTE_TIME_SECOND);
        g_assert_false(info.inexact);
        if (i == 0) {
            g_assert_cmpuint(fake_batched(f.remote), ==, 1);
            g_autoptr(Node) last = fixture_find(&f, f.root, "f39");
            g_assert_true(fixture_info(last).inexact);
        }
    }
    /* 1, 16, and the rest. */
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_BATCH), ==, 3);
    g_assert_cmpuint(fake_batched(f.remote), ==, FILES);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    fixture_clear(&f);
}

static void an_exact_time_outlives_the_next_listing(void)
{
    Fixture f;
    start(&f, TRUE);
    {
        NodeInfo info;
        g_autoptr(Node) node = fixture_find(&f, f.root, "f07");
        stat_node(&f, node, &info);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 6007);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_BATCH), ==, 1);
        /* One of another minute has to be asked for again. */
        fake_put_file(f.remote, "/m/f07", 1, 6061);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 6061);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_BATCH), ==, 2);
    }
    fixture_clear(&f);
}

static void without_the_option_the_minute_will_do(void)
{
    Fixture f;
    start(&f, FALSE);
    {
        NodeInfo info;
        g_autoptr(Node) node = fixture_find(&f, f.root, "f07");
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 6000);
        g_assert_false(info.inexact);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_BATCH), ==, 0);
    }
    fixture_clear(&f);
}

static void a_failure_leaves_what_the_listing_told(void)
{
    Fixture f;
    start(&f, TRUE);
    {
        NodeInfo info;
        g_autoptr(Node) node = fixture_find(&f, f.root, "f07");
        fake_fail(f.remote, FAKE_STAT_BATCH, 0, 1, FTPSFS_ERROR_LOST, FALSE);
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 6000);
        g_assert_true(info.inexact);
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 6007);
        fake_fail(f.remote, FAKE_STAT_BATCH, 0, 1, FTPSFS_ERROR_INTERRUPTED, FALSE);
        g_autoptr(Node) other = fixture_find(&f, f.root, "f39");
        g_autoptr(GError) error = NULL;
        assert_fails(tree_refresh(f.tree, other, FALSE, &info, NULL, &error), error,
                     FTPSFS_ERROR_INTERRUPTED);
    }
    fixture_clear(&f);
}

static void what_was_changed_from_here_is_not_asked_for(void)
{
    Fixture f;
    start(&f, TRUE);
    {
        NodeInfo info;
        g_autoptr(Node) node = fixture_find(&f, f.root, "f07");
        tree_set_local(f.tree, node, G_MAXUINT64, 777, 0, G_MAXUINT32, FALSE);
        stat_node(&f, node, &info);
        g_assert_cmpint(info.mtime, ==, 777);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_BATCH), ==, 0);
    }
    fixture_clear(&f);
}

static void large_directories_are_left_as_the_listing_tells_them(void)
{
    for (guint max = FILES - 1; max <= FILES; max++) {
        Fixture f;
        start_limited(&f, TRUE, max);
        {
            NodeInfo info;
            g_autoptr(Node) node = fixture_find(&f, f.root, "f07");
            stat_node(&f, node, &info);
            g_assert_cmpint(info.mtime, ==, max < FILES ? 6000 : 6007);
            g_assert_false(info.inexact);
            g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_BATCH), ==, max < FILES ? 0 : 1);
        }
        fixture_clear(&f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/exact/large directories are left as the listing tells them",
                    large_directories_are_left_as_the_listing_tells_them);
    g_test_add_func("/tree/exact/looking at many files asks for more and more at once",
                    looking_at_many_files_asks_for_more_and_more_at_once);
    g_test_add_func("/tree/exact/an exact time outlives the next listing",
                    an_exact_time_outlives_the_next_listing);
    g_test_add_func("/tree/exact/without the option the minute will do",
                    without_the_option_the_minute_will_do);
    g_test_add_func("/tree/exact/a failure leaves what the listing told",
                    a_failure_leaves_what_the_listing_told);
    g_test_add_func("/tree/exact/what was changed from here is not asked for",
                    what_was_changed_from_here_is_not_asked_for);
    return g_test_run();
}
