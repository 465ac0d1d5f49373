/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenVMS, in the forms of its several FTP servers:
 *
 *   Directory DISK$USER:[ANONYMOUS]
 *
 *   CII-MANUAL.TEX;1  213/216  29-JAN-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)
 *   A-NAME-THAT-FILLS-ITS-COLUMN.TXT;2
 *                       10/12   2-JUL-2003 10:30     [SYSTEM]  (RWED,RWED,RE,)
 *   SOURCES.DIR;1        1/3    19-NOV-2001 21:41     [SYSTEM]  (RWE,RWE,RE,RE)
 *
 *   Total of 3 files, 224/231 blocks.
 *
 * A file is shown once, by its newest version and without the version's number: that is the name
 * under which a new file is found again after it was stored. Sizes are blocks, so they aren't set.
 */
#include <string.h>

#include "listing_dialects.h"

/* The ";12" at the end of a name. Returns the length of the name before it, or 0. */
static gsize vms_version(ListingText word)
{
    for (gsize at = word.length; at > 1; at--) {
        if (word.at[at - 1] == ';')
            return at < word.length ? at - 1 : 0;
        if (!g_ascii_isdigit(word.at[at - 1]))
            return 0;
    }
    return 0;
}

static guint32 vms_access(ListingText letters)
{
    guint32 bits = 0;
    for (gsize i = 0; i < letters.length; i++) {
        char c = g_ascii_toupper(letters.at[i]);
        bits |= c == 'R' ? 4u : c == 'W' ? 2u : c == 'E' ? 1u : 0u;
    }
    return bits;
}

/* "(RWED,RWED,RE,)": system, owner, group, world. */
static void vms_protection(ListingText word, RemoteEntry *entry)
{
    if (word.at[word.length - 1] != ')')
        return;
    ListingText rest = {word.at + 1, word.length - 2};
    guint32 mode = 0;
    int groups = 0;
    for (;;) {
        const char *comma = listing_text_find(rest, ',');
        gsize length = comma == NULL ? rest.length : (gsize)(comma - rest.at);
        mode = mode << 3 | vms_access((ListingText){rest.at, length});
        groups++;
        if (comma == NULL)
            break;
        rest = listing_text_from(rest, length + 1);
    }
    if (groups != 4)
        return;
    entry->mode = mode & 0777; /* the system's own is shifted out */
    entry->has |= REMOTE_HAS_MODE;
}

/* "[GROUP,OWNER]" or "[OWNER]". */
static void vms_owner(ListingText word, ListingRow *row)
{
    if (word.at[word.length - 1] != ']')
        return;
    ListingText owner = {word.at + 1, word.length - 2};
    const char *comma = listing_text_find(owner, ',');
    if (comma != NULL) {
        row->group = (ListingText){owner.at, (gsize)(comma - owner.at)};
        owner = listing_text_from(owner, row->group.length + 1);
    }
    row->owner = owner;
}

/* "213/216" or "213" blocks. */
static gboolean vms_is_size(ListingText word)
{
    guint64 number;
    const char *slash = listing_text_find(word, '/');
    if (slash == NULL)
        return listing_text_number(word, &number);
    gsize used = (gsize)(slash - word.at);
    return listing_text_number((ListingText){word.at, used}, &number) &&
           listing_text_number(listing_text_from(word, used + 1), &number);
}

/* The columns after the name, in any order. FALSE when there is neither a date nor a message that
 * tells why not. */
static gboolean vms_columns(const ListingState *state, ListingText rest, ListingRow *row)
{
    ListingDate date = {0};
    gboolean dated = FALSE, sized = FALSE;
    if (listing_text_begins(listing_skip_blanks(rest), "%") ||
        listing_text_holds(rest, "privilege") || listing_text_holds(rest, "protection violation"))
        return TRUE;
    for (;;) {
        ListingText word = listing_next_word(&rest);
        if (word.length == 0)
            break;
        if (word.at[0] == '[' && word.length > 2)
            vms_owner(word, row);
        else if (word.at[0] == '(' && word.length > 2)
            vms_protection(word, row->entry);
        else if (!dated && listing_parse_named_date(word, &date))
            dated = TRUE;
        else if (dated && date.precision == REMOTE_TIME_DAY && listing_parse_clock(word, &date))
            continue;
        else if (!sized)
            sized = vms_is_size(word);
    }
    return dated && listing_date_apply(&date, state, row->entry);
}

/* Puts what the name says into the row. SKIP for an older version of the entry before. */
static ListingLine vms_finish(ListingState *state, ListingText name, ListingRow *row)
{
    gboolean again = state->previous->len == name.length &&
                     memcmp(state->previous->str, name.at, name.length) == 0;
    if (again)
        return LISTING_LINE_SKIP;
    g_string_truncate(state->previous, 0);
    g_string_append_len(state->previous, name.at, (gssize)name.length);
    name.at = state->previous->str;

    static const char suffix[] = ".DIR";
    gsize length = sizeof(suffix) - 1;
    if (name.length > length &&
        listing_text_is(listing_text_from(name, name.length - length), suffix)) {
        row->entry->type = REMOTE_TYPE_DIR;
        name.length -= length;
    } else if (name.length > 1 && name.at[name.length - 1] == '.') {
        name.length--; /* "README." and "README" are the same to VMS */
    }
    row->name = name;
    return LISTING_LINE_ENTRY;
}

static ListingLine vms_named_line(ListingState *state, ListingText name, ListingText rest,
                                  ListingRow *row)
{
    if (listing_skip_blanks(rest).length == 0) {
        gboolean lost = state->held->len > 0;
        g_string_truncate(state->held, 0);
        g_string_append_len(state->held, name.at, (gssize)name.length);
        return lost ? LISTING_LINE_UNKNOWN : LISTING_LINE_PART;
    }
    g_string_truncate(state->held, 0);
    if (!vms_columns(state, rest, row))
        return LISTING_LINE_UNKNOWN;
    return vms_finish(state, name, row);
}

ListingLine listing_vms_line(ListingState *state, ListingText line, ListingRow *row)
{
    ListingText rest = line;
    ListingText word = listing_next_word(&rest);
    gsize name_length = vms_version(word);
    if (name_length > 0)
        return vms_named_line(state, (ListingText){word.at, name_length}, rest, row);
    if (listing_text_begins(line, "Directory ") && listing_text_holds(line, "["))
        return LISTING_LINE_HEADER;
    if (listing_text_begins(line, "Total of ") || listing_text_begins(line, "Grand total of "))
        return LISTING_LINE_HEADER;
    if (state->held->len == 0 || !vms_columns(state, line, row))
        return LISTING_LINE_UNKNOWN;
    ListingText held = {state->held->str, state->held->len};
    ListingLine kind = vms_finish(state, held, row);
    g_string_truncate(state->held, 0);
    return kind;
}
