/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lookups and listings, and how long they hold. */
#include "ftpsfs/cache/tree.h"

#include "tree_fixture.h"

static void the_root_is_where_the_mount_starts(void)
{
    Fixture f;
    fixture_init_at(&f, "/home/me", 0);
    g_assert_cmpuint(fixture_info(f.root).ino, ==, 1);
    g_assert_cmpint(fixture_info(f.root).type, ==, REMOTE_TYPE_DIR);
    fixture_assert_path(f.root, "/home/me");
    g_assert_null(node_parent(f.root));
    g_assert_cmpuint(fake_count_all(f.remote), ==, 0);
    fixture_clear(&f);
}

static void paths_are_joined_by_one_slash(void)
{
    Fixture f;
    fixture_init_at(&f, "/", 0);
    fake_put_dir(f.remote, "/d");
    fake_put_file(f.remote, "/d/x", 1, 1);
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        g_autoptr(Node) x = fixture_find(&f, d, "x");
        fixture_assert_path(f.root, "/");
        fixture_assert_path(d, "/d");
        fixture_assert_path(x, "/d/x");
        g_autofree char *name = node_name(x);
        g_assert_cmpstr(name, ==, "x");
        g_autoptr(Node) parent = node_parent(x);
        g_assert_true(parent == d);
    }
    fixture_clear(&f);
}

static void the_first_miss_asks_for_one_entry_the_second_lists(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 100);
    fake_put_file(f.remote, "/m/b", 2, 200);
    fake_put_file(f.remote, "/m/c", 3, 300);
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 1);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 0);
        g_autoptr(Node) again = fixture_find(&f, f.root, "a");
        g_assert_true(a == again);
        g_assert_cmpuint(fake_count_all(f.remote), ==, 1);

        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        g_autoptr(Node) c = fixture_find(&f, f.root, "c");
        g_assert_true(b != c);
        fixture_assert_lookup_fails(&f, f.root, "d", FTPSFS_ERROR_NOT_FOUND);
        fixture_assert_list(&f, f.root, "a b c");
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 1);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);

        NodeInfo info = fixture_info(b);
        g_assert_cmpuint(info.size, ==, 2);
        g_assert_cmpint(info.mtime, ==, 200);
        g_assert_cmpuint(info.mode, ==, 0644);
        g_assert_cmpint(info.valid_until, ==,
                        fixture_now() + FIXTURE_TIMEOUT * (gint64)G_USEC_PER_SEC);
    }
    fixture_clear(&f);
}

static void one_name_asked_for_now_and_then_never_lists(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 100);
    for (guint i = 0; i < 5; i++) {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_assert_cmpuint(fixture_info(a).size, ==, 1);
        fixture_advance(FIXTURE_TIMEOUT + 1);
    }
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 5);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 0);
    fixture_clear(&f);
}

static void without_mlst_the_first_miss_lists(void)
{
    Fixture f;
    fixture_init(&f);
    fake_settings(f.remote)->mlst = FALSE;
    fake_put_file(f.remote, "/m/a", 1, 100);
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_assert_cmpuint(fixture_info(a).size, ==, 1);
        fixture_assert_lookup_fails(&f, f.root, "b", FTPSFS_ERROR_NOT_FOUND);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
        g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
    }
    fixture_clear(&f);
}

static void an_absence_holds_until_it_expires(void)
{
    Fixture f;
    fixture_init(&f);
    fixture_assert_lookup_fails(&f, f.root, "x", FTPSFS_ERROR_NOT_FOUND);
    fixture_assert_lookup_fails(&f, f.root, "x", FTPSFS_ERROR_NOT_FOUND);
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
    fake_put_file(f.remote, "/m/x", 1, 1);
    fixture_assert_lookup_fails(&f, f.root, "x", FTPSFS_ERROR_NOT_FOUND);
    fixture_advance(FIXTURE_TIMEOUT + 1);
    {
        g_autoptr(Node) x = fixture_find(&f, f.root, "x");
        g_assert_cmpuint(fixture_info(x).size, ==, 1);
    }
    fixture_clear(&f);
}

static void a_listing_holds_until_it_expires(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fixture_assert_list(&f, f.root, "a");
    fake_put_file(f.remote, "/m/b", 1, 1);
    fixture_advance(FIXTURE_TIMEOUT - 1);
    fixture_assert_list(&f, f.root, "a");
    fixture_advance(2);
    fixture_assert_list(&f, f.root, "a b");
    g_assert_cmpuint(fake_count_all(f.remote), ==, 2);
    fixture_clear(&f);
}

