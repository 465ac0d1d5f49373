/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree_fixture.h"

static void start(Fixture *f, gboolean offline)
{
    TreeOptions options = {
        .timeout_s = FIXTURE_TIMEOUT,
        .clock = fixture_now,
        .offline = offline,
    };
    f->remote = fake_remote_new("/m");
    f->tree = tree_new(f->remote, &options);
    f->root = tree_root(f->tree);
    fake_put_dir(f->remote, "/m/dir");
    fake_put_dir(f->remote, "/m/never");
    fake_put_file(f->remote, "/m/file", 5, 6000);
}

/* The server can't be reached any more; all has expired. */
static void lose(Fixture *f)
{
    for (guint op = 0; op < FAKE_OPS; op++)
        fake_fail(f->remote, (FakeOp)op, 0, 1000, FTPSFS_ERROR_CONNECT, FALSE);
    fake_settings(f->remote)->gone = TRUE;
    fixture_advance(100 * FIXTURE_TIMEOUT);
}

static void find_again(Fixture *f)
{
    for (guint op = 0; op < FAKE_OPS; op++)
        fake_fail(f->remote, (FakeOp)op, 0, 0, FTPSFS_ERROR_CONNECT, FALSE);
    fake_settings(f->remote)->gone = FALSE;
}

static void what_was_known_is_given_while_the_server_is_gone(void)
{
    Fixture f;
    start(&f, TRUE);
    fixture_assert_list(&f, f.root, "dir never file");
    lose(&f);
    fixture_assert_list(&f, f.root, "dir never file");
    {
        NodeInfo info;
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) file = fixture_find(&f, f.root, "file");
        assert_succeeds(tree_refresh(f.tree, file, TRUE, &info, NULL, &error), error);
        g_assert_cmpuint(info.size, ==, 5);
        g_assert_true(info.stale);
        g_assert_cmpint(info.valid_until, <, fixture_now());
        assert_succeeds(tree_refresh(f.tree, f.root, FALSE, &info, NULL, &error), error);
        /* It is in no listing that was had. */
        fixture_assert_lookup_fails(&f, f.root, "absent", FTPSFS_ERROR_NOT_FOUND);
        /* Never listed. */
        g_autoptr(Node) never = fixture_find(&f, f.root, "never");
        assert_fails(tree_list(f.tree, never, NULL, &error), error, FTPSFS_ERROR_CONNECT);
        fixture_assert_lookup_fails(&f, never, "x", FTPSFS_ERROR_CONNECT);
    }
    fixture_clear(&f);
}

static void a_change_that_fails_does_not_lose_the_listing(void)
{
    Fixture f;
    start(&f, TRUE);
    fixture_assert_list(&f, f.root, "dir never file");
    lose(&f);
    g_autoptr(GError) error = NULL;
    assert_fails(tree_mkdir(f.tree, f.root, "new", 0755, NULL, &error), error,
                 FTPSFS_ERROR_CONNECT);
    assert_fails(tree_unlink(f.tree, f.root, "file", NULL, &error), error, FTPSFS_ERROR_CONNECT);
    assert_fails(tree_rename(f.tree, f.root, "file", f.root, "renamed", FALSE, NULL, &error), error,
                 FTPSFS_ERROR_CONNECT);
    fixture_assert_list(&f, f.root, "dir never file");
    fixture_clear(&f);
}

static void all_is_asked_for_anew_when_the_server_is_back(void)
{
    Fixture f;
    start(&f, TRUE);
    fixture_assert_list(&f, f.root, "dir never file");
    lose(&f);
    fixture_assert_list(&f, f.root, "dir never file");
    find_again(&f);
    fake_put_file(f.remote, "/m/later", 1, 7000);
    fake_put_file(f.remote, "/m/file", 6, 7000);
    fixture_assert_list(&f, f.root, "dir never file later");
    {
        NodeInfo info;
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) file = fixture_find(&f, f.root, "file");
        assert_succeeds(tree_refresh(f.tree, file, TRUE, &info, NULL, &error), error);
        g_assert_cmpuint(info.size, ==, 6);
        g_assert_false(info.stale);
    }
    fixture_clear(&f);
}

static void a_server_that_is_there_has_the_last_word(void)
{
    Fixture f;
    start(&f, TRUE);
    fixture_assert_list(&f, f.root, "dir never file");
    lose(&f);
    /* One connection was lost; that says nothing of the server. */
    fake_settings(f.remote)->gone = FALSE;
    g_autoptr(GError) error = NULL;
    assert_fails(tree_list(f.tree, f.root, NULL, &error), error, FTPSFS_ERROR_CONNECT);
    find_again(&f);
    fake_fail(f.remote, FAKE_LIST, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    fake_settings(f.remote)->gone = TRUE;
    assert_fails(tree_list(f.tree, f.root, NULL, &error), error, FTPSFS_ERROR_ACCESS);
    fixture_clear(&f);
}

static void without_the_option_what_has_expired_is_an_error(void)
{
    Fixture f;
    start(&f, FALSE);
    fixture_assert_list(&f, f.root, "dir never file");
    lose(&f);
    g_autoptr(GError) error = NULL;
    assert_fails(tree_list(f.tree, f.root, NULL, &error), error, FTPSFS_ERROR_CONNECT);
    fixture_assert_lookup_fails(&f, f.root, "file", FTPSFS_ERROR_CONNECT);
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/tree-offline/" #name, name)
    ADD(what_was_known_is_given_while_the_server_is_gone);
    ADD(a_change_that_fails_does_not_lose_the_listing);
    ADD(all_is_asked_for_anew_when_the_server_is_back);
    ADD(a_server_that_is_there_has_the_last_word);
    ADD(without_the_option_what_has_expired_is_an_error);
    return g_test_run();
}
