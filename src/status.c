/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ftpsfs/util/plain.h"
#include "ftpsfs/util/units.h"

#define PLAIN_WIDTH   100
#define BAR_WIDTH     24
#define ROWS_MAX      64
#define LABEL_COLUMNS 13
#define CLOCK_COLUMNS 12

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define GREEN "\033[32m"
#define RED   "\033[31m"
#define RESET "\033[0m"

StatusStyle status_style(int fd)
{
    StatusStyle style = {.width = PLAIN_WIDTH};
    struct winsize size;
    const char *term = g_getenv("TERM");
    style.fine = g_str_equal(nl_langinfo(CODESET), "UTF-8");
    if (!isatty(fd))
        return style;
    style.terminal = TRUE;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        style.width = size.ws_col;
    style.colour = term != NULL && !g_str_equal(term, "dumb") && g_getenv("NO_COLOR") == NULL;
    return style;
}

/* ---- pieces ---- */

static const char *in(const StatusStyle *style, const char *sequence)
{
    return style->colour ? sequence : "";
}

/* `text` in at most `columns` columns, its middle left out if need be: names differ at their ends.
 */
static char *fit(const char *text, guint columns)
{
    g_autofree char *plain = plain_text(text);
    glong length = g_utf8_strlen(plain, -1);
    if (length <= (glong)columns || columns < 8)
        return g_steal_pointer(&plain);
    glong tail = (glong)columns * 2 / 3;
    g_autofree char *head = g_utf8_substring(plain, 0, (glong)columns - tail - 3);
    g_autofree char *end = g_utf8_substring(plain, length - tail, length);
    return g_strdup_printf("%s...%s", head, end);
}

static guint room(const StatusStyle *style, guint taken)
{
    return style->width > taken + 8 ? style->width - taken : 8;
}

static void heading(GString *page, const StatusStyle *style, const char *text)
{
    g_string_append_printf(page, "\n%s%s%s\n", in(style, BOLD), text, in(style, RESET));
}

static void labelled(GString *page, const char *label, const char *text)
{
    g_string_append_printf(page, "  %-*s%s\n", LABEL_COLUMNS, label, text);
}

static void append_bar(GString *page, const StatusStyle *style, gint64 done, gint64 total)
{
    g_autofree char *bar = units_bar(done, total, BAR_WIDTH, style->fine);
    g_string_append_printf(page, "%s%s%s %3u%%", in(style, GREEN), bar, in(style, RESET),
                           units_percent(done, total));
}

/* ---- parts of the page ---- */

static void append_server(GString *page, const StatusStyle *style, const Records *status)
{
    const Record *mount = records_get(status, "mount", 0);
    g_autofree char *server = plain_text(records_text(mount, "server"));
    g_autofree char *point = plain_text(records_text(mount, "mountpoint"));
    g_autofree char *age = units_duration(records_number(mount, "seconds", 0));
    gboolean down = g_strcmp0(records_text(mount, "state"), "down") == 0;
    g_string_append_printf(page, "%s%s%s on %s\n", in(style, BOLD), server, in(style, RESET),
                           point);
    g_string_append_printf(page, "  %s%s%s, mounted for %s, process %" G_GINT64_FORMAT "\n",
                           in(style, down ? RED : GREEN), down ? "out of reach" : "connected",
                           in(style, RESET), age, records_number(mount, "pid", 0));
    g_autofree char *reason = plain_text(records_text(mount, "reason"));
    if (*reason != '\0')
        g_string_append_printf(page, "  %s\n", reason);
    g_autofree char *tls = plain_text(records_text(mount, "tls"));
    if (*tls != '\0')
        g_string_append_printf(page, "  %s\n", tls);
}

static void append_session(GString *page, const StatusStyle *style, const Record *session)
{
    g_autofree char *doing = fit(records_text(session, "doing"), room(style, 14));
    g_autofree char *age = units_duration(records_number(session, "seconds", 0));
    gboolean idle = records_text(session, "command") == NULL;
    g_string_append_printf(page, "  %3" G_GINT64_FORMAT "  %6s  %s%s%s\n",
                           records_number(session, "number", 0), idle ? "" : age,
                           in(style, idle ? DIM : ""), doing, in(style, idle ? RESET : ""));
}

static void append_sessions(GString *page, const StatusStyle *style, const Records *status)
{
    const Record *mount = records_get(status, "mount", 0);
    guint count = records_count(status, "session");
    g_autofree char *title = g_strdup_printf("Sessions (%u of at most %" G_GINT64_FORMAT ")", count,
                                             records_number(mount, "connections_allowed", 0));
    heading(page, style, title);
    for (guint i = 0; i < count; i++)
        append_session(page, style, records_get(status, "session", i));
    gint64 opening = records_number(mount, "connecting", 0);
    gint64 waiting = records_number(mount, "waiting", 0);
    if (opening > 0)
        g_string_append_printf(page, "  %" G_GINT64_FORMAT " more being opened\n", opening);
    if (waiting > 0)
        g_string_append_printf(page, "  %" G_GINT64_FORMAT " operations wait for one\n", waiting);
}

