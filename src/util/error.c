/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"

#include <errno.h>

typedef struct {
    int number; /* errno of the file system call that fails with it */
    FtpsfsErrorClass classes;
} Meaning;

#define PASSES     FTPSFS_ERROR_CLASS_PASSING
#define ORDINARY   FTPSFS_ERROR_CLASS_ORDINARY
#define REFUSAL    FTPSFS_ERROR_CLASS_REFUSAL
#define OUTAGE     (FTPSFS_ERROR_CLASS_OUTAGE | PASSES)
#define CONNECTION (FTPSFS_ERROR_CLASS_CONNECTION | OUTAGE)
#define REPEATABLE (FTPSFS_ERROR_CLASS_REPEATABLE | CONNECTION)

/* What each code means to those who decide by it. A new code gets its row here and nowhere else. */
static const Meaning meanings[] = {
    [FTPSFS_ERROR_IO] = {EIO, REFUSAL},
    [FTPSFS_ERROR_NOT_FOUND] = {ENOENT, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_EXISTS] = {EEXIST, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_ACCESS] = {EACCES, REFUSAL},
    [FTPSFS_ERROR_NOT_EMPTY] = {ENOTEMPTY, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_NOT_DIR] = {ENOTDIR, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_IS_DIR] = {EISDIR, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_NO_SPACE] = {ENOSPC, REFUSAL | PASSES},
    [FTPSFS_ERROR_TOO_BIG] = {EFBIG, 0},
    [FTPSFS_ERROR_UNSUPPORTED] = {EOPNOTSUPP, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_NAME] = {EILSEQ, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_NAME_TOO_LONG] = {ENAMETOOLONG, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_INVALID] = {EINVAL, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_STALE] = {ESTALE, 0},
    [FTPSFS_ERROR_CROSS] = {EXDEV, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_READ_ONLY] = {EROFS, REFUSAL},
    /* Of links that lead out of the mount the tree tells, once a directory. */
    [FTPSFS_ERROR_OUTSIDE] = {EPERM, REFUSAL | ORDINARY},
    [FTPSFS_ERROR_BUSY] = {EBUSY, REFUSAL | PASSES},
    [FTPSFS_ERROR_INTERRUPTED] = {EINTR, ORDINARY | PASSES},
    [FTPSFS_ERROR_TIMEOUT] = {ETIMEDOUT, CONNECTION},
    [FTPSFS_ERROR_LOST] = {EIO, REPEATABLE},
    [FTPSFS_ERROR_TRUNCATED] = {EIO, REPEATABLE},
    [FTPSFS_ERROR_PROTOCOL] = {EIO, REPEATABLE},
    [FTPSFS_ERROR_CONNECT] = {EIO, OUTAGE},
    [FTPSFS_ERROR_TLS] = {EIO, PASSES},
    [FTPSFS_ERROR_LOGIN] = {EACCES, PASSES},
    [FTPSFS_ERROR_LOGGED_OUT] = {EACCES, CONNECTION},
    [FTPSFS_ERROR_LIMIT] = {EIO, OUTAGE},
    [FTPSFS_ERROR_CONFIG] = {EIO, 0},
};

GQuark ftpsfs_error_quark(void)
{
    return g_quark_from_static_string("ftpsfs-error-quark");
}

gboolean ftpsfs_error_is(const GError *error, FtpsfsErrorCode code)
{
    return g_error_matches(error, FTPSFS_ERROR, (gint)code);
}

/* NULL: no error of this domain. */
static const Meaning *meaning_of(const GError *error)
{
    if (error == NULL || error->domain != FTPSFS_ERROR || error->code < 0 ||
        (guint)error->code >= G_N_ELEMENTS(meanings))
        return NULL;
    return &meanings[error->code];
}

gboolean ftpsfs_error_has(const GError *error, FtpsfsErrorClass classes)
{
    const Meaning *meaning = meaning_of(error);
    return meaning != NULL && (meaning->classes & classes) != 0;
}

void ftpsfs_error_propagate_as(GError **error, GError *failure, FtpsfsErrorCode code)
{
    g_set_error_literal(error, FTPSFS_ERROR, (gint)code, failure->message);
    g_error_free(failure);
}

int ftpsfs_error_errno(const GError *error)
{
    const Meaning *meaning = meaning_of(error);
    return meaning != NULL ? meaning->number : EIO;
}
