/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link_target.h"

#include <string.h>

#include "ftpsfs/ftp/entry.h"
#include "ftpsfs/util/error.h"

/* One name of a path; borrowed from its text. */
typedef struct {
    const char *at;
    gsize length;
} Name;

static gboolean name_is(const Name *name, const char *text)
{
    return name->length == strlen(text) && memcmp(name->at, text, name->length) == 0;
}

static gboolean same_name(const GArray *a, const GArray *b, guint i)
{
    const Name *left = &g_array_index(a, Name, i);
    const Name *right = &g_array_index(b, Name, i);
    return left->length == right->length && memcmp(left->at, right->at, left->length) == 0;
}

/* Goes from `names` on by the text of `path`. FALSE when that climbs above "/". */
static gboolean go(GArray *names, const char *path)
{
    while (*path != '\0') {
        Name name = {path, strcspn(path, "/")};
        path += name.length + (path[name.length] == '/' ? 1 : 0);
        if (name.length == 0 || name_is(&name, "."))
            continue;
        if (!name_is(&name, ".."))
            g_array_append_val(names, name);
        else if (names->len > 0)
            g_array_set_size(names, names->len - 1);
        else
            return FALSE;
    }
    return TRUE;
}

static GArray *names_of(const char *path)
{
    GArray *names = g_array_new(FALSE, FALSE, sizeof(Name));
    go(names, path);
    return names;
}

static guint common_names(const GArray *a, const GArray *b)
{
    guint count = 0;
    while (count < a->len && count < b->len && same_name(a, b, count))
        count++;
    return count;
}

gboolean link_target_is_plain(const char *target)
{
    for (const char *at = target; (at = strstr(at, "..")) != NULL; at++) {
        if ((at == target || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return FALSE;
    }
    return *target != '/';
}

/* The way from the directory `from` to `to`. */
static char *way(const GArray *from, const GArray *to)
{
    guint common = common_names(from, to);
    GString *text = g_string_new(NULL);
    for (guint i = common; i < from->len; i++)
        g_string_append(text, "../");
    for (guint i = common; i < to->len; i++) {
        const Name *name = &g_array_index(to, Name, i);
        g_string_append_len(text, name->at, (gssize)name->length);
        g_string_append_c(text, '/');
    }
    if (text->len == 0)
        g_string_append(text, "./");
    return g_string_free(text, FALSE);
}

static char *fail(GError **error, FtpsfsErrorCode code, const char *why)
{
    g_set_error(error, FTPSFS_ERROR, (gint)code, "The target of the symbolic link %s", why);
    return NULL;
}

char *link_target_inside(const char *root, const char *dir, const char *target, GError **error)
{
    gsize length = strlen(target);
    if (length == 0)
        return fail(error, FTPSFS_ERROR_INVALID, "is empty");
    if (length > ENTRY_TARGET_MAX)
        return fail(error, FTPSFS_ERROR_NAME_TOO_LONG, "is longer than a path can be");
    if (link_target_is_plain(target))
        return g_strdup(target);
    if (dir == NULL)
        return fail(error, FTPSFS_ERROR_STALE, "is told from a directory that is gone");
    g_autoptr(GArray) top = names_of(root);
    g_autoptr(GArray) here = names_of(dir);
    g_autoptr(GArray) there = names_of(*target == '/' ? "" : dir);
    if (!go(there, target) || common_names(there, top) < top->len ||
        common_names(here, top) < top->len)
        return fail(error, FTPSFS_ERROR_OUTSIDE, "is outside the mount");
    g_autofree char *shown = way(here, there);
    /* A slash at the end asks for a directory, and is the server's to ask. */
    if (target[length - 1] != '/')
        shown[strlen(shown) - 1] = '\0';
    if (strlen(shown) > ENTRY_TARGET_MAX)
        return fail(error, FTPSFS_ERROR_NAME_TOO_LONG, "is longer than a path can be");
    return g_steal_pointer(&shown);
}

char *link_target_trusted(const char *root, const char *dir, const char *target)
{
    char *inside = *target == '/' ? link_target_inside(root, dir, target, NULL) : NULL;
    return inside != NULL ? inside : g_strdup(target);
}
