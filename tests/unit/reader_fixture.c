/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader_fixture.h"

FakeStreams *bed_init(Bed *bed, guint64 size)
{
    *bed = (Bed){.size = size};
    FakeStreams *settings = fake_streams_reset(size);
    fixture_init(&bed->tree);
    fake_put_file(bed->tree.remote, "/m/file", size, 1000000);
    bed->node = fixture_find(&bed->tree, bed->tree.root, "file");
    bed->shared = (ReaderShared){
        .remote = bed->tree.remote,
        .chunks = chunks_new(64 * MIB),
        .workers = workers_new(12),
        .closers = workers_new(2),
        .stats = &bed->stats,
        .cache_size = 64 * MIB,
        .readahead = 8 * MIB,
        .ahead_max = 8 * MIB, /* too little for segments, whose trials hang on the time */
        .max_streams = 4,
        .timeout_s = 30,
    };
    bed->reader = reader_new(&bed->shared, bed->node, fixture_info(bed->node).version, size);
    return settings;
}

void bed_close(Bed *bed)
{
    g_clear_pointer(&bed->reader, reader_close);
    workers_free(bed->shared.workers);
    workers_free(bed->shared.closers);
}

void bed_clear(Bed *bed)
{
    bed_close(bed);
    g_assert_cmpuint(fake_streams_open_now(), ==, 0);
    g_assert_cmpint(bed->shared.runs, ==, 0);
    chunks_free(bed->shared.chunks);
    disk_free(bed->shared.disk);
    node_unref(bed->node);
    fixture_clear(&bed->tree);
}

static guint64 check_parts(const GPtrArray *parts, guint64 offset)
{
    guint64 total = 0;
    for (guint i = 0; i < parts->len; i++) {
        gsize length;
        const guint8 *data = g_bytes_get_data(g_ptr_array_index(parts, i), &length);
        gsize wrong = 0;
        for (gsize j = 0; j < length; j++)
            wrong += data[j] != fake_byte(offset + total + j);
        g_assert_cmpuint(wrong, ==, 0);
        total += length;
    }
    return total;
}

guint64 read_at(Bed *bed, guint64 offset, gsize length)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GError) error = NULL;
    g_assert_true(reader_read(bed->reader, offset, length, parts, NULL, &error));
    g_assert_no_error(error);
    return check_parts(parts, offset);
}

void read_all(Bed *bed, guint64 from, guint64 to, gsize step)
{
    for (guint64 at = from; at < to; at += step)
        g_assert_cmpuint(read_at(bed, at, step), ==, MIN(step, bed->size - at));
}
