/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile server at the other end of whole sessions: greeting, login, FEAT, every operation, the
 * survey. Whatever it says, what is sent are ftpsfs's own commands on the paths that an operation
 * was called with (session_commands.c), every result is one or an error, and nothing is waited for
 * without end. The input is described in session_script.h.
 */
#include <string.h>

#include "ftpsfs/ftp/probe.h"
#include "fuzz_common.h"
#include "session_commands.h"
#include "session_operations.h"
#include "session_options.h"
#include "session_server.h"

/* In place of an operation: what --probe does without and with a login. */
#define LOOK   'N'
#define SURVEY 'V'

/* More than any seed has; each may bring many commands. */
#define OPERATIONS_MAX 32

static Trust *trust;

/* What is told can be told to other processes. */
static void check_records(const Records *records)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = records_to_text(records);
    g_autoptr(Records) again = records_from_text(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *once_more = records_to_text(again);
    g_assert_cmpstr(once_more, ==, text);
}

static void run_survey(const RemoteOptions *options, char letter)
{
    g_autoptr(Records) records = records_new();
    g_autoptr(GError) error = NULL;
    ProbeTrust both = {.any = trust, .tls12 = trust, .tls13 = trust};
    gboolean good;
    if (letter == LOOK) {
        good = probe_tls(options, &both, records, &error);
    } else {
        commands_allow_survey();
        good = probe_login(options, &both, TRUE, NULL, records, &error);
    }
    if (!good)
        fuzz_check_error(error);
    check_records(records);
}

static void run_operations(Remote *remote, const Piece *letters)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_assert_cmpint(remote_root(remote)[0], ==, '/');
    g_assert_true(g_utf8_validate(remote_root(remote), -1, NULL));
    for (gsize i = 0; i < MIN(letters->length, OPERATIONS_MAX); i++)
        operation_run(remote, (char)letters->bytes[i], names, commands_allow);
}

static void run(const RemoteOptions *options, const Piece *letters)
{
    Stats stats = {0};
    g_autoptr(GError) error = NULL;
    char first = letters->length > 0 ? (char)letters->bytes[0] : '\0';
    if (first == LOOK || first == SURVEY) {
        run_survey(options, first);
        return;
    }
    g_autoptr(Remote) remote = remote_new(options, trust, &stats, NULL, &error);
    if (remote != NULL)
        run_operations(remote, letters);
    else
        fuzz_check_error(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (trust == NULL) {
        TrustOptions believes = {.verify = TRUST_VERIFY_NONE};
        trust = trust_new(&believes, NULL);
        g_assert_nonnull(trust);
        fuzz_quiet();
    }
    Script script;
    RemoteOptions options;
    script_init(&script, data, size);
    session_options(script.options, &options);
    server_reset_clock();
    server_play(&script);
    commands_begin(options.codepage);
    run(&options, &script.operations);
    commands_end();
    server_play(NULL);
    session_options_clear(&options);
    script_clear(&script);
    return 0;
}
