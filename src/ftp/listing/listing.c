/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing.h"

#include <string.h>

#include "ftpsfs/util/error.h"
#include "listing_dialects.h"

/* Lines that may be without sense beyond the number of those that have it. */
#define LISTING_UNKNOWN_MAX 32
#define LISTING_SHOWN_MAX   120 /* bytes of a line in a message */

static const struct {
    ListingDialect dialect;
    ListingDialectFunc line;
} listing_dialects[] = {
    /* In the order in which they are tried: the more common first. */
    {LISTING_DIALECT_UNIX, listing_unix_line},   {LISTING_DIALECT_WINDOWS, listing_windows_line},
    {LISTING_DIALECT_EPLF, listing_eplf_line},   {LISTING_DIALECT_NETWARE, listing_netware_line},
    {LISTING_DIALECT_VMS, listing_vms_line},     {LISTING_DIALECT_MVS, listing_mvs_line},
    {LISTING_DIALECT_AS400, listing_as400_line}, {LISTING_DIALECT_TANDEM, listing_tandem_line},
    {LISTING_DIALECT_WFTPD, listing_wftpd_line},
};

struct ListingParser {
    ListingKind kind;
    ListingDialect guess; /* tried first */
    ListingDialect dialect;
    ListingDialectFunc line_func; /* of `dialect` */
    ListingState state;
    EncodingDecoder *decoder;
    char *path; /* for messages, or NULL */
    EntryFunc func;
    gpointer data;

    GString *rest; /* the beginning of a line whose end is not here yet */
    RemoteEntry *entry;
    guint understood;   /* lines */
    guint unknown;      /* lines that the dialect can't have */
    guint unsafe;       /* lines dropped for their names */
    char *first_unsafe; /* the first of them, fit for a message */
    char *first_unknown;
};

ListingParser *listing_parser_new(ListingKind kind, const ListingContext *context, EntryFunc func,
                                  gpointer data)
{
    ListingParser *parser = g_new0(ListingParser, 1);
    parser->kind = kind;
    parser->guess = context->dialect;
    parser->state.now = context->now;
    parser->state.zone = context->zone;
    parser->state.zone_offset = context->zone_offset;
    parser->state.held = g_string_new(NULL);
    parser->state.previous = g_string_new(NULL);
    parser->decoder = encoding_decoder_new(context->codepage);
    parser->path = g_strdup(context->path);
    parser->func = func;
    parser->data = data;
    parser->rest = g_string_new(NULL);
    parser->entry = entry_new();
    return parser;
}

void listing_parser_free(ListingParser *parser)
{
    if (parser == NULL)
        return;
    g_string_free(parser->state.held, TRUE);
    g_string_free(parser->state.previous, TRUE);
    encoding_decoder_free(parser->decoder);
    g_free(parser->path);
    g_string_free(parser->rest, TRUE);
    entry_free(parser->entry);
    g_free(parser->first_unsafe);
    g_free(parser->first_unknown);
    g_free(parser);
}

ListingDialect listing_parser_dialect(const ListingParser *parser)
{
    return parser->dialect;
}

const char *listing_dialect_name(ListingDialect dialect)
{
    static const char *const names[] = {
        [LISTING_DIALECT_AUTO] = "not told yet", [LISTING_DIALECT_UNIX] = "unix",
        [LISTING_DIALECT_WINDOWS] = "windows",   [LISTING_DIALECT_NETWARE] = "netware",
        [LISTING_DIALECT_VMS] = "vms",           [LISTING_DIALECT_MVS] = "mvs",
        [LISTING_DIALECT_AS400] = "as400",       [LISTING_DIALECT_EPLF] = "eplf",
        [LISTING_DIALECT_WFTPD] = "name first",  [LISTING_DIALECT_TANDEM] = "tandem",
    };
    return names[dialect];
}

guint listing_parser_dropped(const ListingParser *parser)
{
    return parser->unsafe + parser->unknown;
}

static const char *listing_path(const ListingParser *parser)
{
    return parser->path == NULL ? "a directory" : parser->path;
}

/* The beginning of a line, fit for a message. */
static char *show_text(ListingText line)
{
    return encoding_show(line.at, (gssize)line.length, LISTING_SHOWN_MAX);
}

static gboolean listing_text_is_safe(ListingText name)
{
    return name.length > 0 && listing_text_find(name, '\0') == NULL &&
           listing_text_find(name, '/') == NULL;
}

static gboolean listing_text_is_dots(ListingText name)
{
    return listing_text_is(name, ".") || listing_text_is(name, "..");
}

static void listing_decode_text(EncodingDecoder *decoder, ListingText text, GString *out)
{
    if (text.length > 0 && listing_text_find(text, '\0') == NULL)
        encoding_decode(decoder, text.at, text.length, out);
}

/* A target that the kernel would not take must not fill memory. */
static void listing_decode_target(EncodingDecoder *decoder, ListingText text, RemoteEntry *entry)
{
    listing_decode_text(decoder, text, entry->target);
    entry->long_target = entry->target->len > ENTRY_TARGET_MAX;
    if (entry->long_target || strlen(entry->target->str) < entry->target->len)
        g_string_truncate(entry->target, 0);
}

