/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/ftp/probe.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/helper.h"
#include "ftpsfs/util/log.h"
#include "ftpsfs/util/resolver.h"
#include "ftpsfs/util/sandbox.h"
#include "probe_report.h"
#include "setup.h"

/* Of the text that one process sends the other. */
#define PIECE (32 * 1024)

/* As of a program that ^C has ended. */
#define INTERRUPTED (128 + SIGINT)

/* ---- what both processes need ---- */

static void probe_trust_clear(ProbeTrust *trust)
{
    trust_unref(trust->any);
    trust_unref(trust->tls12);
    trust_unref(trust->tls13);
    for (guint i = 0; i < TRUST_POLICIES; i++)
        trust_unref(trust->policies[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProbeTrust, probe_trust_clear)

static gboolean make_trust(const MountConfig *config, const Credentials *credentials,
                           ProbeTrust *trust, GError **error)
{
    TrustOptions options = setup_trust(config, credentials);
    trust->any = trust_new(&options, error);
    if (trust->any == NULL)
        return FALSE;
    options.tls_only = TRUE;
    /* What the options exclude is not tried. */
    if (config->tls_min == TRUST_TLS_1_2)
        trust->tls12 = trust_new(&options, NULL);
    options.tls_min = TRUST_TLS_1_3;
    trust->tls13 = trust_new(&options, NULL);
    return TRUE;
}

/* Nobody is remembered, and who the server is is not the question. */
static void make_policies(const MountConfig *config, const Credentials *credentials,
                          ProbeTrust *trust)
{
    TrustOptions options = setup_trust(config, credentials);
    options.pins = NULL;
    options.priority = NULL;
    if (options.verify == TRUST_VERIFY_TOFU)
        options.verify = TRUST_VERIFY_NONE;
    for (guint i = 0; i < TRUST_POLICIES; i++) {
        options.policy = (TrustPolicy)i;
        trust->policies[i] = trust_new(&options, NULL);
    }
}

static void no_title(gpointer data, const char *title)
{
    (void)data;
    (void)title;
}

/* *resolver stays NULL where there is no name to look up, or no sandbox. */
static gboolean start_resolver(const MountConfig *config, ResolverProcess **resolver,
                               GError **error)
{
    if (!config->sandbox || g_hostname_is_ip_address(config->source->host))
        return TRUE;
    *resolver = resolver_start(no_title, NULL, error);
    return *resolver != NULL;
}

static gboolean confine(const MountConfig *config, GError **error)
{
    if (config->setuid_name != NULL &&
        !sandbox_become(config->setuid_uid, config->setuid_gid, config->setuid_name, error))
        return FALSE;
    /* For the keys that tls_verify=tofu remembers. */
    if (config->verify == TRUST_VERIFY_TOFU && !setup_state(config, config->sandbox, error))
        return FALSE;
    if (!config->sandbox)
        return TRUE;
    const char *write[] = {"/dev/null",
                           config->verify == TRUST_VERIFY_TOFU ? config->state_dir : NULL, NULL};
    SandboxOptions options = {
        .role = SANDBOX_SERVES,
        .files = setup_files(config),
        .write = write,
        .listen = config->active,
        .token = setup_files(config) == SANDBOX_OPEN,
    };
    return sandbox_enter(&options, error);
}

static void add_outcome(Records *found, int status, const char *message)
{
    records_begin(found, "outcome");
    records_add_number(found, "status", status);
    records_add_text(found, "message", message);
}

/* ---- the process that looks ---- */

typedef struct {
    const MountConfig *config;
    const Credentials *credentials; /* NULL unless there is a client certificate */
} TlsArgs;

static gboolean probe_in_helper(const TlsArgs *args, Records *found, GError **error)
{
    const MountConfig *config = args->config;
    g_autoptr(ResolverProcess) resolver = NULL;
    g_auto(ProbeTrust) trust = {0};
    if (args->credentials != NULL)
        credentials_lock(args->credentials);
    if (!start_resolver(config, &resolver, error) ||
        !make_trust(config, args->credentials, &trust, error))
        return FALSE;
    make_policies(config, args->credentials, &trust);
    if (!confine(config, error))
        return FALSE;
    RemoteOptions options = setup_remote(config, NULL, NULL);
    return probe_tls(&options, &trust, found, error);
}

static int helper_main(int socket, int kept, gpointer data)
{
    (void)kept;
    g_autoptr(Records) found = records_new();
    g_autoptr(GError) error = NULL;
    if (!probe_in_helper(data, found, &error))
        add_outcome(found,
                    ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG) ? EXIT_FAILURE : PROBE_UNREACHABLE,
                    error->message);
    g_autofree char *text = records_to_text(found);
    for (gsize left = strlen(text), at = 0; left > 0;) {
        gsize piece = MIN(left, PIECE);
        if (!helper_send(socket, text + at, piece, -1))
            return EXIT_FAILURE;
        at += piece;
        left -= piece;
    }
    return EXIT_SUCCESS;
}

/* What the other process has found, behind what is in `text`. */
static gboolean probe_apart(const TlsArgs *args, GString *text, GError **error)
{
    Helper helper;
    if (!helper_start(&helper, -1, helper_main, (gpointer)args, error))
        return FALSE;
    g_autofree char *piece = g_malloc(PIECE);
    gssize got;
    gsize before = text->len;
    while ((got = helper_receive(helper.socket, piece, PIECE, NULL)) > 0)
        g_string_append_len(text, piece, got);
    helper_stop(&helper);
    if (text->len > before)
        return TRUE;
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                        "the process that looks at the server has ended early");
    return FALSE;
}

/* ---- ^C ---- */

