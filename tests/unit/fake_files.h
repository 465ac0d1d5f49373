/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_files - the files in memory that fake_remote serves. No locking.
 */
#ifndef FTPSFS_TESTS_FAKE_FILES_H
#define FTPSFS_TESTS_FAKE_FILES_H

#include "ftpsfs/ftp/remote.h"

typedef struct FakeFile FakeFile;

struct FakeFile {
    FakeFile *parent;
    char *name;
    RemoteType type;
    guint64 size;
    gint64 mtime;
    guint32 mode;
    guint32 uid, gid; /* that remote_set_owner has set */
    char *target;
    GPtrArray *children; /* of a directory, in the order in which they were made */
    GHashTable *by_name;
};

/* In the directory `parent`, which owns it; NULL: in none. */
FakeFile *fake_files_new(FakeFile *parent, const char *name, RemoteType type);

/* With all below. */
void fake_files_free(gpointer data);

/* NULL: there is none, or no directory. `path` is absolute, seen from `top`. */
FakeFile *fake_files_find(FakeFile *top, const char *path);
FakeFile *fake_files_find_parent(FakeFile *top, const char *path);

/* A new file, whose parent must exist. */
FakeFile *fake_files_put(FakeFile *top, const char *path, RemoteType type);

/* Takes a file out of its directory, unfreed. */
void fake_files_take_out(FakeFile *file);

void fake_files_remove(FakeFile *file);

/* What a listing tells, as of the moment at which the server reads the directory. */
GPtrArray *fake_files_snapshot(const FakeFile *dir);

#endif
