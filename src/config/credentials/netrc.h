/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netrc - finds a host's entry in the text of a .netrc file. Private to config/.
 *
 * No state, no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CREDENTIALS_NETRC_H
#define FTPSFS_SRC_CONFIG_CREDENTIALS_NETRC_H

#include <glib.h>

/* Pointers into the text that was searched; NULL for what the entry does not say. */
typedef struct {
    gboolean found;
    const char *user;
    const char *password;
    const char *account;
} NetrcEntry;

/* Looks in `text` (zero-terminated; overwritten) for the first "machine HOST" or "default" entry
 * that helps: with `user` one that names this user or none and has a password; without `user`
 * (NULL) one that has a user or a password. With `named_only` "default" entries are passed over.
 * Tokens are separated by blanks and line ends, or quoted
 * as curl does, with \", \\, \n, \r and \t; "#" where a keyword may stand begins a comment; macdef
 * is skipped; other keywords are ignored. FTPSFS_ERROR_CONFIG with `path` and the line for a quote
 * without end or a keyword without value. Not finding an entry is no error: entry->found. */
gboolean netrc_find(char *text, const char *host, const char *user, gboolean named_only,
                    const char *path, NetrcEntry *entry, GError **error);

#endif
