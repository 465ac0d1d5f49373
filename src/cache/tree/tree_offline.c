/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is given while the server is gone (-o offline): what was known last. It stays expired, so
 * that all of it is asked for again once the server is back.
 */
#include "tree_private.h"

gboolean tree_is_offline(Tree *tree, const GError *failure, GCancellable *cancel)
{
    if (!tree->offline || !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_OUTAGE))
        return FALSE;
    lock_release(&tree->lock);
    gboolean gone = remote_is_gone(tree->remote, cancel);
    lock_take(&tree->lock);
    return gone;
}

static gboolean was_absent(Node *dir, const char *name)
{
    const Dir *state = dir_of(dir);
    return state->whole || (state->absent != NULL && g_hash_table_contains(state->absent, name));
}

gboolean tree_lookup_stale(Node *dir, const char *name, Node **child, GError **error)
{
    *child = dir_child(dir, name);
    if (*child != NULL)
        return TRUE;
    if (!was_absent(dir, name))
        return FALSE;
    tree_set_not_found(error, dir, name);
    return TRUE;
}
