/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_fixture.h"

#include <glib/gstdio.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/options.h"
#include "ftpsfs/ftp/deflate.h"
#include "ftpsfs/util/error.h"

#define PIN_A "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PIN_B "sha256//BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void test_defaults(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) config = parse_good("host mnt");
    g_assert_null(config->source->user);
    g_assert_cmpuint(config->source->port, ==, SOURCE_PORT_IMPLICIT);
    g_assert_false(config->read_only || config->explicit_tls || config->password_stdin);
    g_assert_cmpuint(config->connections, ==, 8);
    g_assert_cmpuint(config->timeout_s, ==, 30);
    g_assert_cmpuint(config->exact_max, ==, 10000);
    g_assert_cmpuint(config->keepalive_s, ==, 60);
    g_assert_cmpuint(config->idle_timeout_s, ==, 300);
    g_assert_cmpuint(config->dir_cache_timeout_s, ==, 20);
    g_assert_cmpuint(config->cache_size, ==, 256 << 20);
    g_assert_cmpuint(config->readahead, ==, 32 << 20);
    g_assert_cmpint(config->verify, ==, TRUST_VERIFY_FULL);
    g_assert_cmpint(config->tls_min, ==, TRUST_TLS_1_2);
    g_assert_null(config->codepage);
    g_assert_null(config->ca_file);
    g_assert_null(config->pins);
    g_assert_cmpstr(config->spool_dir, ==, "/var/tmp");
    g_assert_true(g_str_has_suffix(config->known_hosts, "/ftpsfs/known_hosts"));
    g_assert_true(g_path_is_absolute(config->known_hosts));
    g_assert_true(g_str_has_suffix(config->rescue_dir, "/ftpsfs/lost"));
    g_assert_null(config->stats_file);
    g_assert_false(config->have_uid || config->have_gid);
    g_assert_cmpuint(config->umask_files, ==, 0);
    g_assert_cmpuint(config->umask_dirs, ==, 0);
    g_assert_true(has_fuse_option(config, "default_permissions"));
    g_assert_true(has_fuse_option(config, "fsname=ftps://host/"));
    g_assert_true(has_fuse_option(config, "subtype=ftpsfs"));
    g_assert_cmpuint(config->fuse_options->len, ==, 5);
}

static void test_server(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) config =
        parse_options("explicit,connections=64,timeout=3600,keepalive=0,idle_timeout=86400,"
                      "codepage=CP1252,user=me@x.org,dir_cache_timeout=0");
    g_assert_true(config->explicit_tls);
    g_assert_cmpuint(config->source->port, ==, SOURCE_PORT_EXPLICIT);
    g_assert_cmpstr(config->source->user, ==, "me@x.org");
    g_assert_cmpuint(config->connections, ==, 64);
    g_assert_cmpuint(config->timeout_s, ==, 3600);
    g_assert_cmpuint(config->keepalive_s, ==, 0);
    g_assert_cmpuint(config->idle_timeout_s, ==, 86400);
    g_assert_cmpuint(config->dir_cache_timeout_s, ==, 0);
    g_assert_cmpstr(config->codepage, ==, "CP1252");

    refuse("-o user=you me@host mnt", "user");
    refuse("-o port=991 host:990 mnt", "port");
    refuse_option("codepage=no-such-encoding", "iconv -l");
}

static void test_commands(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) none = parse_options("ftp_init=;;");
    g_assert_null(none->init_commands);
    g_autoptr(MountConfig) some = parse_options("ftp_init=noop;;SYST;,ftp_host=files.example.org");
    static const char *const commands[] = {"noop", "SYST", NULL};
    g_assert_true(g_strv_equal((const char *const *)some->init_commands, commands));
    g_assert_cmpstr(some->virtual_host, ==, "files.example.org");
    static const char *const refused[] = {"CCC",  "prot", "Quit", "USER", "pass", "TYPE",
                                          "RETR", "EPSV", "PORT", "REIN", "MODE", "AUTH"};
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *option = g_strdup_printf("ftp_init=NOOP;%s", refused[i]);
        g_autofree char *upper = g_ascii_strup(refused[i], -1);
        refuse_option(option, upper);
    }
    refuse_option("ftp_init=S1TE", "no FTP command");
    refuse_option("ftp_init=-a", "no FTP command");
    refuse_option("ftp_init=NOOP\r\nDELE", "control");
    refuse_option("ftp_init", "ftp_init=COMMANDS");
}

