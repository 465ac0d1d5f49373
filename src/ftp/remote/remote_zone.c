/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Learning in which zone LIST tells times, and how the server's clock goes where it is far from
 * ours: some files of a listing are asked for by MDTM, which tells UTC and the year.
 */
#include <string.h>

#include "ftp/listing/server_clock.h"
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

#define SAMPLES 3
#define DAY_S   86400
#define SLACK_S 61 /* a listed minute is up to a minute before the exact time */

typedef struct {
    char *name;
    gint64 listed; /* by the listing, taken for UTC */
    gint64 exact;  /* by MDTM; 0: not told */
} Sample;

/* The two newest by the listing, and the oldest: what is listed without a year and seems old may be
 * from the future. */
typedef struct {
    Sample samples[SAMPLES];
    guint count;
} Samples;

static void samples_clear(Samples *samples)
{
    for (guint i = 0; i < samples->count; i++)
        g_free(samples->samples[i].name);
    samples->count = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Samples, samples_clear)

static gboolean take_sample(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)error;
    Samples *samples = data;
    if (entry->type != REMOTE_TYPE_FILE || !(entry->has & REMOTE_HAS_MTIME) ||
        entry->time_precision == REMOTE_TIME_DAY)
        return TRUE;
    /* In the order of time, the newest first; of four the third goes. */
    guint at = 0;
    while (at < samples->count && samples->samples[at].listed >= entry->mtime)
        at++;
    Sample all[SAMPLES + 1];
    guint count = samples->count + 1;
    for (guint i = 0; i < count; i++)
        all[i] = i == at ? (Sample){.name = g_strdup(entry->name->str), .listed = entry->mtime}
                         : samples->samples[i < at ? i : i - 1];
    if (count > SAMPLES) {
        g_free(all[SAMPLES - 1].name);
        all[SAMPLES - 1] = all[SAMPLES];
        count = SAMPLES;
    }
    memcpy(samples->samples, all, count * sizeof *all);
    samples->count = count;
    return TRUE;
}

/* The listed times of the samples anew. */
static gboolean take_again(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)error;
    Samples *samples = data;
    for (guint i = 0; i < samples->count; i++) {
        if (g_str_equal(samples->samples[i].name, entry->name->str))
            samples->samples[i].listed = entry->mtime;
    }
    return TRUE;
}

/* Passes the entries of the listing `bytes`, whose times are taken for UTC, to `func`. FALSE when
 * it makes no sense, or when its dialect tells UTC anyway. */
static gboolean sample_listing(Remote *remote, const GByteArray *bytes, EntryFunc func,
                               Samples *samples)
{
    ListingContext context = remote_listing_context(remote);
    context.zone = NULL;
    context.zone_offset = 0;
    g_autoptr(ListingParser) parser = listing_parser_new(LISTING_LIST, &context, func, samples);
    g_autoptr(GError) failure = NULL;
    /* Its warnings are said when it is parsed for good. */
    return listing_parser_feed(parser, (const char *)bytes->data, bytes->len, &failure) &&
           listing_parser_dialect(parser) != LISTING_DIALECT_EPLF;
}

static gboolean send_questions(Session *session, const char *directory, const Samples *samples,
                               GCancellable *cancel, GError **error)
{
    for (guint i = 0; i < samples->count; i++) {
        g_autofree char *path = g_build_path("/", directory, samples->samples[i].name, NULL);
        gboolean last = i + 1 == samples->count;
        const char *name =
            path_argument_name(session, path); /* the session is where it has listed */
        if (last ? !session_send(session, "MDTM", name, cancel, error)
                 : !session_queue(session, "MDTM", name, error))
            return FALSE;
    }
    return TRUE;
}

/* MDTM of all samples, in one exchange. FALSE when the connection is lost. */
static gboolean ask(Remote *remote, Session *session, const char *directory, Samples *samples,
                    GCancellable *cancel, GError **error)
{
    gboolean ok = send_questions(session, directory, samples, cancel, error);
    for (guint i = 0; ok && i < samples->count; i++) {
        g_autoptr(Reply) reply = session_receive_final(session, cancel, error);
        gint32 fraction;
        ok = reply != NULL;
        if (ok && features_reply_unknown(reply))
            features_set(remote->context.features, FEATURE_MDTM, FEATURE_NO);
        if (ok &&
            (reply->code != 213 || !listing_parse_time(g_ptr_array_index(reply->lines, 0),
                                                       &samples->samples[i].exact, &fraction)))
            samples->samples[i].exact = 0;
    }
    if (!ok)
        session_drop_replies(session);
    return ok;
}

static gboolean offset_of(const Sample *sample, gint64 *offset)
{
    return sample->exact != 0 &&
           server_clock_compare(sample->listed, sample->exact, SLACK_S, offset);
}

/* The offset that most samples agree on. A file that was written in between tells nonsense. */
static gboolean agree(const Samples *samples, gint64 *offset)
{
    guint best = 0;
    for (guint i = 0; i < samples->count; i++) {
        gint64 one;
        gint64 other;
        guint votes = 0;
        if (!offset_of(&samples->samples[i], &one))
            continue;
        for (guint j = 0; j < samples->count; j++)
            votes += offset_of(&samples->samples[j], &other) && other == one ? 1 : 0;
        if (votes > best) {
            best = votes;
            *offset = one;
        }
    }
    return best > 0;
}

/* The server's clock where its year can't be ours: a file from our future, or one that LIST tells
 * by day and time, as it does for half a year, and that MDTM tells to be of another year. */
static gboolean learn_clock(Remote *remote, const Samples *samples)
{
    const Sample *newest = &samples->samples[0];
    for (guint i = 1; i < samples->count; i++) {
        if (samples->samples[i].exact > newest->exact)
            newest = &samples->samples[i];
    }
    gint64 now = server_clock_now(remote->clock);
    if (newest->exact == 0 ||
        (newest->exact <= now + DAY_S && ABS(newest->listed - newest->exact) < 180 * (gint64)DAY_S))
        return FALSE;
    server_clock_set_now(remote->clock, newest->exact);
    g_message("the server's clock is about %" G_GINT64_FORMAT " days %s ours",
              ABS(newest->exact - now) / DAY_S, newest->exact > now ? "ahead of" : "behind");
    return TRUE;
}

gboolean remote_zone_is_wanted(Remote *remote)
{
    return !server_clock_knows_zone(remote->clock) &&
           features_maybe(remote->context.features, FEATURE_MDTM);
}

gboolean remote_learn_zone(Remote *remote, Session *session, const char *directory,
                           const GByteArray *bytes, GCancellable *cancel, GError **error)
{
    g_auto(Samples) samples = {0};
    if (!sample_listing(remote, bytes, take_sample, &samples) || samples.count == 0)
        return TRUE;
    if (!ask(remote, session, directory, &samples, cancel, error))
        return FALSE;
    if (learn_clock(remote, &samples))
        sample_listing(remote, bytes, take_again, &samples);
    gint64 offset = 0;
    if (agree(&samples, &offset)) {
        server_clock_set_offset(remote->clock, offset);
        g_info("the server's listings are %+" G_GINT64_FORMAT " minutes from UTC", offset / 60);
    } else if (features_get(remote->context.features, FEATURE_MDTM) == FEATURE_NO) {
        g_info("the server has no MDTM: its listings are taken to tell UTC (-o server_tz=)");
    }
    return TRUE;
}
