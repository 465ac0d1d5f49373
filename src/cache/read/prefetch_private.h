/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Prefetch, shared by prefetch.c (what is fetched: jobs and their accounts),
 * prefetch_files.c (which files come next) and prefetch_dirs.c (which directories).
 */
#ifndef FTPSFS_SRC_CACHE_READ_PREFETCH_PRIVATE_H
#define FTPSFS_SRC_CACHE_READ_PREFETCH_PRIVATE_H

#include "ftpsfs/util/lock.h"
#include "prefetch.h"

/* What is ahead at the first guess; each step in order doubles it. */
#define PREFETCH_FIRST_WINDOW 2

/* A program that begins with the first file of a directory gets more at the first guess: a file for
 * each connection, so many bytes at most. */
#define PREFETCH_FIRST_BYTES ((guint64)256 * 1024)

/* A program that takes every n-th file still goes in order, up to this n. */
#define PREFETCH_GAP 4

/* A limit on what is fetched and not used: fetching takes from the credit, use gives back a fifth
 * more than was taken, and time gives back a little. */
typedef struct {
    gint64 credit;
    gint64 max;
    gint64 per_second;
    gint64 since; /* monotonic microseconds of the last gift of time */
} Budget;

/* The opens in one directory. */
typedef struct {
    guint references; /* the list's, and each job's */
    Node *dir;
    Node *at;                        /* the last file opened; NULL: none so far */
    GPtrArray *files[TREE_ORDERS];   /* Node references; NULL until needed */
    GHashTable *places[TREE_ORDERS]; /* Node -> index in `files`; NULL until needed */
    guint last[TREE_ORDERS];         /* index of the last file opened */
    guint run[TREE_ORDERS];          /* opens in this order, one after another */
    gint gap[TREE_ORDERS];           /* from the file opened before to the last one */
    guint window;                    /* files to have ahead */
    guint fetched, used;             /* files */
} Series;

/* A walk over directories. */
typedef struct {
    Node *top;                    /* where it began */
    Node *at;                     /* where it is */
    GPtrArray *next[TREE_ORDERS]; /* the first few directories to come */
    TreeOrder order;              /* the one that fits so far */
    guint window;                 /* directories to have ahead; 0: no guess yet */
} Walk;

typedef enum {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_READY, /* fetched, and not used so far */
} JobState;

/* One file or one directory that is fetched ahead. In `jobs` until it is used or given up. */
typedef struct {
    guint references; /* the table's, the worker's, and those who wait */
    Prefetch *prefetch;
    Node *node;
    NodeInfo info;  /* of a file: what is fetched */
    Series *series; /* of a file; a reference */
    JobState state;
    gboolean used;
    gboolean awaited;    /* the foreground waits for it, or has until it ends */
    gboolean given_up;   /* not in the table any more */
    guint64 fetched;     /* bytes that are in the chunk cache */
    gint64 listed_until; /* of a directory: which listing it was */
    GList link;          /* in `queue` or `ready` */
} Job;

struct Prefetch {
    PrefetchOptions with;
    guint limit;      /* jobs that run at once */
    guint window_max; /* files or directories ahead */
    GCancellable *stop;
    Lock lock; /* guards all that follows */
    GCond changed;
    GHashTable *jobs; /* Node -> Job */
    GQueue queue;     /* Jobs that wait for a worker */
    GQueue ready;     /* Jobs that are fetched, the oldest first */
    guint running;
    guint awaited;   /* of the running ones */
    gboolean behind; /* the foreground has come to running ones and fetched nothing itself since */
    gboolean stopping;
    Budget bytes, lists;
    GQueue series; /* Series, the most recently used first */
    GQueue walks;  /* Walk, likewise */
};

/* prefetch.c; all with the lock held. */

/* Whether the node is being fetched or has been, and was not used so far. */
gboolean prefetch_has_job(const Prefetch *prefetch, Node *node);

/* Fetches a file (`series` is that which it was guessed from) or lists a directory, when the budget
 * allows. FALSE when it does not. */
gboolean prefetch_file(Prefetch *prefetch, Node *node, const NodeInfo *info, Series *series);
gboolean prefetch_dir(Prefetch *prefetch, Node *dir);

/* The foreground has come for the node: what was fetched is used up, what has not begun is dropped.
 */
void prefetch_finish_dir(Prefetch *prefetch, Node *node);

/* The foreground is about to do it itself: dropped if it has not begun; else it will wait for it.
 */
void prefetch_take_over(Prefetch *prefetch, Node *node);

/* prefetch_files.c */
void prefetch_series_unref(Series *series);

/* prefetch_dirs.c; with the lock held. */

/* Guesses on in all walks, after a listing. */
void prefetch_go_on(Prefetch *prefetch);
void prefetch_walk_free(gpointer data);

#endif
