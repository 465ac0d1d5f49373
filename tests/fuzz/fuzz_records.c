/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records as another process sends them: the text is refused, or each of its lines is a record, and
 * what is written of them is read as the same.
 */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/records.h"
#include "fuzz_common.h"

static guint count_lines(const char *text, gsize size)
{
    guint lines = 0;
    for (gsize i = 0; i < size; i++)
        lines += text[i] == '\n' ? 1 : 0;
    return lines;
}

/* Looks each line's record up by its kind. */
static void check_kinds(const Records *records, const char *text, JsonWriter *json)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        char *kind = g_strndup(*line, strcspn(*line, "\t"));
        guint index = GPOINTER_TO_UINT(g_hash_table_lookup(seen, kind));
        const Record *record = records_get(records, kind, index);
        g_assert_nonnull(record);
        g_assert_cmpuint(records_count(records, kind), >, index);
        json_begin_object(json, NULL);
        records_record_to_json(record, json);
        json_end_object(json);
        g_hash_table_insert(seen, kind, GUINT_TO_POINTER(index + 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *input = g_memdup2(size > 0 ? (const char *)data : "", MAX(size, 1));
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) records = records_from_text(input, size, &error);
    if (records == NULL) {
        fuzz_check_error(error);
        g_assert_true(ftpsfs_error_is(error, FTPSFS_ERROR_PROTOCOL));
        return 0;
    }
    g_autofree char *text = records_to_text(records);
    g_assert_cmpuint(count_lines(text, strlen(text)), ==, count_lines(input, size));
    g_autoptr(Records) again = records_from_text(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *once_more = records_to_text(again);
    g_assert_cmpstr(once_more, ==, text);

    g_autoptr(GString) out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_begin_array(&json, NULL);
    check_kinds(records, text, &json);
    json_end_array(&json);
    json_finish(&json);
    g_assert_true(g_utf8_validate(out->str, (gssize)out->len, NULL));
    return 0;
}
