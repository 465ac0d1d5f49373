/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode, modification time, owner and group, each of which servers take by different commands: which
 * ones is learned.
 */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_methods.h"

const RemoteMethod remote_mode_methods[REMOTE_MODE_METHODS] = {
    {FEATURE_MFF_MODE, "MFF", "UNIX.mode=%M; %P"},
    {FEATURE_SITE_CHMOD, "SITE", "CHMOD %M %P"},
};

const RemoteMethod remote_mtime_methods[REMOTE_MTIME_METHODS] = {
    {FEATURE_MFMT, "MFMT", "%T %P"},
    {FEATURE_MFF_MODIFY, "MFF", "Modify=%T; %P"},
    {FEATURE_MDTM_SET, "MDTM", "%T %P"},
    {FEATURE_SITE_UTIME, "SITE", "UTIME %T %P"},
    {FEATURE_SITE_UTIME_LONG, "SITE", "UTIME %P %T %T %T UTC"},
};

static const RemoteMethod owner_methods[] = {
    {FEATURE_MFF_OWNER, "MFF", "UNIX.owner=%O; %P"},
    {FEATURE_SITE_CHOWN, "SITE", "CHOWN %O %P"},
};

static const RemoteMethod group_methods[] = {
    {FEATURE_MFF_GROUP, "MFF", "UNIX.group=%O; %P"},
    {FEATURE_SITE_CHGRP, "SITE", "CHGRP %O %P"},
};

char *remote_method_argument(const char *format, const AttributeArgs *args)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            g_string_append_c(out, *p);
            continue;
        }
        p++;
        if (*p == 'M') {
            g_string_append_printf(out, "%04o", args->mode & 07777);
        } else if (*p == 'P') {
            g_string_append(out, args->name);
        } else if (*p == 'O') {
            g_string_append(out, args->owner);
        } else {
            g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(args->mtime);
            g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y%m%d%H%M%S") : NULL;
            g_string_append(out, text != NULL ? text : "19700101000000");
        }
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* MDTM with a time is answered like a query by servers that don't take it for a time: they look
 * for a file of that name, and don't find it. That says nothing of other files, so that only a
 * reply that the command is unknown is remembered. */
static gboolean may_be_unknown(const RemoteMethod *method, const Reply *reply)
{
    return features_reply_unknown(reply) ||
           ((method->feature == FEATURE_MDTM_SET || method->feature == FEATURE_SITE_UTIME ||
             method->feature == FEATURE_SITE_UTIME_LONG) &&
            reply_is(reply, 5));
}

const RemoteMethod *remote_method_choose(Features *features, const RemoteMethod *methods, gsize n,
                                         const char *path, gsize *index)
{
    for (gsize i = 0; i < n && *index == 0 && remote_site_takes(path); i++)
        if (features_get(features, methods[i].feature) == FEATURE_YES)
            return &methods[i];
    for (; *index < n; (*index)++)
        if (features_maybe(features, methods[*index].feature))
            return &methods[*index];
    return NULL;
}

gboolean remote_method_judge(Session *session, const RemoteMethod *method, const char *path,
                             const Reply *reply, gboolean *again, GCancellable *cancel,
                             GError **error)
{
    Features *features = session_context(session)->features;
    if (reply_is(reply, 2)) {
        features_set(features, method->feature, FEATURE_YES);
        return TRUE;
    }
    /* SITE HELP tells of UTIME, but not in which order it takes its words. */
    gboolean other_order = method->feature == FEATURE_SITE_UTIME && features_reply_unknown(reply);
    if ((features_get(features, method->feature) != FEATURE_YES || other_order) &&
        may_be_unknown(method, reply)) {
        if (features_reply_unknown(reply))
            features_set(features, method->feature, FEATURE_NO);
        *again = TRUE;
        return FALSE;
    }
    remote_set_refusal(error, session, method->verb, path, reply, cancel);
    return FALSE;
}

gboolean remote_method_set(Session *session, const RemoteMethod *methods, gsize n,
                           const AttributeArgs *args, const char *what, GCancellable *cancel,
                           GError **error)
{
    for (gsize index = 0;; index++) {
        const RemoteMethod *method = remote_method_choose(session_context(session)->features,
                                                          methods, n, args->path, &index);
        if (method == NULL) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                        "%s: the server has no command to set the %s of this", args->path, what);
            return FALSE;
        }
        g_autofree char *argument = remote_method_argument(method->format, args);
        g_autoptr(Reply) reply = session_command(session, method->verb, argument, cancel, error);
        if (reply == NULL)
            return FALSE;
        gboolean again = FALSE;
        gboolean done =
            remote_method_judge(session, method, args->path, reply, &again, cancel, error);
        if (!again)
            return done;
    }
}

/* Takes the reply to a method that was known to work. A server that does not know it any more is
 * asked by the others. */
