/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output of IIS in its MS-DOS style, and of the dir command:
 *
 *   04-27-00  09:09PM       <DIR>          licensed
 *   2024-05-01  19:06                9,730 readme.htm
 *   01.05.2024  10:11    <SYMLINKD>     link [D:\data]
 *
 * The server follows links and junctions itself, so they are shown as what they lead to: their
 * targets, paths of Windows, lead nowhere here.
 */
#include "listing_dialects.h"

#define WINDOWS_KIND_WIDTH 15 /* "<DIR>" and the blanks after it, or "<JUNCTION>     " */

/* The lines that dir puts around its entries. */
static ListingLine windows_frame(ListingText line)
{
    static const char *const frames[] = {"Volume in drive ", "Volume Serial Number ",
                                         "Directory of "};
    ListingText text = listing_skip_blanks(line);
    for (gsize i = 0; i < G_N_ELEMENTS(frames); i++) {
        if (listing_text_begins(text, frames[i]))
            return LISTING_LINE_HEADER;
    }
    gboolean sum = text.length > 0 && g_ascii_isdigit(text.at[0]) &&
                   (listing_text_holds(text, " File(s) ") || listing_text_holds(text, " Dir(s) "));
    return sum ? LISTING_LINE_SKIP : LISTING_LINE_UNKNOWN;
}

/* Cuts " [target]" from the end of a link's name. */
static void windows_cut_target(ListingText *name)
{
    if (name->length < 4 || name->at[name->length - 1] != ']')
        return;
    for (gsize at = name->length - 2; at > 0; at--) {
        if (name->at[at] == '[' && name->at[at - 1] == ' ') {
            name->length = at - 1;
            return;
        }
    }
}

/* "<DIR>" and its like. */
static gboolean windows_kind(ListingText line, ListingText kind, ListingRow *row)
{
    if (kind.at[kind.length - 1] != '>')
        return FALSE;
    gboolean link = TRUE;
    row->entry->type = REMOTE_TYPE_DIR;
    if (listing_text_is(kind, "<SYMLINK>"))
        row->entry->type = REMOTE_TYPE_FILE;
    else if (listing_text_is(kind, "<DIR>") || listing_text_is(kind, "<REP>"))
        link = FALSE;
    else if (!listing_text_is(kind, "<JUNCTION>") && !listing_text_is(kind, "<SYMLINKD>"))
        return FALSE;
    row->name = listing_after_column(line, kind, WINDOWS_KIND_WIDTH);
    if (link)
        windows_cut_target(&row->name);
    return TRUE;
}

ListingLine listing_windows_line(ListingState *state, ListingText line, ListingRow *row)
{
    ListingText rest = line;
    ListingDate date = {0};
    if (!listing_parse_numeric_date(listing_next_word(&rest), &date))
        return windows_frame(line);
    if (!listing_parse_clock(listing_next_word(&rest), &date))
        return LISTING_LINE_UNKNOWN;
    ListingText word = listing_next_word(&rest);
    if (listing_apply_half(word, &date))
        word = listing_next_word(&rest);
    if (word.length == 0)
        return LISTING_LINE_UNKNOWN;
    guint64 size;
    if (word.at[0] == '<') {
        if (!windows_kind(line, word, row))
            return LISTING_LINE_UNKNOWN;
    } else if (listing_text_grouped_number(word, &size)) {
        listing_set_size(row->entry, size);
        row->name = listing_text_from(rest, MIN(rest.length, 1));
    } else {
        return LISTING_LINE_UNKNOWN;
    }
    return listing_date_apply(&date, state, row->entry) ? LISTING_LINE_ENTRY : LISTING_LINE_UNKNOWN;
}
