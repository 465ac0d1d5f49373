/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads -o strings into an OptionState by the table in options.c. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "config_fail.h"
#include "options.h"

#define FIELD(state, spec, type) ((type *)(void *)((char *)(state) + (spec)->offset))

/* OPTION_CHOICE stores through guint *. */
G_STATIC_ASSERT(sizeof(TrustVerify) == sizeof(guint) && sizeof(TrustTlsMin) == sizeof(guint) &&
                sizeof(TrustPolicy) == sizeof(guint) && sizeof(ConfigIdmap) == sizeof(guint) &&
                sizeof(ConfigSymlinks) == sizeof(guint));

static gboolean set_number(OptionState *state, const OptionSpec *spec, const char *value,
                           GError **error)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(value, 10, spec->min, spec->max, &number, NULL))
        return config_fail(
            error, "-o %s=%s: write a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
            spec->name, value, spec->min, spec->max);
    *FIELD(state, spec, guint) = (guint)number;
    return TRUE;
}

/* "32M"; the units are powers of 1024. */
static gboolean read_size(const char *text, guint64 *bytes)
{
    static const char units[] = "KMGT";
    g_autofree char *digits = g_strdup(text);
    gsize length = strlen(digits);
    guint shift = 0;
    if (length > 0 && !g_ascii_isdigit(digits[length - 1])) {
        const char *unit = strchr(units, g_ascii_toupper(digits[length - 1]));
        if (unit == NULL)
            return FALSE;
        shift = 10 * (guint)(unit - units + 1);
        digits[length - 1] = '\0';
    }
    guint64 number;
    if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64 >> shift, &number, NULL))
        return FALSE;
    *bytes = number << shift;
    return TRUE;
}

static gboolean set_size(OptionState *state, const OptionSpec *spec, const char *value,
                         GError **error)
{
    guint64 bytes;
    if (!read_size(value, &bytes))
        return config_fail(error, "-o %s=%s: write a size in bytes, or with K, M or G: 64M",
                           spec->name, value);
    if (bytes < spec->min || bytes > spec->max) {
        g_autofree char *min = g_format_size_full(spec->min, G_FORMAT_SIZE_IEC_UNITS);
        g_autofree char *max = g_format_size_full(spec->max, G_FORMAT_SIZE_IEC_UNITS);
        return config_fail(error, "-o %s=%s is out of range: write %s to %s", spec->name, value,
                           min, max);
    }
    *FIELD(state, spec, guint64) = bytes;
    return TRUE;
}

static gboolean set_mode(OptionState *state, const OptionSpec *spec, const char *value,
                         GError **error)
{
    guint64 mode;
    if (!g_ascii_string_to_unsigned(value, 8, 0, spec->max, &mode, NULL))
        return config_fail(error, "-o %s=%s: write an octal number like 022", spec->name, value);
    *FIELD(state, spec, guint) = (guint)mode;
    return TRUE;
}

static gboolean set_choice(OptionState *state, const OptionSpec *spec, const char *value,
                           GError **error)
{
    g_auto(GStrv) words = g_strsplit(spec->argument, "|", -1);
    for (guint i = 0; words[i] != NULL; i++) {
        if (g_str_equal(words[i], value)) {
            *FIELD(state, spec, guint) = i;
            return TRUE;
        }
    }
    return config_fail(error, "-o %s=%s: write one of %s", spec->name, value, spec->argument);
}

/* The daemon goes to "/", so that names must be absolute. The shell does not expand "~" after
 * "-o name=", so it is done here. */
static char *absolute_name(const OptionState *state, const char *value)
{
    if (g_str_has_prefix(value, "pkcs11:"))
        return g_strdup(value);
    if (g_str_has_prefix(value, "~/"))
        return g_canonicalize_filename(value + 2, g_get_home_dir());
    return g_canonicalize_filename(value, state->base);
}

