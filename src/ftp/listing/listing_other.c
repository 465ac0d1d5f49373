/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dialects that need few words: EPLF, NetWare, WfFtp and VxWorks, Tandem. */
#include <string.h>

#include "listing_dialects.h"

#define OTHER_WORDS_MAX 24

/*
 * EPLF, Easily Parsed LIST Format (http://cr.yp.to/ftp/list/eplf.html):
 *
 *   +i8388621.29609,m824255902,/,<TAB>tdev
 *   +i8388621.44468,m839956783,r,s10376,up644,<TAB>RFCEPLF
 */
static void eplf_fact(ListingText fact, ListingRow *row)
{
    RemoteEntry *entry = row->entry;
    ListingText value = listing_text_from(fact, 1);
    guint64 number;
    if (fact.at[0] == '/' && value.length == 0) {
        entry->type = REMOTE_TYPE_DIR;
    } else if (fact.at[0] == 's' && listing_text_number(value, &number)) {
        listing_set_size(entry, number);
    } else if (fact.at[0] == 'm' && listing_text_number(value, &number) &&
               number < G_MAXINT32 * 64ull) {
        entry->mtime = (gint64)number;
        entry->time_precision = REMOTE_TIME_SECOND;
        entry->has |= REMOTE_HAS_MTIME;
    } else if (fact.at[0] == 'i' && value.length > 0) {
        row->unique = value;
        entry->has |= REMOTE_HAS_UNIQUE;
    } else if (listing_text_begins(fact, "up") && value.length > 1 && value.length <= 5) {
        guint32 mode = 0;
        for (gsize i = 1; i < value.length; i++) {
            if (value.at[i] < '0' || value.at[i] > '7')
                return;
            mode = mode * 8 + (guint32)(value.at[i] - '0');
        }
        entry->mode = mode;
        entry->has |= REMOTE_HAS_MODE;
    }
}

ListingLine listing_eplf_line(ListingState *state, ListingText line, ListingRow *row)
{
    (void)state;
    const char *tab = listing_text_find(line, '\t');
    if (tab == NULL || line.at[0] != '+')
        return LISTING_LINE_UNKNOWN;
    ListingText facts = {line.at + 1, (gsize)(tab - line.at - 1)};
    while (facts.length > 0) {
        const char *comma = listing_text_find(facts, ',');
        gsize length = comma == NULL ? facts.length : (gsize)(comma - facts.at);
        if (length > 0)
            eplf_fact((ListingText){facts.at, length}, row);
        facts = listing_text_from(facts, MIN(facts.length, length + 1));
    }
    row->name = listing_text_from(line, (gsize)(tab - line.at) + 1);
    return LISTING_LINE_ENTRY;
}

/*
 * NetWare:
 *
 *   d [R----F--] supervisor            512       Jan 16 18:53    login
 *   - [RWCEAFMS] rhesus             214059       Oct 20  2003    cx.exe
 *
 * The letters are trustee rights: Supervisor, Read, Write, Create, Erase, Access control, File
 * scan, Modify.
 */
static guint netware_perm(ListingText rights, gboolean directory)
{
    static const struct {
        char letter;
        guint file, directory;
    } perms[] = {
        {'R', REMOTE_PERM_READ, REMOTE_PERM_ENTER},
        {'W', REMOTE_PERM_WRITE | REMOTE_PERM_APPEND, 0},
        {'C', 0, REMOTE_PERM_CREATE | REMOTE_PERM_MKDIR},
        {'E', REMOTE_PERM_DELETE, REMOTE_PERM_DELETE | REMOTE_PERM_PURGE},
        {'F', 0, REMOTE_PERM_LIST | REMOTE_PERM_ENTER},
        {'M', REMOTE_PERM_RENAME, REMOTE_PERM_RENAME},
    };
    gboolean all = listing_text_find(rights, 'S') != NULL;
    guint perm = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(perms); i++) {
        if (all || listing_text_find(rights, perms[i].letter) != NULL)
            perm |= directory ? perms[i].directory : perms[i].file;
    }
    return perm;
}

