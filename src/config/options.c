/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <string.h>

#define KIB         (G_GUINT64_CONSTANT(1) << 10)
#define MIB         (G_GUINT64_CONSTANT(1) << 20)
#define GIB         (G_GUINT64_CONSTANT(1) << 30)
#define DAY_S       86400
#define HELP_WIDTH  80
#define HELP_COLUMN 30

#define AT(field) offsetof(OptionState, field)

static const OptionSpec table[] = {
    {"user", OPTION_TEXT, OPTION_SECTION_SERVER, "NAME", AT(user), 0, 0, NULL, "from the source",
     "log in as NAME; for a name that is hard to write in the source"},
    {"port", OPTION_NUMBER, OPTION_SECTION_SERVER, "N", AT(port), 1, G_MAXUINT16, NULL,
     "990, or 21 with explicit", "port of the server"},
    {"explicit", OPTION_ON, OPTION_SECTION_SERVER, NULL, AT(config.explicit_tls), 0, 0, NULL, "off",
     "start TLS with AUTH TLS (RFC 4217) before the login, instead of with the first byte"},
    {"compress", OPTION_ON, OPTION_SECTION_SERVER, NULL, AT(config.compress), 0, 0, NULL, "off",
     "ask the server to compress the content and listings that it sends (MODE Z), if it can"},
    {"connections", OPTION_NUMBER, OPTION_SECTION_SERVER, "N", AT(config.connections), 1, 64, "8",
     NULL, "maximum number of control connections"},
    {"timeout", OPTION_NUMBER, OPTION_SECTION_SERVER, "SECONDS", AT(config.timeout_s), 1, 3600,
     "30", NULL, "give up a connection when the server makes no progress for this time"},
    {"keepalive", OPTION_NUMBER, OPTION_SECTION_SERVER, "SECONDS", AT(config.keepalive_s), 0, DAY_S,
     "60", NULL, "send NOOP on a connection that was idle for this time; 0 = never"},
    {"idle_timeout", OPTION_NUMBER, OPTION_SECTION_SERVER, "SECONDS", AT(config.idle_timeout_s), 0,
     DAY_S, "300", NULL, "close idle connections after this time, all but one; 0 = never"},
    {"codepage", OPTION_TEXT, OPTION_SECTION_SERVER, "NAME", AT(config.codepage), 0, 0, NULL,
     "UTF-8", "encoding of file names on the server, as iconv(1) names it"},
    {"server_tz", OPTION_TEXT, OPTION_SECTION_SERVER, "ZONE", AT(config.server_tz), 0, 0, NULL,
     "learned", "time zone of the server's LIST times: a name like Europe/Berlin, or +05:30"},
    {"active", OPTION_ON, OPTION_SECTION_SERVER, NULL, AT(config.active), 0, 0, NULL, "off",
     "active mode: the server connects back to this machine; for servers without passive mode"},
    {"active_ports", OPTION_TEXT, OPTION_SECTION_SERVER, "LOW-HIGH", AT(active_ports), 0, 0, NULL,
     "any", "local port range for active mode, to be opened in the firewall"},
    {"ftp_host", OPTION_TEXT, OPTION_SECTION_SERVER, "NAME", AT(config.virtual_host), 0, 0, NULL,
     "none", "ask for this virtual host (HOST, RFC 7151) before the login"},
    {"ftp_init", OPTION_TEXT, OPTION_SECTION_SERVER, "COMMANDS", AT(ftp_init), 0, 0, NULL, "none",
     "FTP commands to send after each login, separated by semicolons"},

    {"tls_verify", OPTION_CHOICE, OPTION_SECTION_TRUST, "yes|tofu|no", AT(config.verify), 0, 0,
     "yes", NULL,
     "yes = check certificate chain and host name; tofu = remember the key at first use and refuse "
     "any other; no = check nothing: anyone on the way can read and change everything"},
    {"tls_policy", OPTION_CHOICE, OPTION_SECTION_TRUST, "modern|legacy|strict|system|fips",
     AT(config.policy), 0, 0, "modern", NULL,
     "how strong TLS has to be; legacy = for servers that modern refuses; strict = 128 bits of "
     "strength; system = as this system is configured; fips = modern, with GnuTLS in FIPS mode"},
    {"tls_min", OPTION_CHOICE, OPTION_SECTION_TRUST, "1.2|1.3", AT(config.tls_min), 0, 0, "1.2",
     NULL, "oldest TLS version to accept"},
    {"cafile", OPTION_FILE, OPTION_SECTION_TRUST, "FILE", AT(config.ca_file), 0, 0, NULL,
     "the system's CAs", "PEM file with the CAs to trust"},
    {"capath", OPTION_DIRECTORY, OPTION_SECTION_TRUST, "DIR", AT(config.ca_path), 0, 0, NULL,
     "the system's CAs", "directory of PEM files with the CAs to trust"},
    {"crlfile", OPTION_FILE, OPTION_SECTION_TRUST, "FILE", AT(config.crl_file), 0, 0, NULL, "none",
     "PEM file with lists of revoked certificates"},
    {"cert", OPTION_FILE, OPTION_SECTION_TRUST, "FILE", AT(config.cert), 0, 0, NULL, "none",
     "client certificate: PEM file or pkcs11: URL"},
    {"key", OPTION_FILE, OPTION_SECTION_TRUST, "FILE", AT(config.key), 0, 0, NULL,
     "the file of cert", "private key of the client certificate: PEM file or pkcs11: URL"},
    {"tls_priority", OPTION_TEXT, OPTION_SECTION_TRUST, "STRING", AT(config.priority), 0, 0, NULL,
     "that of tls_policy", "GnuTLS priority string, used instead of tls_policy"},
    {"tls_pin", OPTION_LIST, OPTION_SECTION_TRUST, "sha256//BASE64", AT(config.pins), 0, 0, NULL,
     "none",
     "accept only this public key (RFC 7469 form); for several keys, repeat the option or separate "
     "them by semicolons"},

    {"credentials", OPTION_FILE, OPTION_SECTION_CREDENTIALS, "FILE", AT(config.credentials_file), 0,
     0, NULL, "none", "file with username= and password= lines, readable only by its owner"},
    {"password_stdin", OPTION_ON, OPTION_SECTION_CREDENTIALS, NULL, AT(config.password_stdin), 0, 0,
     NULL, "off", "read the password from the first line of standard input"},
    {"password_command", OPTION_TEXT, OPTION_SECTION_CREDENTIALS, "COMMAND",
     AT(config.password_command), 0, 0, NULL, "none",
     "run COMMAND with sh(1) and read the password from the first line of its output"},
    {"link", OPTION_ON, OPTION_SECTION_CREDENTIALS, NULL, AT(config.link), 0, 0, NULL, "off",
     "the source comes from a link or from another user: use only passwords and certificates that "
     "are kept for its host"},

    {"dir_cache_timeout", OPTION_NUMBER, OPTION_SECTION_CACHE, "SECONDS",
     AT(config.dir_cache_timeout_s), 0, DAY_S, "20", NULL,
     "how long cached listings, attributes and \"no such file\" answers are used"},
    {"cache_size", OPTION_SIZE, OPTION_SECTION_CACHE, "SIZE", AT(config.cache_size), MIB,
     1024 * GIB, "256M", NULL, "memory limit for file content"},
    {"readahead", OPTION_SIZE, OPTION_SECTION_CACHE, "SIZE", AT(config.readahead), 0, 16 * GIB,
     "32M", NULL, "how far to read ahead of a program; never more than cache_size"},
    {"cache_dir", OPTION_DIRECTORY, OPTION_SECTION_CACHE, "DIR", AT(config.cache_dir), 0, 0, NULL,
     "none", "also keep file content that was read in DIR, for this and later mounts"},
    {"cache_disk_size", OPTION_SIZE, OPTION_SECTION_CACHE, "SIZE", AT(config.cache_disk_size), MIB,
     1024 * GIB, "4G", NULL, "disk space limit for cache_dir"},
    {"prefetch", OPTION_ON, OPTION_SECTION_CACHE, NULL, AT(config.prefetch), 0, 0, NULL, "on",
     "read ahead small files and folders that a program will probably open next; no_prefetch is "
     "the opposite"},
    {"no_prefetch", OPTION_OFF, OPTION_SECTION_CACHE, NULL, AT(config.prefetch), 0, 0, NULL, NULL,
     NULL},
    {"exact_times", OPTION_ON, OPTION_SECTION_CACHE, NULL, AT(config.exact_times), 0, 0, NULL, "on",
     "if listings have no seconds, ask the server for the exact time of each file in use; "
     "no_exact_times is the opposite"},
    {"no_exact_times", OPTION_OFF, OPTION_SECTION_CACHE, NULL, AT(config.exact_times), 0, 0, NULL,
     NULL, NULL},
    {"offline", OPTION_ON, OPTION_SECTION_CACHE, NULL, AT(config.offline), 0, 0, NULL, "off",
     "while the server is unreachable, show what is cached, however old"},
    {"exact_times_max", OPTION_NUMBER, OPTION_SECTION_CACHE, "N", AT(config.exact_max), 0,
     1000000000, "10000", NULL,
     "no exact_times in directories with more than N entries; 0 = no limit"},
    {"spool_dir", OPTION_DIRECTORY, OPTION_SECTION_CACHE, "DIR", AT(config.spool_dir), 0, 0, NULL,
     "$TMPDIR or /var/tmp", "where files being written are kept until the server has them"},
    {"atomic_upload", OPTION_ON, OPTION_SECTION_CACHE, NULL, AT(config.atomic_upload), 0, 0, NULL,
     "off", "upload new content under a hidden name, then rename it over the file"},
    {"writeback", OPTION_ON, OPTION_SECTION_CACHE, NULL, AT(config.writeback), 0, 0, NULL, "off",
     "close() returns when the file is on the local disk; it is uploaded in the background"},
    {"spool_size", OPTION_SIZE, OPTION_SECTION_CACHE, "SIZE", AT(config.spool_size), 0, 1024 * GIB,
     "0", NULL, "limit for local files being written; 0 = unlimited"},
    {"log_level", OPTION_CHOICE, OPTION_SECTION_CACHE, "error|warning|message|info|debug",
     AT(config.log_level), 0, 0, "message", NULL,
     "how much is logged; SIGUSR1 raises it while the mount runs"},
    {"trace", OPTION_OUTPUT, OPTION_SECTION_CACHE, "FILE", AT(config.trace_file), 0, 0, NULL,
     "none", "append all FTP commands and replies to FILE, without passwords"},
    {"stats", OPTION_OUTPUT, OPTION_SECTION_CACHE, "FILE", AT(config.stats_file), 0, 0, NULL,
     "none", "write counters as JSON to FILE: at the start, at SIGUSR2 and at the end"},

    {"uid", OPTION_USER, OPTION_SECTION_FILES, "USER", 0, 0, 0, NULL, "the mounting user",
     "owner shown for all files: name or number"},
    {"gid", OPTION_GROUP, OPTION_SECTION_FILES, "GROUP", 0, 0, 0, NULL, "the mounting user's",
     "group shown for all files: name or number"},
    {"umask", OPTION_MODE, OPTION_SECTION_FILES, "MODE", AT(umask), 0, 0777, NULL, "0",
     "permission bits to remove, in octal"},
    {"fmask", OPTION_MODE, OPTION_SECTION_FILES, "MODE", AT(fmask), 0, 0777, NULL, "umask",
     "the same for files only"},
    {"dmask", OPTION_MODE, OPTION_SECTION_FILES, "MODE", AT(dmask), 0, 0777, NULL, "umask",
     "the same for directories only"},

    {"idmap", OPTION_CHOICE, OPTION_SECTION_FILES, "none|user|names", AT(config.idmap), 0, 0,
     "user", NULL,
     "owner shown: user = the uid/gid above for every file; none = the server's numbers; names = "
     "match user names"},

    {"symlinks", OPTION_CHOICE, OPTION_SECTION_FILES, "inside|all|none", AT(config.symlinks), 0, 0,
     "inside", NULL,
     "symbolic links to follow: inside = those that stay in the mount; all = all, so that the "
     "server may lead programs to any file of this machine; none = no link"},

    {"ro", OPTION_ON, OPTION_SECTION_MOUNT, NULL, AT(config.read_only), 0, 0, NULL, "off",
     "mount read-only; rw is the opposite"},
    {"rw", OPTION_OFF, OPTION_SECTION_MOUNT, NULL, AT(config.read_only), 0, 0, NULL, NULL, NULL},
    {"allow_other", OPTION_MOUNT, OPTION_SECTION_MOUNT, NULL, 0, 0, 0, NULL, "off",
     "let other users use the mount; needs user_allow_other in /etc/fuse.conf unless root mounts"},
    {"allow_root", OPTION_MOUNT, OPTION_SECTION_MOUNT, NULL, 0, 0, 0, NULL, "off",
     "let root use the mount, but no other user"},
    {"default_permissions", OPTION_ON, OPTION_SECTION_MOUNT, NULL, AT(default_permissions), 0, 0,
     NULL, "on", "the kernel checks the permissions shown; no_default_permissions is the opposite"},
    {"no_default_permissions", OPTION_OFF, OPTION_SECTION_MOUNT, NULL, AT(default_permissions), 0,
     0, NULL, NULL, NULL},
    {"auto_unmount", OPTION_MOUNT, OPTION_SECTION_MOUNT, NULL, 0, 0, 0, NULL, "off",
     "unmount even when ftpsfs is killed"},
    {"nonempty", OPTION_ON, OPTION_SECTION_MOUNT, NULL, AT(nonempty), 0, 0, NULL, "off",
     "allow a mountpoint that holds files; the mount hides them"},
    {"nosymfollow", OPTION_ON, OPTION_SECTION_MOUNT, NULL, AT(config.nosymfollow), 0, 0, NULL,
     "off", "follow no symbolic link, like symlinks=none; symfollow is the opposite"},
    {"symfollow", OPTION_OFF, OPTION_SECTION_MOUNT, NULL, AT(config.nosymfollow), 0, 0, NULL, NULL,
     NULL},
    {"setuid", OPTION_ACCOUNT, OPTION_SECTION_MOUNT, "USER", 0, 0, 0, NULL, "off",
     "mount on behalf of USER and drop root before connecting"},
    {"sandbox", OPTION_ON, OPTION_SECTION_MOUNT, NULL, AT(config.sandbox), 0, 0, NULL, "on",
     "drop privileges, and access to files and system calls that are not needed; no_sandbox is the "
     "opposite"},
    {"no_sandbox", OPTION_OFF, OPTION_SECTION_MOUNT, NULL, AT(config.sandbox), 0, 0, NULL, NULL,
     NULL},
    {"fsname", OPTION_TEXT, OPTION_SECTION_MOUNT, "NAME", AT(fsname), 0, 0, NULL,
     "the source as a URL", "what mount(8) and df(1) show as the source"},
    {"subtype", OPTION_TEXT, OPTION_SECTION_MOUNT, "NAME", AT(subtype), 0, 0, NULL, "ftpsfs",
     "what mount(8) shows as the type, after \"fuse.\""},
    {"max_read", OPTION_MOUNT, OPTION_SECTION_MOUNT, "BYTES", 0, 0, G_MAXUINT32, NULL,
     "the kernel's", "largest single read that the kernel asks for"},
#define WORD(name, kind)                                                                           \
    {                                                                                              \
        name, kind, OPTION_SECTION_MOUNT, NULL, 0, 0, 0, NULL, NULL, NULL                          \
    }
    /* What libfuse knows from 3.10 on; it refuses the other generic words. */
    WORD("exec", OPTION_MOUNT),
    WORD("noexec", OPTION_MOUNT),
    WORD("atime", OPTION_MOUNT),
    WORD("noatime", OPTION_MOUNT),
    WORD("sync", OPTION_MOUNT),
    WORD("async", OPTION_MOUNT),
    WORD("dirsync", OPTION_MOUNT),
    /* nosuid and nodev are always in force. */
    WORD("dev", OPTION_IGNORED),
    WORD("nodev", OPTION_IGNORED),
    WORD("suid", OPTION_IGNORED),
    WORD("nosuid", OPTION_IGNORED),
    /* Access times don't come from the server, so these mean nothing here. */
    WORD("diratime", OPTION_IGNORED),
    WORD("nodiratime", OPTION_IGNORED),
    WORD("relatime", OPTION_IGNORED),
    WORD("norelatime", OPTION_IGNORED),
    WORD("strictatime", OPTION_IGNORED),
    WORD("nostrictatime", OPTION_IGNORED),
    WORD("lazytime", OPTION_IGNORED),
    WORD("nolazytime", OPTION_IGNORED),
    WORD("_netdev", OPTION_IGNORED),
    WORD("nofail", OPTION_IGNORED),
    WORD("auto", OPTION_IGNORED),
    WORD("noauto", OPTION_IGNORED),
    WORD("user", OPTION_IGNORED),
    WORD("users", OPTION_IGNORED),
    WORD("nouser", OPTION_IGNORED),
    WORD("owner", OPTION_IGNORED),
    WORD("group", OPTION_IGNORED),
    WORD("defaults", OPTION_IGNORED),
    WORD("comment", OPTION_IGNORED),
    WORD("x-*", OPTION_IGNORED),
    WORD("X-*", OPTION_IGNORED),
#undef WORD
};

