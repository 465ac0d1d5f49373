/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the journal share: journal_format.c (records as bytes), journal_replay.c (what
 * records mean) and journal.c (the file).
 */
#ifndef FTPSFS_SRC_CACHE_WRITEBACK_JOURNAL_PRIVATE_H
#define FTPSFS_SRC_CACHE_WRITEBACK_JOURNAL_PRIVATE_H

#include "journal.h"

/* A record that was read, with its strings. */
typedef struct {
    JournalRecord record;
    char *path, *second, *third;
} JournalText;

void journal_text_clear(JournalText *text);

typedef void (*JournalFunc)(const JournalRecord *record, gpointer user);

/* Calls `func` for each good record. *torn: bytes behind the last one; *damaged: parts before it
 * that are no records. */
void journal_parse(const guint8 *data, gsize length, JournalFunc func, gpointer user, gsize *torn,
                   guint *damaged);

#endif
