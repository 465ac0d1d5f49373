/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode, modification time, owner and group, each of which servers take by different commands: which
 * ones is learned. And the exchange that ends an upload.
 */
#include "remote_private.h"

#include "ftpsfs/ftp/dataport.h"
#include "ftpsfs/util/error.h"
#include "place.h"

typedef struct {
    const char *path;
    const char *name;  /* that the server is told */
    guint32 mode;      /* or G_MAXUINT32 */
    gint64 mtime;      /* or G_MININT64 */
    const char *owner; /* or group: a name or a number */
} AttributeArgs;

/* One way to set an attribute: the command, and the feature that says whether the server has it. */
typedef struct {
    Feature feature;
    const char *verb;
    const char *format; /* %M mode in octal, %T time-val, %O owner or group, %P path */
} Way;

static const Way mode_ways[] = {
    {FEATURE_MFF_MODE, "MFF", "UNIX.mode=%M; %P"},
    {FEATURE_SITE_CHMOD, "SITE", "CHMOD %M %P"},
};

static const Way mtime_ways[] = {
    {FEATURE_MFMT, "MFMT", "%T %P"},
    {FEATURE_MFF_MODIFY, "MFF", "Modify=%T; %P"},
    {FEATURE_MDTM_SET, "MDTM", "%T %P"},
    {FEATURE_SITE_UTIME, "SITE", "UTIME %T %P"},
    {FEATURE_SITE_UTIME_LONG, "SITE", "UTIME %P %T %T %T UTC"},
};

static const Way owner_ways[] = {
    {FEATURE_MFF_OWNER, "MFF", "UNIX.owner=%O; %P"},
    {FEATURE_SITE_CHOWN, "SITE", "CHOWN %O %P"},
};

static const Way group_ways[] = {
    {FEATURE_MFF_GROUP, "MFF", "UNIX.group=%O; %P"},
    {FEATURE_SITE_CHGRP, "SITE", "CHGRP %O %P"},
};

static char *format_argument(const char *format, const AttributeArgs *args)
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
static gboolean may_be_unknown(const Way *way, const Reply *reply)
{
    return features_reply_unknown(reply) ||
           ((way->feature == FEATURE_MDTM_SET || way->feature == FEATURE_SITE_UTIME ||
             way->feature == FEATURE_SITE_UTIME_LONG) &&
            reply_is(reply, 5));
}

/* The first way from *index on that the server has, or else may have; NULL when none is left. With
 * a path that SITE may misread, SITE is the last that is tried. */
static const Way *choose_way(Features *features, const Way *ways, gsize n, const char *path,
                             gsize *index)
{
    for (gsize i = 0; i < n && *index == 0 && remote_site_takes(path); i++)
        if (features_get(features, ways[i].feature) == FEATURE_YES)
            return &ways[i];
    for (; *index < n; (*index)++)
        if (features_maybe(features, ways[*index].feature))
            return &ways[*index];
    return NULL;
}

/* Judges the reply to `way`: done, failed (*error set), or *again with another way. */
static gboolean judge_way(Session *session, const Way *way, const char *path, const Reply *reply,
                          gboolean *again, GCancellable *cancel, GError **error)
{
    Features *features = session_context(session)->features;
    if (reply_is(reply, 2)) {
        features_set(features, way->feature, FEATURE_YES);
        return TRUE;
    }
    /* SITE HELP tells of UTIME, but not in which order it takes its words. */
    gboolean other_order = way->feature == FEATURE_SITE_UTIME && features_reply_unknown(reply);
    if ((features_get(features, way->feature) != FEATURE_YES || other_order) &&
        may_be_unknown(way, reply)) {
        if (features_reply_unknown(reply))
            features_set(features, way->feature, FEATURE_NO);
        *again = TRUE;
        return FALSE;
    }
    remote_set_refusal(error, session, way->verb, path, reply, cancel);
    return FALSE;
}

/* Sets one attribute, trying the ways until one works. */
static gboolean set_one(Session *session, const Way *ways, gsize n, const AttributeArgs *args,
                        const char *what, GCancellable *cancel, GError **error)
{
    for (gsize index = 0;; index++) {
        const Way *way =
            choose_way(session_context(session)->features, ways, n, args->path, &index);
        if (way == NULL) {
            g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                        "%s: the server has no command to set the %s of this", args->path, what);
            return FALSE;
        }
        g_autofree char *argument = format_argument(way->format, args);
        g_autoptr(Reply) reply = session_command(session, way->verb, argument, cancel, error);
        if (reply == NULL)
            return FALSE;
        gboolean again = FALSE;
        gboolean done = judge_way(session, way, args->path, reply, &again, cancel, error);
        if (!again)
            return done;
    }
}

