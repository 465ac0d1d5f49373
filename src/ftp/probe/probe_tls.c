/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be seen of a server without a login. The channels here look only: they believe every
 * certificate and can't write, and the TLS sessions that they resume are each other's alone.
 */
#include <poll.h>
#include <unistd.h>

#include "ftp/pool/session_open.h"
#include "ftp/session/session_private.h"
#include "ftp/transfer/dial.h"
#include "ftpsfs/ftp/probe.h"
#include "ftpsfs/tls/certificate.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/wait.h"

/* How long the greeting, and a TLS 1.3 ticket, are waited for. */
#define GREETING_S 10

/* Behind the greeting, or where there is none any more (after AUTH TLS), for the ticket alone. */
#define TICKET_MS 500

typedef struct {
    const RemoteOptions *options;
    Records *out;
} ProbeTarget;

/* ---- addresses ---- */

static char *address_text(GSocketAddress *address)
{
    if (!G_IS_INET_SOCKET_ADDRESS(address))
        return g_strdup("?");
    GInetAddress *inet = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address));
    return g_inet_address_to_string(inet);
}

/* Connects to one address and hangs up. */
static gboolean try_address(const ProbeTarget *target, GSocketAddress *address, GError **error)
{
    const RemoteOptions *options = target->options;
    g_autofree char *text = address_text(address);
    g_autoptr(GError) failure = NULL;
    gint64 began = g_get_monotonic_time();
    int fd =
        dial_address(address, options->host, options->port, options->timeout_s, NULL, &failure);
    gint64 took = g_get_monotonic_time() - began;
    records_begin(target->out, "address");
    records_add_text(target->out, "address", text);
    if (fd < 0) {
        records_add_text(target->out, "failure", failure->message);
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    records_add_number(target->out, "connect_us", took);
    close(fd);
    return TRUE;
}

static gboolean try_addresses(const ProbeTarget *target, GError **error)
{
    const RemoteOptions *options = target->options;
    g_autoptr(GPtrArray) all =
        dial_addresses(options->host, options->port, options->timeout_s, NULL, error);
    if (all == NULL)
        return FALSE;
    gboolean some = FALSE;
    g_autoptr(GError) failure = NULL;
    for (guint i = 0; i < all->len; i++) {
        g_clear_error(&failure);
        some |= try_address(target, all->pdata[i], &failure);
    }
    if (some)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* ---- handshakes ---- */

/* Reads what the server says of itself: tickets (RFC 8446 section 4.6.1), and the greeting where
 * that comes now. Its text for g_free, or NULL. */
static char *listen_a_while(Channel *channel, gboolean greeted)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    gint64 deadline = greeted ? g_get_monotonic_time() + TICKET_MS * 1000 : deadline_in(GREETING_S);
    for (;;) {
        g_autoptr(Reply) reply = greeted ? NULL : reply_parser_take(parser);
        if (reply != NULL)
            return reply_text(reply);
        g_autoptr(GBytes) ticket = greeted ? channel_ticket(channel) : NULL;
        if (ticket != NULL)
            return NULL;
        char buffer[1024];
        gboolean would_block;
        gssize got = channel_read_now(channel, buffer, sizeof buffer, &would_block, NULL);
        if (would_block) {
            if (!wait_fd(channel_fd(channel), POLLIN, deadline, NULL, "the greeting", NULL))
                return NULL;
            continue;
        }
        if (got <= 0 || !reply_parser_feed(parser, buffer, (gsize)got, NULL))
            return NULL;
    }
}

static void tell_certificates(Records *out, const Channel *channel)
{
    g_autoptr(GPtrArray) chain = channel_certificates(channel);
    for (guint i = 0; i < chain->len; i++) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(Certificate) told = certificate_read(chain->pdata[i], &failure);
        records_begin(out, "certificate");
        if (told == NULL) {
            records_add_text(out, "failure", failure->message);
            continue;
        }
        records_add_text(out, "subject", told->subject);
        records_add_text(out, "issuer", told->issuer);
        records_add_text(out, "names", told->names);
        records_add_number(out, "from", told->from);
        records_add_number(out, "until", told->until);
        records_add_text(out, "key", told->key);
        records_add_text(out, "signature", told->signature);
        records_add_flag(out, "self_signed", told->self_signed);
        records_add_text(out, "sha256", told->sha256);
        records_add_text(out, "pin", told->pin);
    }
}

