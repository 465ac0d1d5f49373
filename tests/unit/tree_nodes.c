/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of nodes: their attributes as the server changes, their versions, their lives, and
 * the memory that they take. */
#include <malloc.h>
#include <string.h>

#include "ftpsfs/cache/tree.h"
#include "tree_fixture.h"

static void refresh(Fixture *f, Node *node, gboolean exact, NodeInfo *info)
{
    g_autoptr(GError) error = NULL;
    assert_succeeds(tree_refresh(f->tree, node, exact, info, NULL, &error), error);
}

static void relist(Fixture *f, const char *names)
{
    fixture_advance(FIXTURE_TIMEOUT + 1);
    fixture_assert_list(f, f->root, names);
}

static void a_node_stays_the_same_while_the_file_is_there(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 100);
    fake_put_file(f.remote, "/m/b", 1, 100);
    fixture_assert_list(&f, f.root, "a b");
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        NodeInfo a_first = fixture_info(a), b_first = fixture_info(b);
        g_assert_cmpuint(a_first.ino, !=, b_first.ino);
        fake_put_file(f.remote, "/m/b", 2, 100);
        relist(&f, "a b");
        g_autoptr(Node) a_again = fixture_find(&f, f.root, "a");
        g_assert_true(a_again == a);
        g_assert_cmpuint(fixture_info(a).ino, ==, a_first.ino);
        g_assert_cmpuint(fixture_info(a).version, ==, a_first.version);
        g_assert_cmpuint(fixture_info(b).ino, ==, b_first.ino);
        g_assert_cmpuint(fixture_info(b).size, ==, 2);
        g_assert_cmpuint(fixture_info(b).version, !=, b_first.version);
        fake_put_file(f.remote, "/m/a", 1, 101);
        relist(&f, "a b");
        g_assert_cmpint(fixture_info(a).mtime, ==, 101);
        g_assert_cmpuint(fixture_info(a).version, !=, a_first.version);
    }
    fixture_clear(&f);
}

static void a_vanished_file_is_detached(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 7, 100);
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        fake_delete(f.remote, "/m/a");
        relist(&f, "");
        fixture_assert_path(a, NULL);
        g_assert_null(node_parent(a));
        g_assert_cmpuint(fixture_info(a).size, ==, 7);
        /* Another file of that name is another node. */
        fake_put_file(f.remote, "/m/a", 7, 100);
        relist(&f, "a");
        g_autoptr(Node) other = fixture_find(&f, f.root, "a");
        g_assert_true(other != a);
        g_assert_cmpuint(fixture_info(other).ino, !=, fixture_info(a).ino);
    }
    fixture_clear(&f);
}

static void another_type_is_another_node(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 7, 100);
    {
        g_autoptr(Node) file = fixture_find(&f, f.root, "a");
        fake_delete(f.remote, "/m/a");
        fake_put_dir(f.remote, "/m/a");
        relist(&f, "a");
        g_autoptr(Node) dir = fixture_find(&f, f.root, "a");
        g_assert_true(dir != file);
        g_assert_cmpint(fixture_info(dir).type, ==, REMOTE_TYPE_DIR);
        fixture_assert_path(file, NULL);
    }
    fixture_clear(&f);
}

static void a_coarse_time_that_agrees_changes_nothing(void)
{
    Fixture f;
    fixture_init(&f);
    fake_settings(f.remote)->mlst = FALSE;
    fake_settings(f.remote)->list_precision = REMOTE_TIME_MINUTE;
    fake_put_file(f.remote, "/m/a", 1, 6007);
    fixture_assert_list(&f, f.root, "a");
    {
        NodeInfo info;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        guint64 version = fixture_info(a).version;
        g_assert_cmpint(fixture_info(a).mtime, ==, 6000);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        refresh(&f, a, TRUE, &info);
        g_assert_cmpint(info.mtime, ==, 6007);
        g_assert_cmpint(info.time_precision, ==, REMOTE_TIME_SECOND);
        g_assert_cmpuint(info.version, ==, version);
        /* The listing still says 6000, to the minute. */
        relist(&f, "a");
        g_assert_cmpint(fixture_info(a).mtime, ==, 6007);
        g_assert_cmpuint(fixture_info(a).version, ==, version);
        /* And after six months, to the day. */
        fake_settings(f.remote)->list_precision = REMOTE_TIME_DAY;
        relist(&f, "a");
        g_assert_cmpint(fixture_info(a).mtime, ==, 6007);
        g_assert_cmpuint(fixture_info(a).version, ==, version);
        /* The next minute is a change. */
        fake_settings(f.remote)->list_precision = REMOTE_TIME_MINUTE;
        fake_put_file(f.remote, "/m/a", 1, 6061);
        relist(&f, "a");
        g_assert_cmpint(fixture_info(a).mtime, ==, 6060);
        g_assert_cmpuint(fixture_info(a).version, !=, version);
    }
    fixture_clear(&f);
}

