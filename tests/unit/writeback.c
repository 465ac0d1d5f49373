/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/spool/spool.h"
#include "cache/writeback/journal.h"
#include "cache/writeback/writeback_items.h"

#include <string.h>
#include <unistd.h>

#include "cache/temporary/temporary_cleanup.h"
#include "fake_stores.h"
#include "tree_fixture.h"

typedef struct {
    Fixture f;
    char *directory;
    Stats stats;
    Space *space;
    Workers *workers;
    GCancellable *cancel;
    TemporaryCleanup *cleanup;
    Writeback *writeback;
    guint contents;
    gint uploaded;
} Test;

static const IdentityFacts source = {.host = "h", .port = 990, .user = "u"};
static const JournalState absent = {.kind = JOURNAL_ABSENT, .mtime = G_MININT64};

static void count_upload(gpointer data, const WritebackResult *result)
{
    Test *test = data;
    g_assert_nonnull(result->node);
    g_atomic_int_inc(&test->uploaded);
}

static void open_writeback(Test *test)
{
    g_autoptr(Identity) identity = identity_new(&source);
    WritebackOptions options = {
        .directory = test->directory, .identity = identity, .connections = 2, .delay_ms = 50};
    g_autoptr(GError) error = NULL;
    test->writeback =
        writeback_new(test->f.remote, test->f.tree, &test->stats, test->space, &options, &error);
    g_assert_no_error(error);
}

static void start(Test *test)
{
    writeback_start(test->writeback, test->cleanup, count_upload, test);
}

static void set_up(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    fixture_init(&test->f);
    fake_settings(test->f.remote)->rename_over = TRUE;
    fake_stores_reset();
    test->directory = g_dir_make_tmp("ftpsfs-writeback-XXXXXX", &error);
    g_assert_no_error(error);
    test->space = space_new(0, 1);
    test->workers = workers_new(1);
    test->cancel = g_cancellable_new();
    test->cleanup = temporary_cleanup_new(test->f.remote, test->workers, 1, test->cancel);
    open_writeback(test);
}

static void tear_down(Test *test, gconstpointer data)
{
    (void)data;
    g_clear_pointer(&test->writeback, writeback_free);
    workers_free(test->workers);
    temporary_cleanup_free(test->cleanup);
    g_object_unref(test->cancel);
    g_autoptr(Identity) identity = identity_new(&source);
    g_autofree char *inner = g_build_filename(test->directory, identity_name(identity), NULL);
    g_autoptr(GDir) dir = g_dir_open(inner, 0, NULL);
    for (const char *name = g_dir_read_name(dir); name != NULL; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(inner, name, NULL);
        g_assert_cmpint(unlink(path), ==, 0);
    }
    g_assert_cmpint(rmdir(inner), ==, 0);
    g_assert_cmpint(rmdir(test->directory), ==, 0);
    g_free(test->directory);
    space_free(test->space);
    fixture_clear(&test->f);
}

/* Content of `size` bytes for the node. */
static void put_over(Test *test, Node *node, guint64 size, JournalState base)
{
    g_autofree char *content =
        g_strdup_printf("%s%u", writeback_prefix(test->writeback), ++test->contents);
    g_autofree char *data = g_strnfill(size, 'x');
    g_assert_true(g_file_set_contents(content, data, (gssize)size, NULL));
    WritebackPut put = {
        .content = content, .size = size, .mode = 0600, .mtime = 1500000000, .base = base};
    g_autoptr(GError) error = NULL;
    tree_set_local(test->f.tree, node, size, 1500000000, 0, 0600, TRUE);
    assert_succeeds(writeback_put(test->writeback, node, &put, NULL, &error), error);
}

static Node *make(Test *test, Node *dir, const char *name, guint64 size)
{
    Node *node = tree_add_file(test->f.tree, dir, name, 0600);
    put_over(test, node, size, absent);
    return node;
}

static void flush(Test *test)
{
    g_assert_cmpuint(writeback_flush(test->writeback, NULL), ==, 0);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_pending), ==, 0);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_bytes), ==, 0);
    g_assert_cmpuint(space_used(test->space), ==, 0);
}

