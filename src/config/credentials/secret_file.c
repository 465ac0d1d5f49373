/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/guard.h"
#include "ftpsfs/util/secret.h"

int secret_file_read(SecretFile *file, const char *path)
{
    memset(file, 0, sizeof(*file));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno;
    int result = 0;
    if (fstat(fd, &file->status) != 0)
        result = errno;
    else if (S_ISDIR(file->status.st_mode))
        result = EISDIR;
    /* One allocation, never grown: realloc would leave copies behind. */
    file->allocated = SECRET_FILE_MAX + 1;
    file->text = g_malloc0(file->allocated);
    while (result == 0) {
        gssize count = read(fd, file->text + file->length, file->allocated - file->length);
        if (count < 0 && errno != EINTR)
            result = errno;
        if (count == 0)
            break;
        file->length += count > 0 ? (gsize)count : 0;
        if (file->length > SECRET_FILE_MAX)
            result = EFBIG;
    }
    close(fd);
    if (result == 0 && memchr(file->text, '\0', file->length) != NULL)
        result = EILSEQ;
    return result;
}

void secret_file_clear(SecretFile *file)
{
    if (file->text != NULL)
        secret_wipe(file->text, file->allocated);
    g_clear_pointer(&file->text, g_free);
}

gboolean secret_file_check(const struct stat *status, uid_t caller, const char *path,
                           GError **error)
{
    return guard_check(status, GUARD_SECRET, caller, path, "holds a password", error);
}