static void append_transfer(GString *page, const StatusStyle *style, const Record *transfer)
{
    gint64 done = records_number(transfer, "done", 0);
    gint64 total = records_number(transfer, "total", 0);
    gint64 left = records_number(transfer, "seconds_left", -1);
    gint64 connections = records_number(transfer, "connections", 1);
    g_autofree char *path = fit(records_text(transfer, "path"), room(style, 32));
    g_autofree char *so_far = units_size(done);
    g_autofree char *all = units_size(total);
    g_autofree char *speed = units_size(records_number(transfer, "rate", 0));
    g_string_append_printf(page, "  %s %s", records_text(transfer, "direction"), path);
    if (connections > 1)
        g_string_append_printf(page, " (%" G_GINT64_FORMAT " connections)", connections);
    g_string_append(page, "\n    ");
    if (total > 0) {
        append_bar(page, style, done, total);
        g_string_append_printf(page, "  %s of %s  %s/s", so_far, all, speed);
    } else {
        g_string_append_printf(page, "%s so far  %s/s", so_far, speed);
    }
    if (left >= 0) {
        g_autofree char *time = units_duration(left);
        g_string_append_printf(page, "  %s left", time);
    }
    g_string_append_c(page, '\n');
}

static void append_transfers(GString *page, const StatusStyle *style, const Records *status)
{
    guint count = records_count(status, "transfer");
    heading(page, style, "Transfers");
    if (count == 0)
        g_string_append(page, "  none\n");
    for (guint i = 0; i < count; i++)
        append_transfer(page, style, records_get(status, "transfer", i));
}

static void append_upload(GString *page, const StatusStyle *style, const Record *upload)
{
    g_autofree char *path = fit(records_text(upload, "path"), room(style, 40));
    g_autofree char *sent = units_size(records_number(upload, "sent", 0));
    g_autofree char *total = units_size(records_number(upload, "total", 0));
    g_autofree char *failure = plain_text(records_text(upload, "failure"));
    g_string_append_printf(page, "  %-8s %s  %s of %s\n", records_text(upload, "state"), path, sent,
                           total);
    if (*failure != '\0')
        g_string_append_printf(page, "           %s%s%s\n", in(style, RED), failure,
                               in(style, RESET));
}

/* Of all uploads that are pending. */
static gint64 bytes_left(const Records *status)
{
    gint64 left = 0;
    for (guint i = 0; i < records_count(status, "upload"); i++) {
        const Record *upload = records_get(status, "upload", i);
        left += records_number(upload, "total", 0) - records_number(upload, "sent", 0);
    }
    return left;
}

static void append_uploads(GString *page, const StatusStyle *style, const Records *status)
{
    guint count = records_count(status, "upload");
    g_autofree char *left = units_size(bytes_left(status));
    g_autofree char *title = g_strdup_printf("Not on the server yet (%u %s, %s to go)", count,
                                             count == 1 ? "file" : "files", left);
    heading(page, style, count > 0 ? title : "Not on the server yet");
    if (count == 0)
        g_string_append(page, "  nothing\n");
    for (guint i = 0; i < MIN(count, ROWS_MAX); i++)
        append_upload(page, style, records_get(status, "upload", i));
    if (count > ROWS_MAX)
        g_string_append_printf(page, "  and %u more\n", count - ROWS_MAX);
}

static void append_use(GString *page, const char *label, gint64 used, gint64 size)
{
    g_autofree char *have = units_size(used);
    g_autofree char *all = units_size(size);
    g_autofree char *text =
        g_strdup_printf("%s of %s (%u%%)", have, all, units_percent(used, size));
    labelled(page, label, text);
}

static void append_hits(GString *text, const Record *savings, const char *field, const char *what)
{
    gint64 percent = records_number(savings, field, -1);
    if (percent >= 0)
        g_string_append_printf(text, "%s%s %" G_GINT64_FORMAT "%%", text->len > 0 ? ", " : "", what,
                               percent);
}

