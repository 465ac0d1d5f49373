/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Big directories, whose first children are shown while their listing is on its way. The fake
 * server stalls in the middle, so that the order of events is certain. */
#include "ftpsfs/cache/tree.h"
#include "tree_fixture.h"

#define COUNT 10000
#define FIRST 4096 /* children in the first part, and */
#define STALL 6000 /* where the server stalls; */
#define SHOWN 5120 /* then so many are shown: the first part and one of 1024 */

/* One who lists in a thread of its own, and what it is shown. */
typedef struct {
    Fixture *f;
    Node *dir;
    GCancellable *cancel;
    GThread *thread;
    GMutex lock;
    GCond changed;
    gboolean begun; /* or the thread has ended */
    TreeParts parts;
    GPtrArray *children;
    TreeListing *rest;
    GError *error;
} Reader;

static void take_first(GPtrArray *children, TreeListing *rest, gpointer data)
{
    Reader *reader = data;
    g_mutex_lock(&reader->lock);
    reader->children = children;
    reader->rest = rest;
    reader->begun = TRUE;
    g_cond_signal(&reader->changed);
    g_mutex_unlock(&reader->lock);
}

static gpointer run_reader(gpointer data)
{
    Reader *reader = data;
    GPtrArray *children = tree_list_parts(reader->f->tree, reader->dir, &reader->parts,
                                          reader->cancel, &reader->error);
    g_mutex_lock(&reader->lock);
    if (!reader->begun)
        reader->children = children;
    reader->begun = TRUE;
    g_cond_signal(&reader->changed);
    g_mutex_unlock(&reader->lock);
    return NULL;
}

static void reader_start(Reader *reader, Fixture *f, Node *dir, GCancellable *cancel)
{
    *reader = (Reader){.f = f, .dir = dir, .cancel = cancel};
    reader->parts = (TreeParts){.begin = take_first, .data = reader};
    g_mutex_init(&reader->lock);
    g_cond_init(&reader->changed);
    reader->thread = g_thread_new("reader", run_reader, reader);
}

/* Waits until it is shown something. */
static void reader_wait(Reader *reader)
{
    g_mutex_lock(&reader->lock);
    while (!reader->begun)
        g_cond_wait(&reader->changed, &reader->lock);
    g_mutex_unlock(&reader->lock);
}

static void reader_join(Reader *reader)
{
    g_clear_pointer(&reader->thread, g_thread_join);
}

static void reader_clear(Reader *reader)
{
    reader_join(reader);
    g_clear_pointer(&reader->children, g_ptr_array_unref);
    g_clear_pointer(&reader->rest, tree_listing_unref);
    g_clear_error(&reader->error);
    g_mutex_clear(&reader->lock);
    g_cond_clear(&reader->changed);
}

/* Takes what there is until the end, or the error. */
static gboolean reader_take_all(Reader *reader, GError **error)
{
    for (gboolean over = FALSE; !over;) {
        if (!tree_listing_await(reader->rest, reader->children->len, NULL, error))
            return FALSE;
        over = tree_listing_take(reader->rest, reader->children);
    }
    return TRUE;
}

static char *name_of(guint number)
{
    return g_strdup_printf("%06u", number);
}

static void put_many(Fixture *f, const char *dir, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("%s/%06u", dir, i);
        fake_put_file(f->remote, path, i, 1);
    }
}

/* A mount whose root has many files, and one who lists it: the server has stalled. */
static void begin(Fixture *f, Reader *reader, GCancellable *cancel)
{
    fixture_init(f);
    put_many(f, "/m", COUNT);
    fake_stall(f->remote, STALL);
    reader_start(reader, f, f->root, cancel);
    fake_wait_stalled(f->remote);
    reader_wait(reader);
    g_assert_cmpuint(reader->children->len, ==, FIRST);
}

/* How often each name is among them. */
static GHashTable *count_names(const GPtrArray *children)
{
    GHashTable *counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < children->len; i++) {
        char *name = node_name(g_ptr_array_index(children, i));
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, name));
        g_hash_table_insert(counts, name, GUINT_TO_POINTER(count + 1));
    }
    return counts;
}

static guint count_of(GHashTable *counts, const char *name)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(counts, name));
}

static void assert_each_once(const GPtrArray *children)
{
    g_autoptr(GHashTable) counts = count_names(children);
    g_assert_cmpuint(g_hash_table_size(counts), ==, children->len);
}

