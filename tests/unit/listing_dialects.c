/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/listing.h"

#include <string.h>

#include "ftpsfs/util/error.h"

/* One line and the entry that it must give: its name and, in `rest`, type (F, D, L or O for other),
 * size, time in UTC as exact as it is, mode, owner:group and the target of a link. "-" is not told.
 * No entry where the name is NULL. */
typedef struct {
    const char *line;
    const char *name;
    const char *rest;
} Row;

/* 2024-06-15 12:00:00 UTC */
#define NOW G_GINT64_CONSTANT(1718452800)

static char *time_text(const RemoteEntry *entry)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};
    if ((entry->has & REMOTE_HAS_MTIME) == 0)
        return g_strdup("-");
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(entry->mtime);
    return g_date_time_format(time, formats[entry->time_precision]);
}

static char *describe(const RemoteEntry *entry)
{
    static const char letters[] = "FDLO";
    g_autofree char *time = time_text(entry);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "<%s> %c ", entry->name->str, letters[entry->type]);
    if ((entry->has & REMOTE_HAS_SIZE) != 0)
        g_string_append_printf(text, "%" G_GUINT64_FORMAT, entry->size);
    else
        g_string_append_c(text, '-');
    g_string_append_printf(text, " %s ", time);
    if ((entry->has & REMOTE_HAS_MODE) != 0)
        g_string_append_printf(text, "%o", entry->mode);
    else
        g_string_append_c(text, '-');
    g_string_append_printf(text, " %s:%s", entry->owner->str, entry->group->str);
    if (entry->target->len > 0)
        g_string_append_printf(text, " -> %s", entry->target->str);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean collect(const RemoteEntry *entry, gpointer entries, GError **error)
{
    (void)error;
    g_ptr_array_add(entries, describe(entry));
    return TRUE;
}

/* Feeds the lines of `rows`, in pieces of a few bytes, and compares the entries. */
static void check(const ListingContext *context, ListingDialect found, const Row *rows, gsize count)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(ListingParser) parser = listing_parser_new(LISTING_LIST, context, collect, entries);
    g_autoptr(GString) text = g_string_new(NULL);
    for (gsize i = 0; i < count; i++) {
        g_string_append_printf(text, "%s\r\n", rows[i].line);
        if (rows[i].name != NULL)
            g_ptr_array_add(wanted, g_strdup_printf("<%s> %s", rows[i].name, rows[i].rest));
    }
    g_autoptr(GError) error = NULL;
    for (gsize at = 0; at < text->len; at += 7) {
        listing_parser_feed(parser, text->str + at, MIN(7, text->len - at), &error);
        g_assert_no_error(error);
    }
    listing_parser_finish(parser, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < MIN(entries->len, wanted->len); i++)
        g_assert_cmpstr(entries->pdata[i], ==, wanted->pdata[i]);
    g_assert_cmpuint(entries->len, ==, wanted->len);
    g_assert_cmpuint(listing_parser_dropped(parser), ==, 0);
    g_assert_cmpint(listing_parser_dialect(parser), ==, found);
}

/* The dialect is found from the lines, by the right guess, and after each wrong one. */
static void check_all(ListingDialect dialect, const Row *rows, gsize count)
{
    for (int guess = LISTING_DIALECT_AUTO; guess <= LISTING_DIALECT_TANDEM; guess++) {
        ListingContext context = {.dialect = (ListingDialect)guess, .now = NOW};
        check(&context, dialect, rows, count);
    }
}

