/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/lock.h"

#include <poll.h>
#include <unistd.h>

#include "ftpsfs/util/wait.h"

typedef struct {
    Lock files, file, other_file, tree;
    GCond changed;
} Locks;

static void locks_init(Locks *locks)
{
    lock_init(&locks->files, LOCK_RANK_FILES);
    lock_init(&locks->file, LOCK_RANK_FILE);
    lock_init(&locks->other_file, LOCK_RANK_FILE);
    lock_init(&locks->tree, LOCK_RANK_TREE);
    g_cond_init(&locks->changed);
}

static void locks_clear(Locks *locks)
{
    g_cond_clear(&locks->changed);
    lock_clear(&locks->tree);
    lock_clear(&locks->other_file);
    lock_clear(&locks->file);
    lock_clear(&locks->files);
}

static gpointer try_to_take(gpointer data)
{
    Lock *lock = data;
    gboolean taken = g_mutex_trylock(&lock->mutex);
    if (taken)
        g_mutex_unlock(&lock->mutex);
    return GINT_TO_POINTER(taken);
}

/* Asked by another thread. */
static gboolean is_taken(Lock *lock)
{
    return !GPOINTER_TO_INT(g_thread_join(g_thread_new("other", try_to_take, lock)));
}

static void are_taken_in_their_order(void)
{
    Locks locks;
    locks_init(&locks);
    for (guint i = 0; i < 2; i++) {
        lock_take(&locks.files);
        lock_take(&locks.file);
        lock_take(&locks.tree);
        g_assert_true(is_taken(&locks.files) && is_taken(&locks.file) && is_taken(&locks.tree));
        lock_release(&locks.tree);
        lock_release(&locks.file);
        lock_release(&locks.files);
        g_assert_false(is_taken(&locks.files) || is_taken(&locks.file) || is_taken(&locks.tree));
    }
    locks_clear(&locks);
}

static void may_leave_ranks_out(void)
{
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.files);
    lock_take(&locks.tree);
    lock_release(&locks.tree);
    lock_take(&locks.file);
    lock_release(&locks.file);
    lock_release(&locks.files);
    locks_clear(&locks);
}

static void are_released_in_any_order(void)
{
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.files);
    lock_take(&locks.file);
    lock_release(&locks.files);
    g_assert_false(is_taken(&locks.files));
    g_assert_true(is_taken(&locks.file));
    lock_take(&locks.tree);
    lock_release(&locks.file);
    lock_release(&locks.tree);
    /* Nothing is remembered of them. */
    lock_take(&locks.files);
    lock_release(&locks.files);
    locks_clear(&locks);
}

static void one_of_a_rank_after_the_other(void)
{
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.file);
    lock_release(&locks.file);
    lock_take(&locks.other_file);
    lock_release(&locks.other_file);
    locks_clear(&locks);
}

static void a_holder_ends_with_its_scope(void)
{
    Locks locks;
    locks_init(&locks);
    {
        g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&locks.tree);
        g_assert_true(is_taken(&locks.tree));
    }
    g_assert_false(is_taken(&locks.tree));
    locks_clear(&locks);
}

static gpointer signal_it(gpointer data)
{
    Locks *locks = data;
    lock_take(&locks->file);
    g_cond_signal(&locks->changed);
    lock_release(&locks->file);
    return NULL;
}

static void a_wait_releases_the_lock_meanwhile(void)
{
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.file);
    GThread *thread = g_thread_new("signal", signal_it, &locks);
    lock_wait(&locks.changed, &locks.file);
    g_assert_true(is_taken(&locks.file));
    lock_release(&locks.file);
    g_thread_join(thread);
    locks_clear(&locks);
}

static void a_wait_ends_at_its_deadline(void)
{
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.file);
    g_assert_false(lock_wait_until(&locks.changed, &locks.file, g_get_monotonic_time()));
    g_assert_true(is_taken(&locks.file));
    lock_release(&locks.file);
    locks_clear(&locks);
}

#ifdef FTPSFS_CHECK_LOCKS

/* Runs the test itself once more in a process of its own, which has to die with these words. */
static gboolean dies_with(const char *words)
{
    if (g_test_subprocess())
        return FALSE;
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(words);
    return TRUE;
}

static void the_other_order_aborts(void)
{
    if (dies_with("*lock order: file is taken while tree is held*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.tree);
    lock_take(&locks.file);
}

static void the_other_order_aborts_after_a_release_out_of_order(void)
{
    if (dies_with("*lock order: files is taken while file is held*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.files);
    lock_take(&locks.file);
    lock_release(&locks.files);
    lock_take(&locks.files);
}

static void a_second_of_one_rank_aborts(void)
{
    if (dies_with("*lock order: file is taken while file is held*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.file);
    lock_take(&locks.other_file);
}

static void the_same_once_more_aborts(void)
{
    if (dies_with("*lock order: tree is taken while tree is held*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.tree);
    lock_take(&locks.tree);
}

static gpointer release_it(gpointer data)
{
    lock_release(data);
    return NULL;
}

static void release_by_another_thread_aborts(void)
{
    if (dies_with("*lock order: tree is released by a thread that does not hold it*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.tree);
    g_thread_join(g_thread_new("other", release_it, &locks.tree));
}

static void a_wait_with_another_lock_aborts(void)
{
    if (dies_with("*lock order: files is held by a thread that waits on a condition of file*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.files);
    lock_take(&locks.file);
    lock_wait_until(&locks.changed, &locks.file, g_get_monotonic_time());
}

static void a_wait_for_the_network_with_a_lock_aborts(void)
{
    if (dies_with("*lock order: tree is held by a thread that waits for the reply to LIST*"))
        return;
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.tree);
    wait_fd(STDOUT_FILENO, POLLOUT, g_get_monotonic_time(), NULL, "the reply to LIST", NULL);
}

static void add_checks(void)
{
    g_test_add_func("/lock/other-order", the_other_order_aborts);
    g_test_add_func("/lock/other-order-later", the_other_order_aborts_after_a_release_out_of_order);
    g_test_add_func("/lock/second-of-rank", a_second_of_one_rank_aborts);
    g_test_add_func("/lock/twice", the_same_once_more_aborts);
    g_test_add_func("/lock/other-thread", release_by_another_thread_aborts);
    g_test_add_func("/lock/wait-with-another", a_wait_with_another_lock_aborts);
    g_test_add_func("/lock/network", a_wait_for_the_network_with_a_lock_aborts);
}

#else

static void take_in_the_other_order(void)
{
    Locks locks;
    locks_init(&locks);
    lock_take(&locks.tree);
    lock_take(&locks.file);
    lock_release(&locks.tree);
    lock_release(&locks.file);
    locks_clear(&locks);
}

static void add_checks(void)
{
    g_test_add_func("/lock/unchecked", take_in_the_other_order);
}

#endif

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lock/order", are_taken_in_their_order);
    g_test_add_func("/lock/left-out", may_leave_ranks_out);
    g_test_add_func("/lock/any-release", are_released_in_any_order);
    g_test_add_func("/lock/one-after-the-other", one_of_a_rank_after_the_other);
    g_test_add_func("/lock/holder", a_holder_ends_with_its_scope);
    g_test_add_func("/lock/wait", a_wait_releases_the_lock_meanwhile);
    g_test_add_func("/lock/wait-until", a_wait_ends_at_its_deadline);
    add_checks();
    return g_test_run();
}
