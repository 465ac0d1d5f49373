/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes themselves: life and death, names, paths, attributes. */
#include <stddef.h>
#include <string.h>

#include "tree_private.h"

/* st_size where a server tells none for a directory: what local file systems show. */
#define DIRECTORY_SIZE 4096

Node *node_new(Tree *tree, const char *name, RemoteType type)
{
    size_t length = strlen(name);
    Node *node = g_malloc0(MAX(sizeof *node, offsetof(Node, inline_name) + length + 1));
    memcpy(node->inline_name, name, length + 1);
    node->name = node->inline_name;
    node->tree = tree;
    node->type = (guint8)type;
    if (type == REMOTE_TYPE_DIR)
        node->size = DIRECTORY_SIZE;
    return node;
}

Node *node_new_from_entry(Tree *tree, const char *name, const RemoteEntry *entry)
{
    Node *node = node_new(tree, name, entry->type);
    guint has = entry->has;
    node->mode = (guint16)(entry->mode & 07777);
    node->uid = entry->uid;
    node->gid = entry->gid;
    if (tree->own != NULL)
        tree->own(entry, &has, &node->uid, &node->gid, tree->own_data);
    node->has = (guint8)has;
    node->perm = (guint16)entry->perm;
    node->mtime = entry->mtime;
    node->mtime_ns = entry->mtime_ns;
    node->time_precision = (guint8)entry->time_precision;
    if (entry->has & REMOTE_HAS_SIZE)
        node->size = entry->size;
    if (entry->type == REMOTE_TYPE_SYMLINK) {
        /* Some servers tell the size of what the link points to. */
        if (node->size > 4095)
            node->size = 0;
        node->long_target = entry->long_target ? 1 : 0;
        if (entry->target->len > 0 && node_keeps_targets(tree))
            node_set_target(node, entry->target->str);
        else if (entry->target->len > 0)
            node->size = entry->target->len;
    }
    return node;
}

gboolean node_keeps_targets(const Tree *tree)
{
    return __atomic_load_n(&tree->targets, __ATOMIC_RELAXED) < tree->max_targets;
}

void node_drop_target(Node *node)
{
    if (node->of.target == NULL)
        return;
    __atomic_sub_fetch(&node->tree->targets, strlen(node->of.target) + 1, __ATOMIC_RELAXED);
    g_clear_pointer(&node->of.target, g_free);
}

static void free_memory(Node *node)
{
    if (node->name != node->inline_name)
        g_free(node->name);
    if (node->type == REMOTE_TYPE_SYMLINK)
        node_drop_target(node);
    g_free(node);
}

void node_free_new(Node *node)
{
    g_assert(node->ino == 0);
    free_memory(node);
}

/* A node that is attached nowhere. */
static void free_detached(Node *node)
{
    Tree *tree = node->tree;
    if (node != tree->root)
        node_list_remove(&tree->detached, node);
    tree->nodes--;
    if (node->type == REMOTE_TYPE_DIR)
        dir_free(node->of.dir);
    free_memory(node);
}

void node_collect(Node *node)
{
    if (node->references > 0 || node->lookups > 0 || node->pins > 0 || node->parent != NULL ||
        node == node->tree->root)
        return;
    free_detached(node);
}

void node_destroy(Node *node)
{
    free_detached(node);
}

void node_attach(Node *node, Node *dir)
{
    Tree *tree = node->tree;
    if (node->ino == 0) {
        node->ino = ++tree->inodes;
        node->version = ++tree->versions;
        tree->nodes++;
    } else {
        node_list_remove(&tree->detached, node);
    }
    Dir *state = dir_of(dir);
    node->parent = dir;
    node_list_append(&state->order, node);
    g_hash_table_add(state->children, node);
}

void node_detach(Node *node)
{
    Tree *tree = node->tree;
    Dir *state = node->parent->of.dir;
    g_hash_table_remove(state->children, node);
    node_list_remove(&state->order, node);
    node->parent = NULL;
    node->seen = 0;
    node_list_append(&tree->detached, node);
    node_collect(node);
}

void node_set_name(Node *node, const char *name)
{
    char *copy = g_strdup(name);
    if (node->name != node->inline_name)
        g_free(node->name);
    node->name = copy;
}

void node_set_target(Node *node, const char *target)
{
    char *copy = g_strdup(target);
    node_drop_target(node);
    node->of.target = copy;
    node->long_target = 0;
    node->size = strlen(copy);
    __atomic_add_fetch(&node->tree->targets, node->size + 1, __ATOMIC_RELAXED);
}

