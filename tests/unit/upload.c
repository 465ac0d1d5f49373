/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the server is brought up to date at a flush, and what its word is worth. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "files_fixture.h"

/* Smaller files are never changed in place. */
#define LARGE (2 * MIB)

/* An existing file that has been opened and changed at `offset`. */
static File *change(Bed *bed, const char *old, const char *new, guint64 offset)
{
    fake_contents_put(bed->tree.remote, "/m/f", old);
    File *file = bed_open(bed, "f", O_RDWR);
    bed_write(file, new, offset);
    return file;
}

static void test_whole(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = change(&bed, "0123456789", "XY", 4);
    bed_flush(file);
    /* What was not local was fetched first. */
    bed_assert(&bed, "/m/f", "0123XY6789", "STOR /m/f 0+10");
    file_close(file);
    bed_clear(&bed);
}

static void test_append(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = change(&bed, "0123456789", "abc", 10);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "0123456789abc", "APPE /m/f 10+3");
    bed_write(file, "de", 13);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "0123456789abcde", "APPE /m/f 13+2");
    file_close(file);
    bed_clear(&bed);
}

static void test_append_refused(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    bed.server->refuse_append = TRUE;
    File *file = change(&bed, "0123456789", "abc", 10);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "0123456789abc", "STOR /m/f 0+13");
    /* So there is no need to ask again what the server has. */
    guint asked = fake_count(bed.tree.remote, FAKE_STAT_EXACT);
    bed_write(file, "de", 13);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "0123456789abcde", "STOR /m/f 0+15");
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_STAT_EXACT), ==, asked + 1);
    file_close(file);
    bed_clear(&bed);
}

static void test_append_to_another_size(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = change(&bed, "0123456789", "abc", 10);
    fake_contents_put(bed.tree.remote, "/m/f", "0123456789 and others");
    bed_flush(file);
    bed_assert(&bed, "/m/f", "0123456789abc", "STOR /m/f 0+13");
    file_close(file);
    bed_clear(&bed);
}

static void test_base_is_shorter(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = change(&bed, "0123456789", "XY", 4);
    fake_contents_put(bed.tree.remote, "/m/f", "012");
    bed_flush_fails(file, FTPSFS_ERROR_STALE);
    /* The server's file was not touched. */
    bed_assert(&bed, "/m/f", "012", "");
    bed_truncate(&bed, "f", file, 0);
    bed_write(file, "anew", 0);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "anew", "STOR /m/f 0+4");
    file_close(file);
    bed_clear(&bed);
}

static void test_shorter_and_longer(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    fake_contents_put(bed.tree.remote, "/m/f", "0123456789");
    bed_truncate(&bed, "f", NULL, 4);
    bed_assert(&bed, "/m/f", "0123", "STOR /m/f 0+4");
    File *file = bed_open(&bed, "f", O_WRONLY | O_TRUNC);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "", "STOR /m/f 0+0");
    file_close(file);
    bed_clear(&bed);
}

static void test_in_place(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    bed.server->overwrites = TRUE;
    g_autofree char *text = bed_letters(LARGE, 7);
    File *file = change(&bed, text, "NEW", MIB);
    bed_write(file, "!!", LARGE - 2);
    memcpy(text + MIB, "NEW", 3);
    memcpy(text + LARGE - 2, "!!", 2);
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "REST /m/f 1048576+3, REST /m/f 2097150+2");
    file_close(file);
    bed_clear(&bed);
}

/* REST 0 would be a new file. */
static void test_first_byte(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    bed.server->overwrites = TRUE;
    g_autofree char *text = bed_letters(LARGE, 0);
    char same[] = {text[0], '*', '\0'};
    File *file = change(&bed, text, same, 0);
    text[1] = '*';
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "REST /m/f 1+1");
    bed_write(file, "?", 0);
    text[0] = '?';
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "STOR /m/f 0+2097152");
    file_close(file);
    bed_clear(&bed);
}

