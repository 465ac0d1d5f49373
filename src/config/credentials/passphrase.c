/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passphrase.h"

#include <string.h>

#include "secret_file.h"

gboolean passphrase_is_needed(const char *path)
{
    if (g_str_has_prefix(path, "pkcs11:"))
        return strstr(path, "pin-value=") == NULL && strstr(path, "pin-source=") == NULL;
    g_auto(SecretFile) file;
    if (secret_file_read(&file, path) != 0)
        return FALSE;
    return strstr(file.text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL ||
           strstr(file.text, "Proc-Type: 4,ENCRYPTED") != NULL;
}
