/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the reader of the cache on disk: whatever is done to a chunk's file, or stands in its
 * place, what is read is the chunk that was put or nothing; and what was nothing is deleted. */
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ftpsfs/cache/disk.h"

#define CONTENT 600
#define INDEX   5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *directory;

static void remove_directory(void)
{
    g_autofree char *inner = g_build_filename(directory, "ftpsfs-content-1", NULL);
    g_autoptr(GDir) dir = g_dir_open(inner, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(inner, name, NULL);
        g_unlink(path);
    }
    g_rmdir(inner);
    g_rmdir(directory);
}

/* The path of the one chunk's file, for g_free; NULL: there is none. */
static char *chunk_path(void)
{
    g_autofree char *inner = g_build_filename(directory, "ftpsfs-content-1", NULL);
    g_autoptr(GDir) dir = g_dir_open(inner, 0, NULL);
    g_assert_nonnull(dir);
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL)
        if (strlen(name) > 64)
            return g_build_filename(inner, name, NULL);
    return NULL;
}

/* The input's first byte says what becomes of the file: the rest in its place; or changes of three
 * bytes each, of which the first two say where; or, also, how long it is cut or made. */
static void damage(GByteArray *file, const uint8_t *data, size_t size)
{
    if (data[0] % 3 == 0) {
        g_byte_array_set_size(file, 0);
        g_byte_array_append(file, data + 1, (guint)(size - 1));
        return;
    }
    for (size_t i = 1; i + 3 <= size && file->len > 0; i += 3)
        file->data[(data[i] * 256u + data[i + 1]) % file->len] ^= data[i + 2];
    if (data[0] % 3 == 1)
        return;
    guint before = file->len;
    g_byte_array_set_size(file, data[0] * 4u);
    if (file->len > before)
        memset(file->data + before, data[0], file->len - before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (directory == NULL) {
        directory = g_dir_make_tmp("ftpsfs-fuzz-XXXXXX", NULL);
        g_assert_nonnull(directory);
        atexit(remove_directory);
    }
    IdentityFacts facts = {.host = "host", .port = 990, .user = "user"};
    g_autoptr(Identity) identity = identity_new(&facts);
    g_autoptr(DiskCache) disk = disk_new(directory, 1 << 20, NULL);
    g_assert_nonnull(disk);
    disk_set_source(disk, identity);
    DiskKey key;
    memset(key.hash, 0x5a, sizeof key.hash);
    guint8 content[CONTENT];
    for (guint i = 0; i < CONTENT; i++)
        content[i] = (guint8)(i * 7);
    g_autoptr(GBytes) chunk = g_bytes_new(content, CONTENT);
    disk_put(disk, &key, INDEX, chunk);

    g_autofree char *path = chunk_path();
    g_assert_nonnull(path);
    char *text = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    g_autoptr(GByteArray) file = g_byte_array_new_take((guint8 *)text, length);
    g_autoptr(GBytes) before = g_bytes_new(file->data, file->len);
    damage(file, data, size);
    g_autoptr(GBytes) after = g_bytes_new(file->data, file->len);
    FILE *out = fopen(path, "wb");
    g_assert_nonnull(out);
    g_assert_cmpuint(fwrite(file->data, 1, file->len, out), ==, file->len);
    g_assert_cmpint(fclose(out), ==, 0);

    g_autoptr(GBytes) found = disk_get(disk, &key, INDEX, CONTENT);
    g_assert_true((found != NULL) == g_bytes_equal(before, after));
    g_assert_true(found == NULL || g_bytes_equal(found, chunk));
    g_autofree char *left = chunk_path();
    g_assert_true((left != NULL) == (found != NULL));
    return 0;
}
