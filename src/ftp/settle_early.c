/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exchange that settles an upload, sent before the server has confirmed the upload: a server
 * that takes one command after the other answers both in one round trip.
 *
 * What the server tells of the file counts only when it comes behind the confirmation; else it is
 * asked again. Servers that answer during a transfer are found out by one question, once a mount,
 * and it is watched that no other does: the first answer of the exchange can't pass for the end of
 * an upload.
 */
#include "ftpsfs/ftp/dataport.h"
#include "ftpsfs/util/error.h"
#include "place.h"
#include "settle.h"

/* Of larger uploads the end is no great part, and what was misunderstood is sent again. */
#define EARLY_MAX (1024 * 1024)

/* How long replies that should have come with the others are waited for. */
#define MISSING_S 2

typedef struct {
    Settle *settle;
    Transfer *transfer;
    gboolean trial; /* nobody knows whether it works */
} Early;

static Features *features_of(const Early *early)
{
    return session_context(early->settle->session)->features;
}

static gboolean end_trial(const Early *early, TrialOutcome outcome)
{
    return features_end_trial(features_of(early), FEATURE_LOOK_EARLY, outcome);
}

/* Whether it may be sent: an upload's own time would be gone if it was set before the last of its
 * data, and where one has to go into a directory first, that is no question. */
static gboolean may_be_early(Early *early)
{
    const Settle *settle = early->settle;
    if (settle->attributes.mtime != G_MININT64 || place_is_relative(settle->session) ||
        transfer_bytes(early->transfer) > EARLY_MAX)
        return FALSE;
    early->trial = features_get(features_of(early), FEATURE_LOOK_EARLY) == FEATURE_UNKNOWN;
    return features_begin_trial(features_of(early), FEATURE_LOOK_EARLY);
}

/* No reply has come: the caller was interrupted, or the connection is gone. That may have had other
 * reasons; where it has worked before, the next upload tries anew. */
static void end_lost(const Early *early)
{
    gboolean broken = session_is_broken(early->settle->session);
    end_trial(early, broken ? TRIAL_LOST : TRIAL_UNDECIDED);
    if (broken && !early->trial)
        features_set(features_of(early), FEATURE_LOOK_EARLY, FEATURE_UNKNOWN);
}

/* ---- what a misunderstanding has left ---- */

/* Whether `reply` is nothing but the confirmation of an upload. */
static gboolean confirms(const Early *early, const Reply *reply)
{
    /* 250 may also be said of the mode. */
    return reply->code == 226 ||
           (reply->code == 250 && (early->trial || early->settle->mode.way == NULL) &&
            !settle_is_answer(early->settle, reply));
}

/* The verdict on the upload, when `first` was none that confirms it: among the replies that are
 * still to come, or else that. NULL: the server has not given one. */
static Reply *find_verdict(const Early *early, const Reply *first, GCancellable *cancel)
{
    Session *session = early->settle->session;
    gboolean answered = settle_is_answer(early->settle, first);
    g_autoptr(Reply) refusal = NULL;
    g_autoptr(GError) failure = NULL;
    while (session_owes_replies(session)) {
        g_autoptr(Reply) reply = session_receive_final(session, cancel, &failure);
        if (reply == NULL) {
            g_debug("%s: %s", early->settle->attributes.path, failure->message);
            break;
        }
        if (confirms(early, reply))
            return g_steal_pointer(&reply);
        if (!reply_is(reply, 2)) {
            reply_free(refusal);
            refusal = g_steal_pointer(&reply);
        }
    }
    return answered ? g_steal_pointer(&refusal) : NULL;
}

/* The server answers during a transfer, or refuses to. TRUE: the upload is confirmed all the same.
 */
static gboolean untangle(const Early *early, const Reply *first, GCancellable *cancel,
                         GError **error)
{
    g_autoptr(GError) failure = NULL;
    Session *session = early->settle->session;
    const char *path = early->settle->attributes.path;
    gboolean answered = settle_is_answer(early->settle, first);
    g_autoptr(Reply) verdict = find_verdict(early, first, cancel);
    gboolean confirmed = verdict != NULL && reply_is(verdict, 2);
    if (confirmed || answered || early->trial)
        end_trial(early, TRIAL_FAILED);
    session_drop_replies(session);
    if (verdict == NULL && answered) {
        session_break(session);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST,
                    "%s: the server does not say that it has the file", path);
        return FALSE;
    }
    if (transfer_judge(early->transfer, verdict != NULL ? verdict : first, &failure))
        return TRUE;
    /* It may be the early question that has ended the upload: once more, without. */
    if (ftpsfs_error_is_connection(failure))
        end_trial(early, TRIAL_FAILED);
    else if (early->trial && !ftpsfs_error_is(failure, FTPSFS_ERROR_NO_SPACE))
        failure->code = FTPSFS_ERROR_LOST;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- the early exchange ---- */