static gboolean take_reply(Session *session, const RemoteMethod *method, const Reply *reply,
                           const AttributeArgs *args, GCancellable *cancel, GError **error)
{
    gboolean mode = method->feature == FEATURE_MFF_MODE || method->feature == FEATURE_SITE_CHMOD;
    gboolean again = FALSE;
    if (remote_method_judge(session, method, args->path, reply, &again, cancel, error))
        return TRUE;
    return again && remote_method_set(session, mode ? remote_mode_methods : remote_mtime_methods,
                                      mode ? REMOTE_MODE_METHODS : REMOTE_MTIME_METHODS, args,
                                      mode ? "permissions" : "modification time", cancel, error);
}

static gboolean set_both(Session *session, const RemoteMethod *mode_method,
                         const RemoteMethod *mtime_method, const AttributeArgs *args,
                         GCancellable *cancel, GError **error)
{
    g_autofree char *mode_argument = remote_method_argument(mode_method->format, args);
    g_autofree char *mtime_argument = remote_method_argument(mtime_method->format, args);
    if (!session_queue(session, mode_method->verb, mode_argument, error) ||
        !session_send(session, mtime_method->verb, mtime_argument, cancel, error))
        return FALSE;
    g_autoptr(Reply) mode = session_receive_final(session, cancel, error);
    g_autoptr(Reply) mtime = mode != NULL ? session_receive_final(session, cancel, error) : NULL;
    if (mtime == NULL) {
        session_drop_replies(session);
        return FALSE;
    }
    return take_reply(session, mode_method, mode, args, cancel, error) &&
           take_reply(session, mtime_method, mtime, args, cancel, error);
}

static gboolean try_set_attributes(const RemoteTry *try, gpointer data, GError **error)
{
    AttributeArgs *args = data;
    Features *features = try->remote->context.features;
    args->name = path_argument_enter(try->session, args->path, try->cancel, error);
    if (args->name == NULL)
        return FALSE;
    gboolean set_mode = args->mode != G_MAXUINT32;
    gboolean set_mtime = args->mtime != G_MININT64;
    if (set_mode && set_mtime) {
        gsize mode_index = 0;
        gsize mtime_index = 0;
        const RemoteMethod *mode =
            remote_method_choose(features, remote_mode_methods, G_N_ELEMENTS(remote_mode_methods),
                                 args->path, &mode_index);
        const RemoteMethod *mtime =
            remote_method_choose(features, remote_mtime_methods, G_N_ELEMENTS(remote_mtime_methods),
                                 args->path, &mtime_index);
        if (mode != NULL && mtime != NULL && features_get(features, mode->feature) == FEATURE_YES &&
            features_get(features, mtime->feature) == FEATURE_YES)
            return set_both(try->session, mode, mtime, args, try->cancel, error);
    }
    return (!set_mode ||
            remote_method_set(try->session, remote_mode_methods, G_N_ELEMENTS(remote_mode_methods),
                              args, "permissions", try->cancel, error)) &&
           (!set_mtime || remote_method_set(try->session, remote_mtime_methods,
                                            G_N_ELEMENTS(remote_mtime_methods), args,
                                            "modification time", try->cancel, error));
}

gboolean remote_set_attributes(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                               GCancellable *cancel, GError **error)
{
    AttributeArgs args = {.path = path, .mode = mode, .mtime = mtime};
    return remote_run(remote, FALSE, try_set_attributes, &args, cancel, error);
}

/* ---- owner and group ---- */

typedef struct {
    AttributeArgs attributes;
    RemoteAccount kind;
} OwnerArgs;

static gboolean try_set_owner(const RemoteTry *try, gpointer data, GError **error)
{
    OwnerArgs *args = data;
    args->attributes.name =
        path_argument_enter(try->session, args->attributes.path, try->cancel, error);
    if (args->attributes.name == NULL)
        return FALSE;
    if (args->kind == REMOTE_GROUP)
        return remote_method_set(try->session, group_methods, G_N_ELEMENTS(group_methods),
                                 &args->attributes, "group", try->cancel, error);
    return remote_method_set(try->session, owner_methods, G_N_ELEMENTS(owner_methods),
                             &args->attributes, "owner", try->cancel, error);
}

/* The commands end the name at a space or a semicolon. */
static gboolean can_be_sent(const char *account)
{
    for (const char *p = account; *p != '\0'; p++)
        if (g_ascii_isspace(*p) || g_ascii_iscntrl(*p) || *p == ';')
            return FALSE;
    return *account != '\0';
}

gboolean remote_set_owner(Remote *remote, const char *path, RemoteAccount kind, const char *account,
                          GCancellable *cancel, GError **error)
{
    if (!can_be_sent(account)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "%s: the name \"%s\" can't be told to the server", path, account);
        return FALSE;
    }
    OwnerArgs args = {.attributes = {.path = path, .owner = account}, .kind = kind};
    return remote_run(remote, FALSE, try_set_owner, &args, cancel, error);
}
