/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "login.h"

#include <string.h>

#include "ftpsfs/util/error.h"
#include "session_private.h"

static gboolean says_one_of(const Reply *reply, const char *const *words)
{
    g_autofree char *text = reply_text(reply);
    g_autofree char *lower = g_ascii_strdown(text, -1);
    for (; *words != NULL; words++) {
        if (strstr(lower, *words) != NULL)
            return TRUE;
    }
    return FALSE;
}

static gboolean is_limit(const Reply *reply)
{
    static const char *const words[] = {"too many", "maximum", "limit", NULL};
    return reply->code == 421 || says_one_of(reply, words);
}

static gboolean is_expired(const Reply *reply)
{
    static const char *const words[] = {"expire", "must be changed", "change your password", NULL};
    return says_one_of(reply, words);
}

static gboolean is_locked(const Reply *reply)
{
    static const char *const words[] = {"locked", "disabled", "suspended", NULL};
    return says_one_of(reply, words);
}

static void set_login_error(GError **error, const Session *session, const Reply *reply)
{
    const RemoteOptions *options = session->context->options;
    g_autofree char *text = reply_text(reply);
    const char *advice = "check user name and password";
    if (is_expired(reply))
        advice = "set a new password, by the means that the server's administrator offers";
    else if (is_locked(reply))
        advice = "ask the server's administrator to unlock the account";
    else if (is_limit(reply)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LIMIT,
                    "%s takes no more connections of %s: %d %s", options->host, options->user,
                    reply->code, text);
        return;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOGIN, "%s refuses the login of %s: %d %s; %s",
                options->host, options->user, reply->code, text, advice);
}

gboolean login_greet(Session *session, GCancellable *cancel, GError **error)
{
    pending_replies_push(&session->pending, (PendingReply){.who = PENDING_CALLER});
    session_note_sent(session);
    /* "120 Service ready in 3 minutes" is passed over. */
    g_autoptr(Reply) greeting = session_receive_final(session, cancel, error);
    if (greeting == NULL)
        return FALSE;
    if (greeting->code == 220)
        return TRUE;
    set_login_error(error, session, greeting);
    return FALSE;
}

/* RFC 7151 section 3. Its 220 is the greeting of the virtual host. */
static gboolean choose_host(Session *session, GCancellable *cancel, GError **error)
{
    const RemoteOptions *options = session->context->options;
    if (options->virtual_host == NULL)
        return TRUE;
    g_autoptr(Reply) reply = session_command(session, "HOST", options->virtual_host, cancel, error);
    if (reply == NULL)
        return FALSE;
    if (reply_is(reply, 2))
        return TRUE;
    g_autofree char *text = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOGIN,
                "%s has no virtual host %s (HOST: %d %s); correct -o ftp_host, or leave it out",
                options->host, options->virtual_host, reply->code, text);
    return FALSE;
}

static gboolean set_account_error(GError **error, const Session *session, const Reply *reply)
{
    const RemoteOptions *options = session->context->options;
    g_autofree char *text = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOGIN,
                "%s wants an account besides the password of %s (%d %s): add account=NAME to the "
                "file of -o credentials, or \"account NAME\" to the entry in ~/.netrc",
                options->host, options->user, reply->code, text);
    return FALSE;
}

/* What a server that lets the user in says of the password: that it will expire, that it has to be
 * changed. */
static void note_welcome(Session *session, const Reply *reply)
{
    static const char *const words[] = {"password", "expire", "warning", NULL};
    if (!says_one_of(reply, words))
        return;
    session->notice = reply_text(reply);
    g_message("%s says at the login of %s: %s", session->context->options->host,
              session->context->options->user, session->notice);
}

/* A reply that nobody asked for, taken as the one to USER, would pass for a login without a
 * password, and each later reply for that to the command before. FALSE: it is none to USER. */
static gboolean answers_user(Session *session, const Reply *reply, GError **error)
{
    if (!reply_is(reply, 2) || reply->code == 230 || reply->code == 232)
        return TRUE;
    session_break(session);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL,
                "%s answers USER with %d, which is no answer to it: its replies are out of step",
                session->context->options->host, reply->code);
    return FALSE;
}

/* RFC 959 section 5.4: any of the three may be the last. */
static gboolean log_in(Session *session, gboolean first, GCancellable *cancel, GError **error)
{
    const RemoteOptions *options = session->context->options;
    const char *password = options->password != NULL ? secret_peek(options->password) : "";
    gboolean password_sent = FALSE;
    gboolean account_sent = FALSE;
    g_autoptr(Reply) reply = session_command(session, "USER", options->user, cancel, error);
    if (reply != NULL && !answers_user(session, reply, error))
        return FALSE;
    while (reply != NULL) {
        const char *verb = NULL;
        if (reply->code == 331 && !password_sent)
            verb = "PASS";
        else if (reply->code == 332 && !account_sent)
            verb = "ACCT";
        if (verb == NULL)
            break;
        gboolean account = *verb == 'A';
        if (account && options->account == NULL)
            return set_account_error(error, session, reply);
        password_sent |= !account;
        account_sent |= account;
        g_clear_pointer(&reply, reply_free);
        reply = session_command(session, verb, account ? secret_peek(options->account) : password,
                                cancel, error);
    }
    if (reply == NULL)
        return FALSE;
    if (!reply_is(reply, 2)) {
        set_login_error(error, session, reply);
        return FALSE;
    }
    if (first)
        note_welcome(session, reply);
    return TRUE;
}

gboolean login_identify(Session *session, gboolean first, GCancellable *cancel, GError **error)
{
    return choose_host(session, cancel, error) && log_in(session, first, cancel, error);
}

/* Old implicit servers encrypt data without having the command, and some want an AUTH before it
 * that makes no sense there. If such a one does not encrypt, the data connection's handshake fails;
 * nothing is ever sent in clear. */
static gboolean is_protected(const Session *session, const Reply *prot)
{
    return reply_is(prot, 2) || features_reply_unknown(prot) ||
           (prot->code == 503 && !session->context->options->explicit_tls);
}

gboolean login_protect(Session *session, const Reply *prot, GCancellable *cancel, GError **error)
{
    g_autoptr(Reply) again = NULL;
    if (prot->code == 503) {
        /* PBSZ's refusal changes nothing, so that its reply is not looked at. */
        g_autoptr(Reply) pbsz = session_command(session, "PBSZ", "0", cancel, error);
        again = pbsz != NULL ? session_command(session, "PROT", "P", cancel, error) : NULL;
        if (again == NULL)
            return FALSE;
        prot = again;
    }
    if (is_protected(session, prot))
        return TRUE;
    g_autofree char *text = reply_text(prot);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "%s refuses to encrypt data connections (PROT P: %d %s); ftpsfs sends nothing "
                "without encryption",
                session->context->options->host, prot->code, text);
    return FALSE;
}

/* ---- ftp_init ---- */

gboolean login_run_commands(Session *session, GCancellable *cancel, GError **error)
{
    const char *const *commands = session->context->options->init_commands;
    for (gsize i = 0; commands != NULL && commands[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(commands[i], " ", 2);
        g_autoptr(Reply) reply = session_command(session, words[0], words[1], cancel, error);
        if (reply == NULL)
            return FALSE;
        if (reply_is(reply, 2))
            continue;
        g_autofree char *text = reply_text(reply);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOGIN,
                    "%s refuses \"%s\" of -o ftp_init: %d %s", session->context->options->host,
                    commands[i], reply->code, text);
        return FALSE;
    }
    return TRUE;
}
