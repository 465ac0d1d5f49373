/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/config/source.h"

#include <string.h>

#include "ftpsfs/util/error.h"

typedef struct {
    const char *text;
    const char *user;
    const char *host;
    guint16 port;
    const char *directory;
} Good;

static void check(const Good *cases, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Source) source = source_parse(cases[i].text, &error);
        g_test_message("%s", cases[i].text);
        g_assert_no_error(error);
        g_assert_nonnull(source);
        g_assert_cmpstr(source->user, ==, cases[i].user);
        g_assert_cmpstr(source->host, ==, cases[i].host);
        g_assert_cmpuint(source->port, ==, cases[i].port);
        g_assert_cmpstr(source->directory, ==, cases[i].directory);
    }
}

static void refuse(const char *text, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Source) source = source_parse(text, &error);
    g_autofree char *printable = g_strescape(text, NULL);
    g_test_message("%s", printable);
    g_assert_null(source);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, says));
    g_assert_null(strchr(error->message, '\n'));
}

static void test_hosts(void)
{
    static const Good cases[] = {
        {"host", NULL, "host", 0, ""},
        {"ftps://host", NULL, "host", 0, ""},
        {"FTPS://Host/", NULL, "Host", 0, ""},
        {"user@host", "user", "host", 0, ""},
        {"host:990", NULL, "host", 990, ""},
        {"host:1/", NULL, "host", 1, ""},
        {"ftps://host:65535", NULL, "host", 65535, ""},
        {"ftps://host:/", NULL, "host", 0, ""},
        {"192.0.2.1:2121/x", NULL, "192.0.2.1", 2121, "x"},
        {"[::1]", NULL, "::1", 0, ""},
        {"[::1]:990/dir", NULL, "::1", 990, "dir"},
        {"ftps://u@[2001:db8::1]:21/d", "u", "2001:db8::1", 21, "d"},
        {"[fe80::1%eth0]", NULL, "fe80::1%eth0", 0, ""},
        {"ftps://[fe80::1%25eth0]/", NULL, "fe80::1%eth0", 0, ""},
        {"[::1]:/srv", NULL, "::1", 0, "/srv"},
        {"ftps://b\xc3\xbc"
         "cher.example/",
         NULL, "xn--bcher-kva.example", 0, ""},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_directories(void)
{
    static const Good cases[] = {
        {"ftps://host/dir", NULL, "host", 0, "dir"},
        {"host/dir/sub/", NULL, "host", 0, "dir/sub"},
        {"ftps://host//dir", NULL, "host", 0, "/dir"},
        {"ftps://host/%2Fdir", NULL, "host", 0, "/dir"},
        {"ftps://host/%2fdir", NULL, "host", 0, "/dir"},
        {"ftps://host//", NULL, "host", 0, "/"},
        {"ftps://host///a//b/./c", NULL, "host", 0, "/a/b/c"},
        {"ftps://host/a/../b", NULL, "host", 0, "a/../b"},
        {"ftps://host/with%20blank", NULL, "host", 0, "with blank"},
        {"ftps://host/with blank", NULL, "host", 0, "with blank"},
        {"ftps://host:990/a@b:c", NULL, "host", 990, "a@b:c"},
        {"ftps://host/~/x", NULL, "host", 0, "~/x"},
        {"ftps://host/%C3%A4", NULL, "host", 0, "\xc3\xa4"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_remote_path(void)
{
    static const Good cases[] = {
        {"host:", NULL, "host", 0, ""},
        {"host:/", NULL, "host", 0, "/"},
        {"host:/dir", NULL, "host", 0, "/dir"},
        {"user@host:/dir@x", "user", "host", 0, "/dir@x"},
        {"host:dir/sub", NULL, "host", 0, "dir/sub"},
        {"host:./2024", NULL, "host", 0, "2024"},
        {"host:2024.d", NULL, "host", 0, "2024.d"},
        {"host:./a@b", NULL, "host", 0, "a@b"},
        {"host:~", NULL, "host", 0, ""},
        {"host:~/dir", NULL, "host", 0, "dir"},
        {"host:~//dir", NULL, "host", 0, "dir"},
        {"host:/100%", NULL, "host", 0, "/100%"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_users(void)
{
    static const Good cases[] = {
        {"ftps://me%40example.org@host/", "me@example.org", "host", 0, ""},
        {"ftps://me@example.org@host/", "me@example.org", "host", 0, ""},
        {"me@example.org@host:/d", "me@example.org", "host", 0, "/d"},
        {"ftps://a%3Ab@host/", "a:b", "host", 0, ""},
        {"DOM\\me@host", "DOM\\me", "host", 0, ""},
        {"50%@host:/", "50%", "host", 0, "/"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_fstab(void)
{
    static const Good cases[] = {
        {"ftpsfs#host", NULL, "host", 0, ""},
        {"ftpsfs#ftps://u@host:1/d", "u", "host", 1, "d"},
        {"ftpsfs#u@host:/d", "u", "host", 0, "/d"},
    };
    check(cases, G_N_ELEMENTS(cases));
}

static void test_password(void)
{
    static const char *const texts[] = {
        "ftps://user:s3cret@host/",     "user:s3cret@host",        "user:s3cret@host:/dir",
        "ftps://user:s3cret@[::1]/",    "ftps://:s3cret@host/",    "ftps://user:s3cret/x@host/",
        "user:s3cret/x@host",           "user:s3cret@x@host/dir",  "ftpsfs#user:s3cret@host:990/d",
        "ftps://user:99s3cret/x@host/", "ftps://a@b:s3cret@host/",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Source) source = source_parse(texts[i], &error);
        g_test_message("%s", texts[i]);
        g_assert_null(source);
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "password"));
        g_assert_null(strstr(error->message, "s3cret"));
    }
}

static void test_refused(void)
{
    refuse("ftp://host/", "not encrypted");
    refuse("FTP://user@host/", "not encrypted");
    refuse("ftpes://host/", "-o explicit");
    refuse("sftp://host/", "sftp://");
    refuse("", "no host");
    refuse("ftps://", "no host");
    refuse("ftps:///dir", "no host");
    refuse("/srv/data", "no host");
    refuse(":/dir", "no host");
    refuse("user@", "no host");
    refuse("user@:990", "no host");
    refuse("@host", "empty user");
    refuse("[]", "no host");
    refuse("[::1", "]");
    refuse("[::1]x", "]");
    refuse("[192.0.2.1]", "no IPv6");
    refuse("[fe80::1%]", "no IPv6");
    refuse("::1", "brackets");
    refuse("\xcd\x8f", "no host name");
    refuse("2001:db8::1", "brackets");
    refuse("ftps://2001:db8::1/dir", "brackets");
    refuse("ho st", "no host name");
    refuse("-host", "no host name");
    refuse("ftps://ho%73t/", "no host name");
}

static void test_ports(void)
{
    refuse("host:0", "1 to 65535");
    refuse("host:65536", "1 to 65535");
    refuse("host:99999999999999999999", "1 to 65535");
    refuse("ftps://host:99x/", "port");
    refuse("ftps://host:-1/", "port");
}

static void test_escapes(void)
{
    refuse("ftps://host/%", "escape");
    refuse("ftps://host/%4", "escape");
    refuse("ftps://host/%zz", "escape");
    refuse("ftps://%@host/", "escape");
    refuse("ftps://host/%00", "escape");
    refuse("ftps://host/a%0Ab", "control");
    refuse("ftps://host/a%0dSITE", "control");
    refuse("ftps://u%0d@host/", "control");
    refuse("host/a\nb", "control");
    refuse("host:/a\rb", "control");
    refuse("ftps://host/%ff", "UTF-8");
    refuse("host:/\xff", "UTF-8");
}

static void test_text(void)
{
    static const struct {
        const char *text;
        const char *canonical;
    } cases[] = {
        {"host", "ftps://host/"},
        {"user@host:990/dir", "ftps://user@host/dir"},
        {"host:21", "ftps://host:21/"},
        {"user@host:/dir", "ftps://user@host//dir"},
        {"ftps://host/%2F", "ftps://host//"},
        {"me@x.org@host:a,b c", "ftps://me%40x.org@host/a%2Cb%20c"},
        {"[fe80::1%eth0]:1", "ftps://[fe80::1%25eth0]:1/"},
        {"ftps://a%3Ab@host/50%25", "ftps://a%3Ab@host/50%25"},
        {"host:\xc3\xa4", "ftps://host/\xc3\xa4"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Source) source = source_parse(cases[i].text, &error);
        g_assert_no_error(error);
        g_autofree char *text = source_to_string(source);
        g_assert_cmpstr(text, ==, cases[i].canonical);

        g_autoptr(Source) again = source_parse(text, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(again->user, ==, source->user);
        g_assert_cmpstr(again->host, ==, source->host);
        g_assert_cmpstr(again->directory, ==, source->directory);
    }
}

/* What turns the direction of text, or passes for a quote or a blank, does not in a question. */
static void test_shown(void)
{
    g_autoptr(Source) turned = source_parse("ftps://a%E2%80%AEb@host/c%E2%81%A6d", NULL);
    g_autofree char *text = source_to_string(turned);
    g_assert_cmpstr(text, ==, "ftps://a%E2%80%AEb@host/c%E2%81%A6d");
    g_autofree char *user = source_escape("J\xc3\xb6rg.ann+x@y \"<\\\xe2\x80\xae");
    g_assert_cmpstr(user, ==, "J\xc3\xb6rg.ann+x@y%20%22%3C%5C%E2%80%AE");
    refuse("ftps://a%C2%9Bb@host/", "control characters");
    refuse("ftps://host/a\xc2\x9b"
           "b",
           "control characters");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/source/host and port are found in every spelling", test_hosts);
    g_test_add_func(
        "/source/a URL's directory is below the login directory, or absolute with two slashes",
        test_directories);
    g_test_add_func("/source/host:dir is read as sshfs reads it", test_remote_path);
    g_test_add_func("/source/a user name may hold an at sign or escapes", test_users);
    g_test_add_func("/source/the fstab prefix is skipped", test_fstab);
    g_test_add_func("/source/a password is refused and not repeated", test_password);
    g_test_add_func("/source/what is no source is refused with the reason", test_refused);
    g_test_add_func("/source/a port out of range is refused", test_ports);
    g_test_add_func("/source/bad escapes and line ends are refused", test_escapes);
    g_test_add_func("/source/the canonical text leads back to the same source", test_text);
    g_test_add_func("/source/what is shown can't pass for another", test_shown);
    return g_test_run();
}