static void the_order_is_the_servers_whatever_was_known_before(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/z", 1, 1);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_file(f.remote, "/m/k", 1, 1);
    g_autoptr(Node) k = fixture_find(&f, f.root, "k");
    fixture_assert_list(&f, f.root, "z a k");
    g_autoptr(Node) fresh = tree_add_file(f.tree, f.root, "b", 0600);
    fixture_assert_list(&f, f.root, "z a k b");
    g_clear_pointer(&k, node_unref);
    g_clear_pointer(&fresh, node_unref);
    fixture_clear(&f);
}

static void a_listing_that_starts_again_gives_each_name_once(void)
{
    Fixture f;
    fixture_init(&f);
    fake_settings(f.remote)->list_restarts = 2;
    for (guint i = 0; i < 6; i++) {
        g_autofree char *path = g_strdup_printf("/m/%u", i);
        fake_put_file(f.remote, path, 1, 1);
    }
    fixture_assert_list(&f, f.root, "0 1 2 3 4 5");
    fixture_clear(&f);
}

static void a_name_of_more_than_255_bytes_is_too_long(void)
{
    Fixture f;
    fixture_init(&f);
    g_autofree char *longest = g_strnfill(255, 'x');
    g_autofree char *longer = g_strnfill(256, 'x');
    g_autofree char *path = g_strconcat("/m/", longest, NULL);
    fake_put_file(f.remote, path, 1, 1);
    {
        g_autoptr(Node) node = fixture_find(&f, f.root, longest);
        fixture_assert_path(node, path);
    }
    fixture_assert_lookup_fails(&f, f.root, longer, FTPSFS_ERROR_NAME_TOO_LONG);
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
    fixture_clear(&f);
}

static void a_file_has_no_children(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        fixture_assert_lookup_fails(&f, a, "x", FTPSFS_ERROR_NOT_DIR);
        assert_fails(tree_list(f.tree, a, NULL, &error), error, FTPSFS_ERROR_NOT_DIR);
        g_assert_null(tree_peek(f.tree, a, "x"));
    }
    fixture_clear(&f);
}

static void what_can_not_be_listed_can_still_be_entered(void)
{
    Fixture f;
    fixture_init(&f);
    for (guint i = 0; i < 4; i++) {
        g_autofree char *path = g_strdup_printf("/m/%u", i);
        fake_put_file(f.remote, path, i, 1);
    }
    fake_fail(f.remote, FAKE_LIST, 0, G_MAXUINT, FTPSFS_ERROR_ACCESS, FALSE);
    for (guint i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        g_autoptr(Node) node = fixture_find(&f, f.root, name);
        g_assert_cmpuint(fixture_info(node).size, ==, i);
    }
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1); /* once refused, not tried again */
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 4);
    g_autoptr(GError) error = NULL;
    assert_fails(tree_list(f.tree, f.root, NULL, &error), error, FTPSFS_ERROR_ACCESS);
    fixture_clear(&f);
}

static void absences_are_bounded(void)
{
    Fixture f;
    fixture_init(&f);
    fake_fail(f.remote, FAKE_LIST, 0, G_MAXUINT, FTPSFS_ERROR_ACCESS, FALSE);
    for (guint i = 0; i < 1025; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        fixture_assert_lookup_fails(&f, f.root, name, FTPSFS_ERROR_NOT_FOUND);
    }
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 1025);
    fixture_assert_lookup_fails(&f, f.root, "1024", FTPSFS_ERROR_NOT_FOUND);
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 1025);
    fixture_assert_lookup_fails(&f, f.root, "0", FTPSFS_ERROR_NOT_FOUND);
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 1026);
    fixture_clear(&f);
}

static void errors_of_the_server_come_through_and_are_not_cached(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_fail(f.remote, FAKE_STAT, 0, 1, FTPSFS_ERROR_TIMEOUT, FALSE);
    fixture_assert_lookup_fails(&f, f.root, "a", FTPSFS_ERROR_TIMEOUT);
    fake_fail(f.remote, FAKE_LIST, 0, 1, FTPSFS_ERROR_LOST, FALSE);
    g_autoptr(GError) error = NULL;
    assert_fails(tree_list(f.tree, f.root, NULL, &error), error, FTPSFS_ERROR_LOST);
    fixture_assert_list(&f, f.root, "a");
    fixture_clear(&f);
}

