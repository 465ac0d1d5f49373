/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/cache/file: open files and their uploads. Offers open, read, write, flush and close to
 * src/fs, as well as changes of names that open files are under. Uses all other folders of
 * src/cache.
 *
 * file - open files: what read, write, truncate, flush and close mean for the server.
 *
 * One Files a mount; it owns one File for each node that is open (or has content that the server
 * has not taken yet), shared by all handles of the node. A File reads through a Reader and, once it
 * is written to, keeps its content in a Spool, from where it is uploaded: streamed behind the
 * writer while that writes in sequence, the rest at flush. flush returns success only when the
 * server has confirmed everything.
 *
 * The Files' lock (LOCK_RANK_FILES) guards the table and the counts of handles; each File's lock
 * (LOCK_RANK_FILE) guards the rest of it. One upload of a file runs at a time (busy). All functions
 * may be called from any thread.
 */
#ifndef FTPSFS_CACHE_FILE_H
#define FTPSFS_CACHE_FILE_H

#include "ftpsfs/cache/disk.h"
#include "ftpsfs/cache/space.h"
#include "ftpsfs/cache/tree.h"
#include "ftpsfs/cache/writeback.h"

typedef struct Files Files;
typedef struct File File;

typedef struct {
    guint64 cache_size;     /* bytes of the chunk cache */
    guint64 readahead;      /* bytes, per read stream */
    DiskCache *disk;        /* outlives the Files; NULL: none */
    gboolean prefetch;      /* small files and listings are fetched ahead */
    const char *spool_dir;  /* where spools lie; copied */
    const char *rescue_dir; /* where content is kept that could not be uploaded; copied */
    gboolean
        atomic_upload;    /* new content is stored under a hidden name and renamed over the file */
    Writeback *writeback; /* uploads after the close; outlives the Files, which starts and stops
                             it; NULL: uploads before close(2) returns */
    Space *space;         /* what spools take; outlives the Files */
    guint connections;
    guint timeout_s;
} FilesOptions;

/* `remote`, `tree` and `stats` outlive it. */
Files *files_new(Remote *remote, Tree *tree, Stats *stats, const FilesOptions *options);

/* Uploads everything that is pending, and waits for that. How many files could not be uploaded;
 * each is a warning in the log. May be called from several threads. */
guint files_flush(Files *files);

/* The same for the last time: files_free does not try again what fails here. */
void files_flush_last(Files *files);

/* The mount is coming down: from now on what is still to be uploaded has to get on; see files_free.
 * Any thread. */
void files_begin_end(Files *files);

/* files_flush_last does not wait for the server any more: what is left stays in the queue of
 * writeback, or is saved by files_free. Any thread. */
void files_give_up(Files *files);

/* Uploads what is still to be uploaded, for as long as it gets on: two timeouts without a byte end
 * that. What can't be uploaded is saved in rescue_dir, with a warning that names both. Frees. No
 * handle may be open and no call under way. */
void files_free(Files *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Files, files_free)

/* open(2) of an existing node, with O_TRUNC, O_APPEND and the access mode of `flags`. The node is
 * revalidated; *keep_cache: whether what the kernel has cached of it is still right. */
File *file_open(Files *files, Node *node, int flags, gboolean *keep_cache, GCancellable *cancel,
                GError **error);

/* Creates `name` in `dir` and opens it. Returns after the server has agreed to store the file;
 * *node is a new reference. `mode`: permission bits. */
File *file_create(Files *files, Node *dir, const char *name, guint32 mode, Node **node,
                  GCancellable *cancel, GError **error);

/* Closes one handle. With the last one content that is still not uploaded (written by mmap after
 * the last flush, or its flush failed) is uploaded now; a failure is logged, and the upload tried
 * again when the file is opened and closed next, and at unmount. */
void file_close(File *file);

/* Closes the handle of an operation that ends. When `cancel` was cancelled nobody waits for the
 * upload that this may mean: it is made behind. */
void file_close_after(File *file, GCancellable *cancel);

/* Appends the bytes of [offset, offset + length), cut at the end of the file, to `parts` as GBytes
 * references. */
gboolean file_read(File *file, guint64 offset, gsize length, GPtrArray *parts, GCancellable *cancel,
                   GError **error);

/* As tree_list_parts, for a program that may go on to list or read what it finds. Takes a reference
 * to `dir` itself. */
GPtrArray *files_list(Files *files, Node *dir, TreeParts *parts, GCancellable *cancel,
                      GError **error);

/* Writes at `offset`, or at the end when `append`. */
gboolean file_write(File *file, const void *data, gsize length, guint64 offset, gboolean append,
                    GCancellable *cancel, GError **error);

/* Has the server copy all of `from`, which `length` must reach, over `to`, which is new and empty.
 * *copied: its bytes. FTPSFS_ERROR_UNSUPPORTED when that can't be; then `to` is as before. */
gboolean file_copy(File *from, File *to, guint64 length, guint64 *copied, GCancellable *cancel,
                   GError **error);

/* The file's hash by the server, in hexadecimal, for g_free; what is pending is uploaded first.
 * FTPSFS_ERROR_UNSUPPORTED. */
char *files_hash(Files *files, Node *node, RemoteHash kind, GCancellable *cancel, GError **error);

/* Uploads what is to be uploaded and waits for the server's word. After a failure it is still to be
 * uploaded, unless the server refused to take it (FTPSFS_ERROR_ACCESS): then the content is saved
 * in rescue_dir, and the file is what the server has. With a Writeback it returns when the content
 * is durable on the local disk. */
gboolean file_flush(File *file, GCancellable *cancel, GError **error);

/* The same for fsync(2): with a Writeback, too, the server has it then. */
gboolean file_sync(File *file, GCancellable *cancel, GError **error);

/* truncate(2). With an open `file` the change is uploaded by its next flush, else (NULL) at once.
 */
gboolean file_truncate(Files *files, Node *node, File *file, guint64 size, GCancellable *cancel,
                       GError **error);

/* Mode and/or mtime (left out by G_MAXUINT32 and G_MININT64): at once, or after the upload of an
 * open file that has one pending. */
gboolean files_set_attributes(Files *files, Node *node, guint32 mode, gint64 mtime,
                              GCancellable *cancel, GError **error);

/* tree_set_owner. What is pending of the file is uploaded first, also by a Writeback, so that the
 * server's answer is the caller's: not to be called where remote_can tells that there is no command
 * for it. */
gboolean files_set_owner(Files *files, Node *node, const TreeOwner *owner, GCancellable *cancel,
                         GError **error);

/* unlink(2) and rename(2) of the tree, with the care that open files need: an unlinked or replaced
 * file stays readable and writable by those who have it open. */
gboolean files_unlink(Files *files, Node *dir, const char *name, GCancellable *cancel,
                      GError **error);
gboolean files_rmdir(Files *files, Node *dir, const char *name, GCancellable *cancel,
                     GError **error);
gboolean files_rename(Files *files, Node *dir, const char *name, Node *new_dir,
                      const char *new_name, gboolean no_replace, GCancellable *cancel,
                      GError **error);

#endif
