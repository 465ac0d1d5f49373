/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing_rows.h"

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
    listing_rows_check_all(LISTING_DIALECT_VMS, rows, G_N_ELEMENTS(rows));
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
    listing_rows_check_all(LISTING_DIALECT_MVS, rows, G_N_ELEMENTS(rows));
    /* Without its header the listing is known as well. */
    listing_rows_check_all(LISTING_DIALECT_MVS, rows + 1, G_N_ELEMENTS(rows) - 1);
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
        {"@BIG      FFFFF8   0A0B0C          00 FO             RN RU RF          64     ANY",
         "@BIG", "F - - 444 :"},
        {"#NOATTR   000058   000009          00", "#NOATTR", "F - - 444 :"},
    };
    listing_rows_check_all(LISTING_DIALECT_MVS, rows, G_N_ELEMENTS(rows));
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
    listing_rows_check_all(LISTING_DIALECT_AS400, rows, G_N_ELEMENTS(rows));
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
    listing_rows_check_all(LISTING_DIALECT_TANDEM, rows, G_N_ELEMENTS(rows));
    listing_rows_check_all(LISTING_DIALECT_TANDEM, rows + 1, G_N_ELEMENTS(rows) - 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listing/dialects/VMS is understood", test_vms);
    g_test_add_func("/listing/dialects/MVS datasets are understood", test_mvs);
    g_test_add_func("/listing/dialects/members of MVS datasets are understood", test_mvs_members);
    g_test_add_func("/listing/dialects/AS400 is understood", test_as400);
    g_test_add_func("/listing/dialects/Tandem Guardian is understood", test_tandem);
    return g_test_run();
}