static gboolean add_pin(OptionState *state, const OptionSpec *spec, const char *pin, GError **error)
{
    gsize length = 0;
    const char *base64 = g_str_has_prefix(pin, "sha256//") ? pin + strlen("sha256//") : "";
    g_autofree guchar *digest = g_base64_decode(base64, &length);
    if (digest == NULL || strlen(base64) != 44 || length != 32)
        return config_fail(error,
                           "-o %s=%s: write sha256//BASE64, the SHA-256 of the server's public key",
                           spec->name, pin);
    GPtrArray **list = FIELD(state, spec, GPtrArray *);
    if (state->new_origin)
        g_clear_pointer(list, g_ptr_array_unref);
    state->new_origin = FALSE;
    if (*list == NULL) {
        *list = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(*list, NULL);
    }
    g_ptr_array_insert(*list, (gint)(*list)->len - 1, g_strdup(pin));
    return TRUE;
}

/* Several may be in one value with semicolons between them, as curl takes them. */
static gboolean set_list(OptionState *state, const OptionSpec *spec, const char *value,
                         GError **error)
{
    g_auto(GStrv) pins = g_strsplit(value, ";", -1);
    for (gsize i = 0; pins[i] != NULL; i++)
        if (!add_pin(state, spec, pins[i], error))
            return FALSE;
    return pins[0] != NULL || add_pin(state, spec, value, error);
}

/* (uid_t)-1 means "no user" to chown(2). */
static gboolean read_id(const char *value, guint32 *id)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32 - 1, &number, NULL))
        return FALSE;
    *id = (guint32)number;
    return TRUE;
}

static gboolean set_user(OptionState *state, const char *value, GError **error)
{
    state->config.have_uid = TRUE;
    if (read_id(value, &state->config.uid))
        return TRUE;
    const struct passwd *entry = getpwnam(value);
    if (entry == NULL)
        return config_fail(error, "-o uid=%s: there is no such user; write a name or a number",
                           value);
    state->config.uid = entry->pw_uid;
    return TRUE;
}

static gboolean set_group(OptionState *state, const char *value, GError **error)
{
    state->config.have_gid = TRUE;
    if (read_id(value, &state->config.gid))
        return TRUE;
    const struct group *entry = getgrnam(value);
    if (entry == NULL)
        return config_fail(error, "-o gid=%s: there is no such group; write a name or a number",
                           value);
    state->config.gid = entry->gr_gid;
    return TRUE;
}

/* By name or number; in either case with its group, name and home directory. */
static gboolean set_account(OptionState *state, const OptionSpec *spec, const char *value,
                            GError **error)
{
    guint32 number;
    const struct passwd *entry = read_id(value, &number) ? getpwuid(number) : getpwnam(value);
    if (entry == NULL)
        return config_fail(error, "-o %s=%s: there is no such user", spec->name, value);
    g_free(state->config.setuid_name);
    g_free(state->home);
    state->config.setuid_name = g_strdup(entry->pw_name);
    state->config.setuid_uid = entry->pw_uid;
    state->config.setuid_gid = entry->pw_gid;
    state->home = g_strdup(entry->pw_dir);
    return TRUE;
}

static gboolean set_mount(OptionState *state, const OptionSpec *spec, const char *value,
                          GError **error)
{
    guint64 number;
    if (value != NULL &&
        !g_ascii_string_to_unsigned(value, 10, spec->min, spec->max, &number, NULL))
        return config_fail(error, "-o %s=%s: write a number of bytes", spec->name, value);
    g_ptr_array_add(state->mount_words, value == NULL
                                            ? g_strdup(spec->name)
                                            : g_strdup_printf("%s=%s", spec->name, value));
    return TRUE;
}

static gboolean set_text(OptionState *state, const OptionSpec *spec, const char *value,
                         GError **error)
{
    if (!g_utf8_validate(value, -1, NULL))
        return config_fail(error, "the value of -o %s is no UTF-8", spec->name);
    char **field = FIELD(state, spec, char *);
    g_free(*field);
    *field = g_strdup(value);
    return TRUE;
}

