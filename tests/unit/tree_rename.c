/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename(2): at no moment is there neither the old nor the new content. */
#include "ftpsfs/cache/tree.h"
#include "tree_fixture.h"

#define SOURCE_SIZE 11
#define TARGET_SIZE 22

/* A listed directory with the files a and b and the empty directory d. */
static void setup(Fixture *f)
{
    fixture_init(f);
    fake_put_file(f->remote, "/m/a", SOURCE_SIZE, 100);
    fake_put_file(f->remote, "/m/b", TARGET_SIZE, 200);
    fake_put_dir(f->remote, "/m/d");
    fixture_assert_list(f, f->root, "a b d");
}

static gboolean rename_ab(Fixture *f, GError **error)
{
    return tree_rename(f->tree, f->root, "a", f->root, "b", FALSE, NULL, error);
}

/* That b has the content of a, on the server and here, and that nothing else is left. */
static void assert_replaced(Fixture *f, Node *source, Node *target)
{
    fixture_assert_path(source, "/m/b");
    fixture_assert_path(target, NULL);
    fixture_assert_list(f, f->root, "d b");
    g_assert_cmpuint(fake_size(f->remote, "/m/b"), ==, SOURCE_SIZE);
    g_assert_cmpuint(fake_children(f->remote, "/m"), ==, 2);
}

/* That nothing has changed, on the server and here. */
static void assert_unchanged(Fixture *f)
{
    g_assert_cmpuint(fake_size(f->remote, "/m/a"), ==, SOURCE_SIZE);
    g_assert_cmpuint(fake_size(f->remote, "/m/b"), ==, TARGET_SIZE);
    g_assert_cmpuint(fake_children(f->remote, "/m"), ==, 3);
    g_autoptr(Node) a = fixture_find(f, f->root, "a");
    g_autoptr(Node) b = fixture_find(f, f->root, "b");
    g_assert_cmpuint(fixture_info(a).size, ==, SOURCE_SIZE);
    g_assert_cmpuint(fixture_info(b).size, ==, TARGET_SIZE);
}

static void a_renamed_file_is_the_same_node(void)
{
    Fixture f;
    setup(&f);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        guint64 version = fixture_info(a).version;
        fixture_assert_list(&f, d, "");
        guint asked = fake_count_all(f.remote);
        assert_succeeds(tree_rename(f.tree, f.root, "a", d, "c", FALSE, NULL, &error), error);
        fixture_assert_path(a, "/m/d/c");
        fixture_assert_list(&f, f.root, "b d");
        fixture_assert_list(&f, d, "c");
        fixture_assert_lookup_fails(&f, f.root, "a", FTPSFS_ERROR_NOT_FOUND);
        g_assert_cmpuint(fixture_info(a).version, ==, version);
        g_assert_cmpuint(fake_count_all(f.remote), ==, asked + 1);
        g_assert_true(fake_exists(f.remote, "/m/d/c"));
        /* To its own name is nothing to do. */
        assert_succeeds(tree_rename(f.tree, d, "c", d, "c", FALSE, NULL, &error), error);
        g_assert_cmpuint(fake_count_all(f.remote), ==, asked + 1);
        assert_fails(tree_rename(f.tree, d, "x", d, "y", FALSE, NULL, &error), error,
                     FTPSFS_ERROR_NOT_FOUND);
    }
    fixture_clear(&f);
}

static void a_renamed_directory_takes_along_what_is_below(void)
{
    Fixture f;
    setup(&f);
    fake_put_file(f.remote, "/m/d/x", 5, 5);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        g_autoptr(Node) x = fixture_find(&f, d, "x");
        assert_succeeds(tree_rename(f.tree, f.root, "d", f.root, "e", FALSE, NULL, &error), error);
        fixture_assert_path(x, "/m/e/x");
        assert_fails(tree_rename(f.tree, f.root, "e", d, "y", FALSE, NULL, &error), error,
                     FTPSFS_ERROR_INVALID);
    }
    fixture_clear(&f);
}

static void a_server_that_replaces_is_let_to(void)
{
    Fixture f;
    setup(&f);
    fake_settings(f.remote)->rename_over = TRUE;
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        assert_succeeds(rename_ab(&f, &error), error);
        assert_replaced(&f, a, b);
        g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, 1);
        g_assert_cmpuint(fake_count(f.remote, FAKE_UNLINK), ==, 0);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    }
    fixture_clear(&f);
}

static void check_moved_aside(gboolean tell_exists)
{
    Fixture f;
    setup(&f);
    fake_settings(f.remote)->tell_exists = tell_exists;
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        assert_succeeds(rename_ab(&f, &error), error);
        assert_replaced(&f, a, b);
        g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, 3);
        g_assert_cmpuint(fake_count(f.remote, FAKE_UNLINK), ==, 1);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    }
    fixture_clear(&f);
}

