/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_fixture.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

void config_setup(ConfigFixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("ftpsfs-config-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->directory = realpath(directory, NULL);
    g_assert_cmpint(chdir(fixture->directory), ==, 0);
    g_assert_cmpint(g_mkdir("mnt", 0700), ==, 0);
    g_assert_cmpint(g_mkdir("full", 0700), ==, 0);
    g_assert_true(g_file_set_contents("full/file", "x", 1, NULL));
    g_assert_true(g_file_set_contents("file", "x", 1, NULL));
}

void config_teardown(ConfigFixture *fixture, gconstpointer data)
{
    (void)data;
    g_unlink("full/file");
    g_unlink("file");
    g_rmdir("full");
    g_rmdir("mnt");
    g_assert_cmpint(chdir("/"), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    free(fixture->directory);
}

MountConfig *parse(const char *words, GError **error)
{
    g_autofree char *line = g_strdup_printf("ftpsfs %s", words);
    g_auto(GStrv) argv = g_strsplit(g_strstrip(line), " ", -1);
    g_test_message("%s", line);
    return config_parse((int)g_strv_length(argv), argv, error);
}

MountConfig *parse_good(const char *words)
{
    g_autoptr(GError) error = NULL;
    MountConfig *config = parse(words, &error);
    g_assert_no_error(error);
    g_assert_nonnull(config);
    return config;
}

MountConfig *parse_options(const char *options)
{
    g_autofree char *words = g_strdup_printf("host mnt -o %s", options);
    return parse_good(words);
}

void refuse(const char *words, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MountConfig) config = parse(words, &error);
    g_assert_null(config);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
    g_assert_null(strchr(error->message, '\n'));
    if (strstr(error->message, says) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, says);
}

void refuse_option(const char *option, const char *says)
{
    g_autofree char *words = g_strdup_printf("host mnt -o %s", option);
    refuse(words, says);
}

gboolean has_fuse_option(const MountConfig *config, const char *option)
{
    return g_ptr_array_find_with_equal_func(config->fuse_options, option, g_str_equal, NULL);
}

void config_clear_environment(void)
{
    g_unsetenv("TMPDIR"); /* the tests of spool_dir set it */
    g_setenv("XDG_CONFIG_HOME", "/nonexistent", TRUE);
}