static void test_unix(void)
{
    static const Row rows[] = {
        {"total 48", NULL, NULL},
        /* dates */
        {"-rw-r--r--   1 root     other        531 Jan 29 03:26 README", "README",
         "F 531 2024-01-29 03:26 644 root:other"},
        {"dr-xr-xr-x   2 root     other        512 Apr  8  1994 etc", "etc",
         "D 512 1994-04-08 555 root:other"},
        {"-rw-r--r--   1 u g 10 Dec 31 23:59 last year", "last year",
         "F 10 2023-12-31 23:59 644 u:g"},
        {"-rw-r--r--   1 u g 10 Jun 16 11:59 tomorrow", "tomorrow",
         "F 10 2024-06-16 11:59 644 u:g"},
        {"-rw-r--r--   1 u g 10 Jun 16 12:01 after tomorrow", "after tomorrow",
         "F 10 2023-06-16 12:01 644 u:g"},
        {"-rw-r--r--   1 u g 10 Feb 29 08:00 leap", "leap", "F 10 2024-02-29 08:00 644 u:g"},
        {"-rw-r--r-- 1 u g 10 2024-05-01 10:11 iso", "iso", "F 10 2024-05-01 10:11 644 u:g"},
        {"-rw-r--r-- 1 u g 10 05-01 10:11 iso recent", "iso recent",
         "F 10 2024-05-01 10:11 644 u:g"},
        {"-rw-r--r-- 1 u g 10 2021-05-01  iso old", "iso old", "F 10 2021-05-01 644 u:g"},
        {"-rw-r--r-- 1 u g 10 2024-05-01 10:11:12.123456789 +0200 full", "full",
         "F 10 2024-05-01 08:11:12 644 u:g"},
        {"-rw-r--r-- 1 u g 10 2024-05-01 10:11:12.000000000 -0330 full", "full",
         "F 10 2024-05-01 13:41:12 644 u:g"},
        {"-rw-r--r-- 1 u g 10 12 Mai 10:11 day first", "day first",
         "F 10 2024-05-12 10:11 644 u:g"},
        {"-rw-r--r-- 1 u g 10 26. Juli 2021 german", "german", "F 10 2021-07-26 644 u:g"},
        {"-rw-r--r-- 1 u g 10 2. März 10:11 german", "german", "F 10 2024-03-02 10:11 644 u:g"},
        {"-rw-r--r-- 1 u g 10  3 déc. 10:11 french", "french", "F 10 2023-12-03 10:11 644 u:g"},
        {"-rw-r--r-- 1 u g 10 maalis 1 10:11 unknown month", "unknown month", "F 10 - 644 u:g"},
        {"-rw-r--r-- 1 u g 10 29. heinä 2021 unknown month", "unknown month", "F 10 - 644 u:g"},
        {"drwxr-xr-x 2 u Domain Users 4096 \xc5\x9eub 28 10:11 turkish", "turkish",
         "D 4096 - 755 u:Domain Users"},
        {"-rw-r--r-- 1 u g 10 5月 1 10:11 japanese", "japanese", "F 10 2024-05-01 10:11 644 u:g"},
        {"-rw-r--r-- 1 u g 10 Oct 08, 2002 09:47 vshell", "vshell",
         "F 10 2002-10-08 09:47 644 u:g"},
        {"-rw-r--r-- 1 u g 10 May  1 10:11:12 2020 bsd", "bsd", "F 10 2020-05-01 10:11:12 644 u:g"},
        {"-rw-r--r-- 1 u g 10 01-jun-99 short", "short", "F 10 1999-06-01 644 u:g"},
        {"-rw-r--r-- 1 u g 10 1999/10/12 17:12 slashes", "slashes",
         "F 10 1999-10-12 17:12 644 u:g"},
        {"-rw-r--r-- 1 u g 10 24-04-2003 17:12 european", "european",
         "F 10 2003-04-24 17:12 644 u:g"},
        /* columns */
        {"-rw-r--r--   1 1000     1001       531 May 29 03:26 ids", "ids",
         "F 531 2024-05-29 03:26 644 1000:1001"},
        {"dr-xr-xr-x   2 root                512 Apr  8  1994 no group", "no group",
         "D 512 1994-04-08 555 root:"},
        {"-rw-r--r-- root other 531 May 29 03:26 no links", "no links",
         "F 531 2024-05-29 03:26 644 root:other"},
        {"-rw-r--r-- 1 531 May 29 03:26 nobody", "nobody", "F 531 2024-05-29 03:26 644 :"},
        {"-rw-r--r-- 1 DOM\\bob Domain Users 531 May 29 03:26 words", "words",
         "F 531 2024-05-29 03:26 644 DOM\\bob:Domain Users"},
        {"drwxrwxr-x1234 root other 531 May 29 03:26 many links", "many links",
         "D 531 2024-05-29 03:26 775 root:other"},
        {"-rw-r--r--+  1 root other 531 May 29 03:26 acl", "acl",
         "F 531 2024-05-29 03:26 644 root:other"},
        {"-rw-r--r--.  1 root other 531 May 29 03:26 selinux", "selinux",
         "F 531 2024-05-29 03:26 644 root:other"},
        {"-rw-r--r--@  1 root other 531 May 29 03:26 attributes", "attributes",
         "F 531 2024-05-29 03:26 644 root:other"},
        {"-------r--         326  1391972  1392298 Nov 22  1995 MegaPhone.sit", "MegaPhone.sit",
         "F 1392298 1995-11-22 4 1391972:"},
        {"drwxrwxr-x               folder        2 May 10  1996 network", "network",
         "D 2 1996-05-10 775 folder:"},
        {"-rw-r--r-- 1 root other 34.5k May 29 03:26 human size", "human size",
         "F - 2024-05-29 03:26 644 root:other"},
        {"-rw-r--r-- 1 root other 18446744073709551615 May 29 03:26 huge", "huge",
         "F - 2024-05-29 03:26 644 root:other"},
        {"-rw-r--r-- 1 root other -2147483648 May 29 03:26 overflown", "overflown",
         "F - 2024-05-29 03:26 644 root:other"},
        {"-rw-r--r-- 1 root other 5 May 29 03:26 2024 budget", "2024 budget",
         "F 5 2024-05-29 03:26 644 root:other"},
        /* modes */
        {"-rwsr-sr-x 1 u g 1 May 29 03:26 set", "set", "F 1 2024-05-29 03:26 6755 u:g"},
        {"-rwSr-Sr-- 1 u g 1 May 29 03:26 SET", "SET", "F 1 2024-05-29 03:26 6644 u:g"},
        {"drwxrwxrwt 1 u g 1 May 29 03:26 tmp", "tmp", "D 1 2024-05-29 03:26 1777 u:g"},
        {"drwxrwx--T 1 u g 1 May 29 03:26 TMP", "TMP", "D 1 2024-05-29 03:26 1770 u:g"},
        /* types */
        {"brw-rw---- 1 root disk 8,   1 May 29 03:26 sda1", "sda1",
         "O - 2024-05-29 03:26 660 root:disk"},
        {"crw-rw-rw- 1 root root 1,3 May 29 03:26 null", "null",
         "O - 2024-05-29 03:26 666 root:root"},
        {"prw-rw-rw- 1 root root 0 May 29 03:26 fifo", "fifo",
         "O 0 2024-05-29 03:26 666 root:root"},
        {"srw-rw-rw- 1 root root 0 May 29 03:26 socket", "socket",
         "O 0 2024-05-29 03:26 666 root:root"},
        {"lrwxrwxrwx 1 root other 7 Jan 25 00:17 bin -> usr/bin", "bin",
         "L 7 2024-01-25 00:17 777 root:other -> usr/bin"},
        {"lrwxrwxrwx 1 root other 1 Jan 25 00:17 a -> b -> c", "a -> b",
         "L 1 2024-01-25 00:17 777 root:other -> c"},
        {"lrwxrwxrwx 1 root other 6 Jan 25 00:17 a -> b -> c", "a",
         "L 6 2024-01-25 00:17 777 root:other -> b -> c"},
        {"lrwxrwxrwx 1 root other 9 Jan 25 00:17 untold", "untold",
         "L 9 2024-01-25 00:17 777 root:other"},
        {"-rw-r--r-- 1 u g 1 May 29 03:26 a -> b", "a -> b", "F 1 2024-05-29 03:26 644 u:g"},
        {"d????????? ? ?    ?       ?            ? locked", "locked", "D - - - :"},
        /* names */
        {"-rw-r--r-- 1 u g 1 May 29 03:26  led", " led", "F 1 2024-05-29 03:26 644 u:g"},
        {"-rw-r--r-- 1 u g 1 May 29 03:26 trailed  ", "trailed  ", "F 1 2024-05-29 03:26 644 u:g"},
        {"-rw-r--r-- 1 u g 1 May 29 03:26  ", " ", "F 1 2024-05-29 03:26 644 u:g"},
        {"-rw-r--r-- 1 u g 1 May 29  2023 two  spaces", "two  spaces", "F 1 2023-05-29 644 u:g"},
        {"-rw-r--r-- 1 u g 1 May 29  2023 5 Jun 29 2022 x", "5 Jun 29 2022 x",
         "F 1 2023-05-29 644 u:g"},
        {"drwxr-xr-x 1 u g 1 May 29 03:26 .", NULL, NULL},
        {"drwxr-xr-x 1 u g 1 May 29 03:26 ..", NULL, NULL},
        {"-rw-r--r-- 1 u g 1 May 29 03:26 ...", "...", "F 1 2024-05-29 03:26 644 u:g"},
        {"ls: cannot access 'gone': No such file or directory", NULL, NULL},
        {"", NULL, NULL},
    };
    check_all(LISTING_DIALECT_UNIX, rows, G_N_ELEMENTS(rows));
}

