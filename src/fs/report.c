/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <unistd.h>

#include "ftpsfs/cache/files_snapshot.h"
#include "ftpsfs/ftp/remote_snapshot.h"
#include "ftpsfs/util/log.h"
#include "ftpsfs/util/units.h"

/* What an exchange costs a client that does one thing after the other and remembers nothing: EPSV,
 * connect, the command, the handshake, the data, the final reply. */
#define TRIPS_TRANSFER 6

/* And its login: connect, handshake, greeting, USER, PASS, PBSZ, PROT, TYPE. */
#define TRIPS_LOGIN 8

/* A transfer younger than this has no rate yet. */
#define RATE_MIN_US (50 * 1000)

static gint64 rate_of(guint64 bytes, gint64 since)
{
    gint64 age = g_get_monotonic_time() - since;
    return age < RATE_MIN_US ? 0 : (gint64)((double)bytes * G_USEC_PER_SEC / (double)age);
}

static void add_mount(const ControlSubject *subject, const RemoteSnapshot *remote,
                      const char *mountpoint, gint64 started, Records *records)
{
    records_begin(records, "mount");
    records_add_text(records, "mountpoint", mountpoint);
    records_add_text(records, "server", subject->server);
    records_add_number(records, "pid", getpid());
    records_add_number(records, "since", started / G_USEC_PER_SEC);
    records_add_number(records, "seconds", (g_get_real_time() - started) / G_USEC_PER_SEC);
    records_add_text(records, "state", remote->down != NULL ? "down" : "up");
    records_add_text(records, "reason", remote->down);
    if (remote->sessions->len > 0)
        records_add_text(records, "tls",
                         ((SessionSnapshot *)g_ptr_array_index(remote->sessions, 0))->tls);
    records_add_number(records, "connections", subject->connections);
    records_add_number(records, "connections_allowed", remote->ceiling);
    records_add_number(records, "connecting", remote->opening);
    records_add_number(records, "waiting", remote->waiting);
}

