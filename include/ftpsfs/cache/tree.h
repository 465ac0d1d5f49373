/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/cache/tree: the names and attributes that the mount shows. Offers lookups, listings and
 * changes of names to src/fs and to the other folders of src/cache. Uses src/cache/temporary and
 * src/ftp/remote.
 *
 * tree - the nodes: inode table, directory-listing cache and negative names in one structure.
 *
 * A Node is an inode of the mount: a name below a parent, attributes as of some moment, and for a
 * directory the children known so far. Node pointers are the FUSE inode numbers. A Node lives as
 * long as it is attached to its parent (part of the listing cache), or the kernel knows it
 * (node_remember, node_forget), or someone holds a reference (node_ref, node_unref). A node whose
 * file is gone from the server is detached: it keeps its attributes, but has no path any more.
 *
 * One lock, the Tree's (LOCK_RANK_TREE), guards every field of every node. Functions take and
 * release it themselves.
 * Functions that may wait on the network take a GCancellable, which may be NULL.
 *
 * Hidden names are those that ftpsfs gives to files which users are not to see
 * (tree_name_is_hidden). Listings and lookups never show them, and the tree takes no notice of
 * those that others made, except that a directory that holds one is not empty. A node that this
 * process gave such a name (tree_rename, tree_moved, tree_add_file) is attached like any other;
 * tree_peek finds it. Names from the kernel are refused by fs/ before they come here.
 */
#ifndef FTPSFS_CACHE_TREE_H
#define FTPSFS_CACHE_TREE_H

#include "ftpsfs/ftp/remote.h"

typedef struct Tree Tree;
typedef struct Node Node;

/* A snapshot of a node, as the tree knows it. */
typedef struct {
    guint64 ino; /* stable number of the node in this mount; the root's is 1 */
    RemoteType type;
    guint has;    /* RemoteHas: which of mode, uid, gid, perm, mtime the server gave */
    guint32 mode; /* permission bits */
    guint32 uid, gid;
    guint perm; /* RemotePerm */
    guint64 size;
    gint64 mtime; /* seconds since 1970 UTC */
    gint32 mtime_ns;
    RemoteTime time_precision;
    guint64 version;    /* changes whenever the content is known or suspected to have changed */
    gint64 valid_until; /* monotonic microseconds: how long the kernel may keep these */
    gboolean inexact;   /* tree_refresh may find a better size or mtime */
    gboolean stale;     /* by tree_refresh: expired, but the server is gone (TreeOptions.offline) */
} NodeInfo;

/* Says whose an entry is, in place of the numbers that the server tells: takes REMOTE_HAS_UID and
 * REMOTE_HAS_GID in or out of *has and sets what they stand for. Called by the thread that lists,
 * without a lock. */
typedef void (*TreeOwnFunc)(const RemoteEntry *entry, guint *has, guint32 *uid, guint32 *gid,
                            gpointer data);

/* Which symbolic links lead anywhere. */
typedef enum {
    TREE_LINKS_INSIDE, /* those whose targets are in the mount */
    TREE_LINKS_ALL,    /* all: the server is trusted with every path of this machine */
    TREE_LINKS_NONE,
} TreeLinks;

typedef struct {
    gboolean offline; /* what is expired is given while the server is known to be gone */
    guint timeout_s;  /* dir_cache_timeout: how long listings, attributes and absences are used */
    Stats *stats;     /* outlives the Tree; NULL: nothing is counted */
    guint max_nodes;  /* from here on what is expired is dropped early; 0: a default */
    TreeLinks links;
    gsize max_targets; /* bytes of links' targets from which on they are asked for one by one; 0: a
                          default */
    gboolean exact_times;        /* where listings lack them, tree_refresh asks for them */
    guint exact_max;             /* but not in directories of more entries; 0: in all */
    gboolean remove_temporaries; /* of uploads that crashed long ago, when a directory is listed */
    gint64 (*clock)(void);       /* monotonic microseconds, for tests; NULL: g_get_monotonic_time */
    TreeOwnFunc own;             /* NULL: as the server says */
    gpointer own_data;
} TreeOptions;

/* `remote` must outlive the Tree. */
Tree *tree_new(Remote *remote, const TreeOptions *options);

/* Frees all nodes, also those that the kernel still knows. No other references may be left. */
void tree_free(Tree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tree, tree_free)

/* The root; lives as long as the Tree. Its attributes are made up where the server has no MLST. */
Node *tree_root(Tree *tree);

Node *node_ref(Node *node);
void node_unref(Node *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_unref)

/* One more lookup by the kernel; `count` fewer. The caller of node_forget holds no other reference
 * unless it has one of its own. */
void node_remember(Node *node);
void node_forget(Node *node, guint64 count);

/* How many nodes there are. */
guint tree_count(Tree *tree);

/* A snapshot of what is known, however old. */
void node_info(Node *node, NodeInfo *info);

/* Absolute server path for g_free; NULL when the node or one of its parents is detached. */
char *node_path(Node *node);

/* The name below the parent, for g_free. */
char *node_name(Node *node);

