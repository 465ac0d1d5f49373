/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/units.h"

static void assert_text(char *text, const char *wanted)
{
    g_assert_cmpstr(text, ==, wanted);
    g_free(text);
}

static void sizes_have_about_three_digits(void)
{
    assert_text(units_size(-1), "0 B");
    assert_text(units_size(0), "0 B");
    assert_text(units_size(999), "999 B");
    assert_text(units_size(1000), "1.0 KiB");
    assert_text(units_size(1536), "1.5 KiB");
    assert_text(units_size(10189), "10 KiB");
    assert_text(units_size(1023487), "999 KiB");
    assert_text(units_size(1023488), "1.0 MiB");
    assert_text(units_size(G_GINT64_CONSTANT(5) << 30), "5.0 GiB");
    assert_text(units_size(G_MAXINT64), "8.0 EiB");
}

static void durations_read_like_a_clock(void)
{
    assert_text(units_duration(-3), "0:00");
    assert_text(units_duration(7), "0:07");
    assert_text(units_duration(754), "12:34");
    assert_text(units_duration(3723), "1:02:03");
    assert_text(units_duration(172799), "47:59:59");
    assert_text(units_duration(259200), "3 days");
}

static void a_hundred_percent_means_everything(void)
{
    g_assert_cmpuint(units_percent(0, 10), ==, 0);
    g_assert_cmpuint(units_percent(5, 10), ==, 50);
    g_assert_cmpuint(units_percent(999999, 1000000), ==, 99);
    g_assert_cmpuint(units_percent(10, 10), ==, 100);
    g_assert_cmpuint(units_percent(11, 10), ==, 100);
    g_assert_cmpuint(units_percent(5, 0), ==, 0);
    g_assert_cmpuint(units_percent(-5, 10), ==, 0);
    g_assert_cmpuint(units_percent(G_MAXINT64 - 1, G_MAXINT64), ==, 99);
}

static void a_bar_is_as_wide_as_asked_for(void)
{
    assert_text(units_bar(0, 100, 10, FALSE), "..........");
    assert_text(units_bar(45, 100, 10, FALSE), "####......");
    assert_text(units_bar(100, 100, 10, FALSE), "##########");
    assert_text(units_bar(300, 100, 10, FALSE), "##########");
    assert_text(units_bar(7, 0, 4, FALSE), "....");
    assert_text(units_bar(45, 100, 10, TRUE), "████▌░░░░░");
    for (gint64 done = 0; done <= 100; done++) {
        g_autofree char *bar = units_bar(done, 100, 13, TRUE);
        g_assert_cmpint(g_utf8_strlen(bar, -1), ==, 13);
    }
}

static void the_time_left_is_unknown_without_a_rate(void)
{
    g_assert_cmpint(units_left(0, 100, 0), ==, -1);
    g_assert_cmpint(units_left(0, 0, 10), ==, -1);
    g_assert_cmpint(units_left(0, 100, 10), ==, 10);
    g_assert_cmpint(units_left(91, 100, 10), ==, 1);
    g_assert_cmpint(units_left(100, 100, 10), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/units/sizes_have_about_three_digits", sizes_have_about_three_digits);
    g_test_add_func("/units/durations_read_like_a_clock", durations_read_like_a_clock);
    g_test_add_func("/units/a_hundred_percent_means_everything",
                    a_hundred_percent_means_everything);
    g_test_add_func("/units/a_bar_is_as_wide_as_asked_for", a_bar_is_as_wide_as_asked_for);
    g_test_add_func("/units/the_time_left_is_unknown_without_a_rate",
                    the_time_left_is_unknown_without_a_rate);
    return g_test_run();
}
