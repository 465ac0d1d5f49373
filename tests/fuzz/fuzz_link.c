/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbolic links of a hostile server: lines of the mount's root, the link's directory below it, and
 * the target. Whatever is shown must not lead out of the mount. */
#include "cache/tree/link_target.h"

#include <stdint.h>
#include <string.h>

#include "ftpsfs/ftp/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A path as the tree has them. */
static char *plain_path(const char *text)
{
    g_autofree char *path = g_canonicalize_filename(text, "/");
    return g_strdup(path[1] == '/' ? path + 1 : path);
}

static guint depth_of(const char *path)
{
    guint depth = 0;
    for (; *path != '\0'; path++)
        depth += *path == '/' && path[1] != '\0' ? 1 : 0;
    return depth;
}

/* Walks as the kernel does, which may find a link at every name: no ".." behind one. */
static void check(const char *shown, guint depth)
{
    g_assert_cmpint(*shown, !=, '/');
    g_assert_cmpint(*shown, !=, '\0');
    g_assert_cmpuint(strlen(shown), <=, ENTRY_TARGET_MAX);
    g_auto(GStrv) names = g_strsplit(shown, "/", -1);
    gboolean named = FALSE;
    for (char **name = names; *name != NULL; name++) {
        if (g_str_equal(*name, "..")) {
            g_assert_false(named);
            g_assert_cmpuint(depth, >, 0);
            depth--;
        } else if (**name != '\0' && !g_str_equal(*name, ".")) {
            named = TRUE;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
    if (g_strv_length(lines) < 3)
        return 0;
    g_autofree char *root = plain_path(lines[0]);
    g_autofree char *below = plain_path(lines[1]);
    g_autofree char *joined = g_strconcat(root, below, NULL);
    g_autofree char *dir = plain_path(joined);
    const char *target = lines[2];

    g_autoptr(GError) error = NULL;
    g_autofree char *shown = link_target_inside(root, dir, target, &error);
    g_assert_cmpint(shown == NULL, ==, error != NULL);
    if (shown == NULL)
        return 0;
    check(shown, depth_of(dir) - depth_of(root));
    /* It is the place that the server means. */
    g_autofree char *meant = g_canonicalize_filename(target, dir);
    g_autofree char *found = g_canonicalize_filename(shown, dir);
    g_autofree char *meant_plain = plain_path(meant);
    g_autofree char *found_plain = plain_path(found);
    g_assert_cmpstr(found_plain, ==, meant_plain);
    return 0;
}
