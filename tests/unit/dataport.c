/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/transfer/dataport.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "ftp/transfer/active.h"
#include "replies.h"

static guint16 parse(const char *text)
{
    g_autofree char *line = g_strconcat(text, "\r\n", NULL);
    g_autoptr(Reply) reply = test_reply(line);
    return dataport_parse(reply);
}

typedef struct {
    const char *reply;
    guint16 port; /* 0: none is in it */
} Case;

static void check(const Case *cases, gsize count)
{
    for (gsize i = 0; i < count; i++)
        if (parse(cases[i].reply) != cases[i].port)
            g_error("%s gives %u", cases[i].reply, parse(cases[i].reply));
}

static void test_pasv(void)
{
    static const Case cases[] = {
        {"227 Entering Passive Mode (132,235,1,2,24,131).", 6275},
        {"227 Entering Passive Mode (132,235,1,2,24,131)", 6275},
        {"227 Entering Passive Mode 132,235,1,2,24,131", 6275},
        {"227 Entering Passive Mode. 132,235,1,2,24,131.", 6275},
        {"227 Entering Passive Mode (132, 235, 1, 2, 24, 131)", 6275},
        {"227 Entering Passive Mode ( 132 , 235 , 1 , 2 , 24 , 131 )", 6275},
        {"227 =132,235,1,2,24,131", 6275},
        {"227 Passive mode OK (0,0,0,0,24,131)", 6275},
        {"227 Passive mode OK (10,0,0,1,24,131)", 6275},
        {"227 At your service, 2 of 3: (127,0,0,1,4,0)", 1024},
        {"227 Entering passive mode, host 1,2,3, port follows 132,235,1,2,24,131", 6275},
        {"227-Entering Passive Mode\r\n (132,235,1,2,24,131)\r\n227 End", 6275},
        {"227 (1,2,3,4,0,21)", 21},
        {"227 (1,2,3,4,255,255)", 65535},
        {"227 (1,2,3,4,0,0)", 0},
        {"227 (1,2,3,4,256,1)", 0},
        {"227 (1,2,3,4,1,256)", 0},
        {"227 (1,2,3,4,5)", 0},
        {"227 (1;2;3;4;5;6)", 0},
        {"227 (1,2,3,4,5,-6)", 0},
        {"227 (1,2,3,4,99999999999999999999,6)", 0},
        {"227 Entering Passive Mode", 0},
        {"227 ", 0},
        {"200 (132,235,1,2,24,131)", 0},
        {"229 (132,235,1,2,24,131)", 0},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_epsv(void)
{
    static const Case cases[] = {
        {"229 Entering Extended Passive Mode (|||6446|)", 6446},
        {"229 Entering Extended Passive Mode (|||6446|).", 6446},
        {"229 Entering Extended Passive Mode (!!!6446!)", 6446},
        {"229 (really) passive (|||6446|)", 6446},
        {"229 Entering Extended Passive Mode |||6446|", 6446},
        {"229 Entering Extended Passive Mode (|1|10.0.0.1|6446|)", 6446},
        {"229 Entering Extended Passive Mode (|2|fe80::1|6446|)", 6446},
        {"229-Ready\r\n (|||6446|)\r\n229 End", 6446},
        {"229 (|||1|)", 1},
        {"229 (|||65535|)", 65535},
        {"229 (|||0|)", 0},
        {"229 (|||65536|)", 0},
        {"229 (|||6446)", 0},
        {"229 (||6446|)", 0},
        {"229 (|||-6446|)", 0},
        {"229 (111644611)", 0},
        {"229 (|||99999999999999999999|)", 0},
        {"229 (", 0},
        {"229 ", 0},
        {"227 (|||6446|)", 0},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_format(void)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(6275)};
    g_assert_cmpint(inet_pton(AF_INET, "132.235.1.2", &v4.sin_addr), ==, 1);
    g_autofree char *eprt = active_format((struct sockaddr *)(void *)&v4, TRUE);
    g_autofree char *port = active_format((struct sockaddr *)(void *)&v4, FALSE);
    g_assert_cmpstr(eprt, ==, "|1|132.235.1.2|6275|");
    g_assert_cmpstr(port, ==, "132,235,1,2,24,131");
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(5282)};
    g_assert_cmpint(inet_pton(AF_INET6, "1080::8:800:200C:417A", &v6.sin6_addr), ==, 1);
    g_autofree char *eprt6 = active_format((struct sockaddr *)(void *)&v6, TRUE);
    g_assert_cmpstr(eprt6, ==, "|2|1080::8:800:200c:417a|5282|");
    g_assert_null(active_format((struct sockaddr *)(void *)&v6, FALSE));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dataport/PASV's port is found in every form of reply", test_pasv);
    g_test_add_func("/dataport/EPSV's port is found in every form of reply", test_epsv);
    g_test_add_func("/dataport/EPRT and PORT are written as the RFCs have them", test_format);
    return g_test_run();
}
