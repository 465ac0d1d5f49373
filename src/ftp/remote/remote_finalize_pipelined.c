/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exchange that finalizes an upload, sent before the server has confirmed the upload: a server
 * that takes one command after the other answers both in one round trip. None of these commands can
 * end the upload, and none of the answers confirms it.
 *
 * Once a mount one question alone is sent so, behind a small upload that is ended. What comes first
 * and what comes then decides, with nothing guessed from words:
 *
 *   first reply     replies behind it       the upload is    ask early again?
 *   ------------    --------------------    -------------    ----------------
 *   confirmation    the answer              confirmed        yes
 *   confirmation    none, or another one    confirmed        no
 *   answer          a confirmation          confirmed        no
 *   answer          a refusal               refused          no
 *   answer          none                    lost             no
 *   refusal         a confirmation          confirmed        no
 *   refusal         no confirmation         refused          no, if the connection was lost
 *   none            -                       lost             no
 *
 * The same holds once it is known to work. An upload that is lost is sent once more by the caller,
 * and so is one that was refused behind the very first question: that may have been the reason.
 */
#include "ftp/session/path_argument.h"
#include "ftp/session/trial.h"
#include "ftp/transfer/dataport.h"
#include "ftpsfs/util/error.h"
#include "remote_finalize.h"

/* Of larger uploads the end is no great part, and what was misunderstood is sent again. */
#define EARLY_MAX (1024 * 1024)

/* How long replies that should have come with the others are waited for: Pure-FTPd drops a question
 * that comes during an upload. */
#define MISSING_S 2

typedef struct {
    Finalize *finalize;
    Transfer *transfer;
    Trial trial;
} Early;

/* Whether it may be sent: an upload's own time would be gone if it was set before the last of its
 * data, and where one has to go into a directory first, that is no question. */
static gboolean may_be_early(Early *early)
{
    const Finalize *finalize = early->finalize;
    return finalize->attributes.mtime == G_MININT64 &&
           !path_argument_is_relative(finalize->session) &&
           transfer_bytes(early->transfer) <= EARLY_MAX &&
           trial_begin(&early->trial, session_context(finalize->session)->features,
                       FEATURE_STAT_EARLY);
}

/* No reply has come: the caller was interrupted, or the connection is gone. That may have had other
 * reasons; where it has worked before, the next upload tries anew. */
static void end_lost(Early *early)
{
    if (!session_is_broken(early->finalize->session) || early->trial.first)
        trial_end(&early->trial,
                  session_is_broken(early->finalize->session) ? TRIAL_FAILED : TRIAL_UNDECIDED);
    else
        features_change(early->trial.features, early->trial.feature, FEATURE_YES, FEATURE_UNKNOWN);
}

/* ---- out of turn ---- */

/* Whether `reply` is nothing but the confirmation of an upload. */
static gboolean confirms(const Early *early, const Reply *reply)
{
    /* 250 may also be said of the mode, and of the directory that is at the path looked at. */
    const Finalize *finalize = early->finalize;
    return reply->code == 226 ||
           (reply->code == 250 && finalize->mode.method == NULL && !finalize->extra_sent &&
            !remote_finalize_is_answer(finalize, reply));
}

/* The verdict on the upload, when `first` was none that confirms it: among the replies that are
 * still to come, or else that. NULL: the server has not given one. */
static Reply *find_verdict(const Early *early, const Reply *first, GCancellable *cancel)
{
    Session *session = early->finalize->session;
    g_autoptr(Reply) refusal = NULL;
    g_autoptr(GError) failure = NULL;
    session_hurry(session, MISSING_S);
    while (session_owes_replies(session)) {
        g_autoptr(Reply) reply = session_receive_final(session, cancel, &failure);
        if (reply == NULL) {
            g_debug("%s: %s", early->finalize->attributes.path, failure->message);
            break;
        }
        if (confirms(early, reply))
            return g_steal_pointer(&reply);
        if (!reply_is(reply, 2)) {
            reply_free(refusal);
            refusal = g_steal_pointer(&reply);
        }
    }
    return remote_finalize_is_answer(early->finalize, first) ? g_steal_pointer(&refusal)
                                                             : reply_copy(first);
}

/* The server answers during a transfer, or refuses to. TRUE: the upload is confirmed all the same.
 */
static gboolean judge_out_of_turn(Early *early, const Reply *first, GCancellable *cancel,
                                  GError **error)
{
    g_autoptr(GError) failure = NULL;
    Session *session = early->finalize->session;
    gboolean answered = remote_finalize_is_answer(early->finalize, first);
    g_autoptr(Reply) verdict = find_verdict(early, first, cancel);
    gboolean confirmed = verdict != NULL && reply_is(verdict, 2);
    if (confirmed || answered || early->trial.first)
        trial_end(&early->trial, TRIAL_FAILED);
    session_drop_replies(session);
    if (verdict == NULL) {
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                    "%s: the server does not say that it has the file",
                    early->finalize->attributes.path);
        return FALSE;
    }
    if (transfer_judge(early->transfer, verdict, &failure))
        return TRUE;
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION))
        trial_end(&early->trial, TRIAL_FAILED);
    else if (early->trial.first && !ftpsfs_error_is(failure, FTPSFS_ERROR_NO_SPACE)) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "%s", failure->message);
        return FALSE;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- the early exchange ---- */