static void an_exact_time_within_the_same_minute_is_a_change(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 6007);
    {
        NodeInfo info;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        guint64 version = fixture_info(a).version;
        fake_put_file(f.remote, "/m/a", 1, 6008);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        refresh(&f, a, TRUE, &info);
        g_assert_cmpuint(info.version, !=, version);
        g_assert_cmpint(info.mtime, ==, 6008);
    }
    fixture_clear(&f);
}

static void versions_never_come_back(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 0, 100);
    {
        g_autoptr(GHashTable) seen =
            g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        for (guint i = 0; i < 20; i++) {
            NodeInfo info = fixture_info(a);
            g_assert_true(g_hash_table_add(seen, g_memdup2(&info.version, sizeof info.version)));
            if (i % 2 == 0) {
                tree_set_local(f.tree, a, i, 100, 0, G_MAXUINT32, TRUE);
            } else {
                fake_put_file(f.remote, "/m/a", i % 4, 100);
                relist(&f, "a");
            }
        }
    }
    fixture_clear(&f);
}

static void a_pinned_node_is_its_writers(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 100);
    {
        NodeInfo info;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = tree_add_file(f.tree, f.root, "b", 0640);
        tree_pin(f.tree, a);
        tree_pin(f.tree, b); /* not on the server yet */
        tree_set_local(f.tree, a, 55, 5555, 7, 0600, TRUE);
        guint64 version = fixture_info(a).version;
        fake_put_file(f.remote, "/m/a", 2, 200);
        relist(&f, "a b");
        fixture_advance(FIXTURE_TIMEOUT + 1);
        guint asked = fake_count_all(f.remote);
        refresh(&f, a, TRUE, &info);
        g_assert_cmpuint(fake_count_all(f.remote), ==, asked);
        g_assert_cmpuint(info.size, ==, 55);
        g_assert_cmpint(info.mtime, ==, 5555);
        g_assert_cmpint(info.mtime_ns, ==, 7);
        g_assert_cmpuint(info.mode, ==, 0600);
        g_assert_cmpuint(info.version, ==, version);
        g_assert_cmpint(info.valid_until, >, fixture_now());
        g_assert_cmpuint(fixture_info(b).mode, ==, 0640);
        g_assert_cmpuint(fixture_info(b).size, ==, 0);

        tree_unpin(f.tree, a);
        tree_unpin(f.tree, b);
        relist(&f, "a");
        g_assert_cmpuint(fixture_info(a).size, ==, 2);
        g_assert_cmpuint(fixture_info(a).version, !=, version);
        fixture_assert_path(b, NULL);
    }
    fixture_clear(&f);
}

static void a_refresh_asks_only_for_what_has_expired(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 100);
    {
        NodeInfo info;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        refresh(&f, a, FALSE, &info);
        refresh(&f, a, TRUE, &info);
        g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
        fake_put_file(f.remote, "/m/a", 2, 200);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        refresh(&f, a, FALSE, &info);
        g_assert_cmpuint(info.size, ==, 2);
        g_assert_cmpint(info.valid_until, >, fixture_now());
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 2);
        g_assert_cmpuint(fake_count_all(f.remote), ==, 2);
        refresh(&f, f.root, FALSE, &info);
        g_assert_cmpint(info.type, ==, REMOTE_TYPE_DIR);
        g_assert_cmpuint(info.mode, ==, 0755);
        refresh(&f, f.root, FALSE, &info);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT), ==, 3);
    }
    fixture_clear(&f);
}

