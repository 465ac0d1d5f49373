/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/remote/quota.h"

#include "replies.h"

typedef struct {
    const char *reply;
    gboolean told;
    guint64 left;
    guint64 total;
} Case;

#define PROFTPD_HEAD                                                                               \
    "200-The current quota for this session are [current/limit]:\r\n Name: tester\r\n"             \
    " Quota Type: User\r\n Per Session: False\r\n Limit Type: Hard\r\n"
#define PROFTPD_TAIL                                                                               \
    "   Uploaded files:\tunlimited\r\n   Downloaded files:\t1/2\r\n"                               \
    "200 Please contact root@127.0.0.1 if these entries are inaccurate\r\n"

static const Case cases[] = {
    {PROFTPD_HEAD "   Uploaded bytes:\t1000000.00/10000000.00\r\n" PROFTPD_TAIL, TRUE, 9000000,
     10000000},
    {PROFTPD_HEAD "   Uploaded Kb:\t1.00/3.00\r\n" PROFTPD_TAIL, TRUE, 2048, 3072},
    {PROFTPD_HEAD "   Uploaded Mb:\t\t0.50/2.00\r\n   Downloaded Mb:\t1.00/1.00\r\n" PROFTPD_TAIL,
     TRUE, 1536 * 1024, 2048 * 1024},
    /* The nearer of two limits. */
    {PROFTPD_HEAD "   Uploaded Gb:\t0.00/2.00\r\n   Transferred Gb:\t0.50/1.00\r\n" PROFTPD_TAIL,
     TRUE, 512 * 1024 * 1024, 1024 * 1024 * 1024},
    /* Over it, by a soft limit. */
    {PROFTPD_HEAD "   Uploaded bytes:\t11.00/10.00\r\n" PROFTPD_TAIL, TRUE, 0, 10},
    {PROFTPD_HEAD "   Uploaded bytes:\tunlimited\r\n" PROFTPD_TAIL, FALSE, 0, 0},
    {"202 No quotas in effect\r\n", FALSE, 0, 0},
    {"500 SITE QUOTA is an unknown extension\r\n", FALSE, 0, 0},
    {"200 You have 120 KB free.\r\n", TRUE, 120 * 1024, 0},
    {"200 Quota: 5000 bytes remaining of 10000 bytes.\r\n", TRUE, 5000, 0},
    {"200 10.5 MB available\r\n", TRUE, 11010048, 0},
    {"200 3 GiB left; 7 KB left\r\n", TRUE, 7 * 1024, 0},
    {"200 3 files left\r\n", FALSE, 0, 0},
    {"200 nan MB free, -1 MB free, 1e300 GB free\r\n", FALSE, 0, 0},
    {"200-Uploaded bytes: 1/nan\r\n Uploaded bytes: nan/1\r\n200 /\r\n", FALSE, 0, 0},
};

static void test_forms(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Reply) reply = test_reply(cases[i].reply);
        guint64 left = 0;
        guint64 total = 0;
        if (quota_parse(reply, &left, &total) != cases[i].told || left != cases[i].left ||
            total != cases[i].total)
            g_error("%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, cases[i].reply, left, total);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quota/the space left is understood in the forms that servers tell it",
                    test_forms);
    return g_test_run();
}
