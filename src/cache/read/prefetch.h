/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefetch - reads ahead what a program will probably open next, on several connections at once:
 * the small files of a directory that are opened one after another (cp -r, tar, grep -r, rsync),
 * and the directories that a walk comes to (find, ls -R, du).
 *
 * One Prefetch a mount, owned by Files, which tells it of each open and each listing. It guesses
 * from the second step in an order that it knows (the listing's, or by name), more boldly when that
 * began with the first file of the directory, fetches file content into the chunk cache and
 * listings into the tree, and never uses more than all connections but one at a time. A read that
 * comes for what is on its way waits for it rather than fetching it twice. Wrong guesses are
 * bounded: what was fetched and not used is at most a fifth of what was used, and a constant; a
 * directory where guesses fail is left alone.
 *
 * Its lock (LOCK_RANK_PREFETCH) guards all of it. All functions may be called from any thread; a
 * NULL Prefetch does nothing.
 */
#ifndef FTPSFS_SRC_CACHE_READ_PREFETCH_H
#define FTPSFS_SRC_CACHE_READ_PREFETCH_H

#include "chunks.h"
#include "ftpsfs/cache/disk.h"
#include "ftpsfs/cache/tree.h"
#include "ftpsfs/util/workers.h"

/* Files up to this size are small: fetched whole. */
#define PREFETCH_SMALL_MAX (1024 * 1024)

typedef struct Prefetch Prefetch;

/* What it works with; all of it outlives the Prefetch. */
typedef struct {
    Remote *remote;
    Tree *tree;
    ChunkCache *chunks;
    DiskCache *disk; /* NULL: none */
    Workers *workers;
    Stats *stats;
    guint connections;  /* of the mount */
    guint64 cache_size; /* of `chunks`, bytes: at most a quarter of it is filled ahead of use */
} PrefetchOptions;

/* NULL when there is nothing to gain: one connection cannot do two things at a time. */
Prefetch *prefetch_new(const PrefetchOptions *options);

/* Cuts off what is under way and begins nothing any more. Does not wait. */
void prefetch_stop(Prefetch *prefetch);

/* After prefetch_stop, and when the workers have ended. What was fetched and not used until now
 * counts as wasted. */
void prefetch_free(Prefetch *prefetch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prefetch, prefetch_free)

/* A program has opened `node` for reading. */
void prefetch_note_open(Prefetch *prefetch, Node *node);

/* A program reads `node`, whose content is `version`, up to byte `end`: waits while those bytes are
 * being fetched ahead. Whether they are there afterwards the chunk cache tells; a failure to fetch
 * them ahead is not the reader's. Returns early when cancelled. */
void prefetch_await(Prefetch *prefetch, Node *node, guint64 version, guint64 end,
                    GCancellable *cancel);

/* A program is about to list `dir`, and has listed it. */
void prefetch_note_listing(Prefetch *prefetch, Node *dir);
void prefetch_note_listed(Prefetch *prefetch, Node *dir);

#endif
