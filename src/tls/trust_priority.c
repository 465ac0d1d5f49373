/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GnuTLS's priority strings: what a mount offers and takes in a handshake. */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "trust_policy.h"

/* Taken from whatever the user's priority string says: these have no place here. */
#define NO_OLD_TLS ":-VERS-SSL3.0:-VERS-TLS1.0:-VERS-TLS1.1:-VERS-DTLS-ALL"
#define NO_TLS_1_2 ":-VERS-TLS1.2"
#define NO_TLS_1_3 ":-VERS-TLS1.3"

static void priority_free(gpointer priority)
{
    gnutls_priority_deinit(priority);
}

static gboolean check_priority(const char *text, GError **error)
{
    gnutls_priority_t parsed = NULL;
    const char *at = NULL;
    int code = gnutls_priority_init(&parsed, text, &at);
    if (code >= 0) {
        gnutls_priority_deinit(parsed);
        return TRUE;
    }
    if (at != NULL && at >= text && at < text + strlen(text))
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "the TLS priority string \"%s\" has an error at position %zu, \"%s\"", text,
                    (size_t)(at - text) + 1, at);
    else
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "the TLS priority string \"%s\" is wrong: %s", text, gnutls_strerror(code));
    return FALSE;
}

static gboolean is_finite_field(gnutls_group_t group)
{
    return g_str_has_prefix(gnutls_group_get_name(group), "FFDHE");
}

/* The priority string `text` with the group `first` ahead of the `count` that it has. For g_free.
 * GnuTLS puts curves ahead of finite fields whatever the order, so with a finite field first the
 * curves are left out. */
static char *with_group_first(const char *text, gnutls_group_t first, const unsigned int *groups,
                              int count)
{
    GString *ordered = g_string_new(text);
    g_string_append_printf(ordered, ":-GROUP-ALL:+GROUP-%s", gnutls_group_get_name(first));
    for (int i = 0; i < count; i++) {
        gnutls_group_t other = (gnutls_group_t)groups[i];
        if (other != first && (!is_finite_field(first) || is_finite_field(other)))
            g_string_append_printf(ordered, ":+GROUP-%s", gnutls_group_get_name(other));
    }
    return g_string_free(ordered, FALSE);
}

static int init_priority(const Trust *trust, gnutls_priority_t *priority, const char *text)
{
    return gnutls_priority_init2(priority, text, NULL,
                                 trust->append ? GNUTLS_PRIORITY_INIT_DEF_APPEND : 0);
}

/* For each group a set of priorities that has it first. GnuTLS sends key shares for the first
 * groups of the list, and a server that wants another answers with a HelloRetryRequest, which
 * costs a round trip (RFC 8446 section 4.1.4). */
static void make_priorities_by_group(Trust *trust, const char *text)
{
    trust->by_group = g_hash_table_new_full(NULL, NULL, NULL, priority_free);
    const unsigned int *groups = NULL;
    int count = gnutls_priority_group_list(trust->priority, &groups);
    for (int i = 0; i < count; i++) {
        gnutls_group_t first = (gnutls_group_t)groups[i];
        g_autofree char *ordered = with_group_first(text, first, groups, count);
        gnutls_priority_t priority = NULL;
        int code = init_priority(trust, &priority, ordered);
        if (code >= 0)
            g_hash_table_insert(trust->by_group, GUINT_TO_POINTER(groups[i]), priority);
        else
            g_debug("no priorities with %s first: %s", gnutls_group_get_name(first),
                    gnutls_strerror(code));
    }
}

/* The string without what has no place here. For g_free. */
static char *restrict_priority(const char *wanted, TrustTlsMin tls_min, gboolean only)
{
    const char *unwanted = tls_min == TRUST_TLS_1_3 ? NO_TLS_1_2 : only ? NO_TLS_1_3 : "";
    return g_strconcat(wanted, NO_OLD_TLS, unwanted, NULL);
}

static gboolean check_restricted(const char *wanted, TrustTlsMin tls_min, gboolean only,
                                 GError **error)
{
    if (!check_priority(wanted, error))
        return FALSE;
    g_autofree char *text = restrict_priority(wanted, tls_min, only);
    gnutls_priority_t parsed = NULL;
    int code = gnutls_priority_init(&parsed, text, NULL);
    if (code >= 0) {
        gnutls_priority_deinit(parsed);
        return TRUE;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "the TLS priority string \"%s\" leaves nothing of TLS %s%s: %s", wanted,
                tls_min == TRUST_TLS_1_3 ? "1.3" : "1.2", only ? "" : " and later",
                gnutls_strerror(code));
    return FALSE;
}

gboolean trust_priority_check(const char *wanted, TrustTlsMin tls_min, GError **error)
{
    return check_restricted(wanted, tls_min, FALSE, error);
}

gboolean trust_priority_make(Trust *trust, const char *wanted, GError **error)
{
    if (!trust_policy_check_mode(trust->policy, error))
        return FALSE;
    trust->own_priority = wanted != NULL;
    if (wanted == NULL)
        wanted = trust_policy_priority(trust->policy, &trust->append);
    else if (!check_restricted(wanted, trust->tls_min, trust->tls_only, error))
        return FALSE;
    g_autofree char *text = restrict_priority(wanted, trust->tls_min, trust->tls_only);
    int code = init_priority(trust, &trust->priority, text);
    if (code < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "this system's configuration of GnuTLS (%s) leaves nothing of tls_policy=%s: "
                    "%s",
                    gnutls_get_system_config_file(), trust_policy_name(trust->policy),
                    gnutls_strerror(code));
        return FALSE;
    }
    make_priorities_by_group(trust, text);
    return TRUE;
}