/* Sends what comes early. The first time that is one question: some servers take all that has come
 * meanwhile for one command. */
static gboolean send_early(Early *early, GCancellable *cancel, GError **error)
{
    Finalize *finalize = early->finalize;
    if (early->trial.first)
        return remote_finalize_ask(finalize, cancel, error);
    finalize->marked = finalize->attributes.mode != G_MAXUINT32;
    return remote_finalize_send(finalize, cancel, error);
}

/* After the upload, which then wants another data connection. */
static gboolean finalize_in_turn(Finalize *finalize, GCancellable *cancel, GError **error)
{
    finalize->marked = FALSE;
    if (!remote_finalize_begin(finalize, cancel, error) ||
        !remote_finalize_send(finalize, cancel, error))
        return FALSE;
    dataport_ask(dataport_of(finalize->session));
    return remote_finalize_receive(finalize, cancel, error);
}

/* A server that mixes replies up may owe one for ever. */
static gboolean finalize_again(Finalize *finalize, GCancellable *cancel, GError **error)
{
    session_hurry(finalize->session, 0);
    return session_drain(finalize->session, MISSING_S, cancel, error) &&
           finalize_in_turn(finalize, cancel, error);
}

/* The upload that had the first question behind it is confirmed. A NOOP behind that shows at once
 * when the question was dropped: its reply is the next then. */
static gboolean receive_first(Early *early, GCancellable *cancel, GError **error)
{
    Session *session = early->finalize->session;
    if (!session_send(session, "NOOP", NULL, cancel, error))
        return FALSE;
    g_autoptr(Reply) next = session_receive_final(session, cancel, error);
    if (next == NULL) {
        session_drop_replies(session);
        end_lost(early);
        return FALSE;
    }
    gboolean answered = remote_finalize_is_answer(early->finalize, next);
    trial_end(&early->trial, answered ? TRIAL_WORKED : TRIAL_FAILED);
    g_autoptr(Reply) last = NULL;
    if (answered || !reply_is(next, 2))
        last = session_receive_final(session, cancel, error);
    else
        session_forget_reply(session);
    return (last != NULL || !answered) && finalize_in_turn(early->finalize, cancel, error);
}

/* The upload is confirmed: takes the answers. */
static gboolean receive_early(Early *early, GCancellable *cancel, GError **error)
{
    Finalize *finalize = early->finalize;
    g_autoptr(GError) failure = NULL;
    session_hurry(finalize->session, MISSING_S);
    if (early->trial.first)
        return receive_first(early, cancel, error);
    if (remote_finalize_receive(finalize, cancel, &failure)) {
        trial_end(&early->trial, TRIAL_WORKED);
        dataport_ask(dataport_of(finalize->session));
        return TRUE;
    }
    gboolean finalized = FALSE;
    if (!session_is_broken(finalize->session) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        g_debug("asking again: %s", failure->message);
        g_clear_error(&failure);
        finalized = finalize_again(finalize, cancel, &failure);
    }
    if (finalized || ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT))
        trial_end(&early->trial, TRIAL_FAILED);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return finalized;
}

/* TRUE: the upload is confirmed, *finalized as it says. The transfer is left to be freed. */
static gboolean end_early(Early *early, gboolean *finalized, GCancellable *cancel, GError **error)
{
    Session *session = early->finalize->session;
    g_autoptr(GError) failure = NULL;
    /* Its failure shows in the reply that does not come. */
    if (!send_early(early, cancel, &failure))
        g_debug("%s: %s", early->finalize->attributes.path, failure->message);
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL) {
        end_lost(early);
        return FALSE;
    }
    gboolean in_turn = reply_is(first, 2) && !remote_finalize_is_answer(early->finalize, first);
    if (in_turn && !transfer_judge(early->transfer, first, error))
        return FALSE;
    if (!in_turn && !judge_out_of_turn(early, first, cancel, error))
        return FALSE;
    g_clear_error(&failure);
    *finalized = in_turn ? receive_early(early, cancel, &failure)
                         : finalize_again(early->finalize, cancel, &failure);
    if (!*finalized)
        g_debug("%s: %s", early->finalize->attributes.path, failure->message);
    return TRUE;
}

gboolean remote_finalize_end_store(Finalize *finalize, Transfer *transfer, gboolean *finalized,
                                   GCancellable *cancel, GError **error)
{
    g_autoptr(Transfer) owned = transfer;
    g_autoptr(GError) failure = NULL;
    Early early = {.finalize = finalize, .transfer = transfer};
    *finalized = FALSE;
    if (may_be_early(&early)) {
        if (remote_finalize_begin(finalize, cancel, error) &&
            transfer_bye(transfer, cancel, error)) {
            gboolean ok = end_early(&early, finalized, cancel, error);
            session_hurry(finalize->session, 0);
            return ok;
        }
        trial_end(&early.trial, TRIAL_UNDECIDED);
        return FALSE;
    }
    if (!transfer_finish(g_steal_pointer(&owned), cancel, error))
        return FALSE;
    *finalized = finalize_in_turn(finalize, cancel, &failure);
    if (!*finalized)
        g_debug("%s: %s", finalize->attributes.path, failure->message);
    return TRUE;
}
