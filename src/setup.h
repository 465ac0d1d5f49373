/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * setup - what the layers below get of a MountConfig and the credentials, the same for a mount and
 * for --probe. No state, no lock. What is returned refers to its arguments, but the Identity.
 */
#ifndef FTPSFS_SRC_SETUP_H
#define FTPSFS_SRC_SETUP_H

#include "ftpsfs/cache/tree.h"
#include "ftpsfs/config/config.h"
#include "ftpsfs/config/credentials.h"
#include "ftpsfs/ftp/remote.h"
#include "ftpsfs/util/identity.h"
#include "ftpsfs/util/owners.h"
#include "ftpsfs/util/sandbox.h"
#include "ftpsfs/util/stats.h"

/* `credentials` may be NULL where no login and no client certificate is wanted. */
TrustOptions setup_trust(const MountConfig *config, const Credentials *credentials);
RemoteOptions setup_remote(const MountConfig *config, const Credentials *credentials, Trace *trace);

/* Which source the mount sees: the one key of all that outlives it. The `trust` has verified the
 * server once, so that a key which is believed at first use is remembered. */
Identity *setup_identity(const MountConfig *config, const Credentials *credentials,
                         const Trust *trust);

/* Says what a mount by these options gives up. */
void setup_warn(const MountConfig *config);

/* Which files the sandbox has to leave open. */
SandboxFiles setup_files(const MountConfig *config);

/* Whether the directories that outlive a mount are this user's alone, see guard_directory; with
 * `make` the one of them all is made if need be. To be called as the user who mounts.
 * FTPSFS_ERROR_CONFIG. */
gboolean setup_state(const MountConfig *config, gboolean make, GError **error);

/* `owners`: for idmap=names, else NULL; outlives the tree. */
Tree *setup_tree(const MountConfig *config, Remote *remote, Owners *owners, Stats *stats);

#endif
