/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output of `ls -l`, in the many forms that FTP servers give it:
 *
 *   -rw-r--r--   1 root     other        531 Jan 29 03:26 README
 *   drwxr-xr-x+  2 1000     Domain Users 4.0 2024-05-01 10:11 directory
 *   lrwxrwxrwx   1 root     other          7 25. Mai 2021 bin -> usr/bin
 *   crw-rw-rw-   1 root     sys      1,    3 Jan 29 03:26 null
 *
 * The columns between the permissions and the size differ, so the line is anchored where a size and
 * a date stand side by side.
 */
#include <string.h>

#include "listing_dialects.h"

#define UNIX_WORDS_MAX   20 /* words looked at; the date is within the first few */
#define UNIX_PERMISSIONS 10 /* type and 9 letters */

typedef struct {
    ListingText line;
    ListingText words[UNIX_WORDS_MAX];
    gsize count;
    gboolean device;
} UnixLine;

static ListingText unix_word(const UnixLine *line, gsize i)
{
    return i < line->count ? line->words[i] : (ListingText){"", 0};
}

static gboolean unix_type(char letter, RemoteType *type)
{
    if (letter == 'd')
        *type = REMOTE_TYPE_DIR;
    else if (letter == 'l')
        *type = REMOTE_TYPE_SYMLINK;
    else if (strchr("-CMmf", letter) != NULL && letter != '\0') /* contiguous, migrated */
        *type = REMOTE_TYPE_FILE;
    else if (strchr("bcpsDPnwh?", letter) != NULL && letter != '\0')
        *type = REMOTE_TYPE_OTHER;
    else
        return FALSE;
    return TRUE;
}

/* One of the three groups "rwx", with the letter of setuid, setgid or sticky in place of x. */
static gboolean unix_mode_group(const char *letters, const char *special, guint32 *bits,
                                gboolean *is_special)
{
    if ((letters[0] != 'r' && letters[0] != '-') || (letters[1] != 'w' && letters[1] != '-'))
        return FALSE;
    *bits = (letters[0] == 'r' ? 4u : 0u) | (letters[1] == 'w' ? 2u : 0u);
    *is_special = FALSE;
    if (letters[2] == 'x') {
        *bits |= 1u;
    } else if (letters[2] == special[0] || letters[2] == special[1]) {
        *is_special = TRUE;
        *bits |= letters[2] == special[0] ? 1u : 0u;
    } else if (letters[2] != '-' && letters[2] != 'l' && letters[2] != 'L') { /* l: locking */
        return FALSE;
    }
    return TRUE;
}

static gboolean unix_mode(const char *letters, guint32 *mode)
{
    static const char *const specials[] = {"sS", "sS", "tT"};
    guint32 special_bits = 0;
    *mode = 0;
    for (int i = 0; i < 3; i++) {
        guint32 bits;
        gboolean is_special;
        if (!unix_mode_group(letters + i * 3, specials[i], &bits, &is_special))
            return FALSE;
        *mode = *mode << 3 | bits;
        if (is_special)
            special_bits |= 04000u >> i;
    }
    *mode |= special_bits;
    return TRUE;
}

/* Whether the words from `at` on are a time of the day or a year. */
static gboolean unix_time_or_year(const UnixLine *line, gsize at, ListingDate *date)
{
    if (listing_parse_year(unix_word(line, at), &date->year)) {
        date->precision = REMOTE_TIME_DAY;
        return TRUE;
    }
    date->year = 0;
    return listing_parse_clock(unix_word(line, at), date);
}

/* "Mon DD HH:MM", "Mon DD YYYY", "DD Mon ...", "Mon DD HH:MM:SS YYYY", "Mon DD, YYYY HH:MM".
 * Returns the number of words, or 0. */
