/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree_fixture.h"

/* A TreeOptions.clock has no data of its own. */
static gint64 clock_time = 1000 * G_USEC_PER_SEC;

gint64 fixture_now(void)
{
    return __atomic_load_n(&clock_time, __ATOMIC_RELAXED);
}

void fixture_advance(guint seconds)
{
    __atomic_add_fetch(&clock_time, (gint64)seconds * G_USEC_PER_SEC, __ATOMIC_RELAXED);
}

void fixture_init_at(Fixture *f, const char *root, guint max_nodes)
{
    fixture_init_with(f, root, (TreeOptions){.max_nodes = max_nodes});
}

void fixture_init_with(Fixture *f, const char *root, TreeOptions options)
{
    options.timeout_s = FIXTURE_TIMEOUT;
    options.clock = fixture_now;
    f->remote = fake_remote_new(root);
    f->tree = tree_new(f->remote, &options);
    f->root = tree_root(f->tree);
}

void fixture_init(Fixture *f)
{
    fixture_init_at(f, "/m", 0);
}

void fixture_clear(Fixture *f)
{
    tree_free(f->tree);
    fake_remote_free(f->remote);
}

Node *fixture_find(Fixture *f, Node *dir, const char *name)
{
    g_autoptr(GError) error = NULL;
    Node *node = tree_lookup(f->tree, dir, name, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(node);
    return node;
}

void fixture_assert_lookup_fails(Fixture *f, Node *dir, const char *name, FtpsfsErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(tree_lookup(f->tree, dir, name, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, (gint)code);
}

void fixture_assert_list(Fixture *f, Node *dir, const char *names)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) nodes = tree_list(f->tree, dir, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(nodes);
    g_autoptr(GString) found = g_string_new(NULL);
    for (guint i = 0; i < nodes->len; i++) {
        g_autofree char *name = node_name(g_ptr_array_index(nodes, i));
        g_string_append_printf(found, "%s%s", i > 0 ? " " : "", name);
    }
    g_assert_cmpstr(found->str, ==, names);
}

void fixture_assert_path(Node *node, const char *path)
{
    g_autofree char *found = node_path(node);
    g_assert_cmpstr(found, ==, path);
}

NodeInfo fixture_info(Node *node)
{
    NodeInfo info;
    node_info(node, &info);
    return info;
}
