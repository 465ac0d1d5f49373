/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_report.h"

#include <string.h>

#define NOW 1800000000

/* A server with which nothing is wrong. */
static Records *fine(void)
{
    Records *found = records_new();
    records_begin(found, "probe");
    records_add_text(found, "server", "ftps://ann@ftp.example.org/");
    records_add_text(found, "verify", "yes");
    records_add_number(found, "time", NOW);
    records_begin(found, "address");
    records_add_text(found, "address", "192.0.2.1");
    records_add_number(found, "connect_us", 12345);
    records_begin(found, "tls");
    records_add_text(found, "version", "TLS1.3");
    records_add_text(found, "cipher", "TLS_AES_256_GCM_SHA384");
    records_add_text(found, "key_share", "X25519");
    records_add_flag(found, "verified", TRUE);
    records_begin(found, "certificate");
    records_add_text(found, "subject", "CN=ftp.example.org");
    records_add_number(found, "until", NOW + 100 * 86400);
    records_add_text(found, "pin", "sha256//abc=");
    return found;
}

static gboolean warns_of(const Records *found, const char *words)
{
    g_autoptr(GPtrArray) warnings = probe_warnings(found);
    for (guint i = 0; i < warnings->len; i++)
        if (strstr(warnings->pdata[i], words) != NULL)
            return TRUE;
    return FALSE;
}

static void assert_row(const Records *found, const char *row)
{
    g_autofree char *page = probe_page(found);
    if (strstr(page, row) == NULL)
        g_error("no \"%s\" in:\n%s", row, page);
}

static void nothing_wrong_gives_no_warning(void)
{
    g_autoptr(Records) found = fine();
    g_autoptr(GPtrArray) warnings = probe_warnings(found);
    g_assert_cmpuint(warnings->len, ==, 0);
    assert_row(found, "\nWarnings\n  none\n");
}

static void times_are_in_milliseconds_with_three_digits(void)
{
    g_autoptr(Records) found = fine();
    assert_row(found, "  address             192.0.2.1, connected in 12.3 ms\n");
}

static void a_certificate_near_its_end_is_warned_of(void)
{
    for (int days = -3; days <= 60; days += 21) {
        g_autoptr(Records) found = records_new();
        records_begin(found, "probe");
        records_add_number(found, "time", NOW);
        records_begin(found, "certificate");
        records_add_number(found, "until", NOW + days * 86400);
        g_assert_true(warns_of(found, "expired 3 days ago") == (days == -3));
        g_assert_true(warns_of(found, "expires in 18 days") == (days == 18));
        g_assert_true(warns_of(found, "the certificate") == (days < 30));
    }
}

static void a_clock_is_warned_of_beyond_two_seconds(void)
{
    static const struct {
        gint64 ahead;
        const char *row, *warning;
    } rows[] = {
        {0, "as ours, to the second", NULL},
        {2, "2 s ahead of ours", NULL},
        {90, "90 s ahead of ours", "90 s ahead"},
        {-3600, "3600 s behind ours", "3600 s behind"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Records) found = fine();
        records_begin(found, "clock");
        records_add_number(found, "ahead_s", rows[i].ahead);
        assert_row(found, rows[i].row);
        g_assert_true(warns_of(found, "clock") == (rows[i].warning != NULL));
        g_assert_true(rows[i].warning == NULL || warns_of(found, rows[i].warning));
    }
}

static void zones_are_told_with_hours_and_minutes(void)
{
    static const struct {
        gint64 zone;
        const char *row;
    } rows[] = {{0, "UTC+0:00"}, {-18000, "UTC-5:00"}, {19800, "UTC+5:30"}, {-1800, "UTC-0:30"}};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Records) found = fine();
        records_begin(found, "clock");
        records_add_number(found, "zone_s", rows[i].zone);
        assert_row(found, rows[i].row);
    }
}

static void what_was_not_tried_says_why(void)
{
    g_autoptr(Records) found = fine();
    records_begin(found, "write");
    records_add_flag(found, "tried", FALSE);
    records_add_text(found, "reason", "-o ro");
    assert_row(found, "  restart in place    not tried (-o ro)\n");
    assert_row(found, "  rename over a file  not tried (-o ro)\n");
    g_assert_false(warns_of(found, ""));
}

static void text_of_the_server_can_not_act_on_the_terminal(void)
{
    g_autoptr(Records) found = fine();
    records_begin(found, "greeting");
    records_add_text(found, "text", "\033[2Jhello\r\nthere");
    g_autofree char *page = probe_page(found);
    g_assert_null(strchr(page, '\033'));
    g_assert_null(strchr(page, '\r'));
    assert_row(found, "  greeting            ?[2Jhello??there\n");
}

