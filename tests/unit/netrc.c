/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/credentials/netrc.h"

#include <string.h>

#include "ftpsfs/util/error.h"

/* One search of a .netrc text. */
typedef struct {
    const char *text;
    const char *user;       /* asked for */
    const char *found_user; /* found */
    const char *found_password;
    gboolean found;
} Search;

static void test_netrc(void)
{
    static const Search searches[] = {
        {"machine host login ann password pw", NULL, "ann", "pw", TRUE},
        {"machine host login ann password pw", "ann", "ann", "pw", TRUE},
        {"machine host login ann password pw", "bob", NULL, NULL, FALSE},
        {"machine HOST\n\tLOGIN ann\r\n\tpassword pw\r\n", NULL, "ann", "pw", TRUE},
        {"machine other login x password y\nmachine host password pw", "bob", NULL, "pw", TRUE},
        {"machine host login a password 1\nmachine host login b password 2", "b", "b", "2", TRUE},
        {"machine host login a password 1\nmachine host login b password 2", NULL, "a", "1", TRUE},
        {"machine other login a password 1 default login d password 2", NULL, "d", "2", TRUE},
        {"machine host login a password 1 default login d password 2", "d", "d", "2", TRUE},
        {"machine host login a password \"p \\\"w\\\\ \\t\"", "a", "a", "p \"w\\ \t", TRUE},
        {"machine host login a password p\\w", "a", "a", "p\\w", TRUE},
        {"machine host login a password #pw", "a", "a", "#pw", TRUE},
        {"# machine host login no password no\nmachine host login a password p # end\n", "a", "a",
         "p", TRUE},
        {"machine host login a password p#\n#\n", "a", "a", "p#", TRUE},
        {"machine host login machine password default", NULL, "machine", "default", TRUE},
        {"machine host login a macdef init\ncd /x\nmachine host password evil\n\npassword p", "a",
         "a", "p", TRUE},
        {"macdef m\r\nmachine host login no password no\r\n\r\nmachine host login a password p",
         NULL, "a", "p", TRUE},
        {"macdef m\nmachine host login no password no", NULL, NULL, NULL, FALSE},
        {"machine host port 990 login a password p", "a", "a", "p", TRUE},
        {"machine host login a", NULL, "a", NULL, TRUE},
        {"machine host login a", "a", NULL, NULL, FALSE},
        {"machine host \"login\" a password p", "a", NULL, "p", TRUE},
        {"machine hosts login a password p", NULL, NULL, NULL, FALSE},
        {"", NULL, NULL, NULL, FALSE},
        {" \n\t", "a", NULL, NULL, FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(searches); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup(searches[i].text);
        NetrcEntry entry;
        g_test_message("%s", searches[i].text);
        g_assert_true(netrc_find(text, "host", searches[i].user, FALSE, "f", &entry, &error));
        g_assert_no_error(error);
        g_assert_cmpint(entry.found, ==, searches[i].found);
        g_assert_cmpstr(entry.user, ==, searches[i].found_user);
        g_assert_cmpstr(entry.password, ==, searches[i].found_password);
    }
}

static void test_bad_netrc(void)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {{"machine host\nlogin a\npassword \"s3cret", "f, line 3: a quote"},
                 {"machine host\nlogin a\npassword", "f, line 3: nothing follows \"password\""},
                 {"machine \n\n", "f, line 1: nothing follows \"machine\""}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup(cases[i].text);
        NetrcEntry entry;
        g_assert_false(netrc_find(text, "host", "a", FALSE, "f", &entry, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, cases[i].says));
        g_assert_null(strstr(error->message, "s3cret"));
    }
}

/* A host is the one that the entry names as a whole, or none. */
static void test_hosts(void)
{
    static const struct {
        const char *machine;
        const char *host;
        gboolean same;
    } cases[] = {{"ftp.example.org", "FTP.Example.ORG", TRUE},
                 {"ftp.example.org", "ftp.example.org.", TRUE},
                 {"ftp.example.org.", "ftp.example.org", TRUE},
                 {"b\xc3\xa4nk.example", "xn--bnk-qla.example", TRUE},
                 {"B\xc3\x84NK.example.", "xn--bnk-qla.example", TRUE},
                 {"example.org", "ftp.example.org", FALSE},
                 {"ftp.example.org", "example.org", FALSE},
                 {"ftp.example.org", "ftp.example.org.evil", FALSE},
                 {"ftp.example.org..", "ftp.example.org", FALSE},
                 {".", "ftp.example.org", FALSE},
                 {"*", "ftp.example.org", FALSE},
                 {"bank.example", "xn--bnk-qla.example", FALSE}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("machine %s password p", cases[i].machine);
        NetrcEntry entry;
        g_test_message("%s: %s", text, cases[i].host);
        g_assert_true(netrc_find(text, cases[i].host, "a", TRUE, "f", &entry, NULL));
        g_assert_cmpint(entry.found, ==, cases[i].same);
    }
}

static void test_named_only(void)
{
    static const char text[] = "default login d password d\nmachine host login a password p";
    for (gboolean named_only = FALSE; named_only <= TRUE; named_only++) {
        g_autofree char *here = g_strdup(text), *there = g_strdup(text);
        NetrcEntry entry;
        g_assert_true(netrc_find(here, "host", NULL, named_only, "f", &entry, NULL));
        g_assert_cmpstr(entry.password, ==, named_only ? "p" : "d");
        g_assert_true(netrc_find(there, "other", NULL, named_only, "f", &entry, NULL));
        g_assert_cmpint(entry.found, ==, !named_only);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netrc/the entry that helps is found", test_netrc);
    g_test_add_func("/netrc/an entry is for the host that it names as a whole", test_hosts);
    g_test_add_func("/netrc/default is for no host in particular", test_named_only);
    g_test_add_func("/netrc/a malformed file is refused with the line", test_bad_netrc);
    return g_test_run();
}