static gsize unix_named_date(const UnixLine *line, gsize at, ListingDate *date)
{
    ListingText first = unix_word(line, at), second = unix_word(line, at + 1);
    gboolean day_first = listing_parse_day(first, &date->day);
    date->month = listing_month(day_first ? second : first);
    if (date->month == 0 || (!day_first && !listing_parse_day(second, &date->day)))
        return 0;
    if (!unix_time_or_year(line, at + 2, date))
        return 0;
    ListingText last = unix_word(line, at + 3);
    if (date->precision == REMOTE_TIME_SECOND && listing_parse_year(last, &date->year))
        return 4;
    gboolean comma = second.at[second.length - 1] == ',';
    if (date->precision == REMOTE_TIME_DAY && comma && listing_parse_clock(last, date))
        return 4;
    return 3;
}

/* "2024-05-01 10:11", with seconds and zone, "2024-05-01", "05-01 10:11", "01-Jun-99 10:11". */
static gsize unix_numeric_date(const UnixLine *line, gsize at, ListingDate *date)
{
    ListingText first = unix_word(line, at);
    if (listing_parse_numeric_date(first, date) || listing_parse_named_date(first, date)) {
        if (!listing_parse_clock(unix_word(line, at + 1), date))
            return 1;
        return date->precision == REMOTE_TIME_SECOND &&
                       listing_parse_zone(unix_word(line, at + 2), date)
                   ? 3
                   : 2;
    }
    const char *dash = listing_text_find(first, '-');
    if (dash == NULL || first.length != 5 || dash != first.at + 2)
        return 0;
    guint64 month, day;
    if (!listing_text_number((ListingText){first.at, 2}, &month) ||
        !listing_text_number(listing_text_from(first, 3), &day))
        return 0;
    date->month = (int)month;
    date->day = (int)day;
    return unix_time_or_year(line, at + 1, date) ? 2 : 0;
}

/* The date that begins at word `at`; returns the number of its words, or 0. */
static gsize unix_date(const UnixLine *line, gsize at, ListingDate *date)
{
    *date = (ListingDate){0};
    gsize words = unix_named_date(line, at, date);
    if (words == 0) {
        *date = (ListingDate){0};
        words = unix_numeric_date(line, at, date);
    }
    return words > 0 && listing_date_is_valid(date) ? words : 0;
}

/* Whether word `at` is a size. One with a unit ("4.0K") or a sign is no exact size. */
static gboolean unix_size(ListingText word, RemoteEntry *entry)
{
    guint64 size;
    if (listing_text_number(word, &size)) {
        listing_set_size(entry, size);
        return TRUE;
    }
    if (word.length > 1 && word.at[0] == '-')
        return listing_text_number(listing_text_from(word, 1), &size);
    if (word.length < 2 || strchr("kKMGTPB", word.at[word.length - 1]) == NULL)
        return FALSE;
    for (gsize i = 0; i + 1 < word.length; i++) {
        if (!g_ascii_isdigit(word.at[i]) && (i == 0 || strchr(".,", word.at[i]) == NULL))
            return FALSE;
    }
    return word.at[word.length - 1] != '\0';
}

/* The numbers of a device, "8, 1" or "8,1", at word `at`; returns the number of words, or 0. */
static gsize unix_device(const UnixLine *line, gsize at)
{
    ListingText word = unix_word(line, at);
    const char *comma = listing_text_find(word, ',');
    guint64 number;
    if (comma == NULL ||
        !listing_text_number((ListingText){word.at, (gsize)(comma - word.at)}, &number))
        return 0;
    ListingText minor = listing_text_from(word, (gsize)(comma - word.at) + 1);
    gboolean joined = minor.length > 0;
    return listing_text_number(joined ? minor : unix_word(line, at + 1), &number) ? (joined ? 1 : 2)
                                                                                  : 0;
}

/* A date in a language that is not known here, "maalis 1 10:11": it tells no time, but where the
 * name begins. Returns the number of words, or 0. */
