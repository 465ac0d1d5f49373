/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbolic links: which are followed, what readlink says of them, and the memory that they take. */
#include <string.h>

#include "ftpsfs/cache/tree.h"
#include "ftpsfs/ftp/entry.h"
#include "tree_fixture.h"

/* What readlink says; NULL: it fails with `code`. */
static void check(Fixture *f, Node *dir, const char *name, const char *shown, FtpsfsErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = fixture_find(f, dir, name);
    g_autofree char *found = tree_readlink(f->tree, node, NULL, &error);
    g_assert_cmpstr(found, ==, shown);
    if (shown == NULL)
        g_assert_error(error, FTPSFS_ERROR, (gint)code);
    else
        g_assert_cmpuint(fixture_info(node).size, ==, strlen(shown));
}

static void check_shown(Fixture *f, Node *dir, const char *name, const char *shown)
{
    check(f, dir, name, shown, FTPSFS_ERROR_IO);
}

static void check_outside(Fixture *f, Node *dir, const char *name)
{
    check(f, dir, name, NULL, FTPSFS_ERROR_OUTSIDE);
}

/* Counts the lines of the log that tell of links. */
static void count_line(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
    (void)domain;
    (void)level;
    guint *lines = data;
    if (strstr(text, "out of the mount") != NULL) {
        g_assert_null(strpbrk(text, "\n\033"));
        (*lines)++;
    }
}

static void targets_are_told_from_where_the_link_lies(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    fake_put_symlink(f.remote, "/m/d/up", "../file");
    fake_put_symlink(f.remote, "/m/d/absolute", "/m/d/file");
    fake_put_symlink(f.remote, "/m/d/round", "../../m/x/../y");
    fake_put_symlink(f.remote, "/m/d/plain", "./a/b");
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        fixture_assert_list(&f, d, "up absolute round plain");
        check_shown(&f, d, "up", "../file");
        check_shown(&f, d, "absolute", "file");
        check_shown(&f, d, "round", "../y");
        check_shown(&f, d, "plain", "./a/b");
    }
    fixture_clear(&f);
}

/* The same target leads to another place, or out, once the directory has moved. */
static void a_renamed_directory_takes_its_links_along(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/a");
    fake_put_dir(f.remote, "/m/a/b");
    fake_put_symlink(f.remote, "/m/a/b/relative", "../../file");
    fake_put_symlink(f.remote, "/m/a/b/absolute", "/m/file");
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        g_autoptr(Node) b = fixture_find(&f, a, "b");
        check_shown(&f, b, "relative", "../../file");
        check_shown(&f, b, "absolute", "../../file");
        assert_succeeds(tree_rename(f.tree, a, "b", f.root, "c", FALSE, NULL, &error), error);
        fixture_assert_path(b, "/m/c");
        check_outside(&f, b, "relative");
        check_shown(&f, b, "absolute", "../file");
        assert_succeeds(tree_rename(f.tree, f.root, "c", a, "b", FALSE, NULL, &error), error);
        check_shown(&f, b, "relative", "../../file");
        check_shown(&f, b, "absolute", "../../file");
    }
    fixture_clear(&f);
}

static void links_that_lead_out_are_told_once_a_directory(void)
{
    Fixture f;
    fixture_init(&f);
    guint lines = 0;
    guint handler = g_log_set_handler("ftpsfs", G_LOG_LEVEL_MESSAGE, count_line, &lines);
    fake_put_dir(f.remote, "/m/d");
    fake_put_symlink(f.remote, "/m/one", "../etc/hostname");
    fake_put_symlink(f.remote, "/m/two", "/etc/host\033[31m\nname");
    fake_put_symlink(f.remote, "/m/d/three", "../../../../etc/hostname");
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        for (guint i = 0; i < 3; i++) {
            check_outside(&f, f.root, "two");
            check_outside(&f, f.root, "one");
            g_assert_cmpuint(lines, ==, 1);
        }
        for (guint i = 0; i < 3; i++) {
            check_outside(&f, d, "three");
            g_assert_cmpuint(lines, ==, 2);
        }
        g_autoptr(Node) one = fixture_find(&f, f.root, "one");
        g_assert_cmpint(fixture_info(one).type, ==, REMOTE_TYPE_SYMLINK);
        g_assert_cmpuint(fixture_info(one).size, ==, strlen("../etc/hostname"));
    }
    g_log_remove_handler("ftpsfs", handler);
    fixture_clear(&f);
}

static void the_log_is_bounded_whatever_the_number_of_directories(void)
{
    Fixture f;
    fixture_init(&f);
    guint lines = 0;
    guint handler = g_log_set_handler("ftpsfs", G_LOG_LEVEL_MESSAGE, count_line, &lines);
    for (guint i = 0; i < 300; i++) {
        g_autofree char *path = g_strdup_printf("/m/d%u", i);
        g_autofree char *link = g_strdup_printf("/m/d%u/link", i);
        fake_put_dir(f.remote, path);
        fake_put_symlink(f.remote, link, "/etc/hostname");
    }
    for (guint i = 0; i < 300; i++) {
        g_autofree char *name = g_strdup_printf("d%u", i);
        g_autoptr(Node) dir = fixture_find(&f, f.root, name);
        check_outside(&f, dir, "link");
    }
    g_assert_cmpuint(lines, ==, 101);
    g_log_remove_handler("ftpsfs", handler);
    fixture_clear(&f);
}