/* Puts the row's strings but the name into its entry. */
static void listing_decode_texts(EncodingDecoder *decoder, const ListingRow *row)
{
    listing_decode_target(decoder, row->target, row->entry);
    listing_decode_text(decoder, row->owner, row->entry->owner);
    listing_decode_text(decoder, row->group, row->entry->group);
    listing_decode_text(decoder, row->unique, row->entry->unique);
}

/* Puts the row's strings into its entry. FALSE when the name isn't one that may be passed on. */
static gboolean listing_decode_row(EncodingDecoder *decoder, const ListingRow *row)
{
    RemoteEntry *entry = row->entry;
    if (!listing_text_is_safe(row->name))
        return FALSE;
    encoding_decode(decoder, row->name.at, row->name.length, entry->name);
    listing_decode_texts(decoder, row);
    ListingText decoded = {entry->name->str, entry->name->len};
    return listing_text_is_safe(decoded) && !listing_text_is_dots(decoded) &&
           decoded.length <= ENTRY_NAME_MAX;
}

static gboolean listing_fail(const ListingParser *parser, const char *why, ListingText line,
                             GError **error)
{
    g_autofree char *shown = show_text(line);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL, "the listing of %s %s: \"%s\"",
                listing_path(parser), why, shown);
    return FALSE;
}

static gboolean listing_emit(ListingParser *parser, const ListingRow *row, GError **error)
{
    parser->understood++;
    if (row->own || listing_text_is_dots(row->name))
        return TRUE;
    if (!listing_decode_row(parser->decoder, row)) {
        if (parser->unsafe++ == 0)
            parser->first_unsafe = show_text(row->name);
        return TRUE;
    }
    return parser->func(row->entry, parser->data, error);
}

/* A line that is none of the dialect's. A few are forgiven: a name that holds a line end, made by
 * any user of the server, must not make its directory unreadable. */
static gboolean listing_take_unknown(ListingParser *parser, ListingText line, GError **error)
{
    if (parser->unknown++ == 0)
        parser->first_unknown = show_text(line);
    if (parser->unknown <= LISTING_UNKNOWN_MAX + parser->understood)
        return TRUE;
    return listing_fail(parser, "is in no format known here", line, error);
}

/* Whether `line` is a message of the server's ls. For one that says that the directory can't be
 * read at all *error is set. */
static gboolean listing_is_ls_message(const ListingParser *parser, ListingText line, GError **error)
{
    if (!listing_text_begins(line, "ls: ") && !listing_text_begins(line, "/bin/ls: "))
        return FALSE;
    gboolean whole = listing_text_holds(line, "cannot open directory") ||
                     listing_text_holds(line, "reading directory");
    g_autofree char *shown = show_text(line);
    if (whole) {
        gboolean access = listing_text_holds(line, "ermission denied");
        g_set_error(error, FTPSFS_ERROR, access ? FTPSFS_ERROR_ACCESS : FTPSFS_ERROR_IO,
                    "the server can't list %s: \"%s\"", listing_path(parser), shown);
    } else if (listing_text_holds(line, "No such file or directory")) {
        g_debug("the listing of %s says: %s", listing_path(parser), shown);
    } else {
        g_warning("the listing of %s lacks an entry: %s", listing_path(parser), shown);
    }
    return TRUE;
}

static ListingLine listing_try(ListingParser *parser, gsize i, ListingText line, ListingRow *row)
{
    entry_clear(parser->entry);
    *row = (ListingRow){.entry = parser->entry};
    ListingLine kind = listing_dialects[i].line(&parser->state, line, row);
    if (kind == LISTING_LINE_ENTRY || kind == LISTING_LINE_HEADER) {
        parser->dialect = listing_dialects[i].dialect;
        parser->line_func = listing_dialects[i].line;
    }
    return kind;
}

/* Asks all dialects, the guessed one first. */
static ListingLine listing_detect(ListingParser *parser, ListingText line, ListingRow *row)
{
    for (gsize i = 0; i < G_N_ELEMENTS(listing_dialects); i++) {
        if (listing_dialects[i].dialect != parser->guess)
            continue;
        ListingLine kind = listing_try(parser, i, line, row);
        if (kind != LISTING_LINE_UNKNOWN)
            return kind;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(listing_dialects); i++) {
        if (listing_dialects[i].dialect == parser->guess)
            continue;
        ListingLine kind = listing_try(parser, i, line, row);
        if (kind != LISTING_LINE_UNKNOWN)
            return kind;
    }
    return LISTING_LINE_UNKNOWN;
}

