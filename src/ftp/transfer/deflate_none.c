/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deflate.h for a build without zlib. -o compress is refused there, so that nothing but the first
 * function is ever called.
 */
#include "ftpsfs/ftp/deflate.h"

const char *deflate_version(void)
{
    return NULL;
}

Inflater *deflate_inflater_new(void)
{
    g_assert_not_reached();
}

void deflate_inflater_free(Inflater *inflater)
{
    g_assert(inflater == NULL);
}

gboolean deflate_inflater_ended(const Inflater *inflater)
{
    (void)inflater;
    g_assert_not_reached();
}

gssize deflate_inflater_read(Inflater *inflater, InflaterSource source, gpointer data, void *buffer,
                             gsize length, GError **error)
{
    (void)inflater, (void)source, (void)data, (void)buffer, (void)length, (void)error;
    g_assert_not_reached();
}
