/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_print - what --print-config and --complete write. Private to config/. No state, no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CONFIG_PRINT_H
#define FTPSFS_SRC_CONFIG_CONFIG_PRINT_H

#include "config_file.h"

/* All options as they are in effect, in groups by where they come from, as a configuration file
 * that says the same. `alias` names its group (NULL: there is none); `source` may be NULL, then the
 * options are those for all mounts. No secrets: the options hold none. For g_free. */
char *config_print(const OptionState *state, const ConfigFiles *files, const char *alias,
                   const Source *source);

/* For the shells' completions, one candidate a line, after a TAB what it means. `kind` is "flags",
 * "options" (each with its "="), "aliases", "mountpoints" (of ftpsfs), or "values:NAME", the words
 * that the option NAME takes, or one of "<file>", "<directory>", "<user>", "<group>" for what the
 * shell can complete better. For g_free; NULL when there is no such kind. */
char *config_complete(const ConfigFiles *files, const char *kind);

#endif
