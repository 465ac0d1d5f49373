/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity - which source a mount sees: the key of everything that outlives the mount, that is of
 * content in cache_dir and of the journals of writeback.
 *
 * It has everything that chooses what is seen under a path: host, port, implicit or explicit TLS,
 * user, account, virtual host (HOST), the commands of ftp_init, and the encoding of names. And it
 * has how the server is verified, so that what one mount got from a server that it did not verify
 * is never shown by one that does, nor the other way round: by which CAs, by which pinned keys, by
 * which remembered key.
 *
 * Left out is what does not change what a path means. The directory of the source: paths are those
 * of the server, from its root or from the login directory, and which directory that is follows
 * from the user and the rest. The client certificate: the server gets a user name anyhow.
 * server_tz: another time zone makes other times, by which no content is found.
 *
 * As text it is one record (util/records.h), in which nothing can be taken for something else. The
 * account and the commands of ftp_init may be secrets: the text has a SHA-256 of them.
 *
 * An Identity is immutable and belongs to its maker. No lock.
 */
#ifndef FTPSFS_UTIL_IDENTITY_H
#define FTPSFS_UTIL_IDENTITY_H

#include "ftpsfs/util/secret.h"

/* All strings may be NULL but host and user. */
typedef struct {
    const char *host; /* as the user wrote it, without brackets */
    guint16 port;
    gboolean explicit_tls;
    const char *user;
    const Secret *account;
    const char *virtual_host;
    const char *const *init_commands;
    const char *codepage;
    gboolean by_ca; /* the chain is verified: by the CAs of these, else by the system's */
    const char *ca_file, *ca_path;
    const char *const *pins;       /* one of these keys is asked for; "sha256//BASE64" */
    gboolean by_known_key;         /* a key that is remembered is asked for: */
    const char *const *known_keys; /* one of these, as of pins */
} IdentityFacts;

typedef struct Identity Identity;

/* Copies all that it needs. */
Identity *identity_new(const IdentityFacts *facts);
void identity_free(Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)

/* One line, with its end. Two identities are the same if and only if their texts are. */
const char *identity_text(const Identity *identity);

/* How the names of all identities begin. */
#define IDENTITY_NAME_PREFIX "source-"

/* A file name that is made of a SHA-256 of the text. */
const char *identity_name(const Identity *identity);

/* From a text that identity_text has given. FTPSFS_ERROR_PROTOCOL when it is none, or one of a
 * later version. */
Identity *identity_from_text(const char *text, gsize length, GError **error);

/* Whether host, port and user are these, however the host is written. */
gboolean identity_is_at(const Identity *identity, const char *user, const char *host, guint port);

/* Whether host, port and user agree. */
gboolean identity_is_alike(const Identity *identity, const Identity *other);

/* Whether host, port and user say it all: no virtual host, account or command is chosen besides. */
gboolean identity_is_plain(const Identity *identity);

/* Whether anything is verified. */
gboolean identity_is_verified(const Identity *identity);

/* Whether a mount of `now` may send what was written for `before`: the place is the same, and a
 * server that `now` accepts was accepted by `before` as well. What was written for a server that
 * nobody verified may hold what that server sent, so no other mount may send it. */
gboolean identity_may_finish(const Identity *now, const Identity *before);

/* The options that make two of them differ, "ftp_host, tls_pin", for a message; for g_free. */
char *identity_differences(const Identity *identity, const Identity *other);

#endif
