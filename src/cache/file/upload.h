/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upload - how the changes of one File come to the server. Each File owns one Upload, which it has
 * from its first to its last moment; the File's lock guards it.
 *
 * Its state says what the server's content is worth:
 *
 *   NONE       It is the base: what differs from it is what is dirty in the spool.
 *   STREAMING  A store is open and takes what a sequential writer writes, from the beginning or
 *              behind what the server has.
 *   STALE      The same, but a byte was changed after it had been sent.
 *   PAUSED     The store was ended in good order, since others needed its session: the server has
 *              the first bytes, and the rest can be appended.
 *   FINISHING  All is sent, or is being sent in one go, and the server has not confirmed it. A
 *              change of the file shows in File.generation.
 *   WHOLE      It is no base: all of the file has to be stored, even if nothing is dirty.
 *
 * There is a store in STREAMING and STALE, and in no other. Whatever is not NONE is pending.
 *
 *   from \ to   NONE  STREAMING  STALE  PAUSED  FINISHING  WHOLE
 *   NONE        yes   yes        -      -       yes        yes
 *   STREAMING   -     -          yes    yes     yes        yes
 *   STALE       -     -          -      -       yes        yes
 *   PAUSED      yes   yes        -      -       yes        yes
 *   FINISHING   yes   -          -      -       yes        yes
 *   WHOLE       yes   yes        -      -       yes        yes
 *
 *   to NONE       confirmed; or kept by the Writeback; or nothing of it is wanted any more
 *   to STREAMING  a store was opened: create, O_TRUNC, append, or all of it again
 *   to STALE      a write or truncate below what was sent
 *   to PAUSED     the pool asked for the session
 *   to FINISHING  flush, a change in place, a copy by the server
 *   to WHOLE      a store failed or was given up; the file was changed while it was being
 *                 confirmed, or below what a paused one has sent
 *
 * upload_go alone changes the state. Another transition than these is a bug: a build with
 * assertions ends there. One without (b_ndebug) warns and goes to WHOLE, which is always safe.
 *
 * "Busy": the caller is the thread that has made the File busy (file_begin_busy).
 */
#ifndef FTPSFS_SRC_CACHE_FILE_UPLOAD_H
#define FTPSFS_SRC_CACHE_FILE_UPLOAD_H

#include "ftpsfs/cache/file.h"

typedef enum {
    UPLOAD_NONE,
    UPLOAD_STREAMING,
    UPLOAD_STALE,
    UPLOAD_PAUSED,
    UPLOAD_FINISHING,
    UPLOAD_WHOLE,
    UPLOAD_STATES,
} UploadState;

typedef struct Upload Upload;

/* Attributes that are to be set after the content. */
typedef struct {
    guint32 mode; /* or G_MAXUINT32 */
    gint64 mtime; /* or G_MININT64 */
} UploadWanted;

/* upload_state.c: nothing waits or drops the lock. */

Upload *upload_new(void);

/* No store may be open. NULL is fine. */
void upload_free(Upload *upload);

UploadState upload_state(const Upload *upload);
gboolean upload_may_go(UploadState from, UploadState to);
void upload_go(Upload *upload, UploadState next);

/* [start, end) of the spool was written; with end == start it is another from there on. */
void upload_note_change(Upload *upload, guint64 start, guint64 end);

/* Whether the server has, or is being sent, an empty file that the upload will add to. */
gboolean upload_is_empty(const Upload *upload);

/* Bytes of the one that is under way, or was last; for the status. */
guint64 upload_progress(const Upload *upload);

/* Asks for attributes; G_MAXUINT32 and G_MININT64 change nothing. */
void upload_want(Upload *upload, guint32 mode, gint64 mtime);
UploadWanted upload_wanted(const Upload *upload);

/* These were set, and are wanted no more, unless others were asked for meanwhile. */
void upload_had(Upload *upload, const UploadWanted *set);

/* upload_stream.c; all with the lock held, which they drop while on the network, and busy. */

/* Starts to store the file from nothing (create, O_TRUNC). */
gboolean upload_start(File *file, GCancellable *cancel, GError **error);

/* Ends an open store without caring for its result, in good order, so that the server does nothing
 * to the file afterwards. What it has of the file then is anything. */
void upload_abandon(File *file);

/* Nothing of the file is to be uploaded any more: it is gone from the server, or given up. An open
 * store is abandoned, and a temporary removed. */
void upload_forget(File *file);

/* Has a worker send what the sequential writer is ahead, if that is worth it. Not busy. */
void upload_pump(File *file);

/* upload.c; in the same way. */

/* Brings the server up to date and confirms it. */
gboolean upload_finish(File *file, GCancellable *cancel, GError **error);

/* Makes everything that shows of [start, end) local. */
gboolean upload_fetch_missing(File *file, guint64 start, guint64 end, GCancellable *cancel,
                              GError **error);

/* The server has the file as `entry` tells, with `size` bytes, as of `generation`. FINISHING. */
void upload_adopt(File *file, const RemoteEntry *entry, guint64 size, guint64 generation);

#endif
