/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command_line.h"
#include "config_fail.h"
#include "config_file.h"
#include "config_print.h"
#include "ftpsfs/ftp/deflate.h"
#include "ftpsfs/ftp/login_command.h"
#include "link.h"
#include "mountpoint.h"
#include "options.h"
#include "where.h"

/* mount(8) runs /sbin/mount.TYPE, and speaks to it in its own way. */
#define HELPER_PREFIX "mount."

static gboolean check_directory(const char *name, const char *path, int access, GError **error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return config_fail(error, "-o %s=%s: %s", name, path, g_strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return config_fail(error, "-o %s=%s is not a directory", name, path);
    if (faccessat(AT_FDCWD, path, access, AT_EACCESS) != 0)
        return config_fail(error, "-o %s=%s: %s", name, path, g_strerror(errno));
    return TRUE;
}

static gboolean check_file(const char *name, const char *path, GError **error)
{
    struct stat status;
    if (g_str_has_prefix(path, "pkcs11:"))
        return TRUE;
    if (stat(path, &status) != 0 || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
        return config_fail(error, "-o %s=%s: %s", name, path, g_strerror(errno));
    if (S_ISDIR(status.st_mode))
        return config_fail(error, "-o %s=%s is a directory: name a file", name, path);
    return TRUE;
}

static gboolean check_files(const OptionState *state, GError **error)
{
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; i < count; i++) {
        const OptionSpec *spec = &table[i];
        if (spec->kind != OPTION_FILE && spec->kind != OPTION_DIRECTORY &&
            spec->kind != OPTION_OUTPUT)
            continue;
        const char *path = *(char *const *)(const void *)((const char *)state + spec->offset);
        if (path == NULL)
            continue;
        g_autofree char *parent = g_path_get_dirname(path);
        gboolean written = path == state->config.spool_dir || path == state->config.cache_dir;
        gboolean good =
            spec->kind == OPTION_FILE ? check_file(spec->name, path, error)
            : spec->kind == OPTION_DIRECTORY
                ? check_directory(spec->name, path, written ? W_OK | X_OK : R_OK | X_OK, error)
                : check_directory(spec->name, parent, X_OK, error);
        if (!good)
            return FALSE;
    }
    return TRUE;
}

/* "SITE UMASK 022; SITE NOOP" */
static gboolean resolve_commands(OptionState *state, GError **error)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) words = g_strsplit(state->ftp_init != NULL ? state->ftp_init : "", ";", -1);
    for (char **word = words; *word != NULL; word++) {
        g_autoptr(GError) problem = NULL;
        if (*g_strstrip(*word) == '\0')
            continue;
        if (!login_command_check(*word, &problem))
            return config_fail(error, "-o ftp_init: %s", problem->message);
        g_ptr_array_add(commands, g_strdup(*word));
    }
    if (commands->len == 0)
        return TRUE;
    g_ptr_array_add(commands, NULL);
    state->config.init_commands = (char **)g_ptr_array_free(g_steal_pointer(&commands), FALSE);
    return TRUE;
}

static gboolean check_compress(const MountConfig *config, GError **error)
{
    if (config->compress && deflate_version() == NULL)
        return config_fail(error, "-o compress: this ftpsfs was built without zlib, which does the "
                                  "compression: leave it out, or build with zlib1g-dev installed");
    return TRUE;
}

/* "50000-50100" */
static gboolean resolve_active(OptionState *state, GError **error)
{
    MountConfig *config = &state->config;
    if (state->active_ports == NULL)
        return TRUE;
    if (!config->active)
        return config_fail(error, "-o active_ports is for -o active: give both, or none");
    g_auto(GStrv) ends = g_strsplit(state->active_ports, "-", 2);
    guint64 first = 0;
    guint64 last = 0;
    if (!g_ascii_string_to_unsigned(ends[0], 10, 1024, G_MAXUINT16, &first, NULL) ||
        !g_ascii_string_to_unsigned(ends[1] != NULL ? ends[1] : ends[0], 10, first, G_MAXUINT16,
                                    &last, NULL))
        return config_fail(error,
                           "-o active_ports=%s: write the lowest and the highest port, from 1024 "
                           "to 65535, as in 50000-50100",
                           state->active_ports);
    config->active_first = (guint16)first;
    config->active_last = (guint16)last;
    config->connections = MIN(config->connections, (guint)(last - first + 1));
    return TRUE;
}

