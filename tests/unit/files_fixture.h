/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files_fixture - Files on the tree_fixture's Remote with the content of fake_contents, and what
 * programs do to them.
 */
#ifndef FTPSFS_TESTS_FILES_FIXTURE_H
#define FTPSFS_TESTS_FILES_FIXTURE_H

#include "fake_contents.h"
#include "ftpsfs/cache/file.h"
#include "tree_fixture.h"

#define KIB ((guint64)1024)
#define MIB ((guint64)1024 * 1024)

typedef struct {
    Fixture tree;
    FakeContents *server;
    Stats stats;
    Space *space;
    char *directory; /* of spools, and of what is lost */
    Files *files;
} Bed;

void bed_init(Bed *bed, gboolean atomic_upload);

/* Closes what is left; no file may be open. */
void bed_clear(Bed *bed);

/* open(2) with O_CREAT, and of what is there. */
File *bed_create(Bed *bed, const char *name);
File *bed_open(Bed *bed, const char *name, int flags);

void bed_write(File *file, const char *text, guint64 offset);

/* ftruncate(2), or with NULL truncate(2). */
void bed_truncate(Bed *bed, const char *name, File *file, guint64 size);

/* `length` bytes that differ, from `first` on. */
char *bed_letters(gsize length, guint first);

void bed_flush(File *file);

/* That flush fails so. */
void bed_flush_fails(File *file, FtpsfsErrorCode code);

/* That the server has this text, and that these were the stores since it was asked last. */
void bed_assert(Bed *bed, const char *path, const char *text, const char *stores);

#endif
