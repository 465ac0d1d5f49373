/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server_clock.h"

#include "ftpsfs/util/lock.h"

#define QUARTER_S 900
#define ZONE_MAX  (15 * 3600) /* zones go from -12 to +14 hours */

struct ServerClock {
    GTimeZone *zone; /* constant */
    Lock lock;       /* guards what follows */
    gboolean known;
    gint64 offset;
    gint64 ahead;
};

static gint64 local_now(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

ServerClock *server_clock_new(GTimeZone *zone)
{
    ServerClock *clock = g_new0(ServerClock, 1);
    lock_init(&clock->lock, LOCK_RANK_CLOCK);
    clock->zone = zone != NULL ? g_time_zone_ref(zone) : NULL;
    clock->known = zone != NULL;
    return clock;
}

void server_clock_free(ServerClock *clock)
{
    if (clock == NULL)
        return;
    g_clear_pointer(&clock->zone, g_time_zone_unref);
    lock_clear(&clock->lock);
    g_free(clock);
}

gint64 server_clock_ahead(ServerClock *clock)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&clock->lock);
    return clock->ahead;
}

gint64 server_clock_now(ServerClock *clock)
{
    return local_now() + server_clock_ahead(clock);
}

void server_clock_set_now(ServerClock *clock, gint64 utc)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&clock->lock);
    clock->ahead = utc - local_now();
}

GTimeZone *server_clock_zone(const ServerClock *clock)
{
    return clock->zone;
}

gboolean server_clock_knows_zone(ServerClock *clock)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&clock->lock);
    return clock->known;
}

gint64 server_clock_offset(ServerClock *clock)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&clock->lock);
    return clock->offset;
}

void server_clock_set_offset(ServerClock *clock, gint64 seconds)
{
    g_autoptr(LockHolder) holder G_GNUC_UNUSED = lock_hold(&clock->lock);
    clock->offset = seconds;
    clock->known = TRUE;
}

gboolean server_clock_compare(gint64 listed, gint64 exact, gint64 slack_s, gint64 *offset)
{
    gint64 difference = listed - exact;
    if (difference > ZONE_MAX || difference < -ZONE_MAX)
        return FALSE;
    gint64 half = difference < 0 ? -QUARTER_S / 2 : QUARTER_S / 2;
    *offset = (difference + half) / QUARTER_S * QUARTER_S;
    return ABS(difference - *offset) <= slack_s;
}
