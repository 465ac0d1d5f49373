/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <string.h>

#include "ftpsfs/util/error.h"

static gboolean says(const char *lower, const char *words)
{
    return strstr(lower, words) != NULL;
}

/* What a 450, 550 or 553 means can only be read from its words. */
static FtpsfsErrorCode code_from_words(const char *text)
{
    g_autofree char *lower = g_ascii_strdown(text, -1);
    if (says(lower, "no such") || says(lower, "not found") || says(lower, "does not exist") ||
        says(lower, "doesn't exist") || says(lower, "cannot find") || says(lower, "can't find"))
        return FTPSFS_ERROR_NOT_FOUND;
    if (says(lower, "not empty"))
        return FTPSFS_ERROR_NOT_EMPTY;
    if (says(lower, "exists"))
        return FTPSFS_ERROR_EXISTS;
    if (says(lower, "is a directory") || says(lower, "not a regular") ||
        says(lower, "not a plain file"))
        return FTPSFS_ERROR_IS_DIR;
    if (says(lower, "not a directory"))
        return FTPSFS_ERROR_NOT_DIR;
    if (says(lower, "name too long"))
        return FTPSFS_ERROR_NAME_TOO_LONG;
    if (says(lower, "invalid directory name") || says(lower, "invalid file name") ||
        says(lower, "name is invalid"))
        return FTPSFS_ERROR_INVALID;
    if (says(lower, "no space") || says(lower, "quota") || says(lower, "disk full"))
        return FTPSFS_ERROR_NO_SPACE;
    if (says(lower, "permission denied") || says(lower, "access denied") ||
        says(lower, "access is denied") || says(lower, "not permitted") ||
        says(lower, "privilege") || says(lower, "read-only"))
        return FTPSFS_ERROR_ACCESS;
    return FTPSFS_ERROR_IO;
}

static FtpsfsErrorCode code_from_reply(const Reply *reply, const char *text)
{
    switch (reply->code) {
    case 452:
    case 552:
        return FTPSFS_ERROR_NO_SPACE;
    case 425:
    case 426:
        return FTPSFS_ERROR_LOST;
    case 530:
    case 532:
        return FTPSFS_ERROR_ACCESS;
    case 500:
    case 502:
    case 504:
    case 536:
        return FTPSFS_ERROR_UNSUPPORTED;
    default: {
        FtpsfsErrorCode code = code_from_words(text);
        return code == FTPSFS_ERROR_IO && reply->code == 450 ? FTPSFS_ERROR_BUSY : code;
    }
    }
}

void session_set_reply_error(GError **error, const char *verb, const char *path, const Reply *reply)
{
    g_autofree char *text = reply_text(reply);
    g_set_error(error, FTPSFS_ERROR, (gint)code_from_reply(reply, text),
                "%s %s: the server says: %d %s", verb, path, reply->code, text);
}
