/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store behind a sequential writer: when it begins, what it has sent when, how it ends. */
#include <fcntl.h>
#include <string.h>

#include "files_fixture.h"

/* More than a writer has to be ahead before something is sent. */
#define AHEAD (600 * KIB)

static void test_one_store(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    g_assert_true(fake_exists(bed.tree.remote, "/m/f"));
    bed_write(file, "hello ", 0);
    bed_write(file, "world", 6);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "hello world", "STOR /m/f 0+11");
    g_assert_cmpuint(fake_mode(bed.tree.remote, "/m/f"), ==, 0640);
    /* Nothing is left to be done. */
    bed_flush(file);
    file_close(file);
    bed_assert(&bed, "/m/f", "hello world", "");
    bed_clear(&bed);
}

static void test_refused_creation(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    bed.server->open_failures = 1;
    bed.server->code = FTPSFS_ERROR_ACCESS;
    g_autoptr(GError) error = NULL;
    Node *node = NULL;
    g_assert_null(file_create(bed.files, bed.tree.root, "f", 0600, &node, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_ACCESS);
    g_assert_null(node);
    fixture_assert_lookup_fails(&bed.tree, bed.tree.root, "f", FTPSFS_ERROR_NOT_FOUND);
    bed_clear(&bed);
}

static void test_sent_behind(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(AHEAD, 0);
    File *file = bed_create(&bed, "f");
    bed_write(file, text, 0);
    fake_contents_await(512 * KIB); /* before anybody asks for it */
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "STOR /m/f 0+614400");
    file_close(file);
    bed_clear(&bed);
}

static void test_little_is_not_sent_alone(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    bed_write(file, "behind a hole", 1 * MIB);
    bed_write(file, "a", 0);
    g_autofree char *before = fake_contents_get("/m/f");
    g_assert_cmpstr(before, ==, "");
    bed_truncate(&bed, "f", file, 2);
    bed_flush(file);
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(log, ==, "STOR /m/f 0+2");
    file_close(file);
    bed_clear(&bed);
}

static void test_changed_after_it_was_sent(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(AHEAD, 0);
    File *file = bed_create(&bed, "f");
    bed_write(file, text, 0);
    fake_contents_await(512 * KIB);
    bed_write(file, "NEW", 100);
    memcpy(text + 100, "NEW", 3);
    bed_flush(file);
    g_autofree char *there = fake_contents_get("/m/f");
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(there, ==, text);
    g_assert_true(g_str_has_suffix(log, ", STOR /m/f 0+614400"));
    file_close(file);
    bed_clear(&bed);
}

static void test_lost_behind(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    bed.server->write_failures = 1;
    g_autofree char *text = bed_letters(AHEAD, 0);
    File *file = bed_create(&bed, "f");
    bed_write(file, text, 0);
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "cut STOR /m/f 0+0, STOR /m/f 0+614400");
    file_close(file);
    bed_clear(&bed);
}

/* Ends the store that the pool wants to have the connection of. */
static File *give_way(Bed *bed, const char *text)
{
    File *file = bed_create(bed, "f");
    bed_write(file, text, 0);
    fake_contents_await(512 * KIB);
    fake_contents_yield();
    while (fake_contents_open_now() > 0)
        g_usleep(1000);
    return file;
}

static void test_gives_way(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(AHEAD, 0);
    File *file = give_way(&bed, text);
    g_autofree char *part = fake_contents_get("/m/f");
    g_assert_true(g_str_has_prefix(text, part));
    bed_flush(file);
    g_autofree char *there = fake_contents_get("/m/f");
    g_autofree char *log = fake_contents_log();
    g_autofree char *wanted = g_strdup_printf("STOR /m/f 0+%zu, APPE /m/f %zu+%zu", strlen(part),
                                              strlen(part), strlen(text) - strlen(part));
    g_assert_cmpstr(there, ==, text);
    g_assert_cmpstr(log, ==, wanted);
    file_close(file);
    bed_clear(&bed);
}

static void test_gives_way_and_others_write(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(AHEAD, 0);
    File *file = give_way(&bed, text);
    fake_contents_put(bed.tree.remote, "/m/f", "others");
    bed_flush(file);
    g_autofree char *there = fake_contents_get("/m/f");
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(there, ==, text);
    g_assert_true(g_str_has_suffix(log, ", STOR /m/f 0+614400"));
    file_close(file);
    bed_clear(&bed);
}

/* What was sent by then is all there is: the server's word on it is asked for, and no more. */
static void test_gives_way_at_the_end(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(512 * KIB, 0);
    File *file = give_way(&bed, text);
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "STOR /m/f 0+524288");
    g_assert_cmpuint(fake_mode(bed.tree.remote, "/m/f"), ==, 0640);
    bed_flush(file);
    file_close(file);
    bed_assert(&bed, "/m/f", text, "");
    bed_clear(&bed);
}

static void test_gives_way_and_is_changed(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(512 * KIB, 0);
    File *file = give_way(&bed, text);
    bed_write(file, "NEW", 100);
    memcpy(text + 100, "NEW", 3);
    bed_flush(file);
    bed_assert(&bed, "/m/f", text, "STOR /m/f 0+524288, STOR /m/f 0+524288");
    file_close(file);
    bed_clear(&bed);
}