static const char *const section_titles[OPTION_SECTIONS] = {
    "The server:",       "Whom to trust:",  "User and password:",
    "Caches and spool:", "How files look:", "The mount:",
};

const OptionSpec *options_table(gsize *count)
{
    *count = G_N_ELEMENTS(table);
    return table;
}

const OptionSpec *options_find(const char *name, gboolean with_value)
{
    const OptionSpec *found = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        const char *star = strchr(table[i].name, '*');
        if (star != NULL) {
            if (strncmp(name, table[i].name, (gsize)(star - table[i].name)) == 0)
                return &table[i];
        } else if (g_str_equal(name, table[i].name)) {
            if ((table[i].argument != NULL) == with_value)
                return &table[i];
            found = found == NULL ? &table[i] : found;
        }
    }
    return found;
}

/* How many letters must be put in, taken out or replaced to make `b` of `a` (Levenshtein). */
static guint distance(const char *a, const char *b)
{
    gsize width = strlen(b) + 1;
    g_autofree guint *row = g_new(guint, width);
    for (gsize j = 0; j < width; j++)
        row[j] = (guint)j;
    for (gsize i = 1; i <= strlen(a); i++) {
        guint diagonal = row[0];
        row[0] = (guint)i;
        for (gsize j = 1; j < width; j++) {
            guint replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = MIN(replace, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[width - 1];
}

const char *options_nearest(const char *name)
{
    const char *nearest = NULL;
    gsize length = strlen(name);
    guint best = length < 5 ? 2 : 3; /* must be less than this */
    if (length > 40)
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        guint d = strchr(table[i].name, '*') != NULL ? best : distance(name, table[i].name);
        if (d < best) {
            best = d;
            nearest = table[i].name;
        }
    }
    return nearest;
}

const char *options_default(const OptionSpec *spec)
{
    return spec->standard != NULL ? spec->standard : spec->unset;
}

/* Appends `text` from HELP_COLUMN on, broken between words. */
static void append_wrapped(GString *help, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    gsize column = HELP_COLUMN;
    for (char **word = words; *word != NULL; word++) {
        gsize length = strlen(*word);
        if (word == words) {
            g_string_append(help, *word);
            column += length;
        } else if (column + 1 + length > HELP_WIDTH) {
            g_string_append_printf(help, "\n%*s%s", HELP_COLUMN, "", *word);
            column = HELP_COLUMN + length;
        } else {
            g_string_append_printf(help, " %s", *word);
            column += length + 1;
        }
    }
    g_string_append_c(help, '\n');
}

static void append_option(GString *help, const OptionSpec *spec)
{
    g_autoptr(GString) text = g_string_new(spec->help);
    g_string_append(text, " (");
    if (spec->kind == OPTION_NUMBER)
        g_string_append_printf(text, "%u to %u, ", (guint)spec->min, (guint)spec->max);
    g_string_append_printf(text, "default: %s)", options_default(spec));
    g_autofree char *name = spec->argument == NULL
                                ? g_strdup_printf("  -o %s", spec->name)
                                : g_strdup_printf("  -o %s=%s", spec->name, spec->argument);
    if (strlen(name) < HELP_COLUMN - 1)
        g_string_append_printf(help, "%-*s", HELP_COLUMN, name);
    else
        g_string_append_printf(help, "%s\n%*s", name, HELP_COLUMN, "");
    append_wrapped(help, text->str);
}

static void append_words(GString *help, OptionKind kind, const char *title)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].kind == kind && table[i].help == NULL)
            g_string_append_printf(text, "%s%s", text->len == 0 ? "" : ", ", table[i].name);
    }
    g_string_append_printf(help, "%-*s", HELP_COLUMN, title);
    append_wrapped(help, text->str);
}

