/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp: the FTP client. This folder itself has only what all of its folders share: what a server
 * says of one name. Upper layers use src/ftp/remote. Uses src/util.
 *
 * entry - what a server says about one name: its type, size, times, rights and owners.
 *
 * A RemoteEntry belongs to whoever made it; it has no lock.
 */
#ifndef FTPSFS_FTP_ENTRY_H
#define FTPSFS_FTP_ENTRY_H

#include <gio/gio.h>

#define ENTRY_NAME_MAX   1024 /* bytes of a name in UTF-8; the kernel takes no more */
#define ENTRY_TARGET_MAX 4095 /* bytes of a symlink's target; the kernel takes no more */

typedef enum {
    REMOTE_TYPE_FILE,
    REMOTE_TYPE_DIR,
    REMOTE_TYPE_SYMLINK,
    REMOTE_TYPE_OTHER, /* device, socket, fifo: shown, can't be opened */
} RemoteType;

/* Which fields of an entry hold something. */
typedef enum {
    REMOTE_HAS_SIZE = 1 << 0,
    REMOTE_HAS_MTIME = 1 << 1,
    REMOTE_HAS_MODE = 1 << 2,
    REMOTE_HAS_UID = 1 << 3,
    REMOTE_HAS_GID = 1 << 4,
    REMOTE_HAS_PERM = 1 << 5,
    REMOTE_HAS_UNIQUE = 1 << 6,
} RemoteHas;

/* The "perm" fact (RFC 3659 section 7.5.5), one bit a letter. */
typedef enum {
    REMOTE_PERM_APPEND = 1 << 0, /* a: file may be appended to */
    REMOTE_PERM_CREATE = 1 << 1, /* c: files may be created in this directory */
    REMOTE_PERM_DELETE = 1 << 2, /* d */
    REMOTE_PERM_ENTER = 1 << 3,  /* e: directory may be entered */
    REMOTE_PERM_RENAME = 1 << 4, /* f */
    REMOTE_PERM_LIST = 1 << 5,   /* l */
    REMOTE_PERM_MKDIR = 1 << 6,  /* m */
    REMOTE_PERM_PURGE = 1 << 7,  /* p */
    REMOTE_PERM_READ = 1 << 8,   /* r */
    REMOTE_PERM_WRITE = 1 << 9,  /* w */
} RemotePerm;

/* How exact an entry's mtime is, in the order of exactness. */
typedef enum {
    REMOTE_TIME_DAY,    /* LIST, older than six months */
    REMOTE_TIME_MINUTE, /* LIST */
    REMOTE_TIME_SECOND, /* MLSD, MDTM */
} RemoteTime;

typedef struct {
    GString *name;   /* UTF-8 (or escaped bytes); never empty, ".", "..", or with '/' or NUL */
    RemoteType type; /* FILE when unknown */
    guint has;       /* RemoteHas */
    guint32 mode;    /* permission bits 07777 */
    guint64 size;    /* bytes, exact (not set by dialects that count blocks); <= G_MAXINT64 */
    gint64 mtime;    /* seconds since 1970 UTC */
    gint32 mtime_ns;
    RemoteTime time_precision;
    guint32 uid, gid;       /* numeric owners */
    guint perm;             /* RemotePerm */
    GString *owner, *group; /* names, or digits as they stood; empty when unknown */
    GString *target;        /* of a symlink; empty when not told, or: */
    gboolean long_target;   /* it has more than ENTRY_TARGET_MAX bytes, and is not kept */
    GString *unique;        /* the "unique" fact; empty when unknown */
} RemoteEntry;

RemoteEntry *entry_new(void);
void entry_clear(RemoteEntry *entry); /* empties all fields for re-use */
void entry_free(RemoteEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RemoteEntry, entry_free)

/* Called for each entry; returning FALSE ends the parse with *error set by the callback. */
typedef gboolean (*EntryFunc)(const RemoteEntry *entry, gpointer data, GError **error);

#endif
