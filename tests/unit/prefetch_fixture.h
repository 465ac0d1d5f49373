/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefetch_fixture - a Prefetch on a tree and a fake server whose transfers can be held back.
 */
#ifndef FTPSFS_TESTS_PREFETCH_FIXTURE_H
#define FTPSFS_TESTS_PREFETCH_FIXTURE_H

#include "cache/read/prefetch.h"
#include "tree_fixture.h"

/* One for the whole program, reset by each test: the functions of remote.h have nowhere else to
 * look. */
typedef struct {
    GMutex lock;
    GCond changed;
    GPtrArray *opened; /* paths, in order */
    gboolean held;     /* transfers wait before their first byte */
    guint active, most_active;
    guint64 cut; /* bytes that files are shorter than their listing says */
} PrefetchServer;

extern PrefetchServer server;

typedef struct {
    Fixture tree;
    ChunkCache *chunks;
    Workers *workers;
    Stats stats;
    Prefetch *prefetch;
} Bed;

void bed_init(Bed *bed, guint connections);
void bed_end_prefetch(Bed *bed); /* waits for what is under way */
void bed_clear(Bed *bed);

/* Holds transfers back, or no longer. */
void hold(gboolean held);

/* Files f000, f001, ... in a directory of the server. */
void put_files(Bed *bed, const char *format, guint count, guint64 size);

void list(Bed *bed, Node *dir);

/* What open(2) does: the kernel has this content from now on. */
void open_file(Bed *bed, const char *name);

void read_file(Bed *bed, const char *name);
gboolean is_cached(Bed *bed, const char *name);

/* Waits until `count` files have been asked for and no transfer is under way. */
void await_fetched(guint count);

/* Waits until `count` transfers are being held. */
void await_active(guint count);

/* A child, borrowed: it stays while it is attached. */
Node *child_of(Bed *bed, Node *dir, const char *name);

/* That what was asked for so far is this, in whatever order the workers came to it. */
void assert_opened(const char *names);

#endif