static void where_the_server_refuses_the_target_is_moved_aside(void)
{
    check_moved_aside(TRUE);
    check_moved_aside(FALSE);
}

static void a_target_that_cannot_be_moved_aside_stays(void)
{
    Fixture f;
    setup(&f);
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_RENAME, 1, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(rename_ab(&f, &error), error, FTPSFS_ERROR_ACCESS);
    assert_unchanged(&f);
    /* The reply to the move is lost: it is taken back. */
    fake_fail(f.remote, FAKE_RENAME, 1, 1, FTPSFS_ERROR_LOST, TRUE);
    assert_fails(rename_ab(&f, &error), error, FTPSFS_ERROR_ACCESS);
    assert_unchanged(&f);
    fixture_clear(&f);
}

static void a_source_that_cannot_be_moved_brings_the_target_back(void)
{
    Fixture f;
    setup(&f);
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_RENAME, 2, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(rename_ab(&f, &error), error, FTPSFS_ERROR_ACCESS);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, 4);
    assert_unchanged(&f);
    fake_fail(f.remote, FAKE_RENAME, 2, 1, FTPSFS_ERROR_LOST, FALSE);
    assert_fails(rename_ab(&f, &error), error, FTPSFS_ERROR_LOST);
    assert_unchanged(&f);
    fixture_clear(&f);
}

/* The reply to the rename after `skip` others is lost, though it was done. */
static void check_lost_reply(guint skip, gboolean mlst)
{
    Fixture f;
    setup(&f);
    fake_settings(f.remote)->mlst = mlst;
    fake_settings(f.remote)->rename_over = skip == 0;
    fake_fail(f.remote, FAKE_RENAME, skip, 1, FTPSFS_ERROR_LOST, TRUE);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, f.root, "b");
        assert_succeeds(rename_ab(&f, &error), error);
        assert_replaced(&f, a, b);
    }
    fixture_clear(&f);
}

static void a_rename_whose_reply_is_lost_is_found_to_be_done(void)
{
    check_lost_reply(0, TRUE);
    check_lost_reply(0, FALSE);
    check_lost_reply(2, TRUE);
    check_lost_reply(2, FALSE);
}

static void a_rename_that_was_interrupted_is_looked_up_again(void)
{
    Fixture f;
    setup(&f);
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_RENAME, 0, 1, FTPSFS_ERROR_INTERRUPTED, TRUE);
    assert_fails(tree_rename(f.tree, f.root, "a", f.root, "c", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_INTERRUPTED);
    fixture_assert_list(&f, f.root, "b d c");
    fixture_clear(&f);
}

static void a_target_that_others_made_is_found_when_the_server_refuses(void)
{
    Fixture f;
    setup(&f);
    fake_put_file(f.remote, "/m/c", 33, 300);
    g_autoptr(GError) error = NULL;
    assert_succeeds(tree_rename(f.tree, f.root, "a", f.root, "c", FALSE, NULL, &error), error);
    fixture_assert_list(&f, f.root, "b d c");
    g_assert_cmpuint(fake_size(f.remote, "/m/c"), ==, SOURCE_SIZE);
    g_assert_cmpuint(fake_children(f.remote, "/m"), ==, 3);
    fixture_clear(&f);
}

static void no_replace_never_replaces(void)
{
    Fixture f;
    setup(&f);
    fake_settings(f.remote)->rename_over = TRUE;
    g_autoptr(GError) error = NULL;
    assert_fails(tree_rename(f.tree, f.root, "a", f.root, "b", TRUE, NULL, &error), error,
                 FTPSFS_ERROR_EXISTS);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, 0);
    /* Others may have made it since the listing. */
    fake_put_file(f.remote, "/m/c", 33, 300);
    assert_fails(tree_rename(f.tree, f.root, "a", f.root, "c", TRUE, NULL, &error), error,
                 FTPSFS_ERROR_EXISTS);
    g_assert_cmpuint(fake_size(f.remote, "/m/c"), ==, 33);
    assert_succeeds(tree_rename(f.tree, f.root, "a", f.root, "e", TRUE, NULL, &error), error);
    fixture_clear(&f);
}

