/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing_rows.h"

/* Times of a server that lives two hours east of UTC. */
static void test_zone(void)
{
    static const struct {
        ListingDialect dialect;
        Row row;
    } cases[] = {
        {LISTING_DIALECT_UNIX,
         {"-rw-r--r-- 1 u g 1 May 29 01:26 a", "a", "F 1 2024-05-28 23:26 644 u:g"}},
        {LISTING_DIALECT_UNIX, /* within a day from now there, not here */
         {"-rw-r--r-- 1 u g 1 Jun 16 13:59 a", "a", "F 1 2024-06-16 11:59 644 u:g"}},
        {LISTING_DIALECT_UNIX,
         {"-rw-r--r-- 1 u g 1 Jun 16 14:01 a", "a", "F 1 2023-06-16 12:01 644 u:g"}},
        {LISTING_DIALECT_UNIX, /* its own zone counts more */
         {"-rw-r--r-- 1 u g 1 2024-05-01 10:11:12.5 -0500 a", "a",
          "F 1 2024-05-01 15:11:12 644 u:g"}},
        {LISTING_DIALECT_WINDOWS,
         {"01-01-24  01:00AM       <DIR>          a", "a", "D - 2023-12-31 23:00 - :"}},
        {LISTING_DIALECT_NETWARE,
         {"- [R----F--] u 5 Jan  1 01:00 a", "a", "F 5 2023-12-31 23:00 - u:"}},
        {LISTING_DIALECT_VMS, {"A.A;1 5 1-JAN-2024 01:00", "A.A", "F - 2023-12-31 23:00 - :"}},
        {LISTING_DIALECT_AS400,
         {"U 5 01/01/24 01:00:00 *STMF      a", "a", "F 5 2023-12-31 23:00:00 - U:"}},
        {LISTING_DIALECT_TANDEM,
         {"A 101 2 1-Jan-24 01:00:00 1,2 \"oooo\"", "A", "F 2 2023-12-31 23:00:00 700 2:1"}},
        {LISTING_DIALECT_WFTPD, {"a 1 01/01/24 Mon. 01:00:00", "a", "F 1 2023-12-31 23:00:00 - :"}},
        {LISTING_DIALECT_EPLF, /* tells UTC */
         {"+r,m1704067200,\ta", "a", "F - 2024-01-01 00:00:00 - :"}},
    };
    ListingContext context = {.now = NOW, .zone_offset = 7200};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        listing_rows_check(&context, cases[i].dialect, &cases[i].row, 1);
}

/* Times of a server in a zone with daylight saving time. */
static void test_named_zone(void)
{
    static const Row rows[] = {
        {"-rw-r--r-- 1 u g 1 Jan 29 01:26 winter", "winter", "F 1 2024-01-29 00:26 644 u:g"},
        {"-rw-r--r-- 1 u g 1 May 29 01:26 summer", "summer", "F 1 2024-05-28 23:26 644 u:g"},
        {"-rw-r--r-- 1 u g 1 Mar 31 01:59 before", "before", "F 1 2024-03-31 00:59 644 u:g"},
        {"-rw-r--r-- 1 u g 1 Mar 31 03:00 after", "after", "F 1 2024-03-31 01:00 644 u:g"},
        {"-rw-r--r-- 1 u g 1 Jul  1  1999 old", "old", "F 1 1999-06-30 644 u:g"},
    };
    GTimeZone *zone = g_time_zone_new_identifier("Europe/Berlin");
    g_assert_nonnull(zone);
    ListingContext context = {.now = NOW, .zone = zone, .zone_offset = 99};
    listing_rows_check(&context, LISTING_DIALECT_UNIX, rows, G_N_ELEMENTS(rows));
    g_time_zone_unref(zone);
}