/* That these are the files that put_many has made, in their order. */
static void assert_all_in_order(const GPtrArray *children)
{
    g_assert_cmpuint(children->len, ==, COUNT);
    for (guint i = 0; i < children->len; i++) {
        g_autofree char *expected = name_of(i);
        g_autofree char *found = node_name(g_ptr_array_index(children, i));
        g_assert_cmpstr(found, ==, expected);
    }
}

/* What the tree has now, without another listing. */
static GPtrArray *known(Fixture *f, Node *dir)
{
    guint before = fake_count(f->remote, FAKE_LIST);
    g_autoptr(GError) error = NULL;
    GPtrArray *children = tree_list(f->tree, dir, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fake_count(f->remote, FAKE_LIST), ==, before);
    return children;
}

static void the_first_children_are_shown_before_the_listing_ends(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    begin(&f, &reader, NULL);
    assert_succeeds(tree_listing_await(reader.rest, FIRST, NULL, &error), error);
    g_assert_false(tree_listing_take(reader.rest, reader.children));
    g_assert_cmpuint(reader.children->len, ==, SHOWN);
    fake_go_on(f.remote);
    assert_succeeds(reader_take_all(&reader, &error), error);
    reader_join(&reader);
    g_assert_no_error(reader.error);
    assert_all_in_order(reader.children);
    g_autoptr(GPtrArray) children = known(&f, f.root);
    assert_all_in_order(children);
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
    g_clear_pointer(&children, g_ptr_array_unref);
    reader_clear(&reader);
    fixture_clear(&f);
}

static void a_smaller_directory_is_shown_as_a_whole(void)
{
    Fixture f;
    Reader reader;
    fixture_init(&f);
    put_many(&f, "/m", FIRST - 1);
    reader_start(&reader, &f, f.root, NULL);
    reader_join(&reader);
    g_assert_false(reader.parts.begun);
    g_assert_cmpuint(reader.children->len, ==, FIRST - 1);
    reader_clear(&reader);
    fixture_clear(&f);
}

static void a_listing_that_holds_is_shown_as_a_whole(void)
{
    Fixture f;
    Reader reader;
    fixture_init(&f);
    put_many(&f, "/m", COUNT);
    g_autoptr(GPtrArray) children = tree_list(f.tree, f.root, NULL, NULL);
    reader_start(&reader, &f, f.root, NULL);
    reader_join(&reader);
    g_assert_false(reader.parts.begun);
    assert_all_in_order(reader.children);
    reader_clear(&reader);
    g_clear_pointer(&children, g_ptr_array_unref);
    fixture_clear(&f);
}

/* As fixture_init, for a tree that removes leftovers of uploads. */
static void init_removing(Fixture *f)
{
    TreeOptions options = {
        .timeout_s = FIXTURE_TIMEOUT, .remove_temporaries = TRUE, .clock = fixture_now};
    f->remote = fake_remote_new("/m");
    f->tree = tree_new(f->remote, &options);
    f->root = tree_root(f->tree);
}

static void a_directory_with_leftovers_to_remove_is_shown_as_a_whole(void)
{
    Fixture f;
    Reader reader;
    init_removing(&f);
    put_many(&f, "/m", COUNT);
    reader_start(&reader, &f, f.root, NULL);
    reader_join(&reader);
    g_assert_false(reader.parts.begun);
    assert_all_in_order(reader.children);
    reader_clear(&reader);
    fixture_clear(&f);
}

/* Each costs an exchange, for which the listing waits. */
static void leftovers_are_removed_a_few_at_a_time(void)
{
    Fixture f;
    init_removing(&f);
    for (guint i = 0; i < 100; i++) {
        g_autofree char *path = g_strdup_printf("/m/.ftpsfs-upload-%u", i);
        fake_put_file(f.remote, path, 1, 1000);
    }
    for (guint left = 100; left > 0; left -= MIN(left, 32)) {
        g_assert_cmpuint(fake_children(f.remote, "/m"), ==, left);
        fixture_assert_list(&f, f.root, "");
        fixture_advance(FIXTURE_TIMEOUT + 1);
    }
    g_assert_cmpuint(fake_children(f.remote, "/m"), ==, 0);
    g_assert_cmpuint(fake_count(f.remote, FAKE_UNLINK), ==, 100);
    fixture_clear(&f);
}

