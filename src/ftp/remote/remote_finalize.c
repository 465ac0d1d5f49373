/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exchange that ends an upload: mode and time are set, and the server is asked what it has now.
 */
#include "remote_finalize.h"
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"

gboolean remote_finalize_begin(Finalize *finalize, GCancellable *cancel, GError **error)
{
    finalize->mlst = remote_can(finalize->remote, REMOTE_CAN_MLST);
    finalize->attributes.name =
        path_argument_enter(finalize->session, finalize->attributes.path, cancel, error);
    return finalize->attributes.name != NULL;
}

void remote_finalize_clear(Finalize *finalize)
{
    g_clear_pointer(&finalize->mode.reply, reply_free);
    g_clear_pointer(&finalize->mtime.reply, reply_free);
}

/* ---- one attribute ---- */

static gboolean queue_setting(const Finalize *finalize, Setting *setting,
                              const RemoteAttribute *attribute, GError **error)
{
    gsize index = 0;
    const AttributeArgs *args = &finalize->attributes;
    setting->method = remote_method_choose(session_context(finalize->session)->features, attribute,
                                           args->path, &index);
    if (setting->method == NULL)
        return TRUE;
    g_autofree char *argument = remote_method_argument(setting->method->format, args);
    return session_queue(finalize->session, setting->method->verb, argument, error);
}

static gboolean receive_setting(const Finalize *finalize, Setting *setting, GCancellable *cancel,
                                GError **error)
{
    if (setting->method == NULL)
        return TRUE;
    g_clear_pointer(&setting->reply, reply_free);
    setting->reply = session_receive_final(finalize->session, cancel, error);
    return setting->reply != NULL;
}

/* Judges the reply; tries the other methods when the server does not know this one. What the server
 * can't do is no failure of the upload. *again: something was set after the entry was asked for.
 * FALSE when the connection was lost. */
static gboolean end_setting(const Finalize *finalize, const Setting *setting,
                            const RemoteAttribute *attribute, gboolean *again, GCancellable *cancel,
                            GError **error)
{
    if (setting->method == NULL)
        return TRUE;
    Session *session = finalize->session;
    const AttributeArgs *args = &finalize->attributes;
    g_autoptr(GError) failure = NULL;
    RemoteMethodOutcome outcome =
        remote_method_judge(session, setting->method, args->path, setting->reply, cancel, &failure);
    gboolean done = outcome == REMOTE_METHOD_DONE;
    if (outcome == REMOTE_METHOD_REPEAT) {
        done = remote_method_set(session, attribute, args, cancel, &failure);
        *again = *again || done;
    }
    if (done)
        return TRUE;
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
        ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_info("%s: the %s could not be set: %s", args->path, attribute->what, failure->message);
    return TRUE;
}

/* ---- the questions ---- */

static const char *question_verb(const Finalize *finalize)
{
    return finalize->mlst ? "MLST" : "SIZE";
}

gboolean remote_finalize_ask(const Finalize *finalize, GCancellable *cancel, GError **error)
{
    STATS_ADD(session_context(finalize->session)->stats, stats, 1);
    return session_send(finalize->session, question_verb(finalize), finalize->attributes.name,
                        cancel, error);
}

gboolean remote_finalize_is_answer(const Finalize *finalize, const Reply *reply)
{
    if (!finalize->mlst)
        return reply->code == 213;
    if (reply->code != 250 || reply->lines->len < 2)
        return FALSE;
    /* A server may say that it has the file in more than one line. */
    ListingContext context = remote_listing_context(finalize->remote);
    g_autoptr(RemoteEntry) scratch = entry_new();
    return listing_parse_mlst(g_ptr_array_index(reply->lines, 1), &context, scratch, NULL);
}

static gboolean send_query(const Finalize *finalize, GCancellable *cancel, GError **error)
{
    if (finalize->mlst)
        return remote_finalize_ask(finalize, cancel, error);
    STATS_ADD(session_context(finalize->session)->stats, stats, 1);
    return session_queue(finalize->session, "SIZE", finalize->attributes.name, error) &&
           session_send(finalize->session, "MDTM", finalize->attributes.name, cancel, error);
}