static void without_mlst_a_refresh_lists_or_asks_for_size_and_time(void)
{
    Fixture f;
    fixture_init(&f);
    fake_settings(f.remote)->mlst = FALSE;
    fake_put_file(f.remote, "/m/a", 1, 100);
    fake_put_file(f.remote, "/m/b", 1, 100);
    fake_put_dir(f.remote, "/m/d");
    fixture_assert_list(&f, f.root, "a b d");
    {
        NodeInfo info;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        fixture_advance(FIXTURE_TIMEOUT + 1);
        fake_put_file(f.remote, "/m/a", 2, 200);
        refresh(&f, a, TRUE, &info);
        g_assert_cmpuint(info.size, ==, 2);
        g_assert_cmpint(info.mtime, ==, 200);
        g_assert_cmpuint(info.mode, ==, 0644);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_EXACT), ==, 1);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
        fake_put_file(f.remote, "/m/b", 3, 300);
        refresh(&f, b, FALSE, &info);
        g_assert_cmpuint(info.size, ==, 3);
        refresh(&f, a, FALSE, &info);
        refresh(&f, d, TRUE, &info);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2); /* one for all */
        refresh(&f, f.root, FALSE, &info);
        g_assert_cmpint(info.type, ==, REMOTE_TYPE_DIR);
        g_assert_cmpuint(fake_count(f.remote, FAKE_STAT_EXACT), ==, 1);
        g_assert_cmpuint(fake_count_all(f.remote), ==, 3);
    }
    fixture_clear(&f);
}

static void check_refresh_of_a_deleted_file(gboolean mlst, gboolean exact)
{
    Fixture f;
    fixture_init(&f);
    fake_settings(f.remote)->mlst = mlst;
    fake_put_file(f.remote, "/m/a", 9, 100);
    {
        NodeInfo info;
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        fake_delete(f.remote, "/m/a");
        fixture_advance(FIXTURE_TIMEOUT + 1);
        assert_fails(tree_refresh(f.tree, a, exact, &info, NULL, &error), error,
                     FTPSFS_ERROR_NOT_FOUND);
        fixture_assert_path(a, NULL);
        guint asked = fake_count_all(f.remote);
        assert_fails(tree_refresh(f.tree, a, TRUE, &info, NULL, &error), error, FTPSFS_ERROR_STALE);
        refresh(&f, a, FALSE, &info);
        g_assert_cmpuint(info.size, ==, 9);
        fixture_assert_lookup_fails(&f, f.root, "a", FTPSFS_ERROR_NOT_FOUND);
        g_assert_cmpuint(fake_count_all(f.remote), ==, asked);
    }
    fixture_clear(&f);
}

static void a_refresh_finds_that_the_file_is_gone(void)
{
    check_refresh_of_a_deleted_file(TRUE, FALSE);
    check_refresh_of_a_deleted_file(TRUE, TRUE);
    check_refresh_of_a_deleted_file(FALSE, FALSE);
    check_refresh_of_a_deleted_file(FALSE, TRUE);
}

static void check_link(Fixture *f, const char *name, const char *target)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = fixture_find(f, f->root, name);
    g_autofree char *found = tree_readlink(f->tree, node, NULL, &error);
    if (target == NULL) {
        g_assert_null(found);
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpstr(found, ==, target);
    g_assert_cmpuint(fixture_info(node).size, ==, strlen(target));
}

static void a_symlink_has_a_target_if_the_server_tells(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_symlink(f.remote, "/m/l", "some/where");
    fake_put_file(f.remote, "/m/a", 9, 100);
    check_link(&f, "l", "some/where");
    check_link(&f, "l", "some/where");
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);

    fake_settings(f.remote)->tell_targets = FALSE;
    fake_put_symlink(f.remote, "/m/k", "x");
    fixture_advance(FIXTURE_TIMEOUT + 1);
    fixture_assert_list(&f, f.root, "l a k");
    check_link(&f, "l", "some/where"); /* kept */
    check_link(&f, "k", NULL);
    fake_settings(f.remote)->tell_targets = TRUE;
    check_link(&f, "k", "x");
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        assert_fails(tree_readlink(f.tree, a, NULL, &error), error, FTPSFS_ERROR_INVALID);
    }
    fixture_clear(&f);
}

