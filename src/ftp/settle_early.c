/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exchange that settles an upload, sent before the server has confirmed the upload: a server
 * that takes one command after the other answers both in one round trip.
 *
 * What the server tells of the file counts only when it comes behind the confirmation; else it is
 * asked again. Servers that answer during a transfer are found out by one question, once a mount,
 * and it is watched that no other does: the first answer of the exchange can't pass for the end of
 * an upload. Where an answer came first, and nothing else went wrong, the question waits a moment
 * from then on, in which a server takes in the end of the data.
 */
#include <poll.h>

#include "ftpsfs/ftp/dataport.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "place.h"
#include "settle.h"

/* Of larger uploads the end is no great part, and what was misunderstood is sent again. */
#define EARLY_MAX (1024 * 1024)

/* How long replies that should have come with the others are waited for: pyftpdlib never says what
 * has become of an upload that a question for a port has ended, and Pure-FTPd drops a question that
 * comes during an upload. */
#define MISSING_S 2

/* What a server needs to take in the end of a small file, most often. */
#define MOMENT_MS 3

/* So many in a row that did not wait long enough are no chance any more. */
#define TOO_SOON_MAX 8

typedef struct {
    Settle *settle;
    Transfer *transfer;
    Feature feature;     /* that is made use of */
    gboolean trial;      /* nobody knows whether it works */
    gboolean port_asked; /* for the next port, behind the exchange */
} Early;

static Features *features_of(const Early *early)
{
    return session_context(early->settle->session)->features;
}

static gboolean end_trial(const Early *early, TrialOutcome outcome)
{
    return features_end_trial(features_of(early), early->feature, outcome);
}

/* It has done more than to bring an answer too early. */
static void give_up(const Early *early)
{
    end_trial(early, TRIAL_FAILED);
    features_set(features_of(early), FEATURE_LOOK_SOON, FEATURE_NO);
}

/* The answer came first. Whether the moment was long enough is chance, and little is lost where it
 * was not. */
static void note_first(const Early *early)
{
    gint *too_soon = &session_context(early->settle->session)->too_soon;
    gboolean chance =
        early->feature == FEATURE_LOOK_SOON && g_atomic_int_add(too_soon, 1) + 1 < TOO_SOON_MAX;
    end_trial(early, chance ? TRIAL_UNDECIDED : TRIAL_FAILED);
}

static void note_in_turn(const Early *early)
{
    g_atomic_int_set(&session_context(early->settle->session)->too_soon, 0);
    end_trial(early, TRIAL_WORKED);
}

/* Whether it may be sent: an upload's own time would be gone if it was set before the last of its
 * data, and where one has to go into a directory first, that is no question. */
static gboolean may_be_early(Early *early)
{
    const Settle *settle = early->settle;
    if (settle->attributes.mtime != G_MININT64 || place_is_relative(settle->session) ||
        transfer_bytes(early->transfer) > EARLY_MAX)
        return FALSE;
    const Features *features = features_of(early);
    early->feature =
        features_maybe(features, FEATURE_LOOK_EARLY) ? FEATURE_LOOK_EARLY : FEATURE_LOOK_SOON;
    early->trial = features_get(features, early->feature) == FEATURE_UNKNOWN;
    return features_begin_trial(features_of(early), early->feature);
}

/* No reply has come: the caller was interrupted, or the connection is gone. That may have had other
 * reasons; where it has worked before, the next upload tries anew. */
static void end_lost(const Early *early)
{
    if (!session_is_broken(early->settle->session))
        end_trial(early, TRIAL_UNDECIDED);
    else if (early->trial)
        give_up(early);
    else
        features_set(features_of(early), early->feature, FEATURE_UNKNOWN);
}

/* ---- what a misunderstanding has left ---- */

/* Whether `reply` is nothing but the confirmation of an upload. */
static gboolean confirms(const Early *early, const Reply *reply)
{
    /* 250 may also be said of the mode, and of the directory that is at the path looked at. */
    const Settle *settle = early->settle;
    return reply->code == 226 || (reply->code == 250 && settle->mode.way == NULL &&
                                  !settle->looks && !settle_is_answer(settle, reply));
}

