/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_report.h"

#include <string.h>

#include "ftpsfs/util/plain.h"

#define LABEL   22 /* columns of what stands before a value */
#define WIDTH   96
#define DAY_S   86400
#define ADVANCE "  "

/* ---- pieces ---- */

/* Appends the words of `text` from column LABEL on, broken between words. Takes off what a terminal
 * would act on. */
static void append_wrapped(GString *page, const char *label, const char *text)
{
    g_autofree char *plain = plain_text(text);
    g_auto(GStrv) words = g_strsplit(plain, " ", -1);
    glong column = LABEL;
    g_string_append_printf(page, ADVANCE "%-*s", LABEL - 2, label);
    for (char **word = words; *word != NULL; word++) {
        glong length = g_utf8_strlen(*word, -1);
        if (word != words && column + 1 + length > WIDTH) {
            g_string_append_printf(page, "\n%*s", LABEL, "");
            column = LABEL;
        } else if (word != words) {
            g_string_append_c(page, ' ');
            column++;
        }
        g_string_append(page, *word);
        column += length;
    }
    g_string_append_c(page, '\n');
}

G_GNUC_PRINTF(3, 4)
static void line(GString *page, const char *label, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    append_wrapped(page, label, text);
}

static void heading(GString *page, const char *text)
{
    g_string_append_printf(page, "\n%s\n", text);
}

/* "0.31 ms", "12.4 ms" */
static char *milliseconds(gint64 us)
{
    double ms = (double)us / 1000;
    return g_strdup_printf(ms < 9.995 ? "%.2f ms" : "%.1f ms", ms);
}

static char *date(gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    return time != NULL ? g_date_time_format(time, "%Y-%m-%d") : g_strdup("?");
}

static const char *or_else(const char *text, const char *absent)
{
    return text != NULL ? text : absent;
}

/* ---- before the login ---- */

static void append_addresses(GString *page, const Records *found)
{
    for (guint i = 0; i < records_count(found, "address"); i++) {
        const Record *address = records_get(found, "address", i);
        const char *failure = records_text(address, "failure");
        g_autofree char *took = milliseconds(records_number(address, "connect_us", 0));
        line(page, i == 0 ? "address" : "", "%s, %s%s", records_text(address, "address"),
             failure != NULL ? "" : "connected in ", failure != NULL ? failure : took);
    }
    const Record *greeting = records_get(found, "greeting", 0);
    if (greeting != NULL)
        append_wrapped(page, "greeting", records_text(greeting, "text"));
}

static void append_tls(GString *page, const Records *found)
{
    const Record *tls = records_get(found, "tls", 0);
    if (tls == NULL)
        return;
    g_autofree char *took = milliseconds(records_number(tls, "handshake_us", 0));
    line(page, "TLS", "%s, handshake in %s", records_text(tls, "version"), took);
    line(page, "cipher", "%s", records_text(tls, "cipher"));
    line(page, "key share", "%s", or_else(records_text(tls, "key_share"), "none (RSA)"));
}

static void append_resumption(GString *page, const Records *found)
{
    guint rows = 0;
    for (guint i = 0; i < records_count(found, "handshake"); i++) {
        const Record *hands = records_get(found, "handshake", i);
        const char *version = records_text(hands, "version");
        const char *data = NULL;
        for (guint n = 0; n < records_count(found, "data"); n++) {
            const Record *row = records_get(found, "data", n);
            if (g_strcmp0(records_text(row, "version"), version) == 0)
                data = records_number(row, "resumed", 0) > 0 ? "yes" : "no";
        }
        const char *label = rows++ == 0 ? "resumption" : "";
        if (!records_flag(hands, "offered"))
            line(page, label, "TLS %s: the server does not have it", version);
        else
            line(page, label, "TLS %s: data connections %s, new sessions %s", version,
                 or_else(data, "not tried"), records_flag(hands, "resumes") ? "yes" : "no");
    }
}

static void append_policies(GString *page, const Records *found)
{
    g_autoptr(GString) met = g_string_new(NULL);
    guint count = records_count(found, "policy");
    for (guint i = 0; i < count; i++) {
        const Record *policy = records_get(found, "policy", i);
        if (records_flag(policy, "met"))
            g_string_append_printf(met, "%s%s", met->len > 0 ? ", " : "",
                                   records_text(policy, "name"));
    }
    if (count > 0)
        append_wrapped(page, "TLS policies met", met->len > 0 ? met->str : "none");
    for (guint i = 0; i < count; i++) {
        const Record *policy = records_get(found, "policy", i);
        if (!records_flag(policy, "met"))
            line(page, "", "%s %s: %s", records_flag(policy, "tried") ? "not" : "not tried,",
                 records_text(policy, "name"), records_text(policy, "reason"));
    }
}

