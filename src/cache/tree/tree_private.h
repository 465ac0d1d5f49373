/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree_private - what the files of the tree share: node.c (nodes, names, paths, siblings), dir.c
 * (what a directory's node holds beyond its attributes), tree.c (lookups and refreshes),
 * tree_list.c (listings), tree_partial.c (those that are shown while they come), tree_links.c
 * (where links lead), tree_offline.c (what is given while the server is gone), tree_local.c
 * (changes that others make), tree_ops.c and tree_rename.c (changes on the server).
 *
 * Everything here is called with the Tree's lock held and returns with it held. Functions that let
 * it go in between say so: "unlocks". The Remote is called with the lock free.
 *
 * An answer of the server is an observation of the past: between the question and the answer the
 * name may have been changed from here. So each question is accompanied by a Watch, in which
 * changes leave a mark, and an answer about a marked name is worth nothing.
 */
#ifndef FTPSFS_SRC_CACHE_TREE_TREE_PRIVATE_H
#define FTPSFS_SRC_CACHE_TREE_TREE_PRIVATE_H

#include "ftpsfs/cache/tree.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/lock.h"

#define TREE_NAME_MAX      255     /* bytes, as statfs says */
#define TREE_ABSENT_MAX    1024    /* absent names remembered for one directory */
#define TREE_ATTEMPTS      3       /* questions asked again because the path changed meanwhile */
#define TREE_NODES_DEFAULT 200000u /* TreeOptions.max_nodes when 0: about 40 MB */
#define TREE_TARGETS_MAX   (64 * 1024 * 1024) /* bytes: TreeOptions.max_targets when 0 */
#define TREE_UNUSED_MIN    (60 * G_USEC_PER_SEC)
#define TREE_TARGETLESS    G_USEC_PER_SEC /* at least so long links without targets are believed */

typedef struct Dir Dir;

/* Detached nodes, or the children of a directory in the server's order. */
typedef struct {
    Node *first, *last;
} NodeList;

/* There may be hundreds of thousands: kept small. The fields are ordered by size. */
struct Node {
    char *name; /* first: the sets of children are keyed by the address of a name pointer */
    Tree *tree;
    Node *parent;          /* NULL: the root, or detached */
    Node *previous, *next; /* in the parent's children, or in Tree.detached */
    union {
        Dir *dir;     /* REMOTE_TYPE_DIR: NULL until something is known of the children */
        char *target; /* REMOTE_TYPE_SYMLINK: NULL until known */
    } of;
    guint64 ino; /* 0: never attached, in no list */
    guint64 version;
    guint64 kernel_version; /* the version that the kernel has cached content of */
    guint64 size;
    guint64 lookups; /* the kernel's */
    gint64 mtime;
    gint64 valid_until;
    gint32 mtime_ns;
    guint32 references;
    guint32 pins;
    guint32 uid, gid;
    guint16 mode;
    guint16 perm;
    guint8 has;
    guint8 type;
    guint8 time_precision;
    guint8 seen;      /* while a listing is merged: it has this one, here */
    guint8 asked : 1; /* the server was asked for what the listing did not give exactly */
    guint8 mtime_unconfirmed : 1; /* the last listing gave no time: the one that is known may be
                                     outdated */
    guint8 long_target : 1;       /* REMOTE_TYPE_SYMLINK: told, but longer than the kernel takes */
    char inline_name[];
};

/* One question on its way to the server. Lives on the stack of the thread that asks. */
typedef struct Watch {
    struct Watch *next;
    const char *name;    /* the name asked for; NULL: all of the directory */
    GHashTable *touched; /* all of the directory: names changed from here meanwhile */
    gboolean hit;        /* one name: changed from here meanwhile */
    guint64 renames;     /* Tree.renames when it began; G_MAXUINT64 when one was under way */
} Watch;

/* A listing under way, that threads may wait for. */
struct TreeListing {
    Tree *tree;
    guint references;
    gboolean done;
    gboolean stale;   /* tree_expire since it began: good for those who wait, not for later ones */
    GError *error;    /* when done */
    GPtrArray *shown; /* the children shown so far, a reference each; NULL: none before the end */
    GHashTable *told; /* the names of those shown when it began again; NULL: it didn't */
};

/* The state of a directory. */
struct Dir {
    Node *node;
    GHashTable *children; /* set of Nodes by name */
    NodeList order;
    GHashTable *absent; /* name -> monotonic microseconds (gint64) until which it holds */
    Watch *watches;
    TreeListing *listing;
    gboolean merging;    /* a part of the listing is merged, and marked as seen */
    gint64 listed_until; /* the children are all there are until then */
    gboolean whole;      /* they were all there were, once */
    gint64
        unlisted_until; /* the server refused to list it: not tried again by lookups until then */
    gint64 targetless_until; /* the server has just not told where links in it lead */
    gint64 missed_at;
    guint misses;      /* lookups that the cache could not answer, since the last listing */
    gboolean hidden;   /* the last listing had names that are not shown */
    gboolean led_out;  /* logged: links here lead out of the mount */
    guint refined;     /* files asked for exactly since the last listing */
    gboolean refining; /* some are asked for right now */
    gint64 used_at;
    GList used; /* in Tree.used */
};

struct Tree {
    Lock lock;
    GCond changed; /* a listing ended or has got on, or a waiter was cancelled */
    Remote *remote;
    Stats *stats;          /* NULL: nothing is counted */
    gint64 timeout;        /* microseconds */
    gint64 (*clock)(void); /* monotonic microseconds */
    TreeOwnFunc own;
    gpointer own_data;
    guint max_nodes;
    TreeLinks links;
    gsize max_targets;
    gsize targets; /* bytes of links' targets; changed without the lock too */
    guint led_out; /* directories logged for links that lead out of the mount */
    gboolean exact_times;
    gboolean offline;
    guint exact_max; /* entries that a directory has at most whose times are asked for */
    gboolean remove_temporaries;
    Node *root;
    NodeList detached;
    GQueue used;      /* Dirs, the longest unused first */
    guint nodes;      /* that have been attached and not freed */
    guint64 inodes;   /* the last number given */
    guint64 versions; /* the last version given: one sequence for all nodes, so none repeats */
    guint64 renames;  /* of directories: counts their beginnings and their ends */
    guint renaming;   /* of directories: under way now */
};

/* node.c */

/* A node that is attached nowhere yet; needs no lock. */
Node *node_new(Tree *tree, const char *name, RemoteType type);
Node *node_new_from_entry(Tree *tree, const char *name, const RemoteEntry *entry);

/* Frees a node that was never attached; needs no lock. */
void node_free_new(Node *node);

/* Frees the node if nothing holds it. */
void node_collect(Node *node);

/* Frees a node whatever holds it, and all below. For tree_free. */
void node_destroy(Node *node);

/* Puts a new or detached node below `dir`, last in order. The name must be free there. */
void node_attach(Node *node, Node *dir);

/* Takes an attached node out of its parent; it may be freed by this. */
void node_detach(Node *node);

void node_set_name(Node *node, const char *name);
void node_set_target(Node *node, const char *target);
void node_drop_target(Node *node);

/* Whether targets that were not asked for are still worth their memory; needs no lock. */
gboolean node_keeps_targets(const Tree *tree);

/* Takes over what `fresh` (never attached) tells, unless the node is pinned. A difference in size
 * or mtime makes a new version. */
void node_merge(Node *node, const Node *fresh);

/* The path as node_path gives it, or with `name` below it. */
char *node_path_locked(const Node *node);
char *node_child_path(const Node *dir, const char *name);

/* Whether the node has a path: it and its parents are attached. */
gboolean node_is_attached(const Node *node);

gboolean node_is_below(const Node *node, const Node *ancestor); /* or is the same */
void node_snapshot(const Node *node, NodeInfo *info);
void node_new_version(Node *node);
void node_set_mtime_now(Node *node);

void node_list_append(NodeList *list, Node *node);
void node_list_remove(NodeList *list, Node *node);

/* dir.c */

/* The state of a directory's node, made if there is none. */
Dir *dir_of(Node *node);

/* Frees the state; its children are detached. */
void dir_free(Dir *dir);

/* The attached child, or NULL. Borrowed. */
Node *dir_child(const Node *dir, const char *name);

/* Whether the children are all there are. */
gboolean dir_is_current(const Node *dir, gint64 now);
gboolean dir_is_absent(const Node *dir, const char *name, gint64 now);

void dir_add_absent(Node *dir, const char *name, gint64 now);
void dir_remove_absent(Node *dir, const char *name);

/* Notes that the directory was used, for dir_prune. */
void dir_use(Node *dir, gint64 now);

/* Counts a lookup that the cache couldn't answer; returns how many there were in a row. */
guint dir_miss(Node *dir, gint64 now);

/* Begins and ends a watch over `name`, or over the whole directory when NULL. For the latter the
 * caller frees watch->touched. */
void dir_watch_begin(Watch *watch, Node *dir, const char *name);
void dir_watch_end(Watch *watch, Node *dir);

/* Whether a NOT_FOUND may come from a directory on the way being renamed from here. */
gboolean dir_watch_was_in_rename(const Watch *watch, const Tree *tree);

/* Notes a change from here to a name: watches get their mark. */
void dir_touch(Node *dir, const char *name);

/* What a change from here of the set of names means: dir_touch, and the directory's mtime. */
void dir_changed(Node *dir, const char *name);

/* What is known of the name turned out wrong, or may be: it is asked for again. With `all` the same
 * for the listing, because the outcome of a change is unknown. */
void dir_doubt(Node *dir, const char *name, gboolean all);

/* Whether something is known to be in the directory, shown or hidden. */
gboolean dir_has_children(const Node *dir, gint64 now);

/* Makes the child `fresh->name` what `fresh` (owned; may be freed) tells, and valid from now. The
 * node is that which is there if it has the same type. Borrowed. */
Node *dir_adopt(Node *dir, Node *fresh, gint64 now);

/* Makes the children what a listing tells: `fresh` holds new nodes, which are taken out of it.
 * Names in `touched` are left as they are. `listing`: is shown what it has not been yet; or NULL.
 */
void dir_merge(Node *dir, GPtrArray *fresh, GHashTable *touched, TreeListing *listing, gint64 now);

/* The same with what has come of a listing so far. It ends with dir_merge, or dir_merge_abandon:
 * then the children are those of before and the new ones. */
void dir_merge_part(Node *dir, GPtrArray *fresh, GHashTable *touched, TreeListing *listing,
                    gint64 now);
void dir_merge_abandon(Node *dir);

/* Drops children of directories that were not used for long and that nobody refers to. Does little
 * at a time. */
void dir_prune(Tree *tree, gint64 now);

/* tree_list.c */

/* Lists the directory, or waits for the listing that is under way. Unlocks. The caller holds a
 * reference to `dir`. */
gboolean tree_list_now(Tree *tree, Node *dir, GCancellable *cancel, GError **error);

/* Waits until *flag is `value`. The caller keeps `flag` from going away. FALSE when cancelled.
 * Unlocks. */
gboolean tree_wait(Tree *tree, const gboolean *flag, gboolean value, GCancellable *cancel);

/* tree_partial.c */

/* One reference, the caller's. */
TreeListing *tree_partial_new(Tree *tree);
void tree_partial_unref(TreeListing *listing);

/* Waits until the listing is done or shows more than `known` children. The caller holds a reference
 * to it. FALSE when cancelled. Unlocks. */
gboolean tree_partial_wait(TreeListing *listing, guint known, GCancellable *cancel);

/* Shows a child, unless it is hidden or its name was shown before the listing began again. */
void tree_partial_show(TreeListing *listing, Node *node);

/* The names of what is shown, a set that owns them. */
GHashTable *tree_partial_names(const TreeListing *listing);

/* The listing comes once more from its beginning. */
void tree_partial_restart(TreeListing *listing, Node *dir);

/* Calls parts->begin with what is shown. Unlocks. */
void tree_partial_begin(TreeListing *listing, TreeParts *parts);

/* For children that are given away: Node references. */
GPtrArray *tree_partial_children(guint size);

/* tree_offline.c */

/* Whether what is expired is to be given instead of `failure`: the server is gone, and the user
 * wants that. Unlocks. */
gboolean tree_is_offline(Tree *tree, const GError *failure, GCancellable *cancel);

/* What is known of a name, however old. Borrowed. FALSE when nothing is; then `error` is not set.
 * *child is NULL, and the error NOT_FOUND, when it is known to have been absent. */
gboolean tree_lookup_stale(Node *dir, const char *name, Node **child, GError **error);

/* tree_exact.c */

/* Whether the server could be asked for a better size or time. */
gboolean tree_is_inexact(const Node *node);

/* Whether to ask for it when a program looks at the file. */
gboolean tree_wants_exact(const Node *node);

/* Asks for it; with `ahead` for files that follow as well, else for the size by all means. The
 * caller holds a reference to the node. FALSE when interrupted or when the size can't be had.
 * Unlocks. */
gboolean tree_refine_locked(Tree *tree, Node *node, gboolean ahead, GCancellable *cancel,
                            GError **error);

/* tree.c */

typedef enum {
    QUERY_FOUND,
    QUERY_ABSENT,      /* the error is NOT_FOUND */
    QUERY_UNSUPPORTED, /* no MLST; no error is set */
    QUERY_FAILED,
} QueryResult;

/* Asks for one name and puts the answer into the tree; `*child` is borrowed. `exact_of`: NULL for
 * MLST, or the child of which only the exact size and mtime are wanted. Unlocks. */
QueryResult tree_query(Tree *tree, Node *dir, const char *name, const Node *exact_of,
                       GCancellable *cancel, Node **child, GError **error);

/* Asks for an attached node, in the way that fits. The caller holds a reference to it. Unlocks. */
gboolean tree_refresh_attached(Tree *tree, Node *node, GCancellable *cancel, GError **error);

/* The child as the server has it now, whatever the cache says: a borrowed node, NULL when there is
 * none (no error set then) or on error. Unlocks. */
Node *tree_lookup_now(Tree *tree, Node *dir, const char *name, GCancellable *cancel,
                      GError **error);

/* As tree_lookup; borrowed. Unlocks. */
Node *tree_lookup_locked(Tree *tree, Node *dir, const char *name, GCancellable *cancel,
                         GError **error);

/* For a change of a child that the caller knows of: as the tree has it, whatever its age, since the
 * server has the last word anyway; else as tree_lookup. Borrowed. Unlocks. */
Node *tree_find_locked(Tree *tree, Node *dir, const char *name, GCancellable *cancel,
                       GError **error);

gboolean tree_check_name(const char *name, GError **error);
gboolean tree_check_dir(const Node *dir, GError **error);
void tree_set_stale(GError **error, const Node *node);
void tree_set_not_found(GError **error, const Node *dir, const char *name);

/* Monotonic microseconds; needs no lock. */
gint64 tree_now(const Tree *tree);

/* tree_links.c */

/* What st_size is to be: the length of what readlink says, as far as it is known. */
guint64 tree_link_size(const Node *node);

/* Whether a link to `target` may be made in `dir`, at the server's `path`: FTPSFS_ERROR_OUTSIDE,
 * which is logged. */
gboolean tree_check_link(const Tree *tree, const Node *dir, const char *path, const char *target,
                         GError **error);

/* tree_ops.c */

/* FALSE with FTPSFS_ERROR_NOT_EMPTY, or because it can't be listed. Unlocks. */
gboolean tree_check_empty(Tree *tree, Node *dir, GCancellable *cancel, GError **error);

/* tree_local.c */

/* Gives a node another place, replacing what is there, with all that follows from it. */
void tree_move_locked(Tree *tree, Node *node, Node *new_dir, const char *new_name);

/* Takes a node out because a change from here removed it. It may be freed by this. */
void tree_remove_locked(Tree *tree, Node *node);

/* tree_expire. */
void tree_expire_locked(Node *node);

/* Attaches a node (owned) that a change from here made, or gives the one of the same type that is
 * there. Borrowed. */
Node *tree_add_locked(Tree *tree, Node *dir, Node *fresh);

#endif
