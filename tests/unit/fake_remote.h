/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_remote - the functions of remote.h (but the streams) on an in-memory file system, for tests
 * of what is built on a Remote. Linked in the place of remote.c.
 *
 * Each operation is counted, can be made to fail before or after it was carried out, and its reply
 * can be held back: a held operation has done its work, as on a server whose answer is late. One
 * lock guards everything; the settings are changed only while no operation runs.
 */
#ifndef FTPSFS_TESTS_FAKE_REMOTE_H
#define FTPSFS_TESTS_FAKE_REMOTE_H

#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/error.h"

typedef enum {
    FAKE_LIST,
    FAKE_STAT,
    FAKE_STAT_EXACT,
    FAKE_STAT_BATCH,
    FAKE_MEASURE,
    FAKE_MKDIR,
    FAKE_RMDIR,
    FAKE_UNLINK,
    FAKE_RENAME,
    FAKE_SET_ATTRIBUTES,
    FAKE_SYMLINK,
    FAKE_OPS,
} FakeOp;

typedef struct {
    gboolean mlst;
    gboolean chmod;
    gboolean set_mtime; /* off unless a test says so */
    gboolean symlink;
    gboolean rename_over;      /* RNTO replaces what is there, as rename(2) does; else refuses */
    gboolean tell_exists;      /* refusals for an existing name say EXISTS; else ACCESS */
    gboolean tell_targets;     /* of symlinks */
    RemoteTime list_precision; /* of mtimes in listings */
    gboolean gone;             /* remote_is_gone; operations are made to fail by fake_fail */
    guint list_restarts;       /* a listing starts again this often after its first half */
    guint list_cut; /* a listing fails with TIMEOUT after so many entries; 0: none does */
} FakeSettings;

/* `root` is where the mount starts ("/", "/home/me") and exists. Can all but refuses rename over an
 * existing name unless told. */
Remote *fake_remote_new(const char *root);
void fake_remote_free(Remote *remote);

FakeSettings *fake_settings(Remote *remote);

/* What others do on the server; parents must exist. Paths are absolute. */
void fake_put_file(Remote *remote, const char *path, guint64 size, gint64 mtime);
void fake_put_dir(Remote *remote, const char *path);
void fake_put_symlink(Remote *remote, const char *path, const char *target);
void fake_delete(Remote *remote, const char *path); /* with all below */
gboolean fake_exists(Remote *remote, const char *path);
guint64 fake_size(Remote *remote, const char *path);
guint32 fake_mode(Remote *remote, const char *path);

/* Names in a directory. */
guint fake_children(Remote *remote, const char *path);

/* Operations begun so far. */
guint fake_count(Remote *remote, FakeOp op);
guint fake_count_all(Remote *remote);

/* Files that remote_stat_batch has answered so far. */
guint fake_batched(Remote *remote);

/* After `skip` more calls of `op`, the next `times` fail with `code`: before they are carried out,
 * or after with `done`. One such rule for each operation at a time. */
void fake_fail(Remote *remote, FakeOp op, guint skip, guint times, FtpsfsErrorCode code,
               gboolean done);

/* Holds the replies of `op` back until fake_release. */
void fake_hold(Remote *remote, FakeOp op);
void fake_release(Remote *remote, FakeOp op);

/* Waits until `n` calls of `op` are being held. */
void fake_wait_held(Remote *remote, FakeOp op, guint n);

/* The next listing stalls after so many entries, until fake_go_on. */
void fake_stall(Remote *remote, guint entries);
void fake_wait_stalled(Remote *remote);
void fake_go_on(Remote *remote);

#endif