static gsize unix_foreign_date(const UnixLine *line, gsize at)
{
    ListingDate ignored = {0};
    ListingText month = unix_word(line, at), day = unix_word(line, at + 1);
    if (listing_parse_day(month, &ignored.day)) {
        month = day;
        day = unix_word(line, at);
    }
    gboolean word = month.length > 1;
    for (gsize i = 0; i < month.length; i++)
        word = word && (g_ascii_isalpha(month.at[i]) || (guchar)month.at[i] >= 0x80 ||
                        (i > 0 && month.at[i] == '.'));
    return word && listing_parse_day(day, &ignored.day) && unix_time_or_year(line, at + 2, &ignored)
               ? 3
               : 0;
}

/* Finds size and date, which is left empty for a `foreign` one. Returns the word after the date,
 * with *size the word of the size; 0 when there are none. */
static gsize unix_anchor(const UnixLine *line, gboolean foreign, gsize *size, ListingDate *date,
                         RemoteEntry *entry)
{
    for (gsize at = 1; at + 1 < line->count; at++) {
        gsize words = line->device ? unix_device(line, at) : 0;
        if (words == 0)
            words = unix_size(line->words[at], entry) ? 1 : 0;
        gsize date_words = words == 0 ? 0
                           : foreign  ? unix_foreign_date(line, at + words)
                                      : unix_date(line, at + words, date);
        if (date_words > 0) {
            *size = at;
            return at + words + date_words;
        }
        entry->size = 0;
        entry->has &= ~(guint)REMOTE_HAS_SIZE;
    }
    return 0;
}

static void unix_owner(ListingText text, RemoteHas has, guint32 *id, ListingText *out,
                       RemoteEntry *entry)
{
    guint64 number;
    *out = text;
    if (!listing_text_number(text, &number) || number >= G_MAXUINT32)
        return;
    *id = (guint32)number;
    entry->has |= has;
}

/* The columns between permissions and size: links, owner, group, any of which may lack. A group
 * may be of several words. */
static void unix_owners(const UnixLine *line, gsize size, ListingRow *row)
{
    RemoteEntry *entry = row->entry;
    gsize first = 1;
    guint64 links;
    if (first < size && listing_text_number(line->words[first], &links))
        first++;
    if (first < size)
        unix_owner(line->words[first], REMOTE_HAS_UID, &entry->uid, &row->owner, entry);
    if (first + 1 < size) {
        const char *start = line->words[first + 1].at;
        const ListingText *last = &line->words[size - 1];
        ListingText group = {start, (gsize)(last->at + last->length - start)};
        unix_owner(group, REMOTE_HAS_GID, &entry->gid, &row->group, entry);
    }
}

/* Parts a symlink's "name -> target". Where " -> " comes more than once the size tells which one it
 * is, being the length of the target. */
static void unix_target(ListingRow *row)
{
    static const char arrow[] = " -> ";
    gsize length = sizeof(arrow) - 1;
    ListingText whole = row->name;
    gsize chosen = whole.length;
    for (gsize at = 0; at + length <= whole.length; at++) {
        if (memcmp(whole.at + at, arrow, length) != 0)
            continue;
        if (chosen == whole.length)
            chosen = at;
        if ((row->entry->has & REMOTE_HAS_SIZE) != 0 &&
            row->entry->size == whole.length - at - length) {
            chosen = at;
            break;
        }
    }
    if (chosen == whole.length)
        return;
    row->name.length = chosen;
    row->target = listing_text_from(whole, chosen + length);
}

/* What follows word `at` - 1 and one space; further spaces belong to the name. */
static ListingText unix_rest(const UnixLine *line, gsize at)
{
    const ListingText *last = &line->words[at - 1];
    gsize end = (gsize)(last->at - line->line.at) + last->length;
    if (end < line->line.length)
        end++;
    return listing_text_from(line->line, end);
}

/* With --time-style=iso the dates of old files, "2024-05-01 ", are padded with a space to the width
 * of "05-01 10:11". */
static void unix_skip_padding(const UnixLine *line, gsize size, gsize end, ListingText *name)
{
    gboolean one_word = end - size == 2 && line->words[end - 1].length == 10;
    if (one_word && name->length > 1 && name->at[0] == ' ')
        *name = listing_text_from(*name, 1);
}

