/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/login_command.h"

#include <string.h>

#include "ftpsfs/util/error.h"

gboolean login_command_check(const char *command, GError **error)
{
    static const char *const refused[] = {
        "ABOR", "ACCT", "ADAT", "APPE", "AUTH", "CCC",  "CONF", "ENC",  "EPRT", "EPSV",
        "HOST", "LIST", "LPRT", "LPSV", "MIC",  "MLSD", "MODE", "NLST", "PASS", "PASV",
        "PBSZ", "PORT", "PROT", "QUIT", "RANG", "REIN", "REST", "RETR", "RNFR", "RNTO",
        "SPSV", "STOR", "STOU", "STRU", "TYPE", "USER", NULL};
    g_autofree char *verb = g_strndup(command, strcspn(command, " "));
    g_autofree char *upper = g_ascii_strup(verb, -1);
    gboolean letters = *verb != '\0';
    for (const char *p = command; *p != '\0'; p++)
        letters = letters && !g_ascii_iscntrl(*p);
    for (const char *p = verb; *p != '\0'; p++)
        letters = letters && g_ascii_isalpha(*p);
    if (!letters)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "\"%s\" is no FTP command: write a word, then what it takes, as in SITE UMASK "
                    "022",
                    verb);
    else if (g_strv_contains(refused, upper))
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "%s is not for users: ftpsfs has the login, the encryption and the data "
                    "connections in its own hands",
                    upper);
    else
        return TRUE;
    return FALSE;
}