static void our_hidden_names_are_not_shown(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_file(f.remote, "/m/.ftpsfs-old-12345678", 1, 1);
    fake_put_file(f.remote, "/m/.ftpsfs-upload-12345678", 1, 1);
    fake_put_file(f.remote, "/m/.ftpsfs-notes", 1, 1);
    fixture_assert_list(&f, f.root, "a .ftpsfs-notes");
    fixture_assert_lookup_fails(&f, f.root, ".ftpsfs-old-12345678", FTPSFS_ERROR_NOT_FOUND);
    g_assert_null(tree_peek(f.tree, f.root, ".ftpsfs-old-12345678"));
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);

    /* Those that we made are known, and stay known. */
    g_autoptr(GError) error = NULL;
    assert_succeeds(
        tree_rename(f.tree, f.root, "a", f.root, ".ftpsfs-unlinked-1", FALSE, NULL, &error), error);
    fixture_advance(FIXTURE_TIMEOUT + 1);
    fixture_assert_list(&f, f.root, ".ftpsfs-notes");
    {
        g_autoptr(Node) node = tree_peek(f.tree, f.root, ".ftpsfs-unlinked-1");
        fixture_assert_path(node, "/m/.ftpsfs-unlinked-1");
    }
    assert_succeeds(tree_unlink(f.tree, f.root, ".ftpsfs-unlinked-1", NULL, &error), error);
    g_assert_false(fake_exists(f.remote, "/m/.ftpsfs-unlinked-1"));
    fixture_clear(&f);
}

static void an_expired_directory_is_asked_for_again(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fixture_assert_list(&f, f.root, "a");
    fake_put_file(f.remote, "/m/a", 2, 2);
    fake_put_file(f.remote, "/m/b", 1, 1);
    tree_expire(f.tree, f.root);
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_assert_cmpuint(fixture_info(a).size, ==, 2);
    }
    fixture_assert_list(&f, f.root, "a b");
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    fixture_clear(&f);
}

static void an_expired_file_alone_is_asked_for_alone(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fixture_assert_list(&f, f.root, "a");
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        tree_expire(f.tree, a);
        g_autoptr(Node) again = fixture_find(&f, f.root, "a");
        g_assert_true(a == again);
    }
    g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 1);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    fixture_clear(&f);
}

static void a_removed_directory_can_not_be_listed(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    fake_put_file(f.remote, "/m/d/x", 1, 1);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        g_autoptr(Node) x = fixture_find(&f, d, "x");
        fake_delete(f.remote, "/m/d");
        fixture_assert_list(&f, f.root, "");
        fixture_assert_path(d, NULL);
        fixture_assert_path(x, NULL);
        assert_fails(tree_list(f.tree, d, NULL, &error), error, FTPSFS_ERROR_STALE);
        fixture_assert_lookup_fails(&f, d, "y", FTPSFS_ERROR_STALE);
    }
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/the root is where the mount starts", the_root_is_where_the_mount_starts);
    g_test_add_func("/tree/paths are joined by one slash", paths_are_joined_by_one_slash);
    g_test_add_func("/tree/the first miss asks for one entry, the second lists",
                    the_first_miss_asks_for_one_entry_the_second_lists);
    g_test_add_func("/tree/one name asked for now and then never lists",
                    one_name_asked_for_now_and_then_never_lists);
    g_test_add_func("/tree/without MLST the first miss lists", without_mlst_the_first_miss_lists);
    g_test_add_func("/tree/an absence holds until it expires", an_absence_holds_until_it_expires);
    g_test_add_func("/tree/a listing holds until it expires", a_listing_holds_until_it_expires);
    g_test_add_func("/tree/the order is the server's, whatever was known before",
                    the_order_is_the_servers_whatever_was_known_before);
    g_test_add_func("/tree/a listing that starts again gives each name once",
                    a_listing_that_starts_again_gives_each_name_once);
    g_test_add_func("/tree/a name of more than 255 bytes is too long",
                    a_name_of_more_than_255_bytes_is_too_long);
    g_test_add_func("/tree/a file has no children", a_file_has_no_children);
    g_test_add_func("/tree/what can't be listed can still be entered",
                    what_can_not_be_listed_can_still_be_entered);
    g_test_add_func("/tree/absences are bounded", absences_are_bounded);
    g_test_add_func("/tree/errors of the server come through and are not cached",
                    errors_of_the_server_come_through_and_are_not_cached);
    g_test_add_func("/tree/our hidden names are not shown", our_hidden_names_are_not_shown);
    g_test_add_func("/tree/an expired directory is asked for again",
                    an_expired_directory_is_asked_for_again);
    g_test_add_func("/tree/an expired file alone is asked for alone",
                    an_expired_file_alone_is_asked_for_alone);
    g_test_add_func("/tree/a removed directory can't be listed",
                    a_removed_directory_can_not_be_listed);
    return g_test_run();
}