static void test_compress(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) off = parse_options("ro");
    g_assert_false(off->compress);
    if (deflate_version() == NULL) {
        refuse_option("compress", "built without zlib");
        return;
    }
    g_autoptr(MountConfig) on = parse_options("compress");
    g_assert_true(on->compress);
}

static void test_active(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) any = parse_options("active");
    g_assert_true(any->active);
    g_assert_cmpuint(any->active_first, ==, 0);
    g_autoptr(MountConfig) some = parse_options("active,active_ports=50000-50002,connections=8");
    g_assert_cmpuint(some->active_first, ==, 50000);
    g_assert_cmpuint(some->active_last, ==, 50002);
    g_assert_cmpuint(some->connections, ==, 3);
    g_autoptr(MountConfig) one = parse_options("active,active_ports=50000");
    g_assert_cmpuint(one->active_last, ==, 50000);
    refuse_option("active_ports=50000-50002", "active");
    static const char *const bad[] = {"80-90", "50002-50000", "50000-70000", "-", "a-b", "1-2-3"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *option = g_strdup_printf("active,active_ports=%s", bad[i]);
        refuse_option(option, "50000-50100");
    }
}

static void test_priority(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) config = parse_options("tls_priority=NORMAL:-VERS-TLS1.2");
    g_assert_cmpstr(config->priority, ==, "NORMAL:-VERS-TLS1.2");
    refuse_option("tls_priority=NORMAL:+NO-SUCH", "priority string");
    refuse_option("tls_priority=NORMAL:-VERS-TLS1.3,tls_min=1.3", "TLS 1.3");
}

static void test_policy(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    for (guint i = 0; i < TRUST_POLICIES; i++) {
        g_autofree char *option =
            g_strdup_printf("tls_policy=%s", trust_policy_name((TrustPolicy)i));
        g_autoptr(MountConfig) config = parse_options(option);
        g_assert_cmpint(config->policy, ==, i);
    }
    g_autoptr(MountConfig) config = parse_options("ro");
    g_assert_cmpint(config->policy, ==, TRUST_POLICY_MODERN);
    refuse_option("tls_policy=weak", "modern");
}

static void test_trust(ConfigFixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *file = g_build_filename(fixture->directory, "file", NULL);
    g_autofree char *full = g_build_filename(fixture->directory, "full", NULL);
    g_autoptr(MountConfig) config =
        parse_options("tls_verify=tofu,tls_min=1.3,cafile=file,capath=./full/,crlfile=mnt/../file,"
                      "cert=file,key=pkcs11:object=key,tls_priority=SECURE128:-VERS-TLS1.0,"
                      "tls_pin=" PIN_A ",tls_pin=" PIN_B);
    g_assert_cmpint(config->verify, ==, TRUST_VERIFY_TOFU);
    g_assert_cmpint(config->tls_min, ==, TRUST_TLS_1_3);
    g_assert_cmpstr(config->ca_file, ==, file);
    g_assert_cmpstr(config->ca_path, ==, full);
    g_assert_cmpstr(config->crl_file, ==, file);
    g_assert_cmpstr(config->cert, ==, file);
    g_assert_cmpstr(config->key, ==, "pkcs11:object=key");
    g_assert_cmpstr(config->priority, ==, "SECURE128:-VERS-TLS1.0");
    g_assert_cmpuint(config->pins->len, ==, 3);
    g_assert_cmpstr(config->pins->pdata[0], ==, PIN_A);
    g_assert_cmpstr(config->pins->pdata[1], ==, PIN_B);
    g_assert_null(config->pins->pdata[2]);

    g_autoptr(MountConfig) none = parse_options("tls_verify=no");
    g_assert_cmpint(none->verify, ==, TRUST_VERIFY_NONE);
    refuse_option("tls_verify=maybe", "yes|tofu|no");
    refuse_option("tls_min=1.1", "1.2|1.3");
    refuse_option("key=file", "-o cert");
    refuse_option("tls_pin=sha256//AAAA", "sha256//BASE64");
    refuse_option("tls_pin=sha1//AAAA", "sha256//BASE64");
}

