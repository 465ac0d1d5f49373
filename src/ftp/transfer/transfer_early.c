/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a download does before its turn: its own close_notify before the data come, and the question
 * for the next port before its end is confirmed. Nothing but a try tells which servers bear that. A
 * transfer that failed by such a try is done again without, and no later one tries.
 */
#include <poll.h>

#include "dataport.h"
#include "ftp/session/session_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"
#include "transfer_private.h"

/* Of larger downloads the end is no great part. */
#define BYE_EARLY_MAX (1024 * 1024)

/* By so much the confirmation may be later than the end of the data, each on its own connection. */
#define LISTEN_MS 100

static Features *features_of(const Transfer *transfer)
{
    return session_context(transfer->session)->features;
}

static gboolean is_small_file(const Transfer *transfer)
{
    return g_str_equal(transfer->verb, "RETR") && transfer->expected_size <= BYE_EARLY_MAX;
}

/* The caller tries again, as after a lost connection. */
static void repeat(Transfer *transfer, GError **failure, const char *words)
{
    g_autofree char *before =
        *failure != NULL ? g_strdup_printf(" (%s)", (*failure)->message) : g_strdup("");
    transfer->must_repeat = TRUE;
    g_clear_error(failure);
    g_set_error(failure, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "%s%s", words, before);
}

void transfer_early_bye(Transfer *transfer)
{
    /* vsftpd looks for the close_notify when all is sent: a round trip less until its 226.
     * pyftpdlib takes an early one for the end of the transfer, and ProFTPD resets the connection
     * under the data if there is one that it has not read; these wait for none. */
    if (!is_small_file(transfer) ||
        features_get(features_of(transfer), FEATURE_BYE_AWAITED) != FEATURE_YES)
        return;
    if (!trial_begin(&transfer->bye, features_of(transfer), FEATURE_BYE_EARLY))
        return;
    g_autoptr(GError) failure = NULL;
    if (channel_bye(transfer->channel, NULL, &failure))
        return;
    transfer_early_end(transfer);
    g_debug("%s %s: %s", transfer->verb, transfer->path, failure->message);
}

void transfer_early_listen(const Transfer *transfer)
{
    Trial awaited = {0};
    if (!is_small_file(transfer) || transfer->bytes != transfer->expected_size ||
        features_get(features_of(transfer), FEATURE_BYE_AWAITED) != FEATURE_UNKNOWN ||
        !trial_begin(&awaited, features_of(transfer), FEATURE_BYE_AWAITED))
        return;
    const Channel *control = session_channel(transfer->session);
    g_autoptr(GError) silence = NULL;
    gint64 deadline = g_get_monotonic_time() + LISTEN_MS * 1000;
    gboolean confirmed =
        channel_pending(control) > 0 || wait_fd(channel_fd(control), POLLIN, deadline, NULL,
                                                "the confirmation of a transfer", &silence);
    trial_end(&awaited, confirmed ? TRIAL_FAILED : TRIAL_WORKED);
}

gboolean transfer_early_bye_failed(Transfer *transfer, GError **failure)
{
    gboolean ended = *failure == NULL || ftpsfs_error_is(*failure, FTPSFS_ERROR_TRUNCATED);
    if (!trial_is_on(&transfer->bye) || ftpsfs_error_is(*failure, FTPSFS_ERROR_INTERRUPTED))
        return FALSE;
    if (ended && transfer->bytes >= transfer->expected_size)
        return FALSE;
    /* A server that is gone altogether has most likely had other reasons. */
    gboolean gone = !ended && (ftpsfs_error_is(*failure, FTPSFS_ERROR_TIMEOUT) ||
                               !session_poll(transfer->session, NULL));
    if (!trial_end(&transfer->bye, gone ? TRIAL_LOST : TRIAL_FAILED))
        return FALSE;
    repeat(transfer, failure,
           "the server ended the data when it was told that none would come to it");
    return TRUE;
}

void transfer_early_port(Transfer *transfer)
{
    /* Of two trials nobody would know which one failed. */
    if (transfer->bye.first)
        return;
    gboolean fresh = transfer->session->fresh;
    dataport_ask_early(dataport_of(transfer->session), &transfer->port);
    /* The wait for the end of this transfer is none for the answer. */
    transfer->session->fresh = fresh;
}

/* A server that closes its socket with the close_notify unread resets the connection. This time all
 * data had come before; more would be lost on the way. */
static gboolean is_reset(const Transfer *transfer)
{
    struct pollfd pfd = {.fd = channel_fd(transfer->channel)};
    return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLERR) != 0;
}

void transfer_early_replied(Transfer *transfer)
{
    if (trial_is_on(&transfer->bye) && transfer->bytes > 0)
        trial_end(&transfer->bye, is_reset(transfer) ? TRIAL_FAILED : TRIAL_WORKED);
    if (trial_is_on(&transfer->port) && !session_is_drained(transfer->session))
        session_note_sent(transfer->session);
}

/* Whether the transfer failed because of what was done early. What has worked before is to blame
 * for lost data connections alone. */
static gboolean is_to_blame(const Transfer *transfer, Trial *trial, const GError *failure)
{
    if (!trial_is_on(trial))
        return FALSE;
    gboolean known = !trial->first && features_get(trial->features, trial->feature) == FEATURE_YES;
    if (known && transfer->replied && !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION))
        return FALSE;
    return trial_end(trial, transfer->replied ? TRIAL_FAILED : TRIAL_LOST);
}

/* Whether the refusal was that of the early question, and the transfer's own reply has come after
 * it, and is good. */
static gboolean is_swapped(const Transfer *transfer, GCancellable *cancel)
{
    Session *session = transfer->session;
    g_autoptr(GError) failure = NULL;
    if (!transfer->replied)
        return FALSE;
    if (session_drain(session, session_context(session)->options->timeout_s, cancel, &failure))
        return dataport_swapped(dataport_of(session)) != NULL;
    g_debug("%s %s: %s", transfer->verb, transfer->path, failure->message);
    return FALSE;
}

gboolean transfer_early_explains(Transfer *transfer, GError **failure, GCancellable *cancel)
{
    if ((!trial_is_on(&transfer->port) && !trial_is_on(&transfer->bye)) ||
        ftpsfs_error_is(*failure, FTPSFS_ERROR_INTERRUPTED))
        return FALSE;
    if (trial_is_on(&transfer->port) && is_swapped(transfer, cancel))
        return TRUE;
    if (!is_to_blame(transfer, &transfer->port, *failure) &&
        !is_to_blame(transfer, &transfer->bye, *failure))
        return FALSE;
    /* Its size tells that the file is whole. */
    if (ftpsfs_error_has(*failure, FTPSFS_ERROR_CLASS_CONNECTION) &&
        transfer->bytes == transfer->expected_size)
        return TRUE;
    repeat(transfer, failure, "the server did not bear what it was told before its turn");
    return FALSE;
}

void transfer_early_end(Transfer *transfer)
{
    trial_end(&transfer->bye, TRIAL_UNDECIDED);
    transfer->bye = (Trial){0};
}