/* A new reference to the parent; NULL for the root and for detached nodes. */
Node *node_parent(Node *node);

/* Whether `name` is one of the hidden ones: it begins with ".ftpsfs-old-", ".ftpsfs-unlinked-",
 * ".ftpsfs-upload-" or ".ftpsfs-probe-". */
gboolean tree_name_is_hidden(const char *name);

/* The child `name` of `dir`, as a new reference. From the cache while that holds, an absence too;
 * otherwise MLST at the first miss in a directory that has no current listing, the whole listing at
 * the second miss or where there is no MLST. Listings of one directory by several threads at once
 * are one listing on the wire. Where a directory can't be listed, MLST alone.
 * FTPSFS_ERROR_NOT_FOUND when it does not exist, _NOT_DIR, _NAME_TOO_LONG (over 255 bytes), _STALE
 * (`dir` is detached). */
Node *tree_lookup(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error);

/* The child as the cache has it, whatever its age: a new reference, or NULL. No network. */
Node *tree_peek(Tree *tree, Node *dir, const char *name);

/* All children but the hidden ones: Node references, in the server's order, new ones last. The
 * array frees them. Listed now unless the last listing holds. FTPSFS_ERROR_STALE when `dir` is
 * detached.
 */
GPtrArray *tree_list(Tree *tree, Node *dir, GCancellable *cancel, GError **error);

/* What is still to come of a listing that is shown while it comes. */
typedef struct TreeListing TreeListing;

/* One who can take the children of a big directory part by part. */
typedef struct {
    /* Called at most once, without a lock: the children that are there, as of tree_list, and what
     * follows them, for tree_listing_unref. Both are the callee's. */
    void (*begin)(GPtrArray *children, TreeListing *rest, gpointer data);
    gpointer data;
    gboolean begun; /* set when it was called */
} TreeParts;

/* As tree_list. Of a directory of some thousand children that is being listed, by this thread or
 * another, the first ones are shown by parts->begin; then NULL is returned, without an error, once
 * this thread has nothing more to do: when it runs the listing, at its end, or at
 * TreeOptions.max_nodes children if nobody holds `rest` or waits any more. That may be after who
 * asked has gone, so the caller holds a reference to `dir`. */
GPtrArray *tree_list_parts(Tree *tree, Node *dir, TreeParts *parts, GCancellable *cancel,
                           GError **error);

/* Waits until there are more than `known` children, or that is all. FALSE when the listing has
 * failed, with its error, and there are no more than these. */
gboolean tree_listing_await(TreeListing *listing, guint known, GCancellable *cancel,
                            GError **error);

/* Appends those that have come since to `children`, which holds the ones before. TRUE when that is
 * all. */
gboolean tree_listing_take(TreeListing *listing, GPtrArray *children);

TreeListing *tree_listing_ref(TreeListing *listing);
void tree_listing_unref(TreeListing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TreeListing, tree_listing_unref)

/* Brings the attributes up to date unless they still hold, and then fills `info`. Exact mtime and
 * size are asked for when `exact` (open, for close-to-open consistency, when what is held is
 * expired). FTPSFS_ERROR_NOT_FOUND (the node is detached then). Nodes that are pinned (tree_pin)
 * are answered from memory, detached ones too (fstat of a deleted file that is open), but those are
 * FTPSFS_ERROR_STALE when `exact`. With TreeOptions.exact_times what listings give to the minute
 * only is asked for exactly, together with more and more of the files that follow in the listing.
 */
gboolean tree_refresh(Tree *tree, Node *node, gboolean exact, NodeInfo *info, GCancellable *cancel,
                      GError **error);

/* Operations that change the server and, on success, the tree, without listing again. */

/* The new directory as a new reference. The mode is set (SITE CHMOD, one round trip more) only when
 * it is stricter than the usual 0755. FTPSFS_ERROR_EXISTS. */
Node *tree_mkdir(Tree *tree, Node *dir, const char *name, guint32 mode, GCancellable *cancel,
                 GError **error);

/* FTPSFS_ERROR_NOT_EMPTY, decided from the tree, at once or after the server refused; _NOT_DIR,
 * _NOT_FOUND (what the tree had is detached). */
gboolean tree_rmdir(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error);

/* FTPSFS_ERROR_IS_DIR, _NOT_FOUND (what the tree had is detached). */
gboolean tree_unlink(Tree *tree, Node *dir, const char *name, GCancellable *cancel, GError **error);

/* rename(2). An existing target is replaced: at once by RNTO where the server does that; where it
 * refuses (FTPSFS_ERROR_EXISTS, or any refusal while the target exists) the target is moved aside
 * to a hidden name, the source renamed, the old target deleted; on failure it is moved back. With
 * `no_replace` an existing target is FTPSFS_ERROR_EXISTS. File over directory FTPSFS_ERROR_IS_DIR,
 * directory over file _NOT_DIR, over a directory that is not empty _NOT_EMPTY, below itself
 * _INVALID. The replaced node is detached. */
