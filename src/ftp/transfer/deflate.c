/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/deflate.h"

#include <zlib.h>

#include "ftpsfs/util/error.h"

/* Compressed bytes that are taken from the source at once. */
#define PIECE 65536

/* The longest that a stream can say nothing: the tables of a block are a few hundred bytes. Who
 * sends more wants to keep us busy. */
#define BARREN_MAX PIECE

struct Inflater {
    z_stream stream;
    gboolean ended;
    gsize barren; /* compressed bytes since the last that came of any */
    guint8 in[PIECE];
};

const char *deflate_version(void)
{
    return zlibVersion();
}

/* As everywhere else, there is no going on without memory. */
static void *allocate(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return g_malloc_n(count, size);
}

static void release(void *opaque, void *memory)
{
    (void)opaque;
    g_free(memory);
}

Inflater *deflate_inflater_new(void)
{
    Inflater *inflater = g_new0(Inflater, 1);
    inflater->stream.zalloc = allocate;
    inflater->stream.zfree = release;
    /* Neither memory nor the arguments can be the reason. */
    if (inflateInit(&inflater->stream) != Z_OK)
        g_error("zlib %s is not the one that ftpsfs was built with: %s", zlibVersion(),
                ZLIB_VERSION);
    return inflater;
}

void deflate_inflater_free(Inflater *inflater)
{
    if (inflater == NULL)
        return;
    inflateEnd(&inflater->stream);
    g_free(inflater);
}

gboolean deflate_inflater_ended(const Inflater *inflater)
{
    return inflater->ended;
}

static gboolean refuse(GError **error, const char *what)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                "the server's compressed data %s; mount without -o compress if that stays so",
                what);
    return FALSE;
}

/* Takes more from the source. 1, 0 at its end, -1 with an error. */
static int refill(Inflater *inflater, InflaterSource source, gpointer data, GError **error)
{
    gssize got = source(data, inflater->in, sizeof inflater->in, error);
    if (got <= 0)
        return (int)got;
    inflater->stream.next_in = inflater->in;
    inflater->stream.avail_in = (uInt)got;
    inflater->barren += (gsize)got;
    return 1;
}

/* The stream has ended; so must what carries it. */
static gssize read_end(Inflater *inflater, InflaterSource source, gpointer data, GError **error)
{
    int more = inflater->stream.avail_in > 0 ? 1 : refill(inflater, source, data, error);
    if (more == 1)
        refuse(error, "go on after their end");
    return more == 1 ? -1 : more;
}

/* Decompresses what is there. FALSE: damaged. */
static gboolean inflate_some(Inflater *inflater, GError **error)
{
    switch (inflate(&inflater->stream, Z_NO_FLUSH)) {
    case Z_STREAM_END:
        inflater->ended = TRUE;
        return TRUE;
    case Z_OK:
    case Z_BUF_ERROR: /* nothing there yet */
        return TRUE;
    case Z_NEED_DICT:
        return refuse(error, "need a dictionary that there is none of");
    default:
        return refuse(error, "are damaged, or are none");
    }
}

gssize deflate_inflater_read(Inflater *inflater, InflaterSource source, gpointer data, void *buffer,
                             gsize length, GError **error)
{
    z_stream *stream = &inflater->stream;
    gsize room = MIN(length, G_MAXINT);
    while (!inflater->ended) {
        stream->next_out = buffer;
        stream->avail_out = (uInt)room;
        /* zlib gives a failure again when it is called again. */
        if (!inflate_some(inflater, error))
            return -1;
        gsize got = room - stream->avail_out;
        if (got > 0) {
            inflater->barren = stream->avail_in;
            return (gssize)got;
        }
        if (inflater->ended)
            break;
        if (inflater->barren > BARREN_MAX) {
            refuse(error, "hold nothing");
            return -1;
        }
        int more = refill(inflater, source, data, error);
        if (more == 0)
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED,
                        "the server's compressed data end before their end");
        if (more <= 0)
            return -1;
    }
    return read_end(inflater, source, data, error);
}