/* As `ls -l` asks for the links of a directory whose server tells no targets. */
static void check_links_without_targets(gboolean mlst)
{
    Fixture f;
    fixture_init(&f);
    fake_settings(f.remote)->mlst = mlst;
    fake_settings(f.remote)->tell_targets = FALSE;
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *path = g_strdup_printf("/m/l%u", i);
        fake_put_symlink(f.remote, path, "there");
    }
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("l%u", i);
        check_link(&f, name, NULL);
    }
    /* One of the names, and one for the targets before it and after it. */
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), <=, 3);
    /* It is asked again when the answer may be another. */
    fake_settings(f.remote)->tell_targets = TRUE;
    fixture_advance(FIXTURE_TIMEOUT + 1);
    check_link(&f, "l7", "there");
    fixture_clear(&f);
}

static void a_thousand_links_without_targets_are_not_a_thousand_listings(void)
{
    check_links_without_targets(TRUE);
    check_links_without_targets(FALSE);
}

static void what_the_kernel_knows_lives_on(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    fake_put_file(f.remote, "/m/d/x", 5, 100);
    Node *d = fixture_find(&f, f.root, "d");
    Node *x = fixture_find(&f, d, "x");
    node_remember(d);
    node_remember(x);
    node_remember(x);
    node_unref(d);
    node_unref(x);
    fake_delete(f.remote, "/m/d");
    relist(&f, "");
    g_assert_cmpuint(fixture_info(x).size, ==, 5);
    fixture_assert_path(x, NULL);
    node_forget(d, 1); /* before what is below it */
    g_assert_cmpuint(fixture_info(x).size, ==, 5);
    node_forget(x, 1);
    g_assert_cmpuint(fixture_info(x).size, ==, 5);
    node_forget(x, 1);

    /* What the kernel never forgets goes with the tree. */
    fake_put_file(f.remote, "/m/y", 5, 100);
    relist(&f, "y");
    Node *y = fixture_find(&f, f.root, "y");
    node_remember(y);
    node_unref(y);
    fixture_clear(&f);
}

static gboolean is_cached(Fixture *f, Node *dir, const char *name)
{
    g_autoptr(Node) node = tree_peek(f->tree, dir, name);
    return node != NULL;
}

/* Makes "/m/d" with x and y, lists it, and gives it as a node. */
static Node *listed_directory(Fixture *f)
{
    fake_put_dir(f->remote, "/m/d");
    fake_put_file(f->remote, "/m/d/x", 5, 100);
    fake_put_file(f->remote, "/m/d/y", 5, 100);
    Node *d = fixture_find(f, f->root, "d");
    fixture_assert_list(f, d, "x y");
    return d;
}

static void unused_directories_are_dropped_in_the_end(void)
{
    Fixture f;
    fixture_init(&f);
    {
        g_autoptr(Node) d = listed_directory(&f);
        Node *y = fixture_find(&f, d, "y");
        node_remember(y);
        node_unref(y);
        fixture_advance(9 * FIXTURE_TIMEOUT);
        fixture_assert_list(&f, f.root, "d");
        g_assert_true(is_cached(&f, d, "x"));
        fixture_advance(2 * FIXTURE_TIMEOUT);
        fixture_assert_list(&f, f.root, "d");
        g_assert_false(is_cached(&f, d, "x"));
        g_assert_true(is_cached(&f, d, "y")); /* the kernel has it */
        fixture_assert_path(y, "/m/d/y");
        node_forget(y, 1);
        fixture_advance(11 * FIXTURE_TIMEOUT);
        fixture_assert_list(&f, f.root, "d");
        g_assert_false(is_cached(&f, d, "y"));
        fixture_assert_list(&f, d, "x y");
    }
    fixture_clear(&f);
}