static void test_gives_way_and_is_unlinked(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    g_autofree char *text = bed_letters(512 * KIB, 0);
    File *file = give_way(&bed, text);
    g_autoptr(GError) error = NULL;
    assert_succeeds(files_unlink(bed.files, bed.tree.root, "f", NULL, &error), error);
    bed_flush(file);
    file_close(file);
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(log, ==, "STOR /m/f 0+524288");
    g_assert_cmpuint(fake_children(bed.tree.remote, "/m"), ==, 0);
    bed_clear(&bed);
}

/* The store that was to begin anew may have cut the server's file: nothing goes on from there. */
static void test_gives_way_and_is_not_begun_anew(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    fake_contents_yield();
    while (fake_contents_open_now() > 0)
        g_usleep(1000);
    bed.server->open_failures = 1;
    g_autoptr(GError) error = NULL;
    Node *node = fixture_find(&bed.tree, bed.tree.root, "f");
    gboolean keep = FALSE;
    g_assert_null(file_open(bed.files, node, O_WRONLY | O_TRUNC, &keep, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST);
    node_unref(node);
    bed_flush(file);
    bed_assert(&bed, "/m/f", "", "STOR /m/f 0+0, STOR /m/f 0+0");
    g_assert_cmpuint(fake_mode(bed.tree.remote, "/m/f"), ==, 0640);
    file_close(file);
    bed_clear(&bed);
}

static void test_unlinked(void)
{
    Bed bed;
    bed_init(&bed, FALSE);
    File *file = bed_create(&bed, "f");
    bed_write(file, "never seen", 0);
    g_autoptr(GError) error = NULL;
    assert_succeeds(files_unlink(bed.files, bed.tree.root, "f", NULL, &error), error);
    bed_write(file, "nor this", 0);
    bed_flush(file);
    file_close(file);
    g_assert_cmpuint(fake_children(bed.tree.remote, "/m"), ==, 0);
    bed_clear(&bed);
}

static void test_temporary(void)
{
    Bed bed;
    bed_init(&bed, TRUE);
    fake_contents_put(bed.tree.remote, "/m/f", "old");
    File *file = bed_open(&bed, "f", O_WRONLY | O_TRUNC);
    bed_write(file, "newer", 0);
    g_assert_cmpuint(fake_size(bed.tree.remote, "/m/f"), ==, 3);
    bed_flush(file);
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(log, ==, "STOR /m/.ftpsfs-upload 0+5");
    g_assert_cmpuint(fake_size(bed.tree.remote, "/m/f"), ==, 5);
    g_assert_cmpuint(fake_children(bed.tree.remote, "/m"), ==, 1);
    file_close(file);
    bed_clear(&bed);
}

static void test_temporary_of_a_refused_creation(void)
{
    Bed bed;
    bed_init(&bed, TRUE);
    bed.server->open_failures = 1;
    bed.server->code = FTPSFS_ERROR_NO_SPACE;
    g_autoptr(GError) error = NULL;
    Node *node = NULL;
    g_assert_null(file_create(bed.files, bed.tree.root, "f", 0600, &node, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE);
    /* The server may have created it before it refused. */
    while (fake_count(bed.tree.remote, FAKE_UNLINK) == 0)
        g_usleep(1000);
    bed_clear(&bed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upload_stream/one store from create to flush", test_one_store);
    g_test_add_func("/upload_stream/a refused creation leaves nothing", test_refused_creation);
    g_test_add_func("/upload_stream/a writer that is ahead is sent behind", test_sent_behind);
    g_test_add_func("/upload_stream/what lies behind a hole is not sent",
                    test_little_is_not_sent_alone);
    g_test_add_func("/upload_stream/what changed after it was sent is sent again",
                    test_changed_after_it_was_sent);
    g_test_add_func("/upload_stream/a store that is lost is begun anew", test_lost_behind);
    g_test_add_func("/upload_stream/a store gives way and is appended to", test_gives_way);
    g_test_add_func("/upload_stream/nothing is appended to what others wrote",
                    test_gives_way_and_others_write);
    g_test_add_func("/upload_stream/a store that gave way at its end is confirmed",
                    test_gives_way_at_the_end);
    g_test_add_func("/upload_stream/what changed after it gave way is stored whole",
                    test_gives_way_and_is_changed);
    g_test_add_func("/upload_stream/what gave way and is unlinked is forgotten",
                    test_gives_way_and_is_unlinked);
    g_test_add_func("/upload_stream/what can't be begun anew is stored whole later",
                    test_gives_way_and_is_not_begun_anew);
    g_test_add_func("/upload_stream/nothing is uploaded of an unlinked file", test_unlinked);
    g_test_add_func("/upload_stream/a temporary takes the place of the file", test_temporary);
    g_test_add_func("/upload_stream/the temporary of a refused creation is removed",
                    test_temporary_of_a_refused_creation);
    return g_test_run();
}