/* What the question for a port got in place of its refusal, which was taken for another's reply. */
static Reply *find_at_port(const Early *early, GCancellable *cancel)
{
    Session *session = early->settle->session;
    g_autoptr(GError) failure = NULL;
    if (!session_settle(session, session_context(session)->options->timeout_s, cancel, &failure)) {
        g_debug("%s: %s", early->settle->attributes.path, failure->message);
        return NULL;
    }
    const Reply *swapped = dataport_swapped(session_dataport(session));
    /* A refusal of the upload and the 250 of a look could also stand there. */
    return swapped != NULL && swapped->code == 226 ? reply_copy(swapped) : NULL;
}

/* The verdict on the upload, when `first` was none that confirms it: among the replies that are
 * still to come, or else that. NULL: the server has not given one. */
static Reply *find_verdict(const Early *early, const Reply *first, GCancellable *cancel)
{
    Session *session = early->settle->session;
    gboolean answered = settle_is_answer(early->settle, first);
    g_autoptr(Reply) refusal = NULL;
    g_autoptr(GError) failure = NULL;
    if (early->port_asked)
        session_hurry(session, MISSING_S);
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
    if (early->port_asked && (refusal != NULL || !reply_is(first, 2))) {
        Reply *confirmation = find_at_port(early, cancel);
        if (confirmation != NULL)
            return confirmation;
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
    if (confirmed && answered)
        note_first(early);
    else if (confirmed || answered || early->trial)
        give_up(early);
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
    if (ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION))
        give_up(early);
    else if (early->trial && !ftpsfs_error_is(failure, FTPSFS_ERROR_NO_SPACE))
        failure->code = FTPSFS_ERROR_LOST;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- the early exchange ---- */

/* Until the confirmation has come, for a moment at most. */
static void wait_a_moment(Session *session, GCancellable *cancel)
{
    const Channel *control = session_channel(session);
    gint64 deadline = g_get_monotonic_time() + MOMENT_MS * 1000;
    if (channel_pending(control) == 0)
        wait_fd(channel_fd(control), POLLIN, deadline, cancel, "a moment", NULL);
}

/* Sends what comes early. In the trial that is one question: some servers take all that has come
 * meanwhile for one command. */
static gboolean send_early(Early *early, GCancellable *cancel, GError **error)
{
    Settle *settle = early->settle;
    gboolean soon = early->feature == FEATURE_LOOK_SOON;
    if (soon)
        wait_a_moment(settle->session, cancel);
    if (early->trial)
        return settle_ask(settle, cancel, error);
    settle->marked = settle->attributes.mode != G_MAXUINT32;
    if (!settle_send(settle, cancel, error))
        return FALSE;
    /* That is not risked where the order is a matter of time. */
    if (!soon && features_get(features_of(early), FEATURE_EPSV_EARLY) == FEATURE_YES)
        early->port_asked = dataport_ask_early(session_dataport(settle->session));
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
    session_hurry(settle->session, 0);
    return session_settle(settle->session, MISSING_S, cancel, error) &&
           settle_in_turn(settle, cancel, error);
}

/* The upload is confirmed: takes the answers. */
static gboolean receive_early(const Early *early, GCancellable *cancel, GError **error)
{
    Settle *settle = early->settle;
    g_autoptr(GError) failure = NULL;
    session_hurry(settle->session, MISSING_S);
    if (early->trial) {
        g_autoptr(Reply) answer = session_receive_final(settle->session, cancel, error);
        if (answer == NULL) {
            session_drop_replies(settle->session);
            end_lost(early);
            return FALSE;
        }
        gboolean in_turn = settle_is_answer(settle, answer);
        if (in_turn)
            note_in_turn(early);
        else
            give_up(early);
        return settle_again(settle, cancel, error);
    }
    if (settle_receive(settle, cancel, &failure)) {
        note_in_turn(early);
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
        give_up(early);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return settled;
}

/* TRUE: the upload is confirmed, *settled as it says. The transfer is left to be freed. */
static gboolean end_early(Early *early, gboolean *settled, GCancellable *cancel, GError **error)
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
        if (settle_begin(settle, cancel, error) && transfer_bye(transfer, error)) {
            gboolean ok = end_early(&early, settled, cancel, error);
            session_hurry(settle->session, 0);
            return ok;
        }
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