static void test_files(ConfigFixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *file = g_build_filename(fixture->directory, "file", NULL);
    g_autofree char *full = g_build_filename(fixture->directory, "full", NULL);
    g_autofree char *stats = g_build_filename(full, "stats.json", NULL);
    g_autoptr(MountConfig) config =
        parse_options("credentials=file,password_stdin,spool_dir=full,stats=full/stats.json");
    g_assert_cmpstr(config->credentials_file, ==, file);
    g_assert_true(config->password_stdin);
    g_assert_cmpstr(config->spool_dir, ==, full);
    g_assert_cmpstr(config->stats_file, ==, stats);

    g_setenv("TMPDIR", "full", TRUE);
    g_autoptr(MountConfig) temporary = parse_good("host mnt");
    g_assert_cmpstr(temporary->spool_dir, ==, full);
    g_unsetenv("TMPDIR");

    refuse_option("cafile=missing", "missing");
    refuse_option("credentials=full", "directory");
    refuse_option("capath=file", "not a directory");
    refuse_option("spool_dir=missing", "missing");
    refuse_option("stats=missing/stats.json", "missing");
}

static void test_sizes(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) units = parse_options("cache_size=2G,readahead=512k");
    g_assert_cmpuint(units->cache_size, ==, G_GUINT64_CONSTANT(2) << 30);
    g_assert_cmpuint(units->readahead, ==, 512 << 10);
    g_autoptr(MountConfig) small = parse_options("cache_size=2097152");
    g_assert_cmpuint(small->cache_size, ==, 2 << 20);
    g_assert_cmpuint(small->readahead, ==, 2 << 20);

    static const char *const sizes[] = {
        "", "x", "M", "1MB", "1.5G", "-1", "1 ", "0x10", "1023K", "2000G", "18446744073709551615T"};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *option = g_strdup_printf("cache_size=%s", sizes[i]);
        g_auto(OptionState) state;
        g_autoptr(GError) error = NULL;
        options_init(&state);
        g_assert_false(options_read(&state, option, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "cache_size"));
        g_assert_cmpuint(state.config.cache_size, ==, 256 << 20);
    }
}

static void test_ownership(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autoptr(MountConfig) numbers = parse_options("uid=1234,gid=4321,umask=027,fmask=0137");
    g_assert_true(numbers->have_uid && numbers->have_gid);
    g_assert_cmpuint(numbers->uid, ==, 1234);
    g_assert_cmpuint(numbers->gid, ==, 4321);
    g_assert_cmpuint(numbers->umask_files, ==, 0137);
    g_assert_cmpuint(numbers->umask_dirs, ==, 027);
    g_autoptr(MountConfig) names = parse_options("uid=root,gid=root,dmask=77");
    g_assert_true(names->have_uid && names->have_gid);
    g_assert_cmpuint(names->uid, ==, 0);
    g_assert_cmpuint(names->gid, ==, 0);
    g_assert_cmpuint(names->umask_files, ==, 0);
    g_assert_cmpuint(names->umask_dirs, ==, 077);

    refuse_option("uid=no-such-user", "no such user");
    refuse_option("gid=no-such-group", "no such group");
    refuse_option("uid=4294967295", "no such user");
    refuse_option("umask=8", "octal");
    refuse_option("fmask=1777", "octal");
}

static void test_ranges(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    refuse_option("connections=0", "1 to 64");
    refuse_option("connections=65", "1 to 64");
    refuse_option("connections=-1", "1 to 64");
    refuse_option("connections=four", "1 to 64");
    refuse_option("timeout=0", "1 to 3600");
    refuse_option("timeout=3601", "1 to 3600");
    refuse_option("port=0", "1 to 65535");
    refuse_option("port=65536", "1 to 65535");
    refuse_option("keepalive=86401", "0 to 86400");
    refuse_option("max_read=4294967296", "bytes");
    refuse_option("connections", "connections=N");
    refuse_option("connections=", "connections=N");
    refuse_option("cafile=", "cafile=FILE");
    refuse_option("explicit=yes", "no value");
    refuse_option("allow_other=1", "no value");
}

