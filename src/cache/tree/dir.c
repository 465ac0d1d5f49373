/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a directory's node holds: children, absent names, watches; how a listing is merged into it
 * and how it is dropped again when unused. */
#include <string.h>

#include "ftpsfs/util/keyed_hash.h"
#include "tree_private.h"

/* Directories looked at by one dir_prune. */
#define PRUNE_STEP 8

/* Keys are addresses of name pointers, so that a Node is its own key and a plain string can be
 * looked up as well. */
static guint name_hash(gconstpointer key)
{
    return keyed_hash_text(*(const char *const *)key);
}

static gboolean name_equal(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
}

Dir *dir_of(Node *node)
{
    g_assert(node->type == REMOTE_TYPE_DIR);
    if (node->of.dir != NULL)
        return node->of.dir;
    Dir *dir = g_new0(Dir, 1);
    dir->node = node;
    dir->children = g_hash_table_new(name_hash, name_equal);
    dir->used.data = dir;
    dir->used_at = tree_now(node->tree);
    g_queue_push_tail_link(&node->tree->used, &dir->used);
    node->of.dir = dir;
    return dir;
}

void dir_free(Dir *dir)
{
    if (dir == NULL)
        return;
    g_assert(dir->watches == NULL && dir->listing == NULL);
    while (dir->order.first != NULL)
        node_detach(dir->order.first);
    g_hash_table_unref(dir->children);
    if (dir->absent != NULL)
        g_hash_table_unref(dir->absent);
    g_queue_unlink(&dir->node->tree->used, &dir->used);
    dir->node->of.dir = NULL;
    g_free(dir);
}

Node *dir_child(const Node *dir, const char *name)
{
    if (dir->type != REMOTE_TYPE_DIR || dir->of.dir == NULL)
        return NULL;
    return g_hash_table_lookup(dir->of.dir->children, &name);
}

gboolean dir_is_current(const Node *dir, gint64 now)
{
    return dir->of.dir != NULL && dir->of.dir->listed_until > now;
}

gboolean dir_is_absent(const Node *dir, const char *name, gint64 now)
{
    if (dir->of.dir == NULL || dir->of.dir->absent == NULL)
        return FALSE;
    const gint64 *until = g_hash_table_lookup(dir->of.dir->absent, name);
    return until != NULL && *until > now;
}

static gboolean absence_expired(gpointer name, gpointer value, gpointer data)
{
    (void)name;
    return *(const gint64 *)value <= *(const gint64 *)data;
}

void dir_add_absent(Node *dir, const char *name, gint64 now)
{
    Dir *state = dir_of(dir);
    if (state->absent == NULL)
        state->absent = g_hash_table_new_full(keyed_hash_text, g_str_equal, g_free, g_free);
    if (g_hash_table_size(state->absent) >= TREE_ABSENT_MAX)
        g_hash_table_foreach_remove(state->absent, absence_expired, &now);
    if (g_hash_table_size(state->absent) >= TREE_ABSENT_MAX)
        g_hash_table_remove_all(state->absent);
    gint64 *until = g_new(gint64, 1);
    *until = now + dir->tree->timeout;
    g_hash_table_replace(state->absent, g_strdup(name), until);
}

void dir_remove_absent(Node *dir, const char *name)
{
    if (dir->of.dir != NULL && dir->of.dir->absent != NULL)
        g_hash_table_remove(dir->of.dir->absent, name);
}

void dir_use(Node *dir, gint64 now)
{
    Dir *state = dir_of(dir);
    state->used_at = now;
    g_queue_unlink(&dir->tree->used, &state->used);
    g_queue_push_tail_link(&dir->tree->used, &state->used);
}

guint dir_miss(Node *dir, gint64 now)
{
    Dir *state = dir_of(dir);
    /* One name asked for again each time it has expired is no reason to list a big directory. */
    if (now - state->missed_at > dir->tree->timeout)
        state->misses = 0;
    state->missed_at = now;
    return ++state->misses;
}

void dir_watch_begin(Watch *watch, Node *dir, const char *name)
{
    Tree *tree = dir->tree;
    Dir *state = dir_of(dir);
    *watch = (Watch){
        .next = state->watches,
        .name = name,
        .touched =
            name == NULL ? g_hash_table_new_full(keyed_hash_text, g_str_equal, g_free, NULL) : NULL,
        .renames = tree->renaming > 0 ? G_MAXUINT64 : tree->renames,
    };
    state->watches = watch;
}

void dir_watch_end(Watch *watch, Node *dir)
{
    Watch **link = &dir->of.dir->watches;
    while (*link != watch)
        link = &(*link)->next;
    *link = watch->next;
}

gboolean dir_watch_was_in_rename(const Watch *watch, const Tree *tree)
{
    return watch->renames != tree->renames;
}

void dir_touch(Node *dir, const char *name)
{
    if (dir->of.dir == NULL)
        return;
    for (Watch *watch = dir->of.dir->watches; watch != NULL; watch = watch->next) {
        if (watch->name == NULL)
            g_hash_table_add(watch->touched, g_strdup(name));
        else if (strcmp(watch->name, name) == 0)
            watch->hit = TRUE;
    }
}

void dir_changed(Node *dir, const char *name)
{
    dir_touch(dir, name);
    node_set_mtime_now(dir);
    if (dir->parent != NULL)
        dir_touch(dir->parent, dir->name);
}

void dir_doubt(Node *dir, const char *name, gboolean all)
{
    Dir *state = dir_of(dir);
    if (all)
        state->listed_until = 0;
    if (state->listing != NULL)
        state->listing->stale = TRUE;
    dir_remove_absent(dir, name);
    Node *child = dir_child(dir, name);
    if (child != NULL)
        child->valid_until = 0;
}

