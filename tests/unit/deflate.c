/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/deflate.h"

#include <string.h>
#include <zlib.h>

#include "ftpsfs/util/error.h"

/* A source of bytes, at most `step` at once. */
typedef struct {
    const guint8 *bytes;
    gsize length;
    gsize step;
    guint64 *taken;   /* NULL, or how many were taken in all */
    gboolean cut;     /* their end is a failure */
    gboolean endless; /* those from `again` on come without end */
    gsize again;
    gsize at;
} Input;

static gssize take(gpointer data, void *buffer, gsize length, GError **error)
{
    Input *input = data;
    if (input->at == input->length && input->endless)
        input->at = input->again;
    gsize piece = MIN(MIN(length, input->step), input->length - input->at);
    if (piece == 0 && input->cut) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED, "cut");
        return -1;
    }
    memcpy(buffer, input->bytes + input->at, piece);
    input->at += piece;
    if (input->taken != NULL)
        *input->taken += piece;
    return (gssize)piece;
}

/* Text that compresses, with something of its own in each line. */
static GByteArray *text_of(gsize length)
{
    GByteArray *text = g_byte_array_new();
    for (guint i = 0; text->len < length; i++) {
        g_autofree char *line =
            g_strdup_printf("line %u of %u is much like the others\n", i * 7, i);
        g_byte_array_append(text, (const guint8 *)line, (guint)strlen(line));
    }
    g_byte_array_set_size(text, (guint)length);
    return text;
}

/* As a server does it: flushed after each `step` bytes. */
static GByteArray *compressed(const guint8 *bytes, gsize length, gsize step)
{
    z_stream stream = {0};
    guint8 out[4096];
    GByteArray *packed = g_byte_array_new();
    g_assert_cmpint(deflateInit(&stream, Z_DEFAULT_COMPRESSION), ==, Z_OK);
    for (gsize at = 0, piece = 0; at <= length; at += piece) {
        piece = MAX(MIN(step, length - at), 1);
        stream.next_in = at < length ? (Bytef *)bytes + at : NULL;
        stream.avail_in = at < length ? (uInt)piece : 0;
        do {
            stream.next_out = out;
            stream.avail_out = sizeof out;
            deflate(&stream, at < length ? Z_SYNC_FLUSH : Z_FINISH);
            g_byte_array_append(packed, out, (guint)sizeof out - stream.avail_out);
        } while (stream.avail_out == 0);
    }
    deflateEnd(&stream);
    return packed;
}

/* Reads to the end in pieces of `room`. NULL and the error when that fails. */
static GByteArray *inflated(Input *input, gsize room, GError **error)
{
    g_autoptr(Inflater) inflater = deflate_inflater_new();
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree guint8 *buffer = g_malloc(room);
    for (;;) {
        gssize got = deflate_inflater_read(inflater, take, input, buffer, room, error);
        g_assert_cmpint(got, <=, (gssize)room);
        if (got < 0)
            return NULL;
        if (got == 0) {
            g_assert_true(deflate_inflater_ended(inflater));
            return g_steal_pointer(&out);
        }
        g_byte_array_append(out, buffer, (guint)got);
    }
}

static void assert_same(const GByteArray *a, const GByteArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    g_assert_true(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void assert_fails(Input *input, FtpsfsErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) out = inflated(input, 4096, &error);
    g_assert_null(out);
    g_assert_error(error, FTPSFS_ERROR, (gint)code);
}

static void test_round_trip(void)
{
    static const gsize lengths[] = {0, 1, 65535, 65536, 3000001};
    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(GByteArray) text = text_of(lengths[i]);
        g_autoptr(GByteArray) packed = compressed(text->data, text->len, 262144);
        g_assert_cmpuint(packed->len, <=, text->len / 4 + 100);
        Input input = {.bytes = packed->data, .length = packed->len, .step = G_MAXSIZE};
        g_autoptr(GByteArray) out = inflated(&input, 100000, NULL);
        assert_same(out, text);
    }
}

static void test_split_anywhere(void)
{
    g_autoptr(GByteArray) text = text_of(300);
    for (gsize step = 1; step <= 300; step += step < 20 ? 1 : 40) {
        g_autoptr(GByteArray) packed = compressed(text->data, text->len, step);
        for (gsize piece = 1; piece <= packed->len; piece++) {
            Input input = {.bytes = packed->data, .length = packed->len, .step = piece};
            g_autoptr(GByteArray) out = inflated(&input, piece % 7 + 1, NULL);
            assert_same(out, text);
        }
    }
}

static void test_early_end(void)
{
    g_autoptr(GByteArray) text = text_of(300);
    g_autoptr(GByteArray) packed = compressed(text->data, text->len, 100);
    for (gsize length = 0; length < packed->len; length++) {
        Input input = {.bytes = packed->data, .length = length, .step = 1000};
        assert_fails(&input, FTPSFS_ERROR_TRUNCATED);
    }
}

