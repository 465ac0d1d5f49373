/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes, on the server and from here, and what the tree makes of them without asking again. */
#include "ftpsfs/cache/tree.h"
#include "tree_fixture.h"

static Node *mkdir_at(Fixture *f, Node *dir, const char *name, guint32 mode)
{
    g_autoptr(GError) error = NULL;
    Node *node = tree_mkdir(f->tree, dir, name, mode, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(node);
    return node;
}

static void a_new_directory_is_known_to_be_empty(void)
{
    Fixture f;
    fixture_init(&f);
    fixture_assert_list(&f, f.root, "");
    {
        g_autoptr(Node) d = mkdir_at(&f, f.root, "d", 0755);
        g_autoptr(Node) again = fixture_find(&f, f.root, "d");
        g_assert_true(d == again);
        fixture_assert_list(&f, f.root, "d");
        fixture_assert_list(&f, d, "");
        fixture_assert_lookup_fails(&f, d, "x", FTPSFS_ERROR_NOT_FOUND);
        g_autoptr(Node) e = mkdir_at(&f, d, "e", 0775);
        fixture_assert_list(&f, d, "e");
        fixture_assert_path(e, "/m/d/e");
        g_assert_cmpuint(fixture_info(e).mode, ==, 0775);
    }
    g_assert_true(fake_exists(f.remote, "/m/d/e"));
    g_assert_cmpuint(fake_count_all(f.remote), ==, 3);
    fixture_clear(&f);
}

static void a_directory_closed_to_others_is_closed_on_the_server(void)
{
    Fixture f;
    fixture_init(&f);
    {
        g_autoptr(Node) d = mkdir_at(&f, f.root, "secret", 0700);
        g_assert_cmpuint(fake_mode(f.remote, "/m/secret"), ==, 0700);
        g_assert_cmpuint(fixture_info(d).mode, ==, 0700);
        g_assert_cmpuint(fake_count(f.remote, FAKE_SET_ATTRIBUTES), ==, 1);
    }
    fixture_clear(&f);
}

static void mkdir_of_a_name_that_is_there_says_so(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fixture_assert_list(&f, f.root, "a");
    g_autoptr(GError) error = NULL;
    assert_fails(tree_mkdir(f.tree, f.root, "a", 0755, NULL, &error), error, FTPSFS_ERROR_EXISTS);
    g_assert_cmpuint(fake_count(f.remote, FAKE_MKDIR), ==, 0);
    /* Made by others since the listing: the server says 550. */
    fake_put_file(f.remote, "/m/b", 1, 1);
    assert_fails(tree_mkdir(f.tree, f.root, "b", 0755, NULL, &error), error, FTPSFS_ERROR_EXISTS);
    g_assert_cmpuint(fake_count(f.remote, FAKE_MKDIR), ==, 1);
    fixture_assert_list(&f, f.root, "a b");
    fake_settings(f.remote)->mlst = FALSE;
    fake_put_file(f.remote, "/m/c", 1, 1);
    assert_fails(tree_mkdir(f.tree, f.root, "c", 0755, NULL, &error), error, FTPSFS_ERROR_EXISTS);
    fake_fail(f.remote, FAKE_MKDIR, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(tree_mkdir(f.tree, f.root, "x", 0755, NULL, &error), error, FTPSFS_ERROR_ACCESS);
    fixture_clear(&f);
}

static void a_change_whose_reply_is_lost_is_looked_up_again(void)
{
    Fixture f;
    fixture_init(&f);
    fixture_assert_list(&f, f.root, "");
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_MKDIR, 0, 1, FTPSFS_ERROR_LOST, TRUE);
    assert_fails(tree_mkdir(f.tree, f.root, "d", 0755, NULL, &error), error, FTPSFS_ERROR_LOST);
    fixture_assert_list(&f, f.root, "d");
    fake_fail(f.remote, FAKE_RMDIR, 0, 1, FTPSFS_ERROR_TIMEOUT, TRUE);
    assert_fails(tree_rmdir(f.tree, f.root, "d", NULL, &error), error, FTPSFS_ERROR_TIMEOUT);
    fixture_assert_lookup_fails(&f, f.root, "d", FTPSFS_ERROR_NOT_FOUND);
    fixture_clear(&f);
}

static void a_deleted_file_is_absent_at_once(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_dir(f.remote, "/m/d");
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a"); /* the directory is not listed */
        assert_succeeds(tree_unlink(f.tree, f.root, "a", NULL, &error), error);
        g_assert_false(fake_exists(f.remote, "/m/a"));
        fixture_assert_path(a, NULL);
        fixture_assert_lookup_fails(&f, f.root, "a", FTPSFS_ERROR_NOT_FOUND);
        g_assert_cmpuint(fake_count_all(f.remote), ==, 2);
        assert_fails(tree_unlink(f.tree, f.root, "d", NULL, &error), error, FTPSFS_ERROR_IS_DIR);
        g_assert_cmpuint(fake_count(f.remote, FAKE_UNLINK), ==, 1);
    }
    fixture_clear(&f);
}

