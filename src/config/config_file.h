/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_file - ~/.config/ftpsfs/config and /etc/ftpsfs.conf. Private to config/.
 *
 * Key files (GKeyFile): the group "defaults" holds options for every mount; each other group is an
 * alias, whose name stands for a server on the command line and in fstab, with its "source=" and
 * its options. What the more particular place says wins: alias over defaults, the user's file over
 * the system's; the command line, read afterwards, over all.
 *
 * The files may run commands (password_command), so one that others could have written is refused:
 * it must belong to the caller or to root and be writable by its owner alone, as ssh has it.
 *
 * A ConfigFiles belongs to config_parse. No lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CONFIG_FILE_H
#define FTPSFS_SRC_CONFIG_CONFIG_FILE_H

#include "options.h"

#define CONFIG_FILE_SYSTEM   "/etc/ftpsfs.conf"
#define CONFIG_FILE_DEFAULTS "defaults"

typedef struct ConfigFiles ConfigFiles;

/* Reads both files; one that is not there, or not for this user to read, is no error.
 * FTPSFS_ERROR_CONFIG: not safe, no key file, a group whose name can't be an alias. */
ConfigFiles *config_files_read(GError **error);
void config_files_free(ConfigFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigFiles, config_files_free)

/* The alias that `text` ("work", "work:", "work:sub/dir", "ftpsfs#work:") names, for g_free; NULL:
 * no file has such a group. `text` may be NULL. *rest: what follows the colon, in `text`. */
char *config_files_alias(const ConfigFiles *files, const char *text, const char **rest);

/* Sets the options of the defaults, then those of `alias` (NULL: none). */
gboolean config_files_apply(const ConfigFiles *files, const char *alias, OptionState *state,
                            GError **error);

/* The "source=" of an alias, for g_free; NULL: its name is the host. */
char *config_files_source(const ConfigFiles *files, const char *alias);

/* The names of all aliases, sorted, for g_strfreev. */
char **config_files_aliases(const ConfigFiles *files);

/* The paths of the files that were there, in the order of precedence, for g_strfreev. */
char **config_files_paths(const ConfigFiles *files);

#endif
