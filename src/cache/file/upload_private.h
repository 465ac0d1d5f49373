/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of an Upload, shared by upload_state.c (the states), upload_stream.c (the store behind
 * a sequential writer), upload.c (how the server is brought up to date) and upload_in_place.c (only
 * what has changed). Nobody else looks into it.
 */
#ifndef FTPSFS_SRC_CACHE_FILE_UPLOAD_PRIVATE_H
#define FTPSFS_SRC_CACHE_FILE_UPLOAD_PRIVATE_H

#include "file_private.h"

struct Upload {
    UploadState state;
    RemoteStream *store; /* STREAMING and STALE alone */
    GCancellable *yield; /* of the store: cancelled by the pool when it wants the session */
    gulong yield_watch;
    guint64 sent;     /* bytes given to the store; PAUSED: bytes of ours that the server has */
    guint64 frontier; /* the writer has written everything below, in sequence */
    guint64 progress;
    char *temporary; /* with atomic_upload: server path that the new content is stored under;
                        NULL: none yet */
    UploadWanted wanted;
};

/* All with the lock held, which they drop while on the network, and busy. */

/* upload_stream.c */

/* The path to store under: a hidden one with atomic_upload, else `path`, the file's. For g_free. */
char *upload_target(File *file, const char *path);

/* remote_store_open, after our own reading of the file has ended. New reading waits until the file
 * is not busy. */
RemoteStream *upload_open_store(File *file, const char *path, RemoteStore how, guint64 offset,
                                GCancellable *cancel, GError **error);

/* STREAMING with `store`, which begins at `offset`, as if the writer had come so far. */
void upload_go_on(File *file, RemoteStream *store, guint64 offset);

/* Goes to `next` and takes the store out, with the duty to end it. */
RemoteStream *upload_take_store(File *file, UploadState next);

/* Whether others need the session of the store. */
gboolean upload_yield_is_wanted(const Upload *upload);

/* Ends the store early because others need its session. */
void upload_end_early(File *file, GCancellable *cancel);

/* The store has failed. */
void upload_cut_off(File *file);

/* Sends [*offset, end) of the spool, counting *offset up before each piece is on its way, so that
 * changes below it are noticed. */
gboolean upload_send(File *file, RemoteStream *store, guint64 *offset, guint64 end,
                     GCancellable *cancel, GError **error);

/* upload_in_place.c: sends the dirty extents of a large file alone, by REST and STOR. *done stays
 * FALSE where that can't be, or is not worth it: nothing was changed then. */
gboolean upload_in_place(File *file, const char *path, gboolean *done, GCancellable *cancel,
                         GError **error);

#endif
