/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes netrc_find: no text crashes it, and an entry is found for the user asked for alone. */
#include <stdint.h>
#include <string.h>

#include "config/credentials/netrc.h"
#include "ftpsfs/util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void search(const uint8_t *data, size_t size, const char *user)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    NetrcEntry entry;
    if (!netrc_find(text, "host", user, FALSE, "netrc", &entry, &error)) {
        g_assert_true(ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG));
        return;
    }
    g_assert_no_error(error);
    if (!entry.found)
        return;
    g_assert_true(entry.user != NULL || entry.password != NULL);
    g_assert_true(user == NULL || entry.user == NULL || g_str_equal(entry.user, user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    search(data, size, NULL);
    search(data, size, "ann");
    return 0;
}
