/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/config/credentials: user name, password and passphrase, from wherever they are. Offers
 * Credentials to main. Uses src/config and src/util.
 *
 * credentials - where user name and password come from.
 *
 * In this order: `credentials=FILE`, `password_stdin`, `password_command=`, the credentials that
 * systemd passes ($CREDENTIALS_DIRECTORY), ~/.netrc ($NETRC), and a prompt without echo on the
 * terminal. Where config.bound_only is set, systemd's and the "default" of ~/.netrc are left out:
 * they are kept for no host in particular. Runs once, in main, before anything is connected. No
 * lock.
 */
#ifndef FTPSFS_CONFIG_CREDENTIALS_H
#define FTPSFS_CONFIG_CREDENTIALS_H

#include "ftpsfs/config/config.h"
#include "ftpsfs/util/secret.h"

typedef struct {
    char *user;
    Secret *password; /* never NULL; empty only when a file or the person at the terminal says so */
    Secret *account;  /* for ACCT, from the credentials file or ~/.netrc; NULL when none is named */
    Secret *key_password; /* of the client certificate's key or token; NULL: it needs none */
} Credentials;

/* Finds user and password for config->source. The user in the source wins over a file's; without
 * any it is the login name of the caller. "anonymous" (or "ftp") is used only when the source or a
 * file says so, with the password "anonymous@" unless one is found. FTPSFS_ERROR_CONFIG with what
 * was looked at and what to do: file open to others (mode & 077) or of another owner, malformed, no
 * password found and no terminal; FTPSFS_ERROR_INTERRUPTED at the prompt. */
Credentials *credentials_find(const MountConfig *config, GError **error);
/* The user that credentials_find would find, for g_free. Asks nothing, runs no command and leaves
 * standard input alone. FTPSFS_ERROR_CONFIG: a file that is malformed or open to others. */
char *credentials_user(const MountConfig *config, GError **error);
/* For the child after a fork(): see secret_lock. */
void credentials_lock(const Credentials *credentials);

void credentials_free(Credentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Credentials, credentials_free)

#endif
