/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/units.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

char *units_size(gint64 bytes)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 0)
        bytes = 0;
    double value = (double)bytes;
    guint unit = 0;
    /* What would be printed as 1000 is the next unit's. */
    while (value >= 999.5) {
        value /= 1024;
        unit++;
    }
    if (unit == 0 || value >= 9.95)
        return g_strdup_printf("%.0f %s", value, names[unit]);
    return g_strdup_printf("%.1f %s", value, names[unit]);
}

char *units_duration(gint64 seconds)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds >= 2 * DAY)
        return g_strdup_printf("%" G_GINT64_FORMAT " days", seconds / DAY);
    if (seconds >= HOUR)
        return g_strdup_printf("%d:%02d:%02d", (int)(seconds / HOUR),
                               (int)(seconds % HOUR / MINUTE), (int)(seconds % MINUTE));
    return g_strdup_printf("%d:%02d", (int)(seconds / MINUTE), (int)(seconds % MINUTE));
}

guint units_percent(gint64 done, gint64 total)
{
    if (total <= 0 || done <= 0)
        return 0;
    if (done >= total)
        return 100;
    return MIN((guint)((double)done / (double)total * 100), 99U);
}

char *units_bar(gint64 done, gint64 total, guint width, gboolean fine)
{
    static const char *const parts[] = {"",       "\u258f", "\u258e", "\u258d",
                                        "\u258c", "\u258b", "\u258a", "\u2589"};
    double share = total > 0 ? CLAMP((double)done / (double)total, 0, 1) : 0;
    guint eighths = (guint)(share * width * 8);
    guint whole = eighths / 8;
    guint columns = whole;
    GString *bar = g_string_new(NULL);
    for (guint i = 0; i < whole; i++)
        g_string_append(bar, fine ? "\u2588" : "#");
    if (fine && eighths % 8 != 0) {
        g_string_append(bar, parts[eighths % 8]);
        columns++;
    }
    for (; columns < width; columns++)
        g_string_append(bar, fine ? "\u2591" : ".");
    return g_string_free(bar, FALSE);
}

gint64 units_left(gint64 done, gint64 total, gint64 rate)
{
    if (rate <= 0 || total <= 0)
        return -1;
    return done >= total ? 0 : (total - done + rate - 1) / rate;
}
