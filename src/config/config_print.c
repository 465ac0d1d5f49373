/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_print.h"

#include <string.h>

#include "ftpsfs/util/mounts.h"

/* The group of a source that is no alias; "[defaults]" can have no source. */
#define OTHER_GROUP "this"

/* The value of an option that nothing tells, as one would write it; NULL: it has none. */
static const char *unset_value(const OptionSpec *spec)
{
    if (spec->standard != NULL)
        return spec->standard;
    if (spec->argument != NULL)
        return NULL;
    return g_strcmp0(spec->unset, "on") == 0 ? "true" : "false";
}

static void append(GString *text, GKeyFile *keys, const char *name, const char *value)
{
    /* For its way of writing blanks and backslashes. */
    g_key_file_set_string(keys, "x", name, value);
    g_autofree char *written = g_key_file_get_value(keys, "x", name, NULL);
    g_string_append_printf(text, "%s=%s\n", name, written);
}

static gboolean is_shown(const OptionSpec *spec)
{
    return spec->kind != OPTION_IGNORED && spec->kind != OPTION_OFF;
}

static void append_origin(GString *text, GKeyFile *keys, const OptionState *state,
                          const char *origin)
{
    gsize count;
    const OptionSpec *table = options_table(&count);
    g_string_append_printf(text, "\n# %s\n", origin);
    for (gsize i = 0; i < count; i++) {
        const OptionTold *told = is_shown(&table[i]) ? options_told(state, table[i].name) : NULL;
        if (told != NULL && g_str_equal(told->origin, origin))
            append(text, keys, table[i].name, told->value);
    }
}

/* The places that options in effect come from, the most particular first; borrowed strings. */
static GPtrArray *origins_of(const OptionState *state)
{
    GPtrArray *origins = g_ptr_array_new();
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (int rank = OPTION_RANK_COMMAND; rank >= OPTION_RANK_DEFAULTS; rank--) {
        for (gsize i = 0; i < count; i++) {
            const OptionTold *told =
                is_shown(&table[i]) ? options_told(state, table[i].name) : NULL;
            if (told != NULL && (int)told->rank == rank &&
                !g_ptr_array_find_with_equal_func(origins, told->origin, g_str_equal, NULL))
                g_ptr_array_add(origins, told->origin);
        }
    }
    return origins;
}

static void append_rest(GString *text, GKeyFile *keys, const OptionState *state)
{
    gsize count;
    const OptionSpec *table = options_table(&count);
    g_autoptr(GString) unset = g_string_new("\n# not set; what holds then:\n");
    g_string_append(text, "\n# built in\n");
    for (gsize i = 0; i < count; i++) {
        if (!is_shown(&table[i]) || table[i].help == NULL ||
            options_told(state, table[i].name) != NULL)
            continue;
        const char *value = unset_value(&table[i]);
        if (value != NULL)
            append(text, keys, table[i].name, value);
        else
            g_string_append_printf(unset, "# %s: %s\n", table[i].name, table[i].unset);
    }
    g_string_append(text, unset->str);
}

char *config_print(const OptionState *state, const ConfigFiles *files, const char *alias,
                   const Source *source)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GKeyFile) keys = g_key_file_new();
    g_auto(GStrv) paths = config_files_paths(files);
    for (char **path = paths; *path != NULL; path++)
        g_string_append_printf(text, "# read: %s\n", *path);
    g_string_append_printf(text, "[%s]\n",
                           source == NULL  ? CONFIG_FILE_DEFAULTS
                           : alias != NULL ? alias
                                           : OTHER_GROUP);
    if (source != NULL) {
        g_autofree char *url = source_to_string(source);
        append(text, keys, "source", url);
    }
    g_autoptr(GPtrArray) origins = origins_of(state);
    for (guint i = 0; i < origins->len; i++)
        append_origin(text, keys, state, origins->pdata[i]);
    append_rest(text, keys, state);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* "  -V, --version   show the version" of the help text as two lines. */
static void complete_flags(GString *text)
{
    g_autofree char *help = options_help();
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *begin = *line + strspn(*line, " ");
        gsize column = (gsize)(begin - *line);
        if (*begin != '-' || (column != 2 && column != 6) || g_str_has_prefix(begin, "-o"))
            continue;
        const char *meaning = strstr(begin, "  ");
        gsize length = meaning != NULL ? (gsize)(meaning - begin) : strlen(begin);
        g_autofree char *head = g_strndup(begin, length);
        g_auto(GStrv) names = g_strsplit(head, ", ", -1);
        for (char **name = names; *name != NULL; name++) {
            (*name)[strcspn(*name, " [=")] = '\0';
            g_string_append_printf(text, "%s\t%s\n", *name,
                                   meaning != NULL ? meaning + strspn(meaning, " ") : "");
        }
    }
    g_string_append(text, "-o\toptions\n");
}

static void complete_options(GString *text)
{
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; i < count; i++) {
        if (table[i].kind == OPTION_IGNORED)
            continue;
        g_string_append_printf(text, "%s%s\t%s\n", table[i].name,
                               table[i].argument != NULL ? "=" : "",
                               table[i].help != NULL ? table[i].help : "");
    }
}

static void complete_values(GString *text, const char *name)
{
    const OptionSpec *spec = options_find(name, TRUE);
    if (spec == NULL || spec->argument == NULL)
        return;
    g_auto(GStrv) words = g_strsplit(spec->argument, "|", -1);
    switch (spec->kind) {
    case OPTION_CHOICE:
        for (char **word = words; *word != NULL; word++)
            g_string_append_printf(text, "%s\t\n", *word);
        return;
    case OPTION_FILE:
    case OPTION_OUTPUT:
        g_string_append(text, "<file>\t\n");
        return;
    case OPTION_DIRECTORY:
        g_string_append(text, "<directory>\t\n");
        return;
    case OPTION_USER:
    case OPTION_ACCOUNT:
        g_string_append(text, "<user>\t\n");
        return;
    case OPTION_GROUP:
        g_string_append(text, "<group>\t\n");
        return;
    default:
        if (spec->standard != NULL)
            g_string_append_printf(text, "%s\tthe default\n", spec->standard);
        return;
    }
}

static void complete_mountpoints(GString *text)
{
    g_autoptr(GPtrArray) mounts = mounts_read(NULL);
    for (guint i = 0; mounts != NULL && i < mounts->len; i++) {
        const MountEntry *mount = g_ptr_array_index(mounts, i);
        if (g_str_equal(mount->type, "fuse.ftpsfs"))
            g_string_append_printf(text, "%s\t%s\n", mount->point, mount->source);
    }
}

char *config_complete(const ConfigFiles *files, const char *kind)
{
    static const char values[] = "values:";
    g_autoptr(GString) text = g_string_new(NULL);
    if (g_str_equal(kind, "flags")) {
        complete_flags(text);
    } else if (g_str_equal(kind, "options")) {
        complete_options(text);
    } else if (g_str_has_prefix(kind, values)) {
        complete_values(text, kind + strlen(values));
    } else if (g_str_equal(kind, "mountpoints")) {
        complete_mountpoints(text);
    } else if (g_str_equal(kind, "aliases")) {
        g_auto(GStrv) names = config_files_aliases(files);
        for (char **name = names; *name != NULL; name++) {
            g_autofree char *source = config_files_source(files, *name);
            g_string_append_printf(text, "%s:\t%s\n", *name, source != NULL ? source : *name);
        }
    } else {
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