/* Sends what comes early. In the trial that is one question: some servers take all that has come
 * meanwhile for one command. */
static gboolean send_early(const Early *early, GCancellable *cancel, GError **error)
{
    Settle *settle = early->settle;
    if (early->trial)
        return settle_ask(settle, cancel, error);
    settle->marked = settle->attributes.mode != G_MAXUINT32;
    if (!settle_send(settle, cancel, error))
        return FALSE;
    if (features_get(features_of(early), FEATURE_EPSV_EARLY) == FEATURE_YES)
        dataport_ask_early(session_dataport(settle->session));
    return TRUE;
}

/* After the upload, which then wants another data connection. */
static gboolean settle_in_turn(Settle *settle, GCancellable *cancel, GError **error)
{
    settle->marked = FALSE;
    if (!settle_begin(settle, cancel, error) || !settle_send(settle, cancel, error))
        return FALSE;
    dataport_ask(session_dataport(settle->session));
    return settle_receive(settle, cancel, error);
}

/* A server that mixes replies up may owe one for ever. */
static gboolean settle_again(Settle *settle, GCancellable *cancel, GError **error)
{
    return session_settle(settle->session, MISSING_S, cancel, error) &&
           settle_in_turn(settle, cancel, error);
}

/* The upload is confirmed: takes the answers. */
static gboolean receive_early(const Early *early, GCancellable *cancel, GError **error)
{
    Settle *settle = early->settle;
    g_autoptr(GError) failure = NULL;
    if (early->trial) {
        g_autoptr(Reply) answer = session_receive_final(settle->session, cancel, error);
        if (answer == NULL) {
            session_drop_replies(settle->session);
            end_lost(early);
            return FALSE;
        }
        gboolean in_turn = settle_is_answer(settle, answer);
        end_trial(early, in_turn ? TRIAL_WORKED : TRIAL_FAILED);
        return settle_again(settle, cancel, error);
    }
    if (settle_receive(settle, cancel, &failure)) {
        dataport_ask(session_dataport(settle->session));
        return TRUE;
    }
    gboolean settled = FALSE;
    if (!session_is_broken(settle->session) &&
        !ftpsfs_error_is(failure, FTPSFS_ERROR_INTERRUPTED)) {
        g_debug("asking again: %s", failure->message);
        g_clear_error(&failure);
        settled = settle_again(settle, cancel, &failure);
    }
    if (settled || ftpsfs_error_is(failure, FTPSFS_ERROR_TIMEOUT))
        end_trial(early, TRIAL_FAILED);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return settled;
}

/* TRUE: the upload is confirmed, *settled as it says. The transfer is left to be freed. */
static gboolean end_early(const Early *early, gboolean *settled, GCancellable *cancel,
                          GError **error)
{
    Session *session = early->settle->session;
    g_autoptr(GError) failure = NULL;
    /* Its failure shows in the reply that does not come. */
    if (!send_early(early, cancel, &failure))
        g_debug("%s: %s", early->settle->attributes.path, failure->message);
    g_autoptr(Reply) first = session_receive_final(session, cancel, error);
    if (first == NULL) {
        end_lost(early);
        return FALSE;
    }
    gboolean in_turn = reply_is(first, 2) && !settle_is_answer(early->settle, first);
    if (in_turn && !transfer_judge(early->transfer, first, error))
        return FALSE;
    if (!in_turn && !untangle(early, first, cancel, error))
        return FALSE;
    g_clear_error(&failure);
    *settled = in_turn ? receive_early(early, cancel, &failure)
                       : settle_again(early->settle, cancel, &failure);
    if (!*settled)
        g_debug("%s: %s", early->settle->attributes.path, failure->message);
    return TRUE;
}

gboolean settle_end_store(Settle *settle, Transfer *transfer, gboolean *settled,
                          GCancellable *cancel, GError **error)
{
    g_autoptr(Transfer) owned = transfer;
    g_autoptr(GError) failure = NULL;
    Early early = {.settle = settle, .transfer = transfer};
    *settled = FALSE;
    if (may_be_early(&early)) {
        if (settle_begin(settle, cancel, error) && transfer_bye(transfer, error))
            return end_early(&early, settled, cancel, error);
        end_trial(&early, TRIAL_UNDECIDED);
        return FALSE;
    }
    if (!transfer_finish(g_steal_pointer(&owned), cancel, error))
        return FALSE;
    *settled = settle_in_turn(settle, cancel, &failure);
    if (!*settled)
        g_debug("%s: %s", settle->attributes.path, failure->message);
    return TRUE;
}