/* `value` is NULL without "=". */
static gboolean set(OptionState *state, const OptionSpec *spec, const char *value, GError **error)
{
    switch (spec->kind) {
    case OPTION_ON:
    case OPTION_OFF:
        *FIELD(state, spec, gboolean) = spec->kind == OPTION_ON;
        return TRUE;
    case OPTION_NUMBER:
        return set_number(state, spec, value, error);
    case OPTION_SIZE:
        return set_size(state, spec, value, error);
    case OPTION_MODE:
        return set_mode(state, spec, value, error);
    case OPTION_CHOICE:
        return set_choice(state, spec, value, error);
    case OPTION_TEXT:
        return set_text(state, spec, value, error);
    case OPTION_FILE:
    case OPTION_DIRECTORY:
    case OPTION_OUTPUT: {
        char **field = FIELD(state, spec, char *);
        g_free(*field);
        *field = absolute_name(state, value);
        return TRUE;
    }
    case OPTION_LIST:
        return set_list(state, spec, value, error);
    case OPTION_USER:
        return set_user(state, value, error);
    case OPTION_GROUP:
        return set_group(state, value, error);
    case OPTION_ACCOUNT:
        return set_account(state, spec, value, error);
    case OPTION_MOUNT:
        return set_mount(state, spec, value, error);
    case OPTION_IGNORED:
        return TRUE;
    }
    g_assert_not_reached();
}

static gboolean is_password(const char *name)
{
    static const char *const names[] = {"password", "passwd", "pass", "pw", NULL};
    return g_strv_contains(names, name);
}

static void free_told(gpointer data)
{
    OptionTold *told = data;
    g_free(told->value);
    g_free(told->origin);
    g_free(told);
}

/* The option that `spec` turns off, or itself. */
static const OptionSpec *opposite_of(const OptionSpec *spec)
{
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; spec->kind == OPTION_OFF && i < count; i++) {
        if (table[i].kind == OPTION_ON && table[i].offset == spec->offset)
            return &table[i];
    }
    return spec;
}

/* `value` is NULL for a flag, which then is on. */
static void note(OptionState *state, const OptionSpec *spec, const char *value)
{
    OptionTold *told = g_new0(OptionTold, 1);
    told->origin = g_strdup(state->origin);
    told->rank = state->rank;
    if (spec->kind == OPTION_FILE || spec->kind == OPTION_DIRECTORY || spec->kind == OPTION_OUTPUT)
        told->value = g_strdup(*FIELD(state, spec, char *));
    else if (spec->kind == OPTION_LIST)
        told->value = g_strjoinv(";", (char **)(*FIELD(state, spec, GPtrArray *))->pdata);
    else if (value != NULL)
        told->value = g_strdup(value);
    else
        told->value = g_strdup(spec->kind == OPTION_OFF ? "false" : "true");
    g_hash_table_replace(state->told, (gpointer)opposite_of(spec)->name, told);
}

const OptionTold *options_told(const OptionState *state, const char *name)
{
    return g_hash_table_lookup(state->told, name);
}

void options_forget(OptionState *state, const char *name)
{
    g_hash_table_remove(state->told, name);
}

void options_begin(OptionState *state, const char *origin, OptionRank rank, const char *base)
{
    g_free(state->origin);
    g_free(state->base);
    state->origin = g_strdup(origin);
    state->base = g_strdup(base);
    state->rank = rank;
    state->new_origin = TRUE;
}

/* A flag that a configuration file sets to false. */
static void unset_flag(OptionState *state, const OptionSpec *spec)
{
    guint index;
    if (spec->kind == OPTION_ON || spec->kind == OPTION_OFF)
        *FIELD(state, spec, gboolean) = spec->kind == OPTION_OFF;
    else if (spec->kind == OPTION_MOUNT &&
             g_ptr_array_find_with_equal_func(state->mount_words, spec->name, g_str_equal, &index))
        g_ptr_array_remove_index(state->mount_words, index);
    else
        return;
    note(state, spec, spec->kind == OPTION_OFF ? "true" : "false");
}

/* One option, with "\," and "\\" resolved already. Messages don't repeat the value of an option
 * that is not known: it may be a password under a wrong name. */