static void test_windows(void)
{
    static const Row rows[] = {
        {" Volume in drive C is System", NULL, NULL},
        {" Volume Serial Number is 1A2B-3C4D", NULL, NULL},
        {"", NULL, NULL},
        {" Directory of C:\\inetpub\\ftproot", NULL, NULL},
        {"", NULL, NULL},
        /* IIS, two and four digits of the year */
        {"04-27-00  09:09PM       <DIR>          licensed", "licensed", "D - 2000-04-27 21:09 - :"},
        {"07-18-00  10:16AM       <DIR>          pub", "pub", "D - 2000-07-18 10:16 - :"},
        {"04-14-00  03:47PM                  589 readme.htm", "readme.htm",
         "F 589 2000-04-14 15:47 - :"},
        {"05-01-2024  10:11AM       <DIR>          four digits", "four digits",
         "D - 2024-05-01 10:11 - :"},
        {"05-01-2024  10:11AM           1234567890 big.iso", "big.iso",
         "F 1234567890 2024-05-01 10:11 - :"},
        {"12-31-99  12:00AM                    1 midnight", "midnight", "F 1 1999-12-31 00:00 - :"},
        {"12-31-99  12:59PM                    1 noon", "noon", "F 1 1999-12-31 12:59 - :"},
        {"02-29-24  01:00AM                    0 leap", "leap", "F 0 2024-02-29 01:00 - :"},
        /* dir, in the forms of several countries */
        {"2002-09-02  18:48       <DIR>          long year dir", "long year dir",
         "D - 2002-09-02 18:48 - :"},
        {"2002-09-02  19:06                9,730 long year file", "long year file",
         "F 9730 2002-09-02 19:06 - :"},
        {"05/01/2024  10:11 AM    <DIR>          us", "us", "D - 2024-05-01 10:11 - :"},
        {"05/01/2024  10:11 PM         1,234,567 us.bin", "us.bin",
         "F 1234567 2024-05-01 22:11 - :"},
        {"27.04.2024  09:09    <DIR>          german", "german", "D - 2024-04-27 09:09 - :"},
        {"27.04.2024  09:09         1.234.567 german.txt", "german.txt",
         "F 1234567 2024-04-27 09:09 - :"},
        {"27/04/2024  09:09    <REP>          french", "french", "D - 2024-04-27 09:09 - :"},
        {"05/01/2024  10:11 AM    <JUNCTION>     data [D:\\data]", "data",
         "D - 2024-05-01 10:11 - :"},
        {"05/01/2024  10:11 AM    <SYMLINKD>     current [C:\\app 2.0]", "current",
         "D - 2024-05-01 10:11 - :"},
        {"05/01/2024  10:11 AM    <SYMLINK>      a [b] [C:\\c.txt]", "a [b]",
         "F - 2024-05-01 10:11 - :"},
        {"05-01-2024  10:11AM       <JUNCTION>     untold", "untold", "D - 2024-05-01 10:11 - :"},
        {"05-01-2024  10:11AM       <DIR>          a [b]", "a [b]", "D - 2024-05-01 10:11 - :"},
        /* names */
        {"04-14-00  03:47PM                  589  led", " led", "F 589 2000-04-14 15:47 - :"},
        {"04-14-00  03:47PM       <DIR>           led", " led", "D - 2000-04-14 15:47 - :"},
        {"04-14-00  03:47PM       <DIR> narrow", "narrow", "D - 2000-04-14 15:47 - :"},
        {"04-14-00  03:47PM                  589 two  spaces.txt", "two  spaces.txt",
         "F 589 2000-04-14 15:47 - :"},
        {"04-14-00  03:47PM       <DIR>          .", NULL, NULL},
        {"04-14-00  03:47PM       <DIR>          ..", NULL, NULL},
        {"               3 File(s)      1,244,886 bytes", NULL, NULL},
        {"               9 Dir(s)  12,345,678,912 bytes free", NULL, NULL},
    };
    check_all(LISTING_DIALECT_WINDOWS, rows, G_N_ELEMENTS(rows));
}

static void test_eplf(void)
{
    static const Row rows[] = {
        {"+i8388621.48594,m825718503,r,s280,\tdjb.html", "djb.html",
         "F 280 1996-03-01 22:15:03 - :"},
        {"+i8388621.50690,m824255907,/,\t514", "514", "D - 1996-02-13 23:58:27 - :"},
        {"+i8388621.48598,m824253270,r,s612,\t514.html", "514.html",
         "F 612 1996-02-13 23:14:30 - :"},
        {"+i8388621.29609,m824255902,/,\tdev", "dev", "D - 1996-02-13 23:58:22 - :"},
        {"+i8388621.44468,m839956783,r,s10376,\tRFCEPLF", "RFCEPLF",
         "F 10376 1996-08-13 17:19:43 - :"},
        {"+m825718503,r,s280,up644,\tmode", "mode", "F 280 1996-03-01 22:15:03 644 :"},
        {"+m825718503,/,up1777,\ttmp", "tmp", "D - 1996-03-01 22:15:03 1777 :"},
        {"+m825718503,r,s280,up0600,\tmode", "mode", "F 280 1996-03-01 22:15:03 600 :"},
        {"+r\tshort", "short", "F - - - :"},
        {"+/\tshort dir", "short dir", "D - - - :"},
        {"+\tnothing", "nothing", "F - - - :"},
        {"+,,\tempty facts", "empty facts", "F - - - :"},
        {"+s0,r,\tzero", "zero", "F 0 - - :"},
        {"+m0,r,\tepoch", "epoch", "F - 1970-01-01 00:00:00 - :"},
        {"+s9223372036854775807,r,\tlargest", "largest", "F 9223372036854775807 - - :"},
        {"+s9223372036854775808,r,\ttoo large", "too large", "F - - - :"},
        {"+mx,sx,upx,r,\tbad values", "bad values", "F - - - :"},
        {"+xunknown,y,r,s5\tunknown facts", "unknown facts", "F 5 - - :"},
        {"+r,s5,\t led", " led", "F 5 - - :"},
        {"+r,s5,\ta\tb", "a\tb", "F 5 - - :"},
        {"+r,s5,\ta, b", "a, b", "F 5 - - :"},
        {"+/,\t.", NULL, NULL},
        {"+/,\t..", NULL, NULL},
    };
    check_all(LISTING_DIALECT_EPLF, rows, G_N_ELEMENTS(rows));
}

