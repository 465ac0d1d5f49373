/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/probe.h"
#include "ftp/pool/session_open.h"

#include "ftp/session/session_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "probe_private.h"

#define NOOPS     3
#define QUIT_S    2
#define SMALL_MAX (64 * 1024)

/* ---- what the server says ---- */

static gboolean tell_reply(const Probe *probe, Session *session, const char *verb, const char *kind,
                           const char *field, GError **error)
{
    g_autoptr(Reply) reply = session_command(session, verb, NULL, probe->cancel, error);
    if (reply == NULL)
        return FALSE;
    if (!reply_is(reply, 2))
        return TRUE;
    /* FEAT's first and last line are no features (RFC 2389 section 3.2). */
    gboolean feat = g_str_equal(verb, "FEAT");
    for (guint i = feat ? 1 : 0; i + (feat ? 1 : 0) < reply->lines->len; i++) {
        g_autofree char *line = g_strstrip(g_strdup(reply->lines->pdata[i]));
        records_begin(probe->out, kind);
        records_add_text(probe->out, field, line);
    }
    return TRUE;
}

/* The shortest of a few exchanges, in microseconds; -1: none was had. */
static gint64 measure_round_trip(const Probe *probe, Session *session)
{
    gint64 best = -1;
    for (guint i = 0; i < NOOPS; i++) {
        gint64 began = g_get_monotonic_time();
        g_autoptr(Reply) reply = session_command(session, "NOOP", NULL, probe->cancel, NULL);
        gint64 took = g_get_monotonic_time() - began;
        if (reply == NULL)
            return -1;
        best = best < 0 ? took : MIN(best, took);
    }
    return best;
}

typedef struct {
    const Probe *probe;
    gint64 login_us;
} AskArgs;

static gboolean try_ask(const RemoteTry *try, gpointer data, GError **error)
{
    const AskArgs *args = data;
    const Probe *probe = args->probe;
    if (!try->repeated) {
        records_begin(probe->out, "login");
        records_add_text(probe->out, "user", try->remote->options.user);
        records_add_number(probe->out, "login_us", args->login_us);
        records_add_text(probe->out, "notice", try->session->notice);
        records_add_number(probe->out, "round_trip_us", measure_round_trip(probe, try->session));
    }
    return tell_reply(probe, try->session, "SYST", "system", "text", error) &&
           tell_reply(probe, try->session, "FEAT", "feat", "line", error);
}

static gboolean get_directory(const RemoteTry *try, gpointer data, GError **error)
{
    (void)error;
    *(char **)data = g_strdup(session_login_directory(try->session));
    return TRUE;
}

/* ---- the start directory ---- */

typedef struct {
    gint64 entries, files;
    char *small; /* the name of the smallest file that has something in it */
    guint64 small_size;
} Listed;

static gboolean count_entry(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)error;
    Listed *listed = data;
    listed->entries++;
    if (entry->type != REMOTE_TYPE_FILE)
        return TRUE;
    listed->files++;
    if (!(entry->has & REMOTE_HAS_SIZE) || entry->size == 0 || entry->size > SMALL_MAX ||
        (listed->small != NULL && entry->size >= listed->small_size))
        return TRUE;
    g_free(listed->small);
    listed->small = g_strdup(entry->name->str);
    listed->small_size = entry->size;
    return TRUE;
}

static void count_again(gpointer data)
{
    Listed *listed = data;
    g_free(listed->small);
    *listed = (Listed){0};
}

static gboolean tell_directory(Probe *probe, GError **error)
{
    Remote *remote = probe->remote;
    Listed listed = {0};
    g_autofree char *login = NULL;
    if (!remote_run(remote, FALSE, get_directory, &login, probe->cancel, error))
        return FALSE;
    gboolean good = remote_list(remote, remote_root(remote), count_entry, count_again, &listed,
                                probe->cancel, error);
    g_autofree char *small = listed.small;
    gboolean mlsd = remote_can(remote, REMOTE_CAN_MLST);
    records_begin(probe->out, "directory");
    records_add_text(probe->out, "login", login);
    records_add_text(probe->out, "start", remote_root(remote));
    if (!good)
        return FALSE;
    records_add_text(probe->out, "kind", mlsd ? "MLSD" : "LIST");
    if (!mlsd)
        records_add_text(probe->out, "dialect",
                         listing_dialect_name((ListingDialect)g_atomic_int_get(&remote->dialect)));
    records_add_number(probe->out, "entries", listed.entries);
    records_add_number(probe->out, "files", listed.files);
    if (small != NULL) {
        probe->small = g_build_filename(remote_root(remote), small, NULL);
        probe->small_size = listed.small_size;
    }
    return TRUE;
}

/* `ahead`: of the server's clock, G_MININT64 where it was not seen. */
static void tell_clock(const Probe *probe, gint64 ahead)
{
    Remote *remote = probe->remote;
    gint64 learned = server_clock_ahead(remote->clock);
    records_begin(probe->out, "clock");
    if (!remote_can(remote, REMOTE_CAN_MLST) && server_clock_knows_zone(remote->clock) &&
        server_clock_zone(remote->clock) == NULL)
        records_add_number(probe->out, "zone_s", server_clock_offset(remote->clock));
    if (ahead != G_MININT64 || learned != 0)
        records_add_number(probe->out, "ahead_s", ahead != G_MININT64 ? ahead : learned);
}

