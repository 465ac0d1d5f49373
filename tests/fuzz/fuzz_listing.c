/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listings of a hostile server. Of the first byte the low four bits select MLSD or the dialect that
 * is guessed, the high ones the code page; the rest is fed whole and in two pieces.
 */
#include "ftp/listing/listing.h"
#include "ftpsfs/ftp/encoding.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const char *codepage;
    guint entries;
    guint64 sum; /* of what the entries hold, to compare two parses */
} Seen;

static void check_text(const GString *text)
{
    g_assert_cmpuint(strlen(text->str), ==, text->len);
    g_assert_true(g_utf8_validate(text->str, -1, NULL));
}

static void check_name(const GString *name, const char *codepage)
{
    check_text(name);
    g_assert_cmpuint(name->len, >, 0);
    g_assert_cmpuint(name->len, <=, ENTRY_NAME_MAX);
    g_assert_null(strchr(name->str, '/'));
    g_assert_cmpstr(name->str, !=, ".");
    g_assert_cmpstr(name->str, !=, "..");
    /* It leads back to the server's own bytes, unless there is a CR among them. */
    g_autoptr(GString) bytes = g_string_new(NULL);
    if (encoding_to_server(name->str, codepage, bytes, NULL)) {
        g_autofree char *again = encoding_from_server(bytes->str, -1, codepage);
        g_assert_cmpstr(again, ==, name->str);
    } else {
        g_assert_true(strchr(name->str, '\r') != NULL || strstr(name->str, "\uF70D") != NULL);
    }
}

static gboolean check_entry(const RemoteEntry *entry, gpointer data, GError **error)
{
    Seen *seen = data;
    (void)error;
    check_name(entry->name, seen->codepage);
    check_text(entry->owner);
    check_text(entry->group);
    check_text(entry->target);
    check_text(entry->unique);
    g_assert_cmpuint(entry->type, <=, REMOTE_TYPE_OTHER);
    g_assert_cmpuint(entry->mode & ~07777u, ==, 0);
    g_assert_cmpuint(entry->size, <=, G_MAXINT64);
    g_assert_cmpint(entry->mtime_ns, >=, 0);
    g_assert_cmpint(entry->mtime_ns, <, 1000000000);
    if ((entry->has & REMOTE_HAS_SIZE) == 0)
        g_assert_cmpuint(entry->size, ==, 0);
    if ((entry->has & REMOTE_HAS_MTIME) == 0)
        g_assert_cmpint(entry->mtime, ==, 0);
    g_assert_cmpint(((entry->has & REMOTE_HAS_UNIQUE) != 0), >=, entry->unique->len > 0);
    if (entry->target->len > 0)
        g_assert_cmpint(entry->type, ==, REMOTE_TYPE_SYMLINK);
    seen->entries++;
    seen->sum = seen->sum * 31 + g_str_hash(entry->name->str) + entry->size +
                (guint64)entry->mtime + entry->mode;
    return TRUE;
}

static gboolean parse(ListingKind kind, const ListingContext *context, const char *data,
                      size_t size, size_t cut, Seen *seen)
{
    g_autoptr(ListingParser) parser = listing_parser_new(kind, context, check_entry, seen);
    return listing_parser_feed(parser, data, cut, NULL) &&
           listing_parser_feed(parser, data + cut, size - cut, NULL) &&
           listing_parser_finish(parser, NULL);
}

static void ignore_log(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    (void)domain;
    (void)level;
    (void)data;
    g_assert_true(g_utf8_validate(message, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codepages[] = {NULL, "CP1252", "CP932", "CP1258", "no such"};
    if (size == 0)
        return 0;
    g_log_set_default_handler(ignore_log, NULL);
    guint choice = data[0] & 15u;
    const char *codepage = codepages[(data[0] >> 4u) % G_N_ELEMENTS(codepages)];
    ListingKind kind = choice == 0 ? LISTING_MLSD : LISTING_LIST;
    ListingContext context = {
        .dialect = choice == 0 ? LISTING_DIALECT_AUTO
                               : (ListingDialect)((choice - 1) % (LISTING_DIALECT_TANDEM + 1)),
        .codepage = codepage,
        .now = G_GINT64_CONSTANT(1718452800),
        .zone_offset = 3600,
    };
    const char *text = (const char *)data + 1;
    size_t length = size - 1;
    Seen whole = {.codepage = codepage}, cut = {.codepage = codepage};
    gboolean whole_ok = parse(kind, &context, text, length, length, &whole);
    gboolean cut_ok = parse(kind, &context, text, length, length / 2, &cut);
    g_assert_cmpint(whole_ok, ==, cut_ok);
    g_assert_cmpuint(whole.entries, ==, cut.entries);
    g_assert_cmpuint(whole.sum, ==, cut.sum);
    return 0;
}
