/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What some servers do with a file by themselves: copy it (SITE CPFR, CPTO of mod_copy), hash it
 * (HASH of draft-bryan-ftp-hash, XSHA256).
 */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "remote_private.h"

#define SHA256_DIGITS 64

typedef struct {
    const char *from;
    const char *to;
} CopyArgs;

static gboolean try_copy(Remote *remote, Session *session, gboolean repeated, gpointer data,
                         GCancellable *cancel, GError **error)
{
    (void)remote;
    (void)repeated; /* once more is as well */
    const CopyArgs *args = data;
    const char *const verbs[] = {"CPFR", "CPTO"};
    const char *const paths[] = {args->from, args->to};
    for (guint i = 0; i < 2; i++) {
        g_autofree char *argument = g_strdup_printf("%s %s", verbs[i], paths[i]);
        g_autoptr(Reply) reply = session_command(session, "SITE", argument, cancel, error);
        if (reply == NULL)
            return FALSE;
        if (!reply_is(reply, i == 0 ? 3 : 2)) {
            session_set_reply_error(error, verbs[i], paths[i], reply);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean remote_copy(Remote *remote, const char *from, const char *to, GCancellable *cancel,
                     GError **error)
{
    if (!remote_can(remote, REMOTE_CAN_COPY)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "the server can't copy files");
        return FALSE;
    }
    CopyArgs args = {.from = from, .to = to};
    return remote_run(remote, FALSE, try_copy, &args, cancel, error);
}

typedef struct {
    const char *path;
    char *hash;
} HashArgs;

/* The only word of the reply that is a SHA-256 in hexadecimal, in lower case. */
static char *find_hash(const Reply *reply)
{
    for (guint i = 0; i < reply->lines->len; i++) {
        g_auto(GStrv) words = g_strsplit_set(g_ptr_array_index(reply->lines, i), " \t", -1);
        for (char **word = words; *word != NULL; word++)
            if (strlen(*word) == SHA256_DIGITS &&
                strspn(*word, "0123456789abcdefABCDEF") == SHA256_DIGITS)
                return g_ascii_strdown(*word, -1);
    }
    return NULL;
}

static gboolean try_hash(Remote *remote, Session *session, gboolean repeated, gpointer data,
                         GCancellable *cancel, GError **error)
{
    (void)repeated;
    HashArgs *args = data;
    gboolean by_hash = features_get(remote->context.features, FEATURE_HASH) == FEATURE_YES;
    const char *verb = by_hash ? "HASH" : "XSHA256";
    /* Which hash HASH gives is a setting of the session. */
    if (by_hash && !session_queue(session, "OPTS", "HASH SHA-256", error))
        return FALSE;
    if (!session_send(session, verb, args->path, cancel, error)) {
        session_drop_replies(session);
        return FALSE;
    }
    g_autoptr(Reply) option = by_hash ? session_receive_final(session, cancel, error) : NULL;
    g_autoptr(Reply) reply =
        by_hash && option == NULL ? NULL : session_receive_final(session, cancel, error);
    if (reply == NULL) {
        session_drop_replies(session);
        return FALSE;
    }
    if (!reply_is(reply, 2)) {
        remote_set_refusal(error, session, verb, args->path, reply, cancel);
        return FALSE;
    }
    args->hash = option == NULL || reply_is(option, 2) ? find_hash(reply) : NULL;
    if (args->hash != NULL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                "%s: the server's answer to %s holds no SHA-256", args->path, verb);
    return FALSE;
}

char *remote_sha256(Remote *remote, const char *path, GCancellable *cancel, GError **error)
{
    if (!remote_can(remote, REMOTE_CAN_HASH)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED, "the server can't hash files");
        return NULL;
    }
    HashArgs args = {.path = path};
    return remote_run(remote, FALSE, try_hash, &args, cancel, error) ? args.hash : NULL;
}