/* "d????????? ? ? ? ?            ? name": ls had no permission to look at it. */
static ListingLine unix_unknown_entry(UnixLine *line, ListingRow *row)
{
    gsize marks = 1;
    while (marks < line->count && listing_text_is(line->words[marks], "?"))
        marks++;
    if (marks < 2 || marks >= line->count)
        return LISTING_LINE_UNKNOWN;
    row->name = unix_rest(line, marks);
    if (row->entry->type == REMOTE_TYPE_SYMLINK)
        unix_target(row);
    return LISTING_LINE_ENTRY;
}

/* Splits the line into words. The permissions may be followed by a sign for an ACL ('+'), SELinux
 * ('.') or extended attributes ('@'), and may touch the number of links. */
static gboolean unix_split(UnixLine *line, ListingText text)
{
    line->line = text;
    line->count = 0;
    ListingText rest = text;
    while (line->count < UNIX_WORDS_MAX) {
        ListingText word = listing_next_word(&rest);
        if (word.length == 0)
            break;
        line->words[line->count++] = word;
        if (line->count > 1)
            continue;
        if (word.length < UNIX_PERMISSIONS)
            return FALSE;
        gsize extra = UNIX_PERMISSIONS;
        while (extra < word.length && strchr("+.@*", word.at[extra]) != NULL &&
               word.at[extra] != '\0')
            extra++;
        guint64 links;
        ListingText touching = listing_text_from(word, extra);
        if (touching.length > 0 && !listing_text_number(touching, &links))
            return FALSE;
        line->words[0].length = extra;
        rest = (ListingText){touching.at, (gsize)(text.at + text.length - touching.at)};
    }
    return line->count > 0;
}

/* "total 12" and its like in other languages. */
static gboolean unix_is_total(ListingText line)
{
    static const char *const words[] = {
        "total", "insgesamt", "gesamt", "totale", "totaal", "totalt", "razem", "celkem",
        "итого", "всего",     "toplam", "合計",   "总计",   "总用量", "總計",  "합계"};
    ListingText rest = line;
    ListingText word = listing_next_word(&rest);
    if (word.length > 1 && word.at[word.length - 1] == ':')
        word.length--;
    ListingText number = listing_next_word(&rest);
    if (number.length == 0 || !g_ascii_isdigit(number.at[0]) || listing_next_word(&rest).length > 0)
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (listing_text_is(word, words[i]))
            return TRUE;
    }
    return FALSE;
}

static ListingLine unix_entry(const ListingState *state, ListingText text, ListingRow *row)
{
    UnixLine line;
    ListingDate date;
    if (text.length < UNIX_PERMISSIONS || !unix_type(text.at[0], &row->entry->type) ||
        !unix_split(&line, text))
        return LISTING_LINE_UNKNOWN;
    if (memcmp(text.at + 1, "?????????", UNIX_PERMISSIONS - 1) == 0)
        return unix_unknown_entry(&line, row);
    if (!unix_mode(text.at + 1, &row->entry->mode))
        return LISTING_LINE_UNKNOWN;
    row->entry->has |= REMOTE_HAS_MODE;
    line.device = text.at[0] == 'b' || text.at[0] == 'c';

    gsize size;
    gsize end = unix_anchor(&line, FALSE, &size, &date, row->entry);
    gboolean dated = end != 0;
    if (!dated)
        end = unix_anchor(&line, TRUE, &size, &date, row->entry);
    if (end == 0 || (dated && !listing_date_apply(&date, state, row->entry)))
        return LISTING_LINE_UNKNOWN;
    unix_owners(&line, size, row);
    row->name = unix_rest(&line, end);
    unix_skip_padding(&line, size, end, &row->name);
    if (row->entry->type == REMOTE_TYPE_SYMLINK)
        unix_target(row);
    return LISTING_LINE_ENTRY;
}

ListingLine listing_unix_line(ListingState *state, ListingText text, ListingRow *row)
{
    ListingLine kind = unix_entry(state, text, row);
    return kind == LISTING_LINE_UNKNOWN && unix_is_total(text) ? LISTING_LINE_SKIP : kind;
}