static void test_netware(void)
{
    static const Row rows[] = {
        {"total 0", NULL, NULL},
        {"d [R----F--] supervisor            512       Jan 16 18:53    login", "login",
         "D - 2024-01-16 18:53 - supervisor:"},
        {"- [R----F--] rhesus             214059       Oct 20 15:27    cx.exe", "cx.exe",
         "F 214059 2023-10-20 15:27 - rhesus:"},
        {"d [RWCEAFMS] admin                 512       Feb 25  2002    SYS", "SYS",
         "D - 2002-02-25 - admin:"},
        {"- [RWCEAFMS] admin                   0       Feb 29  2004    empty", "empty",
         "F 0 2004-02-29 - admin:"},
        {"- [-W------] a 1 Mar  1 00:00 one", "one", "F 1 2024-03-01 00:00 - a:"},
        {"- [--C-----] a 12 Mar  1 00:01 two", "two", "F 12 2024-03-01 00:01 - a:"},
        {"- [---E----] a 123 Mar  1 01:00 three", "three", "F 123 2024-03-01 01:00 - a:"},
        {"- [----A---] a 1234 Mar  1 10:00 four", "four", "F 1234 2024-03-01 10:00 - a:"},
        {"- [-----F--] a 12345 Mar  1 23:59 five", "five", "F 12345 2024-03-01 23:59 - a:"},
        {"- [------M-] a 123456 Mar 10 10:00 six", "six", "F 123456 2024-03-10 10:00 - a:"},
        {"- [-------S] a 1234567 Mar 31 10:00 seven", "seven", "F 1234567 2024-03-31 10:00 - a:"},
        {"- [--------] a 1 Apr 30  1999 none", "none", "F 1 1999-04-30 - a:"},
        {"d [--------] a 512 Apr 30  1999 no rights", "no rights", "D - 1999-04-30 - a:"},
        {"- [RWCEMFA] old 1 May  1  1995 seven letters", "seven letters", "F 1 1995-05-01 - old:"},
        {"- [ RWCEMFA] old 1 May  1  1995 a blank", "a blank", "F 1 1995-05-01 - old:"},
        {"- [R----F--] Big Boss 77 Jun 15 11:59 spaced owner", "spaced owner",
         "F 77 2024-06-15 11:59 - Big Boss:"},
        {"- [R----F--] 5 77 Jun 15 11:59 numeric owner", "numeric owner",
         "F 77 2024-06-15 11:59 - 5:"},
        {"- [R----F--] 77 Jun 15 11:59 ownerless", "ownerless", "F 77 2024-06-15 11:59 - :"},
        {"- [R----F--] a 77 Jun 15 11:59    name with  spaces", "name with  spaces",
         "F 77 2024-06-15 11:59 - a:"},
        {"- [R----F--] a 77 Dec 24 11:59    1 Jan 1 2000 x", "1 Jan 1 2000 x",
         "F 77 2023-12-24 11:59 - a:"},
        {"d [R----F--] a 512 Jun 15 11:59    .", NULL, NULL},
    };
    check_all(LISTING_DIALECT_NETWARE, rows, G_N_ELEMENTS(rows));
}

static void test_vms(void)
{
    static const Row rows[] = {
        {"", NULL, NULL},
        {"Directory DISK$USER:[ANONYMOUS]", NULL, NULL},
        {"", NULL, NULL},
        {"SOURCES.DIR;1  1 19-NOV-2001 21:41 [root,staff] (RWE,RWE,RE,RE)", "SOURCES",
         "D - 2001-11-19 21:41 755 staff:root"},
        {"LOGIN.COM;1       155   2-JUL-2003 10:30:13.64", "LOGIN.COM",
         "F - 2003-07-02 10:30:13 - :"},
        {"NOTIME.TXT;1    2/8    15-JAN-2000    [IV2_XXX]   (RWED,RWED,RE,)", "NOTIME.TXT",
         "F - 2000-01-15 750 IV2_XXX:"},
        {"BARE-OWNER.TXT;1    6/8    15-JUI-2002    PRONAS   (RWED,RWED,RE,)", "BARE-OWNER.TXT",
         "F - 2002-06-15 750 :"},
        {"A-NAME-THAT-FILLS-ITS-COLUMN.TXT;12", NULL, NULL},
        {"  170774/170775     24-APR-2003 08:16:15  [FTP_CLIENT,SCOT]      (RWED,RWED,RE,)",
         "A-NAME-THAT-FILLS-ITS-COLUMN.TXT", "F - 2003-04-24 08:16:15 750 SCOT:FTP_CLIENT"},
        {"ANOTHER-NAME-THAT-FILLS-ITS-COLUMN.DIR;1   ", NULL, NULL},
        {"10\t\t\t     2-JUL-2003 10:30:08.59  [FTP_CLIENT,SCOT]      (RWED,RWED,RE,)",
         "ANOTHER-NAME-THAT-FILLS-ITS-COLUMN", "D - 2003-07-02 10:30:08 750 SCOT:FTP_CLIENT"},
        {"ALTERNATE.ORDER;1   [SUMMARY]    1/3     2-AUG-2006 13:05  (RWE,RWE,RE,)",
         "ALTERNATE.ORDER", "F - 2006-08-02 13:05 750 SUMMARY:"},
        {"CII-MANUAL.TEX;1  213/216  29-JAN-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)",
         "CII-MANUAL.TEX", "F - 1996-01-29 03:33:12 700 ANONYMOUS:ANONYMOU"},
        /* several versions: the newest one */
        {"VERSIONS.TXT;3   7   1-MAR-2024 01:02:03 [SYSTEM] (RWED,RWED,RWED,RWED)", "VERSIONS.TXT",
         "F - 2024-03-01 01:02:03 777 SYSTEM:"},
        {"VERSIONS.TXT;2   6   1-FEB-2024 01:02:03 [SYSTEM] (RWED,RWED,RWED,RWED)", NULL, NULL},
        {"VERSIONS.TXT;1", NULL, NULL},
        {"                 5   1-JAN-2024 01:02:03 [SYSTEM] (RWED,RWED,RWED,RWED)", NULL, NULL},
        {"VERSIONS.TXT2;1   5   1-JAN-2024 01:02:03 [SYSTEM] (R,R,R,R)", "VERSIONS.TXT2",
         "F - 2024-01-01 01:02:03 444 SYSTEM:"},
        {"README.;1   5   1-JAN-2024 01:02 [SYSTEM] (,,,)", "README",
         "F - 2024-01-01 01:02 0 SYSTEM:"},
        {"NAME;WITH.SEMICOLON;1   5   1-JAN-2024 01:02", "NAME;WITH.SEMICOLON",
         "F - 2024-01-01 01:02 - :"},
        {"lower.dir;1   5   1-jan-2024 01:02", "lower", "D - 2024-01-01 01:02 - :"},
        {"MULTINET.TXT;1   %RMS-E-PRV, insufficient privilege or file protection violation",
         "MULTINET.TXT", "F - - - :"},
        {"TCPWARE.TXT;1   no privilege for attempted operation", "TCPWARE.TXT", "F - - - :"},
        {"ODD.PROTECTION;1   5   1-JAN-2024 01:02 [1,4] (RWED)", "ODD.PROTECTION",
         "F - 2024-01-01 01:02 - 4:1"},
        {"CORE.DIR;1          1  8-SEP-1996 16:09 [SYSTEM] (RWE,RWE,RE,RE)", "CORE",
         "D - 1996-09-08 16:09 755 SYSTEM:"},
        {"00README.TXT;1      2 30-DEC-1976 17:44 [SYSTEM] (RWED,RWED,RE,RE)", "00README.TXT",
         "F - 1976-12-30 17:44 755 SYSTEM:"},
        {"1-JUN.LIS;1              9/9           2-JUN-1998 07:32:04  [GROUP,OWNER]    "
         "(RWED,RWED,RWED,RE)",
         "1-JUN.LIS", "F - 1998-06-02 07:32:04 775 OWNER:GROUP"},
        {"DATA.DIR;1               1/9           2-JUN-1998 07:32:04  [GROUP,OWNER]    "
         "(RWED,RWED,RWED,RE)",
         "DATA", "D - 1998-06-02 07:32:04 775 OWNER:GROUP"},
        {"LEAP.DAT;1   5   29-FEB-2024 23:59:59.99 [SYSTEM] (RWED,RWED,,)", "LEAP.DAT",
         "F - 2024-02-29 23:59:59 700 SYSTEM:"},
        {"EMPTY.DAT;1   0/0   1-JAN-2024 00:00:00.00 [SYSTEM] (RWED,RWED,,)", "EMPTY.DAT",
         "F - 2024-01-01 00:00:00 700 SYSTEM:"},
        {"", NULL, NULL},
        {"Total of 20 files, 2315/2448 blocks.", NULL, NULL},
    };
    check_all(LISTING_DIALECT_VMS, rows, G_N_ELEMENTS(rows));
}