/* Seconds that a time of this precision stands for. */
static gint64 precision_seconds(guint8 precision)
{
    switch ((RemoteTime)precision) {
    case REMOTE_TIME_DAY:
        return 24 * 60 * 60;
    case REMOTE_TIME_MINUTE:
        return 60;
    case REMOTE_TIME_SECOND:
        break;
    }
    return 1;
}

/* Whether both may be the same moment: the finer lies within the coarser. Fractions count only
 * where both have one. */
static gboolean same_time(const Node *a, const Node *b)
{
    const Node *coarse = a->time_precision <= b->time_precision ? a : b;
    const Node *fine = coarse == a ? b : a;
    gint64 span = precision_seconds(coarse->time_precision);
    if (coarse->time_precision == fine->time_precision && a->mtime != b->mtime)
        return FALSE;
    if (fine->mtime < coarse->mtime || fine->mtime - coarse->mtime >= span)
        return FALSE;
    return span > 1 || a->mtime_ns == 0 || b->mtime_ns == 0 || a->mtime_ns == b->mtime_ns;
}

/* Returns whether the file was changed. */
static gboolean merge_mtime(Node *node, const Node *fresh)
{
    node->mtime_unconfirmed = !(fresh->has & REMOTE_HAS_MTIME);
    if (node->mtime_unconfirmed)
        return FALSE;
    gboolean known = (node->has & REMOTE_HAS_MTIME) != 0;
    gboolean same = known && same_time(node, fresh);
    /* Of two that agree the more exact one is worth keeping. */
    if (same && (fresh->time_precision < node->time_precision ||
                 (fresh->time_precision == node->time_precision && fresh->mtime_ns == 0)))
        return FALSE;
    node->mtime = fresh->mtime;
    node->mtime_ns = fresh->mtime_ns;
    node->time_precision = fresh->time_precision;
    node->asked = 0;
    return known && !same;
}

/* Returns whether the link was changed. */
static gboolean merge_target(Node *node, const Node *fresh)
{
    if (fresh->long_target) {
        gboolean changed = node->of.target != NULL;
        node_drop_target(node);
        node->long_target = 1;
        node->size = fresh->size;
        return changed;
    }
    if (fresh->of.target == NULL) {
        if (node->of.target == NULL && (fresh->has & REMOTE_HAS_SIZE))
            node->size = fresh->size;
        return FALSE;
    }
    if (g_strcmp0(node->of.target, fresh->of.target) == 0)
        return FALSE;
    node_set_target(node, fresh->of.target);
    return TRUE;
}

/* Returns whether the file was changed. */
static gboolean merge_size(Node *node, const Node *fresh)
{
    if (node->type == REMOTE_TYPE_SYMLINK)
        return merge_target(node, fresh);
    if (!(fresh->has & REMOTE_HAS_SIZE) || node->size == fresh->size)
        return FALSE;
    node->size = fresh->size;
    return node->type == REMOTE_TYPE_FILE;
}

void node_merge(Node *node, const Node *fresh)
{
    if (node->pins > 0)
        return;
    gboolean changed = merge_size(node, fresh);
    changed |= merge_mtime(node, fresh);
    if (fresh->has & REMOTE_HAS_MODE)
        node->mode = fresh->mode;
    if (fresh->has & REMOTE_HAS_UID)
        node->uid = fresh->uid;
    if (fresh->has & REMOTE_HAS_GID)
        node->gid = fresh->gid;
    if (fresh->has & REMOTE_HAS_PERM)
        node->perm = fresh->perm;
    node->has |= fresh->has;
    /* A size that was asked for is good for as long as the listing shows no change. */
    if (node->type == REMOTE_TYPE_FILE && !(fresh->has & REMOTE_HAS_SIZE) &&
        (changed || !(fresh->has & REMOTE_HAS_MTIME))) {
        node->has &= (guint8)~REMOTE_HAS_SIZE;
        node->asked = 0;
    }
    if (node->mtime_unconfirmed)
        node->asked = 0;
    if (changed)
        node_new_version(node);
    /* It may lead elsewhere now. */
    if (changed && node->type == REMOTE_TYPE_SYMLINK && fresh->of.target == NULL) {
        node_drop_target(node);
        node->long_target = fresh->long_target;
    }
}

void node_new_version(Node *node)
{
    node->version = ++node->tree->versions;
}

void node_set_mtime_now(Node *node)
{
    gint64 now = g_get_real_time();
    node->mtime = now / G_USEC_PER_SEC;
    node->mtime_ns = (gint32)(now % G_USEC_PER_SEC) * 1000;
    node->time_precision = REMOTE_TIME_SECOND;
    node->mtime_unconfirmed = 0;
    node->has |= REMOTE_HAS_MTIME;
}

