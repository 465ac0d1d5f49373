/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server_clock - the server's clock and time zone, as far as they are known.
 *
 * MLSD and MDTM give UTC; LIST gives the server's local time, often without the year. One
 * ServerClock a mount, owned by its Remote. Until something else is learned the server's clock is
 * taken to go like ours and its zone to be UTC. Its lock (LOCK_RANK_CLOCK) guards all of it;
 * functions may be called from any thread.
 */
#ifndef FTPSFS_SRC_FTP_LISTING_SERVER_CLOCK_H
#define FTPSFS_SRC_FTP_LISTING_SERVER_CLOCK_H

#include <glib.h>

typedef struct ServerClock ServerClock;

/* `zone`: the user's word for the server's zone, referenced; NULL: it is to be learned. */
ServerClock *server_clock_new(GTimeZone *zone);
void server_clock_free(ServerClock *clock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerClock, server_clock_free)

/* Seconds since 1970 UTC by the server's clock. */
gint64 server_clock_now(ServerClock *clock);

/* The server's clock shows `utc` now, or close to it. */
void server_clock_set_now(ServerClock *clock, gint64 utc);

/* Seconds by which the server's clock is ahead of ours. */
gint64 server_clock_ahead(ServerClock *clock);

/* The zone that the user named; NULL: server_clock_offset tells. Owned by the clock. */
GTimeZone *server_clock_zone(const ServerClock *clock);

/* Whether the zone is known, by the user's word or by server_clock_set_offset. */
gboolean server_clock_knows_zone(ServerClock *clock);

/* Seconds that LIST's times are ahead of UTC; 0 when unknown. */
gint64 server_clock_offset(ServerClock *clock);
void server_clock_set_offset(ServerClock *clock, gint64 seconds);

/* The offset that a listed time, taken for UTC, and the true time of the same file tell: their
 * difference to the nearest quarter of an hour. FALSE when no zone could be the reason: more than
 * 15 hours, or more than `slack_s` seconds away from a whole quarter of an hour. */
gboolean server_clock_compare(gint64 listed, gint64 exact, gint64 slack_s, gint64 *offset);

#endif
