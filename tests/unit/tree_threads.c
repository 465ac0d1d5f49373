/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several threads at once, and answers of the server that are overtaken by changes from here. The
 * fake server holds its replies back, so that the order of events is certain. */
#include "ftpsfs/cache/tree.h"
#include "tree_fixture.h"

/* A thread that lists or looks up, and what came of it. */
typedef struct {
    Fixture *f;
    Node *dir;
    const char *name; /* looked up; NULL: the directory is listed */
    GCancellable *cancel;
    GError *error;
    guint found; /* children, or 1 */
} Query;

static gpointer run_query(gpointer data)
{
    Query *query = data;
    if (query->name != NULL) {
        g_autoptr(Node) node =
            tree_lookup(query->f->tree, query->dir, query->name, query->cancel, &query->error);
        query->found = node != NULL ? 1 : 0;
    } else {
        g_autoptr(GPtrArray) nodes =
            tree_list(query->f->tree, query->dir, query->cancel, &query->error);
        query->found = nodes != NULL ? nodes->len : 0;
    }
    return NULL;
}

static GThread *start(Query *query, Fixture *f, Node *dir, const char *name, GCancellable *cancel)
{
    *query = (Query){.f = f, .dir = dir, .name = name, .cancel = cancel};
    return g_thread_new("query", run_query, query);
}

/* Starts a listing of the root and waits until the server has read the directory. */
static GThread *start_listing(Query *query, Fixture *f)
{
    fake_hold(f->remote, FAKE_LIST);
    GThread *thread = start(query, f, f->root, NULL, NULL);
    fake_wait_held(f->remote, FAKE_LIST, 1);
    return thread;
}

static void end_listing(Fixture *f, GThread *thread, Query *query)
{
    fake_release(f->remote, FAKE_LIST);
    g_thread_join(thread);
    g_assert_no_error(query->error);
}

static void many_threads_make_one_listing(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    fake_put_file(f.remote, "/m/b", 1, 1);
    Query queries[8];
    GThread *threads[8];
    threads[0] = start_listing(&queries[0], &f);
    for (guint i = 1; i < 8; i++)
        threads[i] = start(&queries[i], &f, f.root, NULL, NULL);
    fake_release(f.remote, FAKE_LIST);
    for (guint i = 0; i < 8; i++) {
        g_thread_join(threads[i]);
        g_assert_no_error(queries[i].error);
        g_assert_cmpuint(queries[i].found, ==, 2);
    }
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
    fixture_clear(&f);
}

static void a_waiter_is_cancelled_alone(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    Query leader, waiter;
    GThread *leading = start_listing(&leader, &f);
    GThread *waiting = start(&waiter, &f, f.root, NULL, cancel);
    g_cancellable_cancel(cancel);
    g_thread_join(waiting); /* the listing is still held */
    g_assert_error(waiter.error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_clear_error(&waiter.error);
    end_listing(&f, leading, &leader);
    g_assert_cmpuint(leader.found, ==, 1);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 1);
    fixture_clear(&f);
}

static void when_the_one_who_lists_is_cancelled_another_goes_on(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    Query leader, waiter;
    fake_hold(f.remote, FAKE_LIST);
    GThread *leading = start(&leader, &f, f.root, NULL, cancel);
    fake_wait_held(f.remote, FAKE_LIST, 1);
    GThread *waiting = start(&waiter, &f, f.root, NULL, NULL);
    g_cancellable_cancel(cancel);
    g_thread_join(leading);
    g_assert_error(leader.error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_clear_error(&leader.error);
    fake_wait_held(f.remote, FAKE_LIST, 1);
    end_listing(&f, waiting, &waiter);
    g_assert_cmpuint(waiter.found, ==, 1);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    fixture_clear(&f);
}

static void a_failed_listing_fails_for_those_who_wait(void)
{
    Fixture f;
    fixture_init(&f);
    fake_fail(f.remote, FAKE_LIST, 0, 1, FTPSFS_ERROR_TIMEOUT, TRUE);
    Query queries[4];
    GThread *threads[4];
    guint failed = 0;
    threads[0] = start_listing(&queries[0], &f);
    for (guint i = 1; i < 4; i++)
        threads[i] = start(&queries[i], &f, f.root, NULL, NULL);
    fake_release(f.remote, FAKE_LIST);
    for (guint i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        /* One that came after the end lists for itself. */
        if (queries[i].error != NULL) {
            g_assert_error(queries[i].error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT);
            failed++;
        }
        g_clear_error(&queries[i].error);
    }
    g_assert_cmpuint(failed, >=, 1);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), <=, 2);
    fixture_clear(&f);
}

