/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The methods to set mode, time and owner, shared by remote_attributes.c, which has them, and
 * remote_finalize.c, which sets some at the end of an upload.
 */
#ifndef FTPSFS_SRC_FTP_REMOTE_REMOTE_METHODS_H
#define FTPSFS_SRC_FTP_REMOTE_REMOTE_METHODS_H

#include "remote_private.h"

typedef struct {
    const char *path;
    const char *name;  /* as the server knows it */
    guint32 mode;      /* or G_MAXUINT32 */
    gint64 mtime;      /* or G_MININT64 */
    const char *owner; /* or group: a name or a number */
} AttributeArgs;

/* One way to set an attribute: the command, and the feature that says whether the server has it. */
typedef struct {
    Feature feature;
    const char *verb;
    const char *format; /* %M mode in octal, %T time-val, %O owner or group, %P path */
} RemoteMethod;

/* All methods to set one attribute. */
typedef struct {
    const char *what; /* the attribute, for people */
    const RemoteMethod *methods;
    gsize n;
} RemoteAttribute;

extern const RemoteAttribute remote_method_mode;
extern const RemoteAttribute remote_method_mtime;

/* The command's argument, for g_free. */
char *remote_method_argument(const char *format, const AttributeArgs *args);

/* The first way from *index on that the server has, or else may have; NULL when none is left. With
 * a path that SITE may misread, SITE is the last that is tried. */
const RemoteMethod *remote_method_choose(Features *features, const RemoteAttribute *attribute,
                                         const char *path, gsize *index);

typedef enum {
    REMOTE_METHOD_DONE,
    REMOTE_METHOD_FAILED, /* the error is set */
    REMOTE_METHOD_REPEAT, /* with another method; no error is set */
} RemoteMethodOutcome;

/* Judges the reply to `method`. */
RemoteMethodOutcome remote_method_judge(Session *session, const RemoteMethod *method,
                                        const char *path, const Reply *reply, GCancellable *cancel,
                                        GError **error);

/* Sets one attribute, trying the ways until one works. FTPSFS_ERROR_UNSUPPORTED when none does. */
gboolean remote_method_set(Session *session, const RemoteAttribute *attribute,
                           const AttributeArgs *args, GCancellable *cancel, GError **error);

#endif
