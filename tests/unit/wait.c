/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/wait.h"
#include "ftpsfs/util/lock.h"

#include "ftpsfs/util/error.h"

/* Longer than any test here may take. */
#define FAR_S 600

typedef struct {
    Lock lock;
    GCond cond;
    gboolean set; /* guarded by the lock */
    GCancellable *cancel;
} Flag;

static void flag_init(Flag *flag)
{
    *flag = (Flag){.cancel = g_cancellable_new()};
    lock_init(&flag->lock, LOCK_RANK_FILE);
    g_cond_init(&flag->cond);
}

static void flag_clear(Flag *flag)
{
    g_object_unref(flag->cancel);
    g_cond_clear(&flag->cond);
    lock_clear(&flag->lock);
}

static gpointer set_flag(gpointer data)
{
    Flag *flag = data;
    lock_take(&flag->lock);
    flag->set = TRUE;
    g_cond_signal(&flag->cond);
    lock_release(&flag->lock);
    return NULL;
}

static gpointer cancel_it(gpointer data)
{
    const Flag *flag = data;
    g_cancellable_cancel(flag->cancel);
    return NULL;
}

/* Waits for the flag while `work` runs in another thread. */
static gboolean wait_beside(Flag *flag, GThreadFunc work, gint64 deadline, GError **error)
{
    Wait wait;
    gboolean ok = TRUE;
    wait_begin(&wait, &flag->cond, &flag->lock, flag->cancel);
    lock_take(&flag->lock);
    GThread *thread = work != NULL ? g_thread_new("other", work, flag) : NULL;
    while (ok && !flag->set)
        ok = wait_step(&wait, deadline, "the flag", error);
    lock_release(&flag->lock);
    wait_end(&wait);
    if (thread != NULL)
        g_thread_join(thread);
    return ok;
}

static void ends_when_the_condition_is_met(void)
{
    Flag flag;
    g_autoptr(GError) error = NULL;
    flag_init(&flag);
    g_assert_true(wait_beside(&flag, set_flag, WAIT_FOREVER, &error));
    g_assert_no_error(error);
    flag_clear(&flag);
}

static void ends_when_it_is_cancelled_meanwhile(void)
{
    Flag flag;
    g_autoptr(GError) error = NULL;
    flag_init(&flag);
    g_assert_false(wait_beside(&flag, cancel_it, deadline_in(FAR_S), &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_assert_nonnull(strstr(error->message, "the flag"));
    flag_clear(&flag);
}

static void ends_at_once_when_it_is_cancelled_before(void)
{
    Flag flag;
    g_autoptr(GError) error = NULL;
    flag_init(&flag);
    g_cancellable_cancel(flag.cancel);
    g_assert_false(wait_beside(&flag, NULL, WAIT_FOREVER, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    flag_clear(&flag);
}

static void ends_at_the_deadline(void)
{
    Flag flag;
    g_autoptr(GError) error = NULL;
    flag_init(&flag);
    g_assert_false(wait_beside(&flag, NULL, g_get_monotonic_time() + 1000, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT);
    flag_clear(&flag);
}

/* The lock is dropped while the cancellation is connected, so whoever waits for it gets in. */
static void begins_and_ends_with_the_lock_held(void)
{
    Flag flag;
    Wait wait;
    flag_init(&flag);
    lock_take(&flag.lock);
    g_cancellable_cancel(flag.cancel);
    wait_begin_locked(&wait, &flag.cond, &flag.lock, flag.cancel);
    g_assert_false(g_mutex_trylock(&flag.lock.mutex));
    g_assert_false(wait_step(&wait, WAIT_FOREVER, "the flag", NULL));
    wait_end_locked(&wait);
    g_assert_false(g_mutex_trylock(&flag.lock.mutex));
    lock_release(&flag.lock);
    flag_clear(&flag);
}

static void without_a_cancellable_it_only_waits(void)
{
    Flag flag;
    flag_init(&flag);
    g_clear_object(&flag.cancel);
    g_assert_true(wait_beside(&flag, set_flag, WAIT_FOREVER, NULL));
    flag.cancel = g_cancellable_new();
    flag_clear(&flag);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wait/met", ends_when_the_condition_is_met);
    g_test_add_func("/wait/cancelled", ends_when_it_is_cancelled_meanwhile);
    g_test_add_func("/wait/cancelled-before", ends_at_once_when_it_is_cancelled_before);
    g_test_add_func("/wait/deadline", ends_at_the_deadline);
    g_test_add_func("/wait/locked", begins_and_ends_with_the_lock_held);
    g_test_add_func("/wait/no-cancellable", without_a_cancellable_it_only_waits);
    return g_test_run();
}
