/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a command line, as they come by hand, from fstab and from mount(8). */
#include "config_fixture.h"

#include <string.h>

#include "config/options.h"
#include "ftpsfs/util/error.h"

static void test_positions(ConfigFixture *fixture, gconstpointer data)
{
    (void)data;
    static const char *const lines[] = {
        "user@host:991/dir mnt -o ro,timeout=7",
        "-o ro,timeout=7 user@host:991/dir mnt",
        "user@host:991/dir -o ro mnt -o timeout=7",
        "user@host:991/dir mnt -r -otimeout=7",
        "-rotimeout=7 -- user@host:991/dir mnt",
        "-o timeout=9 user@host:991/dir mnt -o ,rw,,ro,timeout=7,",
        "-o port=991,user=user host/dir mnt -o ro,timeout=7",
    };
    g_autofree char *mountpoint = g_canonicalize_filename("mnt", fixture->directory);
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(MountConfig) config = parse_good(lines[i]);
        g_assert_cmpint(config->action, ==, CONFIG_MOUNT);
        g_assert_cmpstr(config->source->user, ==, "user");
        g_assert_cmpstr(config->source->host, ==, "host");
        g_assert_cmpuint(config->source->port, ==, 991);
        g_assert_cmpstr(config->source->directory, ==, "dir");
        g_assert_cmpstr(config->mountpoint, ==, mountpoint);
        g_assert_true(config->read_only);
        g_assert_true(has_fuse_option(config, "ro"));
        g_assert_cmpuint(config->timeout_s, ==, 7);
        g_assert_false(config->foreground);
    }
    g_autoptr(MountConfig) debug = parse_good("-d host mnt");
    g_assert_true(debug->debug && debug->foreground);
    g_autoptr(MountConfig) foreground = parse_good("host -f mnt");
    g_assert_true(foreground->foreground && !foreground->debug);
}

static void test_mount_words(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) config =
        parse_options("rw,dev,suid,noexec,noatime,sync,dirsync,allow_other,auto_unmount,"
                      "max_read=65536,no_default_permissions,fsname=a\\,b,subtype=x");
    static const char *const wanted[] = {
        "noexec",         "noatime",    "sync",      "dirsync", "allow_other", "auto_unmount",
        "max_read=65536", "fsname=a,b", "subtype=x", "nosuid",  "nodev"};
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_assert_true(has_fuse_option(config, wanted[i]));
    g_assert_cmpuint(config->fuse_options->len, ==, G_N_ELEMENTS(wanted));
    g_assert_false(config->read_only);

    g_autoptr(MountConfig) root = parse_options("allow_root,ro");
    g_assert_true(has_fuse_option(root, "allow_root") && has_fuse_option(root, "ro"));
    refuse_option("allow_root,allow_other", "exclude");
}

static void test_fstab_words(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) config =
        parse_options("defaults,_netdev,nofail,auto,noauto,user,users,nouser,owner,group,"
                      "x-systemd.automount,x-systemd.idle-timeout=60,X-mount.mkdir=0700,"
                      "comment=hello,relatime,nodiratime,x-gvfs-show");
    g_assert_cmpuint(config->fuse_options->len, ==, 5);
    g_assert_null(config->source->user);
}

static void test_escapes(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) config = parse_options("fsname=a\\,b\\\\\\,c,user=DOM\\me,subtype=x=y");
    g_assert_true(has_fuse_option(config, "fsname=a,b\\,c"));
    g_assert_true(has_fuse_option(config, "subtype=x=y"));
    g_assert_cmpstr(config->source->user, ==, "DOM\\me");
    refuse_option("user=a\nb", "control");
}

static void test_unknown(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    refuse_option("conections=4", "did you mean connections?");
    refuse_option("read_ahead=4M", "did you mean readahead?");
    refuse_option("allowother", "did you mean allow_other?");
    refuse_option("tls-verify=no", "did you mean tls_verify?");
    refuse_option("gibberish", "-o gibberish");
    refuse_option("gibberish", "--help");
    refuse_option("=x", "unknown option");
    refuse("host mnt -x", "-x");
    refuse("host mnt --frobnicate=value", "--frobnicate");
    refuse("host mnt -o", "-o needs");
    g_assert_null(options_nearest("zzzzzz"));
}

