/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_streams - the reading streams of remote.h on made-up content, for tests of what reads files.
 * Linked in the place of ftp/remote/remote_stream.c, beside fake_remote.
 *
 * The content of every file is the same: fake_byte tells it. The server's state is one for the
 * program, as the functions of remote.h have nowhere else to look; fake_streams_reset begins a
 * test. One lock guards it.
 */
#ifndef FTPSFS_TESTS_FAKE_STREAMS_H
#define FTPSFS_TESTS_FAKE_STREAMS_H

#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/error.h"

typedef struct {
    guint64 size;     /* of each file on the server, whatever its directory says */
    gsize piece;      /* bytes that one read gives at most */
    guint64 pause_at; /* reads of bytes from here on wait until fake_streams_go_on */
    guint64 lose_at;  /* a connection that gets here is lost */
    guint loses;      /* so many times */
    guint refuse;     /* the next so many opens fail, as lost connections */
    gboolean ranges;  /* the server has RANG */
    gint64 delay_us;  /* each read takes so long, per connection */
} FakeStreams;

/* The settings, to be changed before a test reads. */
FakeStreams *fake_streams_reset(guint64 size);

guint8 fake_byte(guint64 offset);

/* Changes `pause_at` while reads are under way. */
void fake_streams_pause(guint64 at);

/* Lets paused reads go on, from now on. */
void fake_streams_go_on(void);

/* Waits until `n` reads are paused. */
void fake_streams_wait_paused(guint n);

/* Waits until so many streams are open. */
void fake_streams_wait_open(guint n);

/* What the pool does when it wants the connections of all streams that are held. */
void fake_streams_yield(void);

guint fake_streams_opened(void); /* so far */
guint fake_streams_open_now(void);
gboolean fake_streams_is_open(guint64 first); /* one that began there */
guint64 fake_streams_last_open(void);         /* where the one began that began last in the file */
guint fake_streams_most_open(void);           /* at once */
guint64 fake_streams_bytes(void);             /* given out */
GArray *fake_streams_offsets(void);           /* guint64: where streams began; to be freed */

#endif