static void too_many_nodes_are_dropped_when_they_have_expired(void)
{
    Fixture f;
    fixture_init_at(&f, "/m", 3);
    {
        g_autoptr(Node) d = listed_directory(&f);
        fixture_assert_list(&f, f.root, "d");
        g_assert_true(is_cached(&f, d, "x"));
        fixture_advance(FIXTURE_TIMEOUT + 1);
        fixture_assert_list(&f, f.root, "d");
        g_assert_false(is_cached(&f, d, "x"));
    }
    fixture_clear(&f);
}

/* Bytes that are allocated now. */
static gsize allocated(void);

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#ifdef SANITIZED
/* From sanitizer/allocator_interface.h, which gcc doesn't install. */
size_t __sanitizer_get_current_allocated_bytes(void);

static gsize allocated(void)
{
    return __sanitizer_get_current_allocated_bytes();
}
#else
static gsize allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
#endif

#define BIG            100000
#define BYTES_AN_ENTRY 250

static void an_entry_takes_at_most_250_bytes(void)
{
    Fixture f;
    fixture_init(&f);
    for (guint i = 0; i < BIG; i++) {
        g_autofree char *path = g_strdup_printf("/m/photograph-%06u.jpeg", i);
        fake_put_file(f.remote, path, i, 1700000000 + i);
    }
    gsize before = allocated();
    {
        g_autoptr(GPtrArray) nodes = tree_list(f.tree, f.root, NULL, NULL);
        g_assert_cmpuint(nodes->len, ==, BIG);
    }
    gsize taken = allocated() - before;
    g_test_message("%.1f bytes an entry", (double)taken / BIG);
    g_assert_cmpuint(taken, >, 100 * BIG);
    g_assert_cmpuint(taken, <=, (gsize)BYTES_AN_ENTRY * BIG);

    /* Listing it again takes nothing more. */
    fixture_advance(FIXTURE_TIMEOUT + 1);
    {
        g_autoptr(GPtrArray) nodes = tree_list(f.tree, f.root, NULL, NULL);
        g_assert_cmpuint(nodes->len, ==, BIG);
    }
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    g_assert_cmpuint(allocated() - before, <=, (gsize)BYTES_AN_ENTRY * BIG);
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/a node stays the same while the file is there",
                    a_node_stays_the_same_while_the_file_is_there);
    g_test_add_func("/tree/a vanished file is detached", a_vanished_file_is_detached);
    g_test_add_func("/tree/another type is another node", another_type_is_another_node);
    g_test_add_func("/tree/a coarse time that agrees changes nothing",
                    a_coarse_time_that_agrees_changes_nothing);
    g_test_add_func("/tree/an exact time within the same minute is a change",
                    an_exact_time_within_the_same_minute_is_a_change);
    g_test_add_func("/tree/versions never come back", versions_never_come_back);
    g_test_add_func("/tree/a pinned node is its writer's", a_pinned_node_is_its_writers);
    g_test_add_func("/tree/a refresh asks only for what has expired",
                    a_refresh_asks_only_for_what_has_expired);
    g_test_add_func("/tree/without MLST a refresh lists, or asks for size and time",
                    without_mlst_a_refresh_lists_or_asks_for_size_and_time);
    g_test_add_func("/tree/a refresh finds that the file is gone",
                    a_refresh_finds_that_the_file_is_gone);
    g_test_add_func("/tree/a thousand links without targets are not a thousand listings",
                    a_thousand_links_without_targets_are_not_a_thousand_listings);
    g_test_add_func("/tree/a symlink has a target if the server tells",
                    a_symlink_has_a_target_if_the_server_tells);
    g_test_add_func("/tree/what the kernel knows lives on", what_the_kernel_knows_lives_on);
    g_test_add_func("/tree/unused directories are dropped in the end",
                    unused_directories_are_dropped_in_the_end);
    g_test_add_func("/tree/too many nodes are dropped when they have expired",
                    too_many_nodes_are_dropped_when_they_have_expired);
    g_test_add_func("/tree/an entry takes at most 250 bytes", an_entry_takes_at_most_250_bytes);
    return g_test_run();
}