static void test_source_fails_after_the_end(void)
{
    g_autoptr(GByteArray) packed = compressed((const guint8 *)"abc", 3, 3);
    Input input = {.bytes = packed->data, .length = packed->len, .step = 1000, .cut = TRUE};
    g_autoptr(Inflater) inflater = deflate_inflater_new();
    g_autoptr(GError) error = NULL;
    char buffer[10];
    g_assert_cmpint(deflate_inflater_read(inflater, take, &input, buffer, 10, NULL), ==, 3);
    g_assert_cmpint(deflate_inflater_read(inflater, take, &input, buffer, 10, &error), ==, -1);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED);
    g_assert_true(deflate_inflater_ended(inflater));
}

static void test_trailing_bytes(void)
{
    g_autoptr(GByteArray) packed = compressed((const guint8 *)"abc", 3, 3);
    g_byte_array_append(packed, (const guint8 *)"x", 1);
    for (gsize step = packed->len - 1; step <= packed->len; step++) {
        Input input = {.bytes = packed->data, .length = packed->len, .step = step};
        assert_fails(&input, FTPSFS_ERROR_PROTOCOL);
    }
}

/* Whichever byte is another: an error, and never other content that passes for right. */
static void test_damage(void)
{
    g_autoptr(GByteArray) text = text_of(300);
    g_autoptr(GByteArray) packed = compressed(text->data, text->len, 100);
    for (guint i = 0; i < packed->len; i++) {
        packed->data[i] ^= 0x55;
        Input input = {.bytes = packed->data, .length = packed->len, .step = 1000};
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) out = inflated(&input, 4096, &error);
        g_assert_null(out);
        g_assert_true(ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_CONNECTION));
        packed->data[i] ^= 0x55;
    }
    Input plain = {.bytes = text->data, .length = text->len, .step = 1000};
    assert_fails(&plain, FTPSFS_ERROR_PROTOCOL);
}

static void test_dictionary(void)
{
    z_stream stream = {0};
    guint8 out[100];
    g_assert_cmpint(deflateInit(&stream, 6), ==, Z_OK);
    g_assert_cmpint(deflateSetDictionary(&stream, (const Bytef *)"abc", 3), ==, Z_OK);
    stream.next_in = (Bytef *)"abcabc";
    stream.avail_in = 6;
    stream.next_out = out;
    stream.avail_out = sizeof out;
    g_assert_cmpint(deflate(&stream, Z_FINISH), ==, Z_STREAM_END);
    Input input = {.bytes = out, .length = sizeof out - stream.avail_out, .step = 1000};
    deflateEnd(&stream);
    assert_fails(&input, FTPSFS_ERROR_PROTOCOL);
}

/* Of many zeros come as many as the reader wants, out of no more than that takes. */
static void test_bomb(void)
{
    g_autoptr(GByteArray) zeros = g_byte_array_new();
    g_byte_array_set_size(zeros, 16 * 1024 * 1024);
    memset(zeros->data, 0, zeros->len);
    g_autoptr(GByteArray) packed = compressed(zeros->data, zeros->len, zeros->len);
    guint64 taken = 0;
    Input input = {.bytes = packed->data, .length = packed->len, .step = 512, .taken = &taken};
    g_autoptr(Inflater) inflater = deflate_inflater_new();
    guint8 buffer[1000];
    for (guint i = 0; i < 100; i++) {
        gssize got = deflate_inflater_read(inflater, take, &input, buffer, sizeof buffer, NULL);
        g_assert_cmpint(got, >, 0);
        g_assert_cmpint(got, <=, sizeof buffer);
    }
    g_assert_cmpuint(taken, <=, 1024);
}

/* Empty blocks without end: what flushing gives, again and again. */
static void test_barren(void)
{
    g_autoptr(GByteArray) packed = compressed((const guint8 *)"", 0, 1);
    static const guint8 empty_block[] = {0x00, 0x00, 0x00, 0xff, 0xff};
    g_byte_array_set_size(packed, 2); /* the header */
    g_byte_array_append(packed, empty_block, sizeof empty_block);
    guint64 taken = 0;
    Input input = {.bytes = packed->data,
                   .length = packed->len,
                   .step = 1000,
                   .taken = &taken,
                   .endless = TRUE,
                   .again = 2};
    assert_fails(&input, FTPSFS_ERROR_PROTOCOL);
    g_assert_cmpuint(taken, <, 200000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/deflate/what was compressed comes back", test_round_trip);
    g_test_add_func("/deflate/a stream may be split anywhere", test_split_anywhere);
    g_test_add_func("/deflate/an early end is an error", test_early_end);
    g_test_add_func("/deflate/the end may come without the source's",
                    test_source_fails_after_the_end);
    g_test_add_func("/deflate/bytes behind the end are an error", test_trailing_bytes);
    g_test_add_func("/deflate/damage is an error", test_damage);
    g_test_add_func("/deflate/a dictionary is an error", test_dictionary);
    g_test_add_func("/deflate/a bomb gives what is asked for", test_bomb);
    g_test_add_func("/deflate/a stream of nothing ends", test_barren);
    return g_test_run();
}