static gboolean set_both(Session *session, const Way *mode_way, const Way *mtime_way,
                         const AttributeArgs *args, GCancellable *cancel, GError **error)
{
    g_autofree char *mode_argument = format_argument(mode_way->format, args);
    g_autofree char *mtime_argument = format_argument(mtime_way->format, args);
    if (!session_queue(session, mode_way->verb, mode_argument, error) ||
        !session_send(session, mtime_way->verb, mtime_argument, cancel, error))
        return FALSE;
    g_autoptr(Reply) mode = session_receive_final(session, cancel, error);
    g_autoptr(Reply) mtime = mode != NULL ? session_receive_final(session, cancel, error) : NULL;
    if (mtime == NULL) {
        session_drop_replies(session);
        return FALSE;
    }
    gboolean again = FALSE;
    return judge_way(session, mode_way, args->path, mode, &again, cancel, error) &&
           judge_way(session, mtime_way, args->path, mtime, &again, cancel, error);
}

static gboolean try_set_attributes(Remote *remote, Session *session, gboolean repeated,
                                   gpointer data, GCancellable *cancel, GError **error)
{
    (void)repeated;
    AttributeArgs *args = data;
    Features *features = remote->context.features;
    args->name = place_enter(session, args->path, cancel, error);
    if (args->name == NULL)
        return FALSE;
    gboolean set_mode = args->mode != G_MAXUINT32;
    gboolean set_mtime = args->mtime != G_MININT64;
    if (set_mode && set_mtime) {
        gsize mode_index = 0;
        gsize mtime_index = 0;
        const Way *mode =
            choose_way(features, mode_ways, G_N_ELEMENTS(mode_ways), args->path, &mode_index);
        const Way *mtime =
            choose_way(features, mtime_ways, G_N_ELEMENTS(mtime_ways), args->path, &mtime_index);
        if (mode != NULL && mtime != NULL && features_get(features, mode->feature) == FEATURE_YES &&
            features_get(features, mtime->feature) == FEATURE_YES)
            return set_both(session, mode, mtime, args, cancel, error);
    }
    return (!set_mode || set_one(session, mode_ways, G_N_ELEMENTS(mode_ways), args, "permissions",
                                 cancel, error)) &&
           (!set_mtime || set_one(session, mtime_ways, G_N_ELEMENTS(mtime_ways), args,
                                  "modification time", cancel, error));
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

static gboolean try_set_owner(Remote *remote, Session *session, gboolean repeated, gpointer data,
                              GCancellable *cancel, GError **error)
{
    (void)remote;
    (void)repeated;
    OwnerArgs *args = data;
    args->attributes.name = place_enter(session, args->attributes.path, cancel, error);
    if (args->attributes.name == NULL)
        return FALSE;
    if (args->kind == REMOTE_GROUP)
        return set_one(session, group_ways, G_N_ELEMENTS(group_ways), &args->attributes, "group",
                       cancel, error);
    return set_one(session, owner_ways, G_N_ELEMENTS(owner_ways), &args->attributes, "owner",
                   cancel, error);
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

/* ---- after an upload ---- */

typedef struct {
    AttributeArgs attributes;
    RemoteEntry *entry;
    RemoteLook *look; /* NULL: none */
    gboolean stored;  /* a store is over: the next one will want a data connection */
    gboolean mlst;    /* of all queries of the exchange, else by SIZE and MDTM */
} SettleArgs;

/* An attribute in the exchange. */
typedef struct {
    const Way *ways;
    gsize n;
    const char *what;
    const Way *way; /* that was sent; NULL: nothing was */
    Reply *reply;
} Setting;

static gboolean queue_setting(Session *session, Setting *setting, const AttributeArgs *args,
                              GError **error)
{
    gsize index = 0;
    setting->way = choose_way(session_context(session)->features, setting->ways, setting->n,
                              args->path, &index);
    if (setting->way == NULL)
        return TRUE;
    g_autofree char *argument = format_argument(setting->way->format, args);
    return session_queue(session, setting->way->verb, argument, error);
}

static gboolean receive_setting(Session *session, Setting *setting, GCancellable *cancel,
                                GError **error)
{
    if (setting->way != NULL)
        setting->reply = session_receive_final(session, cancel, error);
    return setting->way == NULL || setting->reply != NULL;
}

/* Judges the reply; tries the other ways when the server does not know this one. What the server
 * can't do is no failure of the upload. *again: something was set after the entry was asked for.
 * FALSE when the connection was lost. */
static gboolean end_setting(Session *session, const Setting *setting, const AttributeArgs *args,
                            gboolean *again, GCancellable *cancel, GError **error)
{
    if (setting->way == NULL)
        return TRUE;
    gboolean other = FALSE;
    g_autoptr(GError) failure = NULL;
    gboolean done =
        judge_way(session, setting->way, args->path, setting->reply, &other, cancel, &failure);
    if (other) {
        done = set_one(session, setting->ways, setting->n, args, setting->what, cancel, &failure);
        *again = *again || done;
    }
    if (done)
        return TRUE;
    if (ftpsfs_error_is_connection(failure) || ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_info("%s: the %s could not be set: %s", args->path, setting->what, failure->message);
    return TRUE;
}

/* The query at the end of the exchange. */
static gboolean send_query(Session *session, const SettleArgs *args, GCancellable *cancel,
                           GError **error)
{
    const char *name = args->attributes.name;
    STATS_ADD(session_context(session)->stats, stats, 1);
    if (args->mlst)
        return session_send(session, "MLST", name, cancel, error);
    return session_queue(session, "SIZE", name, error) &&
           session_send(session, "MDTM", name, cancel, error);
}

static gboolean receive_query(Remote *remote, Session *session, const SettleArgs *args,
                              GCancellable *cancel, GError **error)
{
    const char *path = args->attributes.path;
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL)
        return FALSE;
    if (args->mlst)
        return remote_take_mlst(remote, session, path, first, args->entry, error);
    g_autoptr(Reply) mdtm = session_receive_final(session, cancel, error);
    return mdtm != NULL &&
           remote_take_size_mdtm(session, path, first, mdtm, args->entry, cancel, error);
}

/* The whole exchange: all commands at once, then all replies. */
static gboolean exchange(Remote *remote, Session *session, Setting *mode, Setting *mtime,
                         const SettleArgs *args, GCancellable *cancel, GError **error)
{
    const AttributeArgs *attributes = &args->attributes;
    gboolean looks = FALSE;
    if ((attributes->mode != G_MAXUINT32 && !queue_setting(session, mode, attributes, error)) ||
        (attributes->mtime != G_MININT64 && !queue_setting(session, mtime, attributes, error)) ||
        !send_query(session, args, cancel, error) ||
        (args->look != NULL &&
         !remote_look_send(session, args->look, args->mlst, &looks, cancel, error)))
        return FALSE;
    if (args->stored)
        dataport_ask(session_dataport(session));
    return receive_setting(session, mode, cancel, error) &&
           receive_setting(session, mtime, cancel, error) &&
           receive_query(remote, session, args, cancel, error) &&
           (!looks || remote_look_receive(remote, session, args->look, args->mlst, cancel, error));
}

static gboolean settle(Remote *remote, Session *session, Setting *mode, Setting *mtime,
                       const SettleArgs *args, GCancellable *cancel, GError **error)
{
    const AttributeArgs *attributes = &args->attributes;
    if (!exchange(remote, session, mode, mtime, args, cancel, error)) {
        session_drop_replies(session);
        return FALSE;
    }
    gboolean again = FALSE;
    if (!end_setting(session, mode, attributes, &again, cancel, error) ||
        !end_setting(session, mtime, attributes, &again, cancel, error))
        return FALSE;
    if (!again)
        return TRUE;
    if (send_query(session, args, cancel, error) &&
        receive_query(remote, session, args, cancel, error))
        return TRUE;
    session_drop_replies(session);
    return FALSE;
}

static gboolean try_settle(Remote *remote, Session *session, gboolean repeated, gpointer data,
                           GCancellable *cancel, GError **error)
{
    (void)repeated;
    SettleArgs *args = data;
    args->attributes.name = place_enter(session, args->attributes.path, cancel, error);
    if (args->attributes.name == NULL)
        return FALSE;
    Setting mode = {.ways = mode_ways, .n = G_N_ELEMENTS(mode_ways), .what = "permissions"};
    Setting mtime = {
        .ways = mtime_ways, .n = G_N_ELEMENTS(mtime_ways), .what = "modification time"};
    args->mlst = remote_can(remote, REMOTE_CAN_MLST);
    gboolean ok = settle(remote, session, &mode, &mtime, args, cancel, error);
    g_clear_pointer(&mode.reply, reply_free);
    g_clear_pointer(&mtime.reply, reply_free);
    return ok;
}

gboolean remote_settle_on(Remote *remote, Session *session, const char *path, guint32 mode,
                          gint64 mtime, RemoteEntry *entry, RemoteLook *look, GCancellable *cancel,
                          GError **error)
{
    SettleArgs args = {.attributes = {.path = path, .mode = mode, .mtime = mtime},
                       .entry = entry,
                       .look = look,
                       .stored = TRUE};
    return try_settle(remote, session, FALSE, &args, cancel, error);
}

gboolean remote_settle(Remote *remote, const char *path, guint32 mode, gint64 mtime,
                       RemoteEntry *entry, GCancellable *cancel, GError **error)
{
    SettleArgs args = {.attributes = {.path = path, .mode = mode, .mtime = mtime}, .entry = entry};
    return remote_run(remote, FALSE, try_settle, &args, cancel, error);
}
