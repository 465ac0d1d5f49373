/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/file/drain_watchdog.h"

static void nothing_is_cut_short_before_the_end_begins(void)
{
    Stats stats = {0};
    DrainWatchdog *watchdog = drain_watchdog_new(&stats, 0);
    drain_watchdog_note_progress(watchdog);
    g_assert_false(g_cancellable_is_cancelled(drain_watchdog_cancellable(watchdog)));
    drain_watchdog_free(watchdog);
}

static void without_progress_what_is_left_is_cancelled(void)
{
    Stats stats = {0};
    DrainWatchdog *watchdog = drain_watchdog_new(&stats, 0);
    GCancellable *cancel = drain_watchdog_cancellable(watchdog);
    g_test_expect_message("ftpsfs", G_LOG_LEVEL_MESSAGE, "the server takes nothing any more*");
    drain_watchdog_begin(watchdog);
    drain_watchdog_begin(watchdog);
    GPollFD fd;
    g_assert_true(g_cancellable_make_pollfd(cancel, &fd));
    g_assert_cmpint(g_poll(&fd, 1, -1), ==, 1);
    g_cancellable_release_fd(cancel);
    g_assert_true(g_cancellable_is_cancelled(cancel));
    drain_watchdog_free(watchdog);
    g_test_assert_expected_messages();
}

/* A mount whose uploads are done before the limit: the watch ends with it, at once. */
static void an_end_in_time_cancels_nothing(void)
{
    Stats stats = {0};
    DrainWatchdog *watchdog = drain_watchdog_new(&stats, 3600);
    g_autoptr(GCancellable) cancel = g_object_ref(drain_watchdog_cancellable(watchdog));
    drain_watchdog_begin(watchdog);
    STATS_ADD(&stats, bytes_out, 1000);
    drain_watchdog_note_progress(watchdog);
    drain_watchdog_free(watchdog);
    g_assert_false(g_cancellable_is_cancelled(cancel));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/drain_watchdog/nothing is cut short before the end begins",
                    nothing_is_cut_short_before_the_end_begins);
    g_test_add_func("/drain_watchdog/without progress what is left is cancelled",
                    without_progress_what_is_left_is_cancelled);
    g_test_add_func("/drain_watchdog/an end in time cancels nothing",
                    an_end_in_time_cancels_nothing);
    return g_test_run();
}