/* ---- sessions ---- */

static void end_sessions(GPtrArray *sessions)
{
    for (guint i = 0; i < sessions->len; i++)
        session_quit_begin(sessions->pdata[i]);
    gint64 deadline = deadline_in(QUIT_S);
    for (guint i = 0; i < sessions->len; i++)
        session_quit_end(sessions->pdata[i], deadline);
}

/* As many as a mount would open, besides the one that is there. */
static void try_sessions(const Probe *probe, guint wanted)
{
    g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func((GDestroyNotify)session_free);
    g_autoptr(GError) refusal = NULL;
    while (others->len + 1 < wanted && refusal == NULL) {
        Session *session = session_open(&probe->remote->context, FALSE, probe->cancel, &refusal);
        if (session != NULL)
            g_ptr_array_add(others, session);
    }
    records_begin(probe->out, "sessions");
    records_add_number(probe->out, "wanted", wanted);
    records_add_number(probe->out, "got", others->len + 1);
    if (refusal != NULL)
        records_add_text(probe->out, "refusal", refusal->message);
    end_sessions(others);
}

/* ---- data connections ---- */

static void tell_data(Records *out, const char *version, const Stats *stats)
{
    records_begin(out, "data");
    records_add_text(out, "version", version);
    records_add_number(out, "connections", STATS_GET(stats, data_connections));
    records_add_number(out, "resumed", STATS_GET(stats, data_resumed));
}

static gboolean get_version(const RemoteTry *try, gpointer data, GError **error)
{
    (void)error;
    ChannelFacts facts;
    channel_facts(session_channel(try->session), &facts);
    *(const char **)data = g_str_has_suffix(facts.version, "1.3") ? "1.3" : "1.2";
    return TRUE;
}

static gboolean pass_over(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)entry;
    (void)data;
    (void)error;
    return TRUE;
}

/* The version that the server would not choose by itself. */
static void try_other_version(const RemoteOptions *options, const char *version, Trust *trust,
                              GCancellable *cancel, Records *out)
{
    Stats stats = {0};
    g_autoptr(Remote) remote = remote_new(options, trust, &stats, cancel, NULL);
    if (remote != NULL &&
        remote_list(remote, remote_root(remote), pass_over, NULL, NULL, cancel, NULL))
        tell_data(out, version, &stats);
}

/* ---- the whole ---- */

static void tell_capabilities(const Probe *probe)
{
    static const char *const words[] = {
        [FEATURE_UNKNOWN] = "unknown", [FEATURE_YES] = "yes", [FEATURE_NO] = "no"};
    for (guint i = 0; i < FEATURE_COUNT; i++) {
        records_begin(probe->out, "capability");
        records_add_text(probe->out, "name", features_name(i));
        records_add_text(probe->out, "state",
                         words[features_get(probe->remote->context.features, i)]);
        records_add_text(probe->out, "use", features_describe(i));
    }
}

static void not_written(const Probe *probe, const char *reason)
{
    records_begin(probe->out, "write");
    records_add_flag(probe->out, "tried", FALSE);
    records_add_text(probe->out, "reason", reason);
}

static gboolean ask_all(Probe *probe, gint64 login_us, guint sessions, gboolean write,
                        const char **version, GError **error)
{
    AskArgs ask = {.probe = probe, .login_us = login_us};
    if (!remote_run(probe->remote, FALSE, try_ask, &ask, probe->cancel, error) ||
        !tell_directory(probe, error))
        return FALSE;
    gint64 ahead = G_MININT64;
    gboolean written = write && probe_try_writing(probe, &ahead);
    if (!write)
        not_written(probe, "-o ro");
    if (!written && probe->small != NULL)
        probe_try_reading(probe, probe->small, probe->small_size);
    if (!remote_run(probe->remote, FALSE, get_version, version, probe->cancel, error))
        return FALSE;
    tell_clock(probe, ahead);
    tell_data(probe->out, *version, probe->stats);
    try_sessions(probe, sessions);
    tell_capabilities(probe);
    return TRUE;
}

gboolean probe_login(const RemoteOptions *options, const ProbeTrust *trust, gboolean write,
                     GCancellable *cancel, Records *out, GError **error)
{
    Stats stats = {0};
    RemoteOptions one = *options;
    one.connections = 1;
    gint64 began = g_get_monotonic_time();
    g_autoptr(Remote) remote = remote_new(&one, trust->any, &stats, cancel, error);
    if (remote == NULL)
        return FALSE;
    Probe probe = {.remote = remote, .stats = &stats, .cancel = cancel, .out = out};
    const char *version = "1.3";
    gboolean good = ask_all(&probe, g_get_monotonic_time() - began, options->connections, write,
                            &version, error);
    g_free(probe.small);
    /* A server that allows one session alone gets the next one when this has ended. */
    g_clear_pointer(&remote, remote_free);
    if (!good)
        return FALSE;
    gboolean has13 = g_str_equal(version, "1.3");
    Trust *other = has13 ? trust->tls12 : trust->tls13;
    if (other != NULL)
        try_other_version(&one, has13 ? "1.2" : "1.3", other, cancel, out);
    return !g_cancellable_set_error_if_cancelled(cancel, error);
}
