/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "listing_dialects.h"

#define SECONDS_PER_DAY 86400

gint64 listing_days(int year, int month, int day)
{
    /* Years that begin in March put the leap day last. */
    gint64 y = (gint64)year - (month <= 2 ? 1 : 0);
    gint64 era = (y >= 0 ? y : y - 399) / 400;
    gint64 year_of_era = y - era * 400;
    gint64 day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    gint64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static gboolean listing_is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int listing_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && listing_is_leap_year(year) ? 29 : days[month - 1];
}

static gboolean listing_has_day(int year, int month, int day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= listing_month_days(year, month);
}

gboolean listing_date_is_valid(const ListingDate *date)
{
    /* Any leap year will do where the year is to be found yet. 60 is a leap second. */
    return listing_has_day(date->year == 0 ? 2000 : date->year, date->month, date->day) &&
           date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

static gint64 listing_date_seconds(const ListingDate *date, int year)
{
    return listing_days(year, date->month, date->day) * SECONDS_PER_DAY +
           (gint64)date->hour * 3600 + (gint64)date->minute * 60 + date->second;
}

/* The year of a moment, in seconds since 1970. */
static int listing_year_of(gint64 seconds)
{
    gint64 days = CLAMP(seconds / SECONDS_PER_DAY, -700000, 2900000); /* years 53 to 9909 */
    int year = (int)(1970 + days / 366);
    while (listing_days(year + 1, 1, 1) <= days)
        year++;
    while (listing_days(year, 1, 1) > days)
        year--;
    return year;
}

/* Seconds east of UTC at a moment of the server's: `local` time there, or UTC. */
static gint64 listing_offset(const ListingState *state, gint64 seconds, gboolean local)
{
    if (state->zone == NULL)
        return state->zone_offset;
    gint interval = g_time_zone_find_interval(
        state->zone, local ? G_TIME_TYPE_STANDARD : G_TIME_TYPE_UNIVERSAL, seconds);
    /* A local time that clocks skip in spring belongs to no interval. */
    if (interval < 0)
        interval = g_time_zone_find_interval(state->zone, G_TIME_TYPE_UNIVERSAL, seconds);
    return interval < 0 ? 0 : g_time_zone_get_offset(state->zone, interval);
}

gboolean listing_date_apply(const ListingDate *date, const ListingState *state, RemoteEntry *entry)
{
    if (!listing_date_is_valid(date))
        return FALSE;
    int year = date->year;
    gint64 here = date->has_zone ? date->zone : listing_offset(state, state->now, FALSE);
    gint64 latest = state->now + here + SECONDS_PER_DAY;
    while (date->short_year && listing_has_day(year + 100, date->month, date->day) &&
           listing_date_seconds(date, year + 100) <= latest)
        year += 100;
    if (year == 0) {
        year = listing_year_of(latest);
        /* The longest time without a February 29 is 8 years, around 1900 or 2100. */
        for (int back = 0; back < 9; back++, year--) {
            if (listing_has_day(year, date->month, date->day) &&
                listing_date_seconds(date, year) <= latest)
                break;
        }
        if (!listing_has_day(year, date->month, date->day))
            return FALSE;
    }
    gint64 seconds = listing_date_seconds(date, year);
    entry->mtime = seconds - (date->has_zone ? date->zone : listing_offset(state, seconds, TRUE));
    entry->mtime_ns = date->nanosecond;
    entry->time_precision = date->precision;
    entry->has |= REMOTE_HAS_MTIME;
    return TRUE;
}

/* The names that ls and other programs use for months: whole ones, and those that are no beginning
 * of a whole one. A name matches from its first 3 letters on. In the order of months. */
static const char *const month_names[] = {
    "january",    "february",     "march",     "april",
    "may",        "june",         "july",      "august",
    "september",  "october",      "november",  "december", /* English */
    "januar",     "februar",      "mrz",       "april",
    "mai",        "juni",         "juli",      "august",
    "september",  "oktober",      "november",  "dezember", /* German */
    "janvier",    "fevrier",      "mars",      "avril",
    "mai",        "juin",         "juillet",   "aout",
    "septembre",  "octobre",      "novembre",  "decembre", /* French */
    "enero",      "febrero",      "marzo",     "abril",
    "mayo",       "junio",        "julio",     "agosto",
    "septiembre", "octubre",      "noviembre", "diciembre", /* Spanish */
    "gennaio",    "febbraio",     "marzo",     "aprile",
    "maggio",     "giugno",       "luglio",    "agosto",
    "settembre",  "ottobre",      "novembre",  "dicembre", /* Italian */
    "janeiro",    "fevereiro",    "marco",     "abril",
    "maio",       "junho",        "julho",     "agosto",
    "setembro",   "outubro",      "novembro",  "dezembro", /* Portuguese */
    "januari",    "februari",     "mrt",       "april",
    "mei",        "juni",         "juli",      "augustus",
    "september",  "oktober",      "november",  "december", /* Dutch */
    "stycznia",   "lutego",       "marca",     "kwietnia",
    "maja",       "czerwca",      "lipca",     "sierpnia",
    "wrzesnia",   "pazdziernika", "listopada", "grudnia", /* Polish */
    "jänner",     "février",      "märz",      "avr",
    "mag",        "giu",          "lug",       "août",
    "set",        "ott",          "nov",       "décembre", /* accented, short */
    "j\xe4nner",  "f\xe9vrier",   "m\xe4rz",   "avr",
    "mag",        "giu",          "lug",       "ao\xfbt",
    "set",        "ott",          "nov",       "d\xe9\x63\x65mbre", /* ISO 8859-1 */
    "января",     "февраля",      "марта",     "апреля",
    "мая",        "июня",         "июля",      "августа",
    "сентября",   "октября",      "ноября",    "декабря", /* Russian */
};

/* "5月", "5월": a number and the sign for month. */
static int listing_cjk_month(ListingText text)
{
    static const char *const signs[] = {"月", "월"};
    for (gsize i = 0; i < G_N_ELEMENTS(signs); i++) {
        gsize sign = strlen(signs[i]);
        guint64 number;
        if (text.length <= sign || memcmp(text.at + text.length - sign, signs[i], sign) != 0)
            continue;
        ListingText digits = {text.at, text.length - sign};
        if (listing_text_number(digits, &number) && number >= 1 && number <= 12)
            return (int)number;
    }
    return 0;
}

int listing_month(ListingText text)
{
    if (text.length > 0 && (text.at[text.length - 1] == '.' || text.at[text.length - 1] == ','))
        text.length--;
    if (text.length < 3)
        return 0;
    if (g_ascii_isdigit(text.at[0]))
        return listing_cjk_month(text);
    /* A beginning cut inside a character of two bytes is none. */
    gboolean wide = ((guchar)text.at[0] & 0xC0) == 0xC0;
    if (wide && text.length < 6)
        return 0;
    for (gsize i = 0; i < G_N_ELEMENTS(month_names); i++) {
        ListingText name = {month_names[i], strlen(month_names[i])};
        if (name.length >= text.length && listing_fold(name.at[0]) == listing_fold(text.at[0]) &&
            g_ascii_strncasecmp(name.at, text.at, text.length) == 0)
            return (int)(i % 12) + 1;
    }
    return 0;
}

gboolean listing_parse_day(ListingText text, int *day)
{
    static const char *const signs[] = {".", ",", "日", "일"};
    for (gsize i = 0; i < G_N_ELEMENTS(signs); i++) {
        gsize sign = strlen(signs[i]);
        if (text.length > sign && memcmp(text.at + text.length - sign, signs[i], sign) == 0)
            text.length -= sign;
    }
    guint64 number;
    if (text.length > 2 || !listing_text_number(text, &number) || number < 1 || number > 31)
        return FALSE;
    *day = (int)number;
    return TRUE;
}

gboolean listing_parse_year(ListingText text, int *year)
{
    static const char sign[] = "年";
    gsize length = sizeof(sign) - 1;
    if (text.length > length && memcmp(text.at + text.length - length, sign, length) == 0)
        text.length -= length;
    guint64 number;
    if (text.length != 4 || !listing_text_number(text, &number) || number < 1000)
        return FALSE;
    *year = (int)number;
    return TRUE;
}

/* Cuts a number of at most `digits` digits from the front of `text`. */
static gboolean listing_cut_number(ListingText *text, gsize digits, int *number)
{
    gsize n = 0;
    int value = 0;
    while (n < text->length && n < digits && g_ascii_isdigit(text->at[n]))
        value = value * 10 + (text->at[n++] - '0');
    *text = listing_text_from(*text, n);
    *number = value;
    return n > 0;
}

static gboolean listing_cut(ListingText *text, char c)
{
    if (text->length == 0 || text->at[0] != c)
        return FALSE;
    *text = listing_text_from(*text, 1);
    return TRUE;
}

static void listing_cut_fraction(ListingText *text, int *nanosecond)
{
    int scale = 100000000;
    *nanosecond = 0;
    for (; text->length > 0 && g_ascii_isdigit(text->at[0]); scale /= 10) {
        *nanosecond += (text->at[0] - '0') * scale;
        *text = listing_text_from(*text, 1);
    }
}

gboolean listing_apply_half(ListingText half, ListingDate *date)
{
    gboolean morning = listing_text_is(half, "AM") || listing_text_is(half, "a");
    gboolean evening = listing_text_is(half, "PM") || listing_text_is(half, "p");
    if ((!morning && !evening) || date->hour < 1 || date->hour > 12)
        return FALSE;
    date->hour = date->hour % 12 + (evening ? 12 : 0);
    return TRUE;
}

gboolean listing_parse_clock(ListingText text, ListingDate *date)
{
    ListingDate parsed = *date;
    parsed.second = parsed.nanosecond = 0;
    parsed.precision = REMOTE_TIME_MINUTE;
    if (!listing_cut_number(&text, 2, &parsed.hour) || !listing_cut(&text, ':'))
        return FALSE;
    gsize before = text.length;
    if (!listing_cut_number(&text, 2, &parsed.minute) || before - text.length != 2)
        return FALSE;
    if (listing_cut(&text, ':')) {
        if (!listing_cut_number(&text, 2, &parsed.second))
            return FALSE;
        parsed.precision = REMOTE_TIME_SECOND;
        if (listing_cut(&text, '.'))
            listing_cut_fraction(&text, &parsed.nanosecond);
    }
    if (text.length > 0 && !listing_apply_half(text, &parsed))
        return FALSE;
    if (parsed.hour > 23 || parsed.minute > 59 || parsed.second > 60)
        return FALSE;
    *date = parsed;
    return TRUE;
}

static void listing_set_year(ListingDate *date, int year, gsize digits)
{
    date->short_year = digits <= 2;
    date->year = year + (digits > 2 ? 0 : year < 70 ? 2000 : 1900);
}

gboolean listing_parse_numeric_date(ListingText text, ListingDate *date)
{
    int part[3];
    gsize digits[3];
    char separator = '\0';
    for (int i = 0; i < 3; i++) {
        gsize before = text.length;
        if (!listing_cut_number(&text, 4, &part[i]))
            return FALSE;
        digits[i] = before - text.length;
        if (i == 2)
            break;
        separator = i == 0 && text.length > 0 ? text.at[0] : separator;
        if (strchr("-/.", separator) == NULL || separator == '\0' || !listing_cut(&text, separator))
            return FALSE;
    }
    if (text.length > 0 || digits[1] > 2)
        return FALSE;
    if (digits[0] == 4 && digits[2] <= 2) {
        date->year = part[0];
        date->month = part[1];
        date->day = part[2];
    } else if (digits[0] <= 2 && (digits[2] == 2 || digits[2] == 4)) {
        gboolean day_first = separator == '.' || (part[0] > 12 && part[1] <= 12);
        date->day = part[day_first ? 0 : 1];
        date->month = part[day_first ? 1 : 0];
        listing_set_year(date, part[2], digits[2]);
    } else {
        return FALSE;
    }
    date->precision = REMOTE_TIME_DAY;
    return listing_has_day(date->year, date->month, date->day);
}

gboolean listing_parse_named_date(ListingText text, ListingDate *date)
{
    const char *first = listing_text_find(text, '-');
    if (first == NULL)
        return FALSE;
    ListingText left = {text.at, (gsize)(first - text.at)};
    ListingText rest = listing_text_from(text, left.length + 1);
    const char *second = listing_text_find(rest, '-');
    if (second == NULL)
        return FALSE;
    ListingText middle = {rest.at, (gsize)(second - rest.at)};
    ListingText year = listing_text_from(rest, middle.length + 1);
    guint64 number;
    if ((year.length != 2 && year.length != 4) || !listing_text_number(year, &number))
        return FALSE;
    gboolean month_first = listing_month(left) != 0;
    date->month = listing_month(month_first ? left : middle);
    if (date->month == 0 || !listing_parse_day(month_first ? middle : left, &date->day))
        return FALSE;
    listing_set_year(date, (int)number, year.length);
    date->precision = REMOTE_TIME_DAY;
    return listing_has_day(date->year, date->month, date->day);
}

gboolean listing_parse_zone(ListingText text, ListingDate *date)
{
    if (listing_text_is(text, "Z") || listing_text_is(text, "UTC") ||
        listing_text_is(text, "GMT")) {
        date->has_zone = TRUE;
        date->zone = 0;
        return TRUE;
    }
    if (text.length < 5 || (text.at[0] != '+' && text.at[0] != '-'))
        return FALSE;
    int sign = text.at[0] == '-' ? -1 : 1;
    ListingText rest = listing_text_from(text, 1);
    int hours, minutes;
    if (!listing_cut_number(&rest, 2, &hours))
        return FALSE;
    listing_cut(&rest, ':');
    if (!listing_cut_number(&rest, 2, &minutes) || rest.length > 0 || hours > 14 || minutes > 59)
        return FALSE;
    date->has_zone = TRUE;
    date->zone = sign * (hours * 3600 + minutes * 60);
    return TRUE;
}

/* Four, two, ... digits of a time-val. */
static int listing_digits(const char *text, gsize count)
{
    int value = 0;
    for (gsize i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

gboolean listing_parse_time(const char *text, gint64 *seconds, gint32 *nanoseconds)
{
    gsize digits = strspn(text, "0123456789");
    /* Servers that print "19" and the years since 1900 are a known error: "19124" is 2024. */
    gsize year_digits = digits == 15 && text[0] == '1' && text[1] == '9' ? 5 : 4;
    if (digits != year_digits + 10)
        return FALSE;
    const char *rest = text + year_digits;
    ListingDate date = {.month = listing_digits(rest, 2),
                        .day = listing_digits(rest + 2, 2),
                        .hour = listing_digits(rest + 4, 2),
                        .minute = listing_digits(rest + 6, 2),
                        .second = listing_digits(rest + 8, 2)};
    date.year = year_digits == 5 ? 1900 + listing_digits(text + 2, 3) : listing_digits(text, 4);
    ListingText tail = {text + digits, strlen(text + digits)};
    if (listing_cut(&tail, '.'))
        listing_cut_fraction(&tail, &date.nanosecond);
    while (listing_cut(&tail, ' '))
        continue;
    if (tail.length > 0 || date.year == 0 || !listing_date_is_valid(&date))
        return FALSE;
    *seconds = listing_date_seconds(&date, date.year);
    *nanoseconds = date.nanosecond;
    return TRUE;
}
