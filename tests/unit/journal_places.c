/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/writeback/journal_places.h"

#include <glib/gstdio.h>
#include <string.h>

#include "cache/writeback/journal.h"
#include "ftpsfs/util/error.h"

typedef struct {
    char *root;
} Test;

static const IdentityFacts usual = {.host = "h", .port = 990, .user = "u", .by_ca = TRUE};
static const IdentityFacts hosted = {
    .host = "h", .port = 990, .user = "u", .by_ca = TRUE, .virtual_host = "a"};
static const IdentityFacts unverified = {.host = "h", .port = 990, .user = "u"};

static void set_up(Test *test, gconstpointer data)
{
    (void)data;
    test->root = g_dir_make_tmp("ftpsfs-places-XXXXXX", NULL);
    g_assert_nonnull(test->root);
}

static void remove_all(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            remove_all(path);
        else
            g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void tear_down(Test *test, gconstpointer data)
{
    (void)data;
    remove_all(test->root);
    g_free(test->root);
}

static char *make(const Test *test, const IdentityFacts *facts)
{
    g_autoptr(Identity) identity = identity_new(facts);
    g_autoptr(GError) error = NULL;
    char *directory = journal_place_make(test->root, identity, &error);
    g_assert_no_error(error);
    return directory;
}

/* A journal with one upload that waits. */
static void put_journal(const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "journal-1", NULL);
    JournalRecord record = journal_record(JOURNAL_PUT, 1);
    record.path = "/file";
    record.second = "content-1-0";
    g_autoptr(GByteArray) bytes = journal_header();
    g_autoptr(GByteArray) one = journal_encode(&record);
    g_byte_array_append(bytes, one->data, one->len);
    g_mkdir_with_parents(directory, 0700);
    g_assert_true(g_file_set_contents(path, (const char *)bytes->data, bytes->len, NULL));
}

static char *put_old(const Test *test, const char *name)
{
    char *directory = g_build_filename(test->root, name, NULL);
    put_journal(directory);
    return directory;
}

/* How many other directories a mount of this source takes over, one of which is `wanted` unless it
 * is NULL. */
static guint others(const Test *test, const IdentityFacts *facts, const char *wanted)
{
    g_autoptr(Identity) identity = identity_new(facts);
    g_autofree char *own = g_build_filename(test->root, identity_name(identity), NULL);
    g_autoptr(GPtrArray) all = journal_places_to_finish(test->root, own, identity);
    gboolean found = FALSE;
    for (guint i = 0; i < all->len; i++)
        found |= g_strcmp0(g_ptr_array_index(all, i), wanted) == 0;
    g_assert_cmpint(found, ==, wanted != NULL);
    return all->len;
}

/* As an outcome of the next call: a warning with the words. */
static void expect(const char *directory, const char *words)
{
    g_autofree char *pattern = g_strdup_printf("*%s*%s*", directory, words);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, pattern);
}

