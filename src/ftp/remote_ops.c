/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remote_private.h"

#include <string.h>

#include "ftpsfs/util/error.h"

/* Sends "VERB argument" and takes 2xx for success. */
static gboolean simple(Session *session, const char *verb, const char *argument, const char *path,
                       GCancellable *cancel, GError **error)
{
    g_autoptr(Reply) reply = session_command(session, verb, argument, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2))
        return TRUE;
    remote_set_refusal(error, session, verb, path, reply, cancel);
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

static gboolean try_mkdir(Remote *remote, Session *session, gboolean repeated, gpointer data,
                          GCancellable *cancel, GError **error)
{
    (void)remote;
    const char *path = data;
    gboolean done = FALSE;
    if (repeated && !check_done(session, path, TRUE, &done, cancel, error))
        return FALSE;
    if (done)
        return TRUE;
    g_autoptr(Reply) reply = session_command(session, "MKD", path, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2))
        return TRUE;
    session_set_reply_error(error, "MKD", path, reply);
    /* Without a reason in words it is the permission; that the name exists is known to callers. */
    if (error != NULL && *error != NULL && ftpsfs_error_is(*error, FTPSFS_ERROR_IO) &&
        reply_is(reply, 5))
        (*error)->code = FTPSFS_ERROR_ACCESS;
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

static gboolean try_remove(Remote *remote, Session *session, gboolean repeated, gpointer data,
                           GCancellable *cancel, GError **error)
{
    (void)remote;
    const RemoveArgs *args = data;
    gboolean done = FALSE;
    if (repeated && !check_done(session, args->path, FALSE, &done, cancel, error))
        return FALSE;
    return done || simple(session, args->verb, args->path, args->path, cancel, error);
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
} RenameArgs;

/* RNFR and RNTO (RFC 959 section 4.1.3), one after the other: some servers forget RNFR's name when
 * the next command is read before its reply is out. */
static gboolean try_rename(Remote *remote, Session *session, gboolean repeated, gpointer data,
                           GCancellable *cancel, GError **error)
{
    (void)remote;
    const RenameArgs *args = data;
    gboolean gone = FALSE;
    gboolean there = FALSE;
    if (repeated && (!check_done(session, args->from, FALSE, &gone, cancel, error) ||
                     !check_done(session, args->to, TRUE, &there, cancel, error)))
        return FALSE;
    if (gone && there)
        return TRUE;
    g_autoptr(Reply) from = session_command(session, "RNFR", args->from, cancel, error);
    if (from == NULL)
        return FALSE;
    if (!reply_is(from, 3)) {
        remote_set_refusal(error, session, "RNFR", args->from, from, cancel);
        return FALSE;
    }
    g_autoptr(Reply) to = session_command(session, "RNTO", args->to, cancel, error);
    if (to == NULL)
        return FALSE;
    if (reply_is(to, 2))
        return TRUE;
    g_autoptr(GError) refusal = NULL;
    session_set_reply_error(&refusal, "RNTO", args->to, to);
    if (ftpsfs_error_is(refusal, FTPSFS_ERROR_IO) && reply_is(to, 5))
        refusal->code = remote_exists(session, args->to, cancel, NULL) ? FTPSFS_ERROR_EXISTS
                                                                       : FTPSFS_ERROR_ACCESS;
    g_propagate_error(error, g_steal_pointer(&refusal));
    return FALSE;
}

gboolean remote_rename(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                       GError **error)
{
    RenameArgs args = {.from = from, .to = to};
    return remote_run(remote, FALSE, try_rename, &args, cancel, error);
}

static gboolean try_symlink(Remote *remote, Session *session, gboolean repeated, gpointer data,
                            GCancellable *cancel, GError **error)
{
    const RenameArgs *args = data;
    g_autofree char *argument = g_strdup_printf("SYMLINK %s %s", args->from, args->to);
    g_autoptr(Reply) reply = session_command(session, "SITE", argument, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2)) {
        features_set(remote->context.features, FEATURE_SITE_SYMLINK, FEATURE_YES);
        return TRUE;
    }
    if (features_reply_unknown(reply)) {
        features_set(remote->context.features, FEATURE_SITE_SYMLINK, FEATURE_NO);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "%s: the server can't make symbolic links", args->to);
        return FALSE;
    }
    if (repeated && remote_exists(session, args->to, cancel, NULL))
        return TRUE;
    session_set_reply_error(error, "SITE SYMLINK", args->to, reply);
    return FALSE;
}

