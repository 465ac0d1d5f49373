/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at a path among other commands: MLST, or SIZE, MDTM and CWD. Only answers that are plain
 * are taken; whatever would need another question leaves the look unknown.
 */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

gboolean remote_extra_stat_send(Session *session, RemoteExtraStat *extra, gboolean mlst,
                                gboolean *sent, GCancellable *cancel, GError **error)
{
    extra->known = *sent = FALSE;
    /* There the session would have to enter a directory first. */
    if (path_argument_is_relative(session))
        return TRUE;
    const char *name = path_argument_name(session, extra->path);
    g_autoptr(GError) failure = NULL;
    STATS_ADD(session_context(session)->stats, stats, 1);
    *sent = mlst ? session_send(session, "MLST", name, cancel, &failure)
                 : session_queue(session, "SIZE", name, &failure) &&
                       session_queue(session, "MDTM", name, &failure) &&
                       session_send(session, "CWD", name, cancel, &failure);
    if (*sent || ftpsfs_error_is(failure, FTPSFS_ERROR_NAME))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static gboolean take_mlst(Remote *remote, Session *session, RemoteExtraStat *extra,
                          const Reply *reply, GError **error)
{
    g_autoptr(GError) failure = NULL;
    extra->exists = remote_take_mlst(remote, session, extra->path, reply, extra->entry, &failure);
    if (session_is_broken(session)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    extra->known = extra->exists
                       ? extra->entry->type == REMOTE_TYPE_FILE && !remote_may_be_link(extra->entry)
                       : ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND);
    return TRUE;
}

/* Where there is a file it has a size or a time; where it has none and is no directory either,
 * there is nothing. */
static void take_facts(Session *session, RemoteExtraStat *extra, const Reply *size,
                       const Reply *mdtm, const Reply *cwd)
{
    if (size->code == 213 || mdtm->code == 213) {
        extra->known = extra->exists =
            remote_take_size_mdtm(session, extra->path, size, mdtm, extra->entry, NULL, NULL);
        return;
    }
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, "SIZE", extra->path, size);
    gboolean wordless = ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(size, 5) &&
                        !features_reply_unknown(size) && reply_is(cwd, 5) &&
                        !features_reply_unknown(cwd);
    extra->exists = FALSE;
    extra->known = wordless || ftpsfs_error_is(refusal, FTPSFS_ERROR_NOT_FOUND);
}

gboolean remote_extra_stat_receive(Remote *remote, Session *session, RemoteExtraStat *extra,
                                   gboolean mlst, GCancellable *cancel, GError **error)
{
    entry_clear(extra->entry);
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL)
        return FALSE;
    if (mlst)
        return take_mlst(remote, session, extra, first, error);
    g_autoptr(Reply) mdtm = session_receive_final(session, cancel, error);
    g_autoptr(Reply) cwd = mdtm != NULL ? session_receive_final(session, cancel, error) : NULL;
    if (cwd == NULL)
        return FALSE;
    take_facts(session, extra, first, mdtm, cwd);
    return TRUE;
}
