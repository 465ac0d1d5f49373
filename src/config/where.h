/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * where - the server and directory that a command line means: the source as it is written, or the
 * one of an alias, together with user= and port=. Private to config/.
 *
 * No state, no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_WHERE_H
#define FTPSFS_SRC_CONFIG_WHERE_H

#include "config_file.h"

/* The source that `text` names, or, where it is not NULL, that `alias` and the `rest` behind its
 * colon name; *rank: where it was told. NULL with FTPSFS_ERROR_CONFIG. For source_free. */
Source *where_find(const ConfigFiles *files, const char *text, const char *alias, const char *rest,
                   OptionRank *rank, GError **error);

/* The same source with user= and port= of `state`, whose port is never 0. Takes `found`; NULL is
 * handed on. FTPSFS_ERROR_CONFIG: the two contradict each other. */
Source *where_resolve(OptionState *state, Source *found, OptionRank rank, GError **error);

#endif
