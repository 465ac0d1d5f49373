/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exchange that ends an upload: mode and time are set, and the server is asked what it has now.
 */
#include "remote_finalize.h"
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"

gboolean settle_begin(Settle *settle, GCancellable *cancel, GError **error)
{
    settle->mlst = remote_can(settle->remote, REMOTE_CAN_MLST);
    settle->attributes.name = place_enter(settle->session, settle->attributes.path, cancel, error);
    return settle->attributes.name != NULL;
}

void settle_clear(Settle *settle)
{
    g_clear_pointer(&settle->mode.reply, reply_free);
    g_clear_pointer(&settle->mtime.reply, reply_free);
}

/* ---- one attribute ---- */

static gboolean queue_setting(const Settle *settle, Setting *setting, const Way *ways, gsize n,
                              GError **error)
{
    gsize index = 0;
    const AttributeArgs *args = &settle->attributes;
    setting->way =
        way_choose(session_context(settle->session)->features, ways, n, args->path, &index);
    if (setting->way == NULL)
        return TRUE;
    g_autofree char *argument = way_argument(setting->way->format, args);
    return session_queue(settle->session, setting->way->verb, argument, error);
}

static gboolean receive_setting(const Settle *settle, Setting *setting, GCancellable *cancel,
                                GError **error)
{
    if (setting->way == NULL)
        return TRUE;
    g_clear_pointer(&setting->reply, reply_free);
    setting->reply = session_receive_final(settle->session, cancel, error);
    return setting->reply != NULL;
}

/* Judges the reply; tries the other ways when the server does not know this one. What the server
 * can't do is no failure of the upload. *again: something was set after the entry was asked for.
 * FALSE when the connection was lost. */
static gboolean end_setting(const Settle *settle, const Setting *setting, const Way *ways, gsize n,
                            const char *what, gboolean *again, GCancellable *cancel, GError **error)
{
    if (setting->way == NULL)
        return TRUE;
    gboolean other = FALSE;
    Session *session = settle->session;
    const AttributeArgs *args = &settle->attributes;
    g_autoptr(GError) failure = NULL;
    gboolean done =
        way_judge(session, setting->way, args->path, setting->reply, &other, cancel, &failure);
    if (other) {
        done = way_set(session, ways, n, args, what, cancel, &failure);
        *again = *again || done;
    }
    if (done)
        return TRUE;
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
        ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_info("%s: the %s could not be set: %s", args->path, what, failure->message);
    return TRUE;
}

/* ---- the questions ---- */

static const char *settle_verb(const Settle *settle)
{
    return settle->mlst ? "MLST" : "SIZE";
}

gboolean settle_ask(const Settle *settle, GCancellable *cancel, GError **error)
{
    STATS_ADD(session_context(settle->session)->stats, stats, 1);
    return session_send(settle->session, settle_verb(settle), settle->attributes.name, cancel,
                        error);
}

gboolean settle_is_answer(const Settle *settle, const Reply *reply)
{
    if (!settle->mlst)
        return reply->code == 213;
    if (reply->code != 250 || reply->lines->len < 2)
        return FALSE;
    /* A server may say that it has the file in more than one line. */
    ListingContext context = remote_listing_context(settle->remote);
    g_autoptr(RemoteEntry) scratch = remote_entry_new();
    return listing_parse_mlst(g_ptr_array_index(reply->lines, 1), &context, scratch, NULL);
}

static gboolean send_query(const Settle *settle, GCancellable *cancel, GError **error)
{
    if (settle->mlst)
        return settle_ask(settle, cancel, error);
    STATS_ADD(session_context(settle->session)->stats, stats, 1);
    return session_queue(settle->session, "SIZE", settle->attributes.name, error) &&
           session_send(settle->session, "MDTM", settle->attributes.name, cancel, error);
}

static gboolean receive_query(const Settle *settle, GCancellable *cancel, GError **error)
{
    Session *session = settle->session;
    const char *path = settle->attributes.path;
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL)
        return FALSE;
    if (settle->mlst)
        return remote_take_mlst(settle->remote, session, path, first, settle->entry, error);
    g_autoptr(Reply) mdtm = session_receive_final(session, cancel, error);
    return mdtm != NULL &&
           remote_take_size_mdtm(session, path, first, mdtm, settle->entry, cancel, error);
}

/* ---- the whole ---- */

static gboolean send_all(Settle *settle, GCancellable *cancel, GError **error)
{
    const AttributeArgs *args = &settle->attributes;
    settle->looks = FALSE;
    settle->mode.way = settle->mtime.way = NULL;
    return (!settle->marked ||
            session_queue(settle->session, settle_verb(settle), args->name, error)) &&
           (args->mode == G_MAXUINT32 ||
            queue_setting(settle, &settle->mode, mode_ways, MODE_WAYS, error)) &&
           (args->mtime == G_MININT64 ||
            queue_setting(settle, &settle->mtime, mtime_ways, MTIME_WAYS, error)) &&
           send_query(settle, cancel, error) &&
           (settle->look == NULL || remote_look_send(settle->session, settle->look, settle->mlst,
                                                     &settle->looks, cancel, error));
}

gboolean settle_send(Settle *settle, GCancellable *cancel, GError **error)
{
    if (send_all(settle, cancel, error))
        return TRUE;
    session_drop_replies(settle->session);
    return FALSE;
}

static gboolean receive_all(Settle *settle, GCancellable *cancel, GError **error)
{
    if (settle->marked) {
        g_autoptr(Reply) mark = session_receive_final(settle->session, cancel, error);
        if (mark == NULL)
            return FALSE;
        if (!settle_is_answer(settle, mark)) {
            session_set_reply_error(error, settle_verb(settle), settle->attributes.path, mark);
            return FALSE;
        }
    }
    return receive_setting(settle, &settle->mode, cancel, error) &&
           receive_setting(settle, &settle->mtime, cancel, error) &&
           receive_query(settle, cancel, error) &&
           (!settle->looks || remote_look_receive(settle->remote, settle->session, settle->look,
                                                  settle->mlst, cancel, error));
}

gboolean settle_receive(Settle *settle, GCancellable *cancel, GError **error)
{
    gboolean again = FALSE;
    if (!receive_all(settle, cancel, error)) {
        session_drop_replies(settle->session);
        return FALSE;
    }
    if (!end_setting(settle, &settle->mode, mode_ways, MODE_WAYS, "permissions", &again, cancel,
                     error) ||
        !end_setting(settle, &settle->mtime, mtime_ways, MTIME_WAYS, "modification time", &again,
                     cancel, error))
        return FALSE;
    if (!again || (send_query(settle, cancel, error) && receive_query(settle, cancel, error)))
        return TRUE;
    session_drop_replies(settle->session);
    return FALSE;
}

static gboolean try_settle(const RemoteTry *try, gpointer data, GError **error)
{
    Settle *settle = data;
    settle->remote = try->remote;
    settle->session = try->session;
    gboolean ok = settle_begin(settle, try->cancel, error) &&
                  settle_send(settle, try->cancel, error) &&
                  settle_receive(settle, try->cancel, error);
    settle_clear(settle);
    return ok;
}

gboolean remote_settle(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                       RemoteEntry *entry, GCancellable *cancel, GError **error)
{
    Settle settle = {.attributes = {.path = path, .mode = mode, .mtime = mtime}, .entry = entry};
    return remote_run(remote, FALSE, try_settle, &settle, cancel, error);
}
