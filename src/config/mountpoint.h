/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountpoint - the check of the mountpoint, which is held by a descriptor from then on: its path
 * may lead elsewhere later, when root mounts. Private to config/. No lock.
 */
#ifndef FTPSFS_SRC_CONFIG_MOUNTPOINT_H
#define FTPSFS_SRC_CONFIG_MOUNTPOINT_H

#include "options.h"

/* Checks what the command line names as mountpoint and sets `mountpoint`, `mountpoint_fd` and
 * `told_safe` of the state's config. FTPSFS_ERROR_CONFIG with what is wrong with it. */
gboolean mountpoint_check(OptionState *state, const char *path, GError **error);

#endif
