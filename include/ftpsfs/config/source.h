/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source - the mount source: [ftps://][user@]host[:port][/dir] and the spellings around it.
 *
 * A Source is immutable and belongs to its MountConfig. No lock.
 */
#ifndef FTPSFS_CONFIG_SOURCE_H
#define FTPSFS_CONFIG_SOURCE_H

#include <glib.h>

#define SOURCE_PORT_IMPLICIT 990
#define SOURCE_PORT_EXPLICIT 21

typedef struct {
    char *user;      /* percent-decoded; NULL when not given */
    char *host;      /* without brackets; a scope ("%eth0") is kept */
    guint16 port;    /* 0 when not given */
    char *directory; /* percent-decoded in URLs; "" for the login directory, "/x" is absolute on
                        the server, "x" is below the login directory */
} Source;

/* Reads "ftps://user@host:990/dir", "user@host:990/dir", "host", "[::1]:990/dir", the sshfs
 * spelling "user@host:/dir" or "host:dir", and the fstab spelling "ftpsfs#..." of each. In the URL
 * form
 * "/dir" after the host is below the login directory as in RFC 1738 section 3.2.2, "/%2Fdir" and
 * "//dir" are absolute; in the sshfs form "host:/dir" is absolute, "host:dir" below the login
 * directory. FTPSFS_ERROR_CONFIG: a password in it, "ftp://" (not encrypted), a port out of range,
 * no host, bad escapes, control characters. The message never repeats a password. */
Source *source_parse(const char *text, GError **error);
void source_free(Source *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Source, source_free)

/* Whether `text` is no UTF-8 or holds control characters, U+0080 to U+009F among them. */
gboolean source_has_control(const char *text);

/* Whether two hosts have the same name: case and a dot at the end make no difference, all else
 * does. International names are compared in ASCII, as source_parse gives them. */
gboolean source_same_host(const char *a, const char *b);

/* `text` for a question to the user: letters, digits and "-._~@+" stay, all else that could pass
 * for another text is percent-encoded. For g_free. */
char *source_escape(const char *text);

/* "ftps://user@host/dir" for /proc/mounts and messages: no secrets, default port left out.
 * For g_free. */
char *source_to_string(const Source *source);

#endif
