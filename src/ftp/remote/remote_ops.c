/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remote_private.h"

#include <string.h>

#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"

/* That a server lacks an extension is everyday life, and its EOPNOTSUPP is not logged above; that
 * it lacks MKD or DELE is worth a line. */
static void log_unsupported(const GError *refusal)
{
    if (ftpsfs_error_is(refusal, FTPSFS_ERROR_UNSUPPORTED))
        g_message("%s", refusal->message);
}

/* Judges the reply to DELE or RMD. */
static gboolean judge_removal(Session *session, const char *verb, const char *path,
                              const Reply *reply, GCancellable *cancel, GError **error)
{
    if (reply_is(reply, 2))
        return TRUE;
    g_autoptr(GError) refusal = NULL;
    remote_set_refusal(&refusal, session, verb, path, reply, cancel);
    log_unsupported(refusal);
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

/* Before a command is sent for the second time: whether the first one took effect, which shows in
 * `path` being there, or not. Another client may have used the name again since, so a command that
 * took effect must not be repeated. */
static gboolean check_done(Session *session, const char *path, gboolean there, gboolean *done,
                           GCancellable *cancel, GError **error)
{
    g_autoptr(GError) failure = NULL;
    gboolean exists = remote_exists(session, path, cancel, &failure);
    *done = exists == there;
    if (failure == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- directories and names ---- */

static gboolean try_mkdir(const RemoteTry *try, gpointer data, GError **error)
{
    const char *path = data;
    gboolean done = FALSE;
    if (try->repeated && !check_done(try->session, path, TRUE, &done, try->cancel, error))
        return FALSE;
    if (done)
        return TRUE;
    g_autoptr(Reply) reply =
        path_argument_directory_command(try->session, "MKD", path, try->cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2))
        return TRUE;
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, "MKD", path, reply);
    /* Without a reason in words it is the permission; that the name exists is known to callers. */
    if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(reply, 5)) {
        ftpsfs_error_propagate_as(error, g_steal_pointer(&refusal), FTPSFS_ERROR_ACCESS);
        return FALSE;
    }
    log_unsupported(refusal);
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

gboolean remote_mkdir(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    return remote_run(remote, FALSE, try_mkdir, (gpointer)path, cancel, error);
}

typedef struct {
    const char *verb;
    const char *path;
} RemoveArgs;

static gboolean remove_once(Session *session, const RemoveArgs *args, GCancellable *cancel,
                            GError **error)
{
    gboolean is_dir = g_str_equal(args->verb, "RMD");
    g_autoptr(Reply) reply = NULL;
    const char *name = NULL;
    if (is_dir)
        reply = path_argument_directory_command(session, args->verb, args->path, cancel, error);
    else if ((name = path_argument_enter(session, args->path, cancel, error)) != NULL)
        reply = session_command(session, args->verb, name, cancel, error);
    if (reply == NULL || !judge_removal(session, args->verb, args->path, reply, cancel, error))
        return FALSE;
    if (is_dir)
        path_argument_note_moved(session);
    return TRUE;
}

static gboolean try_remove(const RemoteTry *try, gpointer data, GError **error)
{
    const RemoveArgs *args = data;
    gboolean done = FALSE;
    if (try->repeated && !check_done(try->session, args->path, FALSE, &done, try->cancel, error))
        return FALSE;
    return done || remove_once(try->session, args, try->cancel, error);
}

gboolean remote_rmdir(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    RemoveArgs args = {.verb = "RMD", .path = path};
    return remote_run(remote, FALSE, try_remove, &args, cancel, error);
}

gboolean remote_unlink(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    RemoveArgs args = {.verb = "DELE", .path = path};
    return remote_run(remote, FALSE, try_remove, &args, cancel, error);
}

typedef struct {
    const char *from;
    const char *to;
    const char *from_name, *to_name; /* that the server is told */
} RenameArgs;

/* RNFR was answered; `from` is its reply. TRUE: go on with RNTO's. */
static gboolean judge_rnfr(const RemoteTry *try, const RenameArgs *args, const Reply *from,
                           gboolean *done, GError **error)
{
    *done = FALSE;
    if (reply_is(from, 3))
        return TRUE;
    if (try->repeated && !remote_exists(try->session, args->from, try->cancel, NULL) &&
        remote_exists(try->session, args->to, try->cancel, NULL)) {
        *done = TRUE; /* the first try did it */
        return FALSE;
    }
    remote_set_refusal(error, try->session, "RNFR", args->from, from, try->cancel);
    return FALSE;
}

static gboolean judge_rnto(const RemoteTry *try, const RenameArgs *args, const Reply *to,
                           GError **error)
{
    if (reply_is(to, 2))
        return TRUE;
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, "RNTO", args->to, to);
    if (!ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) || !reply_is(to, 5)) {
        g_propagate_error(error, g_steal_pointer(&refusal));
        return FALSE;
    }
    gboolean exists = remote_exists(try->session, args->to, try->cancel, NULL);
    ftpsfs_error_propagate_as(error, g_steal_pointer(&refusal),
                              exists ? FTPSFS_ERROR_EXISTS : FTPSFS_ERROR_ACCESS);
    return FALSE;
}

/* RNFR and RNTO (RFC 959 section 4.1.3) one after the other. */
static gboolean rename_in_turn(const RemoteTry *try, const RenameArgs *args, GError **error)
{
    g_autoptr(Reply) from =
        session_command(try->session, "RNFR", args->from_name, try->cancel, error);
    gboolean done = FALSE;
    if (from == NULL || !judge_rnfr(try, args, from, &done, error))
        return done;
    g_autoptr(Reply) to = session_command(try->session, "RNTO", args->to_name, try->cancel, error);
    return to != NULL && judge_rnto(try, args, to, error);
}

