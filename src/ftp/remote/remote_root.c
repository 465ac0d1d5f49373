/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the mount starts on the server, and how paths are told to this server from then on: learned
 * on the first control connection, before any other thread exists.
 */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

static char *root_path(const char *login_directory, const char *directory)
{
    if (directory == NULL)
        directory = "";
    /* What is no path of ours is where "/" leads to. */
    const char *login = *login_directory == '/' ? login_directory : "/";
    g_autofree char *joined =
        *directory == '/' ? g_strdup(directory) : g_build_filename(login, directory, NULL);
    /* "a//b/" -> "/a/b": paths are built by appending "/name". Two slashes in front are kept by
     * GLib, since they mean something elsewhere. */
    g_autofree char *plain = g_canonicalize_filename(joined, "/");
    return g_strdup(plain[1] == '/' ? plain + 1 : plain);
}

static gboolean set_root_error(const Remote *remote, const char *why, GError **error)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND,
                "%s: no such directory on %s, or no access to it: %s", remote->root,
                remote->options.host, why);
    return FALSE;
}

/* On a server without path names the root's first name may be an absolute one in its own way:
 * "DISK$DATA:[SHARE]". */
static gboolean enter_by_names(Remote *remote, Session *session, GCancellable *cancel,
                               GError **error)
{
    Features *features = remote->context.features;
    features_set(features, FEATURE_PATHS, FEATURE_NO);
    /* "-a" would be taken for a name. */
    features_set(features, FEATURE_LIST_ALL, FEATURE_NO);
    const char *argument;
    g_autoptr(GError) failure = NULL;
    if (!path_argument_enter_directory(session, remote->root, &argument, cancel, &failure)) {
        if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
            ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        return set_root_error(remote, failure->message, error);
    }
    g_info("the server has no path names: directories are entered one by one from %s",
           session_login_directory(session));
    remote->read_only = path_argument_is_mvs(session);
    if (remote->read_only)
        g_message("%s: data sets of MVS are listed and read; ftpsfs does not write to them",
                  remote->options.host);
    return TRUE;
}

static gboolean try_enter(const RemoteTry *try, gpointer data, GError **error)
{
    (void)data;
    const char *login = session_login_directory(try->session);
    const char *directory = try->remote->options.directory;
    g_free(try->remote->root);
    try->remote->root = root_path(login, directory);
    gboolean foreign =
        *login != '/' && features_get(try->remote->context.features, FEATURE_PATHS) != FEATURE_YES;
    gboolean absolute = directory != NULL && *directory == '/';
    /* z/OS takes "/" too, for its Unix files, which are not where the user has been put. */
    if (foreign && !absolute && path_argument_is_absolute(login))
        return enter_by_names(try->remote, try->session, try->cancel, error);
    g_autoptr(Reply) reply =
        session_command(try->session, "CWD", try->remote->root, try->cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2))
        return TRUE;
    if (foreign && reply_is(reply, 5))
        return enter_by_names(try->remote, try->session, try->cancel, error);
    g_autofree char *text = reply_text(reply);
    g_autofree char *why = g_strdup_printf("%d %s", reply->code, text);
    return set_root_error(try->remote, why, error);
}

gboolean remote_enter_root(Remote *remote, GCancellable *cancel, GError **error)
{
    return remote_run(remote, FALSE, try_enter, NULL, cancel, error);
}