gboolean remote_symlink(Remote *remote, const char *target, const char *path, GCancellable *cancel,
                        GError **error)
{
    /* SITE SYMLINK takes two words and has no quoting. */
    if (!features_maybe(remote->context.features, FEATURE_SITE_SYMLINK) ||
        strchr(target, ' ') != NULL || strchr(path, ' ') != NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "%s: the server can't make symbolic links, or not with a space in a name",
                    path);
        return FALSE;
    }
    RenameArgs args = {.from = target, .to = path};
    return remote_run(remote, FALSE, try_symlink, &args, cancel, error);
}

/* ---- mode and modification time ---- */

typedef struct {
    const char *path;
    guint32 mode; /* or G_MAXUINT32 */
    gint64 mtime; /* or G_MININT64 */
} AttributeArgs;

/* One way to set an attribute: the command, and the feature that says whether the server has it. */
typedef struct {
    Feature feature;
    const char *verb;
    const char *format; /* %M mode in octal, %T time-val, %P path */
} Way;

static const Way mode_ways[] = {
    {FEATURE_MFF_MODE, "MFF", "UNIX.mode=%M; %P"},
    {FEATURE_SITE_CHMOD, "SITE", "CHMOD %M %P"},
};

static const Way mtime_ways[] = {
    {FEATURE_MFMT, "MFMT", "%T %P"},
    {FEATURE_MDTM_SET, "MDTM", "%T %P"},
    {FEATURE_SITE_UTIME, "SITE", "UTIME %T %P"},
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
            g_string_append(out, args->path);
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
           ((way->feature == FEATURE_MDTM_SET || way->feature == FEATURE_SITE_UTIME) &&
            reply_is(reply, 5));
}

/* The first way from *index on that the server has, or else may have; NULL when none is left. */
static const Way *choose_way(Features *features, const Way *ways, gsize n, gsize *index)
{
    for (gsize i = 0; i < n && *index == 0; i++)
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
    if (features_get(features, way->feature) != FEATURE_YES && may_be_unknown(way, reply)) {
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
        const Way *way = choose_way(session_context(session)->features, ways, n, &index);
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
    const AttributeArgs *args = data;
    Features *features = remote->context.features;
    gboolean set_mode = args->mode != G_MAXUINT32;
    gboolean set_mtime = args->mtime != G_MININT64;
    if (set_mode && set_mtime) {
        gsize mode_index = 0;
        gsize mtime_index = 0;
        const Way *mode = choose_way(features, mode_ways, G_N_ELEMENTS(mode_ways), &mode_index);
        const Way *mtime = choose_way(features, mtime_ways, G_N_ELEMENTS(mtime_ways), &mtime_index);
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

/* ---- space ---- */

typedef struct {
    const char *path;
    guint64 *bytes;
} SpaceArgs;

static gboolean try_available(Remote *remote, Session *session, gboolean repeated, gpointer data,
                              GCancellable *cancel, GError **error)
{
    (void)repeated;
    SpaceArgs *args = data;
    g_autoptr(Reply) reply = session_command(session, "AVBL", args->path, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply->code == 213) {
        *args->bytes = g_ascii_strtoull(g_ptr_array_index(reply->lines, 0), NULL, 10);
        return TRUE;
    }
    features_set(remote->context.features, FEATURE_AVBL, FEATURE_NO);
    session_set_reply_error(error, "AVBL", args->path, reply);
    return FALSE;
}

gboolean remote_available(Remote *remote, const char *path, guint64 *bytes, GCancellable *cancel,
                          GError **error)
{
    if (features_get(remote->context.features, FEATURE_AVBL) != FEATURE_YES) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "the server does not tell the space that is available");
        return FALSE;
    }
    SpaceArgs args = {.path = path, .bytes = bytes};
    return remote_run(remote, FALSE, try_available, &args, cancel, error);
}