static void test_not_in_place(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(LARGE, 7);
    File *file = change(&bed, text, "NEW", MIB);
    memcpy(text + MIB, "NEW", 3);
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "STOR /m/f 0+2097152");
    file_close(file);
    bed_clear(&bed);
}

static void test_lost_once(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    bed_write(file, "hello", 0);
    bed.server->finish_failures = 1;
    bed_flush(file);
    bed_assert(&bed, "/m/f", "hello", "failed STOR /m/f 0+5, STOR /m/f 0+5");
    file_close(file);
    bed_clear(&bed);
}

static void test_lost_twice(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    bed_write(file, "hello", 0);
    bed.server->finish_failures = 2;
    bed_flush_fails(file, FTPSFS_ERROR_LOST);
    /* It is still to be done, whole. */
    bed_flush(file);
    bed_assert(&bed, "/m/f", "hello", "failed STOR /m/f 0+5, failed STOR /m/f 0+5, STOR /m/f 0+5");
    file_close(file);
    bed_clear(&bed);
}

static void test_full_disk(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    bed_write(file, "hello", 0);
    bed.server->finish_failures = 1;
    bed.server->code = FTPSFS_ERROR_NO_SPACE;
    /* A refusal is no reason to send it again. */
    bed_flush_fails(file, FTPSFS_ERROR_NO_SPACE);
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(log, ==, "failed STOR /m/f 0+5");
    bed_flush(file);
    bed_assert(&bed, "/m/f", "hello", "STOR /m/f 0+5");
    file_close(file);
    bed_clear(&bed);
}

static void test_short(gconstpointer left_to_finalize)
{
    Bed bed;
    bed_init(&bed, FALSE);
    bed.server->left_to_finalize = GPOINTER_TO_INT(left_to_finalize);
    File *file = bed_create(&bed, "f");
    bed_write(file, "hello", 0);
    bed.server->keep = 3;
    /* The server has confirmed both tries. */
    bed_flush_fails(file, FTPSFS_ERROR_TRUNCATED);
    bed_assert(&bed, "/m/f", "hel", "STOR /m/f 0+5, STOR /m/f 0+5");
    bed.server->keep = G_MAXUINT64;
    bed_flush(file);
    bed_assert(&bed, "/m/f", "hello", "STOR /m/f 0+5");
    file_close(file);
    bed_clear(&bed);
}

static void test_nobody_tells(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    bed_write(file, "hello", 0);
    bed.server->left_to_finalize = TRUE;
    fake_fail(bed.tree.remote, FAKE_STAT_EXACT, 0, 1, FTPSFS_ERROR_BUSY, FALSE);
    bed_flush_fails(file, FTPSFS_ERROR_BUSY);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "hello", "STOR /m/f 0+5, STOR /m/f 0+5");
    file_close(file);
    bed_clear(&bed);
}

static void test_mode_and_time(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    fake_settings(bed.tree.remote)->set_mtime = TRUE;
    File *file = bed_create(&bed, "f");
    bed_write(file, "hello", 0);
    Node *node = fixture_find(&bed.tree, bed.tree.root, "f");
    g_autoptr(GError) error = NULL;
    assert_succeeds(files_set_attributes(bed.files, node, 0600, 1234567890, NULL, &error), error);
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_SET_ATTRIBUTES), ==, 0);
    bed_flush(file);
    g_assert_cmpuint(fake_mode(bed.tree.remote, "/m/f"), ==, 0600);
    g_assert_cmpint(fixture_info(node).mtime, ==, 1234567890);
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_SET_ATTRIBUTES), ==, 1);
    /* What is written later has another time. */
    bed_write(file, "!", 5);
    bed_flush(file);
    g_assert_cmpuint(fake_count(bed.tree.remote, FAKE_SET_ATTRIBUTES), ==, 1);
    g_assert_cmpint(fixture_info(node).mtime, !=, 1234567890);
    node_unref(node);
    file_close(file);
    bed_clear(&bed);
}