static void an_error_in_the_middle_is_told_to_those_who_read(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    fixture_init(&f);
    put_many(&f, "/m", COUNT);
    fake_settings(f.remote)->list_cut = STALL;
    reader_start(&reader, &f, f.root, NULL);
    reader_wait(&reader);
    assert_fails(reader_take_all(&reader, &error), error, FTPSFS_ERROR_TIMEOUT);
    g_assert_cmpuint(reader.children->len, ==, SHOWN);
    /* It is one whenever they ask. */
    assert_fails(tree_listing_await(reader.rest, SHOWN, NULL, &error), error, FTPSFS_ERROR_TIMEOUT);
    g_assert_false(tree_listing_take(reader.rest, reader.children));
    g_assert_cmpuint(reader.children->len, ==, SHOWN);
    reader_clear(&reader);

    /* What came is no listing. Another one has nothing of it that is gone. */
    fake_settings(f.remote)->list_cut = 0;
    fake_delete(f.remote, "/m/000001");
    g_autoptr(GPtrArray) children = tree_list(f.tree, f.root, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(children->len, ==, COUNT - 1);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    assert_each_once(children);
    g_clear_pointer(&children, g_ptr_array_unref);
    g_assert_null(tree_peek(f.tree, f.root, "000001"));
    fixture_clear(&f);
}

static void a_listing_that_starts_again_shows_no_name_twice(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    fixture_init(&f);
    put_many(&f, "/m", COUNT);
    fake_settings(f.remote)->list_restarts = 2;
    fake_stall(f.remote, 5000); /* it starts again behind the next */
    reader_start(&reader, &f, f.root, NULL);
    fake_wait_stalled(f.remote);
    /* Others do this before the server reads again. */
    fake_delete(f.remote, "/m/000001");
    fake_delete(f.remote, "/m/008000");
    fake_put_file(f.remote, "/m/new", 1, 1);
    fake_go_on(f.remote);
    assert_succeeds(reader_take_all(&reader, &error), error);
    reader_join(&reader);
    assert_each_once(reader.children);
    g_autoptr(GHashTable) counts = count_names(reader.children);
    g_assert_cmpuint(count_of(counts, "000001"), ==, 1); /* it was there then */
    g_assert_cmpuint(count_of(counts, "008000"), ==, 0);
    g_assert_cmpuint(count_of(counts, "new"), ==, 1);
    g_assert_cmpuint(reader.children->len, ==, COUNT);
    g_autoptr(GPtrArray) children = known(&f, f.root);
    g_assert_cmpuint(children->len, ==, COUNT - 1);
    g_autoptr(GHashTable) now = count_names(children);
    g_assert_cmpuint(count_of(now, "000001"), ==, 0);
    g_clear_pointer(&children, g_ptr_array_unref);
    reader_clear(&reader);
    fixture_clear(&f);
}

/* A name that is not known yet is asked for alone the first time; the second one waits for the
 * listing. */
static void forget_miss(void)
{
    fixture_advance(FIXTURE_TIMEOUT + 1);
}

/* Changes from here, of what is shown already and of what is not. */
static void change_names(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    assert_succeeds(tree_unlink(f->tree, f->root, "000002", NULL, &error), error);
    assert_succeeds(tree_unlink(f->tree, f->root, "008002", NULL, &error), error);
    forget_miss();
    assert_succeeds(
        tree_rename(f->tree, f->root, "000003", f->root, "moved early", FALSE, NULL, &error),
        error);
    g_autoptr(Node) late = tree_add_file(f->tree, f->root, "008003", 0644);
    g_assert_nonnull(late);
    forget_miss();
    assert_succeeds(
        tree_rename(f->tree, f->root, "008003", f->root, "moved late", FALSE, NULL, &error), error);
    forget_miss();
    g_autoptr(Node) made = tree_mkdir(f->tree, f->root, "made", 0755, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(made);
    fake_put_file(f->remote, "/m/added", 0, 1);
    g_autoptr(Node) added = tree_add_file(f->tree, f->root, "added", 0644);
    g_assert_nonnull(added);
    assert_succeeds(tree_unlink(f->tree, f->root, "000004", NULL, &error), error);
    fake_put_file(f->remote, "/m/000004", 0, 1);
    g_autoptr(Node) again = tree_add_file(f->tree, f->root, "000004", 0644);
    g_assert_nonnull(again);
    g_autoptr(Node) written = tree_peek(f->tree, f->root, "000005");
    tree_pin(f->tree, written);
    tree_set_local(f->tree, written, 77, 7777, 0, G_MAXUINT32, TRUE);
    tree_unpin(f->tree, written);
}

static void changes_from_here_stay_and_are_shown_once(void)
{
    static const char *const there[] = {"moved early", "moved late", "made", "added", "000004"};
    static const char *const gone[] = {"008002", "000003", "008003"};
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    begin(&f, &reader, NULL);
    change_names(&f);
    fake_go_on(f.remote);
    assert_succeeds(reader_take_all(&reader, &error), error);
    reader_join(&reader);
    assert_each_once(reader.children);
    g_autoptr(GPtrArray) children = known(&f, f.root);
    assert_each_once(children);
    g_assert_cmpuint(children->len, ==, COUNT); /* two less, two more */
    g_autoptr(GHashTable) shown = count_names(reader.children);
    g_autoptr(GHashTable) now = count_names(children);
    g_clear_pointer(&children, g_ptr_array_unref);
    for (guint i = 0; i < G_N_ELEMENTS(there); i++) {
        g_assert_cmpuint(count_of(shown, there[i]), ==, 1);
        g_assert_cmpuint(count_of(now, there[i]), ==, 1);
    }
    for (guint i = 0; i < G_N_ELEMENTS(gone); i++) {
        g_assert_cmpuint(count_of(shown, gone[i]), ==, 0);
        g_assert_cmpuint(count_of(now, gone[i]), ==, 0);
    }
    g_assert_cmpuint(count_of(now, "000002"), ==, 0);
    g_autoptr(Node) written = tree_peek(f.tree, f.root, "000005");
    g_assert_cmpuint(fixture_info(written).size, ==, 77);
    g_clear_pointer(&written, node_unref);
    reader_clear(&reader);
    fixture_clear(&f);
}

/* A file that is not on the server yet. */
static void what_the_server_does_not_have_yet_is_shown_too(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    fixture_init(&f);
    put_many(&f, "/m", COUNT);
    g_autoptr(Node) unsent = tree_add_file(f.tree, f.root, "unsent", 0644);
    tree_pin(f.tree, unsent);
    reader_start(&reader, &f, f.root, NULL);
    reader_wait(&reader);
    assert_succeeds(reader_take_all(&reader, &error), error);
    g_assert_cmpuint(reader.children->len, ==, COUNT + 1);
    g_assert_true(g_ptr_array_index(reader.children, COUNT) == unsent);
    reader_clear(&reader);
    tree_unpin(f.tree, unsent);
    g_clear_pointer(&unsent, node_unref);
    fixture_clear(&f);
}

static void a_directory_renamed_meanwhile_is_listed_under_its_new_name(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    fixture_init(&f);
    fake_put_dir(f.remote, "/m/d");
    put_many(&f, "/m/d", COUNT);
    g_autoptr(Node) d = fixture_find(&f, f.root, "d");
    fake_stall(f.remote, STALL);
    reader_start(&reader, &f, d, NULL);
    fake_wait_stalled(f.remote);
    forget_miss();
    assert_succeeds(tree_rename(f.tree, f.root, "d", f.root, "e", FALSE, NULL, &error), error);
    fake_delete(f.remote, "/m/e/000001");
    fake_put_dir(f.remote, "/m/d");
    fake_go_on(f.remote);
    assert_succeeds(reader_take_all(&reader, &error), error);
    reader_join(&reader);
    g_assert_no_error(reader.error);
    assert_all_in_order(reader.children);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    g_autoptr(GPtrArray) children = known(&f, d);
    g_assert_cmpuint(children->len, ==, COUNT - 1);
    fixture_assert_path(g_ptr_array_index(children, 0), "/m/e/000000");
    g_clear_pointer(&children, g_ptr_array_unref);
    reader_clear(&reader);
    g_clear_pointer(&d, node_unref);
    fixture_clear(&f);
}

static gpointer list_whole(gpointer data)
{
    Reader *reader = data;
    return tree_list(reader->f->tree, reader->dir, NULL, NULL);
}

static void others_share_the_listing_that_is_shown(void)
{
    Fixture f;
    Reader reader;
    Reader other;
    g_autoptr(GError) error = NULL;
    begin(&f, &reader, NULL);
    GThread *whole = g_thread_new("whole", list_whole, &reader);
    reader_start(&other, &f, f.root, NULL);
    reader_join(&other); /* it has nothing to run */
    g_assert_true(other.parts.begun);
    g_assert_cmpuint(other.children->len, ==, SHOWN);
    fake_go_on(f.remote);
    assert_succeeds(reader_take_all(&other, &error), error);
    assert_succeeds(reader_take_all(&reader, &error), error);
    assert_all_in_order(other.children);
    assert_all_in_order(reader.children);
    GPtrArray *children = g_thread_join(whole);
    assert_all_in_order(children);
    g_ptr_array_unref(children);
    g_assert_cmpuint(fake_count_all(f.remote), ==, 1);
    reader_clear(&other);
    reader_clear(&reader);
    fixture_clear(&f);
}

static void those_who_wait_can_be_interrupted(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) listing = g_cancellable_new();
    g_autoptr(GCancellable) reading = g_cancellable_new();
    begin(&f, &reader, listing);
    g_cancellable_cancel(reading);
    assert_fails(tree_listing_await(reader.rest, SHOWN, reading, &error), error,
                 FTPSFS_ERROR_INTERRUPTED);
    /* The unmount. */
    g_cancellable_cancel(listing);
    reader_join(&reader);
    assert_fails(reader_take_all(&reader, &error), error, FTPSFS_ERROR_INTERRUPTED);
    g_assert_cmpuint(reader.children->len, ==, SHOWN);
    reader_clear(&reader);
    fixture_clear(&f);
}

/* Lists a mount that keeps `max_nodes`, and leaves in the middle. */
static void leave(Fixture *f, guint max_nodes)
{
    Reader reader;
    fixture_init_at(f, "/m", max_nodes);
    put_many(f, "/m", COUNT);
    fake_stall(f->remote, STALL);
    reader_start(&reader, f, f->root, NULL);
    fake_wait_stalled(f->remote);
    reader_wait(&reader);
    g_clear_pointer(&reader.rest, tree_listing_unref);
    fake_go_on(f->remote);
    reader_clear(&reader);
}

static void what_nobody_reads_is_listed_for_the_cache_as_far_as_that_has_room(void)
{
    Fixture f;
    leave(&f, 0);
    g_autoptr(GPtrArray) children = known(&f, f.root);
    assert_all_in_order(children);
    g_clear_pointer(&children, g_ptr_array_unref);
    fixture_clear(&f);

    leave(&f, SHOWN + 1);
    g_assert_cmpuint(tree_count(f.tree), <, COUNT);
    children = tree_list(f.tree, f.root, NULL, NULL);
    assert_all_in_order(children);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    g_clear_pointer(&children, g_ptr_array_unref);
    fixture_clear(&f);
}

static void a_directory_expired_meanwhile_is_listed_again(void)
{
    Fixture f;
    Reader reader;
    g_autoptr(GError) error = NULL;
    begin(&f, &reader, NULL);
    fake_put_file(f.remote, "/m/new", 1, 1);
    tree_expire(f.tree, f.root);
    fake_go_on(f.remote);
    assert_succeeds(reader_take_all(&reader, &error), error);
    assert_all_in_order(reader.children);
    reader_clear(&reader);
    g_autoptr(GPtrArray) children = tree_list(f.tree, f.root, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(children->len, ==, COUNT + 1);
    g_assert_cmpuint(fake_count(f.remote, FAKE_LIST), ==, 2);
    g_clear_pointer(&children, g_ptr_array_unref);
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tree/partial/the first children are shown before the listing ends",
                    the_first_children_are_shown_before_the_listing_ends);
    g_test_add_func("/tree/partial/a smaller directory is shown as a whole",
                    a_smaller_directory_is_shown_as_a_whole);
    g_test_add_func("/tree/partial/a listing that holds is shown as a whole",
                    a_listing_that_holds_is_shown_as_a_whole);
    g_test_add_func("/tree/partial/leftovers are removed a few at a time",
                    leftovers_are_removed_a_few_at_a_time);
    g_test_add_func("/tree/partial/a directory with leftovers to remove is shown as a whole",
                    a_directory_with_leftovers_to_remove_is_shown_as_a_whole);
    g_test_add_func("/tree/partial/an error in the middle is told to those who read",
                    an_error_in_the_middle_is_told_to_those_who_read);
    g_test_add_func("/tree/partial/a listing that starts again shows no name twice",
                    a_listing_that_starts_again_shows_no_name_twice);
    g_test_add_func("/tree/partial/changes from here stay and are shown once",
                    changes_from_here_stay_and_are_shown_once);
    g_test_add_func("/tree/partial/what the server doesn't have yet is shown too",
                    what_the_server_does_not_have_yet_is_shown_too);
    g_test_add_func("/tree/partial/a directory renamed meanwhile is listed under its new name",
                    a_directory_renamed_meanwhile_is_listed_under_its_new_name);
    g_test_add_func("/tree/partial/others share the listing that is shown",
                    others_share_the_listing_that_is_shown);
    g_test_add_func("/tree/partial/those who wait can be interrupted",
                    those_who_wait_can_be_interrupted);
    g_test_add_func(
        "/tree/partial/what nobody reads is listed for the cache as far as that has room",
        what_nobody_reads_is_listed_for_the_cache_as_far_as_that_has_room);
    g_test_add_func("/tree/partial/a directory expired meanwhile is listed again",
                    a_directory_expired_meanwhile_is_listed_again);
    return g_test_run();
}
