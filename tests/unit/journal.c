/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/writeback/journal.h"

#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

static JournalRecord named(JournalType type, guint64 id, const char *path, const char *second)
{
    JournalRecord r = journal_record(type, id);
    r.path = path;
    r.second = second;
    return r;
}

static JournalRecord put(guint64 id, const char *path)
{
    JournalRecord r = named(JOURNAL_PUT, id, path, "content-1-abc");
    r.size = 10 * id;
    r.mode = 0640;
    r.mtime = 1700000000;
    return r;
}

static JournalRecord after(guint64 id, const char *path, guint64 other)
{
    JournalRecord r = put(id, path);
    r.state.kind = JOURNAL_AFTER;
    r.other = other;
    return r;
}

static void add(GByteArray *bytes, JournalRecord r)
{
    g_autoptr(GByteArray) one = journal_encode(&r);
    g_byte_array_append(bytes, one->data, one->len);
}

static JournalPlan *replay(const GByteArray *bytes)
{
    return journal_replay(bytes->data, bytes->len);
}

static const JournalItem *item(const JournalPlan *plan, guint index)
{
    g_assert_cmpuint(index, <, plan->items->len);
    return g_ptr_array_index(plan->items, index);
}

static void test_put(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    JournalRecord r = put(7, "/a/b");
    r.state = (JournalState){JOURNAL_FILE, REMOTE_TIME_MINUTE, 123, 456};
    add(bytes, r);
    g_autoptr(JournalPlan) plan = replay(bytes);
    g_assert_cmpuint(plan->items->len, ==, 1);
    const JournalItem *it = item(plan, 0);
    g_assert_cmpstr(it->path, ==, "/a/b");
    g_assert_cmpstr(it->content, ==, "content-1-abc");
    g_assert_cmpuint(it->size, ==, 70);
    g_assert_cmpuint(it->mode, ==, 0640);
    g_assert_cmpint(it->mtime, ==, 1700000000);
    g_assert_cmpint(it->base.precision, ==, REMOTE_TIME_MINUTE);
    g_assert_cmpuint(it->base.size, ==, 123);
    g_assert_cmpint(it->base.mtime, ==, 456);
    g_assert_null(it->temporary);
    g_assert_cmpuint(plan->next_id, ==, 8);
}

static void test_ended(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    add(bytes, put(1, "/a"));
    add(bytes, put(2, "/b"));
    add(bytes, put(3, "/c"));
    add(bytes, journal_record(JOURNAL_DONE, 1));
    add(bytes, journal_record(JOURNAL_DROP, 2));
    add(bytes, journal_record(JOURNAL_DROP, 99));
    JournalRecord newer = put(4, "/c");
    newer.other = 3;
    add(bytes, newer);
    JournalRecord set = journal_record(JOURNAL_SET, 4);
    set.mtime = 5;
    add(bytes, set);
    g_autoptr(JournalPlan) plan = replay(bytes);
    g_assert_cmpuint(plan->items->len, ==, 1);
    g_assert_cmpuint(item(plan, 0)->id, ==, 4);
    g_assert_cmpint(item(plan, 0)->mtime, ==, 5);
    g_assert_cmpuint(item(plan, 0)->mode, ==, 0640);
}

static void test_move(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    add(bytes, put(1, "/target"));
    add(bytes, put(2, "/target.tmp"));
    JournalRecord r = named(JOURNAL_MOVE, 2, "/target", "");
    r.other = 1;
    r.state = (JournalState){JOURNAL_FILE, REMOTE_TIME_SECOND, 9, 9};
    add(bytes, r);
    g_autoptr(JournalPlan) plan = replay(bytes);
    g_assert_cmpuint(plan->items->len, ==, 1);
    g_assert_cmpstr(item(plan, 0)->path, ==, "/target");
    g_assert_cmpuint(item(plan, 0)->base.size, ==, 9);
}