static void append_certificate(GString *page, const Record *shown, guint number, gint64 now)
{
    g_autofree char *label =
        number == 0 ? g_strdup("certificate") : g_strdup_printf("  issuer %u", number);
    if (records_text(shown, "failure") != NULL) {
        append_wrapped(page, label, records_text(shown, "failure"));
        return;
    }
    gint64 until = records_number(shown, "until", G_MININT64);
    g_autofree char *from = date(records_number(shown, "from", G_MININT64));
    g_autofree char *end = date(until);
    append_wrapped(page, label, records_text(shown, "subject"));
    if (number == 0)
        append_wrapped(page, "  for", or_else(records_text(shown, "names"), ""));
    line(page, "  issued by", "%s",
         records_flag(shown, "self_signed") ? "itself" : records_text(shown, "issuer"));
    line(page, "  valid", "%s to %s, %" G_GINT64_FORMAT " days from now", from, end,
         (until - now) / DAY_S);
    line(page, "  key", "%s, signed with %s", records_text(shown, "key"),
         records_text(shown, "signature"));
    line(page, "  SHA-256", "%s", or_else(records_text(shown, "sha256"), "?"));
}

static void append_trust(GString *page, const Records *found)
{
    const Record *probe = records_get(found, "probe", 0);
    const Record *tls = records_get(found, "tls", 0);
    const Record *own = records_get(found, "certificate", 0);
    if (tls == NULL)
        return;
    for (guint i = 0; i < records_count(found, "certificate"); i++)
        append_certificate(page, records_get(found, "certificate", i), i,
                           records_number(probe, "time", 0));
    if (!records_flag(tls, "verified"))
        line(page, "verified", "NO: %s", records_text(tls, "refusal"));
    else if (g_strcmp0(records_text(probe, "verify"), "yes") == 0)
        line(page, "verified", "yes, chain and name%s",
             records_flag(probe, "pinned") ? " and pin" : "");
    else
        line(page, "verified", "by tls_verify=%s%s", records_text(probe, "verify"),
             records_flag(probe, "pinned") ? " and pin" : "");
    if (records_text(own, "pin") != NULL)
        line(page, "pin", "-o tls_pin=%s", records_text(own, "pin"));
}

/* ---- behind the login ---- */

static void append_feat(GString *page, const Records *found)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < records_count(found, "feat"); i++)
        g_string_append_printf(all, "%s%s", i > 0 ? ", " : "",
                               records_text(records_get(found, "feat", i), "line"));
    append_wrapped(page, "FEAT", all->len > 0 ? all->str : "not told");
}

static void append_directory(GString *page, const Records *found)
{
    const Record *told = records_get(found, "directory", 0);
    const char *dialect = records_text(told, "dialect");
    const char *login = records_text(told, "login");
    const char *start = records_text(told, "start");
    if (told == NULL)
        return;
    line(page, "login directory", "%s", login);
    if (g_strcmp0(login, start) != 0)
        line(page, "start directory", "%s", start);
    if (records_text(told, "kind") != NULL)
        line(page, "listing", "%s%s%s, %" G_GINT64_FORMAT " entries", records_text(told, "kind"),
             dialect != NULL ? ", dialect " : "", or_else(dialect, ""),
             records_number(told, "entries", 0));
}

static void append_clock(GString *page, const Records *found)
{
    const Record *clock = records_get(found, "clock", 0);
    gint64 unknown = G_MININT64;
    gint64 ahead = records_number(clock, "ahead_s", unknown);
    gint64 zone = records_number(clock, "zone_s", unknown);
    if (clock == NULL)
        return;
    g_autofree char *offset = ahead == unknown ? g_strdup("not seen, as nothing was written")
                              : ahead == 0
                                  ? g_strdup("as ours, to the second")
                                  : g_strdup_printf("%" G_GINT64_FORMAT " s %s ours", ABS(ahead),
                                                    ahead > 0 ? "ahead of" : "behind");
    g_autofree char *listed =
        zone == unknown ? g_strdup("")
                        : g_strdup_printf("; listings are in UTC%c%d:%02d", zone < 0 ? '-' : '+',
                                          (int)(ABS(zone) / 3600), (int)(ABS(zone) % 3600 / 60));
    line(page, "clock", "%s%s", offset, listed);
}

static void append_writing(GString *page, const Records *found)
{
    const Record *write = records_get(found, "write", 0);
    if (write == NULL)
        return;
    g_autofree char *reason = g_strdup_printf("not tried (%s)", records_text(write, "reason"));
    line(page, "restart in place", "%s", or_else(records_text(write, "restart"), reason));
    line(page, "rename over a file", "%s", or_else(records_text(write, "rename"), reason));
    line(page, "times can be set", "%s", or_else(records_text(write, "set_time"), reason));
}

static void append_speed(GString *page, const Records *found)
{
    const Record *sessions = records_get(found, "sessions", 0);
    const Record *read = records_get(found, "read", 0);
    if (sessions != NULL)
        line(page, "parallel sessions",
             "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " (-o connections)%s%s",
             records_number(sessions, "got", 0), records_number(sessions, "wanted", 0),
             records_text(sessions, "refusal") != NULL ? ": " : "",
             or_else(records_text(sessions, "refusal"), ""));
    g_autofree char *took = milliseconds(records_number(read, "duration_us", 0));
    if (records_text(read, "reason") != NULL)
        line(page, "small read", "%s", records_text(read, "reason"));
    else if (read != NULL)
        line(page, "small read", "%" G_GINT64_FORMAT " round trips, %s",
             records_number(read, "round_trips", 0), took);
    else if (sessions != NULL)
        line(page, "small read", "not tried (no small file in the directory)");
}