static void test_mvs(void)
{
    static const Row rows[] = {
        {"Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname", NULL, NULL},
        {"WYOSPT 3420   2003/05/21  1  200  FB      80  8053  PS  SOME.FILE", "SOME.FILE",
         "F - 2003-05-21 444 :"},
        {"WPTA01 3290   2004/03/04  1    3  FB      80  3125  PO  SOME.DATASET", "SOME.DATASET",
         "D - 2004-03-04 555 :"},
        {"  WPTA01 3290   2004/03/04  1    3  FB      80  3125  PO-E  LIBRARY", "LIBRARY",
         "D - 2004-03-04 555 :"},
        {"NRP004 3390   **NONE**    1   15  NONE     0     0  NONE NEVER.USED", "NEVER.USED",
         "F - - 444 :"},
        {"TSO004 3390   VSAM SOME.CLUSTER", "SOME.CLUSTER", "O - - 444 :"},
        {"TSO005 3390   2005/06/06 213000 U 0 27998 PO HUGE.LOAD", "HUGE.LOAD",
         "D - 2005-06-06 555 :"},
        {"APCSPL 3390   2023/10/31  1    1  FB      80 27920  PS  'SYS1.ABSOLUTE'", "SYS1.ABSOLUTE",
         "F - 2023-10-31 444 :"},
        {"Migrated                                                OLD.FILE", "OLD.FILE",
         "F - - 444 :"},
        {"ARCIVE Not Direct Access Device                         KJ.IOP998.ERROR.PL",
         "KJ.IOP998.ERROR.PL", "F - - 444 :"},
        {"V43525 Tape                                             BACKUP.G0001V00",
         "BACKUP.G0001V00", "F - - 444 :"},
        {"Pseudo Directory                                        SUB.LEVEL", "SUB.LEVEL",
         "D - - 555 :"},
        {"                                                    GDG MY.GENERATIONS", "MY.GENERATIONS",
         "O - - 444 :"},
        {"Error determining attributes                            BROKEN.ONE", "BROKEN.ONE",
         "O - - 444 :"},
        {"SCSMQ1 3390   2024/02/29  1    1  VB     255 27998  PS  LEAP", "LEAP",
         "F - 2024-02-29 444 :"},
        {"SCSMQ1 3390   2024/05/01  2   30  FB    1024 27648  DA  DIRECT.ONE", "DIRECT.ONE",
         "F - 2024-05-01 444 :"},
        {"SCSMQ1 3390   2024/05/01  1   15  U     6144  6144  PS-E EXTENDED", "EXTENDED",
         "F - 2024-05-01 444 :"},
        {"SCSMQ1 3390   2024/05/01  1   15  FBA    133 27930  PS-L LARGE", "LARGE",
         "F - 2024-05-01 444 :"},
        {"SCSMQ1 3390   2024/05/01  1   15  VBM    137 27930  PS  WITH-DASH.$A#B@C",
         "WITH-DASH.$A#B@C", "F - 2024-05-01 444 :"},
        {"SCSMQ1 3390   2024/05/01  1    1  VS       0     0  VS  VSAM.DATA", "VSAM.DATA",
         "O - 2024-05-01 444 :"},
        {"SCSMQ1 3390   2024/05/01  1    1  ?        0     0  HFS SOME.HFS", "SOME.HFS",
         "O - 2024-05-01 444 :"},
    };
    check_all(LISTING_DIALECT_MVS, rows, G_N_ELEMENTS(rows));
    /* Without its header the listing is known as well. */
    check_all(LISTING_DIALECT_MVS, rows + 1, G_N_ELEMENTS(rows) - 1);
}

