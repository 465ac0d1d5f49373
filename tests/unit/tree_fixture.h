/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree_fixture - a Tree on a fake Remote whose clock the test turns, and the checks that the tests
 * of the tree have in common.
 */
#ifndef FTPSFS_TESTS_TREE_FIXTURE_H
#define FTPSFS_TESTS_TREE_FIXTURE_H

#include "fake_remote.h"
#include "ftpsfs/cache/tree.h"

#define FIXTURE_TIMEOUT 20 /* seconds, the TreeOptions.timeout_s of all */

typedef struct {
    Remote *remote;
    Tree *tree;
    Node *root;
} Fixture;

/* A mount of "/m", which is empty; with MLST and all else. */
void fixture_init(Fixture *f);
void fixture_init_at(Fixture *f, const char *root, guint max_nodes);
void fixture_init_with(Fixture *f, const char *root, TreeOptions options);
void fixture_clear(Fixture *f);

/* Turns the clock that all fixtures share. */
void fixture_advance(guint seconds);
gint64 fixture_now(void);

/* A child that must be there, as a new reference. */
Node *fixture_find(Fixture *f, Node *dir, const char *name);

/* That the lookup fails with this code. */
void fixture_assert_lookup_fails(Fixture *f, Node *dir, const char *name, FtpsfsErrorCode code);

/* That a listing gives these names, divided by spaces, in this order. */
void fixture_assert_list(Fixture *f, Node *dir, const char *names);

void fixture_assert_path(Node *node, const char *path); /* NULL: it has none */

NodeInfo fixture_info(Node *node);

/* That the last `call` failed with this code; clears the error. */
#define assert_fails(call, error, code_)                                                           \
    do {                                                                                           \
        g_assert_false((call));                                                                    \
        g_assert_error((error), FTPSFS_ERROR, (gint)(code_));                                      \
        g_clear_error(&(error));                                                                   \
    } while (0)

#define assert_succeeds(call, error)                                                               \
    do {                                                                                           \
        gboolean succeeded_ = (call) ? TRUE : FALSE;                                               \
        g_assert_no_error(error);                                                                  \
        g_assert_true(succeeded_);                                                                 \
    } while (0)

#endif
