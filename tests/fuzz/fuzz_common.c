/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz_common.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

static char *directory;

static void check_log(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    (void)domain;
    (void)data;
    if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) == 0)
        return;
    g_printerr("%s\n", message);
    g_abort(); /* the fuzzer keeps the input then, which it does not at GLib's SIGTRAP */
}

void fuzz_quiet(void)
{
    g_log_set_default_handler(check_log, NULL);
}

void fuzz_check_error(const GError *error)
{
    g_assert_nonnull(error);
    g_assert_true(error->domain == FTPSFS_ERROR);
    g_assert_true(*error->message != '\0');
}

gboolean fuzz_are_facts(const char *facts)
{
    static const char *const known[] = {
        "type",       "size",           "modify",   "perm",       "unique",
        "unix.mode",  "unix.uid",       "unix.gid", "unix.owner", "unix.ownername",
        "unix.group", "unix.groupname", NULL};
    g_auto(GStrv) words = g_strsplit(facts, ";", -1);
    gboolean good = g_str_has_suffix(facts, ";");
    for (char **word = words; good && word[1] != NULL; word++) {
        g_autofree char *lower = g_ascii_strdown(*word, -1);
        good = g_strv_contains(known, lower);
    }
    return good;
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *below = g_build_filename(path, name, NULL);
        if (g_file_test(below, G_FILE_TEST_IS_DIR) && !g_file_test(below, G_FILE_TEST_IS_SYMLINK))
            remove_tree(below);
        else
            g_unlink(below);
    }
    g_rmdir(path);
}

static void remove_directory(void)
{
    remove_tree(directory);
}

char *fuzz_path(const char *name)
{
    if (directory == NULL) {
        directory = g_dir_make_tmp("ftpsfs-fuzz-XXXXXX", NULL);
        g_assert_nonnull(directory);
        atexit(remove_directory);
    }
    return g_build_filename(directory, name, NULL);
}

void fuzz_write(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, (gssize)size);
    g_assert_cmpint(close(fd), ==, 0);
}
