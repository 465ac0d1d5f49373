/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/spool/spool.h"

#include <glib/gstdio.h>

#include "ftpsfs/util/error.h"

typedef struct {
    char *directory;
    char *prefix;
    Space *space;
    Spool *spool; /* new, with both */
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    fixture->directory = g_dir_make_tmp("ftpsfs-freeze-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->prefix = g_build_filename(fixture->directory, "content-", NULL);
    fixture->space = space_new(0, 0);
    fixture->spool = spool_new(fixture->directory, 0, &error);
    g_assert_no_error(error);
    spool_set_prefix(fixture->spool, fixture->prefix);
    spool_set_space(fixture->spool, fixture->space);
}

static guint files_in(const Fixture *fixture)
{
    guint count = 0;
    g_autoptr(GDir) directory = g_dir_open(fixture->directory, 0, NULL);
    while (g_dir_read_name(directory) != NULL)
        count++;
    return count;
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    spool_free(fixture->spool);
    /* A spool takes its file with it, whatever has become of it. */
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    space_free(fixture->space);
    g_free(fixture->prefix);
    g_free(fixture->directory);
}

static void put(Spool *spool, const char *text, guint64 offset)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(spool_write(spool, text, strlen(text), offset, &error));
    g_assert_no_error(error);
}

static void assert_shows(Spool *spool, const char *text)
{
    g_autoptr(GError) error = NULL;
    char buffer[64] = "";
    g_assert_cmpuint(spool_size(spool), ==, strlen(text));
    gssize got = spool_read(spool, buffer, sizeof buffer - 1, 0, &error);
    g_assert_cmpint(got, ==, (gssize)strlen(text));
    g_assert_cmpstr(buffer, ==, text);
}

static void assert_bytes(const char *path, const char *bytes, gsize size)
{
    g_autofree char *content = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &content, &length, NULL));
    g_assert_cmpuint(length, ==, size);
    g_assert_cmpint(memcmp(content, bytes, size), ==, 0);
}

static void assert_file(const char *path, const char *text)
{
    assert_bytes(path, text, strlen(text));
}

static char *freeze(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    char *path = NULL;
    g_assert_true(spool_freeze(fixture->spool, &path, &error));
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(path, fixture->prefix));
    g_assert_false(spool_is_dirty(fixture->spool));
    return path;
}

static void a_frozen_content_is_a_file_of_its_own(Fixture *fixture, gconstpointer data)
{
    (void)data;
    put(fixture->spool, "content", 0);
    g_autofree char *path = freeze(fixture);
    assert_file(path, "content");
    assert_shows(fixture->spool, "content");
    g_assert_cmpint(g_unlink(path), ==, 0);
    assert_shows(fixture->spool, "content");
}

static void what_is_written_later_leaves_it_alone(Fixture *fixture, gconstpointer data)
{
    (void)data;
    put(fixture->spool, "one two", 0);
    g_autofree char *first = freeze(fixture);
    g_assert_cmpuint(spool_copy_size(fixture->spool), ==, 7);
    put(fixture->spool, "TWO!", 4);
    g_assert_cmpuint(spool_copy_size(fixture->spool), ==, 0);
    g_autofree char *second = freeze(fixture);
    assert_file(first, "one two");
    assert_file(second, "one TWO!");
    g_assert_cmpstr(first, !=, second);
    g_assert_cmpint(g_unlink(first), ==, 0);
    g_assert_cmpint(g_unlink(second), ==, 0);
}

static void a_cut_leaves_it_alone(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    put(fixture->spool, "one two", 0);
    g_autofree char *path = freeze(fixture);
    g_assert_true(spool_truncate(fixture->spool, 3, &error));
    assert_shows(fixture->spool, "one");
    assert_file(path, "one two");
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void a_gap_and_an_empty_file_are_frozen_whole(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *empty = freeze(fixture);
    assert_file(empty, "");
    put(fixture->spool, "x", 3);
    g_autofree char *path = freeze(fixture);
    assert_bytes(path, "\0\0\0x", 4);
    g_assert_cmpint(g_unlink(empty), ==, 0);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void its_bytes_are_the_owners_to_count(Fixture *fixture, gconstpointer data)
{
    (void)data;
    put(fixture->spool, "content", 0);
    g_assert_cmpuint(space_used(fixture->space), ==, 7);
    g_autofree char *path = freeze(fixture);
    g_assert_cmpuint(space_used(fixture->space), ==, 0);
    /* The copy that the next change makes is the spool's again. */
    put(fixture->spool, "C", 0);
    g_assert_cmpuint(space_used(fixture->space), ==, 7);
    g_clear_pointer(&fixture->spool, spool_free);
    g_assert_cmpuint(space_used(fixture->space), ==, 0);
    g_assert_cmpuint(files_in(fixture), ==, 1);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void a_frozen_file_is_opened_again_without_harm(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    put(fixture->spool, "content", 0);
    g_autofree char *path = freeze(fixture);
    g_autoptr(Spool) again = spool_open_frozen(fixture->directory, path, 7, &error);
    g_assert_no_error(error);
    spool_set_prefix(again, fixture->prefix);
    g_assert_false(spool_is_dirty(again));
    assert_shows(again, "content");
    put(again, "C", 0);
    assert_shows(again, "Content");
    assert_file(path, "content");
    g_assert_cmpint(g_unlink(path), ==, 0);
}

static void a_frozen_file_that_is_gone_is_an_error(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *missing = g_strconcat(fixture->prefix, "gone", NULL);
    g_assert_null(spool_open_frozen(fixture->directory, missing, 7, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/spool freeze/a frozen content is a file of its own",
        a_frozen_content_is_a_file_of_its_own);
    ADD("/spool freeze/what is written later leaves it alone",
        what_is_written_later_leaves_it_alone);
    ADD("/spool freeze/a cut leaves it alone", a_cut_leaves_it_alone);
    ADD("/spool freeze/a gap and an empty file are frozen whole",
        a_gap_and_an_empty_file_are_frozen_whole);
    ADD("/spool freeze/its bytes are the owner's to count", its_bytes_are_the_owners_to_count);
    ADD("/spool freeze/a frozen file is opened again without harm",
        a_frozen_file_is_opened_again_without_harm);
    ADD("/spool freeze/a frozen file that is gone is an error",
        a_frozen_file_that_is_gone_is_an_error);
    return g_test_run();
}
