/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp/remote: operations on the server, by whatever commands this server has. Offers the only
 * way to the server for src/cache and src/fs. Uses src/ftp/pool, src/ftp/transfer, src/ftp/listing
 * and src/ftp/session.
 *
 * remote - the typed operations on the server that everything above uses.
 *
 * One Remote a mount. It owns the pool of control connections and what has been learned of the
 * server. All functions may be called from any thread, block the calling thread alone, and lock
 * nothing while they wait. Paths are UTF-8, absolute on the server ("/" is the server's root, not
 * the mount's; remote_root tells where the mount starts). On servers without path names "/" is the
 * login directory.
 *
 * Errors, unless a function says otherwise: FTPSFS_ERROR_* by meaning of the reply, with a message
 * that names the command, the path and the server's words. Lost connections have been retried where
 * that is safe. Each function takes a GCancellable, which may be NULL.
 */
#ifndef FTPSFS_FTP_REMOTE_H
#define FTPSFS_FTP_REMOTE_H

#include "ftpsfs/ftp/entry.h"
#include "ftpsfs/ftp/remote_options.h"
#include "ftpsfs/tls/trust.h"
#include "ftpsfs/util/stats.h"
#include "ftpsfs/util/trace.h"

typedef struct Remote Remote;

/* Connects, verifies, logs in and learns the server's features on a first control connection, which
 * stays in the pool. `stats` must outlive the Remote. Errors carry messages for the user's eyes:
 * FTPSFS_ERROR_CONNECT, _TLS, _LOGIN, _TIMEOUT, _LIMIT, _NOT_FOUND (directory). */
Remote *remote_new(const RemoteOptions *options, Trust *trust, Stats *stats, GCancellable *cancel,
                   GError **error);

/* Sends QUIT on all connections (waiting at most `timeout_s` each) and frees everything. No
 * operation may be under way. */
void remote_free(Remote *remote);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Remote, remote_free)

/* The absolute server path of the mount's root; owned by the Remote. */
const char *remote_root(const Remote *remote);

/* Whether the server has nothing that could be written to by byte streams: data sets of MVS.
 * Constant from remote_new on. */
gboolean remote_is_read_only(const Remote *remote);

/* Whether the server is out of reach: it was tried for `timeout_s`, no connection is left, and the
 * background probe has not found it back yet. Where that is not known it is found out by a new
 * connection: that one has failed says nothing of the server. */
gboolean remote_is_gone(Remote *remote, GCancellable *cancel);

/* What the server can do, as far as is known now. */
typedef enum {
    REMOTE_CAN_MLST, /* exact single-entry queries and listings */
    REMOTE_CAN_CHMOD,
    REMOTE_CAN_SET_MTIME,
    REMOTE_CAN_CHOWN,
    REMOTE_CAN_CHGRP,
    REMOTE_CAN_SYMLINK,
    REMOTE_CAN_REST_STOR, /* overwrite in place */
    REMOTE_CAN_MOVE,      /* renames from one directory to another */
    REMOTE_CAN_COPY,      /* SITE CPFR, CPTO */
    REMOTE_CAN_HASH,      /* one of remote_hash */
} RemoteCan;
gboolean remote_can(const Remote *remote, RemoteCan what);

/* Lists the directory `path`; calls `func` for each entry as they come. When the listing has to be
 * repeated on another connection `restart` is called first, so that the caller drops what it
 * has gathered. */
gboolean remote_list(Remote *remote, const char *path, EntryFunc func, void (*restart)(gpointer),
                     gpointer data, GCancellable *cancel, GError **error);

/* The same by LIST, although there may be MLSD: it shows where symbolic links lead. */
gboolean remote_list_long(Remote *remote, const char *path, EntryFunc func,
                          void (*restart)(gpointer), gpointer data, GCancellable *cancel,
                          GError **error);

/* Queries one entry (MLST) into `entry`, which the caller made with entry_new.
 * FTPSFS_ERROR_UNSUPPORTED where the server has no MLST: list the parent then. */
gboolean remote_stat(Remote *remote, const char *path, RemoteEntry *entry, GCancellable *cancel,
                     GError **error);

