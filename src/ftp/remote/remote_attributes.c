/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode, modification time, owner and group, each of which servers take by different commands: which
 * ones is learned.
 */
#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_methods.h"

static const RemoteMethod mode_methods[] = {
    {FEATURE_MFF_MODE, "MFF", "UNIX.mode=%M; %P"},
    {FEATURE_SITE_CHMOD, "SITE", "CHMOD %M %P"},
};

static const RemoteMethod mtime_methods[] = {
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

const RemoteAttribute remote_method_mode = {"permissions", mode_methods,
                                            G_N_ELEMENTS(mode_methods)};
const RemoteAttribute remote_method_mtime = {"modification time", mtime_methods,
                                             G_N_ELEMENTS(mtime_methods)};
static const RemoteAttribute owner_attribute = {"owner", owner_methods,
                                                G_N_ELEMENTS(owner_methods)};
static const RemoteAttribute group_attribute = {"group", group_methods,
                                                G_N_ELEMENTS(group_methods)};

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

const RemoteMethod *remote_method_choose(Features *features, const RemoteAttribute *attribute,
                                         const char *path, gsize *index)
{
    const RemoteMethod *methods = attribute->methods;
    for (gsize i = 0; i < attribute->n && *index == 0 && remote_site_takes(path); i++)
        if (features_get(features, methods[i].feature) == FEATURE_YES)
            return &methods[i];
    for (; *index < attribute->n; (*index)++)
        if (features_maybe(features, methods[*index].feature))
            return &methods[*index];
    return NULL;
}

RemoteMethodOutcome remote_method_judge(Session *session, const RemoteMethod *method,
                                        const char *path, const Reply *reply, GCancellable *cancel,
                                        GError **error)
{
    Features *features = session_context(session)->features;
    if (reply_is(reply, 2)) {
        features_set(features, method->feature, FEATURE_YES);
        return REMOTE_METHOD_DONE;
    }
    /* SITE HELP tells of UTIME, but not in which order it takes its words. */
    gboolean other_order = method->feature == FEATURE_SITE_UTIME && features_reply_unknown(reply);
    if ((features_get(features, method->feature) != FEATURE_YES || other_order) &&
        may_be_unknown(method, reply)) {
        if (features_reply_unknown(reply))
            features_set(features, method->feature, FEATURE_NO);
        return REMOTE_METHOD_REPEAT;
    }
    remote_set_refusal(error, session, method->verb, path, reply, cancel);
    return REMOTE_METHOD_FAILED;
}

gboolean remote_method_set(Session *session, const RemoteAttribute *attribute,
                           const AttributeArgs *args, GCancellable *cancel, GError **error)
{
    for (gsize index = 0;; index++) {
        const RemoteMethod *method =
            remote_method_choose(session_context(session)->features, attribute, args->path, &index);
        if (method == NULL) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                        "%s: the server has no command to set the %s of this", args->path,
                        attribute->what);
            return FALSE;
        }
        g_autofree char *argument = remote_method_argument(method->format, args);
        g_autoptr(Reply) reply = session_command(session, method->verb, argument, cancel, error);
        if (reply == NULL)
            return FALSE;
        RemoteMethodOutcome outcome =
            remote_method_judge(session, method, args->path, reply, cancel, error);
        if (outcome != REMOTE_METHOD_REPEAT)
            return outcome == REMOTE_METHOD_DONE;
    }
}

/* Judges the reply to `method`; where that was not the right one after all, tries them in turn. */
static gboolean end_setting(const RemoteTry *try, const RemoteAttribute *attribute,
                            const RemoteMethod *method, const AttributeArgs *args,
                            const Reply *reply, GError **error)
{
    RemoteMethodOutcome outcome =
        remote_method_judge(try->session, method, args->path, reply, try->cancel, error);
    if (outcome == REMOTE_METHOD_REPEAT)
        return remote_method_set(try->session, attribute, args, try->cancel, error);
    return outcome == REMOTE_METHOD_DONE;
}

static gboolean set_both(const RemoteTry *try, const RemoteMethod *mode_method,
                         const RemoteMethod *mtime_method, const AttributeArgs *args,
                         GError **error)
{
    Session *session = try->session;
    g_autofree char *mode_argument = remote_method_argument(mode_method->format, args);
    g_autofree char *mtime_argument = remote_method_argument(mtime_method->format, args);
    if (!session_queue(session, mode_method->verb, mode_argument, error) ||
        !session_send(session, mtime_method->verb, mtime_argument, try->cancel, error))
        return FALSE;
    g_autoptr(Reply) mode = session_receive_final(session, try->cancel, error);
    g_autoptr(Reply) mtime =
        mode != NULL ? session_receive_final(session, try->cancel, error) : NULL;
    if (mtime == NULL) {
        session_drop_replies(session);
        return FALSE;
    }
    return end_setting(try, &remote_method_mode, mode_method, args, mode, error) &&
           end_setting(try, &remote_method_mtime, mtime_method, args, mtime, error);
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
            remote_method_choose(features, &remote_method_mode, args->path, &mode_index);
        const RemoteMethod *mtime =
            remote_method_choose(features, &remote_method_mtime, args->path, &mtime_index);
        if (mode != NULL && mtime != NULL && features_get(features, mode->feature) == FEATURE_YES &&
            features_get(features, mtime->feature) == FEATURE_YES)
            return set_both(try, mode, mtime, args, error);
    }
    return (!set_mode ||
            remote_method_set(try->session, &remote_method_mode, args, try->cancel, error)) &&
           (!set_mtime ||
            remote_method_set(try->session, &remote_method_mtime, args, try->cancel, error));
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
    return remote_method_set(try->session,
                             args->kind == REMOTE_GROUP ? &group_attribute : &owner_attribute,
                             &args->attributes, try->cancel, error);
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
