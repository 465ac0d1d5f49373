/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "probe_report.h"

#define DAY_S        86400
#define EXPIRES_S    (30 * DAY_S)
#define CLOCK_FINE_S 2

G_GNUC_PRINTF(2, 3)
static void warn(GPtrArray *warnings, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(warnings, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static gboolean says(const Record *record, const char *field, const char *word)
{
    return g_strcmp0(records_text(record, field), word) == 0;
}

/* ---- before the login ---- */

static void judge_addresses(GPtrArray *warnings, const Records *found)
{
    guint count = records_count(found, "address");
    guint failed = 0;
    for (guint i = 0; i < count; i++)
        failed += records_text(records_get(found, "address", i), "failure") != NULL;
    for (guint i = 0; i < count && failed < count; i++) {
        const Record *address = records_get(found, "address", i);
        if (records_text(address, "failure") != NULL)
            warn(warnings,
                 "%s does not take connections: each connect may lose a moment there, until "
                 "another address is tried",
                 records_text(address, "address"));
    }
}

static void judge_trust(GPtrArray *warnings, const Records *found)
{
    const Record *probe = records_get(found, "probe", 0);
    const Record *tls = records_get(found, "tls", 0);
    if (tls == NULL)
        return;
    if (!records_flag(tls, "verified"))
        warn(warnings,
             "the certificate is refused, so no password was sent and the rest is not known. Only "
             "if the server's owner confirms the fingerprint: use the pin, together with "
             "-o tls_verify=no where the chain can't be verified");
    else if (says(probe, "verify", "no") && !records_flag(probe, "pinned"))
        warn(warnings, "-o tls_verify=no: anyone on the way can pose as this server and gets the "
                       "password; add the pin");
    if (records_flag(tls, "wants_client"))
        warn(warnings, "the server asks for a client certificate (-o cert=)");
}

static void judge_policy(GPtrArray *warnings, const Records *found)
{
    if (!says(records_get(found, "probe", 0), "policy", "legacy"))
        return;
    for (guint i = 0; i < records_count(found, "policy"); i++) {
        const Record *policy = records_get(found, "policy", i);
        if (!says(policy, "name", "modern"))
            continue;
        if (records_flag(policy, "met"))
            warn(warnings,
                 "-o tls_policy=legacy is not needed: the server meets tls_policy=modern");
        else
            warn(warnings, "-o tls_policy=legacy accepts what can be broken: %s",
                 records_text(policy, "reason"));
    }
}

static void judge_dates(GPtrArray *warnings, const Records *found)
{
    gint64 now = records_number(records_get(found, "probe", 0), "time", 0);
    const Record *own = records_get(found, "certificate", 0);
    gint64 until = records_number(own, "until", G_MAXINT64);
    if (until < now)
        warn(warnings, "the certificate expired %" G_GINT64_FORMAT " days ago",
             (now - until) / DAY_S);
    else if (until - now < EXPIRES_S)
        warn(warnings, "the certificate expires in %" G_GINT64_FORMAT " days",
             (until - now) / DAY_S);
}

static void judge_tls(GPtrArray *warnings, const Records *found)
{
    const Record *tls = records_get(found, "tls", 0);
    const Record *newest = records_get(found, "handshake", 0);
    if (tls != NULL && records_text(tls, "key_share") == NULL)
        warn(warnings, "no forward secrecy: who gets the server's key can read what was recorded");
    if (says(newest, "version", "1.3") && !records_flag(newest, "offered"))
        warn(warnings, "the server has no TLS 1.3: each handshake costs a round trip more");
    for (guint i = 0; i < records_count(found, "data"); i++) {
        const Record *data = records_get(found, "data", i);
        if (records_number(data, "connections", 0) > 0 && records_number(data, "resumed", 0) == 0)
            warn(warnings,
                 "data connections don't resume the TLS %s session: each costs a full handshake, "
                 "and nothing but the certificate ties them to the login",
                 records_text(data, "version"));
    }
}

/* ---- behind the login ---- */

static void judge_features(GPtrArray *warnings, const Records *found)
{
    for (guint i = 0; i < records_count(found, "capability"); i++) {
        const Record *row = records_get(found, "capability", i);
        if (says(row, "name", "MLST") && !says(row, "state", "yes"))
            warn(warnings, "no MLSD: times are listed by the minute, and are asked for one by one "
                           "(MDTM) where programs need them");
        if (says(row, "name", "UTF8") && !says(row, "state", "yes"))
            warn(warnings, "the server does not say that its names are UTF-8: if letters look "
                           "wrong, set -o codepage=");
    }
}

static void judge_clock(GPtrArray *warnings, const Records *found)
{
    gint64 ahead = records_number(records_get(found, "clock", 0), "ahead_s", 0);
    if (ABS(ahead) > CLOCK_FINE_S)
        warn(warnings,
             "the server's clock is %" G_GINT64_FORMAT " s %s: programs that compare times, like "
             "make and rsync -u, may be misled",
             ABS(ahead), ahead > 0 ? "ahead" : "behind");
}

static void judge_writing(GPtrArray *warnings, const Records *found)
{
    const Record *write = records_get(found, "write", 0);
    for (guint i = 0; i < records_count(found, "left"); i++)
        warn(warnings, "%s could not be removed: remove it by hand",
             records_text(records_get(found, "left", i), "path"));
    if (says(write, "restart", "no"))
        warn(warnings, "no restart in place: to change a part of a file sends all of it");
    if (says(write, "rename", "no"))
        warn(warnings, "a rename does not replace a file: the old one is moved aside first, and "
                       "for a moment the name is not there");
    if (says(write, "set_time", "no"))
        warn(warnings, "modification times can't be set: copies have the time of their upload");
}

static void judge_sessions(GPtrArray *warnings, const Records *found)
{
    const Record *sessions = records_get(found, "sessions", 0);
    gint64 got = records_number(sessions, "got", 0);
    gint64 wanted = records_number(sessions, "wanted", 0);
    if (got < wanted)
        warn(warnings,
             "the server takes %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
             " sessions: with -o connections=%" G_GINT64_FORMAT " no more are tried%s",
             got, wanted, got, got == 1 ? ", and programs wait for each other" : "");
    const char *notice = records_text(records_get(found, "login", 0), "notice");
    if (notice != NULL)
        warn(warnings, "at the login the server says: %s", notice);
}

GPtrArray *probe_warnings(const Records *found)
{
    GPtrArray *warnings = g_ptr_array_new_with_free_func(g_free);
    judge_trust(warnings, found);
    judge_policy(warnings, found);
    judge_dates(warnings, found);
    judge_writing(warnings, found);
    judge_clock(warnings, found);
    judge_sessions(warnings, found);
    judge_tls(warnings, found);
    judge_addresses(warnings, found);
    judge_features(warnings, found);
    return warnings;
}