static void with_all_they_lead_anywhere_and_with_none_nowhere(void)
{
    Fixture f;
    g_autoptr(GError) error = NULL;
    fixture_init_with(&f, "/m", (TreeOptions){.links = TREE_LINKS_ALL});
    fake_put_symlink(f.remote, "/m/out", "/etc/hostname");
    fake_put_symlink(f.remote, "/m/up", "../../../x");
    fake_put_symlink(f.remote, "/m/in", "/m/file");
    check_shown(&f, f.root, "out", "/etc/hostname");
    check_shown(&f, f.root, "up", "../../../x");
    check_shown(&f, f.root, "in", "file");
    {
        g_autoptr(Node) made = tree_symlink(f.tree, f.root, "new", "/abs", NULL, &error);
        g_assert_no_error(error);
        g_assert_nonnull(made);
        check_shown(&f, f.root, "new", "/abs");
    }
    fixture_clear(&f);

    fixture_init_with(&f, "/m", (TreeOptions){.links = TREE_LINKS_NONE});
    fake_put_symlink(f.remote, "/m/in", "file");
    fixture_assert_list(&f, f.root, "in");
    guint asked = fake_count_all(f.remote);
    check_outside(&f, f.root, "in");
    assert_fails(tree_symlink(f.tree, f.root, "new", "file", NULL, &error), error,
                 FTPSFS_ERROR_OUTSIDE);
    g_assert_cmpuint(fake_count_all(f.remote), ==, asked);
    fixture_clear(&f);
}

static void a_link_that_could_not_be_read_is_not_made(void)
{
    static const char *const targets[] = {
        "..", "../x", "a/../../x", "/etc/hostname", "/m/file", "../../m/a/../..", "/"};
    Fixture f;
    fixture_init(&f);
    fixture_assert_list(&f, f.root, "");
    guint asked = fake_count_all(f.remote);
    for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autoptr(GError) error = NULL;
        assert_fails(tree_symlink(f.tree, f.root, "new", targets[i], NULL, &error), error,
                     FTPSFS_ERROR_OUTSIDE);
    }
    g_assert_cmpuint(fake_count_all(f.remote), ==, asked);
    fixture_assert_list(&f, f.root, "");
    fixture_clear(&f);
}

static void a_target_that_no_path_can_have_is_not_kept(void)
{
    Fixture f;
    fixture_init(&f);
    g_autofree char *longest = g_strnfill(ENTRY_TARGET_MAX, 'a');
    g_autofree char *longer = g_strnfill(ENTRY_TARGET_MAX + 1, 'a');
    fake_put_symlink(f.remote, "/m/longest", longest);
    fake_put_symlink(f.remote, "/m/longer", longer);
    fake_put_symlink(f.remote, "/m/changed", "short");
    fixture_assert_list(&f, f.root, "longest longer changed");
    guint asked = fake_count_all(f.remote);
    check_shown(&f, f.root, "longest", longest);
    check(&f, f.root, "longer", NULL, FTPSFS_ERROR_NAME_TOO_LONG);
    check_shown(&f, f.root, "changed", "short");
    g_assert_cmpuint(fake_count_all(f.remote), ==, asked);

    fake_put_symlink(f.remote, "/m/changed", longer);
    fake_put_symlink(f.remote, "/m/longer", "short");
    fixture_advance(FIXTURE_TIMEOUT + 1);
    check(&f, f.root, "changed", NULL, FTPSFS_ERROR_NAME_TOO_LONG);
    check_shown(&f, f.root, "longer", "short");
    fixture_clear(&f);
}

/* Of many long targets some are kept, and the others asked for each time. */
static void check_bounded(gboolean mlst)
{
    enum { LINKS = 100, LENGTH = 1000, MAX = 10 * (LENGTH + 1) };
    Fixture f;
    fixture_init_with(&f, "/m", (TreeOptions){.max_targets = MAX});
    fake_settings(f.remote)->mlst = mlst;
    char *names[LINKS];
    char *targets[LINKS];
    for (guint i = 0; i < LINKS; i++) {
        names[i] = g_strdup_printf("l%u", i);
        targets[i] = g_strnfill(LENGTH, (char)('a' + i % 26));
        g_autofree char *path = g_strdup_printf("/m/%s", names[i]);
        fake_put_symlink(f.remote, path, targets[i]);
    }
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) listed = tree_list(f.tree, f.root, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(listed->len, ==, LINKS);
    }
    for (guint round = 0; round < 2; round++) {
        guint asked = fake_count_all(f.remote);
        for (guint i = 0; i < LINKS; i++)
            check_shown(&f, f.root, names[i], targets[i]);
        g_assert_cmpuint(fake_count_all(f.remote) - asked, ==, LINKS - 10);
    }
    for (guint i = 0; i < LINKS; i++) {
        g_free(names[i]);
        g_free(targets[i]);
    }
    fixture_clear(&f);
}

static void the_memory_for_targets_is_bounded(void)
{
    check_bounded(TRUE);
    check_bounded(FALSE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree links/targets are told from where the link lies",
                    targets_are_told_from_where_the_link_lies);
    g_test_add_func("/tree links/a renamed directory takes its links along",
                    a_renamed_directory_takes_its_links_along);
    g_test_add_func("/tree links/links that lead out are told once a directory",
                    links_that_lead_out_are_told_once_a_directory);
    g_test_add_func("/tree links/the log is bounded whatever the number of directories",
                    the_log_is_bounded_whatever_the_number_of_directories);
    g_test_add_func("/tree links/with all they lead anywhere and with none nowhere",
                    with_all_they_lead_anywhere_and_with_none_nowhere);
    g_test_add_func("/tree links/a link that could not be read is not made",
                    a_link_that_could_not_be_read_is_not_made);
    g_test_add_func("/tree links/a target that no path can have is not kept",
                    a_target_that_no_path_can_have_is_not_kept);
    g_test_add_func("/tree links/the memory for targets is bounded",
                    the_memory_for_targets_is_bounded);
    return g_test_run();
}
