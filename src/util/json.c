/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/json.h"

#include <string.h>

#include "ftpsfs/util/plain.h"

void json_init(JsonWriter *json, GString *out)
{
    *json = (JsonWriter){.out = out, .first = TRUE};
}

static void append_quoted(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_string_append_c(out, '"');
    for (const char *c = valid; *c != '\0'; c = g_utf8_next_char(c)) {
        gunichar letter = g_utf8_get_char(c);
        if (*c == '"' || *c == '\\')
            g_string_append_printf(out, "\\%c", *c);
        else if (*c == '\n')
            g_string_append(out, "\\n");
        else if (*c == '\t')
            g_string_append(out, "\\t");
        else if (plain_is_risky(letter)) /* none is beyond U+FFFF */
            g_string_append_printf(out, "\\u%04x", letter);
        else
            g_string_append_unichar(out, letter);
    }
    g_string_append_c(out, '"');
}

static void new_line(JsonWriter *json)
{
    g_string_append_printf(json->out, "\n%*s", (int)(2 * json->depth), "");
}

/* Everything that stands before a value. */
static void begin_value(JsonWriter *json, const char *key)
{
    if (!json->first)
        g_string_append_c(json->out, ',');
    json->first = FALSE;
    if (json->depth > 0)
        new_line(json);
    if (key == NULL)
        return;
    append_quoted(json->out, key);
    g_string_append(json->out, ": ");
}

static void open_bracket(JsonWriter *json, const char *key, char bracket)
{
    begin_value(json, key);
    g_string_append_c(json->out, bracket);
    json->depth++;
    json->first = TRUE;
}

static void close_bracket(JsonWriter *json, char bracket)
{
    json->depth--;
    if (!json->first)
        new_line(json);
    g_string_append_c(json->out, bracket);
    json->first = FALSE;
}

void json_begin_object(JsonWriter *json, const char *key)
{
    open_bracket(json, key, '{');
}

void json_end_object(JsonWriter *json)
{
    close_bracket(json, '}');
}

void json_begin_array(JsonWriter *json, const char *key)
{
    open_bracket(json, key, '[');
}

void json_end_array(JsonWriter *json)
{
    close_bracket(json, ']');
}

void json_text(JsonWriter *json, const char *key, const char *value)
{
    begin_value(json, key);
    if (value != NULL)
        append_quoted(json->out, value);
    else
        g_string_append(json->out, "null");
}

void json_number(JsonWriter *json, const char *key, gint64 value)
{
    begin_value(json, key);
    g_string_append_printf(json->out, "%" G_GINT64_FORMAT, value);
}

void json_flag(JsonWriter *json, const char *key, gboolean value)
{
    begin_value(json, key);
    g_string_append(json->out, value ? "true" : "false");
}

void json_finish(JsonWriter *json)
{
    g_string_append_c(json->out, '\n');
}
