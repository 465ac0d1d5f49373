/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a Remote, shared by remote.c (life, queries), remote_ops.c (operations that change
 * the server) and remote_stream.c (file content).
 */
#ifndef FTPSFS_SRC_FTP_REMOTE_REMOTE_PRIVATE_H
#define FTPSFS_SRC_FTP_REMOTE_REMOTE_PRIVATE_H

#include "ftp/listing/listing.h"
#include "ftp/listing/server_clock.h"
#include "ftp/pool/pool.h"
#include "ftpsfs/ftp/remote.h"

struct Remote {
    RemoteOptions options; /* with strings of its own */
    SessionContext context;
    Pool *pool;
    char *root;
    gboolean read_only; /* constant, like the root, once the first session has entered it */
    ServerClock *clock;
    gint dialect; /* ListingDialect of LIST, once known; atomic */
};

/* What one try of an operation has at hand. */
typedef struct {
    Remote *remote;
    Session *session;  /* leased for the try */
    gboolean repeated; /* an earlier try was cut off after its command may have taken effect, so
                          an answer that says "done already" is a success */
    GCancellable *cancel;
} RemoteTry;

/* One try, with the arguments of the operation as `data`. */
typedef gboolean (*RemoteTryFunc)(const RemoteTry *try, gpointer data, GError **error);

/* Leases a session and tries; when the connection is lost on the way, once more on another. */
gboolean remote_run(Remote *remote, gboolean for_data, RemoteTryFunc func, gpointer data,
                    GCancellable *cancel, GError **error);

/* remote_root.c: enters the directory where the mount starts, and learns how paths are written. */
gboolean remote_enter_root(Remote *remote, GCancellable *cancel, GError **error);

/* Whether `path` exists, asked on `session` by MLST, or SIZE and CWD. FALSE with *error unset when
 * it does not. */
gboolean remote_exists(Session *session, const char *path, GCancellable *cancel, GError **error);

/* Sets *error for a refused command on a path that should exist: where the server's words did not
 * tell, asks whether it does: FTPSFS_ERROR_NOT_FOUND or _ACCESS. */
void remote_set_refusal(GError **error, Session *session, const char *verb, const char *path,
                        const Reply *reply, GCancellable *cancel);

/* Takes the reply to MLST, or those to SIZE and MDTM, into `entry`. */
gboolean remote_take_mlst(Remote *remote, Session *session, const char *path, const Reply *reply,
                          RemoteEntry *entry, GError **error);
gboolean remote_take_size_mdtm(Session *session, const char *path, const Reply *size,
                               const Reply *mdtm, RemoteEntry *entry, GCancellable *cancel,
                               GError **error);

/* ProFTPD's MLST gives the type of what a symbolic link leads to, but the link's own mode and size:
 * a file with mode 0777, or a directory with a size. */
gboolean remote_may_be_link(const RemoteEntry *entry);

/* remote_look.c: the commands of a look, by MLST or without, and their replies. FALSE when the
 * connection is lost; that a look can't be made is none, it stays unknown. */
gboolean remote_extra_stat_send(Session *session, RemoteExtraStat *extra, gboolean mlst,
                                gboolean *sent, GCancellable *cancel, GError **error);
gboolean remote_extra_stat_receive(Remote *remote, Session *session, RemoteExtraStat *extra,
                                   gboolean mlst, GCancellable *cancel, GError **error);

/* Whether SITE commands take the path for what it is. ProFTPD parts their words at white space and
 * takes quotes away, and then works on a file of another name. */
gboolean remote_site_takes(const char *path);

/* What listings of this server are parsed with. */
ListingContext remote_listing_context(Remote *remote);

/* Whether a listing is to be kept for remote_learn_zone before it is parsed. */
gboolean remote_zone_is_wanted(Remote *remote);

/* Learns the zone of LIST's times, and the server's clock where it is far from ours, by MDTM of
 * some files of the listing `bytes` of `directory`, in one exchange. Nothing is learned from a
 * listing without files. FALSE when the connection is lost. */
gboolean remote_learn_zone(Remote *remote, Session *session, const char *directory,
                           const GByteArray *bytes, GCancellable *cancel, GError **error);

/* Makes `entry` the symbolic link that LIST shows at `path`, if it shows one: only LIST tells where
 * a link leads to. */
gboolean remote_resolve_link(Remote *remote, const char *path, RemoteEntry *entry,
                             GCancellable *cancel, GError **error);

#endif
