/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries and times that come by themselves, in replies: MLST and MDTM. */
#include "ftp/listing/listing.h"
#include "ftpsfs/util/error.h"

/* 2024-06-15 12:00:00 UTC */
#define NOW G_GINT64_CONSTANT(1718452800)

static void test_mlst(void)
{
    static const struct {
        const char *line, *name;
        RemoteType type;
    } cases[] = {
        {" type=file;size=3; /path/name", "name", REMOTE_TYPE_FILE},
        {"type=file;size=3; /path/name", "name", REMOTE_TYPE_FILE},
        {" type=file;size=3; name", "name", REMOTE_TYPE_FILE},
        {" type=dir;size=3; /path/name/", "name", REMOTE_TYPE_DIR},
        {" type=dir;size=3; /", "", REMOTE_TYPE_DIR},
        {" type=cdir;size=3; /path", "path", REMOTE_TYPE_DIR},
        {" type=pdir;size=3; ..", "..", REMOTE_TYPE_DIR},
        {" type=file;size=3;  led", " led", REMOTE_TYPE_FILE},
        {" type=file;size=3; /a b/c d", "c d", REMOTE_TYPE_FILE},
        {" type=file;size=3; gr\xfc", "gr\uF7FC", REMOTE_TYPE_FILE},
        {" type=file;size=3; a\r\n", "a", REMOTE_TYPE_FILE},
    };
    ListingContext context = {.now = NOW};
    g_autoptr(RemoteEntry) entry = entry_new();
    g_string_assign(entry->target, "left over");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        listing_parse_mlst(cases[i].line, &context, entry, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(entry->name->str, ==, cases[i].name);
        g_assert_cmpint(entry->type, ==, cases[i].type);
        g_assert_cmpuint(entry->size, ==, 3);
        g_assert_cmpstr(entry->target->str, ==, "");
    }
}

static void test_mlst_garbage(void)
{
    static const char *const lines[] = {"", " ", " /path", "/path", "  /path", "type=file;", "End"};
    ListingContext context = {.now = NOW};
    g_autoptr(RemoteEntry) entry = entry_new();
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(listing_parse_mlst(lines[i], &context, entry, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
    }
}

static void test_time(void)
{
    static const struct {
        const char *text;
        gint64 seconds;
        gint32 nanoseconds;
    } good[] = {
        {"19700101000000", 0, 0},
        {"20240229235959", 1709251199, 0},
        {"20240501101112.5", 1714558272, 500000000},
        {"20240501101112.123456789", 1714558272, 123456789},
        {"20240501101112.1234567891", 1714558272, 123456789},
        {"20240501101112.", 1714558272, 0},
        {"20240501101112 ", 1714558272, 0},
        {"19691231235959", -1, 0},
        {"16010101000000", G_GINT64_CONSTANT(-11644473600), 0},
        {"99991231235959", G_GINT64_CONSTANT(253402300799), 0},
        {"20161231235960", 1483228800, 0},  /* a leap second */
        {"191240501101112", 1714558272, 0}, /* years counted from 1900 */
    };
    static const char *const bad[] = {
        "",
        "2024",
        "2024050110111",
        "202405011011123",
        "20240001000000",
        "20241301000000",
        "20240532000000",
        "20230229000000",
        "20240501240000",
        "20240501106000",
        "20240501101161",
        "20240501101112x",
        "20240501101112.1x",
        " 20240501101112",
        "-0240501101112",
        "00000501101112",
        "2024-05-01T10:11",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        gint64 seconds;
        gint32 nanoseconds;
        g_assert_true(listing_parse_time(good[i].text, &seconds, &nanoseconds));
        g_assert_cmpint(seconds, ==, good[i].seconds);
        g_assert_cmpint(nanoseconds, ==, good[i].nanoseconds);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        gint64 seconds = 77;
        gint32 nanoseconds = 78;
        g_assert_false(listing_parse_time(bad[i], &seconds, &nanoseconds));
        g_assert_cmpint(seconds, ==, 77);
        g_assert_cmpint(nanoseconds, ==, 78);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mlst/a line of MLST gives an entry", test_mlst);
    g_test_add_func("/mlst/a line of MLST without facts is an error", test_mlst_garbage);
    g_test_add_func("/mlst/a time-val is exact", test_time);
    return g_test_run();
}