gboolean dir_has_children(const Node *dir, gint64 now)
{
    const Dir *state = dir->of.dir;
    if (state == NULL)
        return FALSE;
    if (dir_is_current(dir, now) && (state->hidden || state->order.first != NULL))
        return TRUE;
    for (const Node *child = state->order.first; child != NULL; child = child->next) {
        if (child->pins > 0)
            return TRUE;
    }
    return FALSE;
}

Node *dir_adopt(Node *dir, Node *fresh, gint64 now)
{
    Node *node = dir_child(dir, fresh->name);
    if (node != NULL && (node->type == fresh->type || node->pins > 0)) {
        node_merge(node, fresh);
        node_free_new(fresh);
    } else {
        if (node != NULL)
            node_detach(node);
        node = fresh;
        node_attach(node, dir);
    }
    dir_remove_absent(dir, node->name);
    node->valid_until = now + dir->tree->timeout;
    return node;
}

/* Takes one entry of a listing over; the node goes to the end of the order and is marked.
 * Borrowed. */
static Node *merge_one(Node *dir, Node *fresh, gint64 now)
{
    NodeList *order = &dir->of.dir->order;
    Node *node = dir_adopt(dir, fresh, now);
    if (node != order->last) {
        node_list_remove(order, node);
        node_list_append(order, node);
    }
    node->seen = 1;
    return node;
}

/* Takes out what the listing doesn't have, and puts the marks back. What stays though it isn't
 * there goes to the end, being newer than the rest. */
static void sweep(Node *dir, GHashTable *touched, TreeListing *listing)
{
    NodeList *order = &dir->of.dir->order;
    g_autoptr(GHashTable) names = NULL;
    Node *last = order->last;
    Node *next = order->first;
    for (Node *node = next; node != NULL; node = next) {
        next = node == last ? NULL : node->next;
        if (node->seen) {
            node->seen = 0;
        } else if (node->pins > 0 || g_hash_table_contains(touched, node->name)) {
            node_list_remove(order, node);
            node_list_append(order, node);
            if (listing == NULL)
                continue;
            /* It may have been shown before it was renamed, or under its name what it replaced. */
            if (names == NULL)
                names = tree_partial_names(listing);
            if (!g_hash_table_contains(names, node->name))
                tree_partial_show(listing, node);
        } else {
            node_detach(node);
        }
    }
}

void dir_merge_part(Node *dir, GPtrArray *fresh, GHashTable *touched, TreeListing *listing,
                    gint64 now)
{
    Dir *state = dir_of(dir);
    if (!state->merging)
        state->hidden = FALSE;
    state->merging = TRUE;
    for (guint i = 0; i < fresh->len; i++) {
        Node *node = g_steal_pointer(&g_ptr_array_index(fresh, i));
        gboolean unwanted = g_hash_table_contains(touched, node->name);
        if ((tree_name_is_hidden(node->name) || strlen(node->name) > TREE_NAME_MAX) &&
            dir_child(dir, node->name) == NULL) {
            state->hidden = TRUE;
            unwanted = TRUE;
        }
        if (unwanted) {
            node_free_new(node);
            continue;
        }
        const Node *before = listing != NULL ? dir_child(dir, node->name) : NULL;
        gboolean again = before != NULL && before->seen;
        node = merge_one(dir, node, now);
        if (listing != NULL && !again)
            tree_partial_show(listing, node);
    }
}

void dir_merge(Node *dir, GPtrArray *fresh, GHashTable *touched, TreeListing *listing, gint64 now)
{
    Dir *state = dir_of(dir);
    dir_merge_part(dir, fresh, touched, listing, now);
    sweep(dir, touched, listing);
    state->merging = FALSE;
    if (state->absent != NULL)
        g_hash_table_remove_all(state->absent);
    state->misses = 0;
    state->unlisted_until = 0;
    state->targetless_until = 0;
    state->listed_until = now + dir->tree->timeout;
    state->whole = TRUE;
}

void dir_merge_abandon(Node *dir)
{
    Dir *state = dir_of(dir);
    if (!state->merging)
        return;
    for (Node *node = state->order.first; node != NULL; node = node->next)
        node->seen = 0;
    state->merging = FALSE;
}

/* Whether nobody would notice if the node were not there. */
static gboolean is_droppable(const Node *node)
{
    if (node->references > 0 || node->lookups > 0 || node->pins > 0)
        return FALSE;
    return node->type != REMOTE_TYPE_DIR || node->of.dir == NULL;
}

static void drop_children(Dir *dir)
{
    Node *next;
    for (Node *node = dir->order.first; node != NULL; node = next) {
        next = node->next;
        if (is_droppable(node))
            node_detach(node);
    }
    dir->listed_until = 0;
    dir->whole = FALSE;
}

void dir_prune(Tree *tree, gint64 now)
{
    /* What nobody has asked for lately may be all there is, should the server go. */
    if (tree->offline && tree->nodes <= tree->max_nodes)
        return;
    gint64 unused = tree->nodes > tree->max_nodes ? MAX(tree->timeout, G_USEC_PER_SEC)
                                                  : MAX(10 * tree->timeout, TREE_UNUSED_MIN);
    for (guint i = 0; i < PRUNE_STEP && tree->used.head != NULL; i++) {
        Dir *dir = tree->used.head->data;
        if (dir->used_at + unused > now)
            return;
        if (dir->watches == NULL && dir->listing == NULL) {
            drop_children(dir);
            if (dir->order.first == NULL) {
                /* Its parent's turn comes again and finds it droppable then. */
                dir_free(dir);
                continue;
            }
        }
        dir_use(dir->node, now);
    }
}