char *options_help(void)
{
    g_autoptr(GString) help = g_string_new(
        "usage: ftpsfs [ftps://][user@]host[:port][/dir] MOUNTPOINT [-o opt,...]\n"
        "       ftpsfs ALIAS:[dir] MOUNTPOINT [-o opt,...]\n"
        "       ftpsfs --probe SOURCE [-o opt,...]\n"
        "       ftpsfs --print-config [SOURCE] [-o opt,...]\n"
        "Mounts a directory of an FTPS server. Unmount with: ftpsfs --unmount MOUNTPOINT\n"
        "\n"
        "  -f                          stay in the foreground\n"
        "  -d                          show protocol and FUSE calls; implies -f\n"
        "  -r                          mount read-only, like -o ro\n"
        "  -h, --help                  show this text\n"
        "  -V, --version               show the version\n"
        "      --status MOUNTPOINT     show what a mount is doing; --once: as text;\n"
        "                              --json: for programs\n"
        "      --flush MOUNTPOINT      wait until everything written is on the server\n"
        "      --refresh [PATH]        forget what is cached of a directory of a mount\n"
        "      --unmount MOUNTPOINT    send what is left, then unmount\n"
        "      --describe SOURCE       show which server and user a source stands for\n"
        "      --probe SOURCE          show what a server is like, without a mount;\n"
        "                              -r: write nothing there; --json: for programs\n"
        "      --print-config          show the options in effect and their origin\n"
        "  -o opt[,opt...]             options; \"\\,\" is a comma in a value\n"
        "\n"
        "In a URL /dir is below the login directory, //dir is absolute; user@host:/dir is\n"
        "absolute, user@host:dir below the login directory. A SIZE takes K, M or G.\n");
    for (guint section = 0; section < OPTION_SECTIONS; section++) {
        g_string_append_printf(help, "\n%s\n", section_titles[section]);
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
            if (table[i].section == section && table[i].help != NULL)
                append_option(help, &table[i]);
        }
    }
    append_words(help, OPTION_MOUNT, "  handed to the kernel:");
    append_words(help, OPTION_IGNORED, "  for fstab, ignored:");
    return g_string_free(g_steal_pointer(&help), FALSE);
}
