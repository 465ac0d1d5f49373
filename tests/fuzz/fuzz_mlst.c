/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of MLST and time-vals of a hostile server. */
#include "ftp/listing/listing.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *line = g_strndup((const char *)data, size);
    gint64 seconds;
    gint32 nanoseconds;
    if (listing_parse_time(line, &seconds, &nanoseconds)) {
        g_assert_cmpint(nanoseconds, >=, 0);
        g_assert_cmpint(nanoseconds, <, 1000000000);
        g_assert_cmpint(seconds, <=, G_GINT64_CONSTANT(253402300800));
    }

    ListingContext context = {.now = G_GINT64_CONSTANT(1718452800)};
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autoptr(GError) error = NULL;
    if (!listing_parse_mlst(line, &context, entry, &error)) {
        g_assert_nonnull(error);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_assert_no_error(error);
    g_assert_null(strpbrk(entry->name->str, "/\n"));
    g_assert_true(g_utf8_validate(entry->name->str, (gssize)entry->name->len, NULL));
    g_assert_true(g_utf8_validate(entry->target->str, (gssize)entry->target->len, NULL));
    g_assert_cmpuint(entry->mode & ~07777u, ==, 0);
    g_assert_cmpuint(entry->size, <=, G_MAXINT64);
    return 0;
}