static void test_password(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    static const char *const lines[] = {
        "user:s3cret@host mnt",          "ftps://user:s3cret@host/ mnt",
        "host mnt -o password=s3cret",   "host mnt -o ro,pass=s3cret,x",
        "host mnt -opasswd=s3cret",      "host mnt --password=s3cret",
        "host mnt -o pasword=s3cret",    "host mnt -o password=s3cret\\,more",
        "host mnt -o passphrase=s3cret",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(MountConfig) config = parse(lines[i], &error);
        g_assert_null(config);
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
        g_assert_null(strstr(error->message, "s3cret"));
    }
    refuse("host mnt -o password=s3cret", "process list");
    refuse("host mnt -o password=s3cret", "credentials=FILE");
    refuse("user:s3cret@host mnt", "process list");
}

static void test_missing_words(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    refuse("", "what to mount is missing");
    refuse("host", "the mountpoint is missing");
    refuse("host mnt third", "too many");
    refuse("ftp://host mnt", "not encrypted");
}

static void test_actions(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    static const struct {
        const char *words;
        ConfigAction action;
    } cases[] = {
        {"-h", CONFIG_HELP},    {"--help", CONFIG_HELP},       {"host -fh", CONFIG_HELP},
        {"-V", CONFIG_VERSION}, {"--version", CONFIG_VERSION}, {"-h --nonsense", CONFIG_HELP},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(MountConfig) config = parse_good(cases[i].words);
        g_assert_cmpint(config->action, ==, cases[i].action);
    }
}

/* As mount(8) would call the helper. */
static MountConfig *parse_helper(const char *words, GError **error)
{
    g_autofree char *line = g_strdup_printf("/sbin/mount.ftpsfs %s", words);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    return config_parse((int)g_strv_length(argv), argv, error);
}

static void test_helper(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autoptr(MountConfig) config = parse_helper(
        "ftps://ann@host/dir mnt -n -v -o rw,noexec,user,_netdev,port=1 -t ftpsfs", &error);
    g_assert_no_error(error);
    g_assert_true(config->helper && config->verbose);
    g_assert_false(config->fake || config->foreground || config->read_only);
    g_assert_cmpstr(config->source->user, ==, "ann");
    g_assert_cmpuint(config->source->port, ==, 1);
    g_assert_true(has_fuse_option(config, "noexec"));
    g_clear_pointer(&config, config_free);

    config = parse_helper("host mnt -fr", &error);
    g_assert_no_error(error);
    g_assert_true(config->fake && config->read_only);
    g_assert_false(config->foreground);
    g_clear_pointer(&config, config_free);

    g_assert_null(parse_helper("host mnt -o no-such-word", &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
    g_clear_error(&error);
    config = parse_helper("host mnt -o no-such-word,ro -s", &error);
    g_assert_no_error(error);
    g_assert_true(config->read_only);
    g_assert_null(parse_helper("host mnt -N /proc/1/ns/mnt", &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
}

static void test_remount(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    refuse_option("remount", "unmount it and mount again");
    refuse_option("ro,remount", "unmount it and mount again");
}

int main(int argc, char **argv)
{
    config_clear_environment();
    g_test_init(&argc, &argv, NULL);
#define TEST(path, function)                                                                       \
    g_test_add(path, ConfigFixture, NULL, config_setup, function, config_teardown)
    TEST("/command_line/options may stand before, between and after the positionals",
         test_positions);
    TEST("/command_line/mount options are handed to libfuse", test_mount_words);
    TEST("/command_line/fstab words are ignored", test_fstab_words);
    TEST("/command_line/a comma in a value is escaped", test_escapes);
    TEST("/command_line/an unknown option is named and the nearest offered", test_unknown);
    TEST("/command_line/a password on the command line is refused and not repeated", test_password);
    TEST("/command_line/source and mountpoint must both be there", test_missing_words);
    TEST("/command_line/help and version ask for nothing else", test_actions);
    TEST("/command_line/as mount.ftpsfs it speaks mount's language", test_helper);
    TEST("/command_line/a remount is refused with what to do", test_remount);
#undef TEST
    return g_test_run();
}