static void append_login(GString *page, const Records *found)
{
    const Record *login = records_get(found, "login", 0);
    const Record *outcome = records_get(found, "outcome", 0);
    if (login == NULL) {
        if (outcome != NULL && records_count(found, "tls") > 0)
            line(page, "login", "%s",
                 records_flag(records_get(found, "tls", 0), "verified")
                     ? or_else(records_text(outcome, "message"), "failed")
                     : "not tried: the certificate is refused");
        return;
    }
    g_autofree char *took = milliseconds(records_number(login, "login_us", 0));
    g_autofree char *trip = milliseconds(records_number(login, "round_trip_us", 0));
    line(page, "login", "%s, in %s; a round trip takes %s", records_text(login, "user"), took,
         trip);
    append_wrapped(page, "system",
                   or_else(records_text(records_get(found, "system", 0), "text"), "not told"));
    append_feat(page, found);
}

static void append_capabilities(GString *page, const Records *found)
{
    guint count = records_count(found, "capability");
    if (count > 0)
        heading(page, "Capabilities");
    for (guint i = 0; i < count; i++) {
        const Record *row = records_get(found, "capability", i);
        const char *state = records_text(row, "state");
        g_string_append_printf(page, ADVANCE "%-*s%-5s%s\n", LABEL + 2, records_text(row, "name"),
                               g_strcmp0(state, "unknown") == 0 ? "?" : state,
                               records_text(row, "use"));
    }
}

static void append_warnings(GString *page, const Records *found)
{
    g_autoptr(GPtrArray) warnings = probe_warnings(found);
    heading(page, "Warnings");
    if (warnings->len == 0)
        g_string_append(page, ADVANCE "none\n");
    for (guint i = 0; i < warnings->len; i++) {
        g_autofree char *plain = plain_text(warnings->pdata[i]);
        g_string_append_printf(page, ADVANCE "- %s\n", plain);
    }
}

char *probe_page(const Records *found)
{
    GString *page = g_string_new(NULL);
    const Record *probe = records_get(found, "probe", 0);
    g_autofree char *server = plain_text(records_text(probe, "server"));
    g_string_append_printf(page, "%s%s\n", server,
                           records_flag(probe, "explicit") ? " (AUTH TLS)" : "");
    append_addresses(page, found);
    append_tls(page, found);
    append_policies(page, found);
    append_resumption(page, found);
    append_trust(page, found);
    append_login(page, found);
    append_directory(page, found);
    append_clock(page, found);
    append_writing(page, found);
    append_speed(page, found);
    append_capabilities(page, found);
    append_warnings(page, found);
    return g_string_free(page, FALSE);
}

/* ---- JSON ---- */

static void add_members(JsonWriter *json, const char *key, const Record *record)
{
    json_begin_object(json, key);
    records_record_to_json(record, json);
    json_end_object(json);
}

/* One text of each record of a kind. */
static void add_texts(JsonWriter *json, const char *key, const Records *found, const char *kind,
                      const char *field)
{
    json_begin_array(json, key);
    for (guint i = 0; i < records_count(found, kind); i++)
        json_text(json, NULL, records_text(records_get(found, kind, i), field));
    json_end_array(json);
}

char *probe_json(const Records *found)
{
    static const char *const objects[] = {"probe", "tls",  "login",    "directory", "clock",
                                          "write", "read", "sessions", "outcome"};
    static const char *const arrays[][2] = {
        {"addresses", "address"}, {"certificates", "certificate"}, {"handshakes", "handshake"},
        {"policies", "policy"},   {"data_connections", "data"},    {"capabilities", "capability"}};
    g_autoptr(GPtrArray) warnings = probe_warnings(found);
    GString *out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_begin_object(&json, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(objects); i++)
        if (records_count(found, objects[i]) > 0)
            add_members(&json, objects[i], records_get(found, objects[i], 0));
    for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++) {
        json_begin_array(&json, arrays[i][0]);
        for (guint n = 0; n < records_count(found, arrays[i][1]); n++)
            add_members(&json, NULL, records_get(found, arrays[i][1], n));
        json_end_array(&json);
    }
    add_texts(&json, "greeting", found, "greeting", "text");
    add_texts(&json, "system", found, "system", "text");
    add_texts(&json, "feat", found, "feat", "line");
    add_texts(&json, "left", found, "left", "path");
    json_begin_array(&json, "warnings");
    for (guint i = 0; i < warnings->len; i++)
        json_text(&json, NULL, warnings->pdata[i]);
    json_end_array(&json);
    json_end_object(&json);
    json_finish(&json);
    return g_string_free(out, FALSE);
}
