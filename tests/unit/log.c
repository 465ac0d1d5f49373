/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/log.h"

/* Each case runs in a process of its own, as the logger is the program's; what it wrote to stderr
 * is looked at here. */

static void begin(GLogLevelFlags level)
{
    /* GTest makes warnings fatal. */
    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    log_init(level);
}

static void run_again(void)
{
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void test_identical_messages_in_a_row_are_counted(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        for (int i = 0; i < 4; i++)
            g_message("gone: check the server");
        g_message("back");
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: gone: check the server\n"
                              "ftpsfs: last message repeated 3 times\n"
                              "ftpsfs: back\n");
}

static void test_messages_that_take_turns_are_counted_each(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        for (int i = 0; i < 3; i++) {
            g_message("one");
            g_message("two");
        }
        log_flush();
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: one\n"
                              "ftpsfs: two\n"
                              "ftpsfs: repeated 2 times: one\n"
                              "ftpsfs: last message repeated 2 times\n");
}

static void test_a_count_is_said_once(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        g_message("same");
        g_message("same");
        log_flush();
        log_flush();
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: same\nftpsfs: last message repeated once more\n");
}

static void test_the_same_words_at_another_level_are_another_message(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        g_message("words");
        g_warning("words");
        log_flush();
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: words\nftpsfs: warning: words\n");
}

static void test_a_trace_is_not_folded_and_has_times(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_DEBUG);
        g_debug("> NOOP");
        g_debug("> NOOP");
        return;
    }
    run_again();
    g_test_trap_assert_stderr("*.??? ftpsfs: > NOOP\n*.??? ftpsfs: > NOOP\n");
}

static void test_a_level_shows_what_is_at_least_as_grave(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_WARNING);
        g_warning("a warning");
        g_message("a message");
        g_info("an info");
        log_set_level(G_LOG_LEVEL_INFO);
        g_info("another info");
        g_debug("a trace");
        log_set_level(G_LOG_LEVEL_CRITICAL);
        g_warning("another warning");
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: warning: a warning\nftpsfs: another info\n");
}

static void test_raising_goes_round(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        g_info("hidden");
        log_raise();
        g_info("shown");
        log_raise();
        log_raise();
        g_info("hidden");
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: log_level is info now; SIGUSR1 goes on to debug\n"
                              "ftpsfs: shown\n"
                              "*log_level is debug now; SIGUSR1 goes back to message\n"
                              "ftpsfs: log_level is message now; SIGUSR1 goes on to info\n");
}

static void test_an_ordinary_failure_is_a_trace_and_another_a_message(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        log_failure(TRUE, "/a", "ENOENT", "%s is not there", "/a");
        log_failure(FALSE, "/b", "EIO", "%s can't be read", "/b");
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: /b can't be read\n");
}

static void test_a_failure_names_its_path_and_is_no_repeat_of_that_of_another(void)
{
    if (g_test_subprocess()) {
        begin(G_LOG_LEVEL_MESSAGE);
        log_failure(FALSE, "/a", "EIO", "timed out");
        log_failure(FALSE, "/b", "EIO", "timed out");
        return;
    }
    run_again();
    g_test_trap_assert_stderr("ftpsfs: /a: timed out\nftpsfs: /b: timed out\n");
}

static void test_the_last_failures_are_kept_whatever_the_level(void)
{
    if (!g_test_subprocess()) {
        run_again();
        g_test_trap_assert_stderr("");
        return;
    }
    begin(G_LOG_LEVEL_CRITICAL);
    g_message("nothing wrong");
    g_warning("look out");
    for (int i = 0; i < 3; i++)
        log_failure(FALSE, "/b", "EIO", "%s can't be read", "/b");
    g_autoptr(GPtrArray) recent = log_recent();
    g_assert_cmpuint(recent->len, ==, 2);
    const LogRecent *warning = g_ptr_array_index(recent, 0);
    g_assert_cmpstr(warning->message, ==, "look out");
    g_assert_null(warning->path);
    const LogRecent *failure = g_ptr_array_index(recent, 1);
    g_assert_cmpstr(failure->message, ==, "/b can't be read");
    g_assert_cmpstr(failure->path, ==, "/b");
    g_assert_cmpstr(failure->code, ==, "EIO");
    g_assert_cmpuint(failure->times, ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/log/" #name, test_##name)
    ADD(identical_messages_in_a_row_are_counted);
    ADD(messages_that_take_turns_are_counted_each);
    ADD(a_count_is_said_once);
    ADD(the_same_words_at_another_level_are_another_message);
    ADD(a_trace_is_not_folded_and_has_times);
    ADD(a_level_shows_what_is_at_least_as_grave);
    ADD(raising_goes_round);
    ADD(an_ordinary_failure_is_a_trace_and_another_a_message);
    ADD(a_failure_names_its_path_and_is_no_repeat_of_that_of_another);
    ADD(the_last_failures_are_kept_whatever_the_level);
#undef ADD
    return g_test_run();
}
