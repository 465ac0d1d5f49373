/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remote_private.h"

#include <string.h>

#include "ftp/session/path_argument.h"
#include "ftp/transfer/transfer.h"
#include "ftpsfs/ftp/encoding.h"
#include "ftpsfs/util/error.h"

static void copy_options(Remote *remote, const RemoteOptions *options)
{
    RemoteOptions *own = &remote->options;
    *own = *options;
    own->host = g_strdup(options->host);
    own->user = g_strdup(options->user);
    own->virtual_host = g_strdup(options->virtual_host);
    own->directory = g_strdup(options->directory);
    own->codepage = g_strdup(options->codepage);
    own->time_zone = options->time_zone != NULL ? g_time_zone_ref(options->time_zone) : NULL;
    own->init_commands = (const char *const *)g_strdupv((char **)options->init_commands);
    own->password = options->password != NULL ? secret_ref(options->password) : NULL;
    own->account = options->account != NULL ? secret_ref(options->account) : NULL;
}

void remote_free(Remote *remote)
{
    if (remote == NULL)
        return;
    pool_free(remote->pool);
    features_free(remote->context.features);
    trust_unref(remote->context.trust);
    g_clear_pointer(&remote->context.ticket, g_bytes_unref);
    lock_clear(&remote->context.ticket_lock);
    RemoteOptions *own = &remote->options;
    g_free((char *)own->host);
    g_free((char *)own->user);
    g_free((char *)own->virtual_host);
    g_free((char *)own->directory);
    g_free((char *)own->codepage);
    g_strfreev((char **)own->init_commands);
    secret_unref(own->password);
    secret_unref(own->account);
    server_clock_free(remote->clock);
    g_clear_pointer(&own->time_zone, g_time_zone_unref);
    g_free(remote->root);
    g_free(remote);
}

Remote *remote_new(const RemoteOptions *options, Trust *trust, Stats *stats, GCancellable *cancel,
                   GError **error)
{
    g_autoptr(Remote) remote = g_new0(Remote, 1);
    copy_options(remote, options);
    remote->context.options = &remote->options;
    remote->context.trust = trust_ref(trust);
    remote->context.stats = stats;
    remote->context.features = features_new();
    remote->clock = server_clock_new(options->time_zone);
    lock_init(&remote->context.ticket_lock, LOCK_RANK_TICKET);
    remote->pool = pool_new(&remote->context);
    g_autoptr(GError) failure = NULL;
    if (!remote_enter_root(remote, cancel, &failure)) {
        /* Of what goes wrong on a connection the message knows only what, not with whom. */
        if (strstr(failure->message, options->host) == NULL)
            g_prefix_error(&failure, "%s: ", options->host);
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    return g_steal_pointer(&remote);
}

const char *remote_root(const Remote *remote)
{
    return remote->root;
}

gboolean remote_is_read_only(const Remote *remote)
{
    return remote->read_only;
}

gboolean remote_is_gone(Remote *remote, GCancellable *cancel)
{
    if (pool_is_down(remote->pool))
        return TRUE;
    g_autoptr(GError) failure = NULL;
    g_autoptr(Lease) lease = pool_lease(remote->pool, LEASE_FRESH, cancel, &failure);
    return lease == NULL && pool_is_down(remote->pool);
}

gboolean remote_can(const Remote *remote, RemoteCan what)
{
    const Features *features = remote->context.features;
    switch (what) {
    case REMOTE_CAN_MLST:
        return features_get(features, FEATURE_MLST) == FEATURE_YES;
    case REMOTE_CAN_CHMOD:
        return features_get(features, FEATURE_MFF_MODE) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_CHMOD);
    case REMOTE_CAN_SET_MTIME:
        return features_get(features, FEATURE_MFMT) == FEATURE_YES ||
               features_maybe(features, FEATURE_MDTM_SET) ||
               features_get(features, FEATURE_MFF_MODIFY) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_UTIME) ||
               features_maybe(features, FEATURE_SITE_UTIME_LONG);
    case REMOTE_CAN_CHOWN:
        return features_get(features, FEATURE_MFF_OWNER) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_CHOWN);
    case REMOTE_CAN_CHGRP:
        return features_get(features, FEATURE_MFF_GROUP) == FEATURE_YES ||
               features_maybe(features, FEATURE_SITE_CHGRP);
    case REMOTE_CAN_SYMLINK:
        return features_maybe(features, FEATURE_SITE_SYMLINK);
    case REMOTE_CAN_REST_STOR:
        return features_get(features, FEATURE_REST_STOR) == FEATURE_YES;
    case REMOTE_CAN_MOVE:
        return features_maybe(features, FEATURE_PATHS);
    case REMOTE_CAN_COPY:
        return features_get(features, FEATURE_SITE_COPY) == FEATURE_YES;
    case REMOTE_CAN_HASH:
        return features_get(features, FEATURE_HASH) == FEATURE_YES ||
               features_get(features, FEATURE_XSHA256) == FEATURE_YES ||
               features_get(features, FEATURE_HASH_MD5) == FEATURE_YES ||
               features_get(features, FEATURE_XMD5) == FEATURE_YES ||
               features_get(features, FEATURE_MD5) == FEATURE_YES;
    }
    return FALSE;
}

gboolean remote_run(Remote *remote, gboolean for_data, RemoteTryFunc func, gpointer data,
                    GCancellable *cancel, GError **error)
{
    for (gboolean repeated = FALSE;; repeated = TRUE) {
        LeaseWant want = (for_data ? LEASE_DATA : LEASE_ANY) | (repeated ? LEASE_FRESH : LEASE_ANY);
        g_autoptr(Lease) lease = pool_lease(remote->pool, want, cancel, error);
        if (lease == NULL)
            return FALSE;
        g_autoptr(GError) failure = NULL;
        RemoteTry try = {remote, pool_lease_session(lease), repeated, cancel};
        if (func(&try, data, &failure))
            return TRUE;
        pool_lease_failed(lease, failure);
        if (repeated || !ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_CONNECTION) ||
            g_cancellable_is_cancelled(cancel)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        STATS_ADD(remote->context.stats, retries, 1);
        g_info("trying again on another control connection: %s", failure->message);
    }
}

ListingContext remote_listing_context(Remote *remote)
{
    return (ListingContext){
        .dialect = (ListingDialect)g_atomic_int_get(&remote->dialect),
        .codepage = remote->options.codepage,
        .now = server_clock_now(remote->clock),
        .zone = server_clock_zone(remote->clock),
        .zone_offset = server_clock_offset(remote->clock),
    };
}