static void a_late_listing_does_not_undo_changes(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/deleted", 1, 1);
    fake_put_file(f.remote, "/m/from", 1, 1);
    fake_put_file(f.remote, "/m/written", 1, 1);
    fake_put_file(f.remote, "/m/rest", 1, 1);
    fixture_assert_list(&f, f.root, "deleted from written rest");
    fixture_advance(FIXTURE_TIMEOUT + 1);
    {
        g_autoptr(GError) error = NULL;
        Query query;
        GThread *thread = start_listing(&query, &f);
        /* What the server tells now was so before all this: */
        assert_succeeds(tree_unlink(f.tree, f.root, "deleted", NULL, &error), error);
        assert_succeeds(tree_rename(f.tree, f.root, "from", f.root, "to", FALSE, NULL, &error),
                        error);
        g_autoptr(Node) made = tree_mkdir(f.tree, f.root, "made", 0755, NULL, &error);
        g_assert_no_error(error);
        fake_put_file(f.remote, "/m/added", 0, 1);
        g_autoptr(Node) added = tree_add_file(f.tree, f.root, "added", 0644);
        g_assert_cmpuint(fixture_info(added).size, ==, 0);
        g_autoptr(Node) written = tree_peek(f.tree, f.root, "written");
        tree_pin(f.tree, written);
        tree_set_local(f.tree, written, 77, 7777, 0, G_MAXUINT32, TRUE);
        fake_put_file(f.remote, "/m/written", 77, 7777);
        tree_unpin(f.tree, written);
        end_listing(&f, thread, &query);

        g_assert_cmpuint(query.found, ==, 5);
        fixture_assert_list(&f, f.root, "rest written to made added");
        g_assert_cmpuint(fixture_info(written).size, ==, 77);
        g_assert_cmpint(fixture_info(written).mtime, ==, 7777);
        fixture_assert_path(made, "/m/made");
        fixture_assert_lookup_fails(&f, f.root, "deleted", FTPSFS_ERROR_NOT_FOUND);
        fixture_assert_lookup_fails(&f, f.root, "from", FTPSFS_ERROR_NOT_FOUND);
    }
    fixture_clear(&f);
}

static void a_late_answer_about_one_name_does_not_undo_changes(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    {
        g_autoptr(Node) a = fixture_find(&f, f.root, "a");
        Query query;
        fake_hold(f.remote, FAKE_STAT);
        fixture_advance(FIXTURE_TIMEOUT + 1);
        GThread *thread = start(&query, &f, f.root, "a", NULL);
        fake_wait_held(f.remote, FAKE_STAT, 1);
        fake_delete(f.remote, "/m/a");
        tree_detach(f.tree, a);
        fake_release(f.remote, FAKE_STAT);
        g_thread_join(thread);
        g_assert_error(query.error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND);
        g_clear_error(&query.error);
        g_assert_null(tree_peek(f.tree, f.root, "a"));

        fixture_advance(FIXTURE_TIMEOUT + 1); /* so that this is a first miss again */
        fake_hold(f.remote, FAKE_STAT);
        thread = start(&query, &f, f.root, "b", NULL);
        fake_wait_held(f.remote, FAKE_STAT, 1);
        g_autoptr(Node) b = tree_add_file(f.tree, f.root, "b", 0644);
        fake_release(f.remote, FAKE_STAT);
        g_thread_join(thread);
        g_assert_no_error(query.error);
        g_assert_cmpuint(query.found, ==, 1);
        fixture_assert_path(b, "/m/b");
    }
    fixture_clear(&f);
}

static void a_directory_expired_while_it_is_listed_is_listed_again(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/a", 1, 1);
    Query query;
    GThread *thread = start_listing(&query, &f);
    fake_put_file(f.remote, "/m/b", 1, 1);
    tree_expire(f.tree, f.root);
    end_listing(&f, thread, &query);
    g_assert_cmpuint(query.found, ==, 1);
    fixture_assert_list(&f, f.root, "a b");
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    fixture_clear(&f);
}

/* Renames "/m/d" to "/m/e" in a thread of its own. */
static gpointer rename_d(gpointer data)
{
    Fixture *f = data;
    g_autoptr(GError) error = NULL;
    assert_succeeds(tree_rename(f->tree, f->root, "d", f->root, "e", FALSE, NULL, &error), error);
    return NULL;
}