static gboolean listing_take_list_line(ListingParser *parser, ListingText line, GError **error)
{
    ListingRow row;
    GError *refused = NULL;
    if (listing_is_ls_message(parser, line, &refused)) {
        if (refused != NULL)
            g_propagate_error(error, refused);
        return refused == NULL;
    }
    ListingLine kind;
    if (parser->line_func == NULL) {
        kind = listing_detect(parser, line, &row);
    } else {
        entry_clear(parser->entry);
        row = (ListingRow){.entry = parser->entry};
        kind = parser->line_func(&parser->state, line, &row);
    }
    switch (kind) {
    case LISTING_LINE_ENTRY:
        return listing_emit(parser, &row, error);
    case LISTING_LINE_HEADER:
        parser->understood++;
        return TRUE;
    case LISTING_LINE_UNKNOWN:
        return listing_take_unknown(parser, line, error);
    case LISTING_LINE_SKIP:
    case LISTING_LINE_PART:
        return TRUE;
    }
    return TRUE;
}

static gboolean listing_take_facts(ListingParser *parser, ListingText line, GError **error)
{
    entry_clear(parser->entry);
    ListingRow row = {.entry = parser->entry};
    if (!listing_facts_line(line, &row))
        return listing_take_unknown(parser, line, error);
    return listing_emit(parser, &row, error);
}

static gboolean listing_take_line(ListingParser *parser, ListingText line, GError **error)
{
    if (line.length > 0 && line.at[line.length - 1] == '\r')
        line.length--;
    if (listing_skip_blanks(line).length == 0)
        return TRUE;
    if (parser->kind == LISTING_MLSD)
        return listing_take_facts(parser, line, error);
    return listing_take_list_line(parser, line, error);
}

static gboolean listing_check_length(const ListingParser *parser, ListingText line, GError **error)
{
    if (line.length <= LISTING_LINE_MAX)
        return TRUE;
    return listing_fail(parser, "has a line that is too long", line, error);
}

gboolean listing_parser_feed(ListingParser *parser, const char *data, gsize length, GError **error)
{
    /* Of an empty listing `data` may be NULL, which nothing may be added to. */
    const char *end = length > 0 ? data + length : data;
    while (data < end) {
        const char *line_end = memchr(data, '\n', (gsize)(end - data));
        const char *stop = line_end == NULL ? end : line_end;
        ListingText line = {data, (gsize)(stop - data)};
        gboolean pending = parser->rest->len > 0;
        if (line_end == NULL || pending) {
            if (!listing_check_length(parser, line, error))
                return FALSE;
            g_string_append_len(parser->rest, line.at, (gssize)line.length);
            line = (ListingText){parser->rest->str, parser->rest->len};
        }
        if (!listing_check_length(parser, line, error))
            return FALSE;
        if (line_end == NULL)
            return TRUE;
        if (!listing_take_line(parser, line, error))
            return FALSE;
        if (pending)
            g_string_truncate(parser->rest, 0);
        data = line_end + 1;
    }
    return TRUE;
}

static void listing_warn(const ListingParser *parser)
{
    if (parser->unsafe > 0)
        g_warning("the listing of %s has %u names that no local file can have (empty, too long, or "
                  "with '/' or a zero byte), which were left out; the first: \"%s\"",
                  listing_path(parser), parser->unsafe, parser->first_unsafe);
    if (parser->unknown > 0)
        g_warning("the listing of %s has %u lines that make no sense (a name with a line end?), "
                  "which were left out; the first: \"%s\"",
                  listing_path(parser), parser->unknown, parser->first_unknown);
}

gboolean listing_parser_finish(ListingParser *parser, GError **error)
{
    if (parser->rest->len > 0) {
        ListingText line = {parser->rest->str, parser->rest->len};
        if (!listing_take_line(parser, line, error))
            return FALSE;
        g_string_truncate(parser->rest, 0);
    }
    if (parser->state.held->len > 0) {
        ListingText held = {parser->state.held->str, parser->state.held->len};
        if (!listing_take_unknown(parser, held, error))
            return FALSE;
    }
    if (parser->unknown > 0 && parser->understood == 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "the listing of %s is in no format known here: \"%s\"", listing_path(parser),
                    parser->first_unknown);
        return FALSE;
    }
    listing_warn(parser);
    return TRUE;
}

gboolean listing_parse_mlst(const char *line, const ListingContext *context, RemoteEntry *entry,
                            GError **error)
{
    entry_clear(entry);
    ListingRow row = {.entry = entry};
    ListingText text = {line, strcspn(line, "\r\n")};
    if (!listing_facts_line(text, &row)) {
        g_autofree char *shown = show_text(text);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "the server answered MLST with a line without facts: \"%s\"", shown);
        return FALSE;
    }
    while (row.name.length > 0 && row.name.at[row.name.length - 1] == '/')
        row.name.length--;
    const char *slash;
    while ((slash = listing_text_find(row.name, '/')) != NULL)
        row.name = listing_text_from(row.name, (gsize)(slash - row.name.at) + 1);

    g_autoptr(EncodingDecoder) decoder = encoding_decoder_new(context->codepage);
    listing_decode_text(decoder, row.name, entry->name);
    listing_decode_texts(decoder, &row);
    return TRUE;
}
