/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup.h"

#include <errno.h>

#include "ftpsfs/util/guard.h"

TrustOptions setup_trust(const MountConfig *config, const Credentials *credentials)
{
    return (TrustOptions){
        .owner = config->setuid_name != NULL ? config->setuid_uid : 0,
        .verify = config->verify,
        .policy = config->policy,
        .tls_min = config->tls_min,
        .ca_file = config->ca_file,
        .ca_path = config->ca_path,
        .crl_file = config->crl_file,
        .known_hosts = config->known_hosts,
        .cert = config->cert,
        .key = config->key,
        .key_password = credentials != NULL ? credentials->key_password : NULL,
        .priority = config->priority,
        .pins = config->pins != NULL ? (const char *const *)config->pins->pdata : NULL,
    };
}

void setup_warn(const MountConfig *config)
{
    if (config->policy == TRUST_POLICY_LEGACY && config->priority == NULL)
        g_warning("-o tls_policy=legacy accepts old TLS: short keys, signatures with SHA-1, and "
                  "key exchanges that can be deciphered later. ftpsfs --probe says whether the "
                  "server still needs it");
}

RemoteOptions setup_remote(const MountConfig *config, const Credentials *credentials, Trace *trace)
{
    return (RemoteOptions){
        .host = config->source->host,
        .port = config->source->port,
        .explicit_tls = config->explicit_tls,
        .user = credentials != NULL ? credentials->user : NULL,
        .password = credentials != NULL ? credentials->password : NULL,
        .account = credentials != NULL ? credentials->account : NULL,
        .virtual_host = config->virtual_host,
        .init_commands = (const char *const *)config->init_commands,
        .directory = config->source->directory,
        .active = config->active,
        .active_first = config->active_first,
        .active_last = config->active_last,
        .compress = config->compress,
        .connections = config->connections,
        .timeout_s = config->timeout_s,
        .keepalive_s = config->keepalive_s,
        .idle_timeout_s = config->idle_timeout_s,
        .codepage = config->codepage,
        .time_zone = config->time_zone,
        .trace = trace,
    };
}

Identity *setup_identity(const MountConfig *config, const Credentials *credentials,
                         const Trust *trust)
{
    const Source *source = config->source;
    g_autoptr(GPtrArray) keys = trust_known_keys(trust, source->host, source->port);
    IdentityFacts facts = {
        .host = source->host,
        .port = source->port,
        .explicit_tls = config->explicit_tls,
        .user = credentials->user,
        .account = credentials->account,
        .virtual_host = config->virtual_host,
        .init_commands = (const char *const *)config->init_commands,
        .codepage = config->codepage,
        .by_ca = config->verify == TRUST_VERIFY_FULL,
        .ca_file = config->ca_file,
        .ca_path = config->ca_path,
        .pins = config->pins != NULL ? (const char *const *)config->pins->pdata : NULL,
        .by_known_key = config->verify == TRUST_VERIFY_TOFU,
        .known_keys = (const char *const *)keys->pdata,
    };
    return identity_new(&facts);
}

/* The modules of PKCS #11 tokens are files that nobody here can name. */
SandboxFiles setup_files(const MountConfig *config)
{
    gboolean token = (config->cert != NULL && g_str_has_prefix(config->cert, "pkcs11:")) ||
                     (config->key != NULL && g_str_has_prefix(config->key, "pkcs11:"));
    return token ? SANDBOX_OPEN : SANDBOX_CLOSED;
}

gboolean setup_state(const MountConfig *config, gboolean make, GError **error)
{
    const char *const places[] = {config->state_dir, config->rescue_dir, config->writeback_dir};
    if (make && g_mkdir_with_parents(config->state_dir, 0700) != 0)
        g_debug("%s: %s", config->state_dir, g_strerror(errno));
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        if (!guard_directory(places[i], error))
            return FALSE;
    }
    return TRUE;
}

/* TreeOptions.own for idmap=names: an account that is unknown here counts as not told. */
static void own_by_name(const RemoteEntry *entry, guint *has, guint32 *uid, guint32 *gid,
                        gpointer data)
{
    *has &= ~(guint)(REMOTE_HAS_UID | REMOTE_HAS_GID);
    if (entry->owner->len > 0 && owners_find(data, RESOLVER_USER, entry->owner->str, uid))
        *has |= REMOTE_HAS_UID;
    if (entry->group->len > 0 && owners_find(data, RESOLVER_GROUP, entry->group->str, gid))
        *has |= REMOTE_HAS_GID;
}

Tree *setup_tree(const MountConfig *config, Remote *remote, Owners *owners, Stats *stats)
{
    static const TreeLinks links[] = {
        [CONFIG_SYMLINKS_INSIDE] = TREE_LINKS_INSIDE,
        [CONFIG_SYMLINKS_ALL] = TREE_LINKS_ALL,
        [CONFIG_SYMLINKS_NONE] = TREE_LINKS_NONE,
    };
    TreeOptions options = {
        .timeout_s = config->dir_cache_timeout_s,
        .exact_times = config->exact_times,
        .offline = config->offline,
        .links = links[config->symlinks],
        .exact_max = config->exact_max,
        .stats = stats,
        .remove_temporaries = (config->atomic_upload || config->writeback) && !config->read_only,
        .own = config->idmap == CONFIG_IDMAP_NAMES ? own_by_name : NULL,
        .own_data = owners,
    };
    return tree_new(remote, &options);
}
