/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that only look: they believe every certificate and can't write, so that no login is
 * ever sent on one. For --probe, and for finding out why a handshake failed.
 */
#include "ftp/session/session_private.h"
#include "ftpsfs/util/error.h"
#include "session_open.h"

/* *made becomes the channel, whether the handshake came to something or not. */
static gboolean shake_hands(const RemoteOptions *options, Trust *trust, GBytes *ticket,
                            char **greeting, Channel **made, GCancellable *cancel, GError **error)
{
    int fd = session_open_dial(options, greeting, cancel, error);
    if (fd < 0)
        return FALSE;
    ChannelOptions how = {.host = options->host,
                          .port = options->port,
                          .timeout_s = options->timeout_s,
                          .ticket = ticket,
                          .probe_only = TRUE};
    *made = channel_new(fd, trust, &how, error);
    return *made != NULL && channel_handshake(*made, cancel, error);
}

/* What the server chooses where nearly everything is accepted, in words for g_free; NULL when the
 * handshake of `failed` did not fail for that, or this tells no more. */
static char *find_unmet(const Channel *failed, const RemoteOptions *options, Trust *trust,
                        GCancellable *cancel)
{
    if (!channel_disagreed(failed))
        return NULL;
    g_autoptr(GError) unused = NULL;
    g_autoptr(Trust) broad = trust_broad(trust);
    g_autoptr(Channel) channel = NULL;
    if (broad == NULL || !shake_hands(options, broad, NULL, NULL, &channel, cancel, &unused)) {
        g_debug("no other handshake with %s either: %s", options->host,
                unused != NULL ? unused->message : "no priorities for one");
        return NULL;
    }
    channel_bye(channel, cancel, NULL);
    return channel_find_unmet(channel, trust);
}

void session_probe_propagate(GError **error, GError *failure, const Channel *failed,
                             const RemoteOptions *options, Trust *trust, GCancellable *cancel)
{
    g_autofree char *unmet = find_unmet(failed, options, trust, cancel);
    if (unmet == NULL) {
        g_propagate_error(error, failure);
        return;
    }
    g_debug("%s", failure->message);
    g_error_free(failure);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                "%s port %u refuses TLS as this mount wants it; offered more, it chooses %s",
                options->host, options->port, unmet);
}

Channel *session_probe(const RemoteOptions *options, Trust *trust, GBytes *ticket, char **greeting,
                       GCancellable *cancel, GError **error)
{
    g_autoptr(Channel) channel = NULL;
    g_autoptr(GError) failure = NULL;
    if (shake_hands(options, trust, ticket, greeting, &channel, cancel, &failure))
        return g_steal_pointer(&channel);
    if (channel != NULL)
        session_probe_propagate(error, g_steal_pointer(&failure), channel, options, trust, cancel);
    else
        g_propagate_error(error, g_steal_pointer(&failure));
    return NULL;
}
