/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer, and records, which are written with it. */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/records.h"

static void writes_nested_values_indented(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_begin_object(&json, NULL);
    json_text(&json, "name", "x");
    json_begin_array(&json, "list");
    json_number(&json, NULL, -7);
    json_flag(&json, NULL, TRUE);
    json_begin_object(&json, NULL);
    json_end_object(&json);
    json_end_array(&json);
    json_begin_array(&json, "none");
    json_end_array(&json);
    json_text(&json, "absent", NULL);
    json_end_object(&json);
    json_finish(&json);
    g_assert_cmpstr(out->str, ==,
                    "{\n  \"name\": \"x\",\n  \"list\": [\n    -7,\n    true,\n    {}\n  ],\n"
                    "  \"none\": [],\n  \"absent\": null\n}\n");
}

static void escapes_what_json_does_not_take(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_text(&json, NULL,
              "a\"b\\c\nd\te\x01\x7f"
              "f/\u00e4");
    g_assert_cmpstr(out->str, ==, "\"a\\\"b\\\\c\\nd\\te\\u0001\\u007ff/\u00e4\"");
}

/* They read back as what they are, and a terminal that shows the text does nothing with them. */
static void escapes_what_a_terminal_acts_on(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_text(&json, NULL, "\xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa8 \xf0\x9f\x98\x80");
    g_assert_cmpstr(out->str, ==, "\"\\u009b \\u202e \\u2066 \\u2028 \xf0\x9f\x98\x80\"");
}

static void replaces_bytes_that_are_no_utf8(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_text(&json, NULL,
              "a\xff"
              "b");
    g_assert_cmpstr(out->str, ==,
                    "\"a\xef\xbf\xbd"
                    "b\"");
}

static Records *sample(void)
{
    Records *records = records_new();
    records_begin(records, "mount");
    records_add_text(records, "path", "/a\tb\nc%d=#?");
    records_add_number(records, "bytes", G_MININT64);
    records_add_flag(records, "up", TRUE);
    records_add_text(records, "absent", NULL);
    records_begin(records, "session");
    records_begin(records, "session");
    records_add_text(records, "doing", "");
    return records;
}

static void records_survive_the_way_as_text(void)
{
    g_autoptr(Records) before = sample();
    g_autofree char *text = records_to_text(before);
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) after = records_from_text(text, strlen(text), &error);
    g_assert_no_error(error);
    const Record *mount = records_get(after, "mount", 0);
    g_assert_cmpstr(records_text(mount, "path"), ==, "/a\tb\nc%d=#?");
    g_assert_cmpint(records_number(mount, "bytes", 0), ==, G_MININT64);
    g_assert_true(records_flag(mount, "up"));
    g_assert_null(records_text(mount, "absent"));
    g_assert_cmpint(records_number(mount, "absent", -5), ==, -5);
    g_assert_cmpuint(records_count(after, "session"), ==, 2);
    g_assert_cmpstr(records_text(records_get(after, "session", 1), "doing"), ==, "");
    g_assert_null(records_get(after, "session", 2));
    g_assert_null(records_text(NULL, "doing"));
}

static void a_record_is_one_line(void)
{
    g_autoptr(Records) records = sample();
    g_autofree char *text = records_to_text(records);
    guint lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    g_assert_cmpuint(lines, ==, 3);
}

static void fields_become_members_of_a_json_object(void)
{
    g_autoptr(Records) records = sample();
    g_autoptr(GString) out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_begin_object(&json, NULL);
    records_record_to_json(records_get(records, "mount", 0), &json);
    json_end_object(&json);
    g_assert_cmpstr(out->str, ==,
                    "{\n  \"path\": \"/a\\tb\\nc%d=#?\",\n"
                    "  \"bytes\": -9223372036854775808,\n  \"up\": true\n}");
}

static void garbage_is_refused(void)
{
    static const char *const bad[] = {
        "mount",
        "\n",
        "\tx=1\n",
        "mount\t=1\n",
        "mount\tx\n",
        "mount\tx#\n",
        "mount\tx#1a\n",
        "mount\tx?2\n",
        "mount\tx=%\n",
        "mount\tx=%0\n",
        "mount\tx=%00\n",
        "mount\tx=%zz\n",
        "mount\tx#99999999999999999999\n",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Records) records = records_from_text(bad[i], strlen(bad[i]), &error);
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
        g_assert_null(records);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/writes_nested_values_indented", writes_nested_values_indented);
    g_test_add_func("/json/escapes_what_json_does_not_take", escapes_what_json_does_not_take);
    g_test_add_func("/json/escapes what a terminal acts on", escapes_what_a_terminal_acts_on);
    g_test_add_func("/json/replaces_bytes_that_are_no_utf8", replaces_bytes_that_are_no_utf8);
    g_test_add_func("/records/records_survive_the_way_as_text", records_survive_the_way_as_text);
    g_test_add_func("/records/a_record_is_one_line", a_record_is_one_line);
    g_test_add_func("/records/fields_become_members_of_a_json_object",
                    fields_become_members_of_a_json_object);
    g_test_add_func("/records/garbage_is_refused", garbage_is_refused);
    return g_test_run();
}
