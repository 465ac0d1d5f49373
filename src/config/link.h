/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link - what a server may get that the user has not chosen: -o link. Private to config/.
 *
 * A link, or a map whose keys other users choose, names any host. The secrets of [defaults] are for
 * the hosts that the user names, on the command line or by an alias. Such a host gets only what is
 * kept for it: the options of the command line and the entries of .netrc that name it.
 *
 * No state, no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_LINK_H
#define FTPSFS_SRC_CONFIG_LINK_H

#include "config_file.h"

/* With -o link, and a source that no alias leads to: takes the secrets of [defaults] out of `state`
 * and sets config.bound_only. `alias` (NULL: none) is the one that the source was named by. */
void link_restrict(OptionState *state, const ConfigFiles *files, const char *alias);

#endif
