/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_fail.h"
#include "ftpsfs/util/guard.h"

#define SOURCE_KEY "source"

/* No configuration is longer; a device or a log that was named by mistake is. */
#define LENGTH_MAX (1024 * 1024)

typedef struct {
    char *path;
    GKeyFile *keys; /* NULL: there is no such file */
} File;

/* The user's file and the system's. */
enum { USER, SYSTEM, FILES };

struct ConfigFiles {
    File files[FILES];
};

static gboolean check_safe(const char *path, const struct stat *status, GError **error)
{
    if (!S_ISREG(status->st_mode))
        return config_fail(error, "%s is no file", path);
    if (!guard_check(status, GUARD_WRITE, geteuid(), path, "can make you run commands", error))
        return FALSE;
    if (status->st_size > LENGTH_MAX)
        return config_fail(error, "%s is too long for a configuration file", path);
    return TRUE;
}

/* The file's text, from the file that was checked; NULL and errno, or NULL and an error. */
static char *read_text(const char *path, int *number, gsize *length, GError **error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    *number = fd < 0 || fstat(fd, &status) != 0 ? errno : 0;
    g_autofree char *text = NULL;
    if (*number == 0 && check_safe(path, &status, error)) {
        text = g_malloc0(LENGTH_MAX + 1);
        gssize count = read(fd, text, LENGTH_MAX);
        *number = count < 0 ? errno : 0;
        *length = count < 0 ? 0 : (gsize)count;
        if (count < 0)
            g_clear_pointer(&text, g_free);
    }
    if (fd >= 0)
        close(fd);
    return g_steal_pointer(&text);
}

/* What stands for a server must not look like anything else: a URL, user@host, an address. */
static gboolean is_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (!g_ascii_isalnum(*p) && strchr("._-", *p) == NULL)
            return FALSE;
    }
    return *name != '\0' && *name != '-';
}

static gboolean check_groups(const File *file, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file->keys, NULL);
    for (char **group = groups; *group != NULL; group++) {
        if (!is_name(*group))
            return config_fail(error,
                               "%s: [%s] can't be an alias: use letters, digits, \".\", \"_\" and "
                               "\"-\"",
                               file->path, *group);
    }
    if (g_key_file_has_key(file->keys, CONFIG_FILE_DEFAULTS, SOURCE_KEY, NULL))
        return config_fail(error,
                           "%s: [" CONFIG_FILE_DEFAULTS "] is for all servers and has no "
                           "source: give it a group of its own",
                           file->path);
    return TRUE;
}

static gboolean read_file(File *file, GError **error)
{
    int number;
    gsize length = 0;
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = read_text(file->path, &number, &length, &problem);
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (number == ENOENT || number == ENOTDIR)
        return TRUE;
    /* $HOME may be another user's, as after su(1) and in mount(8). */
    if (number == EACCES) {
        g_info("%s is not for this user to read, and left out", file->path);
        return TRUE;
    }
    if (number != 0)
        return config_fail(error, "%s: %s", file->path, g_strerror(number));
    file->keys = g_key_file_new();
    if (length > 0 &&
        !g_key_file_load_from_data(file->keys, text, length, G_KEY_FILE_NONE, &problem))
        return config_fail(error, "%s: %s", file->path, problem->message);
    return check_groups(file, error);
}

ConfigFiles *config_files_read(GError **error)
{
    g_autoptr(ConfigFiles) files = g_new0(ConfigFiles, 1);
    files->files[USER].path = g_build_filename(g_get_user_config_dir(), "ftpsfs", "config", NULL);
    files->files[SYSTEM].path = g_strdup(CONFIG_FILE_SYSTEM);
    if (!read_file(&files->files[USER], error) || !read_file(&files->files[SYSTEM], error))
        return NULL;
    return g_steal_pointer(&files);
}

void config_files_free(ConfigFiles *files)
{
    if (files == NULL)
        return;
    for (guint i = 0; i < FILES; i++) {
        g_free(files->files[i].path);
        g_clear_pointer(&files->files[i].keys, g_key_file_unref);
    }
    g_free(files);
}

