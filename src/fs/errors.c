/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where errors become errno.
 */
#include <errno.h>
#include <string.h>

#include "fs_private.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/log.h"

static int errno_of(const GError *error)
{
    if (error == NULL || error->domain != FTPSFS_ERROR)
        return EIO;
    switch ((FtpsfsErrorCode)error->code) {
    case FTPSFS_ERROR_NOT_FOUND:
        return ENOENT;
    case FTPSFS_ERROR_EXISTS:
        return EEXIST;
    case FTPSFS_ERROR_ACCESS:
    case FTPSFS_ERROR_LOGIN:
    case FTPSFS_ERROR_LOGGED_OUT:
        return EACCES;
    case FTPSFS_ERROR_NOT_EMPTY:
        return ENOTEMPTY;
    case FTPSFS_ERROR_NOT_DIR:
        return ENOTDIR;
    case FTPSFS_ERROR_IS_DIR:
        return EISDIR;
    case FTPSFS_ERROR_NO_SPACE:
        return ENOSPC;
    case FTPSFS_ERROR_TOO_BIG:
        return EFBIG;
    case FTPSFS_ERROR_UNSUPPORTED:
        return EOPNOTSUPP;
    case FTPSFS_ERROR_NAME:
        return EILSEQ;
    case FTPSFS_ERROR_NAME_TOO_LONG:
        return ENAMETOOLONG;
    case FTPSFS_ERROR_INVALID:
        return EINVAL;
    case FTPSFS_ERROR_STALE:
        return ESTALE;
    case FTPSFS_ERROR_CROSS:
        return EXDEV;
    case FTPSFS_ERROR_READ_ONLY:
        return EROFS;
    case FTPSFS_ERROR_BUSY:
        return EBUSY;
    case FTPSFS_ERROR_INTERRUPTED:
        return EINTR;
    case FTPSFS_ERROR_TIMEOUT:
        return ETIMEDOUT;
    case FTPSFS_ERROR_IO:
    case FTPSFS_ERROR_LOST:
    case FTPSFS_ERROR_TRUNCATED:
    case FTPSFS_ERROR_PROTOCOL:
    case FTPSFS_ERROR_CONNECT:
    case FTPSFS_ERROR_TLS:
    case FTPSFS_ERROR_LIMIT:
    case FTPSFS_ERROR_CONFIG:
        return EIO;
    }
    return EIO;
}

/* What programs run into all the time and handle by themselves is not worth a line in the log. */
static gboolean is_ordinary(int code)
{
    return code == ENOENT || code == EEXIST || code == ENOTEMPTY || code == EISDIR ||
           code == ENOTDIR || code == EOPNOTSUPP || code == EINTR || code == EILSEQ ||
           code == ENAMETOOLONG || code == EINVAL || code == EXDEV;
}

void fs_reply_error(fuse_req_t req, fuse_ino_t ino, const char *name, const GError *error)
{
    int code = errno_of(error);
    const char *message = error != NULL ? error->message : "no reason was given";
    g_autofree char *above = node_path(fs_node(req, ino));
    g_autofree char *path =
        above != NULL && name != NULL ? g_build_filename(above, name, NULL) : g_strdup(above);
    log_failure(is_ordinary(code), path, strerrorname_np(code), "%s (%s)", message,
                g_strerror(code));
    fuse_reply_err(req, code);
}
