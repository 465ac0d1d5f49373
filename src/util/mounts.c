/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/mounts.h"

#include <stdio.h>
#include <string.h>

#include "ftpsfs/util/error.h"

#define MOUNT_FIELDS 6 /* before the optional ones */
#define TYPE_FIELDS  3 /* behind the dash */

static void free_entry(gpointer data)
{
    MountEntry *entry = data;
    g_free(entry->point);
    g_strfreev(entry->options);
    g_free(entry->type);
    g_free(entry->source);
    g_free(entry->super_options);
    g_free(entry);
}

static gboolean to_number(const char *text, guint *number)
{
    guint64 wide = 0;
    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &wide, NULL))
        return FALSE;
    *number = (guint)wide;
    return TRUE;
}

/* NULL for a line that is none. */
static MountEntry *parse(const char *line)
{
    g_auto(GStrv) halves = g_strsplit(line, " - ", 2);
    if (g_strv_length(halves) < 2)
        return NULL;
    g_auto(GStrv) place = g_strsplit(halves[0], " ", MOUNT_FIELDS + 1);
    g_auto(GStrv) type = g_strsplit(halves[1], " ", TYPE_FIELDS);
    if (g_strv_length(place) < MOUNT_FIELDS || g_strv_length(type) < TYPE_FIELDS)
        return NULL;
    g_auto(GStrv) device = g_strsplit(place[2], ":", 2);
    guint id, parent, major, minor;
    if (!to_number(place[0], &id) || !to_number(place[1], &parent) ||
        !to_number(device[0], &major) || !to_number(device[1], &minor))
        return NULL;
    MountEntry *entry = g_new0(MountEntry, 1);
    entry->id = id;
    entry->parent = parent;
    entry->major = major;
    entry->minor = minor;
    /* Blanks and their like are \040 there. */
    entry->point = g_strcompress(place[4]);
    entry->options = g_strsplit(place[5], ",", -1);
    entry->type = g_strcompress(type[0]);
    entry->source = g_strcompress(type[1]);
    entry->super_options = g_strdup(type[2]);
    return entry;
}

GPtrArray *mounts_read(GError **error)
{
    g_autofree char *table = NULL;
    g_autoptr(GError) failure = NULL;
    if (!g_file_get_contents("/proc/self/mountinfo", &table, NULL, &failure)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                    "the table of mounts can't be read: %s; is /proc mounted?", failure->message);
        return NULL;
    }
    GPtrArray *mounts = g_ptr_array_new_with_free_func(free_entry);
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        MountEntry *entry = parse(*line);
        if (entry != NULL)
            g_ptr_array_add(mounts, entry);
    }
    return mounts;
}

const MountEntry *mounts_find(const GPtrArray *mounts, guint id)
{
    for (guint i = 0; i < mounts->len; i++) {
        const MountEntry *entry = g_ptr_array_index(mounts, i);
        if (entry->id == id)
            return entry;
    }
    return NULL;
}

gboolean mounts_is_fuse(const MountEntry *mount)
{
    return g_str_equal(mount->type, "fuse") || g_str_has_prefix(mount->type, "fuse.");
}

gboolean mounts_fd_number(int fd, const char *field, guint *number)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", fd);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    g_autofree char *start = g_strdup_printf("%s:", field);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        guint64 found;
        if (g_str_has_prefix(*line, start) &&
            g_ascii_string_to_unsigned(g_strstrip(*line + strlen(start)), 10, 0, G_MAXUINT, &found,
                                       NULL)) {
            *number = (guint)found;
            return TRUE;
        }
    }
    return FALSE;
}

char *mounts_fd_name(int fd, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autoptr(GError) failure = NULL;
    char *name = g_file_read_link(path, &failure);
    if (name == NULL)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                    "what a directory is called can't be told: %s; is /proc mounted?",
                    failure->message);
    return name;
}
