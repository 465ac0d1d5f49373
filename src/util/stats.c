/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/stats.h"

char *stats_to_json(const Stats *stats)
{
    GString *json = g_string_new("{\n");
#define STATS_APPEND(name, text)                                                                   \
    g_string_append_printf(json, "  \"%s\": %" G_GINT64_FORMAT ",\n", #name,                       \
                           STATS_GET(stats, name));
    STATS_COUNTERS(STATS_APPEND)
#undef STATS_APPEND
    g_string_truncate(json, json->len - 2);
    g_string_append(json, "\n}\n");
    return g_string_free(json, FALSE);
}