static gboolean check_options(const OptionState *state, GError **error)
{
    const MountConfig *config = &state->config;
    if (config->key != NULL && config->cert == NULL)
        return config_fail(error,
                           "-o key without -o cert: name the certificate that the key is for");
    if (config->setuid_name != NULL && geteuid() != 0)
        return config_fail(error, "-o setuid=%s is for root, who alone can become another user",
                           config->setuid_name);
    if (config->server_tz != NULL && config->time_zone == NULL)
        return config_fail(
            error,
            "-o server_tz=%s is no time zone: write a name like Europe/Berlin, or an "
            "offset like +05:30",
            config->server_tz);
    if (config->codepage != NULL) {
        GIConv converter = g_iconv_open("UTF-8", config->codepage);
        /* iconv's own way to say that there is none. */
        if (converter == (GIConv)-1)
            return config_fail(error,
                               "-o codepage=%s is not an encoding that this system knows: iconv -l "
                               "lists them",
                               config->codepage);
        g_iconv_close(converter);
    }
    if (config->priority != NULL && !trust_priority_check(config->priority, config->tls_min, error))
        return FALSE;
    gboolean other = FALSE, root = FALSE;
    for (guint i = 0; i < state->mount_words->len; i++) {
        other |= g_str_equal(state->mount_words->pdata[i], "allow_other");
        root |= g_str_equal(state->mount_words->pdata[i], "allow_root");
    }
    if (other && root)
        return config_fail(error, "-o allow_other and -o allow_root exclude each other: give one");
    return TRUE;
}

/* The place of what outlives the mount: the service's, the other user's, one's own. */
static char *find_state_directory(const OptionState *state)
{
    const char *service = g_getenv("STATE_DIRECTORY");
    if (service != NULL && *service == '/')
        return g_strndup(service, strcspn(service, ":"));
    if (state->home != NULL)
        return g_build_filename(state->home, ".local", "share", "ftpsfs", NULL);
    return g_build_filename(g_get_user_data_dir(), "ftpsfs", NULL);
}

/* What the environment says where no option does. */
static void resolve_directories(OptionState *state)
{
    MountConfig *config = &state->config;
    const char *temporary = g_getenv("TMPDIR");
    if (temporary == NULL || *temporary == '\0')
        temporary = "/var/tmp";
    if (config->spool_dir == NULL)
        config->spool_dir = g_canonicalize_filename(temporary, NULL);
    config->state_dir = find_state_directory(state);
    config->known_hosts = g_build_filename(config->state_dir, "known_hosts", NULL);
    config->rescue_dir = g_build_filename(config->state_dir, "lost", NULL);
    config->writeback_dir = g_build_filename(config->state_dir, "writeback", NULL);
}

static void resolve_masks(OptionState *state)
{
    guint common = state->umask == OPTION_MODE_UNSET ? 0 : state->umask;
    state->config.umask_files = state->fmask == OPTION_MODE_UNSET ? common : state->fmask;
    state->config.umask_dirs = state->dmask == OPTION_MODE_UNSET ? common : state->dmask;
}

/* What setuid= and the caller say where uid= and gid= do not. */
static void resolve_owner(MountConfig *config)
{
    if (config->setuid_name == NULL)
        return;
    if (!config->have_uid)
        config->uid = config->setuid_uid;
    if (!config->have_gid)
        config->gid = config->setuid_gid;
    config->have_uid = config->have_gid = TRUE;
}

/* The source for the mount table. A URL, and an alias in fstab, stays as it was written, since
 * "mount -a" compares it with fstab to tell what is mounted already; it has no password in it. */
static char *shown_source(const OptionState *state, const char *text, const char *alias)
{
    if (alias != NULL && state->config.helper && g_str_is_ascii(text) &&
        strpbrk(text, " ,\\") == NULL)
        return g_strdup(text);
    if (alias != NULL)
        return source_to_string(state->config.source);
    g_autoptr(Source) plain = source_parse(text, NULL);
    gboolean whole = g_strcmp0(plain->user, state->config.source->user) == 0 && state->port == 0;
    if (g_str_has_prefix(text, "ftps://") && whole && g_str_is_ascii(text) &&
        strpbrk(text, " ,\\") == NULL)
        return g_strdup(text);
    return source_to_string(state->config.source);
}

