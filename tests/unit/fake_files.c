/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_files.h"

void fake_files_free(gpointer data)
{
    FakeFile *file = data;
    g_free(file->name);
    g_free(file->target);
    g_clear_pointer(&file->by_name, g_hash_table_unref);
    g_clear_pointer(&file->children, g_ptr_array_unref);
    g_free(file);
}

FakeFile *fake_files_new(FakeFile *parent, const char *name, RemoteType type)
{
    FakeFile *file = g_new0(FakeFile, 1);
    file->parent = parent;
    file->name = g_strdup(name);
    file->type = type;
    file->mode = type == REMOTE_TYPE_DIR ? 0755 : 0644;
    file->mtime = 1000000000;
    if (type == REMOTE_TYPE_DIR) {
        file->children = g_ptr_array_new_with_free_func(fake_files_free);
        file->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    }
    if (parent != NULL) {
        g_ptr_array_add(parent->children, file);
        g_hash_table_insert(parent->by_name, file->name, file);
    }
    return file;
}

FakeFile *fake_files_find(FakeFile *top, const char *path)
{
    FakeFile *file = top;
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part != NULL && file != NULL; part++) {
        if (**part == '\0')
            continue;
        file = file->by_name != NULL ? g_hash_table_lookup(file->by_name, *part) : NULL;
    }
    return file;
}

FakeFile *fake_files_find_parent(FakeFile *top, const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    FakeFile *file = fake_files_find(top, parent);
    return file != NULL && file->type == REMOTE_TYPE_DIR ? file : NULL;
}

FakeFile *fake_files_put(FakeFile *top, const char *path, RemoteType type)
{
    FakeFile *parent = fake_files_find_parent(top, path);
    g_assert_nonnull(parent);
    g_autofree char *name = g_path_get_basename(path);
    return fake_files_new(parent, name, type);
}

void fake_files_take_out(FakeFile *file)
{
    guint index;
    FakeFile *parent = file->parent;
    g_assert_true(g_ptr_array_find(parent->children, file, &index));
    g_hash_table_remove(parent->by_name, file->name);
    g_ptr_array_steal_index(parent->children, index);
    file->parent = NULL;
}

void fake_files_remove(FakeFile *file)
{
    fake_files_take_out(file);
    fake_files_free(file);
}

GPtrArray *fake_files_snapshot(const FakeFile *dir)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(fake_files_free);
    for (guint i = 0; i < dir->children->len; i++) {
        const FakeFile *file = g_ptr_array_index(dir->children, i);
        FakeFile *copy = g_new0(FakeFile, 1);
        copy->name = g_strdup(file->name);
        copy->type = file->type;
        copy->size = file->size;
        copy->mtime = file->mtime;
        copy->mode = file->mode;
        copy->target = g_strdup(file->target);
        g_ptr_array_add(files, copy);
    }
    return files;
}