static void tell_tls(Records *out, const Channel *channel)
{
    const GError *verdict = channel_verdict(channel);
    ChannelFacts facts;
    channel_facts(channel, &facts);
    records_begin(out, "tls");
    records_add_text(out, "version", facts.version);
    records_add_text(out, "cipher", facts.cipher);
    records_add_text(out, "key_share", facts.key_share);
    records_add_number(out, "handshake_us", facts.handshake_us);
    records_add_flag(out, "wants_client", facts.wants_client);
    records_add_flag(out, "verified", verdict == NULL);
    if (verdict != NULL)
        records_add_text(out, "refusal", verdict->message);
    tell_certificates(out, channel);
}

/* The handshake as a mount would make it. */
static gboolean try_tls(const ProbeTarget *target, Trust *trust, GError **error)
{
    g_autofree char *greeting = NULL;
    g_autoptr(Channel) channel =
        session_probe(target->options, trust, NULL, &greeting, NULL, error);
    if (channel == NULL)
        return FALSE;
    tell_tls(target->out, channel);
    if (greeting == NULL)
        greeting = listen_a_while(channel, FALSE);
    if (greeting == NULL)
        return TRUE;
    records_begin(target->out, "greeting");
    records_add_text(target->out, "text", greeting);
    return TRUE;
}

/* ---- resumption ---- */

/* Two connections by one version of TLS, of which the second tries to resume the first's session.
 */
static void try_version(const ProbeTarget *target, const char *version, Trust *trust)
{
    if (trust == NULL)
        return;
    g_autoptr(GError) failure = NULL;
    g_autofree char *greeting = NULL;
    g_autofree char *again = NULL;
    records_begin(target->out, "handshake");
    records_add_text(target->out, "version", version);
    g_autoptr(Channel) first =
        session_probe(target->options, trust, NULL, &greeting, NULL, &failure);
    records_add_flag(target->out, "offered", first != NULL);
    if (first == NULL) {
        records_add_text(target->out, "failure", failure->message);
        return;
    }
    g_free(listen_a_while(first, greeting != NULL));
    g_autoptr(GBytes) ticket = channel_ticket(first);
    g_autoptr(Channel) second =
        ticket != NULL ? session_probe(target->options, trust, ticket, &again, NULL, &failure)
                       : NULL;
    records_add_flag(target->out, "resumes", second != NULL && channel_resumed(second));
}

/* ---- policies ---- */

static void try_policy(const ProbeTarget *target, TrustPolicy policy, Trust *trust)
{
    records_begin(target->out, "policy");
    records_add_text(target->out, "name", trust_policy_name(policy));
    records_add_flag(target->out, "tried", trust != NULL);
    if (trust == NULL) {
        records_add_text(target->out, "reason", "this system does not have it");
        return;
    }
    g_autoptr(GError) failure = NULL;
    g_autoptr(Channel) channel = session_probe(target->options, trust, NULL, NULL, NULL, &failure);
    gboolean met = channel != NULL && channel_check_strength(channel, &failure);
    if (channel != NULL && !channel_bye(channel, NULL, NULL))
        g_debug("%s closed the connection first", target->options->host);
    records_add_flag(target->out, "met", met);
    if (!met)
        records_add_text(target->out, "reason", failure->message);
}

gboolean probe_tls(const RemoteOptions *options, const ProbeTrust *trust, Records *out,
                   GError **error)
{
    const ProbeTarget target = {.options = options, .out = out};
    if (!try_addresses(&target, error))
        return FALSE;
    g_autoptr(GError) failure = NULL;
    gboolean good = try_tls(&target, trust->any, &failure);
    /* Where there is TLS, but none that these options accept, another policy may. */
    for (guint i = 0; (good || ftpsfs_error_is(failure, FTPSFS_ERROR_TLS)) && i < TRUST_POLICIES;
         i++)
        try_policy(&target, (TrustPolicy)i, trust->policies[i]);
    if (!good) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    try_version(&target, "1.3", trust->tls13);
    try_version(&target, "1.2", trust->tls12);
    return TRUE;
}