static void test_refused_for_good(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*/m/f could not be uploaded*kept*");
    File *file = change(&bed, "0123456789", "XY", 0);
    bed.server->open_failures = 1;
    bed.server->code = FTPSFS_ERROR_ACCESS;
    bed_flush_fails(file, FTPSFS_ERROR_ACCESS);
    g_test_assert_expected_messages();
    file_close(file);
    bed_assert(&bed, "/m/f", "0123456789", "");
    g_autoptr(GDir) directory = g_dir_open(bed.directory, 0, NULL);
    const char *name = g_dir_read_name(directory);
    g_assert_true(g_str_has_suffix(name, "-f"));
    g_autofree char *path = g_build_filename(bed.directory, name, NULL);
    g_autofree char *kept = NULL;
    g_assert_true(g_file_get_contents(path, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, "XY23456789");
    g_assert_cmpint(g_unlink(path), ==, 0);
    bed_clear(&bed);
}

/* A server that renames over nothing. */
static void test_temporary_aside(void)
{
    Bed bed;
    bed_init(&bed, TRUE);
    fake_settings(bed.tree.remote)->rename_over = FALSE;
    File *file = change(&bed, "old", "newer", 0);
    bed_flush(file);
    g_assert_cmpuint(fake_size(bed.tree.remote, "/m/f"), ==, 5);
    g_assert_cmpuint(fake_children(bed.tree.remote, "/m"), ==, 1);
    file_close(file);
    bed_clear(&bed);
}

static void test_temporary_not_renamed(void)
{
    Bed bed;
    bed_init(&bed, TRUE);
    File *file = change(&bed, "old", "newer", 0);
    fake_fail(bed.tree.remote, FAKE_RENAME, 0, 1, FTPSFS_ERROR_LOST, FALSE);
    bed_flush(file);
    g_assert_cmpuint(fake_size(bed.tree.remote, "/m/f"), ==, 5);
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(log, ==, "STOR /m/.ftpsfs-upload 0+5, STOR /m/.ftpsfs-upload 0+5");
    file_close(file);
    /* The first one is removed behind. */
    while (fake_children(bed.tree.remote, "/m") > 1)
        g_usleep(1000);
    bed_clear(&bed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upload/a change in a small file stores it whole", test_whole);
    g_test_add_func("/upload/what is behind the end is appended", test_append);
    g_test_add_func("/upload/an append that is refused is not tried again", test_append_refused);
    g_test_add_func("/upload/nothing is appended to another size", test_append_to_another_size);
    g_test_add_func("/upload/a base that is gone is an error", test_base_is_shorter);
    g_test_add_func("/upload/a file becomes shorter, and empty", test_shorter_and_longer);
    g_test_add_func("/upload/changes in a large file are sent alone", test_in_place);
    g_test_add_func("/upload/the first byte is never sent in place", test_first_byte);
    g_test_add_func("/upload/where nothing is kept all is sent", test_not_in_place);
    g_test_add_func("/upload/an end that is lost is repeated", test_lost_once);
    g_test_add_func("/upload/two that are lost are an error", test_lost_twice);
    g_test_add_func("/upload/a full disk is told at once", test_full_disk);
    g_test_add_data_func("/upload/a short file is an error, told with the end",
                         GINT_TO_POINTER(FALSE), test_short);
    g_test_add_data_func("/upload/a short file is an error, told afterwards", GINT_TO_POINTER(TRUE),
                         test_short);
    g_test_add_func("/upload/where nobody tells the size it is an error", test_nobody_tells);
    g_test_add_func("/upload/mode and time are set once, after the content", test_mode_and_time);
    g_test_add_func("/upload/what is refused for good is kept", test_refused_for_good);
    g_test_add_func("/upload/a temporary takes a place that is not free", test_temporary_aside);
    g_test_add_func("/upload/a temporary whose name is not changed is stored again",
                    test_temporary_not_renamed);
    return g_test_run();
}
