/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server tells of a single name. */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

typedef struct {
    const char *path;
    RemoteEntry *entry;
} StatArgs;

gboolean remote_take_mlst(Remote *remote, Session *session, const char *path, const Reply *reply,
                          RemoteEntry *entry, GError **error)
{
    if (reply_is(reply, 2) && reply->code != 250) {
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "MLST %s: the server answers something else: %d", path, reply->code);
        return FALSE;
    }
    if (reply->code != 250) {
        g_autoptr(GError) refusal = NULL;
        session_set_reply_error(&refusal, "MLST", path, reply);
        /* The path is all that can be wrong here. */
        if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(reply, 5))
            ftpsfs_error_propagate_as(error, g_steal_pointer(&refusal), FTPSFS_ERROR_NOT_FOUND);
        else
            g_propagate_error(error, g_steal_pointer(&refusal));
        return FALSE;
    }
    if (reply->lines->len < 2) {
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                    "MLST %s: the server's answer holds no facts", path);
        return FALSE;
    }
    ListingContext context = remote_listing_context(remote);
    if (listing_parse_mlst(g_ptr_array_index(reply->lines, 1), &context, entry, error))
        return TRUE;
    session_break(session);
    return FALSE;
}

static gboolean try_mlst(const RemoteTry *try, gpointer data, GError **error)
{
    StatArgs *args = data;
    const char *name = path_argument_enter(try->session, args->path, try->cancel, error);
    if (name == NULL)
        return FALSE;
    STATS_ADD(try->remote->context.stats, stats, 1);
    g_autoptr(Reply) reply = session_command(try->session, "MLST", name, try->cancel, error);
    return reply != NULL &&
           remote_take_mlst(try->remote, try->session, args->path, reply, args->entry, error);
}

gboolean remote_may_be_link(const RemoteEntry *entry)
{
    return (entry->has & REMOTE_HAS_MODE) && entry->mode == 0777 &&
           (entry->has & REMOTE_HAS_SIZE) &&
           (entry->type == REMOTE_TYPE_FILE || entry->type == REMOTE_TYPE_DIR);
}

gboolean remote_stat(Remote *remote, const char *path, RemoteEntry *entry, GCancellable *cancel,
                     GError **error)
{
    if (!remote_can(remote, REMOTE_CAN_MLST)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "the server has no MLST");
        return FALSE;
    }
    StatArgs args = {.path = path, .entry = entry};
    return remote_run(remote, FALSE, try_mlst, &args, cancel, error) &&
           (!remote_may_be_link(entry) || remote_resolve_link(remote, path, entry, cancel, error));
}

gboolean remote_take_size_mdtm(Session *session, const char *path, const Reply *size,
                               const Reply *mdtm, RemoteEntry *entry, GCancellable *cancel,
                               GError **error)
{
    entry_clear(entry);
    guint64 told =
        size->code == 213 ? g_ascii_strtoull(g_ptr_array_index(size->lines, 0), NULL, 10) : 0;
    /* More than a file can have is no size. */
    if (size->code == 213 && told <= (guint64)G_MAXINT64) {
        entry->has |= REMOTE_HAS_SIZE;
        entry->size = told;
    }
    if (mdtm->code == 213 &&
        listing_parse_time(g_ptr_array_index(mdtm->lines, 0), &entry->mtime, &entry->mtime_ns)) {
        entry->has |= REMOTE_HAS_MTIME;
        entry->time_precision = REMOTE_TIME_SECOND;
    }
    if (entry->has != 0 || (features_reply_unknown(size) && features_reply_unknown(mdtm)))
        return TRUE;
    remote_set_refusal(error, session, "SIZE", path, size, cancel);
    return FALSE;
}

/* SIZE and MDTM, pipelined (RFC 3659 sections 3 and 4). */
static gboolean try_size_mdtm(const RemoteTry *try, gpointer data, GError **error)
{
    StatArgs *args = data;
    const char *name = path_argument_enter(try->session, args->path, try->cancel, error);
    if (name == NULL)
        return FALSE;
    STATS_ADD(try->remote->context.stats, stats, 1);
    if (!session_queue(try->session, "SIZE", name, error) ||
        !session_send(try->session, "MDTM", name, try->cancel, error))
        return FALSE;
    g_autoptr(Reply) size = session_receive_final(try->session, try->cancel, error);
    g_autoptr(Reply) mdtm =
        size != NULL ? session_receive_final(try->session, try->cancel, error) : NULL;
    if (mdtm == NULL) {
        session_drop_replies(try->session);
        return FALSE;
    }
    return remote_take_size_mdtm(try->session, args->path, size, mdtm, args->entry, try->cancel,
                                 error);
}

gboolean remote_stat_exact(Remote *remote, const char *path, RemoteEntry *entry,
                           GCancellable *cancel, GError **error)
{
    if (remote_can(remote, REMOTE_CAN_MLST))
        return remote_stat(remote, path, entry, cancel, error);
    StatArgs args = {.path = path, .entry = entry};
    return remote_run(remote, FALSE, try_size_mdtm, &args, cancel, error);
}

/* Whether the server's answer, in words, is that something is not there; else *error is set. */
static gboolean is_answer(GError *failure, GError **error)
{
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_NAME) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_INVALID)) {
        g_error_free(failure);
        return TRUE;
    }
    g_propagate_error(error, failure);
    return FALSE;
}

/* remote_exists on a server without path names. */
static gboolean exists_by_name(Session *session, const char *path, GCancellable *cancel,
                               GError **error)
{
    GError *failure = NULL;
    const char *name = path_argument_enter(session, path, cancel, &failure);
    if (name == NULL) {
        is_answer(failure, error);
        return FALSE;
    }
    g_autoptr(Reply) reply = session_command(session, "SIZE", name, cancel, error);
    if (reply == NULL || reply_is(reply, 2))
        return reply != NULL;
    if (path_argument_enter_directory(session, path, &name, cancel, &failure))
        return TRUE;
    is_answer(failure, error);
    return FALSE;
}

gboolean remote_exists(Session *session, const char *path, GCancellable *cancel, GError **error)
{
    gboolean mlst = features_get(session_context(session)->features, FEATURE_MLST) == FEATURE_YES;
    if (path_argument_is_relative(session) && !mlst)
        return exists_by_name(session, path, cancel, error);
    const char *name = path_argument_enter(session, path, cancel, error);
    if (name == NULL)
        return FALSE;
    g_autoptr(Reply) reply = session_command(session, mlst ? "MLST" : "SIZE", name, cancel, error);
    if (reply == NULL || reply_is(reply, 2) || mlst)
        return reply != NULL && reply_is(reply, 2);
    g_autoptr(Reply) directory = session_command(session, "CWD", path, cancel, error);
    return directory != NULL && reply_is(directory, 2);
}

void remote_set_refusal(GError **error, Session *session, const char *verb, const char *path,
                        const Reply *reply, GCancellable *cancel)
{
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, verb, path, reply);
    if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(reply, 5)) {
        g_autoptr(GError) failure = NULL;
        gboolean exists = remote_exists(session, path, cancel, &failure);
        if (failure == NULL) {
            ftpsfs_error_propagate_as(error, g_steal_pointer(&refusal),
                                      exists ? FTPSFS_ERROR_ACCESS : FTPSFS_ERROR_NOT_FOUND);
            return;
        }
    }
    g_propagate_error(error, g_steal_pointer(&refusal));
}
