/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/fs: the side of the kernel and of the user: FUSE callbacks, mount and unmount, the control
 * socket. Offers a mount to main. Uses src/cache/file, src/cache/tree, src/ftp/remote and
 * src/util/process.
 *
 * fs - the mount: libfuse's low-level session and its callbacks.
 *
 * The callbacks are thin: they check arguments, call cache/, reply, and turn errors into errno (in
 * fs_errors.c alone). They run on libfuse's threads; each blocks its own thread and holds no lock.
 * A request that the kernel interrupts cancels the GCancellable of its callback.
 */
#ifndef FTPSFS_FS_FS_H
#define FTPSFS_FS_FS_H

#include "ftpsfs/cache/file.h"
#include "ftpsfs/cache/tree.h"

/* How the mount looks and behaves; strings and arrays are borrowed while the Fs lives. */
typedef struct {
    const char *mountpoint;
    const GPtrArray *fuse_options; /* char *: for libfuse and the kernel, each becomes "-o ..." */
    gboolean debug;                /* libfuse traces its requests */
    guint32 uid, gid;              /* owner of all files, or */
    gboolean server_uid;           /* of those alone whose owner, */
    gboolean server_gid;           /* or group, the tree does not know */
    /* What the server calls the local user or group `id`, for g_free, NULL when that has no name;
     * no function: its number. */
    char *(*account)(RemoteAccount kind, guint32 id, gpointer data);
    gpointer account_data;
    guint32 umask_files, umask_dirs;
    guint timeout_s; /* for statfs and negative entries */
} FsOptions;

typedef struct Fs Fs;

/* Makes the session and mounts. What is passed outlives the Fs. FTPSFS_ERROR_CONFIG. */
Fs *fs_mount(Remote *remote, Tree *tree, Files *files, const FsOptions *options, GError **error);

/* Serves requests until the file system is unmounted, or SIGTERM, SIGINT or SIGHUP ends it, which
 * the caller and all its threads have blocked; one that was sent to it before does so at once. TRUE
 * when it ended in one of these ways. */
gboolean fs_serve(Fs *fs);

/* Unmounts if that has not been done, and frees. */
void fs_free(Fs *fs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fs, fs_free)

/* The version of libfuse that runs, "3.14.0". */
const char *fs_library_version(void);

#endif
