/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/listing/server_clock.h"

#define HOUR 3600

static gint64 now(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

static void offsets_are_whole_quarters_of_an_hour(void)
{
    static const struct {
        gint64 difference;
        gint64 offset;
        gboolean sensible;
    } cases[] = {
        {0, 0, TRUE},
        {-59, 0, TRUE}, /* a minute that lost its seconds */
        {2 * HOUR, 2 * HOUR, TRUE},
        {2 * HOUR - 59, 2 * HOUR, TRUE},
        {-5 * HOUR - 30, -5 * HOUR, TRUE},
        {5 * HOUR + 1800 - 20, 5 * HOUR + 1800, TRUE}, /* India */
        {5 * HOUR + 2700 - 1, 5 * HOUR + 2700, TRUE},  /* Nepal */
        {14 * HOUR, 14 * HOUR, TRUE},
        {-12 * HOUR, -12 * HOUR, TRUE},
        {-3 * HOUR - 1800, -3 * HOUR - 1800, TRUE}, /* Newfoundland */
        {7 * 60, 0, FALSE},                         /* a file written meanwhile */
        {16 * HOUR, 0, FALSE},
        {-16 * HOUR, 0, FALSE},
        {365 * 24 * HOUR, 0, FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        gint64 offset = 1;
        gboolean sensible =
            server_clock_compare(1000000000 + cases[i].difference, 1000000000, 61, &offset);
        g_assert_cmpint(sensible, ==, cases[i].sensible);
        if (sensible)
            g_assert_cmpint(offset, ==, cases[i].offset);
    }
}

static void a_zone_is_learned_once_and_the_clock_too(void)
{
    g_autoptr(ServerClock) clock = server_clock_new(NULL);
    g_assert_false(server_clock_knows_zone(clock));
    g_assert_null(server_clock_zone(clock));
    g_assert_cmpint(server_clock_offset(clock), ==, 0);
    g_assert_cmpint(ABS(server_clock_now(clock) - now()), <=, 1);
    server_clock_set_offset(clock, 2 * HOUR);
    g_assert_true(server_clock_knows_zone(clock));
    g_assert_cmpint(server_clock_offset(clock), ==, 2 * HOUR);
    server_clock_set_now(clock, now() - 1000 * HOUR);
    g_assert_cmpint(ABS(server_clock_ahead(clock) + 1000 * HOUR), <=, 1);
    g_assert_cmpint(ABS(server_clock_now(clock) - now() + 1000 * HOUR), <=, 1);
}

static void the_users_zone_needs_no_learning(void)
{
    GTimeZone *zone = g_time_zone_new_identifier("+05:30");
    g_assert_nonnull(zone);
    g_autoptr(ServerClock) clock = server_clock_new(zone);
    g_time_zone_unref(zone);
    g_assert_true(server_clock_knows_zone(clock));
    g_assert_nonnull(server_clock_zone(clock));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/server_clock/offsets are whole quarters of an hour",
                    offsets_are_whole_quarters_of_an_hour);
    g_test_add_func("/server_clock/a zone is learned once and the clock too",
                    a_zone_is_learned_once_and_the_clock_too);
    g_test_add_func("/server_clock/the user's zone needs no learning",
                    the_users_zone_needs_no_learning);
    return g_test_run();
}