/* Both at once. Some servers forget RNFR's name when RNTO has come before their reply to RNFR is
 * out; they say 503 then, and are not asked this way again. */
static gboolean rename_named(const RemoteTry *try, const RenameArgs *args, GError **error)
{
    Session *session = try->session;
    GCancellable *cancel = try->cancel;
    Features *features = try->remote->context.features;
    if (!features_maybe(features, FEATURE_RENAME_PIPELINED))
        return rename_in_turn(try, args, error);
    if (!session_queue(session, "RNFR", args->from_name, error))
        return FALSE;
    if (!session_send(session, "RNTO", args->to_name, cancel, error)) {
        /* A name that can't be sent: RNFR is queued, and goes out with the next command. */
        session_drop_replies(session);
        return FALSE;
    }
    g_autoptr(Reply) from = session_receive_final(session, cancel, error);
    g_autoptr(Reply) to = from != NULL ? session_receive_final(session, cancel, error) : NULL;
    if (to == NULL) {
        session_drop_replies(session);
        return FALSE;
    }
    gboolean done = FALSE;
    if (!judge_rnfr(try, args, from, &done, error))
        return done;
    if (reply_is(to, 2))
        features_set(features, FEATURE_RENAME_PIPELINED, FEATURE_YES);
    if (to->code == 503 || features_reply_unknown(to)) {
        features_set(features, FEATURE_RENAME_PIPELINED, FEATURE_NO);
        return rename_in_turn(try, args, error);
    }
    return judge_rnto(try, args, to, error);
}

/* A directory is a file to VMS, of type DIR, as which it may have to be renamed. */
static gboolean rename_vms_directory(const RemoteTry *try, const RenameArgs *args)
{
    g_autoptr(GError) failure = NULL;
    if (session_is_broken(try->session) ||
        path_argument_enter(try->session, args->from, try->cancel, NULL) == NULL)
        return FALSE;
    g_autofree char *from_name = g_strconcat(args->from_name, ".DIR", NULL);
    g_autofree char *to_name = g_strconcat(args->to_name, ".DIR", NULL);
    RenameArgs typed = {args->from, args->to, from_name, to_name};
    RemoteTry first = *try;
    first.repeated = FALSE;
    return rename_named(&first, &typed, &failure);
}

static gboolean try_rename(const RemoteTry *try, gpointer data, GError **error)
{
    RenameArgs *args = data;
    if (!path_argument_is_together(try->session, args->from, args->to)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CROSS,
                    "%s: the server has no way to rename to another directory", args->from);
        return FALSE;
    }
    args->to_name = path_argument_enter(try->session, args->to, try->cancel, error);
    args->from_name = args->to_name != NULL
                          ? path_argument_enter(try->session, args->from, try->cancel, error)
                          : NULL;
    if (args->from_name == NULL)
        return FALSE;
    g_autoptr(GError) refusal = NULL;
    if (rename_named(try, args, &refusal) ||
        (path_argument_is_vms(try->session) &&
         !ftpsfs_error_has(refusal, FTPSFS_ERROR_CLASS_CONNECTION) &&
         !ftpsfs_error_is(refusal, FTPSFS_ERROR_INTERRUPTED) && rename_vms_directory(try, args))) {
        path_argument_note_moved(try->session);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

gboolean remote_rename(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                       GError **error)
{
    RenameArgs args = {.from = from, .to = to};
    return remote_run(remote, FALSE, try_rename, &args, cancel, error);
}

gboolean remote_site_takes(const char *path)
{
    gsize length = strlen(path);
    return strpbrk(path, "\"\t\v\f") == NULL && (length == 0 || path[length - 1] != ' ');
}

static gboolean try_symlink(const RemoteTry *try, gpointer data, GError **error)
{
    const RenameArgs *args = data;
    g_autofree char *argument = g_strdup_printf("SYMLINK %s %s", args->from, args->to);
    g_autoptr(Reply) reply = session_command(try->session, "SITE", argument, try->cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2)) {
        features_set(try->remote->context.features, FEATURE_SITE_SYMLINK, FEATURE_YES);
        return TRUE;
    }
    if (features_reply_unknown(reply)) {
        features_set(try->remote->context.features, FEATURE_SITE_SYMLINK, FEATURE_NO);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "%s: the server can't make symbolic links", args->to);
        return FALSE;
    }
    if (try->repeated && remote_exists(try->session, args->to, try->cancel, NULL))
        return TRUE;
    session_set_reply_error(error, "SITE SYMLINK", args->to, reply);
    return FALSE;
}

gboolean remote_symlink(Remote *remote, const char *target, const char *path, GCancellable *cancel,
                        GError **error)
{
    /* SITE SYMLINK takes two words and has no quoting. */
    if (!features_maybe(remote->context.features, FEATURE_SITE_SYMLINK) ||
        !remote_can(remote, REMOTE_CAN_MOVE) || strchr(target, ' ') != NULL ||
        strchr(path, ' ') != NULL || !remote_site_takes(target) || !remote_site_takes(path)) {
        g_set_error(
            error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
            "%s: the server can't make symbolic links, or not with a space or quote in a name",
            path);
        return FALSE;
    }
    /* The server takes a relative target as one below its working directory, not the link's. */
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *absolute = g_canonicalize_filename(target, parent);
    RenameArgs args = {.from = absolute, .to = path};
    return remote_run(remote, FALSE, try_symlink, &args, cancel, error);
}
