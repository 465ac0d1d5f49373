/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share: a directory to work in, errors and log lines that are checked.
 */
#ifndef FTPSFS_TESTS_FUZZ_COMMON_H
#define FTPSFS_TESTS_FUZZ_COMMON_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Log lines are not shown; one of an error or a critical one ends the run. */
void fuzz_quiet(void);

/* `error` must be set, in the program's domain, with words. */
void fuzz_check_error(const GError *error);

/* Whether `facts` is a choice of facts as OPTS MLST takes it, of those alone that ftpsfs knows: it
 * is put together from what a server has told. */
gboolean fuzz_are_facts(const char *facts);

/* The path of `name` in a directory of this run, for g_free. The directory is removed at the end of
 * the run, with all that is in it. */
char *fuzz_path(const char *name);

/* Makes the file `path` anew, with mode 0600. */
void fuzz_write(const char *path, const void *data, size_t size);

#endif
