/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways to set mode, time and owner, shared by remote_attributes.c, which has them, and
 * remote_finalize.c, which sets some at the end of an upload.
 */
#ifndef FTPSFS_SRC_FTP_REMOTE_REMOTE_METHODS_H
#define FTPSFS_SRC_FTP_REMOTE_REMOTE_METHODS_H

#include "remote_private.h"

typedef struct {
    const char *path;
    const char *name;  /* that the server is told */
    guint32 mode;      /* or G_MAXUINT32 */
    gint64 mtime;      /* or G_MININT64 */
    const char *owner; /* or group: a name or a number */
} AttributeArgs;

/* One way to set an attribute: the command, and the feature that says whether the server has it. */
typedef struct {
    Feature feature;
    const char *verb;
    const char *format; /* %M mode in octal, %T time-val, %O owner or group, %P path */
} Way;

#define MODE_WAYS  2
#define MTIME_WAYS 5
extern const Way mode_ways[MODE_WAYS];
extern const Way mtime_ways[MTIME_WAYS];

/* The command's argument, for g_free. */
char *way_argument(const char *format, const AttributeArgs *args);

/* The first way from *index on that the server has, or else may have; NULL when none is left. With
 * a path that SITE may misread, SITE is the last that is tried. */
const Way *way_choose(Features *features, const Way *ways, gsize n, const char *path, gsize *index);

/* Judges the reply to `way`: done, failed (*error set), or *again with another way. */
gboolean way_judge(Session *session, const Way *way, const char *path, const Reply *reply,
                   gboolean *again, GCancellable *cancel, GError **error);

/* Sets one attribute, trying the ways until one works. FTPSFS_ERROR_UNSUPPORTED when none does. */
gboolean way_set(Session *session, const Way *ways, gsize n, const AttributeArgs *args,
                 const char *what, GCancellable *cancel, GError **error);

#endif
