/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies with an errno, and the line in the log that goes with it. */
#include <string.h>

#include "fs_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/log.h"

void fs_reply_error(fuse_req_t req, fuse_ino_t ino, const char *name, const GError *error)
{
    int code = ftpsfs_error_errno(error);
    const char *message = error != NULL ? error->message : "no reason was given";
    g_autofree char *above = node_path(fs_node(req, ino));
    g_autofree char *path =
        above != NULL && name != NULL ? g_build_filename(above, name, NULL) : g_strdup(above);
    log_failure(ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_ORDINARY), path, strerrorname_np(code),
                "%s (%s)", message, g_strerror(code));
    fuse_reply_err(req, code);
}