/* A February 29 without a year is in the last leap year before now. */
static void test_leap_day(void)
{
    static const struct {
        gint64 now;
        const char *rest;
    } cases[] = {
        {G_GINT64_CONSTANT(1718452800), "F 1 2024-02-29 08:00 644 u:g"}, /* 2024-06-15 */
        {G_GINT64_CONSTANT(1709164800), "F 1 2024-02-29 08:00 644 u:g"}, /* 2024-02-29 00:00 */
        {G_GINT64_CONSTANT(1708992000), "F 1 2020-02-29 08:00 644 u:g"}, /* 2024-02-27 00:00 */
        {G_GINT64_CONSTANT(1686830400), "F 1 2020-02-29 08:00 644 u:g"}, /* 2023-06-15 */
        {G_GINT64_CONSTANT(4233600000), "F 1 2096-02-29 08:00 644 u:g"}, /* 2104-02-27 */
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ListingContext context = {.now = cases[i].now};
        Row row = {"-rw-r--r-- 1 u g 1 Feb 29 08:00 a", "a", cases[i].rest};
        listing_rows_check(&context, LISTING_DIALECT_UNIX, &row, 1);
    }
}

/* A year of two digits is the latest that is not in the future of the server's clock. */
static void test_short_years(void)
{
    static const struct {
        gint64 now;
        ListingDialect dialect;
        Row row;
    } cases[] = {
        /* 2024-06-15 */
        {NOW, LISTING_DIALECT_WINDOWS, {"06-15-24  01:00AM 1 a", "a", "F 1 2024-06-15 01:00 - :"}},
        {NOW, LISTING_DIALECT_WINDOWS, {"01-01-70  01:00AM 1 a", "a", "F 1 1970-01-01 01:00 - :"}},
        {NOW, LISTING_DIALECT_WINDOWS, {"12-31-69  01:00AM 1 a", "a", "F 1 2069-12-31 01:00 - :"}},
        /* 2075-06-15 */
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_WINDOWS,
         {"06-15-75  01:00AM 1 a", "a", "F 1 2075-06-15 01:00 - :"}},
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_WINDOWS,
         {"06-17-75  01:00AM 1 a", "a", "F 1 1975-06-17 01:00 - :"}},
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_WINDOWS,
         {"06-15-76  01:00AM 1 a", "a", "F 1 1976-06-15 01:00 - :"}},
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_WINDOWS,
         {"02-29-00  01:00AM 1 a", "a", "F 1 2000-02-29 01:00 - :"}},
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_TANDEM,
         {"A 101 2 1-May-74 10:11 1,2 \"oooo\"", "A", "F 2 2074-05-01 10:11 700 2:1"}},
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_WFTPD,
         {"a 1 05/01/74 Tues. 10:20:03", "a", "F 1 2074-05-01 10:20:03 - :"}},
        {G_GINT64_CONSTANT(3327825600),
         LISTING_DIALECT_AS400,
         {"U 5 05/01/74 01:00:00 *STMF      a", "a", "F 5 2074-05-01 01:00:00 - U:"}},
        /* 2124-06-15: no February 29 of 2100 */
        {G_GINT64_CONSTANT(4874126400),
         LISTING_DIALECT_WINDOWS,
         {"02-29-00  01:00AM 1 a", "a", "F 1 2000-02-29 01:00 - :"}},
        {G_GINT64_CONSTANT(4874126400),
         LISTING_DIALECT_WINDOWS,
         {"02-28-24  01:00AM 1 a", "a", "F 1 2124-02-28 01:00 - :"}},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ListingContext context = {.now = cases[i].now};
        listing_rows_check(&context, cases[i].dialect, &cases[i].row, 1);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listing/dialects/times are in the server's zone", test_zone);
    g_test_add_func("/listing/dialects/a named zone knows of summer time", test_named_zone);
    g_test_add_func("/listing/dialects/a leap day without year is in a leap year", test_leap_day);
    g_test_add_func("/listing/dialects/a year of two digits is in no future", test_short_years);
    return g_test_run();
}
