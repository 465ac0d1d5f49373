/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes source_parse: no text crashes it, and what it accepts can be sent and is stable. */
#include "ftpsfs/config/source.h"

#include <stdint.h>
#include <string.h>

#include "ftpsfs/util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the rest of the program relies on. */
static void check(const Source *source)
{
    g_assert_true(*source->host != '\0');
    g_assert_true(strpbrk(source->host, " \r\n/@[]") == NULL);
    g_assert_true(strpbrk(source->directory, "\r\n") == NULL);
    g_assert_true(g_utf8_validate(source->directory, -1, NULL));
    g_assert_true(source->user == NULL || strpbrk(source->user, "\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(Source) source = source_parse(text, &error);
    if (source == NULL) {
        g_assert_true(ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG));
        return 0;
    }
    check(source);
    g_autofree char *canonical = source_to_string(source);
    g_autoptr(Source) again = source_parse(canonical, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(again->user, ==, source->user);
    g_assert_cmpstr(again->host, ==, source->host);
    g_assert_cmpstr(again->directory, ==, source->directory);
    g_autofree char *once_more = source_to_string(again);
    g_assert_cmpstr(once_more, ==, canonical);
    return 0;
}
