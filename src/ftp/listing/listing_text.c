/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "listing_dialects.h"

ListingText listing_text_from(ListingText text, gsize start)
{
    return (ListingText){text.at + start, text.length - start};
}

static gboolean listing_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

ListingText listing_next_word(ListingText *rest)
{
    gsize start = 0;
    while (start < rest->length && listing_is_blank(rest->at[start]))
        start++;
    gsize end = start;
    while (end < rest->length && !listing_is_blank(rest->at[end]))
        end++;
    ListingText word = {rest->at + start, end - start};
    *rest = listing_text_from(*rest, end);
    return word;
}

gsize listing_split(ListingText text, ListingText *words, gsize max)
{
    gsize count = 0;
    while (count < max) {
        words[count] = listing_next_word(&text);
        if (words[count].length == 0)
            break;
        count++;
    }
    return count;
}

ListingText listing_skip_blanks(ListingText text)
{
    while (text.length > 0 && listing_is_blank(text.at[0]))
        text = listing_text_from(text, 1);
    return text;
}

ListingText listing_after_column(ListingText text, ListingText column, gsize width)
{
    ListingText rest = listing_text_from(text, (gsize)(column.at - text.at));
    if (rest.length <= width)
        return listing_skip_blanks(listing_text_from(rest, column.length));
    for (gsize i = column.length; i < width; i++) {
        if (!listing_is_blank(rest.at[i]))
            return listing_skip_blanks(listing_text_from(rest, column.length));
    }
    /* A word wider than its column is parted from the next by one blank. */
    return listing_text_from(rest, MAX(width, MIN(column.length + 1, rest.length)));
}

void listing_set_size(RemoteEntry *entry, guint64 size)
{
    if (size > (guint64)G_MAXINT64)
        return;
    entry->size = size;
    entry->has |= REMOTE_HAS_SIZE;
}

gboolean listing_text_holds(ListingText text, const char *words)
{
    return text.length > 0 && memmem(text.at, text.length, words, strlen(words)) != NULL;
}

const char *listing_text_find(ListingText text, char c)
{
    return text.length == 0 ? NULL : memchr(text.at, c, text.length);
}

static gboolean listing_add_digit(guint64 *value, char digit)
{
    return !__builtin_mul_overflow(*value, (guint64)10, value) &&
           !__builtin_add_overflow(*value, (guint64)(digit - '0'), value);
}

gboolean listing_text_number(ListingText text, guint64 *number)
{
    guint64 value = 0;
    for (gsize i = 0; i < text.length; i++) {
        if (!g_ascii_isdigit(text.at[i]) || !listing_add_digit(&value, text.at[i]))
            return FALSE;
    }
    *number = value;
    return text.length > 0;
}

gboolean listing_text_grouped_number(ListingText text, guint64 *number)
{
    guint64 value = 0;
    gsize run = 0; /* digits since the last separator */
    gboolean grouped = FALSE;
    for (gsize i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == ',' || c == '.' || c == '\'' || c == '\xa0') {
            if (run == 0 || (grouped && run != 3))
                return FALSE;
            grouped = TRUE;
            run = 0;
        } else if (c == '\xc2' && i + 1 < text.length && text.at[i + 1] == '\xa0') {
            continue; /* a no-break space in UTF-8 */
        } else if (!g_ascii_isdigit(c) || !listing_add_digit(&value, c)) {
            return FALSE;
        } else {
            run++;
        }
    }
    *number = value;
    return run > 0 && (!grouped || run == 3);
}