static void a_listing_of_a_directory_being_renamed_follows_it(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    fake_put_file(f.remote, "/m/d/x", 1, 1);
    fixture_assert_list(&f, f.root, "d");
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        /* The listing is on its way while the directory is renamed: its answer is about a path
         * that is no more. */
        Query query;
        fake_hold(f.remote, FAKE_LIST);
        GThread *listing = start(&query, &f, d, NULL, NULL);
        fake_wait_held(f.remote, FAKE_LIST, 1);
        rename_d(&f);
        end_listing(&f, listing, &query);
        g_assert_cmpuint(query.found, ==, 1);
        g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 3);
        fixture_assert_list(&f, d, "x");
    }
    fixture_clear(&f);
}

static void nothing_is_taken_for_gone_while_its_directory_is_renamed(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    fake_put_file(f.remote, "/m/d/x", 1, 1);
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        g_autoptr(Node) x = fixture_find(&f, d, "x");
        fixture_advance(FIXTURE_TIMEOUT + 1);
        /* The server has done it, but we don't know yet. */
        fake_hold(f.remote, FAKE_RENAME);
        GThread *renaming = g_thread_new("rename", rename_d, &f);
        fake_wait_held(f.remote, FAKE_RENAME, 1);
        g_autoptr(GError) error = NULL;
        NodeInfo info;
        assert_fails(tree_refresh(f.tree, x, FALSE, &info, NULL, &error), error,
                     FTPSFS_ERROR_NOT_FOUND);
        fake_release(f.remote, FAKE_RENAME);
        g_thread_join(renaming);
        fixture_assert_path(x, "/m/e/x");
        assert_succeeds(tree_refresh(f.tree, x, FALSE, &info, NULL, &error), error);
        g_assert_cmpuint(info.size, ==, 1);
    }
    fixture_clear(&f);
}

static void a_refresh_follows_a_file_that_is_renamed_meanwhile(void)
{
    Fixture f;
    fixture_init(&f);
    fake_put_file(f.remote, "/m/d", 3, 1);
    {
        g_autoptr(Node) d = fixture_find(&f, f.root, "d");
        fixture_advance(FIXTURE_TIMEOUT + 1);
        fake_hold(f.remote, FAKE_RENAME);
        GThread *renaming = g_thread_new("rename", rename_d, &f);
        fake_wait_held(f.remote, FAKE_RENAME, 1);
        g_autoptr(GError) error = NULL;
        NodeInfo info;
        assert_succeeds(tree_refresh(f.tree, d, FALSE, &info, NULL, &error), error);
        fake_release(f.remote, FAKE_RENAME);
        g_thread_join(renaming);
        fixture_assert_path(d, "/m/e");
    }
    fixture_clear(&f);
}

#define WORKERS      4
#define ROUNDS       300
#define WORKER_NAMES 6

typedef struct {
    Fixture *f;
    guint number;
    GMutex *names; /* held while names are changed, as the kernel does; NULL: not */
} Worker;

static void change_once(const Worker *worker, Node *dir, const char *name, const char *other,
                        gint what)
{
    Tree *tree = worker->f->tree;
    g_autoptr(Node) made = NULL;
    if (worker->names != NULL)
        g_mutex_lock(worker->names);
    if (what == 0)
        made = tree_mkdir(tree, dir, name, 0755, NULL, NULL);
    else if (what == 1)
        tree_rmdir(tree, dir, name, NULL, NULL);
    else if (what == 2)
        tree_rename(tree, dir, name, dir, other, FALSE, NULL, NULL);
    else if (what == 3)
        made = tree_symlink(tree, dir, name, "x", NULL, NULL);
    else
        tree_unlink(tree, dir, name, NULL, NULL);
    if (worker->names != NULL)
        g_mutex_unlock(worker->names);
}

static void work_once(const Worker *worker, Node *dir, GRand *rand)
{
    Tree *tree = worker->f->tree;
    NodeInfo info;
    g_autofree char *name = g_strdup_printf("%d", g_rand_int_range(rand, 0, WORKER_NAMES));
    g_autofree char *other = g_strdup_printf("%d", g_rand_int_range(rand, 0, WORKER_NAMES));
    g_autoptr(Node) node = tree_lookup(tree, dir, name, NULL, NULL);
    g_autoptr(GPtrArray) nodes = NULL;
    gint what = g_rand_int_range(rand, 0, 12);
    if (what == 10)
        nodes = tree_list(tree, dir, NULL, NULL);
    else if (what == 11)
        tree_expire(tree, dir);
    else
        change_once(worker, dir, name, other, what % 5);
    if (g_rand_int_range(rand, 0, 50) == 0)
        fixture_advance(FIXTURE_TIMEOUT + 1);
    if (node != NULL) {
        node_remember(node);
        tree_refresh(tree, node, TRUE, &info, NULL, NULL);
        node_forget(node, 1);
    }
}