static void a_target_that_cannot_be_deleted_is_put_back(void)
{
    Fixture f;
    setup(&f);
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_UNLINK, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(rename_ab(&f, &error), error, FTPSFS_ERROR_ACCESS);
    assert_unchanged(&f);
    /* Others have put a full directory in the place of the file. */
    fake_delete(f.remote, "/m/b");
    fake_put_dir(f.remote, "/m/b");
    fake_put_file(f.remote, "/m/b/x", 1, 1);
    assert_fails(rename_ab(&f, &error), error, FTPSFS_ERROR_ACCESS);
    g_assert_true(fake_exists(f.remote, "/m/b/x"));
    g_assert_cmpuint(fake_size(f.remote, "/m/a"), ==, SOURCE_SIZE);
    fixture_clear(&f);
}

static void a_target_directory_that_others_have_filled_is_put_back(void)
{
    Fixture f;
    setup(&f);
    fake_put_dir(f.remote, "/m/e");
    fixture_advance(FIXTURE_TIMEOUT + 1);
    fixture_assert_list(&f, f.root, "a b d e");
    {
        g_autoptr(Node) e = fixture_find(&f, f.root, "e");
        fixture_assert_list(&f, e, "");
    }
    fake_put_file(f.remote, "/m/e/x", 1, 1);
    g_autoptr(GError) error = NULL;
    assert_fails(tree_rename(f.tree, f.root, "d", f.root, "e", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_NOT_EMPTY);
    g_assert_true(fake_exists(f.remote, "/m/e/x"));
    g_assert_true(fake_exists(f.remote, "/m/d"));
    g_assert_cmpuint(fake_children(f.remote, "/m"), ==, 4);
    fixture_clear(&f);
}

static void types_must_fit(void)
{
    Fixture f;
    setup(&f);
    fake_put_dir(f.remote, "/m/full");
    fake_put_file(f.remote, "/m/full/x", 1, 1);
    fixture_advance(FIXTURE_TIMEOUT + 1);
    fixture_assert_list(&f, f.root, "a b d full");
    g_autoptr(GError) error = NULL;
    assert_fails(tree_rename(f.tree, f.root, "a", f.root, "d", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_IS_DIR);
    assert_fails(tree_rename(f.tree, f.root, "d", f.root, "a", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_NOT_DIR);
    assert_fails(tree_rename(f.tree, f.root, "d", f.root, "full", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_NOT_EMPTY);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, 0);
    /* Over an empty directory. */
    assert_succeeds(tree_rename(f.tree, f.root, "full", f.root, "d", FALSE, NULL, &error), error);
    fixture_assert_list(&f, f.root, "a b d");
    g_assert_true(fake_exists(f.remote, "/m/d/x"));
    g_assert_cmpuint(fake_children(f.remote, "/m"), ==, 3);
    fixture_clear(&f);
}

static void a_refusal_without_a_target_is_passed_on(void)
{
    Fixture f;
    setup(&f);
    g_autoptr(GError) error = NULL;
    fake_fail(f.remote, FAKE_RENAME, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    assert_fails(tree_rename(f.tree, f.root, "a", f.root, "c", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_ACCESS);
    assert_unchanged(&f);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, 1);
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/rename/a renamed file is the same node",
                    a_renamed_file_is_the_same_node);
    g_test_add_func("/tree/rename/a renamed directory takes along what is below",
                    a_renamed_directory_takes_along_what_is_below);
    g_test_add_func("/tree/rename/a server that replaces is let to",
                    a_server_that_replaces_is_let_to);
    g_test_add_func("/tree/rename/where the server refuses, the target is moved aside",
                    where_the_server_refuses_the_target_is_moved_aside);
    g_test_add_func("/tree/rename/a target that can't be moved aside stays",
                    a_target_that_cannot_be_moved_aside_stays);
    g_test_add_func("/tree/rename/a source that can't be moved brings the target back",
                    a_source_that_cannot_be_moved_brings_the_target_back);
    g_test_add_func("/tree/rename/a rename whose reply is lost is found to be done",
                    a_rename_whose_reply_is_lost_is_found_to_be_done);
    g_test_add_func("/tree/rename/a rename that was interrupted is looked up again",
                    a_rename_that_was_interrupted_is_looked_up_again);
    g_test_add_func("/tree/rename/a target that others made is found when the server refuses",
                    a_target_that_others_made_is_found_when_the_server_refuses);
    g_test_add_func("/tree/rename/no_replace never replaces", no_replace_never_replaces);
    g_test_add_func("/tree/rename/a target that can't be deleted is put back",
                    a_target_that_cannot_be_deleted_is_put_back);
    g_test_add_func("/tree/rename/a target directory that others have filled is put back",
                    a_target_directory_that_others_have_filled_is_put_back);
    g_test_add_func("/tree/rename/types must fit", types_must_fit);
    g_test_add_func("/tree/rename/a refusal without a target is passed on",
                    a_refusal_without_a_target_is_passed_on);
    return g_test_run();
}
