/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at a path among other commands: MLST, or SIZE, MDTM and CWD. Only answers that are plain
 * are taken; whatever would need another question leaves the look unknown.
 */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

gboolean remote_look_send(Session *session, RemoteLook *look, gboolean mlst, gboolean *sent,
                          GCancellable *cancel, GError **error)
{
    look->known = *sent = FALSE;
    /* There the session would have to enter a directory first. */
    if (place_is_relative(session))
        return TRUE;
    const char *name = place_name(session, look->path);
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

static gboolean take_mlst(Remote *remote, Session *session, RemoteLook *look, const Reply *reply,
                          GError **error)
{
    g_autoptr(GError) failure = NULL;
    look->exists = remote_take_mlst(remote, session, look->path, reply, look->entry, &failure);
    if (session_is_broken(session)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    look->known = look->exists
                      ? look->entry->type == REMOTE_TYPE_FILE && !remote_may_be_link(look->entry)
                      : ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND);
    return TRUE;
}

/* Where there is a file it has a size or a time; where it has none and is no directory either,
 * there is nothing. */
static void take_facts(Session *session, RemoteLook *look, const Reply *size, const Reply *mdtm,
                       const Reply *cwd)
{
    if (size->code == 213 || mdtm->code == 213) {
        look->known = look->exists =
            remote_take_size_mdtm(session, look->path, size, mdtm, look->entry, NULL, NULL);
        return;
    }
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, "SIZE", look->path, size);
    gboolean wordless = ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(size, 5) &&
                        !features_reply_unknown(size) && reply_is(cwd, 5) &&
                        !features_reply_unknown(cwd);
    look->exists = FALSE;
    look->known = wordless || ftpsfs_error_is(refusal, FTPSFS_ERROR_NOT_FOUND);
}

gboolean remote_look_receive(Remote *remote, Session *session, RemoteLook *look, gboolean mlst,
                             GCancellable *cancel, GError **error)
{
    remote_entry_clear(look->entry);
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL)
        return FALSE;
    if (mlst)
        return take_mlst(remote, session, look, first, error);
    g_autoptr(Reply) mdtm = session_receive_final(session, cancel, error);
    g_autoptr(Reply) cwd = mdtm != NULL ? session_receive_final(session, cancel, error) : NULL;
    if (cwd == NULL)
        return FALSE;
    take_facts(session, look, first, mdtm, cwd);
    return TRUE;
}