static gboolean netware_rights(ListingText *rest, ListingRow *row)
{
    *rest = listing_skip_blanks(*rest);
    const char *end = listing_text_find(*rest, ']');
    if (rest->length == 0 || rest->at[0] != '[' || end == NULL)
        return FALSE;
    ListingText rights = {rest->at + 1, (gsize)(end - rest->at - 1)};
    if (rights.length < 7 || rights.length > 9)
        return FALSE;
    for (gsize i = 0; i < rights.length; i++) {
        if (rights.at[i] == '\0' || strchr(" -SRWCEAFM", rights.at[i]) == NULL)
            return FALSE;
    }
    row->entry->perm = netware_perm(rights, row->entry->type == REMOTE_TYPE_DIR);
    row->entry->has |= REMOTE_HAS_PERM;
    *rest = listing_text_from(*rest, rights.length + 2);
    return TRUE;
}

/* "Jan 16 18:53" or "Oct 20  2003" */
static gboolean netware_date(const ListingText *words, ListingDate *date)
{
    *date = (ListingDate){.month = listing_month(words[0])};
    if (date->month == 0 || !listing_parse_day(words[1], &date->day))
        return FALSE;
    if (listing_parse_year(words[2], &date->year)) {
        date->precision = REMOTE_TIME_DAY;
        return TRUE;
    }
    return listing_parse_clock(words[2], date);
}

ListingLine listing_netware_line(ListingState *state, ListingText line, ListingRow *row)
{
    if (line.length < 12 || (line.at[0] != 'd' && line.at[0] != '-'))
        return LISTING_LINE_UNKNOWN;
    row->entry->type = line.at[0] == 'd' ? REMOTE_TYPE_DIR : REMOTE_TYPE_FILE;
    ListingText rest = listing_text_from(line, 1);
    if (!netware_rights(&rest, row))
        return LISTING_LINE_UNKNOWN;
    ListingText words[OTHER_WORDS_MAX];
    gsize count = listing_split(rest, words, OTHER_WORDS_MAX);
    for (gsize at = 0; at + 4 < count; at++) {
        guint64 size;
        ListingDate date;
        if (!listing_text_number(words[at], &size) || !netware_date(words + at + 1, &date))
            continue;
        if (!listing_date_apply(&date, state, row->entry))
            return LISTING_LINE_UNKNOWN;
        if (row->entry->type == REMOTE_TYPE_FILE)
            listing_set_size(row->entry, size);
        if (at > 0) {
            const char *owner_end = words[at - 1].at + words[at - 1].length;
            row->owner = (ListingText){words[0].at, (gsize)(owner_end - words[0].at)};
        }
        const char *name = words[at + 4].at;
        row->name = (ListingText){name, (gsize)(line.at + line.length - name)};
        return LISTING_LINE_ENTRY;
    }
    return LISTING_LINE_UNKNOWN;
}

/*
 * WfFtp on Nortel's routers:
 *
 *   config       1014196  06/03/04  Thur.   10:20:03
 */
static ListingLine wfftp_line(ListingState *state, const ListingText *words, gsize count,
                              ListingRow *row)
{
    if (count < 5)
        return LISTING_LINE_UNKNOWN;
    const ListingText *last = words + count - 4; /* size, date, day of the week, time */
    ListingDate date = {0};
    guint64 size;
    if (last[2].at[last[2].length - 1] != '.' || !listing_text_number(last[0], &size) ||
        !listing_parse_numeric_date(last[1], &date) || !listing_parse_clock(last[3], &date) ||
        !listing_date_apply(&date, state, row->entry))
        return LISTING_LINE_UNKNOWN;
    listing_set_size(row->entry, size);
    const ListingText *name_end = last - 1;
    row->name = (ListingText){words[0].at, (gsize)(name_end->at + name_end->length - words[0].at)};
    return LISTING_LINE_ENTRY;
}

/*
 * VxWorks:
 *
 *     size          date       time       name
 *   --------       ------     ------    --------
 *       2048    Feb-28-1998  05:23:30   docs              <DIR>
 */
