/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/records.h"

#include <string.h>

#include "ftpsfs/util/error.h"

#define MARK_TEXT   '='
#define MARK_NUMBER '#'
#define MARK_FLAG   '?'
#define MARKS       "=#?"

typedef struct {
    char *name;
    char mark;
    char *text;
    gint64 number; /* of a flag: 0 or 1 */
} Field;

struct Record {
    char *kind;
    GPtrArray *fields; /* Field * */
};

struct Records {
    GPtrArray *all; /* Record * */
};

static void field_free(gpointer data)
{
    Field *field = data;
    g_free(field->name);
    g_free(field->text);
    g_free(field);
}

static void record_free(gpointer data)
{
    Record *record = data;
    g_free(record->kind);
    g_ptr_array_unref(record->fields);
    g_free(record);
}

Records *records_new(void)
{
    Records *records = g_new0(Records, 1);
    records->all = g_ptr_array_new_with_free_func(record_free);
    return records;
}

void records_free(Records *records)
{
    if (records == NULL)
        return;
    g_ptr_array_unref(records->all);
    g_free(records);
}

void records_begin(Records *records, const char *kind)
{
    Record *record = g_new0(Record, 1);
    record->kind = g_strdup(kind);
    record->fields = g_ptr_array_new_with_free_func(field_free);
    g_ptr_array_add(records->all, record);
}

static Field *add(Records *records, const char *name, char mark)
{
    Record *last = g_ptr_array_index(records->all, records->all->len - 1);
    Field *field = g_new0(Field, 1);
    field->name = g_strdup(name);
    field->mark = mark;
    g_ptr_array_add(last->fields, field);
    return field;
}

void records_add_text(Records *records, const char *name, const char *value)
{
    if (value != NULL)
        add(records, name, MARK_TEXT)->text = g_strdup(value);
}

void records_add_number(Records *records, const char *name, gint64 value)
{
    add(records, name, MARK_NUMBER)->number = value;
}

void records_add_flag(Records *records, const char *name, gboolean value)
{
    add(records, name, MARK_FLAG)->number = value ? 1 : 0;
}

/* ---- lines ---- */

static void append_escaped(GString *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((guchar)*c < 0x20 || *c == 0x7f || *c == '%')
            g_string_append_printf(out, "%%%02X", (guint)(guchar)*c);
        else
            g_string_append_c(out, *c);
    }
}

static void append_field(GString *out, const Field *field)
{
    g_string_append_printf(out, "\t%s%c", field->name, field->mark);
    if (field->mark == MARK_TEXT)
        append_escaped(out, field->text);
    else
        g_string_append_printf(out, "%" G_GINT64_FORMAT, field->number);
}

char *records_to_text(const Records *records)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < records->all->len; i++) {
        const Record *record = g_ptr_array_index(records->all, i);
        g_string_append(out, record->kind);
        for (guint j = 0; j < record->fields->len; j++)
            append_field(out, g_ptr_array_index(record->fields, j));
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

/* For g_free; NULL when a "%" is not followed by what it should be. */
static char *unescape(const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '%') {
            g_string_append_c(out, *c);
            continue;
        }
        if (!g_ascii_isxdigit(c[1]) || !g_ascii_isxdigit(c[2]))
            return NULL;
        int byte = g_ascii_xdigit_value(c[1]) * 16 + g_ascii_xdigit_value(c[2]);
        if (byte == 0)
            return NULL;
        g_string_append_c(out, (char)byte);
        c += 2;
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static gboolean parse_field(Records *records, const char *text)
{
    gsize length = strcspn(text, MARKS);
    if (length == 0 || text[length] == '\0')
        return FALSE;
    g_autofree char *name = g_strndup(text, length);
    const char *value = text + length + 1;
    if (text[length] == MARK_TEXT) {
        g_autofree char *plain = unescape(value);
        records_add_text(records, name, plain);
        return plain != NULL;
    }
    gint64 number = 0;
    if (!g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &number, NULL))
        return FALSE;
    add(records, name, text[length])->number = number;
    return text[length] == MARK_NUMBER || number == 0 || number == 1;
}

static gboolean parse_line(Records *records, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, "\t", -1);
    if (words[0] == NULL || *words[0] == '\0')
        return FALSE;
    records_begin(records, words[0]);
    for (char **word = words + 1; *word != NULL; word++)
        if (!parse_field(records, *word))
            return FALSE;
    return TRUE;
}

Records *records_from_text(const char *text, gsize length, GError **error)
{
    g_autoptr(Records) records = records_new();
    gboolean good = length <= RECORDS_TEXT_MAX && memchr(text, '\0', length) == NULL;
    for (gsize start = 0; good && start < length;) {
        const char *end = memchr(text + start, '\n', length - start);
        if (end == NULL) {
            good = FALSE;
            break;
        }
        gsize size = (gsize)(end - (text + start));
        g_autofree char *line = g_strndup(text + start, size);
        good = parse_line(records, line);
        start += size + 1;
    }
    if (good)
        return g_steal_pointer(&records);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                "the answer makes no sense: is it an ftpsfs of another version?");
    return NULL;
}

/* ---- queries ---- */

guint records_count(const Records *records, const char *kind)
{
    guint count = 0;
    for (guint i = 0; i < records->all->len; i++)
        count += g_str_equal(((const Record *)g_ptr_array_index(records->all, i))->kind, kind);
    return count;
}

const Record *records_get(const Records *records, const char *kind, guint index)
{
    for (guint i = 0; i < records->all->len; i++) {
        const Record *record = g_ptr_array_index(records->all, i);
        if (g_str_equal(record->kind, kind) && index-- == 0)
            return record;
    }
    return NULL;
}

static const Field *find(const Record *record, const char *name)
{
    for (guint i = 0; record != NULL && i < record->fields->len; i++) {
        const Field *field = g_ptr_array_index(record->fields, i);
        if (g_str_equal(field->name, name))
            return field;
    }
    return NULL;
}

const char *records_text(const Record *record, const char *name)
{
    const Field *field = find(record, name);
    return field != NULL ? field->text : NULL;
}

gint64 records_number(const Record *record, const char *name, gint64 absent)
{
    const Field *field = find(record, name);
    return field != NULL ? field->number : absent;
}

gboolean records_flag(const Record *record, const char *name)
{
    return records_number(record, name, 0) != 0;
}

void records_record_to_json(const Record *record, JsonWriter *json)
{
    for (guint i = 0; record != NULL && i < record->fields->len; i++) {
        const Field *field = g_ptr_array_index(record->fields, i);
        if (field->mark == MARK_TEXT)
            json_text(json, field->name, field->text);
        else if (field->mark == MARK_FLAG)
            json_flag(json, field->name, field->number != 0);
        else
            json_number(json, field->name, field->number);
    }
}
