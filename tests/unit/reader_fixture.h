/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader_fixture - a Reader of one file on fake streams, and reads that check what they give.
 */
#ifndef FTPSFS_TESTS_READER_FIXTURE_H
#define FTPSFS_TESTS_READER_FIXTURE_H

#include "cache/read/reader.h"
#include "fake_streams.h"
#include "tree_fixture.h"

#define MIB ((guint64)1024 * 1024)

typedef struct {
    Fixture tree;
    Node *node;
    Stats stats;
    ReaderShared shared; /* may be changed before something is read */
    Reader *reader;
    guint64 size;
} Bed;

/* A reader of a file of `size` bytes, as its directory says. Gives the server's settings. */
FakeStreams *bed_init(Bed *bed, guint64 size);

/* Closes the reader, whose workers end. */
void bed_close(Bed *bed);

/* Also checks that no stream is left. */
void bed_clear(Bed *bed);

/* Reads, and checks every byte; gives how many there are. */
guint64 read_at(Bed *bed, guint64 offset, gsize length);

/* Bytes [from, to), `step` at a time. */
void read_all(Bed *bed, guint64 from, guint64 to, gsize step);

#endif