static void test_mvs_members(void)
{
    static const Row rows[] = {
        {" Name     VV.MM   Created       Changed      Size  Init   Mod   Id", NULL, NULL},
        {"ALIASDEF  01.03 2002/07/08 2024/05/02 10:11    12    12     0 USERID", "ALIASDEF",
         "F - 2024-05-02 10:11 444 :"},
        {"  PADDED  01.01 2004/06/22 2004/06/22 16:32   128   128    0 BOBY12", "PADDED",
         "F - 2004-06-22 16:32 444 :"},
        {"SECONDS   01.01 2004/06/22 2004/06/22 16:32:17   128   128    0 BOBY12", "SECONDS",
         "F - 2004-06-22 16:32:17 444 :"},
        {"SHORTYR   01.01 04/06/22 06/22/04 16:32   128   128    0 BOBY12", "SHORTYR",
         "F - 2004-06-22 16:32 444 :"},
        {"IEFBR14", "IEFBR14", "F - - 444 :"},
        {" $NAME#@1 ", "$NAME#@1", "F - - 444 :"},
        {"A", "A", "F - - 444 :"},
        {"ZZZ", "ZZZ", "F - - 444 :"},
        {"BOX$        01.00 2001/05/30 2001/05/30 10:59    25    25     0 DIRK", "BOX$",
         "F - 2001-05-30 10:59 444 :"},
        {"IBMUSER   01.99 1999/12/31 1999/12/31 23:59 65535     1 65535 IBMUSER", "IBMUSER",
         "F - 1999-12-31 23:59 444 :"},
        {"LEAP      01.00 2024/02/29 2024/02/29 00:00     0     0     0 SMITH", "LEAP",
         "F - 2024-02-29 00:00 444 :"},
        {"NOID      01.00 2024/02/28 2024/02/29 12:00     1     1     0", "NOID",
         "F - 2024-02-29 12:00 444 :"},
        {"EIGHTLET  01.00 2024/02/28 2024/02/29 12:00     1     1     0 A", "EIGHTLET",
         "F - 2024-02-29 12:00 444 :"},
        {"NAME", "NAME", "F - - 444 :"},
        {" Name      Size     TTR   Alias-of AC --------- Attributes --------- Amode Rmode", NULL,
         NULL},
        {"EAGKCPT   000058   000009          00 FO             RN RU            31    ANY",
         "EAGKCPT", "F - - 444 :"},
        {"EAGRTPRC  005F48   000011 EAGRTALT 00 FO             RN RU            31    ANY",
         "EAGRTPRC", "F - - 444 :"},
        {"MEMBER3   00B308   000411          00 FO             RU               ANY    24",
         "MEMBER3", "F - - 444 :"},
        {"LOADMOD   000001   00000F          01 FO                              24     24",
         "LOADMOD", "F - - 444 :"},
        {"ALIASED   0001A0   00010B LOADMOD  01 FO                              24     24",
         "ALIASED", "F - - 444 :"},
        {"@BIG      FFFFF8   0A0B0C          00 FO             RN RU RF          64     ANY", "@BIG",
         "F - - 444 :"},
        {"#NOATTR   000058   000009          00", "#NOATTR", "F - - 444 :"},
    };
    check_all(LISTING_DIALECT_MVS, rows, G_N_ELEMENTS(rows));
}

static void test_as400(void)
{
    static const Row rows[] = {
        {"QSYS            77824 02/23/00 15:09:55 *DIR       QOpenSys/", "QOpenSys",
         "D - 2000-02-23 15:09:55 - QSYS:"},
        {"QSYS            77824 23/02/00 15:09:55 *DIR european/", "european",
         "D - 2000-02-23 15:09:55 - QSYS:"},
        {"QDOC            53248 02/11/24 16:47:25 *FLR       QDLS/", "QDLS",
         "D - 2024-02-11 16:47:25 - QDOC:"},
        {"QSYS           593920 06/08/24 00:26:48 *LIB       QSYS.LIB/", "QSYS.LIB",
         "D - 2024-06-08 00:26:48 - QSYS:"},
        {"BG0BT           13824 03/14/24 14:25:22 *STMF      report.txt", "report.txt",
         "F 13824 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT               0 03/14/24 14:25:22 *STMF      empty", "empty",
         "F 0 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT      4294967296 03/14/24 14:25:22 *STMF      big.iso", "big.iso",
         "F 4294967296 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT           13824 03/14/24 14:25:22 *STMF      name with  spaces",
         "name with  spaces", "F 13824 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT           13824 03/14/24 14:25:22 *STMF       led", " led",
         "F 13824 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT           13824 14.03.24 14:25:22 *STMF      german", "german",
         "F 13824 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT           13824 2024-03-14 14:25:22 *STMF      iso", "iso",
         "F 13824 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT           13824 03/14/99 14:25:22 *DSTMF     distributed", "distributed",
         "F 13824 1999-03-14 14:25:22 - BG0BT:"},
        {"BG0BT            1024 03/14/24 14:25:22 *DOC       LETTER.DOC", "LETTER.DOC",
         "F 1024 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT            8192 03/14/24 14:25:22 *DDIR      ddir/", "ddir",
         "D - 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT            8192 03/14/24 14:25:22 *DIR       no slash", "no slash",
         "D - 2024-03-14 14:25:22 - BG0BT:"},
        {"BG0BT              20 03/14/24 14:25:22 *SYMLNK    link", "link",
         "L - 2024-03-14 14:25:22 - BG0BT:"},
        {"CFT             45056 04/12/04 14:19:31 *FILE      AFTFRE1.FILE", "AFTFRE1.FILE",
         "D - 2004-04-12 14:19:31 - CFT:"},
        {"CFT                                     *MEM       AFTFRE1.FILE/AFTFRE1.MBR", NULL, NULL},
        {"CFT                                     *MEM       ALONE.MBR", "ALONE.MBR",
         "F - - - CFT:"},
        {"CFT             28672 12/01/17 20:08:04 *PGM       START.PGM", "START.PGM",
         "O - 2017-12-01 20:08:04 - CFT:"},
        {"CFT             28672 12/01/17 20:08:04 *USRSPC    A.USRSPC", "A.USRSPC",
         "O - 2017-12-01 20:08:04 - CFT:"},
    };
    check_all(LISTING_DIALECT_AS400, rows, G_N_ELEMENTS(rows));
}

