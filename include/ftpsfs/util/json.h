/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json - writes JSON text (RFC 8259), indented by two spaces.
 *
 * A JsonWriter is on its user's stack and appends to a string that the user owns; it has no other
 * state and no lock. Keys are given inside of objects, and are NULL inside of arrays and at the
 * top.
 */
#ifndef FTPSFS_UTIL_JSON_H
#define FTPSFS_UTIL_JSON_H

#include <glib.h>

typedef struct {
    GString *out;   /* borrowed */
    guint depth;    /* objects and arrays that are open */
    gboolean first; /* nothing has been written in the innermost of them */
} JsonWriter;

void json_init(JsonWriter *json, GString *out);

void json_begin_object(JsonWriter *json, const char *key);
void json_end_object(JsonWriter *json);
void json_begin_array(JsonWriter *json, const char *key);
void json_end_array(JsonWriter *json);

/* What is not valid UTF-8 is replaced by U+FFFD; a NULL value is null. */
void json_text(JsonWriter *json, const char *key, const char *value);
void json_number(JsonWriter *json, const char *key, gint64 value);
void json_flag(JsonWriter *json, const char *key, gboolean value);

/* Ends the text with a line end, once everything is closed. */
void json_finish(JsonWriter *json);

#endif
