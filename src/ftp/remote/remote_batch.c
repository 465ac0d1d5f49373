/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exact sizes and times of many files at once: SIZE and MDTM (RFC 3659 sections 3 and 4), a window
 * of commands ahead of their replies.
 */
#include "ftp/session/path_argument.h"
#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

/* Commands in one TLS record. Two such groups are under way, so that the server always has some to
 * go on with; their replies fit in any socket buffer. */
#define GROUP 64

#define MEASURE_BUFFER (128 * 1024)

typedef struct {
    RemoteQuery *queries;
    guint count;
    gboolean size, mtime; /* the server may have the command */
} BatchArgs;

/* A walk over the single commands of a batch, twice: to send, and to receive. */
typedef struct {
    const BatchArgs *args;
    guint query;
    gboolean second; /* the query's SIZE is past */
} Cursor;

/* The next command that is wanted; NULL at the end. */
static const char *next_command(Cursor *cursor, RemoteQuery **query)
{
    const BatchArgs *args = cursor->args;
    while (cursor->query < args->count) {
        *query = &args->queries[cursor->query];
        guint missing = (*query)->unfit ? 0 : (*query)->want & ~(*query)->has;
        if (!cursor->second) {
            cursor->second = TRUE;
            if (args->size && (missing & REMOTE_HAS_SIZE))
                return "SIZE";
        }
        cursor->second = FALSE;
        cursor->query++;
        if (args->mtime && (missing & REMOTE_HAS_MTIME))
            return "MDTM";
    }
    return NULL;
}

static void take_reply(Features *features, const char *verb, RemoteQuery *query, const Reply *reply)
{
    const char *text = g_ptr_array_index(reply->lines, 0);
    gboolean size = *verb == 'S';
    if (features_reply_unknown(reply) && reply->code != 501)
        features_set(features, size ? FEATURE_SIZE : FEATURE_MDTM, FEATURE_NO);
    if (reply->code != 213)
        return;
    if (size && g_ascii_isdigit(*text)) {
        guint64 told = g_ascii_strtoull(text, NULL, 10);
        if (told <= (guint64)G_MAXINT64) {
            query->size = told;
            query->has |= REMOTE_HAS_SIZE;
        }
    } else if (!size && listing_parse_time(text, &query->mtime, &query->mtime_ns)) {
        query->has |= REMOTE_HAS_MTIME;
    }
}

/* Sends the next group; *sent is how many commands that were. */
static gboolean send_group(Session *session, Cursor *cursor, guint *sent, GCancellable *cancel,
                           GError **error)
{
    Cursor ahead = *cursor;
    RemoteQuery *query;
    const char *verb = next_command(&ahead, &query);
    for (*sent = 0; verb != NULL && *sent < GROUP; (*sent)++) {
        *cursor = ahead;
        RemoteQuery *next = NULL;
        const char *following = next_command(&ahead, &next);
        gboolean last = following == NULL || *sent + 1 == GROUP;
        const char *name = path_argument_name(session, query->path);
        if (last ? !session_send(session, verb, name, cancel, error)
                 : !session_queue(session, verb, name, error))
            return FALSE;
        query = next;
        verb = following;
    }
    return TRUE;
}

static gboolean receive_group(Session *session, Cursor *cursor, guint count, GCancellable *cancel,
                              GError **error)
{
    Features *features = session_context(session)->features;
    for (guint i = 0; i < count; i++) {
        RemoteQuery *query = NULL;
        const char *verb = next_command(cursor, &query);
        g_autoptr(Reply) reply = session_receive_final(session, cancel, error);
        if (reply == NULL)
            return FALSE;
        take_reply(features, verb, query, reply);
    }
    return TRUE;
}

/* Asks for files that can be named from where the session is. */
static gboolean run_batch(Session *session, const BatchArgs *args, GCancellable *cancel,
                          GError **error)
{
    Cursor sender = {.args = args};
    Cursor receiver = {.args = args};
    guint under_way = 0;
    guint sent = 0;
    do {
        if (!send_group(session, &sender, &sent, cancel, error) ||
            !receive_group(session, &receiver, under_way, cancel, error)) {
            session_drop_replies(session);
            return FALSE;
        }
        under_way = sent;
    } while (under_way > 0);
    return TRUE;
}

static gboolean try_batch(const RemoteTry *try, gpointer data, GError **error)
{
    const BatchArgs *all = data;
    for (guint first = 0, end; first < all->count; first = end) {
        BatchArgs args = *all;
        args.queries += first;
        for (end = first + 1; end < all->count; end++) {
            if (!path_argument_is_together(try->session, args.queries->path,
                                           all->queries[end].path))
                break;
        }
        args.count = end - first;
        if (path_argument_enter(try->session, args.queries->path, try->cancel, error) == NULL ||
            !run_batch(try->session, &args, try->cancel, error))
            return FALSE;
    }
    return TRUE;
}

gboolean remote_stat_batch(Remote *remote, RemoteQuery *queries, guint count, GCancellable *cancel,
                           GError **error)
{
    const Features *features = remote->context.features;
    BatchArgs args = {
        .queries = queries,
        .count = count,
        .size = features_maybe(features, FEATURE_SIZE),
        .mtime = features_maybe(features, FEATURE_MDTM),
    };
    for (guint i = 0; i < count; i++) {
        g_autoptr(GString) encoded = g_string_new(NULL);
        queries[i].has = 0;
        queries[i].unfit =
            !encoding_to_server(queries[i].path, remote->options.codepage, encoded, NULL);
    }
    if (!args.size && !args.mtime)
        return TRUE;
    STATS_ADD(remote->context.stats, stats, 1);
    return remote_run(remote, FALSE, try_batch, &args, cancel, error);
}

gboolean remote_measure(Remote *remote, const char *path, guint64 *size, GCancellable *cancel,
                        GError **error)
{
    g_autoptr(RemoteStream) stream =
        remote_stream_open(remote, path, 0, G_MAXUINT64, cancel, error);
    g_autofree char *buffer = g_malloc(MEASURE_BUFFER);
    *size = 0;
    while (stream != NULL) {
        gssize got = remote_stream_read(stream, buffer, MEASURE_BUFFER, cancel, error);
        if (got <= 0)
            return got == 0;
        *size += (guint64)got;
    }
    return FALSE;
}