static gboolean has_group(const ConfigFiles *files, const char *group)
{
    for (guint i = 0; i < FILES; i++) {
        if (files->files[i].keys != NULL && g_key_file_has_group(files->files[i].keys, group))
            return TRUE;
    }
    return FALSE;
}

char *config_files_alias(const ConfigFiles *files, const char *text, const char **rest)
{
    static const char fstab[] = "ftpsfs#";
    if (text == NULL)
        return NULL;
    if (g_str_has_prefix(text, fstab))
        text += strlen(fstab);
    gsize length = strcspn(text, ":");
    /* Who follows a link must not land at the server of an alias [ftps]. */
    if (g_ascii_strncasecmp(text, "ftps://", strlen("ftps://")) == 0)
        return NULL;
    g_autofree char *name = g_strndup(text, length);
    if (!is_name(name) || g_str_equal(name, CONFIG_FILE_DEFAULTS) || !has_group(files, name))
        return NULL;
    *rest = text[length] == ':' ? text + length + 1 : text + length;
    return g_steal_pointer(&name);
}

static gboolean apply_group(const File *file, const char *group, OptionRank rank,
                            OptionState *state, GError **error)
{
    if (file->keys == NULL || !g_key_file_has_group(file->keys, group))
        return TRUE;
    g_autofree char *origin = g_strdup_printf("%s, [%s]", file->path, group);
    g_autofree char *directory = g_path_get_dirname(file->path);
    g_auto(GStrv) names = g_key_file_get_keys(file->keys, group, NULL, NULL);
    options_begin(state, origin, rank, directory);
    for (char **name = names; *name != NULL; name++) {
        if (g_str_equal(*name, SOURCE_KEY))
            continue;
        g_autoptr(GError) problem = NULL;
        g_autofree char *value = g_key_file_get_string(file->keys, group, *name, &problem);
        if (value == NULL)
            return config_fail(error, "%s: %s", origin, problem->message);
        if (!options_set(state, *name, value, error)) {
            g_prefix_error(error, "%s: ", origin);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean config_files_apply(const ConfigFiles *files, const char *alias, OptionState *state,
                            GError **error)
{
    const File *user = &files->files[USER], *system = &files->files[SYSTEM];
    return apply_group(system, CONFIG_FILE_DEFAULTS, OPTION_RANK_DEFAULTS, state, error) &&
           apply_group(user, CONFIG_FILE_DEFAULTS, OPTION_RANK_DEFAULTS, state, error) &&
           (alias == NULL || (apply_group(system, alias, OPTION_RANK_ALIAS, state, error) &&
                              apply_group(user, alias, OPTION_RANK_ALIAS, state, error)));
}

char *config_files_source(const ConfigFiles *files, const char *alias)
{
    for (guint i = 0; i < FILES; i++) {
        GKeyFile *keys = files->files[i].keys;
        char *source = keys != NULL ? g_key_file_get_string(keys, alias, SOURCE_KEY, NULL) : NULL;
        if (source != NULL)
            return source;
    }
    return NULL;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **config_files_aliases(const ConfigFiles *files)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < FILES; i++) {
        g_auto(GStrv) groups =
            files->files[i].keys != NULL ? g_key_file_get_groups(files->files[i].keys, NULL) : NULL;
        for (char **group = groups; group != NULL && *group != NULL; group++) {
            if (!g_str_equal(*group, CONFIG_FILE_DEFAULTS) &&
                !g_ptr_array_find_with_equal_func(names, *group, g_str_equal, NULL))
                g_ptr_array_add(names, g_strdup(*group));
        }
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

char **config_files_paths(const ConfigFiles *files)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    for (guint i = 0; i < FILES; i++) {
        if (files->files[i].keys != NULL)
            g_strv_builder_add(paths, files->files[i].path);
    }
    return g_strv_builder_end(paths);
}