static ListingLine vxworks_line(ListingState *state, ListingText line, const ListingText *words,
                                gsize count, ListingRow *row)
{
    ListingDate date = {0};
    guint64 size;
    if (count < 4 || !listing_text_number(words[0], &size) ||
        !listing_parse_named_date(words[1], &date) || !listing_parse_clock(words[2], &date) ||
        !listing_date_apply(&date, state, row->entry))
        return LISTING_LINE_UNKNOWN;
    const char *start = words[3].at;
    const char *end = line.at + line.length;
    if (count > 4 && listing_text_is(words[count - 1], "<DIR>")) {
        row->entry->type = REMOTE_TYPE_DIR;
        end = words[count - 2].at + words[count - 2].length;
    } else {
        listing_set_size(row->entry, size);
    }
    row->name = (ListingText){start, (gsize)(end - start)};
    return LISTING_LINE_ENTRY;
}

ListingLine listing_wftpd_line(ListingState *state, ListingText line, ListingRow *row)
{
    ListingText words[OTHER_WORDS_MAX];
    gsize count = listing_split(line, words, OTHER_WORDS_MAX);
    if (count == 4 && listing_text_is(words[0], "size") && listing_text_is(words[1], "date") &&
        listing_text_is(words[2], "time") && listing_text_is(words[3], "name"))
        return LISTING_LINE_HEADER;
    if (count == 4 && listing_text_begins(words[0], "----") &&
        listing_text_begins(words[3], "----"))
        return LISTING_LINE_SKIP;
    ListingLine kind = vxworks_line(state, line, words, count, row);
    return kind == LISTING_LINE_UNKNOWN ? wfftp_line(state, words, count, row) : kind;
}

/*
 * Tandem Guardian (HP NonStop):
 *
 *   File         Code             EOF  Last Modification    Owner  RWEP
 *   IARPTS        101            16354 18-Mar-08 15:09:12 244, 10 "nnnn"
 *   TACLCSTM   O  101              101  4-Mar-01 23:50:06 255,255 "oooo"
 *
 * RWEP says who may read, write, execute and purge: Any, Network, Group, Community, Owner, User, or
 * '-' for the super user alone.
 */
static gboolean tandem_mode(ListingText letters, guint32 *mode)
{
    static const guint32 bits[] = {0444, 0222, 0111, 0};
    *mode = 0;
    if (letters.length != 6 || letters.at[0] != '"' || letters.at[5] != '"')
        return FALSE;
    for (gsize i = 0; i < 4; i++) {
        guint32 who;
        switch (g_ascii_toupper(letters.at[i + 1])) {
        case 'A':
        case 'N':
            who = 0777;
            break;
        case 'G':
        case 'C':
            who = 0770;
            break;
        case 'O':
        case 'U':
            who = 0700;
            break;
        case '-':
            who = 0;
            break;
        default:
            return FALSE;
        }
        *mode |= bits[i] & who;
    }
    return TRUE;
}

ListingLine listing_tandem_line(ListingState *state, ListingText line, ListingRow *row)
{
    ListingText words[OTHER_WORDS_MAX];
    gsize count = listing_split(line, words, OTHER_WORDS_MAX);
    if (count >= 3 && listing_text_is(words[0], "File") && listing_text_is(words[1], "Code") &&
        listing_text_is(words[2], "EOF"))
        return LISTING_LINE_HEADER;
    gsize code = count > 1 && listing_text_is(words[1], "O") ? 2 : 1; /* O: open */
    if (count < code + 6)
        return LISTING_LINE_UNKNOWN;
    guint64 number, size;
    ListingDate date = {0};
    if (!listing_text_number(words[code], &number) ||
        !listing_text_number(words[code + 1], &size) ||
        !listing_parse_named_date(words[code + 2], &date) ||
        !listing_parse_clock(words[code + 3], &date) ||
        !tandem_mode(words[count - 1], &row->entry->mode) ||
        !listing_date_apply(&date, state, row->entry))
        return LISTING_LINE_UNKNOWN;
    row->entry->has |= REMOTE_HAS_MODE;
    listing_set_size(row->entry, size);
    row->name = words[0];
    /* "group,user", with blanks in front of the user's number */
    const ListingText *first = &words[code + 4];
    const char *comma = listing_text_find(*first, ',');
    if (comma != NULL) {
        row->group = (ListingText){first->at, (gsize)(comma - first->at)};
        row->owner = listing_text_from(*first, row->group.length + 1);
        if (row->owner.length == 0 && code + 5 < count - 1)
            row->owner = words[code + 5];
    }
    return LISTING_LINE_ENTRY;
}
