/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files_fixture.h"

#include <glib/gstdio.h>
#include <string.h>

void bed_init(Bed *bed, gboolean atomic_upload)
{
    g_autoptr(GError) error = NULL;
    *bed = (Bed){.server = fake_contents_reset()};
    fixture_init(&bed->tree);
    fake_settings(bed->tree.remote)->rename_over = TRUE;
    bed->space = space_new(0, 1);
    bed->directory = g_dir_make_tmp("ftpsfs-files-XXXXXX", &error);
    g_assert_no_error(error);
    FilesOptions options = {
        .cache_size = 16 * MIB,
        .readahead = MIB,
        .spool_dir = bed->directory,
        .rescue_dir = bed->directory,
        .atomic_upload = atomic_upload,
        .space = bed->space,
        .connections = 2,
        .timeout_s = 10,
    };
    bed->files = files_new(bed->tree.remote, bed->tree.tree, &bed->stats, &options);
}

void bed_clear(Bed *bed)
{
    g_clear_pointer(&bed->files, files_free);
    g_assert_cmpuint(fake_contents_open_now(), ==, 0);
    g_assert_cmpuint(space_used(bed->space), ==, 0);
    space_free(bed->space);
    g_assert_cmpint(g_rmdir(bed->directory), ==, 0);
    g_free(bed->directory);
    fixture_clear(&bed->tree);
}

File *bed_create(Bed *bed, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = NULL;
    File *file = file_create(bed->files, bed->tree.root, name, 0640, &node, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(file);
    return file;
}

File *bed_open(Bed *bed, const char *name, int flags)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = fixture_find(&bed->tree, bed->tree.root, name);
    gboolean keep = FALSE;
    File *file = file_open(bed->files, node, flags, &keep, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(file);
    return file;
}

void bed_write(File *file, const char *text, guint64 offset)
{
    g_autoptr(GError) error = NULL;
    assert_succeeds(file_write(file, text, strlen(text), offset, FALSE, NULL, &error), error);
}

void bed_truncate(Bed *bed, const char *name, File *file, guint64 size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Node) node = fixture_find(&bed->tree, bed->tree.root, name);
    assert_succeeds(file_truncate(bed->files, node, file, size, NULL, &error), error);
}

char *bed_letters(gsize length, guint first)
{
    char *text = g_malloc(length + 1);
    for (gsize i = 0; i < length; i++)
        text[i] = (char)('!' + (first + i + i / 89) % 90);
    text[length] = '\0';
    return text;
}

void bed_flush(File *file)
{
    g_autoptr(GError) error = NULL;
    assert_succeeds(file_flush(file, NULL, &error), error);
}

void bed_flush_fails(File *file, FtpsfsErrorCode code)
{
    g_autoptr(GError) error = NULL;
    assert_fails(file_flush(file, NULL, &error), error, code);
}

void bed_assert(Bed *bed, const char *path, const char *text, const char *stores)
{
    g_autofree char *there = fake_contents_get(path);
    g_autofree char *log = fake_contents_log();
    g_assert_cmpstr(log, ==, stores);
    g_assert_cmpuint(strlen(there), ==, strlen(text));
    g_assert_cmpstr(there, ==, text);
    if (fake_exists(bed->tree.remote, path))
        g_assert_cmpuint(fake_size(bed->tree.remote, path), ==, strlen(text));
}
