/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "temporary.h"

#include "ask_outcome.h"
#include "ftpsfs/util/error.h"

char *temporary_path(const char *path, const char *purpose)
{
    g_autofree char *parent = g_path_get_dirname(path);
    return g_strdup_printf("%s%s.ftpsfs-%s-%08x", parent, g_str_has_suffix(parent, "/") ? "" : "/",
                           purpose, g_random_int());
}

gboolean temporary_target_may_be_in_the_way(const GError *failure)
{
    return ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL) &&
           !ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND) &&
           !ftpsfs_error_is(failure, FTPSFS_ERROR_UNSUPPORTED) &&
           !ftpsfs_error_is(failure, FTPSFS_ERROR_NAME) &&
           !ftpsfs_error_is(failure, FTPSFS_ERROR_CROSS) &&
           !ftpsfs_error_is(failure, FTPSFS_ERROR_NAME_TOO_LONG);
}

void temporary_move_back(Remote *remote, const char *to, const char *aside)
{
    g_autoptr(GError) failure = NULL;
    if (remote_rename(remote, aside, to, NULL, &failure))
        return;
    /* NOT_FOUND: it had not been moved. */
    if (!ftpsfs_error_is(failure, FTPSFS_ERROR_NOT_FOUND))
        g_warning("\"%s\" could not be replaced, and its content is left in \"%s\": %s. Rename it "
                  "back with another FTP client.",
                  to, aside, failure->message);
}

gboolean temporary_set_aside(Remote *remote, const char *to, const char *aside, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (remote_rename(remote, to, aside, NULL, &failure))
        return TRUE;
    /* Only the reply may be lost. */
    if (!ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL))
        temporary_move_back(remote, to, aside);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean temporary_take_name(Remote *remote, const char *from, const char *to, const char *aside,
                             GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (remote_rename(remote, from, to, NULL, &failure))
        return TRUE;
    AskOutcome renamed = ftpsfs_error_has(failure, FTPSFS_ERROR_CLASS_REFUSAL)
                             ? ASK_OUTCOME_NO
                             : ask_outcome_renamed(remote, from, to, NULL);
    if (renamed == ASK_OUTCOME_YES)
        return TRUE;
    if (renamed == ASK_OUTCOME_NO)
        temporary_move_back(remote, to, aside);
    else
        g_warning("It is unknown whether \"%s\" was renamed to \"%s\"; what was there before is in "
                  "\"%s\"",
                  from, to, aside);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean temporary_move_over(Remote *remote, TemporaryCleanup *cleanup, const char *from,
                             const char *to, const char *aside, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (remote_rename(remote, from, to, NULL, &failure))
        return TRUE;
    if (aside == NULL || !temporary_target_may_be_in_the_way(failure)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (!temporary_set_aside(remote, to, aside, error) ||
        !temporary_take_name(remote, from, to, aside, error))
        return FALSE;
    temporary_cleanup_remove(cleanup, aside);
    return TRUE;
}