/* Size and modification time of a file, exact (MLST, else SIZE and MDTM pipelined); entry->has
 * tells which of the two the server gave. */
gboolean remote_stat_exact(Remote *remote, const char *path, RemoteEntry *entry,
                           GCancellable *cancel, GError **error);

/* A file whose exact size and modification time are wanted. */
typedef struct {
    char *path;     /* owned by the caller */
    guint want;     /* REMOTE_HAS_SIZE, REMOTE_HAS_MTIME */
    guint has;      /* which of them the server gave */
    gboolean unfit; /* the path can't be sent: it is passed over */
    guint64 size;
    gint64 mtime;
    gint32 mtime_ns;
} RemoteQuery;

/* SIZE and MDTM of many files, pipelined. That a file is gone or a command unknown is no error:
 * then query->has lacks it. */
gboolean remote_stat_batch(Remote *remote, RemoteQuery *queries, guint count, GCancellable *cancel,
                           GError **error);

/* The size of a file on a server that gives no sizes: reads all of it. */
gboolean remote_measure(Remote *remote, const char *path, guint64 *size, GCancellable *cancel,
                        GError **error);

gboolean remote_mkdir(Remote *remote, const char *path, GCancellable *cancel, GError **error);
gboolean remote_rmdir(Remote *remote, const char *path, GCancellable *cancel, GError **error);
gboolean remote_unlink(Remote *remote, const char *path, GCancellable *cancel, GError **error);

/* RNFR/RNTO. FTPSFS_ERROR_EXISTS where the server refuses an existing target, FTPSFS_ERROR_CROSS
 * where it has no way to name both (REMOTE_CAN_MOVE). */
gboolean remote_rename(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                       GError **error);

/* Permission bits and/or modification time, in one pipelined exchange; leave out by G_MAXUINT32
 * and G_MININT64. FTPSFS_ERROR_UNSUPPORTED. */
gboolean remote_set_attributes(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                               GCancellable *cancel, GError **error);

typedef enum { REMOTE_OWNER, REMOTE_GROUP } RemoteAccount;

/* Gives the file to an owner or a group, by name or number as the server calls it.
 * FTPSFS_ERROR_ACCESS when the server refuses, FTPSFS_ERROR_UNSUPPORTED. */
gboolean remote_set_owner(Remote *remote, const char *path, RemoteAccount kind, const char *account,
                          GCancellable *cancel, GError **error);

/* The end of an upload: permission bits and/or modification time (leave out by G_MAXUINT32 and
 * G_MININT64), and what the file then is into `entry` (as remote_stat_exact), in one pipelined
 * exchange. What the server refuses to set, or can't, is logged and no error. */
gboolean remote_finalize(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                         RemoteEntry *entry, GCancellable *cancel, GError **error);

/* Makes `path` a symlink to `target` (SITE SYMLINK). FTPSFS_ERROR_UNSUPPORTED. */
gboolean remote_symlink(Remote *remote, const char *target, const char *path, GCancellable *cancel,
                        GError **error);

/* The server makes `to` a copy of the file `from` (SITE CPFR, CPTO). FTPSFS_ERROR_UNSUPPORTED. */
gboolean remote_copy(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                     GError **error);

typedef enum { REMOTE_HASH_SHA256, REMOTE_HASH_MD5 } RemoteHash;

/* The hash of a file as the server computes it, in hexadecimal, for g_free.
 * FTPSFS_ERROR_UNSUPPORTED. */
char *remote_hash(Remote *remote, RemoteHash kind, const char *path, GCancellable *cancel,
                  GError **error);

/* Bytes available on the server (AVBL, else SITE QUOTA), and how many the user has in all, 0 when
 * that is not told. FTPSFS_ERROR_UNSUPPORTED. */
gboolean remote_available(Remote *remote, const char *path, guint64 *bytes, guint64 *total,
                          GCancellable *cancel, GError **error);

/* A file's content being read or written: one data connection, with the control connection that it
 * needs. Used by one thread at a time. */
typedef struct RemoteStream RemoteStream;

