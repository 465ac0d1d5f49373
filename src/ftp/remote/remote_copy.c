/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What some servers do with a file by themselves: copy it (SITE CPFR, CPTO of mod_copy), hash it
 * (HASH of draft-bryan-ftp-hash, MD5 of
 * draft-twine-ftpmd5, XSHA256, XMD5).
 */
#include <string.h>

#include "ftp/session/path_argument.h"
#include "ftpsfs/util/error.h"
#include "remote_private.h"

typedef struct {
    const char *from;
    const char *to;
} CopyArgs;

static gboolean try_copy(const RemoteTry *try, gpointer data, GError **error)
{
    (void)try->repeated; /* once more is as well */
    const CopyArgs *args = data;
    const char *const verbs[] = {"CPFR", "CPTO"};
    const char *const paths[] = {args->from, args->to};
    for (guint i = 0; i < 2; i++) {
        g_autofree char *argument = g_strdup_printf("%s %s", verbs[i], paths[i]);
        g_autoptr(Reply) reply =
            session_command(try->session, "SITE", argument, try->cancel, error);
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
    if (!remote_can(remote, REMOTE_CAN_COPY) || !remote_can(remote, REMOTE_CAN_MOVE) ||
        !remote_site_takes(from) || !remote_site_takes(to)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "the server can't copy files, or none of such a name");
        return FALSE;
    }
    CopyArgs args = {.from = from, .to = to};
    return remote_run(remote, FALSE, try_copy, &args, cancel, error);
}

/* One way to a hash: the server's command, and what OPTS HASH is to choose before it. */
typedef struct {
    Feature feature;
    const char *verb;
    const char *option;
} HashMethod;

typedef struct {
    const char *name;
    gsize digits;
    HashMethod methods[3]; /* the first that the server has is taken */
} HashKind;

static const HashKind kinds[] = {
    [REMOTE_HASH_SHA256] = {"SHA-256",
                            64,
                            {{FEATURE_HASH, "HASH", "HASH SHA-256"},
                             {FEATURE_XSHA256, "XSHA256", NULL}}},
    [REMOTE_HASH_MD5] = {"MD5",
                         32,
                         {{FEATURE_HASH_MD5, "HASH", "HASH MD5"},
                          {FEATURE_XMD5, "XMD5", NULL},
                          {FEATURE_MD5, "MD5", NULL}}},
};

typedef struct {
    const HashKind *kind;
    const HashMethod *method;
    const char *path;
    char *hash;
} HashArgs;

/* The first word of the reply that is as long a number in hexadecimal, in lower case. */
static char *find_hash(const Reply *reply, gsize digits)
{
    for (guint i = 0; i < reply->lines->len; i++) {
        g_auto(GStrv) words = g_strsplit_set(g_ptr_array_index(reply->lines, i), " \t", -1);
        for (char **word = words; *word != NULL; word++)
            if (strlen(*word) == digits && strspn(*word, "0123456789abcdefABCDEF") == digits)
                return g_ascii_strdown(*word, -1);
    }
    return NULL;
}

static gboolean try_hash(const RemoteTry *try, gpointer data, GError **error)
{
    HashArgs *args = data;
    const HashMethod *method = args->method;
    const char *name = path_argument_enter(try->session, args->path, try->cancel, error);
    if (name == NULL)
        return FALSE;
    /* Which hash HASH gives is a setting of the try->session. */
    if (method->option != NULL && !session_queue(try->session, "OPTS", method->option, error))
        return FALSE;
    if (!session_send(try->session, method->verb, name, try->cancel, error)) {
        session_drop_replies(try->session);
        return FALSE;
    }
    g_autoptr(Reply) option =
        method->option != NULL ? session_receive_final(try->session, try->cancel, error) : NULL;
    g_autoptr(Reply) reply = method->option != NULL && option == NULL
                                 ? NULL
                                 : session_receive_final(try->session, try->cancel, error);
    if (reply == NULL) {
        session_drop_replies(try->session);
        return FALSE;
    }
    if (!reply_is(reply, 2)) {
        remote_set_refusal(error, try->session, method->verb, args->path, reply, try->cancel);
        return FALSE;
    }
    if (option == NULL || reply_is(option, 2))
        args->hash = find_hash(reply, args->kind->digits);
    if (args->hash != NULL)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                "%s: the server's answer to %s holds no %s", args->path, method->verb,
                args->kind->name);
    return FALSE;
}

char *remote_hash(Remote *remote, RemoteHash kind, const char *path, GCancellable *cancel,
                  GError **error)
{
    HashArgs args = {.kind = &kinds[kind], .path = path};
    for (gsize i = 0; i < G_N_ELEMENTS(kinds[kind].methods) && args.method == NULL; i++) {
        const HashMethod *method = &kinds[kind].methods[i];
        if (method->verb != NULL &&
            features_get(remote->context.features, method->feature) == FEATURE_YES)
            args.method = method;
    }
    if (args.method == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_UNSUPPORTED,
                    "the server does not tell the %s of files", kinds[kind].name);
        return NULL;
    }
    return remote_run(remote, FALSE, try_hash, &args, cancel, error) ? args.hash : NULL;
}