/* "idle", "MLST /path", "RETR /path 45%". For g_free. */
static char *describe(const SessionSnapshot *session)
{
    if (session->idle)
        return g_strdup("idle");
    if (session->verb == NULL)
        return g_strdup("in use");
    g_autoptr(GString) text = g_string_new(session->verb);
    if (session->path != NULL)
        g_string_append_printf(text, " %s", session->path);
    if (session->transfer && session->total > 0)
        g_string_append_printf(text, " %u%%",
                               units_percent((gint64)session->position, (gint64)session->total));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void add_sessions(const RemoteSnapshot *remote, Records *records)
{
    for (guint i = 0; i < remote->sessions->len; i++) {
        const SessionSnapshot *session = g_ptr_array_index(remote->sessions, i);
        g_autofree char *doing = describe(session);
        records_begin(records, "session");
        records_add_number(records, "number", session->number);
        records_add_text(records, "doing", doing);
        if (session->idle)
            continue;
        records_add_text(records, "command", session->verb);
        records_add_text(records, "path", session->path);
        records_add_number(records, "seconds",
                           (g_get_monotonic_time() - session->since) / G_USEC_PER_SEC);
    }
}

/* Several connections may work on later parts of one file: one transfer. */
typedef struct {
    const SessionSnapshot *first;
    guint64 position; /* what is there without a gap */
    gint64 rate;
    guint connections;
} Transfer;

static const char *direction_of(const SessionSnapshot *session)
{
    if (g_str_equal(session->verb, "RETR"))
        return "download";
    if (g_str_equal(session->verb, "STOR") || g_str_equal(session->verb, "APPE"))
        return "upload";
    return "listing";
}

static void join(GArray *transfers, const SessionSnapshot *session)
{
    gint64 rate = rate_of(session->moved, session->since);
    for (guint i = 0; i < transfers->len; i++) {
        Transfer *transfer = &g_array_index(transfers, Transfer, i);
        if (g_strcmp0(transfer->first->path, session->path) != 0 ||
            !g_str_equal(transfer->first->verb, session->verb))
            continue;
        transfer->position = MIN(transfer->position, session->position);
        transfer->rate += rate;
        transfer->connections++;
        return;
    }
    Transfer transfer = {
        .first = session, .position = session->position, .rate = rate, .connections = 1};
    g_array_append_val(transfers, transfer);
}

static void add_transfer(const Transfer *transfer, Records *records)
{
    const SessionSnapshot *session = transfer->first;
    gint64 done = (gint64)transfer->position;
    gint64 total = (gint64)session->total;
    gint64 left = units_left(done, total, transfer->rate);
    records_begin(records, "transfer");
    records_add_text(records, "direction", direction_of(session));
    records_add_text(records, "path", session->path);
    records_add_number(records, "done", done);
    if (total > 0) {
        records_add_number(records, "total", total);
        records_add_number(records, "percent", units_percent(done, total));
    }
    records_add_number(records, "rate", transfer->rate);
    if (left >= 0)
        records_add_number(records, "seconds_left", left);
    records_add_number(records, "connections", transfer->connections);
}

static void add_transfers(const RemoteSnapshot *remote, Records *records)
{
    g_autoptr(GArray) transfers = g_array_new(FALSE, FALSE, sizeof(Transfer));
    for (guint i = 0; i < remote->sessions->len; i++) {
        const SessionSnapshot *session = g_ptr_array_index(remote->sessions, i);
        if (!session->idle && session->transfer && session->verb != NULL)
            join(transfers, session);
    }
    for (guint i = 0; i < transfers->len; i++)
        add_transfer(&g_array_index(transfers, Transfer, i), records);
}

static void add_uploads(const FilesSnapshot *files, Records *records)
{
    static const char *const states[] = {"open", "sending", "waiting", "failed"};
    for (guint i = 0; i < files->uploads->len; i++) {
        const UploadSnapshot *upload = g_ptr_array_index(files->uploads, i);
        records_begin(records, "upload");
        records_add_text(records, "path", upload->path);
        records_add_text(records, "state", states[upload->state]);
        records_add_number(records, "sent", (gint64)upload->sent);
        records_add_number(records, "total", (gint64)upload->total);
        records_add_text(records, "failure", upload->failure);
    }
}

static void add_cache(const FilesSnapshot *files, Records *records)
{
    records_begin(records, "cache");
    records_add_number(records, "memory_used", (gint64)files->memory_used);
    records_add_number(records, "memory_size", (gint64)files->memory_size);
    if (files->has_disk) {
        if (files->disk_used != G_MAXUINT64)
            records_add_number(records, "disk_used", (gint64)files->disk_used);
        records_add_number(records, "disk_size", (gint64)files->disk_size);
    }
    records_add_number(records, "names", files->nodes);
    records_add_number(records, "open_files", files->open);
}

static void add_rate(Records *records, const char *name, gint64 hits, gint64 all)
{
    if (all > 0)
        records_add_number(records, name, hits * 100 / all);
}

static void add_savings(const Stats *stats, Records *records)
{
    gint64 names = STATS_GET(stats, entry_requests);
    gint64 lists = STATS_GET(stats, list_requests);
    gint64 hits = STATS_GET(stats, chunk_hits);
    gint64 transfers = STATS_GET(stats, file_reads) + STATS_GET(stats, stores) + lists;
    gint64 plain = TRIPS_LOGIN + TRIPS_TRANSFER * transfers + names;
    gint64 made = STATS_GET(stats, round_trips);
    records_begin(records, "savings");
    records_add_number(records, "round_trips", made);
    records_add_number(records, "round_trips_without", plain);
    records_add_number(records, "round_trips_saved", MAX(plain - made, 0));
    add_rate(records, "names_hit_percent", STATS_GET(stats, entry_hits), names);
    add_rate(records, "listings_hit_percent", STATS_GET(stats, list_hits), lists);
    add_rate(records, "content_hit_percent", hits, hits + STATS_GET(stats, chunk_misses));
}

static void add_counters(const Stats *stats, Records *records)
{
    records_begin(records, "counters");
#define ADD(name, text) records_add_number(records, #name, STATS_GET(stats, name));
    STATS_COUNTERS(ADD)
#undef ADD
}

static void add_errors(Records *records)
{
    g_autoptr(GPtrArray) recent = log_recent();
    for (guint i = 0; i < recent->len; i++) {
        const LogRecent *entry = g_ptr_array_index(recent, i);
        records_begin(records, "error");
        records_add_number(records, "time", entry->time / G_USEC_PER_SEC);
        records_add_text(records, "path", entry->path);
        records_add_text(records, "code", entry->code);
        records_add_text(records, "message", entry->message);
        records_add_number(records, "times", entry->times);
    }
}

void report_gather(const ControlSubject *subject, const char *mountpoint, gint64 started,
                   Records *records)
{
    if (subject->remote != NULL) {
        g_autoptr(RemoteSnapshot) remote = remote_snapshot(subject->remote);
        add_mount(subject, remote, mountpoint, started, records);
        add_sessions(remote, records);
        add_transfers(remote, records);
    }
    if (subject->files != NULL) {
        g_autoptr(FilesSnapshot) files = files_snapshot(subject->files);
        add_uploads(files, records);
        add_cache(files, records);
    }
    add_savings(subject->stats, records);
    add_counters(subject->stats, records);
    add_errors(records);
}
