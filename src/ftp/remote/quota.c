/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quota.h"

#include <string.h>

/* No server has more; keeps sums within 64 bits. */
#define QUOTA_MAX ((double)(G_GINT64_CONSTANT(1) << 62))

typedef struct {
    double left;
    double total;
    gboolean told;
} Quota;

/* The size of "bytes", "Kb", "MB", "GiB", or 0 when the word is no unit. */
static double unit_of(const char *word)
{
    static const char letters[] = "KMGT";
    gsize length = strcspn(word, ":,.;)");
    if ((length == 5 && g_ascii_strncasecmp(word, "bytes", 5) == 0) ||
        (length == 4 && g_ascii_strncasecmp(word, "byte", 4) == 0))
        return 1;
    const char *letter = length > 0 ? strchr(letters, g_ascii_toupper(*word)) : NULL;
    gboolean named = (length == 2 && g_ascii_toupper(word[1]) == 'B') ||
                     (length == 3 && g_ascii_strncasecmp(word + 1, "iB", 2) == 0) ||
                     (length > 2 && g_ascii_strncasecmp(word + 1, "byte", 4) == 0);
    if (letter == NULL || *letter == '\0' || !named)
        return 0;
    double unit = 1024;
    for (gsize i = 0; i < (gsize)(letter - letters); i++)
        unit *= 1024;
    return unit;
}

static gboolean is_amount(double value)
{
    return value >= 0 && value <= QUOTA_MAX;
}

static void limit_by(Quota *quota, double left, double total)
{
    if (!is_amount(left) || (quota->told && quota->left <= left))
        return;
    *quota = (Quota){.left = left, .total = total, .told = TRUE};
}

/* "Uploaded Kb:   100.00/1000.00" of what is sent, or of both directions together. */
static gboolean take_row(char **words, Quota *quota)
{
    if (words[0] == NULL || words[1] == NULL || words[2] == NULL ||
        (g_ascii_strcasecmp(words[0], "Uploaded") != 0 &&
         g_ascii_strcasecmp(words[0], "Transferred") != 0))
        return FALSE;
    double unit = unit_of(words[1]);
    char *rest = NULL;
    double used = g_ascii_strtod(words[2], &rest);
    if (unit == 0 || rest == words[2] || *rest != '/')
        return FALSE;
    char *end = NULL;
    double total = g_ascii_strtod(rest + 1, &end) * unit;
    if (end != rest + 1 && is_amount(total) && is_amount(used * unit))
        limit_by(quota, MAX(total - used * unit, 0), total);
    return TRUE;
}

/* "120 KB free", "You have 5000 bytes remaining". */
static void take_words(char **words, Quota *quota)
{
    static const char *const free_words[] = {"free", "left", "available", "remaining"};
    for (; words[0] != NULL && words[1] != NULL && words[2] != NULL; words++) {
        char *end = NULL;
        double value = g_ascii_strtod(words[0], &end);
        double unit = unit_of(words[1]);
        if (end == words[0] || *end != '\0' || unit == 0)
            continue;
        for (gsize i = 0; i < G_N_ELEMENTS(free_words); i++)
            if (g_ascii_strncasecmp(words[2], free_words[i], strlen(free_words[i])) == 0)
                limit_by(quota, value * unit, 0);
    }
}

gboolean quota_parse(const Reply *reply, guint64 *left, guint64 *total)
{
    Quota quota = {0};
    for (guint i = 0; i < reply->lines->len; i++) {
        g_auto(GStrv) split = g_strsplit_set(g_ptr_array_index(reply->lines, i), " \t", -1);
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        for (char **word = split; *word != NULL; word++)
            if (**word != '\0')
                g_ptr_array_add(words, *word);
        g_ptr_array_add(words, NULL);
        if (!take_row((char **)words->pdata, &quota))
            take_words((char **)words->pdata, &quota);
    }
    if (quota.told) {
        *left = (guint64)quota.left;
        *total = (guint64)quota.total;
    }
    return quota.told;
}