/* What libfuse gets; the last of contradictory words wins there, as it does here. */
static GPtrArray *collect_fuse_options(const OptionState *state, const char *text,
                                       const char *alias)
{
    GPtrArray *options = g_ptr_array_new_with_free_func(g_free);
    if (state->default_permissions)
        g_ptr_array_add(options, g_strdup("default_permissions"));
    if (state->config.read_only)
        g_ptr_array_add(options, g_strdup("ro"));
    for (guint i = 0; i < state->mount_words->len; i++)
        g_ptr_array_add(options, g_strdup(state->mount_words->pdata[i]));
    g_autofree char *source = shown_source(state, text, alias);
    g_ptr_array_add(options,
                    g_strdup_printf("fsname=%s", state->fsname != NULL ? state->fsname : source));
    g_ptr_array_add(
        options, g_strdup_printf("subtype=%s", state->subtype != NULL ? state->subtype : "ftpsfs"));
    /* Whatever stands among the options: what a file may do on this machine is not the server's to
     * say. mount.fuse3 adds "suid" and "dev" where they are not forbidden. */
    g_ptr_array_add(options, g_strdup("nosuid"));
    g_ptr_array_add(options, g_strdup("nodev"));
    return options;
}

/* The files' options, then those of the command line. */
static gboolean read_options(const CommandLine *words, const ConfigFiles *files, const char *alias,
                             OptionState *state, GError **error)
{
    /* Flags like -r are read already, and are as good as -o. */
    gboolean read_only = state->config.read_only;
    if (!config_files_apply(files, alias, state, error))
        return FALSE;
    options_begin(state, "command line", OPTION_RANK_COMMAND, NULL);
    if (read_only)
        g_ptr_array_insert(words->options, 0, (gpointer) "ro");
    for (guint i = 0; i < words->options->len; i++) {
        if (!options_read(state, words->options->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean resolve_mount(OptionState *state, const char *text, const char *alias,
                              const char *mountpoint, GError **error)
{
    MountConfig *config = &state->config;
    resolve_directories(state);
    if (config->server_tz != NULL)
        config->time_zone = g_time_zone_new_identifier(config->server_tz);
    if (!check_options(state, error) || !resolve_commands(state, error) ||
        !resolve_active(state, error) || !check_compress(&state->config, error) ||
        !check_files(state, error))
        return FALSE;
    if (config->action != CONFIG_PROBE && config->action != CONFIG_DESCRIBE &&
        !mountpoint_check(state, mountpoint, error))
        return FALSE;
    state->config.server = source_to_string(state->config.source);
    resolve_masks(state);
    resolve_owner(config);
    config->readahead = MIN(config->readahead, config->cache_size);
    if (config->nosymfollow)
        config->symlinks = CONFIG_SYMLINKS_NONE;
    config->fuse_options = collect_fuse_options(state, text, alias);
    return TRUE;
}

static gboolean resolve(const CommandLine *words, OptionState *state, GError **error)
{
    MountConfig *config = &state->config;
    const char *text = words->positional[0], *rest = "";
    OptionRank rank;
    g_autoptr(ConfigFiles) files = config_files_read(error);
    if (files == NULL)
        return FALSE;
    if (words->complete != NULL) {
        config->action = CONFIG_PRINT;
        config->printed = config_complete(files, words->complete);
        return config->printed != NULL ||
               config_fail(error, "--complete %s: there is nothing of that kind", words->complete);
    }
    g_autofree char *alias = config_files_alias(files, text, &rest);
    if (!read_options(words, files, alias, state, error))
        return FALSE;
    if (text != NULL) {
        Source *found = where_find(files, text, alias, rest, &rank, error);
        config->source = where_resolve(state, found, rank, error);
        if (config->source == NULL)
            return FALSE;
        link_restrict(state, files, alias);
    }
    if (alias != NULL)
        config->alias = g_strdup(alias);
    if (!words->print)
        return resolve_mount(state, text, alias, words->positional[1], error);
    config->action = CONFIG_PRINT;
    config->printed = config_print(state, files, alias, config->source);
    return TRUE;
}

MountConfig *config_parse(int argc, char **argv, GError **error)
{
    g_auto(OptionState) state;
    options_init(&state);
    MountConfig *config = &state.config;
    g_autoptr(GPtrArray) options = g_ptr_array_new();
    CommandLine words = {.argv = argv, .argc = argc, .options = options};
    g_autofree char *name = g_path_get_basename(argc > 0 ? argv[0] : "ftpsfs");
    config->helper = g_str_has_prefix(name, HELPER_PREFIX);
    if (!command_line_read(&words, &state, error) ||
        ((config->action == CONFIG_MOUNT || config->action == CONFIG_PROBE ||
          config->action == CONFIG_DESCRIBE) &&
         !resolve(&words, &state, error)))
        return NULL;
    MountConfig *result = g_new(MountConfig, 1);
    *result = *config;
    memset(config, 0, sizeof(*config));
    config->mountpoint_fd = -1;
    return result;
}

void config_let_go(MountConfig *config)
{
    if (config->mountpoint_fd >= 0)
        close(config->mountpoint_fd);
    config->mountpoint_fd = -1;
}

char *config_help(void)
{
    return options_help();
}