static void test_wftpd(void)
{
    static const Row rows[] = {
        {"config       1014196  06/03/04  Thur.   10:20:03", "config",
         "F 1014196 2004-06-03 10:20:03 - :"},
        {"ti.cfg          1932  12/31/99  Fri.    23:59:59", "ti.cfg",
         "F 1932 1999-12-31 23:59:59 - :"},
        {"bn.exe       8388608  02/29/00  Tues.   00:00:00", "bn.exe",
         "F 8388608 2000-02-29 00:00:00 - :"},
        {"empty              0  01/01/70  Thur.   00:00:00", "empty",
         "F 0 1970-01-01 00:00:00 - :"},
        {"debug.al        1234  06/13/04  Sun.    08:01", "debug.al",
         "F 1234 2004-06-13 08:01 - :"},
        {"install.bat      189  25/12/03  Thur.   10:20:03", "install.bat",
         "F 189 2003-12-25 10:20:03 - :"},
        {"two words        189  12/25/03  Thur.   10:20:03", "two words",
         "F 189 2003-12-25 10:20:03 - :"},
        {"long.year        189  12/25/2003  Thur.   10:20:03", "long.year",
         "F 189 2003-12-25 10:20:03 - :"},
        {"12               189  12/25/03  Thur.   10:20:03", "12", "F 189 2003-12-25 10:20:03 - :"},
        {"ti_arp.cfg      2176  01/31/96  Wed.    07:08:09", "ti_arp.cfg",
         "F 2176 1996-01-31 07:08:09 - :"},
        {"asn.exe       237212  07/04/97  Fri.    12:00:00", "asn.exe",
         "F 237212 1997-07-04 12:00:00 - :"},
        {"ip.mib         51234  10/09/98  Fri.    00:00:01", "ip.mib",
         "F 51234 1998-10-09 00:00:01 - :"},
        {"frediag.exe   388096  12/31/69  Wed.    23:59:59", "frediag.exe",
         "F 388096 2069-12-31 23:59:59 - :"},
        {"leap           10000  02/29/04  Sun.    10:20:03", "leap",
         "F 10000 2004-02-29 10:20:03 - :"},
        {"UPPER.CFG          7  03/01/04  Mon.    10:20:03", "UPPER.CFG",
         "F 7 2004-03-01 10:20:03 - :"},
        {"a-b_c.d            7  03/02/04  Tues.   10:20:03", "a-b_c.d",
         "F 7 2004-03-02 10:20:03 - :"},
        {"saturday           7  03/06/04  Sat.    10:20:03", "saturday",
         "F 7 2004-03-06 10:20:03 - :"},
        {"wednesday 4294967296  03/03/04  Wed.    10:20:03", "wednesday",
         "F 4294967296 2004-03-03 10:20:03 - :"},
        {"day.first          7  31/03/04  Wed.    10:20:03", "day.first",
         "F 7 2004-03-31 10:20:03 - :"},
        {"a 1 12/25/03 Wed. 10:20:03", "a", "F 1 2003-12-25 10:20:03 - :"},
    };
    static const Row vxworks[] = {
        {"  size          date       time       name", NULL, NULL},
        {"--------       ------     ------    --------", NULL, NULL},
        {"    2048    Feb-28-1998  05:23:30   docs              <DIR>", "docs",
         "D - 1998-02-28 05:23:30 - :"},
        {"     512    Jan-01-1980  00:00:00   boot.rom", "boot.rom",
         "F 512 1980-01-01 00:00:00 - :"},
        {"       0    Dec-31-2024  23:59:58   empty", "empty", "F 0 2024-12-31 23:59:58 - :"},
        {"12345678    Feb-29-2024  12:00:00   image.bin", "image.bin",
         "F 12345678 2024-02-29 12:00:00 - :"},
        {"    2048    Feb-28-1998  05:23:30   two words         <DIR>", "two words",
         "D - 1998-02-28 05:23:30 - :"},
        {"     100    Feb-28-1998  05:23:30   two  words", "two  words",
         "F 100 1998-02-28 05:23:30 - :"},
        {"     100    Feb-28-1998  05:23:30   <DIR>", "<DIR>", "F 100 1998-02-28 05:23:30 - :"},
        {"    2048    Feb-28-1998  05:23:30   .                 <DIR>", NULL, NULL},
        {"    2048    Feb-28-1998  05:23:30   ..                <DIR>", NULL, NULL},
        {"       1    Mar-01-1999  00:00:00   mar", "mar", "F 1 1999-03-01 00:00:00 - :"},
        {"      12    Apr-30-1999  01:02:03   apr.o", "apr.o", "F 12 1999-04-30 01:02:03 - :"},
        {"     123    May-31-1999  23:59:59   may.c", "may.c", "F 123 1999-05-31 23:59:59 - :"},
        {"    1234    Jun-15-2000  12:34:56   vxWorks.st", "vxWorks.st",
         "F 1234 2000-06-15 12:34:56 - :"},
        {"   12345    Jul-04-2001  06:07:08   vxWorks", "vxWorks",
         "F 12345 2001-07-04 06:07:08 - :"},
        {"  123456    Aug-09-2002  20:21:22   LONGNAME.TXT", "LONGNAME.TXT",
         "F 123456 2002-08-09 20:21:22 - :"},
        {" 1234567    Sep-30-2003  10:00:00   a_b-c.d", "a_b-c.d",
         "F 1234567 2003-09-30 10:00:00 - :"},
        {"2147483648    Oct-31-2005  10:00:00   large", "large",
         "F 2147483648 2005-10-31 10:00:00 - :"},
        {"     512    Nov-11-2006  11:11:11   .hidden", ".hidden",
         "F 512 2006-11-11 11:11:11 - :"},
        {"     512    Dec-24-2007  18:00:00   SUB.DIR           <DIR>", "SUB.DIR",
         "D - 2007-12-24 18:00:00 - :"},
        {"    2048    Feb-29-2008  00:00:00   leap              <DIR>", "leap",
         "D - 2008-02-29 00:00:00 - :"},
        {"       0    Jan-01-1970  00:00:00   no clock", "no clock",
         "F 0 1970-01-01 00:00:00 - :"},
        {"      77    28-Feb-1998  05:23:30   day first", "day first",
         "F 77 1998-02-28 05:23:30 - :"},
    };
    check_all(LISTING_DIALECT_WFTPD, rows, G_N_ELEMENTS(rows));
    check_all(LISTING_DIALECT_WFTPD, vxworks, G_N_ELEMENTS(vxworks));
    check_all(LISTING_DIALECT_WFTPD, vxworks + 2, G_N_ELEMENTS(vxworks) - 2);
}

