/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing_rows.h"

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
    listing_rows_check_all(LISTING_DIALECT_UNIX, rows, G_N_ELEMENTS(rows));
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
    listing_rows_check_all(LISTING_DIALECT_WINDOWS, rows, G_N_ELEMENTS(rows));
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
    listing_rows_check_all(LISTING_DIALECT_EPLF, rows, G_N_ELEMENTS(rows));
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
    listing_rows_check_all(LISTING_DIALECT_NETWARE, rows, G_N_ELEMENTS(rows));
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
        {"     512    Nov-11-2006  11:11:11   .hidden", ".hidden", "F 512 2006-11-11 11:11:11 - :"},
        {"     512    Dec-24-2007  18:00:00   SUB.DIR           <DIR>", "SUB.DIR",
         "D - 2007-12-24 18:00:00 - :"},
        {"    2048    Feb-29-2008  00:00:00   leap              <DIR>", "leap",
         "D - 2008-02-29 00:00:00 - :"},
        {"       0    Jan-01-1970  00:00:00   no clock", "no clock", "F 0 1970-01-01 00:00:00 - :"},
        {"      77    28-Feb-1998  05:23:30   day first", "day first",
         "F 77 1998-02-28 05:23:30 - :"},
    };
    listing_rows_check_all(LISTING_DIALECT_WFTPD, rows, G_N_ELEMENTS(rows));
    listing_rows_check_all(LISTING_DIALECT_WFTPD, vxworks, G_N_ELEMENTS(vxworks));
    listing_rows_check_all(LISTING_DIALECT_WFTPD, vxworks + 2, G_N_ELEMENTS(vxworks) - 2);
}

/* An empty directory's listing may tell no dialect. */
static void test_nothing(void)
{
    static const Row rows[] = {{"total 0", NULL, NULL}, {"", NULL, NULL}};
    static const Row german[] = {{"insgesamt 0", NULL, NULL}};
    static const Row none[] = {{"ls: cannot access '*': No such file or directory", NULL, NULL}};
    ListingContext context = {.now = NOW};
    listing_rows_check(&context, LISTING_DIALECT_AUTO, rows, G_N_ELEMENTS(rows));
    listing_rows_check(&context, LISTING_DIALECT_AUTO, german, G_N_ELEMENTS(german));
    listing_rows_check(&context, LISTING_DIALECT_AUTO, none, G_N_ELEMENTS(none));
    listing_rows_check(&context, LISTING_DIALECT_AUTO, rows, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listing/dialects/the forms of ls -l are understood", test_unix);
    g_test_add_func("/listing/dialects/IIS and dir are understood", test_windows);
    g_test_add_func("/listing/dialects/EPLF is understood", test_eplf);
    g_test_add_func("/listing/dialects/NetWare is understood", test_netware);
    g_test_add_func("/listing/dialects/WfFtp and VxWorks are understood", test_wftpd);
    g_test_add_func("/listing/dialects/an empty directory is empty", test_nothing);
    return g_test_run();
}
