/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path_argument.h"

#include <string.h>

#include "ftpsfs/util/error.h"
#include "session_private.h"

/* What is no part of a VMS name but leads to other directories, versions or many files. */
#define VMS_SPECIAL "[]<>:;*%\""

gboolean path_argument_is_relative(const Session *session)
{
    return features_get(session->context->features, FEATURE_PATHS) == FEATURE_NO;
}

gboolean path_argument_is_vms(const Session *session)
{
    const char *open = strchr(session->login_directory, '[');
    return path_argument_is_relative(session) && open != NULL && strchr(open, ']') != NULL;
}

gboolean path_argument_is_mvs(const Session *session)
{
    return path_argument_is_relative(session) && session->login_directory[0] == '\'';
}

gboolean path_argument_is_absolute(const char *directory)
{
    return strpbrk(directory, "[:\\'$") != NULL;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Of a path that is not "/". */
static char *directory_of(const char *path)
{
    gsize length = (gsize)(last_name(path) - path);
    return length <= 1 ? g_strdup("/") : g_strndup(path, length - 1);
}

const char *path_argument_name(const Session *session, const char *path)
{
    return path_argument_is_relative(session) ? last_name(path) : path;
}

gboolean path_argument_is_together(const Session *session, const char *a, const char *b)
{
    if (!path_argument_is_relative(session))
        return TRUE;
    g_autofree char *dir_a = directory_of(a);
    g_autofree char *dir_b = directory_of(b);
    return g_str_equal(dir_a, dir_b);
}

/* ---- where a session is ---- */

static gboolean is_at_or_below(const char *path, const char *directory)
{
    gsize length = strlen(directory);
    return g_str_equal(directory, "/") ||
           (g_str_has_prefix(path, directory) && (path[length] == '/' || path[length] == '\0'));
}

/* NULL: unknown, or others may have moved it since. */
static const char *known_directory(const Session *session)
{
    gboolean current = session->moves == g_atomic_int_get(&session->context->moves);
    return current ? session->directory : NULL;
}

/* Takes `directory`; NULL: unknown. */
static void set_directory(Session *session, char *directory)
{
    g_free(session->directory);
    session->directory = directory;
}

void path_argument_note_moved(Session *session)
{
    gboolean current = known_directory(session) != NULL;
    gint before = g_atomic_int_add(&session->context->moves, 1);
    /* This session is beside what was moved, not below it. */
    if (current && session->moves == before)
        session->moves = before + 1;
}

/* ---- commands on directories ---- */

/* "[.NAME]"; a dot within is told from the one that parts names by '^'. */
static char *in_brackets(const char *name)
{
    g_autoptr(GString) text = g_string_new("[.");
    for (; *name != '\0'; name++)
        g_string_append_printf(text, *name == '.' ? "^%c" : "%c", *name);
    g_string_append_c(text, ']');
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Sends `verb` with the name of a subdirectory: VMS has it in brackets, and most of its servers
 * take the bare name too. */
static Reply *command_on_name(Session *session, const char *verb, const char *name,
                              GCancellable *cancel, GError **error)
{
    Features *features = session->context->features;
    gboolean brackets = path_argument_is_vms(session) && strpbrk(name, VMS_SPECIAL) == NULL &&
                        features_maybe(features, FEATURE_BRACKETS);
    if (brackets) {
        g_autofree char *argument = in_brackets(name);
        g_autoptr(Reply) reply = session_command(session, verb, argument, cancel, error);
        if (reply == NULL)
            return NULL;
        if (reply_is(reply, 2))
            features_set(features, FEATURE_BRACKETS, FEATURE_YES);
        if (reply_is(reply, 2) || features_get(features, FEATURE_BRACKETS) == FEATURE_YES)
            return g_steal_pointer(&reply);
    }
    Reply *reply = session_command(session, verb, name, cancel, error);
    if (brackets && reply != NULL && reply_is(reply, 2))
        features_set(features, FEATURE_BRACKETS, FEATURE_NO);
    return reply;
}

/* Back to where the login has led. */
static gboolean enter_login(Session *session, GCancellable *cancel, GError **error)
{
    set_directory(session, NULL);
    gint moves = g_atomic_int_get(&session->context->moves);
    g_autoptr(Reply) reply =
        session_command(session, "CWD", session->login_directory, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2)) {
        set_directory(session, g_strdup("/"));
        session->moves = moves;
        return TRUE;
    }
    /* A new session begins there. */
    session_break(session);
    g_autofree char *text = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                "the server does not lead back to the login directory: CWD %s: %d %s",
                session->login_directory, reply->code, text);
    return FALSE;
}

/* From the session's directory into `name`, which makes `path` of it. */
static gboolean enter_name(Session *session, const char *name, const char *path,
                           GCancellable *cancel, GError **error)
{
    g_autofree char *before = g_steal_pointer(&session->directory);
    g_autoptr(Reply) reply = command_on_name(session, "CWD", name, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2)) {
        set_directory(session, g_strdup(path));
        return TRUE;
    }
    set_directory(session, g_steal_pointer(&before));
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, "CWD", path, reply);
    if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(reply, 5))
        ftpsfs_error_propagate_as(error, g_steal_pointer(&refusal), FTPSFS_ERROR_NOT_FOUND);
    else
        g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

/* Enters one directory after the other, awaiting the replies: what follows a refusal would happen
 * elsewhere. */
static gboolean go(Session *session, const char *path, GCancellable *cancel, GError **error)
{
    const char *here = known_directory(session);
    if ((here == NULL || !is_at_or_below(path, here)) && !enter_login(session, cancel, error))
        return FALSE;
    while (!g_str_equal(session->directory, path)) {
        gsize start = strlen(session->directory);
        start = start == 1 ? 1 : start + 1;
        gsize length = strcspn(path + start, "/");
        if (length == 0)
            break;
        g_autofree char *name = g_strndup(path + start, length);
        g_autofree char *reached = g_strndup(path, start + length);
        if (!enter_name(session, name, reached, cancel, error))
            return FALSE;
    }
    return TRUE;
}

/* ODS-5 has such characters in names, with '^' before them. */
static gboolean is_special(const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '^' && name[1] != '\0')
            name++;
        else if (strchr(VMS_SPECIAL, *name) != NULL)
            return TRUE;
    }
    return FALSE;
}

static gboolean check_name(const Session *session, const char *path, GError **error)
{
    const char *name = last_name(path);
    if (!path_argument_is_vms(session) || !is_special(name))
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INVALID,
                "\"%s\": a name on VMS can't hold any of %s", name, VMS_SPECIAL);
    return FALSE;
}

const char *path_argument_enter(Session *session, const char *path, GCancellable *cancel,
                                GError **error)
{
    if (!path_argument_is_relative(session))
        return path;
    g_autofree char *directory = directory_of(path);
    if (!check_name(session, path, error) || !go(session, directory, cancel, error))
        return NULL;
    return last_name(path);
}

gboolean path_argument_enter_directory(Session *session, const char *path, const char **argument,
                                       GCancellable *cancel, GError **error)
{
    *argument = path;
    if (!path_argument_is_relative(session))
        return TRUE;
    *argument = NULL;
    return go(session, path, cancel, error);
}

Reply *path_argument_directory_command(Session *session, const char *verb, const char *path,
                                       GCancellable *cancel, GError **error)
{
    const char *name = path_argument_enter(session, path, cancel, error);
    return name != NULL ? command_on_name(session, verb, name, cancel, error) : NULL;
}