static void test_tandem(void)
{
    static const Row rows[] = {
        {"File         Code             EOF  Last Modification    Owner  RWEP", NULL, NULL},
        {"ALV           101             2522 27-Aug-02 13:57:10 155,106 \"nnnn\"", "ALV",
         "F 2522 2002-08-27 13:57:10 777 106:155"},
        {"ALVO         1000             2048 27-Aug-02 13:57:22 155,106 \"nunu\"", "ALVO",
         "F 2048 2002-08-27 13:57:22 755 106:155"},
        {"IARPTS        101            16354 18-Mar-08 15:09:12 244, 10 \"nnnn\"", "IARPTS",
         "F 16354 2008-03-18 15:09:12 777 10:244"},
        {"TACLCSTM   O  101              101  4-Mar-01  23:50:06 255,255 \"oooo\"", "TACLCSTM",
         "F 101 2001-03-04 23:50:06 700 255:255"},
        {"EMSACSTM      101              146 18-Sep-00 09:03:37 170,175 \"nunu\"", "EMSACSTM",
         "F 146 2000-09-18 09:03:37 755 175:170"},
        {"FILE1 101 528 12-Jan-14 14:21:18 255, 0 \"aaaa\"", "FILE1",
         "F 528 2014-01-12 14:21:18 777 0:255"},
        {"FILE2 101 528 13-Feb-14 14:21:18 255,255 \"gggg\"", "FILE2",
         "F 528 2014-02-13 14:21:18 770 255:255"},
        {"FILE3 0 0 14-Mar-14 15:09:12 244,  1 \"----\"", "FILE3",
         "F 0 2014-03-14 15:09:12 0 1:244"},
        {"FILE4 700 16384 15-Aug-14 11:44:56 1,1 \"acou\"", "FILE4",
         "F 16384 2014-08-15 11:44:56 764 1:1"},
        {"RYM01 0 4096  2-Jan-26 15:36:34 110, 99 \"NUNU\"", "RYM01",
         "F 4096 2026-01-02 15:36:34 755 99:110"},
        {"RYM02 0 5160960  2-Jan-26 16:26:15 110, 99 \"nnnn\"", "RYM02",
         "F 5160960 2026-01-02 16:26:15 777 99:110"},
        {"BIG 0 66834432123 22-Jan-26 14:04:19 110, 99 \"n---\"", "BIG",
         "F 66834432123 2026-01-22 14:04:19 444 99:110"},
        {"Y2K 0 1 31-Dec-99 23:59:59 110,99 \"-n--\"", "Y2K", "F 1 1999-12-31 23:59:59 222 99:110"},
        {"LEAP 0 1 29-Feb-24 00:00:00 110,99 \"--n-\"", "LEAP",
         "F 1 2024-02-29 00:00:00 111 99:110"},
        {"PURGE 0 1 29-Feb-24 00:00:00 110,99 \"---n\"", "PURGE",
         "F 1 2024-02-29 00:00:00 0 99:110"},
        {"LONGYEAR 0 1 29-Feb-2024 00:00:00 110,99 \"nnnn\"", "LONGYEAR",
         "F 1 2024-02-29 00:00:00 777 99:110"},
        {"O O 101 1 29-Feb-24 00:00:00 110,99 \"nnnn\"", "O", "F 1 2024-02-29 00:00:00 777 99:110"},
        {"A 101 1 1-May-24 10:11:12 1,2 \"uccc\"", "A", "F 1 2024-05-01 10:11:12 730 2:1"},
        {"ZZSA0001 O 130 1048576 28-Feb-70 01:02:03 1,2 \"gggg\"", "ZZSA0001",
         "F 1048576 1970-02-28 01:02:03 770 2:1"},
        {"B 101 2 1-May-24 10:11 1,2 \"oooo\"", "B", "F 2 2024-05-01 10:11 700 2:1"},
    };
    check_all(LISTING_DIALECT_TANDEM, rows, G_N_ELEMENTS(rows));
    check_all(LISTING_DIALECT_TANDEM, rows + 1, G_N_ELEMENTS(rows) - 1);
}

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
        check(&context, cases[i].dialect, &cases[i].row, 1);
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
    check(&context, LISTING_DIALECT_UNIX, rows, G_N_ELEMENTS(rows));
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
        check(&context, LISTING_DIALECT_UNIX, &row, 1);
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
        check(&context, cases[i].dialect, &cases[i].row, 1);
    }
}

/* An empty directory's listing may tell no dialect. */
static void test_nothing(void)
{
    static const Row rows[] = {{"total 0", NULL, NULL}, {"", NULL, NULL}};
    static const Row german[] = {{"insgesamt 0", NULL, NULL}};
    static const Row none[] = {{"ls: cannot access '*': No such file or directory", NULL, NULL}};
    ListingContext context = {.now = NOW};
    check(&context, LISTING_DIALECT_AUTO, rows, G_N_ELEMENTS(rows));
    check(&context, LISTING_DIALECT_AUTO, german, G_N_ELEMENTS(german));
    check(&context, LISTING_DIALECT_AUTO, none, G_N_ELEMENTS(none));
    check(&context, LISTING_DIALECT_AUTO, rows, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listing/dialects/the forms of ls -l are understood", test_unix);
    g_test_add_func("/listing/dialects/IIS and dir are understood", test_windows);
    g_test_add_func("/listing/dialects/EPLF is understood", test_eplf);
    g_test_add_func("/listing/dialects/NetWare is understood", test_netware);
    g_test_add_func("/listing/dialects/VMS is understood", test_vms);
    g_test_add_func("/listing/dialects/MVS datasets are understood", test_mvs);
    g_test_add_func("/listing/dialects/members of MVS datasets are understood", test_mvs_members);
    g_test_add_func("/listing/dialects/AS400 is understood", test_as400);
    g_test_add_func("/listing/dialects/WfFtp and VxWorks are understood", test_wftpd);
    g_test_add_func("/listing/dialects/Tandem Guardian is understood", test_tandem);
    g_test_add_func("/listing/dialects/times are in the server's zone", test_zone);
    g_test_add_func("/listing/dialects/a named zone knows of summer time", test_named_zone);
    g_test_add_func("/listing/dialects/a leap day without year is in a leap year", test_leap_day);
    g_test_add_func("/listing/dialects/a year of two digits is in no future", test_short_years);
    g_test_add_func("/listing/dialects/an empty directory is empty", test_nothing);
    return g_test_run();
}
