/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret_file - reads a file that holds a password into memory that is wiped. Private to config/.
 *
 * A SecretFile belongs to the function that read it; no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_CREDENTIALS_SECRET_FILE_H
#define FTPSFS_SRC_CONFIG_CREDENTIALS_SECRET_FILE_H

#include <glib.h>
#include <sys/stat.h>

#define SECRET_FILE_MAX ((gsize)256 * 1024)

typedef struct {
    char *text; /* zero-terminated after `length` bytes; parsers may write into it */
    gsize length;
    gsize allocated;
    struct stat status; /* of the descriptor that was read */
} SecretFile;

/* Reads all of `path` (a file, or a pipe like bash's <(...)). 0, or an errno: EFBIG above
 * SECRET_FILE_MAX, EILSEQ when it holds a NUL. To be cleared in either case. */
int secret_file_read(SecretFile *file, const char *path);

/* Wipes and frees the text. */
void secret_file_clear(SecretFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SecretFile, secret_file_clear)

/* Whether only its owner can read the file, and the owner is `caller` or root. FTPSFS_ERROR_CONFIG
 * with the command that mends it. */
gboolean secret_file_check(const struct stat *status, uid_t caller, const char *path,
                           GError **error);

#endif