static void test_mountpoint(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    refuse("host missing", "missing does not exist: make it with mkdir");
    refuse("host file", "not a directory");
    refuse("host file/sub", "not a directory");
    refuse("host full", "not empty");
    g_autoptr(MountConfig) hidden = parse_good("host full -o nonempty");
    g_assert_true(g_str_has_suffix(hidden->mountpoint, "/full"));
    g_autoptr(MountConfig) dotted = parse_good("host ./full/../mnt/ -f");
    g_assert_true(g_str_has_suffix(dotted->mountpoint, "/mnt"));
    g_assert_cmpint(dotted->mountpoint[0], ==, '/');
    g_autoptr(MountConfig) passed = parse_good("host /dev/fd/7");
    g_assert_cmpstr(passed->mountpoint, ==, "/dev/fd/7");
    g_assert_false(mountpoint_is_passed(dotted) || dotted->mountpoint_fd < 0);
    g_assert_true(mountpoint_is_passed(passed) && passed->mountpoint_fd < 0);
}

/* mount.fuse3 mounts with the words that it hands on, the last of two being what counts for it. */
static void test_told_safe(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    static const struct {
        const char *options;
        gboolean safe;
    } cases[] = {
        {"ro", FALSE},
        {"nosuid", FALSE},
        {"nodev", FALSE},
        {"nosuid,nodev", TRUE},
        {"nosuid,nodev,suid", FALSE},
        {"dev,nosuid,nodev", FALSE},
        {"nosuid,nodev,dev,suid", FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *words = g_strdup_printf("host /dev/fd/7 -o %s", cases[i].options);
        g_autoptr(MountConfig) config = parse_good(words);
        g_assert_cmpint(config->told_safe, ==, cases[i].safe);
        /* The mount itself is safe whatever they are. */
        g_assert_true(has_fuse_option(config, "nosuid") && has_fuse_option(config, "nodev"));
        g_assert_false(has_fuse_option(config, "suid") || has_fuse_option(config, "dev"));
    }
}

static void test_help(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_autofree char *help = config_help();
    g_autoptr(GRegex) blanks = g_regex_new("\\s+", 0, 0, NULL);
    g_autofree char *joined = g_regex_replace_literal(blanks, help, -1, 0, " ", 0, NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; i < count; i++) {
        g_assert_nonnull(strstr(help, table[i].name));
        if (table[i].help == NULL)
            continue;
        g_assert_true(g_hash_table_add(seen, (gpointer)table[i].name));
        g_assert_nonnull(options_default(&table[i]));
        g_assert_nonnull(strstr(joined, options_default(&table[i])));
    }
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_assert_cmpuint(strlen(*line), <=, 80);
        g_assert_false(g_str_has_suffix(*line, " "));
    }
}