static gboolean read_one(OptionState *state, char *word, GError **error)
{
    char *value = strchr(word, '=');
    if (value != NULL)
        *value++ = '\0';
    if (is_password(word) && state->rank != OPTION_RANK_COMMAND)
        return config_fail(error,
                           "%s: passwords are not kept here: put it into ~/.netrc or a file for "
                           "credentials=FILE",
                           word);
    if (is_password(word))
        return config_fail(
            error,
            "-o %s: a password on the command line is visible to every user in the process "
            "list; put it into ~/.netrc or a file for -o credentials=FILE",
            word);
    if (g_str_equal(word, "remount"))
        return config_fail(error, "a FUSE mount can't be remounted: unmount it and mount again");
    const OptionSpec *spec = options_find(word, value != NULL);
    if (spec == NULL && state->sloppy)
        return TRUE;
    if (spec == NULL) {
        g_autofree char *shown = g_strescape(word, NULL);
        const char *nearest = options_nearest(word);
        if (nearest == NULL)
            return config_fail(error, "unknown option -o %s: ftpsfs --help lists those there are",
                               shown);
        return config_fail(error, "unknown option -o %s: did you mean %s?", shown, nearest);
    }
    if (spec->kind == OPTION_IGNORED) {
        if (value == NULL)
            note(state, spec, NULL);
        return TRUE;
    }
    if (spec->argument == NULL && value != NULL)
        return config_fail(error, "-o %s takes no value: write -o %s alone", spec->name,
                           spec->name);
    if (spec->argument != NULL && (value == NULL || *value == '\0'))
        return config_fail(error, "-o %s needs a value: write -o %s=%s", spec->name, spec->name,
                           spec->argument);
    for (const char *p = value; p != NULL && *p != '\0'; p++) {
        if (g_ascii_iscntrl(*p))
            return config_fail(error, "the value of -o %s holds control characters", spec->name);
    }
    if (!set(state, spec, value, error))
        return FALSE;
    note(state, spec, value);
    return TRUE;
}

gboolean options_set(OptionState *state, const char *name, const char *value, GError **error)
{
    static const char *const yes[] = {"true", "yes", "on", "1", NULL};
    static const char *const no[] = {"false", "no", "off", "0", NULL};
    const OptionSpec *spec = options_find(name, TRUE);
    g_autofree char *word = g_strdup(name);
    if (spec == NULL || spec->argument != NULL || spec->kind == OPTION_IGNORED) {
        g_autofree char *both = g_strdup_printf("%s=%s", name, value);
        return read_one(state, both, error);
    }
    if (g_strv_contains(yes, value))
        return read_one(state, word, error);
    if (!g_strv_contains(no, value))
        return config_fail(error, "%s=%s: write true or false", name, value);
    unset_flag(state, spec);
    return TRUE;
}

gboolean options_read(OptionState *state, const char *text, GError **error)
{
    g_autoptr(GString) word = g_string_new(NULL);
    for (const char *p = text;; p++) {
        if (*p == '\\' && (p[1] == ',' || p[1] == '\\')) {
            g_string_append_c(word, *++p);
        } else if (*p != ',' && *p != '\0') {
            g_string_append_c(word, *p);
        } else {
            /* Empty words come from "a,,b" in scripts; mount(8) skips them too. */
            if (word->len > 0 && !read_one(state, word->str, error))
                return FALSE;
            g_string_truncate(word, 0);
            if (*p == '\0')
                return TRUE;
        }
    }
}

void options_init(OptionState *state)
{
    memset(state, 0, sizeof(*state));
    state->config.mountpoint_fd = -1;
    state->config.sandbox = TRUE;
    state->umask = OPTION_MODE_UNSET;
    state->fmask = OPTION_MODE_UNSET;
    state->dmask = OPTION_MODE_UNSET;
    state->default_permissions = TRUE;
    state->config.prefetch = TRUE;
    state->config.exact_times = TRUE;
    state->told = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_told);
    options_begin(state, "command line", OPTION_RANK_COMMAND, NULL);
    state->mount_words = g_ptr_array_new_with_free_func(g_free);
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; i < count; i++) {
        if (table[i].standard != NULL && !set(state, &table[i], table[i].standard, NULL))
            g_error("the default of -o %s is not valid", table[i].name);
    }
}

void options_clear(OptionState *state)
{
    config_clear(&state->config);
    g_clear_pointer(&state->user, g_free);
    g_clear_pointer(&state->ftp_init, g_free);
    g_clear_pointer(&state->active_ports, g_free);
    g_clear_pointer(&state->home, g_free);
    g_clear_pointer(&state->fsname, g_free);
    g_clear_pointer(&state->subtype, g_free);
    g_clear_pointer(&state->mount_words, g_ptr_array_unref);
    g_clear_pointer(&state->told, g_hash_table_unref);
    g_clear_pointer(&state->origin, g_free);
    g_clear_pointer(&state->base, g_free);
}
