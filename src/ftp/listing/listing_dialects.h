/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listing_dialects - the seams of the listing parser: what a parser of one line gets and gives.
 *
 * A dialect's function looks at one line and says what it is. It fills the row's entry with
 * everything but strings, and points the row's texts at bytes of the line, which are in the
 * server's encoding; listing.c converts and checks them. There is one ListingState a listing.
 */
#ifndef FTPSFS_SRC_FTP_LISTING_LISTING_DIALECTS_H
#define FTPSFS_SRC_FTP_LISTING_LISTING_DIALECTS_H

#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "listing.h"

/* Bytes that belong to somebody else; not terminated, may hold NUL. */
typedef struct {
    const char *at;
    gsize length;
} ListingText;

/* The first word of `rest` (words are parted by spaces and tabs), which is cut from it together
 * with the spaces in front. Length 0 when there is none. */
ListingText listing_next_word(ListingText *rest);
/* All words of `text`, at most `max`; returns their number. */
gsize listing_split(ListingText text, ListingText *words, gsize max);
/* `text` without the blanks in front. */
ListingText listing_skip_blanks(ListingText text);
/* What stands in `text` after a column that begins with `column` and is `width` bytes wide: from
 * there on when all between the column's word and its end is blank, so that spaces may begin it;
 * else from the next word on. */
ListingText listing_after_column(ListingText text, ListingText column, gsize width);
ListingText listing_text_from(ListingText text, gsize start);

static inline char listing_fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Without regard to the case of ASCII letters. These two are inline because a listing spends its
 * time here, and the length of a literal is known then. */
static inline gboolean listing_text_begins(ListingText text, const char *words)
{
    gsize length = strlen(words);
    if (text.length < length)
        return FALSE;
    for (gsize i = 0; i < length; i++) {
        if (listing_fold(text.at[i]) != listing_fold(words[i]))
            return FALSE;
    }
    return TRUE;
}

static inline gboolean listing_text_is(ListingText text, const char *word)
{
    return text.length == strlen(word) && listing_text_begins(text, word);
}

gboolean listing_text_holds(ListingText text, const char *words); /* with regard to case */
const char *listing_text_find(ListingText text, char c);          /* or NULL */

/* The whole of `text` is a decimal number (no sign). */
gboolean listing_text_number(ListingText text, guint64 *number);
/* Same with separators of thousands: "1,234,567". */
gboolean listing_text_grouped_number(ListingText text, guint64 *number);

/* Sets the entry's size, unless it is more than any file can have. */
void listing_set_size(RemoteEntry *entry, guint64 size);

/* A date as it stands in a line. */
typedef struct {
    int year;            /* 0: none given */
    gboolean short_year; /* two digits were told: 1970..2069, or a century later */
    int month, day, hour, minute, second;
    int nanosecond;
    RemoteTime precision;
    gboolean has_zone;
    int zone; /* seconds east of UTC, when has_zone */
} ListingDate;

typedef struct {
    gint64 now;
    GTimeZone *zone; /* NULL: zone_offset */
    gint64 zone_offset;
    GString *held;     /* VMS: the name of an entry that goes on in the next line */
    GString *previous; /* VMS: name of the last entry, whose older versions follow */
    gboolean members;  /* MVS: members of a partitioned dataset are listed */
} ListingState;

typedef struct {
    RemoteEntry *entry;
    ListingText name, target, owner, group, unique;
    gboolean own; /* the directory itself or its parent */
} ListingRow;

typedef enum {
    LISTING_LINE_UNKNOWN, /* this dialect has no such lines */
    LISTING_LINE_ENTRY,   /* the row holds an entry */
    LISTING_LINE_HEADER,  /* no entry; only this dialect has such a line */
    LISTING_LINE_SKIP,    /* no entry; says nothing of the dialect */
    LISTING_LINE_PART,    /* an entry that goes on in the next line, kept in the state */
} ListingLine;

typedef ListingLine (*ListingDialectFunc)(ListingState *state, ListingText line, ListingRow *row);

ListingLine listing_unix_line(ListingState *state, ListingText text, ListingRow *row);
ListingLine listing_windows_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_netware_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_vms_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_mvs_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_as400_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_eplf_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_wftpd_line(ListingState *state, ListingText line, ListingRow *row);
ListingLine listing_tandem_line(ListingState *state, ListingText line, ListingRow *row);

/* The facts of one MLSD or MLST line into `row`; the name is what follows them. FALSE when there
 * are none. */
gboolean listing_facts_line(ListingText line, ListingRow *row);

/* Dates: listing_dates.c. */

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
gint64 listing_days(int year, int month, int day);
/* Whether there is such a day and time. */
gboolean listing_date_is_valid(const ListingDate *date);
/* Sets the entry's mtime. A missing year becomes that of the latest such date that is not more than
 * a day after now, by the server's clock; so does one of two digits, but that is 1970 at least.
 * FALSE when there is no such day; the entry is unchanged then. */
gboolean listing_date_apply(const ListingDate *date, const ListingState *state, RemoteEntry *entry);
/* 1..12 for the name of a month, whole or shortened, in one of several languages; 0 otherwise. */
int listing_month(ListingText text);
/* "1", "01", "1." -> 1..31 */
gboolean listing_parse_day(ListingText text, int *day);
/* "2024" */
gboolean listing_parse_year(ListingText text, int *year);
/* "10:11", "9:11", "10:11:12", "10:11:12.345", with "AM", "PM", "a" or "p" */
gboolean listing_parse_clock(ListingText text, ListingDate *date);
/* Numbers parted by '-', '/' or '.': year first when it has 4 digits; otherwise month first, or
 * day first when the first can't be a month or the parts are parted by '.'. A year of two digits
 * is 1970..2069 until listing_date_apply knows the century. */
gboolean listing_parse_numeric_date(ListingText text, ListingDate *date);
/* "AM", "PM", "a", "p" after a time: makes date->hour one of 24. */
gboolean listing_apply_half(ListingText half, ListingDate *date);
/* "2-JUL-2003", "18-Mar-08", "Feb-28-1998" */
gboolean listing_parse_named_date(ListingText text, ListingDate *date);
/* "+0200", "-03:30", "Z" */
gboolean listing_parse_zone(ListingText text, ListingDate *date);

#endif