gboolean tree_rename(Tree *tree, Node *dir, const char *name, Node *new_dir, const char *new_name,
                     gboolean no_replace, GCancellable *cancel, GError **error);

/* The new symlink as a new reference. FTPSFS_ERROR_EXISTS, _UNSUPPORTED; _OUTSIDE when it could not
 * be read afterwards. With TREE_LINKS_INSIDE that is any absolute target too, since a program here
 * means a path of this machine by it, and the server one of its own. */
Node *tree_symlink(Tree *tree, Node *dir, const char *name, const char *target,
                   GCancellable *cancel, GError **error);

/* What readlink(2) says, for g_free: from the listing, else asked for by MLST or by LIST of the
 * parent. FTPSFS_ERROR_UNSUPPORTED when the server doesn't tell, _INVALID for what is no symlink,
 * _OUTSIDE when TreeOptions.links does not have it followed, which is logged once a directory.
 * Otherwise as of link_target_inside, or link_target_trusted. */
char *tree_readlink(Tree *tree, Node *node, GCancellable *cancel, GError **error);

/* Mode and/or mtime on the server and in the tree; leave out by G_MAXUINT32 and G_MININT64.
 * FTPSFS_ERROR_STALE when the node is detached. */
gboolean tree_set_attributes(Tree *tree, Node *node, guint32 mode, gint64 mtime,
                             GCancellable *cancel, GError **error);

/* A new owner or group of a file. */
typedef struct {
    RemoteAccount kind;
    const char *account; /* what the server calls it */
    guint32 id;          /* what NodeInfo shows of it */
} TreeOwner;

/* Gives the node to another owner or group, on the server and in the tree. Errors as of
 * remote_set_owner, and FTPSFS_ERROR_STALE. */
gboolean tree_set_owner(Tree *tree, Node *node, const TreeOwner *owner, GCancellable *cancel,
                        GError **error);

/* For files, which change the server themselves: no network in these. What they attach stays
 * attached and the same node when a listing confirms it. */

/* Attaches a file that was just created on the server (or is about to be), or gives the one there:
 * size 0, mtime now, mode `mode`. A new reference. */
Node *tree_add_file(Tree *tree, Node *dir, const char *name, guint32 mode);

/* Takes a node out of its parent: it was deleted, or its creation failed. */
void tree_detach(Tree *tree, Node *node);

/* Moves an attached node to another name after the server did, replacing what is there. */
void tree_moved(Tree *tree, Node *node, Node *new_dir, const char *new_name);

/* What a local write, truncate, chmod or utimens means for the attributes (leave out by
 * G_MAXUINT64, G_MININT64, G_MAXUINT32). `new_version` when the content changed. Refreshes how long
 * they hold. */
void tree_set_local(Tree *tree, Node *node, guint64 size, gint64 mtime, gint32 mtime_ns,
                    guint32 mode, gboolean new_version);

/* Notes that what the kernel caches of the content is `version` from now on. TRUE when it was
 * already. */
gboolean tree_note_kernel_version(Node *node, guint64 version);

/* While pinned (counted) a node's size, mtime and mode are the local writer's: listings don't touch
 * them, nor remove the node. */
void tree_pin(Tree *tree, Node *node);
void tree_unpin(Tree *tree, Node *node);

/* Drops what is cached of a directory (its listing and absences), or a file's attributes, so that
 * they are asked for again. */
void tree_expire(Tree *tree, Node *node);

/* A name that the kernel may have cached. */
typedef struct {
    Node *dir; /* a reference */
    char *name;
} TreeName;

/* tree_expire of `node` and of all that is known below it; also content is fetched anew. The names
 * below it that the kernel knows, as TreeName *, which the array frees. */
GPtrArray *tree_expire_all(Tree *tree, Node *node);

/* For those who fetch ahead: what is known. No network in these. */

typedef enum {
    TREE_ORDER_LISTING, /* as tree_list gives them */
    TREE_ORDER_NAMES,   /* by the bytes of their names */
    TREE_ORDERS
} TreeOrder;

/* The regular files in `dir` but the hidden ones, as tree_list gives them; NULL when `dir` has no
 * listing that holds. */
GPtrArray *tree_known_files(Tree *tree, Node *dir, TreeOrder order);

/* Whether it makes sense to fetch the file's content ahead: its attributes hold, no local writer
 * has it, and the kernel has not seen this content yet. Fills `info` then. */
gboolean tree_wants_content(Tree *tree, Node *node, NodeInfo *info);

/* Monotonic microseconds until which the listing of `dir` holds, which tell one listing from
 * another; 0: there is none that holds. */
gint64 tree_listed_until(Tree *tree, Node *dir);

/* Whether `dir` could be listed ahead: it has no listing that holds, none is under way, and the
 * server has not refused it. */
gboolean tree_wants_listing(Tree *tree, Node *dir);

/* At most `max` directories that a walk over `top` comes to after `dir`: depth first, a directory
 * before those in it, as far as they are known. New references, which the array drops. */
GPtrArray *tree_next_dirs(Tree *tree, Node *dir, Node *top, TreeOrder order, guint max);

#endif
