/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_contents - the streams of remote.h with their content, on the file system of fake_remote,
 * which it completes for tests of open files. Linked in the place of ftp/remote/remote_stream.c.
 *
 * The server's state is one for the program, as in fake_streams; fake_contents_reset begins a test.
 * One lock guards it.
 */
#ifndef FTPSFS_TESTS_FAKE_CONTENTS_H
#define FTPSFS_TESTS_FAKE_CONTENTS_H

#include "fake_remote.h"

typedef struct {
    FtpsfsErrorCode code;      /* of the failures */
    guint open_failures;       /* the next so many stores are refused when they begin */
    guint write_failures;      /* the next so many writes fail */
    guint finish_failures;     /* the next so many stores fail at their end */
    gboolean refuse_append;    /* APPE is refused, always */
    gboolean overwrites;       /* REST before STOR keeps what follows */
    gboolean left_to_finalize; /* the end of a store leaves the rest to remote_finalize */
    guint64 keep;              /* the server keeps no byte from here on */
} FakeContents;

/* The settings, to be changed while no operation runs. */
FakeContents *fake_contents_reset(void);

/* A file on the server. */
void fake_contents_put(Remote *remote, const char *path, const char *text);

/* What was stored by the path, as text; for g_free. */
char *fake_contents_get(const char *path);

/* The stores in the order in which they ended, "STOR /m/f 0+5, APPE /m/f 5+3": where they began and
 * how many bytes were sent; "cut STOR" when one was given up. Temporary names end at "-upload".
 * Begins anew. For g_free. */
char *fake_contents_log(void);

/* Waits until `bytes` were sent since the reset. */
void fake_contents_await(guint64 bytes);

/* What the pool does when it wants the connection of the store that is held. */
void fake_contents_yield(void);

guint fake_contents_open_now(void);

#endif
