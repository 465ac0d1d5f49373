/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats - the counters of one mount. They exist so that tests can assert what went over the wire
 * and so that users can see it: `kill -USR2` logs them, `-o stats=FILE` writes them as JSON at that
 * signal and at unmount.
 *
 * Counters are atomic; the struct is shared by all layers and needs no lock.
 */
#ifndef FTPSFS_UTIL_STATS_H
#define FTPSFS_UTIL_STATS_H

#include <glib.h>

/* name, what it counts */
#define STATS_COUNTERS(X)                                                                          \
    X(sessions_opened, "control connections opened")                                               \
    X(sessions_lost, "control connections lost")                                                   \
    X(commands, "commands sent")                                                                   \
    X(round_trips, "waits for the server: a reply or first byte not yet there when needed")        \
    X(lists, "directory listings")                                                                 \
    X(stats, "single-entry queries (MLST, SIZE, MDTM)")                                            \
    X(retrieves, "RETR transfers")                                                                 \
    X(stores, "STOR and APPE transfers")                                                           \
    X(data_connections, "data connections made")                                                   \
    X(data_resumed, "data connections whose TLS session resumed")                                  \
    X(prepared_used, "transfers that found a data connection ready")                               \
    X(bytes_in, "bytes received on data connections")                                              \
    X(bytes_out, "bytes sent on data connections")                                                 \
    X(wire_in, "bytes_in as they came: fewer where they are compressed")                           \
    X(retries, "operations repeated on another control connection")                                \
    X(entry_requests, "questions for a name or its attributes")                                    \
    X(entry_hits, "those of them that the cache answered")                                         \
    X(list_requests, "directories that programs listed")                                           \
    X(list_hits, "those of them whose listing was there")                                          \
    X(file_reads, "files of which content was read")                                               \
    X(chunk_hits, "chunks served from the cache")                                                  \
    X(chunk_misses, "chunks waited for")                                                           \
    X(files_lost, "files that could not be uploaded and were kept here")                           \
    X(prefetched_bytes, "bytes fetched ahead of use")                                              \
    X(prefetch_wasted_bytes, "bytes fetched ahead and dropped unused")                             \
    X(lists_prefetched, "directories listed ahead of use")                                         \
    X(lists_wasted, "directories listed ahead and not used")                                       \
    X(writeback_pending, "files kept on the local disk, not uploaded yet")                         \
    X(writeback_bytes, "bytes of those files")                                                     \
    X(writeback_uploads, "files uploaded after they were closed")                                  \
    X(writeback_failures, "tries of such uploads that failed")                                     \
    X(writeback_conflicts, "of such uploads, those stored beside a file that others changed")

typedef struct {
#define STATS_FIELD(name, text) gint64 name;
    STATS_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
} Stats;

#define STATS_ADD(stats, name, n) __atomic_add_fetch(&(stats)->name, (gint64)(n), __ATOMIC_RELAXED)
#define STATS_GET(stats, name)    __atomic_load_n(&(stats)->name, __ATOMIC_RELAXED)

/* All counters as one JSON object, for g_free. */
char *stats_to_json(const Stats *stats);

#endif
