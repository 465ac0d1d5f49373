/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What readlink may say of a link of the server, by its text. */
#include "cache/tree/link_target.h"

#include <string.h>

#include "ftpsfs/ftp/entry.h"
#include "ftpsfs/util/error.h"

#define OUT NULL /* in the tables: leads out of the mount */

typedef struct {
    const char *root, *dir, *target, *shown;
} Row;

static const Row rows[] = {
    /* Without "..": as it is. */
    {"/", "/", "file", "file"},
    {"/", "/d", "file", "file"},
    {"/m", "/m", "a/b/c", "a/b/c"},
    {"/m", "/m", ".", "."},
    {"/m", "/m", "./", "./"},
    {"/m", "/m", "./a//b/./", "./a//b/./"},
    {"/m", "/m", "...", "..."},
    {"/m", "/m", "..a", "..a"},
    {"/m", "/m", "a..", "a.."},
    {"/m", "/m", "a/..b/...", "a/..b/..."},
    {"/m", "/m", " ", " "},
    {"/m", "/m", "a\nb\rc\t\x1b[31m", "a\nb\rc\t\x1b[31m"},
    {"/m", "/m", "\xff\xfe", "\xff\xfe"},
    {"/m", "/m", "~/x", "~/x"},
    /* ".." that stays inside. */
    {"/", "/d", "../file", "../file"},
    {"/", "/d", "..", ".."},
    {"/", "/d", "../", "../"},
    {"/", "/d/e", "../..", "../.."},
    {"/", "/d/e", "../../x", "../../x"},
    {"/m", "/m/d", "../file", "../file"},
    {"/m", "/m/d/e", "../../x/y", "../../x/y"},
    {"/m", "/m/d", ".././/file", "../file"},
    {"/m", "/m/d", "../file/", "../file/"},
    /* ".." behind a name, which may be a link, is resolved by the text. */
    {"/m", "/m", "a/../b", "b"},
    {"/m", "/m", "a/..", "."},
    {"/m", "/m", "a/../", "./"},
    {"/m", "/m/d", "a/../../b", "../b"},
    {"/m", "/m/d", "a/b/../../..", ".."},
    {"/m", "/m/d", "../a/../b", "../b"},
    /* No more ".." than needed. */
    {"/m", "/m/d", "../d/file", "file"},
    {"/m", "/m/d", "../d", "."},
    {"/m", "/m/d/e", "../../d/x", "../x"},
    {"/m", "/m/d/e", "../../../m/d/e/x", "x"},
    {"/m", "/m/d", "../de/x", "../de/x"},
    /* Absolute: the server's. */
    {"/", "/", "/", "./"},
    {"/", "/d", "/", "../"},
    {"/", "/", "/file", "file"},
    {"/", "/d/e", "/file", "../../file"},
    {"/", "/d/e", "/d/f", "../f"},
    {"/m", "/m", "/m", "."},
    {"/m", "/m", "/m/", "./"},
    {"/m", "/m/d", "/m", ".."},
    {"/m", "/m/d", "/m/d/file", "file"},
    {"/m", "/m/d", "//m///x", "../x"},
    {"/m", "/m/d", "/m/./x/../y/", "../y/"},
    {"/m", "/m/d", "/etc/../m/x", "../x"},
    {"/a/b", "/a/b/c", "/a/b/d", "../d"},
    /* Up out of the mount and into it again. */
    {"/a/b", "/a/b", "../b/x", "x"},
    {"/a/b", "/a/b/c", "../../../a/b/x", "../x"},
    /* Out of the mount. */
    {"/", "/", "..", OUT},
    {"/", "/", "../", OUT},
    {"/", "/", "../etc/hostname", OUT},
    {"/", "/d", "../../etc/hostname", OUT},
    {"/", "/d", "../../d/x", OUT},
    {"/", "/", "/../x", OUT},
    {"/", "/", "/a/../../a", OUT},
    {"/", "/", "a/../../etc/passwd", OUT},
    {"/", "/", "a/b/../../..", OUT},
    {"/m", "/m", "..", OUT},
    {"/m", "/m", "../x", OUT},
    {"/m", "/m", "../../m/x", OUT},
    {"/m", "/m/d", "../../x", OUT},
    {"/m", "/m/d", "../../../../../../etc/hostname", OUT},
    {"/m", "/m/d", "a/../../../etc/hostname", OUT},
    {"/m", "/m/d", "/", OUT},
    {"/m", "/m/d", "//", OUT},
    {"/m", "/m/d", "/..", OUT},
    {"/m", "/m/d", "/etc/hostname", OUT},
    {"/m", "/m/d", "/mm/x", OUT},
    {"/m", "/m/d", "/m/../etc", OUT},
    {"/m", "/m/d", "/m/..", OUT},
    {"/m", "/m/d", "/m/d/../../x", OUT},
    {"/mm", "/mm/d", "/m/x", OUT},
    {"/a/b", "/a/b/c", "/a", OUT},
    {"/a/b", "/a/b/c", "/b/x", OUT},
    {"/a/b", "/a/b/c", "/proc/self/root/etc/passwd", OUT},
};

