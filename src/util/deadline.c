/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/deadline.h"

gint64 deadline_in(guint seconds)
{
    return g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
}

int deadline_left_ms(gint64 deadline)
{
    gint64 left = deadline - g_get_monotonic_time();
    if (left <= 0)
        return 0;
    return (int)MIN((left + 999) / 1000, (gint64)G_MAXINT);
}
