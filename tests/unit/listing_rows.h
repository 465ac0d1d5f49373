/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listing_rows - lines of LIST beside the entries that they must give, for the tests of the
 * dialects. No state, no lock.
 */
#ifndef FTPSFS_TESTS_LISTING_ROWS_H
#define FTPSFS_TESTS_LISTING_ROWS_H

#include "ftp/listing/listing.h"

/* One line and the entry that it must give: its name and, in `rest`, type (F, D, L or O for other),
 * size, time in UTC as exact as it is, mode, owner:group and the target of a link. "-" is not told.
 * No entry where the name is NULL. */
typedef struct {
    const char *line;
    const char *name;
    const char *rest;
} Row;

/* 2024-06-15 12:00:00 UTC */
#define NOW G_GINT64_CONSTANT(1718452800)

/* Feeds the lines of `rows`, in pieces of a few bytes, and compares the entries. */
void listing_rows_check(const ListingContext *context, ListingDialect found, const Row *rows,
                        gsize count);

/* The dialect is found from the lines, by the right guess, and after each wrong one. */
void listing_rows_check_all(ListingDialect dialect, const Row *rows, gsize count);

#endif