static void targets_are_shown_as_long_as_they_are_inside(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_test_message("row %zu", i);
        g_autoptr(GError) error = NULL;
        g_autofree char *shown = link_target_inside(row->root, row->dir, row->target, &error);
        g_assert_cmpstr(shown, ==, row->shown);
        if (row->shown == OUT)
            g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_OUTSIDE);
        else
            g_assert_no_error(error);
    }
}

/* Shown once more, from the same place, it stays what it is. */
static void what_is_shown_is_shown_again(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        if (row->shown == OUT)
            continue;
        g_autofree char *again = link_target_inside(row->root, row->dir, row->shown, NULL);
        g_assert_cmpstr(again, ==, row->shown);
    }
}

static void a_plain_target_needs_no_place(void)
{
    static const char *const plain[] = {"a", "a/b", ".", "./a", "...", "..a", "a..", "a..b/c", ""};
    static const char *const others[] = {"/",    "/a",     "..",     "../a",
                                         "a/..", "a/../b", ".../..", "..../../a"};
    for (gsize i = 0; i < G_N_ELEMENTS(plain); i++)
        g_assert_true(link_target_is_plain(plain[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(link_target_is_plain(others[i]));
}

static void assert_refused(const char *dir, const char *target, FtpsfsErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(link_target_inside("/m", dir, target, &error));
    g_assert_error(error, FTPSFS_ERROR, (gint)code);
}

static void lengths_are_bounded(void)
{
    g_autofree char *longest = g_strnfill(ENTRY_TARGET_MAX, 'a');
    g_autofree char *longer = g_strnfill(ENTRY_TARGET_MAX + 1, 'a');
    g_autofree char *huge = g_strnfill(64 * 1024, '/');
    g_autofree char *shown = link_target_inside("/m", "/m", longest, NULL);
    g_assert_cmpstr(shown, ==, longest);
    assert_refused("/m", "", FTPSFS_ERROR_INVALID);
    assert_refused("/m", longer, FTPSFS_ERROR_NAME_TOO_LONG);
    assert_refused("/m", huge, FTPSFS_ERROR_NAME_TOO_LONG);

    /* Told from a deep directory it gets longer. */
    memcpy(longest, "/m/", 3);
    g_autofree char *near = link_target_inside("/m", "/m/b", longest, NULL);
    g_assert_cmpuint(strlen(near), ==, ENTRY_TARGET_MAX);
    g_assert_true(g_str_has_prefix(near, "../aaa"));
    assert_refused("/m/b/c", longest, FTPSFS_ERROR_NAME_TOO_LONG);
}

static void a_link_without_a_place_shows_what_needs_none(void)
{
    g_autofree char *shown = link_target_inside("/m", NULL, "a/b", NULL);
    g_assert_cmpstr(shown, ==, "a/b");
    assert_refused(NULL, "../a", FTPSFS_ERROR_STALE);
    assert_refused(NULL, "/m/a", FTPSFS_ERROR_STALE);
}

static void a_trusted_server_leads_anywhere(void)
{
    static const Row trusted[] = {
        {"/m", "/m/d", "/m/x", "../x"},     {"/m", "/m/d", "/m", ".."},
        {"/m", "/m/d", "/etc/x", "/etc/x"}, {"/m", "/m/d", "../../../x", "../../../x"},
        {"/m", "/m/d", "../d/x", "../d/x"}, {"/", "/", "/x", "x"},
        {"/m", NULL, "/m/x", "/m/x"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(trusted); i++) {
        const Row *row = &trusted[i];
        g_autofree char *shown = link_target_trusted(row->root, row->dir, row->target);
        g_assert_cmpstr(shown, ==, row->shown);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link target/targets are shown as long as they are inside",
                    targets_are_shown_as_long_as_they_are_inside);
    g_test_add_func("/link target/what is shown is shown again", what_is_shown_is_shown_again);
    g_test_add_func("/link target/a plain target needs no place", a_plain_target_needs_no_place);
    g_test_add_func("/link target/lengths are bounded", lengths_are_bounded);
    g_test_add_func("/link target/a link without a place shows what needs none",
                    a_link_without_a_place_shows_what_needs_none);
    g_test_add_func("/link target/a trusted server leads anywhere",
                    a_trusted_server_leads_anywhere);
    return g_test_run();
}
