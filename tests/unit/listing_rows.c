/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing_rows.h"

static char *time_text(const RemoteEntry *entry)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};
    if ((entry->has & REMOTE_HAS_MTIME) == 0)
        return g_strdup("-");
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(entry->mtime);
    return g_date_time_format(time, formats[entry->time_precision]);
}

static char *describe(const RemoteEntry *entry)
{
    static const char letters[] = "FDLO";
    g_autofree char *time = time_text(entry);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "<%s> %c ", entry->name->str, letters[entry->type]);
    if ((entry->has & REMOTE_HAS_SIZE) != 0)
        g_string_append_printf(text, "%" G_GUINT64_FORMAT, entry->size);
    else
        g_string_append_c(text, '-');
    g_string_append_printf(text, " %s ", time);
    if ((entry->has & REMOTE_HAS_MODE) != 0)
        g_string_append_printf(text, "%o", entry->mode);
    else
        g_string_append_c(text, '-');
    g_string_append_printf(text, " %s:%s", entry->owner->str, entry->group->str);
    if (entry->target->len > 0)
        g_string_append_printf(text, " -> %s", entry->target->str);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean collect(const RemoteEntry *entry, gpointer entries, GError **error)
{
    (void)error;
    g_ptr_array_add(entries, describe(entry));
    return TRUE;
}

void listing_rows_check(const ListingContext *context, ListingDialect found, const Row *rows,
                        gsize count)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(ListingParser) parser = listing_parser_new(LISTING_LIST, context, collect, entries);
    g_autoptr(GString) text = g_string_new(NULL);
    for (gsize i = 0; i < count; i++) {
        g_string_append_printf(text, "%s\r\n", rows[i].line);
        if (rows[i].name != NULL)
            g_ptr_array_add(wanted, g_strdup_printf("<%s> %s", rows[i].name, rows[i].rest));
    }
    g_autoptr(GError) error = NULL;
    for (gsize at = 0; at < text->len; at += 7) {
        listing_parser_feed(parser, text->str + at, MIN(7, text->len - at), &error);
        g_assert_no_error(error);
    }
    listing_parser_finish(parser, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < MIN(entries->len, wanted->len); i++)
        g_assert_cmpstr(entries->pdata[i], ==, wanted->pdata[i]);
    g_assert_cmpuint(entries->len, ==, wanted->len);
    g_assert_cmpuint(listing_parser_dropped(parser), ==, 0);
    g_assert_cmpint(listing_parser_dialect(parser), ==, found);
}

void listing_rows_check_all(ListingDialect dialect, const Row *rows, gsize count)
{
    for (int guess = LISTING_DIALECT_AUTO; guess <= LISTING_DIALECT_TANDEM; guess++) {
        ListingContext context = {.dialect = (ListingDialect)guess, .now = NOW};
        listing_rows_check(&context, dialect, rows, count);
    }
}