/* The signals that end the program. */
static void fill_ends(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

/* Files that were made on the server are to be removed before the program ends. */
static gpointer watch_signals(gpointer data)
{
    g_autoptr(GCancellable) cancel = data;
    sigset_t set;
    int got;
    fill_ends(&set);
    if (sigwait(&set, &got) == 0)
        g_cancellable_cancel(cancel);
    /* The second time it is meant. */
    if (sigwait(&set, &got) == 0)
        _exit(INTERRUPTED);
    return NULL;
}

static GCancellable *begin_watch(void)
{
    GCancellable *cancel = g_cancellable_new();
    sigset_t set;
    fill_ends(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    g_thread_unref(g_thread_new("signals", watch_signals, g_object_ref(cancel)));
    return cancel;
}

/* ---- the login ---- */

static int status_of(const GError *failure, const Records *found)
{
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_CONFIG))
        return EXIT_FAILURE;
    if (ftpsfs_error_is(failure, FTPSFS_ERROR_LOGIN) ||
        ftpsfs_error_is(failure, FTPSFS_ERROR_LIMIT))
        return PROBE_NO_LOGIN;
    if (records_count(found, "login") > 0 || ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        return PROBE_NO_LISTING;
    return ftpsfs_error_is(failure, FTPSFS_ERROR_TLS) ? PROBE_UNTRUSTED : PROBE_UNREACHABLE;
}

static gboolean log_in(const MountConfig *config, const Credentials *credentials, Records *found,
                       GCancellable **cancel, GError **error)
{
    g_auto(ProbeTrust) trust = {0};
    g_autoptr(Trace) trace = NULL;
    if (!make_trust(config, credentials, &trust, error))
        return FALSE;
    if (config->trace_file != NULL && (trace = trace_open(config->trace_file, error)) == NULL)
        return FALSE;
    if (!confine(config, error))
        return FALSE;
    *cancel = begin_watch();
    RemoteOptions options = setup_remote(config, credentials, trace);
    return probe_login(&options, &trust, !config->read_only, *cancel, found, error);
}

/* With the credentials that were found already, or those that are found now. */
static void try_login(const MountConfig *config, Credentials *early, Records *found)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ResolverProcess) resolver = NULL;
    g_autoptr(Credentials) late = NULL;
    g_autoptr(GCancellable) cancel = NULL;
    if (!start_resolver(config, &resolver, &error)) {
        add_outcome(found, EXIT_FAILURE, error->message);
        return;
    }
    if (early == NULL)
        late = credentials_find(config, &error);
    if (early == NULL && late == NULL) {
        add_outcome(found,
                    ftpsfs_error_is(error, FTPSFS_ERROR_INTERRUPTED) ? INTERRUPTED : PROBE_NO_LOGIN,
                    error->message);
        return;
    }
    gboolean good = log_in(config, early != NULL ? early : late, found, &cancel, &error);
    if (g_cancellable_is_cancelled(cancel))
        add_outcome(found, INTERRUPTED, "interrupted");
    else if (!good)
        add_outcome(found, status_of(error, found), error->message);
}

/* ---- the whole ---- */

static char *describe_probe(const MountConfig *config)
{
    static const char *const words[] = {
        [TRUST_VERIFY_FULL] = "yes", [TRUST_VERIFY_TOFU] = "tofu", [TRUST_VERIFY_NONE] = "no"};
    g_autoptr(Records) probe = records_new();
    records_begin(probe, "probe");
    records_add_text(probe, "server", config->server);
    records_add_flag(probe, "explicit", config->explicit_tls);
    records_add_text(probe, "verify", words[config->verify]);
    records_add_text(probe, "policy",
                     config->priority == NULL ? trust_policy_name(config->policy) : NULL);
    records_add_flag(probe, "pinned", config->pins != NULL);
    records_add_number(probe, "time", g_get_real_time() / G_USEC_PER_SEC);
    return records_to_text(probe);
}

static Records *find_out(const MountConfig *config, GError **error)
{
    g_autoptr(Credentials) early = NULL;
    /* The key of a client certificate may need a passphrase. */
    if (config->cert != NULL && (early = credentials_find(config, error)) == NULL)
        return NULL;
    g_autofree char *probe = describe_probe(config);
    g_autoptr(GString) text = g_string_new(probe);
    TlsArgs args = {.config = config, .credentials = early};
    if (!probe_apart(&args, text, error))
        return NULL;
    g_autoptr(Records) found = records_from_text(text->str, text->len, error);
    if (found == NULL)
        return NULL;
    const Record *tls = records_get(found, "tls", 0);
    if (records_count(found, "outcome") > 0)
        return g_steal_pointer(&found);
    if (records_flag(tls, "verified"))
        try_login(config, early, found);
    else
        add_outcome(found, PROBE_UNTRUSTED, records_text(tls, "refusal"));
    return g_steal_pointer(&found);
}

int probe_run(const MountConfig *config)
{
    /* The page says what would be logged. */
    if (!config->debug && config->log_level == CONFIG_LOG_MESSAGE)
        log_set_level(G_LOG_LEVEL_CRITICAL);
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) found = find_out(config, &error);
    if (found == NULL) {
        g_printerr("ftpsfs: %s\n", error->message);
        return EXIT_FAILURE;
    }
    const Record *outcome = records_get(found, "outcome", 0);
    g_autofree char *text = config->json ? probe_json(found) : probe_page(found);
    fputs(text, stdout);
    if (fflush(stdout) != 0)
        return EXIT_FAILURE;
    if (outcome != NULL)
        g_printerr("ftpsfs: %s\n", records_text(outcome, "message"));
    return (int)records_number(outcome, "status", PROBE_FINE);
}