static void append_cache(GString *page, const StatusStyle *style, const Records *status)
{
    const Record *cache = records_get(status, "cache", 0);
    const Record *savings = records_get(status, "savings", 0);
    heading(page, style, "Cache");
    append_use(page, "memory", records_number(cache, "memory_used", 0),
               records_number(cache, "memory_size", 0));
    if (records_number(cache, "disk_size", 0) > 0)
        append_use(page, "disk", records_number(cache, "disk_used", 0),
                   records_number(cache, "disk_size", 0));
    g_autoptr(GString) hits = g_string_new(NULL);
    append_hits(hits, savings, "names_hit_percent", "names");
    append_hits(hits, savings, "listings_hit_percent", "listings");
    append_hits(hits, savings, "content_hit_percent", "content");
    labelled(page, "answered", hits->len > 0 ? hits->str : "nothing was asked for yet");
    g_autofree char *trips = g_strdup_printf(
        "%" G_GINT64_FORMAT " waited for, about %" G_GINT64_FORMAT " saved",
        records_number(savings, "round_trips", 0), records_number(savings, "round_trips_saved", 0));
    labelled(page, "round trips", trips);
}

/* Breaks `text` at spaces where a terminal would break it anywhere; what follows is indented. */
static void append_wrapped(GString *page, const StatusStyle *style, const char *text, guint indent)
{
    guint column = indent;
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (guint i = 0; words[i] != NULL; i++) {
        guint length = (guint)g_utf8_strlen(words[i], -1);
        if (i > 0 && style->terminal && column + 1 + length > style->width) {
            g_string_append_printf(page, "\n%*s", (int)indent, "");
            column = indent;
        } else if (i > 0) {
            g_string_append_c(page, ' ');
            column++;
        }
        g_string_append(page, words[i]);
        column += length;
    }
    g_string_append_c(page, '\n');
}

static void append_error(GString *page, const StatusStyle *style, const Record *error)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(records_number(error, "time", 0));
    g_autofree char *clock = g_date_time_format(time, "%H:%M:%S");
    g_autofree char *message = plain_text(records_text(error, "message"));
    g_autofree char *path = plain_text(records_text(error, "path"));
    gboolean named = *path == '\0' || strstr(message, path) != NULL;
    gint64 times = records_number(error, "times", 1);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%s%s%s", named ? "" : path, named ? "" : ": ", message);
    if (times > 1)
        g_string_append_printf(text, " (%" G_GINT64_FORMAT " times)", times);
    g_string_append_printf(page, "  %s  ", clock);
    append_wrapped(page, style, text->str, CLOCK_COLUMNS);
}

static void append_errors(GString *page, const StatusStyle *style, const Records *status)
{
    guint count = records_count(status, "error");
    heading(page, style, "Last errors");
    if (count == 0)
        g_string_append(page, "  none\n");
    for (guint i = 0; i < count; i++)
        append_error(page, style, records_get(status, "error", i));
}

char *status_page(const Records *status, const StatusStyle *style)
{
    GString *page = g_string_new(NULL);
    append_server(page, style, status);
    append_sessions(page, style, status);
    append_transfers(page, style, status);
    append_uploads(page, style, status);
    append_cache(page, style, status);
    append_errors(page, style, status);
    return g_string_free(page, FALSE);
}

char *status_upload_line(const Records *status, const StatusStyle *style, StatusWork *work)
{
    guint count = records_count(status, "upload");
    gint64 left = bytes_left(status);
    if (count == 0)
        return NULL;
    /* What has arrived is in the list no more, and still belongs to the whole. */
    work->all += MAX(left - work->left, 0);
    work->left = left;
    g_autofree char *have = units_size(work->all - left);
    g_autofree char *all = units_size(work->all);
    GString *line = g_string_new(NULL);
    append_bar(line, style, work->all - left, work->all);
    g_string_append_printf(line, "  %s of %s, %u %s to go", have, all, count,
                           count == 1 ? "file" : "files");
    return g_string_free(line, FALSE);
}

/* ---- JSON ---- */

static void add_object(JsonWriter *json, const char *key, const Record *record)
{
    json_begin_object(json, key);
    records_record_to_json(record, json);
    json_end_object(json);
}

static void add_array(JsonWriter *json, const char *key, const Records *status, const char *kind)
{
    json_begin_array(json, key);
    for (guint i = 0; i < records_count(status, kind); i++)
        add_object(json, NULL, records_get(status, kind, i));
    json_end_array(json);
}

char *status_json(const Records *status)
{
    static const char *const arrays[][2] = {{"sessions", "session"},
                                            {"transfers", "transfer"},
                                            {"uploads", "upload"},
                                            {"errors", "error"}};
    static const char *const objects[] = {"mount", "cache", "savings", "counters"};
    GString *out = g_string_new(NULL);
    JsonWriter json;
    json_init(&json, out);
    json_begin_object(&json, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(objects); i++)
        add_object(&json, objects[i], records_get(status, objects[i], 0));
    for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++)
        add_array(&json, arrays[i][0], status, arrays[i][1]);
    json_end_object(&json);
    json_finish(&json);
    return g_string_free(out, FALSE);
}