static void a_place_says_whose_it_is(Test *test, gconstpointer data)
{
    (void)data;
    g_autofree char *first = make(test, &usual);
    g_autofree char *again = make(test, &usual);
    g_autofree char *other = make(test, &hosted);
    g_assert_cmpstr(first, ==, again);
    g_assert_cmpstr(first, !=, other);
    g_autofree char *file = g_build_filename(first, "identity", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_autoptr(Identity) identity = identity_new(&usual);
    g_assert_cmpstr(text, ==, identity_text(identity));
    GStatBuf status;
    g_assert_cmpint(g_stat(file, &status), ==, 0);
    g_assert_cmphex(status.st_mode & 0777, ==, 0600);
    g_assert_cmpint(g_stat(first, &status), ==, 0);
    g_assert_cmphex(status.st_mode & 0777, ==, 0700);
}

static void a_place_of_another_source_is_refused(Test *test, gconstpointer data)
{
    (void)data;
    g_autofree char *directory = make(test, &usual);
    g_autofree char *file = g_build_filename(directory, "identity", NULL);
    g_autoptr(Identity) identity = identity_new(&usual);
    g_autoptr(Identity) other = identity_new(&hosted);
    const char *texts[] = {identity_text(other), "", "nonsense\n"};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(g_file_set_contents(file, texts[i], -1, NULL));
        g_assert_null(journal_place_make(test->root, identity, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO);
        g_assert_nonnull(strstr(error->message, file));
    }
}

static void an_old_place_is_found_however_the_host_is_written(Test *test, gconstpointer data)
{
    (void)data;
    const IdentityFacts v6 = {.host = "::1", .port = 990, .user = "u@x y", .by_ca = TRUE};
    g_autofree char *one = put_old(test, "u@H.:990");
    g_autofree char *six = put_old(test, "u@x%20y@0:0::1:990");
    g_autofree char *port = put_old(test, "u@h:991");
    g_autofree char *user = put_old(test, "v@h:990");
    g_autofree char *none = put_old(test, "nothing");
    g_assert_cmpuint(others(test, &usual, one), ==, 1);
    g_assert_cmpuint(others(test, &v6, six), ==, 1);
    /* Those of others stay as they are. */
    g_assert_true(g_file_test(port, G_FILE_TEST_IS_DIR));
    g_assert_true(g_file_test(user, G_FILE_TEST_IS_DIR));
    g_assert_true(g_file_test(none, G_FILE_TEST_IS_DIR));
}

static void an_old_place_is_finished_where_it_can_only_be_meant(Test *test, gconstpointer data)
{
    (void)data;
    g_autofree char *old = put_old(test, "u@h:990");
    expect(old, "1 upload of an earlier mount*ftp_host, account or ftp_init");
    g_assert_cmpuint(others(test, &hosted, NULL), ==, 0);
    expect(old, "nobody verifies*move that directory into");
    g_assert_cmpuint(others(test, &unverified, NULL), ==, 0);
    g_test_assert_expected_messages();
    g_assert_cmpuint(others(test, &usual, old), ==, 1);
}

static void other_sources_are_told_of_while_something_waits(Test *test, gconstpointer data)
{
    (void)data;
    g_autofree char *other = make(test, &hosted);
    g_autofree char *bare = make(test, &unverified);
    g_assert_cmpuint(others(test, &usual, NULL), ==, 0);
    g_assert_true(g_file_test(bare, G_FILE_TEST_IS_DIR));
    put_journal(other);
    expect(other, "another ftp_host*move that directory into");
    g_assert_cmpuint(others(test, &usual, NULL), ==, 0);
    g_test_assert_expected_messages();
    /* Another user's are nobody's business. */
    const IdentityFacts somebody = {.host = "h", .port = 990, .user = "v", .by_ca = TRUE};
    g_assert_cmpuint(others(test, &somebody, NULL), ==, 0);
    g_autofree char *file = g_build_filename(other, "identity", NULL);
    g_assert_true(g_file_set_contents(file, "?", -1, NULL));
    expect(other, "nobody knows for whom");
    g_assert_cmpuint(others(test, &usual, NULL), ==, 0);
    g_test_assert_expected_messages();
}

static void a_place_that_is_as_well_verified_is_finished(Test *test, gconstpointer data)
{
    (void)data;
    static const char *const pins[] = {"sha256//A", NULL};
    const IdentityFacts pinned = {
        .host = "h", .port = 990, .user = "u", .by_ca = TRUE, .pins = pins};
    g_autofree char *before = make(test, &usual);
    put_journal(before);
    g_assert_cmpuint(others(test, &pinned, before), ==, 1);
    /* It is some mount's own, and stays. */
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));
    journal_place_remove(before, numbers);
    g_assert_true(g_file_test(before, G_FILE_TEST_IS_DIR));
}

static void what_is_moved_into_a_place_belongs_to_it(Test *test, gconstpointer data)
{
    (void)data;
    g_autofree char *own = make(test, &unverified);
    g_autofree char *old = put_old(test, "u@h:990");
    g_autofree char *moved = g_build_filename(own, "u@h:990", NULL);
    g_assert_cmpint(g_rename(old, moved), ==, 0);
    g_assert_cmpuint(others(test, &unverified, moved), ==, 1);
    g_assert_cmpuint(others(test, &usual, NULL), ==, 0);
    /* Once it is taken over nothing is left of it. */
    guint number = 1;
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));
    g_array_append_val(numbers, number);
    g_autofree char *lock = g_build_filename(moved, "lock-1", NULL);
    g_autofree char *journal = g_build_filename(moved, "journal-1", NULL);
    g_assert_true(g_file_set_contents(lock, "", 0, NULL));
    journal_place_remove(moved, numbers);
    g_assert_true(g_file_test(journal, G_FILE_TEST_EXISTS));
    g_assert_cmpint(g_remove(journal), ==, 0);
    journal_place_remove(moved, numbers);
    g_assert_false(g_file_test(moved, G_FILE_TEST_EXISTS));
}

#define TEST(name, function)                                                                       \
    g_test_add("/journal_places/" name, Test, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("identity", a_place_says_whose_it_is);
    TEST("another identity", a_place_of_another_source_is_refused);
    TEST("old names", an_old_place_is_found_however_the_host_is_written);
    TEST("old", an_old_place_is_finished_where_it_can_only_be_meant);
    TEST("others", other_sources_are_told_of_while_something_waits);
    TEST("verified", a_place_that_is_as_well_verified_is_finished);
    TEST("moved", what_is_moved_into_a_place_belongs_to_it);
    return g_test_run();
}