static void what_the_server_says_is_gone_is_detached(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_dir(f.remote, "/m/d");
    fixture_assert_list(&f, f.root, "a d");
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        fake_delete(f.remote, "/m/a");
        fake_delete(f.remote, "/m/d");
        assert_fails(tree_unlink(f.tree, f.root, "a", NULL, &error), error, FTPSFS_ERROR_NOT_FOUND);
        assert_fails(tree_rmdir(f.tree, f.root, "d", NULL, &error), error, FTPSFS_ERROR_NOT_FOUND);
        fixture_assert_path(a, NULL);
        fixture_assert_list(&f, f.root, "");
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    }
    fixture_clear(&f);
}

static void a_refused_unlink_leaves_the_file(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fixture_assert_list(&f, f.root, "a");
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_UNLINK, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(tree_unlink(f.tree, f.root, "a", NULL, &error), error, FTPSFS_ERROR_ACCESS);
    fixture_assert_list(&f, f.root, "a");
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    fixture_clear(&f);
}

static void rmdir_is_for_empty_directories(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_dir(f.remote, "/m/d");
    fake_put_dir(f.remote, "/m/full");
    fake_put_file(f.remote, "/m/full/x", 1, 1);
    fixture_assert_list(&f, f.root, "a d full");
    g_autoptr(GError) error = NULL;
    assert_fails(tree_rmdir(f.tree, f.root, "a", NULL, &error), error, FTPSFS_ERROR_NOT_DIR);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RMDIR), ==, 0);
    assert_succeeds(tree_rmdir(f.tree, f.root, "d", NULL, &error), error);
    fixture_assert_list(&f, f.root, "a full");
    /* The server says 550, the listing why. */
    assert_fails(tree_rmdir(f.tree, f.root, "full", NULL, &error), error, FTPSFS_ERROR_NOT_EMPTY);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RMDIR), ==, 2);
    /* Now that it is known the server is not asked. */
    assert_fails(tree_rmdir(f.tree, f.root, "full", NULL, &error), error, FTPSFS_ERROR_NOT_EMPTY);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RMDIR), ==, 2);
    fake_delete(f.remote, "/m/full/x");
    fixture_advance(FIXTURE_TIMEOUT + 1);
    fake_fail(f.remote, FAKE_RMDIR, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(tree_rmdir(f.tree, f.root, "full", NULL, &error), error, FTPSFS_ERROR_ACCESS);
    assert_succeeds(tree_rmdir(f.tree, f.root, "full", NULL, &error), error);
    fixture_clear(&f);
}

static void hidden_names_keep_a_directory_from_being_empty(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    fake_put_file(f.remote, "/m/d/.ftpsfs-old-00000000", 1, 1);
    g_autoptr(GError) error = NULL;
    assert_fails(tree_rmdir(f.tree, f.root, "d", NULL, &error), error, FTPSFS_ERROR_NOT_EMPTY);
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        fixture_assert_list(&f, d, "");
    }
    fixture_clear(&f);
}

static void a_file_being_written_keeps_a_directory_from_being_empty(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        g_autoptr(Node) x = tree_add_file(f.tree, d, "x", 0644);
        tree_pin(f.tree, x);
        assert_fails(tree_rmdir(f.tree, f.root, "d", NULL, &error), error, FTPSFS_ERROR_NOT_EMPTY);
        g_assert_cmpuint(fake_count(f.remote, FAKE_RMDIR), ==, 0);
        tree_unpin(f.tree, x);
    }
    fixture_clear(&f);
}