static gboolean receive_query(const Finalize *finalize, GCancellable *cancel, GError **error)
{
    Session *session = finalize->session;
    const char *path = finalize->attributes.path;
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL)
        return FALSE;
    if (finalize->mlst)
        return remote_take_mlst(finalize->remote, session, path, first, finalize->entry, error);
    g_autoptr(Reply) mdtm = session_receive_final(session, cancel, error);
    return mdtm != NULL &&
           remote_take_size_mdtm(session, path, first, mdtm, finalize->entry, cancel, error);
}

/* ---- the whole ---- */

static gboolean send_all(Finalize *finalize, GCancellable *cancel, GError **error)
{
    const AttributeArgs *args = &finalize->attributes;
    finalize->extra_sent = FALSE;
    finalize->mode.method = finalize->mtime.method = NULL;
    return (!finalize->marked ||
            session_queue(finalize->session, question_verb(finalize), args->name, error)) &&
           (args->mode == G_MAXUINT32 ||
            queue_setting(finalize, &finalize->mode, &remote_method_mode, error)) &&
           (args->mtime == G_MININT64 ||
            queue_setting(finalize, &finalize->mtime, &remote_method_mtime, error)) &&
           send_query(finalize, cancel, error) &&
           (finalize->extra == NULL ||
            remote_extra_stat_send(finalize->session, finalize->extra, finalize->mlst,
                                   &finalize->extra_sent, cancel, error));
}

gboolean remote_finalize_send(Finalize *finalize, GCancellable *cancel, GError **error)
{
    if (send_all(finalize, cancel, error))
        return TRUE;
    session_drop_replies(finalize->session);
    return FALSE;
}

static gboolean receive_all(Finalize *finalize, GCancellable *cancel, GError **error)
{
    if (finalize->marked) {
        g_autoptr(Reply) mark = session_receive_final(finalize->session, cancel, error);
        if (mark == NULL)
            return FALSE;
        if (!remote_finalize_is_answer(finalize, mark)) {
            session_set_reply_error(error, question_verb(finalize), finalize->attributes.path,
                                    mark);
            return FALSE;
        }
    }
    return receive_setting(finalize, &finalize->mode, cancel, error) &&
           receive_setting(finalize, &finalize->mtime, cancel, error) &&
           receive_query(finalize, cancel, error) &&
           (!finalize->extra_sent ||
            remote_extra_stat_receive(finalize->remote, finalize->session, finalize->extra,
                                      finalize->mlst, cancel, error));
}

gboolean remote_finalize_receive(Finalize *finalize, GCancellable *cancel, GError **error)
{
    gboolean again = FALSE;
    if (!receive_all(finalize, cancel, error)) {
        session_drop_replies(finalize->session);
        return FALSE;
    }
    if (!end_setting(finalize, &finalize->mode, &remote_method_mode, &again, cancel, error) ||
        !end_setting(finalize, &finalize->mtime, &remote_method_mtime, &again, cancel, error))
        return FALSE;
    if (!again || (send_query(finalize, cancel, error) && receive_query(finalize, cancel, error)))
        return TRUE;
    session_drop_replies(finalize->session);
    return FALSE;
}

static gboolean try_finalize(const RemoteTry *try, gpointer data, GError **error)
{
    Finalize *finalize = data;
    finalize->remote = try->remote;
    finalize->session = try->session;
    gboolean ok = remote_finalize_begin(finalize, try->cancel, error) &&
                  remote_finalize_send(finalize, try->cancel, error) &&
                  remote_finalize_receive(finalize, try->cancel, error);
    remote_finalize_clear(finalize);
    return ok;
}

gboolean remote_finalize(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                         RemoteEntry *entry, GCancellable *cancel, GError **error)
{
    Finalize finalize = {.attributes = {.path = path, .mode = mode, .mtime = mtime},
                         .entry = entry};
    return remote_run(remote, FALSE, try_finalize, &finalize, cancel, error);
}
