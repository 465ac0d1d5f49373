/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can only be found out by writing. All files are the probe's own, have names that mounts
 * take for old temporaries and remove (".ftpsfs-probe-"), and are gone when it ends: the removal is
 * not cancelled with the rest.
 */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "probe_private.h"

#define CONTENT "ftpsfs --probe made this file and removes it.\n"
#define OTHER   "another\n"
#define READS   3
#define TIME    1000000000 /* some second in 2001, to be set */

typedef struct {
    char *one, *two, *scratch;
} Names;

static void names_clear(Names *names)
{
    g_free(names->one);
    g_free(names->two);
    g_free(names->scratch);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Names, names_clear)

/* "/dir/.ftpsfs-probe-0123abcd" */
static char *new_name(const char *directory)
{
    return g_strdup_printf("%s%s.ftpsfs-probe-%08x", directory,
                           g_str_has_suffix(directory, "/") ? "" : "/", g_random_int());
}

static gboolean store(const Probe *probe, const char *path, const char *text, GError **error)
{
    g_autoptr(RemoteStream) stream =
        remote_store_open(probe->remote, path, REMOTE_STORE_NEW, 0, probe->cancel, error);
    return stream != NULL &&
           remote_stream_write(stream, text, strlen(text), probe->cancel, error) &&
           remote_stream_finish(g_steal_pointer(&stream), probe->cancel, error);
}

/* Up to length - 1 bytes of a file's beginning, read to the end of it. */
static gboolean read_all(const Probe *probe, const char *path, guint64 size, char *buffer,
                         gsize length, GError **error)
{
    g_autoptr(RemoteStream) stream =
        remote_stream_open(probe->remote, path, 0, size, probe->cancel, error);
    gsize done = 0;
    char scrap[4096];
    while (stream != NULL) {
        gssize got = remote_stream_read(stream, scrap, sizeof scrap, probe->cancel, error);
        if (got < 0)
            return FALSE;
        if (got == 0)
            break;
        gsize kept = MIN((gsize)got, length - 1 - done);
        memcpy(buffer + done, scrap, kept);
        done += kept;
    }
    buffer[done] = '\0';
    return stream != NULL;
}

static gint64 now_s(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

/* By how much the server's clock is ahead, from the time of a file that was written between
 * `before` and `after`; servers tell whole seconds. */
static gint64 compare_clock(gint64 told, gint64 before, gint64 after)
{
    if (told < before - 1)
        return told - before;
    return told > after + 1 ? told - after : 0;
}

static gboolean remove_file(const Probe *probe, const char *path)
{
    g_autoptr(GError) failure = NULL;
    return remote_unlink(probe->remote, path, NULL, &failure) ||
           ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND);
}

/* The files that may be there; those that stay are told. */
static void clean_up(const Probe *probe, const Names *names)
{
    const char *all[] = {names->one, names->two, names->scratch};
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        if (remove_file(probe, all[i]))
            continue;
        records_begin(probe->out, "left");
        records_add_text(probe->out, "path", all[i]);
    }
}

static const char *state_word(FeatureState state)
{
    return state == FEATURE_YES ? "yes" : state == FEATURE_NO ? "no" : "unknown";
}

/* What a failure says of what was tried. */
static const char *verdict_of(const GError *failure)
{
    return ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
                   ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)
               ? "unknown"
               : "no";
}

/* Whether `one`, which has CONTENT, takes the place of `two`. Mounts rely on the content. */
static void try_rename(const Probe *probe, const Names *names)
{
    char found[sizeof CONTENT + 1] = "";
    g_autoptr(GError) failure = NULL;
    const char *verdict = "yes";
    if (!store(probe, names->two, OTHER, &failure))
        verdict = "unknown";
    else if (!remote_rename(probe->remote, names->one, names->two, probe->cancel, &failure))
        verdict = verdict_of(failure);
    else if (!read_all(probe, names->two, strlen(CONTENT), found, sizeof found, &failure))
        verdict = "unknown";
    else if (!g_str_equal(found, CONTENT))
        verdict = "no";
    records_add_text(probe->out, "rename", verdict);
    if (failure != NULL)
        records_add_text(probe->out, "rename_failure", failure->message);
}