static void test_upload(Test *test, gconstpointer data)
{
    (void)data;
    start(test);
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    g_assert_true(writeback_has(test->writeback, node));
    flush(test);
    g_assert_false(writeback_has(test->writeback, node));
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 10);
    g_assert_cmpuint(fake_mode(test->f.remote, "/m/f"), ==, 0600);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 1);
    g_assert_cmpint(test->uploaded, ==, 1);
}

static void test_replaced(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    put_over(test, node, 20, absent);
    put_over(test, node, 30, absent);
    start(test);
    flush(test);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 30);
    g_assert_cmpuint(fake_stores_begun(), ==, 1);
}

static void test_follows(Test *test, gconstpointer data)
{
    (void)data;
    start(test);
    fake_hold(test->f.remote, FAKE_RENAME);
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    fake_wait_held(test->f.remote, FAKE_RENAME, 1);
    put_over(test, node, 25, absent);
    fake_release(test->f.remote, FAKE_RENAME);
    flush(test);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 25);
    g_assert_cmpuint(fake_stores_begun(), ==, 2);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_conflicts), ==, 0);
}

static void test_dropped(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    g_autoptr(GError) error = NULL;
    g_assert_true(writeback_is_new(test->writeback, node));
    assert_succeeds(writeback_drop(test->writeback, node, &error), error);
    start(test);
    flush(test);
    g_assert_cmpuint(fake_stores_begun(), ==, 0);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 0);
}

static void test_moved(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    fake_put_file(test->f.remote, "/m/target", 5, 1000);
    g_autoptr(Node) target = fixture_find(&test->f, test->f.root, "target");
    g_autoptr(Node) node = make(test, test->f.root, "target.tmp", 10);
    WritebackPathLock lock = {.from = "/m/target.tmp", .to = "/m/target"};
    assert_succeeds(writeback_path_lock(test->writeback, &lock, NULL, &error), error);
    JournalState base = {JOURNAL_FILE, REMOTE_TIME_SECOND, 5, 1000};
    assert_succeeds(writeback_move(test->writeback, node, lock.to, target, &base, &error), error);
    tree_moved(test->f.tree, node, test->f.root, "target");
    writeback_path_unlock(test->writeback, &lock);
    start(test);
    flush(test);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/target"), ==, 10);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 1);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_conflicts), ==, 0);
}

static void test_conflict(Test *test, gconstpointer data)
{
    (void)data;
    fake_put_file(test->f.remote, "/m/f", 5, 1000);
    g_autoptr(Node) node = fixture_find(&test->f, test->f.root, "f");
    put_over(test, node, 10, (JournalState){JOURNAL_FILE, REMOTE_TIME_SECOND, 5, 999});
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "/m/f: somebody else*ftpsfs-conflict-*");
    start(test);
    flush(test);
    g_test_assert_expected_messages();
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 5);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 2);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_conflicts), ==, 1);
}

static void test_path_locked(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    WritebackPathLock lock = {.from = "/m/f"};
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    assert_succeeds(writeback_path_lock(test->writeback, &lock, NULL, &error), error);
    start(test);
    g_autoptr(Node) other = make(test, test->f.root, "other", 1);
    assert_succeeds(writeback_sync(test->writeback, other, NULL, &error), error);
    g_assert_false(fake_exists(test->f.remote, "/m/f"));
    g_assert_true(writeback_has(test->writeback, node));
    writeback_path_unlock(test->writeback, &lock);
    flush(test);
    g_assert_true(fake_exists(test->f.remote, "/m/f"));
}

/* What was seen before the name was held says nothing of what is there after it. */
static void test_path_locked_change(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    WritebackPathLock lock = {.from = "/m/f"};
    node_unref(make(test, test->f.root, "f", 10));
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "/m/f: somebody else*ftpsfs-conflict-*");
    fake_hold(test->f.remote, FAKE_STAT_EXACT);
    start(test);
    fake_wait_held(test->f.remote, FAKE_STAT_EXACT, 1);
    assert_succeeds(writeback_path_lock(test->writeback, &lock, NULL, &error), error);
    fake_release(test->f.remote, FAKE_STAT_EXACT);
    /* The look behind the upload. */
    while (fake_count(test->f.remote, FAKE_STAT_EXACT) < 2)
        g_usleep(1000);
    fake_put_file(test->f.remote, "/m/f", 5, 1000);
    writeback_path_unlock(test->writeback, &lock);
    flush(test);
    g_test_assert_expected_messages();
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 5);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 2);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_conflicts), ==, 1);
}

