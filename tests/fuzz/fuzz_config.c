/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file, with anything in it: it is refused, or each of its aliases can be named
 * and its options are within what the option table promises. --print-config of an alias prints or
 * refuses it.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "config/config_file.h"
#include "ftpsfs/util/error.h"
#include "fuzz_common.h"
#include "options_check.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static char *make_place(void)
{
    g_autofree char *directory = fuzz_path("ftpsfs");
    g_autofree char *home = g_path_get_dirname(directory);
    g_setenv("XDG_CONFIG_HOME", home, TRUE);
    g_assert_cmpint(g_mkdir(directory, 0700), ==, 0);
    return g_build_filename(directory, "config", NULL);
}

static void check_config_error(const GError *error)
{
    fuzz_check_error(error);
    g_assert_true(ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG));
}

static void apply(const ConfigFiles *files, const char *alias)
{
    g_autoptr(GError) error = NULL;
    g_auto(OptionState) state;
    options_init(&state);
    if (!config_files_apply(files, alias, &state, &error))
        check_config_error(error);
    fuzz_check_options(&state);
}

static void print(const char *alias)
{
    g_autoptr(GError) error = NULL;
    char *argv[] = {(char *)"ftpsfs", (char *)"--print-config", (char *)alias, NULL};
    g_autoptr(MountConfig) config = config_parse(3, argv, &error);
    if (config == NULL)
        check_config_error(error);
    else
        g_assert_nonnull(config->printed);
}

static void check_alias(const ConfigFiles *files, const char *alias)
{
    const char *rest = NULL;
    g_assert_cmpuint(strspn(alias, letters), ==, strlen(alias));
    g_assert_true(*alias != '\0' && *alias != '-');
    g_autofree char *text = g_strdup_printf("%s:sub", alias);
    g_autofree char *found = config_files_alias(files, text, &rest);
    g_assert_cmpstr(found, ==, alias);
    g_assert_cmpstr(rest, ==, "sub");
    g_free(config_files_source(files, alias));
    apply(files, alias);
    print(alias);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *path;
    if (path == NULL) {
        path = make_place();
        fuzz_quiet();
    }
    fuzz_write(path, data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(ConfigFiles) files = config_files_read(&error);
    if (files == NULL) {
        check_config_error(error);
        return 0;
    }
    apply(files, NULL);
    g_auto(GStrv) aliases = config_files_aliases(files);
    for (char **alias = aliases; *alias != NULL; alias++)
        check_alias(files, *alias);
    return 0;
}