void node_list_append(NodeList *list, Node *node)
{
    node->previous = list->last;
    node->next = NULL;
    if (list->last != NULL)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
}

void node_list_remove(NodeList *list, Node *node)
{
    if (node->previous != NULL)
        node->previous->next = node->next;
    else
        list->first = node->next;
    if (node->next != NULL)
        node->next->previous = node->previous;
    else
        list->last = node->previous;
    node->previous = node->next = NULL;
}

gboolean node_is_attached(const Node *node)
{
    while (node->parent != NULL)
        node = node->parent;
    return node == node->tree->root;
}

gboolean node_is_below(const Node *node, const Node *ancestor)
{
    for (; node != NULL; node = node->parent) {
        if (node == ancestor)
            return TRUE;
    }
    return FALSE;
}

/* The server may have directories in directories without end: no recursion. Written from its end.
 */
char *node_path_locked(const Node *node)
{
    if (!node_is_attached(node))
        return NULL;
    const char *root = remote_root(node->tree->remote);
    /* Only the server's root ends with a slash, which is that of the first name. */
    gsize length = g_str_equal(root, "/") && node->parent != NULL ? 0 : strlen(root);
    gsize end = length;
    for (const Node *at = node; at->parent != NULL; at = at->parent)
        end += 1 + strlen(at->name);
    char *path = g_malloc(end + 1);
    path[end] = '\0';
    memcpy(path, root, length);
    for (const Node *at = node; at->parent != NULL; at = at->parent) {
        gsize size = strlen(at->name);
        end -= size;
        memcpy(path + end, at->name, size);
        path[--end] = '/';
    }
    return path;
}

char *node_child_path(const Node *dir, const char *name)
{
    g_autofree char *path = node_path_locked(dir);
    if (path == NULL)
        return NULL;
    return g_strconcat(path, g_str_has_suffix(path, "/") ? "" : "/", name, NULL);
}

void node_snapshot(const Node *node, NodeInfo *info)
{
    gint64 valid_until = node->valid_until;
    /* What is pinned is known here and nowhere else. */
    if (node->pins > 0)
        valid_until = MAX(valid_until, tree_now(node->tree) + node->tree->timeout);
    *info = (NodeInfo){
        .ino = node->ino,
        .type = (RemoteType)node->type,
        .has = node->has,
        .mode = node->mode,
        .uid = node->uid,
        .gid = node->gid,
        .perm = node->perm,
        .size = node->type == REMOTE_TYPE_SYMLINK ? tree_link_size(node) : node->size,
        .mtime = node->mtime,
        .mtime_ns = node->mtime_ns,
        .time_precision = (RemoteTime)node->time_precision,
        .version = node->version,
        .valid_until = valid_until,
        .inexact = node->type == REMOTE_TYPE_FILE && node->pins == 0 &&
                   (!(node->has & REMOTE_HAS_SIZE) || tree_wants_exact(node)),
    };
}

Node *node_ref(Node *node)
{
    lock_take(&node->tree->lock);
    node->references++;
    lock_release(&node->tree->lock);
    return node;
}

void node_unref(Node *node)
{
    /* The node may be gone when the lock is let go. */
    Tree *tree = node->tree;
    lock_take(&tree->lock);
    g_assert(node->references > 0);
    node->references--;
    node_collect(node);
    lock_release(&tree->lock);
}

void node_remember(Node *node)
{
    lock_take(&node->tree->lock);
    node->lookups++;
    lock_release(&node->tree->lock);
}

void node_forget(Node *node, guint64 count)
{
    Tree *tree = node->tree;
    lock_take(&tree->lock);
    node->lookups -= MIN(node->lookups, count);
    node_collect(node);
    lock_release(&tree->lock);
}

void node_info(Node *node, NodeInfo *info)
{
    lock_take(&node->tree->lock);
    node_snapshot(node, info);
    lock_release(&node->tree->lock);
}

char *node_path(Node *node)
{
    lock_take(&node->tree->lock);
    char *path = node_path_locked(node);
    lock_release(&node->tree->lock);
    return path;
}

char *node_name(Node *node)
{
    lock_take(&node->tree->lock);
    char *name = g_strdup(node->name);
    lock_release(&node->tree->lock);
    return name;
}

Node *node_parent(Node *node)
{
    lock_take(&node->tree->lock);
    Node *parent = node->parent;
    if (parent != NULL)
        parent->references++;
    lock_release(&node->tree->lock);
    return parent;
}