static void long_values_are_broken_between_words(void)
{
    g_autoptr(Records) found = fine();
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 40; i++)
        g_string_append_printf(text, "%sword%d", i > 0 ? " " : "", i);
    records_begin(found, "greeting");
    records_add_text(found, "text", text->str);
    g_autofree char *page = probe_page(found);
    g_auto(GStrv) lines = g_strsplit(page, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        g_assert_cmpuint(strlen(*line), <=, 96);
    assert_row(found, "\n                      word");
}

static void a_refused_certificate_comes_first_among_the_warnings(void)
{
    g_autoptr(Records) found = records_new();
    records_begin(found, "probe");
    records_add_number(found, "time", NOW);
    records_begin(found, "tls");
    records_add_text(found, "key_share", "X25519");
    records_add_flag(found, "verified", FALSE);
    records_add_text(found, "refusal", "it is self-signed");
    records_begin(found, "certificate");
    records_add_number(found, "until", NOW - 86400);
    g_autoptr(GPtrArray) warnings = probe_warnings(found);
    g_assert_cmpuint(warnings->len, ==, 2);
    g_assert_nonnull(strstr(warnings->pdata[0], "no password was sent"));
    assert_row(found, "  verified            NO: it is self-signed\n");
}

static void add_policy(Records *found, const char *name, gboolean met, const char *reason)
{
    records_begin(found, "policy");
    records_add_text(found, "name", name);
    records_add_flag(found, "tried", TRUE);
    records_add_flag(found, "met", met);
    records_add_text(found, "reason", reason);
}

static void policies_are_told_with_what_is_in_the_way(void)
{
    g_autoptr(Records) found = fine();
    add_policy(found, "modern", TRUE, NULL);
    add_policy(found, "legacy", TRUE, NULL);
    add_policy(found, "strict", FALSE, "a short key");
    records_begin(found, "policy");
    records_add_text(found, "name", "fips");
    records_add_flag(found, "tried", FALSE);
    records_add_text(found, "reason", "not here");
    assert_row(found, "  TLS policies met    modern, legacy\n"
                      "                      not strict: a short key\n"
                      "                      not tried, fips: not here\n");
}

static void legacy_is_warned_of(void)
{
    for (int met = 0; met < 2; met++) {
        g_autoptr(Records) found = records_new();
        records_begin(found, "probe");
        records_add_text(found, "policy", "legacy");
        add_policy(found, "modern", met != 0, met ? NULL : "a short key");
        g_assert_true(warns_of(found, "tls_policy=legacy is not needed") == (met != 0));
        g_assert_true(warns_of(found, "can be broken: a short key") == (met == 0));
    }
    g_autoptr(Records) modern = fine();
    add_policy(modern, "modern", FALSE, "a short key");
    g_assert_false(warns_of(modern, "tls_policy"));
}

static void json_has_all_records_and_the_warnings(void)
{
    g_autoptr(Records) found = fine();
    records_begin(found, "feat");
    records_add_text(found, "line", "MLST \"x\"");
    records_begin(found, "left");
    records_add_text(found, "path", "/.ftpsfs-probe-1");
    g_autofree char *json = probe_json(found);
    static const char *const parts[] = {"\"address\": \"192.0.2.1\"", "\"connect_us\": 12345",
                                        "\"pin\": \"sha256//abc=\"", "\"MLST \\\"x\\\"\"",
                                        "\"warnings\": [\n    \"/.ftpsfs-probe-1 could not"};
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
        g_assert_nonnull(strstr(json, parts[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add_func("/probe_report/" #name, name)
    ADD(nothing_wrong_gives_no_warning);
    ADD(times_are_in_milliseconds_with_three_digits);
    ADD(a_certificate_near_its_end_is_warned_of);
    ADD(a_clock_is_warned_of_beyond_two_seconds);
    ADD(zones_are_told_with_hours_and_minutes);
    ADD(what_was_not_tried_says_why);
    ADD(text_of_the_server_can_not_act_on_the_terminal);
    ADD(long_values_are_broken_between_words);
    ADD(a_refused_certificate_comes_first_among_the_warnings);
    ADD(policies_are_told_with_what_is_in_the_way);
    ADD(legacy_is_warned_of);
    ADD(json_has_all_records_and_the_warnings);
#undef ADD
    return g_test_run();
}