static void test_after(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    add(bytes, put(1, "/a"));
    add(bytes, after(2, "/a", 1));
    add(bytes, after(3, "/a", 2));
    add(bytes, journal_record(JOURNAL_DROP, 2));
    g_autoptr(JournalPlan) both = replay(bytes);
    g_assert_cmpuint(both->items->len, ==, 2);
    g_assert_cmpint(item(both, 1)->base.kind, ==, JOURNAL_AFTER);
    g_assert_cmpuint(item(both, 1)->after, ==, 1);
    JournalRecord done = journal_record(JOURNAL_DONE, 1);
    done.state = (JournalState){JOURNAL_FILE, REMOTE_TIME_SECOND, 10, 77};
    add(bytes, done);
    g_autoptr(JournalPlan) plan = replay(bytes);
    g_assert_cmpuint(plan->items->len, ==, 1);
    g_assert_cmpint(item(plan, 0)->base.kind, ==, JOURNAL_FILE);
    g_assert_cmpint(item(plan, 0)->base.mtime, ==, 77);
}

static void test_temporaries(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    for (guint64 id = 1; id <= 3; id++) {
        g_autofree char *temporary = g_strdup_printf("/.t%u", (guint)id);
        add(bytes, put(id, "/a"));
        add(bytes, named(JOURNAL_START, id, "", temporary));
    }
    add(bytes, journal_record(JOURNAL_DROP, 2));
    add(bytes, journal_record(JOURNAL_DROP, 3));
    add(bytes, journal_record(JOURNAL_CLEAN, 3));
    JournalRecord commit = named(JOURNAL_COMMIT, 1, "/a", "/.t1");
    commit.third = "/.old";
    commit.mtime = 42;
    add(bytes, commit);
    g_autoptr(JournalPlan) plan = replay(bytes);
    g_assert_cmpuint(plan->cleanup->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(plan->cleanup, 0), ==, "/.t2");
    g_assert_cmpstr(item(plan, 0)->temporary, ==, "/.t1");
    g_assert_cmpstr(item(plan, 0)->target, ==, "/a");
    g_assert_cmpstr(item(plan, 0)->aside, ==, "/.old");
    g_assert_cmpint(item(plan, 0)->stored_mtime, ==, 42);
}

static void test_renames(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    add(bytes, put(1, "/d/a"));
    add(bytes, put(2, "/d/e/b"));
    add(bytes, put(3, "/dd"));
    add(bytes, put(4, "/f"));
    add(bytes, named(JOURNAL_START, 1, "", "/d/.t1"));
    add(bytes, named(JOURNAL_RENAME, 5, "/d", "/f"));
    g_autoptr(JournalPlan) unknown = replay(bytes);
    g_assert_cmpuint(unknown->renames->len, ==, 1);
    g_assert_cmpuint(unknown->items->len, ==, 4);
    add(bytes, journal_record(JOURNAL_RENAMED, 5));
    add(bytes, journal_record(JOURNAL_DONE, 3));
    g_autoptr(JournalPlan) plan = replay(bytes);
    g_assert_cmpuint(plan->renames->len, ==, 0);
    g_assert_cmpuint(plan->items->len, ==, 2);
    g_assert_cmpstr(item(plan, 0)->path, ==, "/f/a");
    g_assert_cmpstr(item(plan, 0)->temporary, ==, "/f/.t1");
    g_assert_cmpstr(item(plan, 1)->path, ==, "/f/e/b");
}

/* Whatever the length at which the last record is cut, the others stand. */
static void test_torn(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    add(bytes, put(1, "/a"));
    add(bytes, put(2, "/b"));
    guint whole = bytes->len;
    add(bytes, put(3, "/c"));
    for (guint length = whole; length < bytes->len; length++) {
        g_autoptr(JournalPlan) plan = journal_replay(bytes->data, length);
        g_assert_cmpuint(plan->items->len, ==, 2);
        g_assert_cmpuint(plan->torn, ==, length - whole);
        g_assert_cmpuint(plan->damaged, ==, 0);
    }
}

/* Whatever byte is changed, only the record that it is in is lost, and never is one made up. */
static void test_damaged(void)
{
    g_autoptr(GByteArray) bytes = journal_header();
    guint begin = bytes->len;
    add(bytes, put(1, "/a"));
    guint first = bytes->len;
    add(bytes, put(2, "/b"));
    guint second = bytes->len;
    add(bytes, put(3, "/c"));
    for (guint at = begin; at < second; at++) {
        bytes->data[at] ^= 0x55;
        g_autoptr(JournalPlan) plan = replay(bytes);
        bytes->data[at] ^= 0x55;
        g_assert_cmpuint(plan->items->len, ==, 2);
        g_assert_cmpuint(item(plan, 0)->id, ==, at < first ? 2 : 1);
        g_assert_cmpuint(item(plan, 1)->id, ==, 3);
        g_assert_cmpuint(plan->damaged, ==, 1);
        g_assert_cmpuint(plan->torn, ==, 0);
    }
}

