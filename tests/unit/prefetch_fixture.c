/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prefetch_fixture.h"

#include <string.h>

struct RemoteStream {
    guint64 left;
};

PrefetchServer server;

static void wake_server(GCancellable *cancel, gpointer data)
{
    (void)cancel;
    (void)data;
    g_mutex_lock(&server.lock);
    g_cond_broadcast(&server.changed);
    g_mutex_unlock(&server.lock);
}

RemoteStream *remote_stream_open(Remote *remote, const char *path, guint64 offset, guint64 size,
                                 GCancellable *cancel, GError **error)
{
    g_assert_cmpuint(offset, ==, 0);
    g_assert_cmpuint(size, ==, fake_size(remote, path));
    gulong watch = g_cancellable_connect(cancel, G_CALLBACK(wake_server), NULL, NULL);
    g_mutex_lock(&server.lock);
    g_ptr_array_add(server.opened, g_strdup(path));
    server.active++;
    server.most_active = MAX(server.most_active, server.active);
    g_cond_broadcast(&server.changed);
    while (server.held && !g_cancellable_is_cancelled(cancel))
        g_cond_wait(&server.changed, &server.lock);
    gboolean cancelled = g_cancellable_is_cancelled(cancel);
    if (cancelled)
        server.active--;
    guint64 cut = server.cut;
    g_mutex_unlock(&server.lock);
    g_cancellable_disconnect(cancel, watch);
    if (cancelled) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED, "interrupted");
        return NULL;
    }
    RemoteStream *stream = g_new0(RemoteStream, 1);
    stream->left = size - cut;
    return stream;
}

gssize remote_stream_read(RemoteStream *stream, void *buffer, gsize length, GCancellable *cancel,
                          GError **error)
{
    (void)cancel;
    (void)error;
    gsize got = (gsize)MIN((guint64)MIN(length, (gsize)10000), stream->left);
    memset(buffer, 'x', got);
    stream->left -= got;
    return (gssize)got;
}

void remote_stream_close(RemoteStream *stream)
{
    if (stream == NULL)
        return;
    g_free(stream);
    g_mutex_lock(&server.lock);
    server.active--;
    g_cond_broadcast(&server.changed);
    g_mutex_unlock(&server.lock);
}

void hold(gboolean held)
{
    g_mutex_lock(&server.lock);
    server.held = held;
    g_cond_broadcast(&server.changed);
    g_mutex_unlock(&server.lock);
}

void bed_init(Bed *bed, guint connections)
{
    *bed = (Bed){0};
    server.opened = g_ptr_array_new_with_free_func(g_free);
    server.held = FALSE;
    server.active = server.most_active = 0;
    server.cut = 0;
    fixture_init(&bed->tree);
    bed->chunks = chunks_new(64 << 20);
    bed->workers = workers_new(2 * connections + 4);
    PrefetchOptions options = {
        .remote = bed->tree.remote,
        .tree = bed->tree.tree,
        .chunks = bed->chunks,
        .workers = bed->workers,
        .stats = &bed->stats,
        .connections = connections,
        .cache_size = 64 << 20,
    };
    bed->prefetch = prefetch_new(&options);
}

void bed_end_prefetch(Bed *bed)
{
    prefetch_stop(bed->prefetch);
    g_clear_pointer(&bed->workers, workers_free);
    g_clear_pointer(&bed->prefetch, prefetch_free);
}

void bed_clear(Bed *bed)
{
    bed_end_prefetch(bed);
    chunks_free(bed->chunks);
    fixture_clear(&bed->tree);
    g_clear_pointer(&server.opened, g_ptr_array_unref);
}

void put_files(Bed *bed, const char *format, guint count, guint64 size)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("f%03u", i);
        g_autofree char *path = g_strdup_printf("%s/%s", format, name);
        fake_put_file(bed->tree.remote, path, size, 1);
    }
}

void list(Bed *bed, Node *dir)
{
    g_autoptr(GError) error = NULL;
    prefetch_note_listing(bed->prefetch, dir);
    g_autoptr(GPtrArray) nodes G_GNUC_UNUSED = tree_list(bed->tree.tree, dir, NULL, &error);
    g_assert_no_error(error);
    prefetch_note_listed(bed->prefetch, dir);
}

void open_file(Bed *bed, const char *name)
{
    g_autoptr(Node) node = fixture_find(&bed->tree, bed->tree.root, name);
    tree_note_kernel_version(node, fixture_info(node).version);
    prefetch_note_open(bed->prefetch, node);
}

void read_file(Bed *bed, const char *name)
{
    g_autoptr(Node) node = fixture_find(&bed->tree, bed->tree.root, name);
    NodeInfo info = fixture_info(node);
    prefetch_await(bed->prefetch, node, info.version, info.size, NULL);
}

gboolean is_cached(Bed *bed, const char *name)
{
    g_autoptr(Node) node = fixture_find(&bed->tree, bed->tree.root, name);
    NodeInfo info = fixture_info(node);
    return chunks_has(bed->chunks, info.ino, info.version, 0);
}

void await_fetched(guint count)
{
    g_mutex_lock(&server.lock);
    while (server.opened->len < count || server.active > 0)
        g_cond_wait(&server.changed, &server.lock);
    g_assert_cmpuint(server.opened->len, ==, count);
    g_mutex_unlock(&server.lock);
}

void await_active(guint count)
{
    g_mutex_lock(&server.lock);
    while (server.active < count)
        g_cond_wait(&server.changed, &server.lock);
    g_mutex_unlock(&server.lock);
}

Node *child_of(Bed *bed, Node *dir, const char *name)
{
    Node *node = fixture_find(&bed->tree, dir, name);
    node_unref(node);
    return node;
}

static gint compare_paths(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void assert_opened(const char *names)
{
    g_mutex_lock(&server.lock);
    g_autoptr(GString) found = g_string_new(NULL);
    g_ptr_array_sort(server.opened, compare_paths);
    for (guint i = 0; i < server.opened->len; i++)
        g_string_append_printf(found, "%s%s", i > 0 ? " " : "",
                               strrchr(g_ptr_array_index(server.opened, i), '/') + 1);
    g_mutex_unlock(&server.lock);
    g_assert_cmpstr(found->str, ==, names);
}