/* "mount -a" finds a line of fstab again by what the mount table shows. */
static void test_shown_source(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    static const char *const shown[][2] = {
        {"ftps://ann@host mnt", "fsname=ftps://ann@host"},
        {"ftps://ann@host:990/a/ mnt", "fsname=ftps://ann@host:990/a/"},
        {"ftps://host/a mnt -o user=ann", "fsname=ftps://ann@host/a"},
        {"ftps://host/a mnt -o port=99", "fsname=ftps://host:99/a"},
        {"ann@host:/a mnt", "fsname=ftps://ann@host//a"},
        {"ftpsfs#ann@host:a mnt", "fsname=ftps://ann@host/a"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
        g_autoptr(MountConfig) config = parse_good(shown[i][0]);
        g_autofree char *all = NULL;
        for (guint j = 0; j < config->fuse_options->len; j++)
            if (g_str_has_prefix(config->fuse_options->pdata[j], "fsname="))
                all = g_strdup(config->fuse_options->pdata[j]);
        g_assert_cmpstr(all, ==, shown[i][1]);
    }
}

static void test_setuid(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    refuse_option("setuid=no-such-user", "no such user");
    if (geteuid() != 0) {
        refuse_option("setuid=root", "is for root");
        return;
    }
    refuse_option("setuid=daemon", "the mountpoint mnt belongs to root, and -o setuid=daemon");
    const struct passwd *user = getpwnam("daemon");
    g_assert_cmpint(chown("mnt", user->pw_uid, user->pw_gid), ==, 0);
    g_autoptr(MountConfig) config = parse_options("setuid=daemon");
    g_assert_cmpstr(config->setuid_name, ==, "daemon");
    g_assert_cmpuint(config->uid, ==, config->setuid_uid);
    g_assert_cmpuint(config->gid, ==, config->setuid_gid);
    g_assert_true(g_str_has_suffix(config->known_hosts, "/.local/share/ftpsfs/known_hosts"));
    g_autoptr(MountConfig) other = parse_options("setuid=daemon,uid=7");
    g_assert_cmpuint(other->uid, ==, 7);
    g_assert_cmpuint(other->gid, ==, other->setuid_gid);
}

static void test_state(ConfigFixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    g_setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", TRUE);
    g_autoptr(MountConfig) config = parse_options("idmap=names,no_sandbox");
    g_unsetenv("STATE_DIRECTORY");
    g_assert_cmpstr(config->known_hosts, ==, "/var/lib/a/known_hosts");
    g_assert_cmpstr(config->rescue_dir, ==, "/var/lib/a/lost");
    g_assert_cmpint(config->idmap, ==, CONFIG_IDMAP_NAMES);
    g_assert_false(config->sandbox);
}

static void test_symlinks(ConfigFixture *fixture, gconstpointer data)
{
    static const struct {
        const char *options;
        ConfigSymlinks symlinks;
    } cases[] = {
        {"ro", CONFIG_SYMLINKS_INSIDE},
        {"symlinks=inside", CONFIG_SYMLINKS_INSIDE},
        {"symlinks=all", CONFIG_SYMLINKS_ALL},
        {"symlinks=none", CONFIG_SYMLINKS_NONE},
        {"nosymfollow", CONFIG_SYMLINKS_NONE},
        {"nosymfollow,symlinks=all", CONFIG_SYMLINKS_NONE},
        {"nosymfollow,symfollow", CONFIG_SYMLINKS_INSIDE},
        {"symlinks=all,symfollow", CONFIG_SYMLINKS_ALL},
        {"symlinks=none,symfollow", CONFIG_SYMLINKS_NONE},
    };
    (void)fixture;
    (void)data;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(MountConfig) config = parse_options(cases[i].options);
        g_assert_cmpint(config->symlinks, ==, cases[i].symlinks);
    }
}

int main(int argc, char **argv)
{
    config_clear_environment();
    g_test_init(&argc, &argv, NULL);
#define TEST(path, function)                                                                       \
    g_test_add(path, ConfigFixture, NULL, config_setup, function, config_teardown)
    TEST("/config/commands to send after the login are read and checked", test_commands);
    TEST("/config/compression is off unless it is asked for", test_compress);
    TEST("/config/active mode's ports are a range, and bound the connections", test_active);
    TEST("/config/a priority string is checked", test_priority);
    TEST("/config/a policy string is checked", test_policy);
    TEST("/config/the defaults are those of the table", test_defaults);
    TEST("/config/server options arrive", test_server);
    TEST("/config/trust options arrive", test_trust);
    TEST("/config/file names are made absolute and must be there", test_files);
    TEST("/config/which links are followed is for the strictest word to say", test_symlinks);
    TEST("/config/sizes take units and have a range", test_sizes);
    TEST("/config/owners are names or numbers and masks are octal", test_ownership);
    TEST("/config/values out of range are refused with the range", test_ranges);
    TEST("/config/the mountpoint must be an empty directory", test_mountpoint);
    TEST("/config/a URL is shown as it was written, other sources as a URL", test_shown_source);
    TEST("/config/what an earlier mount was told", test_told_safe);
    TEST("/config/setuid= names who the mount is for", test_setuid);
    TEST("/config/the state directory is the service's where it has one", test_state);
    TEST("/config/the help text shows every option and default in 80 columns", test_help);
#undef TEST
    return g_test_run();
}