/* The reply to the rename is lost: that it was done is found out, and it is not done again. */
static void test_lost_reply(Test *test, gconstpointer data)
{
    (void)data;
    fake_fail(test->f.remote, FAKE_RENAME, 0, 1, FTPSFS_ERROR_LOST, TRUE);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    start(test);
    assert_fails(writeback_sync(test->writeback, node, NULL, &error), error, FTPSFS_ERROR_LOST);
    assert_succeeds(writeback_sync(test->writeback, node, NULL, &error), error);
    g_assert_cmpuint(fake_stores_begun(), ==, 1);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 10);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 1);
}

static void test_refused(Test *test, gconstpointer data)
{
    (void)data;
    fake_stores_fail(1, FTPSFS_ERROR_ACCESS);
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "/m/f: not uploaded*next mount*");
    start(test);
    assert_fails(writeback_sync(test->writeback, node, NULL, &error), error, FTPSFS_ERROR_ACCESS);
    g_test_assert_expected_messages();
    assert_succeeds(writeback_sync(test->writeback, node, NULL, &error), error);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 10);
}

/* The content of the node is put anew while its first upload is under way, which then fails: at the
 * rename of the temporary, or before it. */
static void put_again(Test *test, Node *node, FakeOp op)
{
    fake_hold(test->f.remote, op);
    start(test);
    fake_wait_held(test->f.remote, op, 1);
    put_over(test, node, 25, absent);
    fake_release(test->f.remote, op);
}

static void test_way(Test *test, gconstpointer data)
{
    (void)data;
    fake_fail(test->f.remote, FAKE_STAT_EXACT, 0, 1, FTPSFS_ERROR_LOST, FALSE);
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    put_again(test, node, FAKE_STAT_EXACT);
    flush(test);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/f"), ==, 25);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 1);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_conflicts), ==, 0);
}

static gboolean take_name(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)error;
    g_string_assign(data, entry->name->str);
    return TRUE;
}

static void forget_nothing(gpointer data)
{
    (void)data;
}

/* The server comes to the store of what is dropped when the name has been removed already. */
static void test_late_temporary(Test *test, gconstpointer data)
{
    (void)data;
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    fake_hold(test->f.remote, FAKE_STAT_EXACT);
    start(test);
    fake_wait_held(test->f.remote, FAKE_STAT_EXACT, 1);
    g_autoptr(GString) name = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    assert_succeeds(
        remote_list(test->f.remote, "/m", take_name, forget_nothing, name, NULL, &error), error);
    g_autofree char *temporary = g_strconcat("/m/", name->str, NULL);
    assert_succeeds(writeback_drop(test->writeback, node, &error), error);
    fake_release(test->f.remote, FAKE_STAT_EXACT);
    writeback_stop(test->writeback);
    g_assert_false(fake_exists(test->f.remote, temporary));
    fake_put_file(test->f.remote, temporary, 0, 0);
    temporary_cleanup_end(test->cleanup);
    g_assert_cmpuint(fake_children(test->f.remote, "/m"), ==, 0);
}

/* It may have been carried out: the newer one is no less pending, and the end is not held up. */
static void test_end_behind_a_failure(Test *test, gconstpointer data)
{
    (void)data;
    fake_fail(test->f.remote, FAKE_RENAME, 0, 1, FTPSFS_ERROR_ACCESS, FALSE);
    g_autoptr(Node) node = make(test, test->f.root, "f", 10);
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING, "/m/f: not uploaded*next mount*");
    put_again(test, node, FAKE_RENAME);
    while (STATS_GET(&test->stats, writeback_failures) == 0)
        g_usleep(1000);
    g_assert_true(writeback_has(test->writeback, node)); /* by then it has been told */
    g_test_assert_expected_messages();
    writeback_stop(test->writeback);
    g_assert_cmpint(STATS_GET(&test->stats, writeback_pending), ==, 2);
    g_assert_false(fake_exists(test->f.remote, "/m/f"));
}