/* RETR from `offset` (REST). Returns once the server has begun to send or has refused. `size` is
 * the file's size as it is known (G_MAXUINT64: it isn't): an end of the data without TLS's
 * close_notify is believed at this size alone. */
RemoteStream *remote_stream_open(Remote *remote, const char *path, guint64 offset, guint64 size,
                                 GCancellable *cancel, GError **error);

/* The same, but to end before the byte `end`, in good order, so that the control connection is of
 * use at once (RANG). *ends: whether the server has that; else it goes on to the file's end. */
RemoteStream *remote_read_range(Remote *remote, const char *path, guint64 offset, guint64 end,
                                guint64 size, gboolean *ends, GCancellable *cancel, GError **error);

typedef enum {
    REMOTE_STORE_NEW,    /* STOR: creates or replaces */
    REMOTE_STORE_APPEND, /* APPE: `offset` is the size that the file is known to have */
    REMOTE_STORE_AT,     /* REST offset, STOR: overwrites in place where the server does that */
} RemoteStore;

/* Asks for room for a file of `size` bytes (ALLO, RFC 959 section 4.1.3), before anything of the
 * old one is lost. FTPSFS_ERROR_NO_SPACE when the server says that there is none; a server that
 * does not care is asked once, and then TRUE is given at once. Other errors: of the connection. */
gboolean remote_reserve(Remote *remote, guint64 size, GCancellable *cancel, GError **error);

/* Returns once the server has said that it takes the file (150), or has refused. */
RemoteStream *remote_store_open(Remote *remote, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error);

/* Whether REMOTE_STORE_AT overwrites in place and keeps what follows. Asked once a mount, by trying
 * it on the file `scratch`, which is made and removed. FALSE too when that could not be found out.
 */
gboolean remote_probe_rest_stor(Remote *remote, const char *scratch, GCancellable *cancel);

/* Up to `length` bytes; 0 at the file's end, confirmed by the server's 226. */
gssize remote_stream_read(RemoteStream *stream, void *buffer, gsize length, GCancellable *cancel,
                          GError **error);

/* The file that is being stored will have `total` bytes, and `path` once it is there; NULL: it has
 * that already. For the status view alone. */
void remote_stream_expect(RemoteStream *stream, const char *path, guint64 total);

/* Sends all `length` bytes. */
gboolean remote_stream_write(RemoteStream *stream, const void *data, gsize length,
                             GCancellable *cancel, GError **error);

/* The orderly end of a store: close_notify, then the server's 226, its verdict. The stream is freed
 * in either case. */
gboolean remote_stream_finish(RemoteStream *stream, GCancellable *cancel, GError **error);

/* Another path that is asked about in the exchange that finalizes a store, so that this costs no
 * round trip of its own. */
typedef struct {
    const char *path;
    RemoteEntry *entry; /* of the caller: what is there, as by remote_stat_exact */
    gboolean known;     /* set: a file is there, or nothing is; else ask remote_stat_exact */
    gboolean exists;    /* set when known */
} RemoteExtraStat;

/* remote_stream_finish, and when that was a success remote_finalize of `path` on the same control
 * connection, before others get that, with a question about another path (NULL: at none). The
 * result is the store's; *finalized is the other's. */
gboolean remote_stream_finish_and_finalize(RemoteStream *stream, Remote *remote, const char *path,
                                           guint32 mode, gint64 mtime, RemoteEntry *entry,
                                           RemoteExtraStat *extra, gboolean *finalized,
                                           GCancellable *cancel, GError **error);

/* Ends early and frees; does not wait on the network. The control connection goes back to the pool
 * when it is drained. For a store: what the server has of the file then is undefined. */
void remote_stream_close(RemoteStream *stream);

/* Lets the stream's control connection be asked for by others: when no other is free, `yield` is
 * cancelled, and the stream is to be ended soon (see pool_lease_allow_yield in pool.h).
 * remote_stream_touch: the stream was of use just now; the one that was not for the longest time is
 * asked first. */
void remote_stream_allow_yield(RemoteStream *stream, GCancellable *yield);
void remote_stream_touch(RemoteStream *stream);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RemoteStream, remote_stream_close)

#endif