/* Learns which commands set the time and the mode, for the table of capabilities. */
static void try_attributes(const Probe *probe, const char *path)
{
    g_autoptr(GError) failure = NULL;
    const char *verdict = "yes";
    if (!remote_set_attributes(probe->remote, path, G_MAXUINT32, TIME, probe->cancel, &failure))
        verdict = verdict_of(failure);
    records_add_text(probe->out, "set_time", verdict);
    g_clear_error(&failure);
    verdict = "yes";
    if (!remote_set_attributes(probe->remote, path, 0600, G_MININT64, probe->cancel, &failure))
        verdict = verdict_of(failure);
    records_add_text(probe->out, "set_mode", verdict);
}

/* An exchange that gives the next data connection time to be made. */
static gboolean idle_once(const RemoteTry *try, gpointer data, GError **error)
{
    (void)data;
    g_autoptr(Reply) reply = session_command(try->session, "NOOP", NULL, try->cancel, error);
    return reply != NULL;
}

void probe_try_reading(const Probe *probe, const char *path, guint64 size)
{
    gint64 best = G_MAXINT64;
    gint64 fastest = G_MAXINT64;
    g_autoptr(GError) failure = NULL;
    for (guint i = 0; i < READS && failure == NULL; i++) {
        char scrap[2];
        /* Two: for the reply to EPSV, and the connection to the port. */
        for (guint n = 0; n < 2 && failure == NULL; n++)
            remote_run(probe->remote, FALSE, idle_once, NULL, probe->cancel, &failure);
        gint64 trips = STATS_GET(probe->stats, round_trips);
        gint64 began = g_get_monotonic_time();
        if (failure != NULL || !read_all(probe, path, size, scrap, sizeof scrap, &failure))
            break;
        best = MIN(best, STATS_GET(probe->stats, round_trips) - trips);
        fastest = MIN(fastest, g_get_monotonic_time() - began);
    }
    records_begin(probe->out, "read");
    if (failure != NULL) {
        records_add_text(probe->out, "reason", failure->message);
        return;
    }
    records_add_number(probe->out, "size", (gint64)size);
    records_add_number(probe->out, "round_trips", best);
    records_add_number(probe->out, "duration_us", fastest);
}

gboolean probe_try_writing(const Probe *probe, gint64 *ahead)
{
    const char *start = remote_root(probe->remote);
    g_auto(Names) names = {new_name(start), new_name(start), new_name(start)};
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autoptr(GError) failure = NULL;
    *ahead = G_MININT64;
    gint64 before = now_s();
    gboolean stored = store(probe, names.one, CONTENT, &failure);
    gint64 after = now_s();
    if (stored && remote_stat_exact(probe->remote, names.one, entry, probe->cancel, NULL) &&
        (entry->has & REMOTE_HAS_MTIME) != 0 && entry->time_precision == REMOTE_TIME_SECOND)
        *ahead = compare_clock(entry->mtime, before, after);
    if (stored)
        probe_try_reading(probe, names.one, strlen(CONTENT));
    records_begin(probe->out, "write");
    records_add_flag(probe->out, "tried", stored);
    if (stored) {
        gboolean in_place = remote_probe_rest_stor(probe->remote, names.scratch, probe->cancel);
        FeatureState state = features_get(probe->remote->context.features, FEATURE_REST_STOR);
        records_add_text(probe->out, "restart", in_place ? "yes" : state_word(state));
        try_attributes(probe, names.one);
        try_rename(probe, &names);
    } else {
        records_add_text(probe->out, "reason", failure->message);
    }
    clean_up(probe, &names);
    return stored;
}
