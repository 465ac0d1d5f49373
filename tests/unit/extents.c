/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/spool/extents.h"

/* The set as text: "0-3 5-9". */
static char *describe(const Extents *set)
{
    GString *text = g_string_new(NULL);
    Extent bounds, gap;
    if (!extents_bounds(set, &bounds))
        return g_string_free(text, FALSE);
    guint64 at = bounds.start;
    while (extents_first_gap(set, at, bounds.end, &gap)) {
        g_string_append_printf(text, "%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT " ", at, gap.start);
        at = gap.end;
    }
    g_string_append_printf(text, "%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, at, bounds.end);
    return g_string_free(text, FALSE);
}

static void assert_set(const Extents *set, const char *expected, guint count)
{
    g_autofree char *text = describe(set);
    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpuint(extents_count(set), ==, count);
}

static void extents_that_touch_or_overlap_become_one(void)
{
    g_autoptr(Extents) set = extents_new();
    extents_add(set, 10, 20);
    extents_add(set, 30, 40);
    extents_add(set, 50, 60);
    assert_set(set, "10-20 30-40 50-60", 3);
    extents_add(set, 20, 25); /* touches on the left */
    extents_add(set, 28, 30); /* touches on the right */
    assert_set(set, "10-25 28-40 50-60", 3);
    extents_add(set, 24, 51); /* overlaps all three */
    assert_set(set, "10-60", 1);
    extents_add(set, 0, 5);
    extents_add(set, 12, 50); /* is in it already */
    assert_set(set, "0-5 10-60", 2);
}

static void removal_splits_trims_and_swallows(void)
{
    g_autoptr(Extents) set = extents_new();
    extents_add(set, 0, 100);
    extents_remove(set, 40, 50);
    assert_set(set, "0-40 50-100", 2);
    extents_remove(set, 30, 60);
    assert_set(set, "0-30 60-100", 2);
    extents_add(set, 40, 50);
    extents_remove(set, 20, 70);
    assert_set(set, "0-20 70-100", 2);
    extents_remove(set, 20, 70); /* touches both, holds neither */
    assert_set(set, "0-20 70-100", 2);
    extents_remove(set, 5, G_MAXUINT64);
    assert_set(set, "0-5", 1);
    extents_remove(set, 0, 5);
    assert_set(set, "", 0);
}

static void empty_ranges_change_nothing(void)
{
    g_autoptr(Extents) set = extents_new();
    Extent untouched = {1, 2};
    extents_add(set, 5, 5);
    extents_add(set, 7, 6);
    assert_set(set, "", 0);
    extents_add(set, 0, 10);
    extents_remove(set, 5, 5);
    extents_remove(set, 7, 6);
    assert_set(set, "0-10", 1);
    g_assert_false(extents_first_gap(set, 20, 20, &untouched));
    g_assert_false(extents_first_gap(set, 3, 10, &untouched));
    g_assert_cmpuint(untouched.start, ==, 1);
    g_assert_cmpuint(untouched.end, ==, 2);
}

static void the_first_gap_is_cut_to_the_range(void)
{
    g_autoptr(Extents) set = extents_new();
    Extent gap;
    g_assert_true(extents_first_gap(set, 3, 9, &gap));
    g_assert_cmpuint(gap.start, ==, 3);
    g_assert_cmpuint(gap.end, ==, 9);
    extents_add(set, 0, 10);
    extents_add(set, 20, 30);
    g_assert_true(extents_first_gap(set, 5, 15, &gap));
    g_assert_cmpuint(gap.start, ==, 10);
    g_assert_cmpuint(gap.end, ==, 15);
    g_assert_true(extents_first_gap(set, 10, 100, &gap));
    g_assert_cmpuint(gap.start, ==, 10);
    g_assert_cmpuint(gap.end, ==, 20);
    g_assert_true(extents_first_gap(set, 25, 100, &gap));
    g_assert_cmpuint(gap.start, ==, 30);
    g_assert_cmpuint(gap.end, ==, 100);
}

static void random_changes_agree_with_a_bit_map(void)
{
    enum { SPAN = 200, OPERATIONS = 20000 };
    g_autoptr(Extents) set = extents_new();
    gboolean bits[SPAN + 1] = {FALSE};
    for (guint i = 0; i < OPERATIONS; i++) {
        guint64 start = (guint64)g_test_rand_int_range(0, SPAN);
        guint64 length = (guint64)g_test_rand_int_range(0, 24);
        guint64 end = MIN(start + length, (guint64)SPAN);
        gboolean add = g_test_rand_bit();
        if (add)
            extents_add(set, start, end);
        else
            extents_remove(set, start, end);
        for (guint64 at = start; at < end; at++)
            bits[at] = add;

        guint runs = 0;
        for (guint at = 0; at < SPAN; at++) {
            Extent gap;
            g_assert_cmpint(extents_first_gap(set, at, at + 1, &gap), ==, !bits[at]);
            runs += bits[at] && (at == 0 || !bits[at - 1]) ? 1 : 0;
        }
        g_assert_cmpuint(extents_count(set), ==, runs);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/extents/extents that touch or overlap become one",
                    extents_that_touch_or_overlap_become_one);
    g_test_add_func("/extents/removal splits, trims and swallows",
                    removal_splits_trims_and_swallows);
    g_test_add_func("/extents/empty ranges change nothing", empty_ranges_change_nothing);
    g_test_add_func("/extents/the first gap is cut to the range",
                    the_first_gap_is_cut_to_the_range);
    g_test_add_func("/extents/random changes agree with a bit map",
                    random_changes_agree_with_a_bit_map);
    return g_test_run();
}