static void test_directory(Test *test, gconstpointer data)
{
    (void)data;
    fake_put_dir(test->f.remote, "/m/d");
    g_autoptr(Node) dir = fixture_find(&test->f, test->f.root, "d");
    node_unref(make(test, dir, "f", 10));
    WritebackPathLock lock = {.from = "/m/d", .to = "/m/e", .below = TRUE};
    g_autoptr(GError) error = NULL;
    guint64 id = 0;
    assert_succeeds(writeback_path_lock(test->writeback, &lock, NULL, &error), error);
    assert_succeeds(writeback_rename_begin(test->writeback, &lock, &id, &error), error);
    g_assert_cmpuint(id, !=, 0);
    assert_succeeds(
        tree_rename(test->f.tree, test->f.root, "d", test->f.root, "e", FALSE, NULL, &error),
        error);
    writeback_rename_end(test->writeback, &lock, id, TRUE);
    writeback_path_unlock(test->writeback, &lock);
    start(test);
    flush(test);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/e/f"), ==, 10);
    g_assert_cmpuint(fake_children(test->f.remote, "/m/e"), ==, 1);
}

/* What a mount that was killed has left is shown, and uploaded, by the next one. */
static void test_replay(Test *test, gconstpointer data)
{
    (void)data;
    fake_put_dir(test->f.remote, "/m/d");
    Node *dir = fixture_find(&test->f, test->f.root, "d");
    node_unref(make(test, dir, "f", 10));
    node_unref(make(test, test->f.root, "g", 7));
    node_unref(dir);
    writeback_free(test->writeback);
    tree_free(test->f.tree);
    TreeOptions options = {.timeout_s = FIXTURE_TIMEOUT, .clock = fixture_now};
    test->f.tree = tree_new(test->f.remote, &options);
    test->f.root = tree_root(test->f.tree);
    test->stats = (Stats){0};
    space_free(test->space);
    test->space = space_new(0, 1);
    open_writeback(test);
    fake_hold(test->f.remote, FAKE_RENAME);
    start(test);
    g_autoptr(Node) again = fixture_find(&test->f, test->f.root, "g");
    g_assert_cmpuint(fixture_info(again).size, ==, 7);
    g_autoptr(Spool) spool = writeback_spool(test->writeback, again, test->directory);
    g_assert_cmpuint(spool_size(spool), ==, 7);
    fake_release(test->f.remote, FAKE_RENAME);
    flush(test);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/d/f"), ==, 10);
    g_assert_cmpuint(fake_size(test->f.remote, "/m/g"), ==, 7);
    g_assert_cmpuint(fake_stores_begun(), ==, 2);
}

#define TEST(name, function) g_test_add("/writeback/" name, Test, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("what is put is uploaded under a hidden name and renamed", test_upload);
    TEST("of several contents of a file only the last is uploaded", test_replaced);
    TEST("a content put while the one before is renamed follows it", test_follows);
    TEST("what is dropped is not uploaded", test_dropped);
    TEST("what a dropped upload leaves late is removed in the end", test_late_temporary);
    TEST("a new file that is renamed is uploaded under its last name", test_moved);
    TEST("a file that others have changed is left alone", test_conflict);
    TEST("nothing is uploaded to a name that is held", test_path_locked);
    TEST("a change made while the name is held is seen", test_path_locked_change);
    TEST("a rename whose reply was lost is not made twice", test_lost_reply);
    TEST("what the server refuses is kept, and tried again by a sync", test_refused);
    TEST("a content that fails makes way for the one put behind it", test_way);
    TEST("what waits for one that is refused does not hold up the end", test_end_behind_a_failure);
    TEST("a renamed directory takes what is pending in it along", test_directory);
    TEST("what is pending survives the mount", test_replay);
    return g_test_run();
}
