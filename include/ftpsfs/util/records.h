/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records - a list of records with named fields, and its form as lines of text: what a daemon and
 * the commands that ask it say to each other.
 *
 * A record is one line: its kind, then its fields, separated by tabs. A field is a name, a mark
 * that says what it is ('=' text, '#' number, '?' yes or no), and the value; in text, control
 * characters and '%' are written as %XX. Records have an order, as have their fields.
 *
 * Records belong to whoever made them and are used by one thread at a time; no lock.
 */
#ifndef FTPSFS_UTIL_RECORDS_H
#define FTPSFS_UTIL_RECORDS_H

#include "ftpsfs/util/json.h"

/* Longer texts than this are none that a daemon sends. */
#define RECORDS_TEXT_MAX (8 * 1024 * 1024)

typedef struct Records Records;
typedef struct Record Record;

Records *records_new(void);
void records_free(Records *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Records, records_free)

/* Begins a record, to which the following calls add. Kinds and names are words of the program. */
void records_begin(Records *records, const char *kind);

/* NULL adds nothing. */
void records_add_text(Records *records, const char *name, const char *value);
void records_add_number(Records *records, const char *name, gint64 value);
void records_add_flag(Records *records, const char *name, gboolean value);

/* The lines, for g_free. */
char *records_to_text(const Records *records);

/* FTPSFS_ERROR_PROTOCOL when `text` is not what records_to_text makes. */
Records *records_from_text(const char *text, gsize length, GError **error);

/* How many there are of a kind, and the one of number `index` (from 0; NULL when there is none). */
guint records_count(const Records *records, const char *kind);
const Record *records_get(const Records *records, const char *kind, guint index);

/* A field, or what to take in its absence; NULL for text. A NULL record has no fields. */
const char *records_text(const Record *record, const char *name);
gint64 records_number(const Record *record, const char *name, gint64 absent);
gboolean records_flag(const Record *record, const char *name);

/* The fields as members of the JSON object that is open. */
void records_record_to_json(const Record *record, JsonWriter *json);

#endif