static void a_new_symlink_has_its_target(void)
{
    Fixture f;
    fixture_init(&f);
    fixture_assert_list(&f, f.root, "");
    g_autoptr(GError) error = NULL;
    {
        g_autoptr(Node) link = tree_symlink(f.tree, f.root, "l", "some/where", NULL, &error);
        g_assert_no_error(error);
        g_autofree char *target = tree_readlink(f.tree, link, NULL, &error);
        g_assert_cmpstr(target, ==, "some/where");
        g_assert_cmpuint(fixture_info(link).size, ==, 10);
        fixture_assert_list(&f, f.root, "l");
        g_assert_cmpuint(fake_count_all(f.remote), ==, 2);
        assert_fails(tree_symlink(f.tree, f.root, "l", "x", NULL, &error), error,
                     FTPSFS_ERROR_EXISTS);
        fake_settings(f.remote)->symlink = FALSE;
        assert_fails(tree_symlink(f.tree, f.root, "k", "x", NULL, &error), error,
                     FTPSFS_ERROR_UNSUPPORTED);
    }
    fixture_clear(&f);
}

static void attributes_are_set_on_the_server_and_here(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        guint64 version = fixture_info(a).version;
        assert_succeeds(tree_set_attributes(f.tree, a, 0600, 12345, NULL, &error), error);
        g_assert_cmpuint(fake_mode(f.remote, "/m/a"), ==, 0600);
        g_assert_cmpuint(fixture_info(a).mode, ==, 0600);
        g_assert_cmpint(fixture_info(a).mtime, ==, 12345);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        fixture_assert_list(&f, f.root, "a");
        g_assert_cmpuint(fixture_info(a).version, ==, version);
        assert_succeeds(tree_set_attributes(f.tree, a, 0640, G_MININT64, NULL, &error), error);
        g_assert_cmpint(fixture_info(a).mtime, ==, 12345);
        fake_fail(f.remote, FAKE_SET_ATTRIBUTES, 0, 1, FTPSFS_ERROR_UNSUPPORTED, FALSE);
        assert_fails(tree_set_attributes(f.tree, a, 0600, G_MININT64, NULL, &error), error,
                     FTPSFS_ERROR_UNSUPPORTED);
        g_assert_cmpuint(fixture_info(a).mode, ==, 0640);
        tree_detach(f.tree, a);
        assert_fails(tree_set_attributes(f.tree, a, 0600, G_MININT64, NULL, &error), error,
                     FTPSFS_ERROR_STALE);
    }
    fixture_clear(&f);
}

static void a_new_owner_is_shown_until_the_server_tells_another(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_assert_cmpuint(fixture_info(a).has & (REMOTE_HAS_UID | REMOTE_HAS_GID), ==, 0);
        TreeOwner group = {.kind = REMOTE_GROUP, .account = "33", .id = 33};
        assert_succeeds(tree_set_owner(f.tree, a, &group, NULL, &error), error);
        g_assert_cmpuint(fixture_info(a).gid, ==, 33);
        g_assert_cmpuint(fixture_info(a).has & (REMOTE_HAS_UID | REMOTE_HAS_GID), ==,
                         REMOTE_HAS_GID);
        TreeOwner owner = {.kind = REMOTE_OWNER, .account = "7", .id = 7};
        assert_succeeds(tree_set_owner(f.tree, a, &owner, NULL, &error), error);
        g_assert_cmpuint(fixture_info(a).uid, ==, 7);
        owner.id = 8;
        fake_fail(f.remote, FAKE_SET_ATTRIBUTES, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
        assert_fails(tree_set_owner(f.tree, a, &owner, NULL, &error), error, FTPSFS_ERROR_ACCESS);
        g_assert_cmpuint(fixture_info(a).uid, ==, 7);
        tree_detach(f.tree, a);
        assert_fails(tree_set_owner(f.tree, a, &owner, NULL, &error), error, FTPSFS_ERROR_STALE);
    }
    fixture_clear(&f);
}

static void a_file_added_from_here_is_there_at_once(void)
{
    Fixture f;
    fixture_init(&f);
    fixture_assert_lookup_fails(&f, f.root, "a", FTPSFS_ERROR_NOT_FOUND);
    {
        g_autoptr(Node) a = tree_add_file(f.tree, f.root, "a", 0640);
        g_autoptr(Node) found = fixture_find(&f, f.root, "a");
        g_assert_true(a == found);
        g_autoptr(Node) again = tree_add_file(f.tree, f.root, "a", 0600);
        g_assert_true(again == a);
        g_assert_cmpuint(fixture_info(a).mode, ==, 0640);
        g_assert_cmpuint(fixture_info(a).size, ==, 0);
        g_assert_cmpint(fixture_info(a).mtime, >, 1600000000);
        fake_put_file(f.remote, "/m/a", 3, 300);
        fixture_assert_list(&f, f.root, "a");
        g_assert_true(fixture_info(a).ino == fixture_info(found).ino);
        g_assert_cmpuint(fixture_info(a).size, ==, 3);
        tree_detach(f.tree, a);
        tree_detach(f.tree, a);
        fixture_assert_path(a, NULL);
        fixture_assert_lookup_fails(&f, f.root, "a", FTPSFS_ERROR_NOT_FOUND);
    }
    fixture_clear(&f);
}