static Journal *open_journal(const char *directory, guint number, JournalPlan **plan)
{
    g_autoptr(GError) error = NULL;
    Journal *journal = journal_open(directory, number, plan, &error);
    g_assert_no_error(error);
    return journal;
}

static void append(Journal *journal, JournalRecord r)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(journal_append(journal, &r, TRUE, &error));
    g_assert_no_error(error);
}

static gpointer append_many(gpointer data)
{
    for (guint64 i = 1; i <= 50; i++)
        append(data, put(i, "/x"));
    return NULL;
}

static void remove_all(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    for (const char *name = g_dir_read_name(dir); name != NULL; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_assert_cmpint(unlink(path), ==, 0);
    }
    g_assert_cmpint(rmdir(directory), ==, 0);
}

/* Four threads append side by side; a second owner is kept out; rewriting leaves the rest out. */
static void test_file(void)
{
    g_autofree char *directory = g_dir_make_tmp("ftpsfs-journal-XXXXXX", NULL);
    g_autoptr(GPtrArray) records = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    JournalPlan *plan = NULL;
    Journal *journal = open_journal(directory, 1, &plan);
    g_clear_pointer(&plan, journal_plan_free);
    g_assert_cmpstr(journal_prefix(journal), ==, "content-1-");
    g_assert_true(journal_rewrite(journal, records, &error));
    g_assert_null(journal_open(directory, 1, &plan, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_BUSY);
    g_clear_error(&error);
    GThread *threads[4];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("append", append_many, journal);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    journal_close(journal);
    journal = open_journal(directory, 1, &plan);
    g_assert_cmpuint(plan->records, ==, 200);
    g_assert_cmpuint(plan->torn + plan->damaged, ==, 0);
    g_assert_cmpuint(plan->items->len, ==, 50);
    g_clear_pointer(&plan, journal_plan_free);
    JournalRecord only = put(2, "/b");
    g_ptr_array_add(records, &only);
    g_assert_true(journal_rewrite(journal, records, &error));
    journal_close(journal);
    journal = open_journal(directory, 1, &plan);
    g_assert_cmpuint(plan->items->len, ==, 1);
    g_clear_pointer(&plan, journal_plan_free);
    journal_remove(journal);
    journal_close(journal);
    remove_all(directory);
}

static void test_damaged_file(void)
{
    g_autofree char *directory = g_dir_make_tmp("ftpsfs-journal-XXXXXX", NULL);
    g_autoptr(GByteArray) bytes = journal_header();
    guint at = bytes->len + 30;
    add(bytes, put(1, "/a"));
    add(bytes, put(2, "/b"));
    bytes->data[at] ^= 1;
    g_autofree char *path = g_build_filename(directory, "journal-1", NULL);
    g_autofree char *copy = g_strconcat(path, ".damaged", NULL);
    g_assert_true(g_file_set_contents(path, (const char *)bytes->data, bytes->len, NULL));
    JournalPlan *plan = NULL;
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_CRITICAL, "*damaged in 1 places*");
    Journal *journal = open_journal(directory, 1, &plan);
    g_test_assert_expected_messages();
    g_assert_cmpuint(plan->items->len, ==, 1);
    g_assert_true(g_file_test(copy, G_FILE_TEST_EXISTS));
    journal_plan_free(plan);
    journal_close(journal);
    remove_all(directory);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/journal/a put is pending with all that it says", test_put);
    g_test_add_func("/journal/what is done, dropped or replaced is not pending", test_ended);
    g_test_add_func("/journal/a move replaces what was to be there", test_move);
    g_test_add_func("/journal/what follows an upload is over its result", test_after);
    g_test_add_func("/journal/temporaries are remembered until they are gone", test_temporaries);
    g_test_add_func("/journal/a rename moves what is below and drops what it replaces",
                    test_renames);
    g_test_add_func("/journal/a torn last record is dropped at any length", test_torn);
    g_test_add_func("/journal/any changed byte costs one record and no other", test_damaged);
    g_test_add_func("/journal/the file has one owner and keeps what threads append", test_file);
    g_test_add_func("/journal/damage is reported and the bytes are kept", test_damaged_file);
    return g_test_run();
}