static gpointer work(gpointer data)
{
    const Worker *worker = data;
    g_autoptr(GRand) rand = g_rand_new_with_seed(worker->number);
    for (guint i = 0; i < ROUNDS; i++) {
        g_autoptr(Node) sub = tree_lookup(worker->f->tree, worker->f->root, "0", NULL, NULL);
        NodeInfo info = {.type = REMOTE_TYPE_FILE};
        if (sub != NULL)
            node_info(sub, &info);
        gboolean below = info.type == REMOTE_TYPE_DIR && g_rand_boolean(rand);
        work_once(worker, below ? sub : worker->f->root, rand);
    }
    return NULL;
}

/* That what the tree holds of a directory is what the server has. */
static void compare(Fixture *f, Node *dir, const char *path)
{
    g_autoptr(GPtrArray) nodes = tree_list(f->tree, dir, NULL, NULL);
    g_assert_nonnull(nodes);
    g_assert_cmpuint(nodes->len, ==, fake_children(f->remote, path));
    for (guint i = 0; i < nodes->len; i++) {
        Node *node = g_ptr_array_index(nodes, i);
        g_autofree char *child = node_path(node);
        g_assert_true(fake_exists(f->remote, child));
        if (fixture_info(node).type == REMOTE_TYPE_DIR)
            compare(f, node, child);
    }
}

static void run_workers(Fixture *f, GMutex *names)
{
    GThread *threads[WORKERS];
    Worker workers[WORKERS];
    for (guint i = 0; i < WORKERS; i++) {
        workers[i] = (Worker){.f = f, .number = i, .names = names};
        threads[i] = g_thread_new("worker", work, &workers[i]);
    }
    for (guint i = 0; i < WORKERS; i++)
        g_thread_join(threads[i]);
}

static void many_threads_at_once_leave_the_tree_as_the_server_is(void)
{
    Fixture f;
    GMutex names;
    g_mutex_init(&names);
    fixture_init(&f);
    run_workers(&f, &names);
    /* Everything was changed from here: what is cached is right, without asking again. */
    compare(&f, f.root, "/m");
    fixture_clear(&f);
    g_mutex_clear(&names);
}

static void changes_of_the_same_names_at_once_end_in_order(void)
{
    Fixture f;
    /* Replaced files may be left over when others interfere: warnings are in order. */
    GLogLevelFlags fatal = g_log_set_always_fatal(G_LOG_FATAL_MASK);
    fixture_init(&f);
    fake_settings(f.remote)->rename_over = TRUE;
    run_workers(&f, NULL);
    fixture_advance(FIXTURE_TIMEOUT + 1);
    g_autoptr(GPtrArray) nodes = tree_list(f.tree, f.root, NULL, NULL);
    g_assert_nonnull(nodes);
    g_assert_cmpuint(nodes->len, <=, WORKER_NAMES);
    g_clear_pointer(&nodes, g_ptr_array_unref);
    fixture_clear(&f);
    g_log_set_always_fatal(fatal);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/threads/many threads make one listing", many_threads_make_one_listing);
    g_test_add_func("/tree/threads/a waiter is cancelled alone", a_waiter_is_cancelled_alone);
    g_test_add_func("/tree/threads/when the one who lists is cancelled another goes on",
                    when_the_one_who_lists_is_cancelled_another_goes_on);
    g_test_add_func("/tree/threads/a failed listing fails for those who wait",
                    a_failed_listing_fails_for_those_who_wait);
    g_test_add_func("/tree/threads/a late listing doesn't undo changes",
                    a_late_listing_does_not_undo_changes);
    g_test_add_func("/tree/threads/a late answer about one name doesn't undo changes",
                    a_late_answer_about_one_name_does_not_undo_changes);
    g_test_add_func("/tree/threads/a directory expired while it is listed is listed again",
                    a_directory_expired_while_it_is_listed_is_listed_again);
    g_test_add_func("/tree/threads/a listing of a directory being renamed follows it",
                    a_listing_of_a_directory_being_renamed_follows_it);
    g_test_add_func("/tree/threads/nothing is taken for gone while its directory is renamed",
                    nothing_is_taken_for_gone_while_its_directory_is_renamed);
    g_test_add_func("/tree/threads/a refresh follows a file that is renamed meanwhile",
                    a_refresh_follows_a_file_that_is_renamed_meanwhile);
    g_test_add_func("/tree/threads/many threads at once leave the tree as the server is",
                    many_threads_at_once_leave_the_tree_as_the_server_is);
    g_test_add_func("/tree/threads/changes of the same names at once end in order",
                    changes_of_the_same_names_at_once_end_in_order);
    return g_test_run();
}