static void a_node_moved_from_here_has_its_new_place_at_once(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_file(f.remote, "/m/b", 1, 1);
    fixture_assert_list(&f, f.root, "a b");
    {
        g_autoptr(Node) d = mkdir_at(&f, f.root, "d", 0755);
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        NodeInfo before = fixture_info(a);
        tree_moved(f.tree, a, f.root, "b");
        fixture_assert_path(a, "/m/b");
        fixture_assert_path(b, NULL);
        fixture_assert_list(&f, f.root, "d b");
        tree_moved(f.tree, a, d, "a name that is longer than the one before");
        fixture_assert_path(a, "/m/d/a name that is longer than the one before");
        fixture_assert_list(&f, f.root, "d");
        fixture_assert_lookup_fails(&f, f.root, "b", FTPSFS_ERROR_NOT_FOUND);
        g_assert_cmpuint(fixture_info(a).ino, ==, before.ino);
        g_assert_cmpuint(fixture_info(a).version, ==, before.version);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    }
    fixture_clear(&f);
}

static void local_values_hold_like_those_of_the_server(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 100);
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        NodeInfo before = fixture_info(a);
        fixture_advance(FIXTURE_TIMEOUT - 1);
        tree_set_local(f.tree, a, G_MAXUINT64, 200, 5, G_MAXUINT32, FALSE);
        NodeInfo after = fixture_info(a);
        g_assert_cmpuint(after.size, ==, 1);
        g_assert_cmpint(after.mtime, ==, 200);
        g_assert_cmpint(after.mtime_ns, ==, 5);
        g_assert_cmpuint(after.mode, ==, before.mode);
        g_assert_cmpuint(after.version, ==, before.version);
        g_assert_cmpint(after.valid_until, >, before.valid_until);
        tree_set_local(f.tree, a, 9, G_MININT64, 0, G_MAXUINT32, TRUE);
        g_assert_cmpuint(fixture_info(a).size, ==, 9);
        g_assert_cmpint(fixture_info(a).mtime, ==, 200);
        g_assert_cmpuint(fixture_info(a).version, !=, before.version);
    }
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/a new directory is known to be empty",
                    a_new_directory_is_known_to_be_empty);
    g_test_add_func("/tree/a directory closed to others is closed on the server",
                    a_directory_closed_to_others_is_closed_on_the_server);
    g_test_add_func("/tree/mkdir of a name that is there says so",
                    mkdir_of_a_name_that_is_there_says_so);
    g_test_add_func("/tree/a change whose reply is lost is looked up again",
                    a_change_whose_reply_is_lost_is_looked_up_again);
    g_test_add_func("/tree/a deleted file is absent at once", a_deleted_file_is_absent_at_once);
    g_test_add_func("/tree/what the server says is gone is detached",
                    what_the_server_says_is_gone_is_detached);
    g_test_add_func("/tree/a refused unlink leaves the file", a_refused_unlink_leaves_the_file);
    g_test_add_func("/tree/rmdir is for empty directories", rmdir_is_for_empty_directories);
    g_test_add_func("/tree/hidden names keep a directory from being empty",
                    hidden_names_keep_a_directory_from_being_empty);
    g_test_add_func("/tree/a file being written keeps a directory from being empty",
                    a_file_being_written_keeps_a_directory_from_being_empty);
    g_test_add_func("/tree/a new symlink has its target", a_new_symlink_has_its_target);
    g_test_add_func("/tree/attributes are set on the server and here",
                    attributes_are_set_on_the_server_and_here);
    g_test_add_func("/tree/a new owner is shown until the server tells another",
                    a_new_owner_is_shown_until_the_server_tells_another);
    g_test_add_func("/tree/a file added from here is there at once",
                    a_file_added_from_here_is_there_at_once);
    g_test_add_func("/tree/a node moved from here has its new place at once",
                    a_node_moved_from_here_has_its_new_place_at_once);
    g_test_add_func("/tree/local values hold like those of the server",
                    local_values_hold_like_those_of_the_server);
    return g_test_run();
}
