/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/space.h"

#include "ftpsfs/util/error.h"

#define LIMIT 100

static void assert_refused(Space *space, guint64 bytes)
{
    g_autoptr(GError) error = NULL;
    guint64 before = space_used(space);
    g_assert_false(space_take(space, bytes, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE);
    g_assert_cmpuint(space_used(space), ==, before);
}

static void assert_taken(Space *space, guint64 bytes)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(space_take(space, bytes, NULL, &error));
    g_assert_no_error(error);
}

static void without_a_limit_everything_fits(void)
{
    g_autoptr(Space) space = space_new(0, 60);
    assert_taken(space, G_MAXUINT32);
    assert_taken(space, G_MAXUINT32);
    g_assert_cmpuint(space_used(space), ==, 2 * (guint64)G_MAXUINT32);
}

static void what_is_given_back_can_be_taken_again(void)
{
    g_autoptr(Space) space = space_new(LIMIT, 60);
    for (guint i = 0; i < 10; i++) {
        assert_taken(space, LIMIT);
        space_give(space, LIMIT);
    }
    g_assert_cmpuint(space_used(space), ==, 0);
}

static void more_than_the_limit_is_refused_without_a_wait(void)
{
    /* The timeout is longer than the test may take. */
    g_autoptr(Space) space = space_new(LIMIT, 3600);
    assert_refused(space, LIMIT + 1);
}

static void a_wait_without_progress_ends(void)
{
    g_autoptr(Space) space = space_new(LIMIT, 0);
    assert_taken(space, LIMIT - 10);
    assert_taken(space, 10);
    assert_refused(space, 1);
}

/* What an earlier mount has left may be more than the limit. */
static void what_lies_there_is_counted_beyond_the_limit(void)
{
    g_autoptr(Space) space = space_new(LIMIT, 0);
    space_count(space, 3 * LIMIT);
    assert_refused(space, 1);
    space_give(space, 3 * LIMIT - 1);
    assert_taken(space, LIMIT - 1);
    assert_refused(space, 1);
}

static gpointer take_thirty(gpointer data)
{
    assert_taken(data, 30);
    return NULL;
}

static void writers_wait_until_uploads_give_back(void)
{
    enum { WRITERS = 5 };
    g_autoptr(Space) space = space_new(LIMIT, 60);
    GThread *writers[WRITERS];
    assert_taken(space, LIMIT);
    for (guint i = 0; i < WRITERS; i++)
        writers[i] = g_thread_new("writer", take_thirty, space);
    for (guint given = 0; given < LIMIT + 30 * (WRITERS - 3); given += 10) {
        while (space_used(space) < 10)
            g_thread_yield();
        g_assert_cmpuint(space_used(space), <=, LIMIT);
        space_give(space, 10);
    }
    for (guint i = 0; i < WRITERS; i++)
        g_thread_join(writers[i]);
    g_assert_cmpuint(space_used(space), ==, 30 * WRITERS - 30 * (WRITERS - 3));
}

typedef struct {
    Space *space;
    GCancellable *cancel;
} Interrupted;

static gpointer take_until_cancelled(gpointer data)
{
    const Interrupted *writer = data;
    g_autoptr(GError) error = NULL;
    g_assert_false(space_take(writer->space, 1, writer->cancel, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    return NULL;
}

static void a_wait_can_be_cancelled(void)
{
    /* The timeout is longer than the test may take. */
    g_autoptr(Space) space = space_new(LIMIT, 3600);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    Interrupted writer = {space, cancel};
    assert_taken(space, LIMIT);
    GThread *thread = g_thread_new("writer", take_until_cancelled, &writer);
    g_cancellable_cancel(cancel);
    g_thread_join(thread);
    g_assert_cmpuint(space_used(space), ==, LIMIT);
    /* Also one that was cancelled before; and what needs no wait is not refused. */
    take_until_cancelled(&writer);
    space_give(space, 1);
    g_assert_true(space_take(space, 1, cancel, NULL));
    g_assert_cmpuint(space_used(space), ==, LIMIT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/without a limit everything fits", without_a_limit_everything_fits);
    g_test_add_func("/space/what is given back can be taken again",
                    what_is_given_back_can_be_taken_again);
    g_test_add_func("/space/more than the limit is refused without a wait",
                    more_than_the_limit_is_refused_without_a_wait);
    g_test_add_func("/space/a wait without progress ends", a_wait_without_progress_ends);
    g_test_add_func("/space/what lies there is counted beyond the limit",
                    what_lies_there_is_counted_beyond_the_limit);
    g_test_add_func("/space/writers wait until uploads give back",
                    writers_wait_until_uploads_give_back);
    g_test_add_func("/space/a wait can be cancelled", a_wait_can_be_cancelled);
    return g_test_run();
}
