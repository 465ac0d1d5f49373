/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_stores - the functions of remote.h that store files, on the file system of fake_remote,
 * which it completes for tests of what uploads. Content is counted and not kept.
 */
#ifndef FTPSFS_TESTS_FAKE_STORES_H
#define FTPSFS_TESTS_FAKE_STORES_H

#include "fake_remote.h"

/* Stores begun since the last reset. */
void fake_stores_reset(void);
guint fake_stores_begun(void);

/* The next `times` stores fail with `code` when they begin. */
void fake_stores_fail(guint times, FtpsfsErrorCode code);

#endif
