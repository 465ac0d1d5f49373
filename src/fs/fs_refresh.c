/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drops caches at the user's word: the tree's and the kernel's.
 */
#include <errno.h>
#include <string.h>

#include "fs_private.h"

/* The node that `path` leads to, as far as that is known: the last one that is. A reference. */
static Node *find_known(Tree *tree, const char *path, gboolean *all)
{
    Node *node = node_ref(tree_root(tree));
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    *all = TRUE;
    for (char **name = names; *name != NULL; name++) {
        if (**name == '\0')
            continue;
        NodeInfo info;
        node_info(node, &info);
        Node *child = info.type == REMOTE_TYPE_DIR ? tree_peek(tree, node, *name) : NULL;
        if (child == NULL) {
            *all = FALSE;
            break;
        }
        node_unref(node);
        node = child;
    }
    return node;
}

static fuse_ino_t ino_of(const Fs *fs, Node *node)
{
    return node == tree_root(fs->tree) ? FUSE_ROOT_ID : (fuse_ino_t)node;
}

/* A kernel that does not know what is to be forgotten says ENOENT. */
static void note_result(int result, const char *what)
{
    if (result != 0 && result != -ENOENT && result != -ENOTCONN)
        g_info("the kernel does not forget \"%s\": %s", what, g_strerror(-result));
}

gboolean fs_refresh(Fs *fs, const char *path)
{
    gboolean all = FALSE;
    g_autoptr(Node) node = find_known(fs->tree, path, &all);
    g_autoptr(GPtrArray) names = tree_expire_all(fs->tree, node);
    for (guint i = 0; i < names->len; i++) {
        const TreeName *name = g_ptr_array_index(names, i);
        note_result(fuse_lowlevel_notify_inval_entry(fs->session, ino_of(fs, name->dir), name->name,
                                                     strlen(name->name)),
                    name->name);
    }
    /* Attributes alone: a page that is being read would have to be waited for, and opening the file
     * drops what is no longer true. */
    note_result(fuse_lowlevel_notify_inval_inode(fs->session, ino_of(fs, node), -1, 0), path);
    return all;
}
