/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes options_read, the reader of -o strings: no text crashes it, and what it accepts is within
 * the ranges that the option table promises. */
#include <string.h>

#include "ftpsfs/util/error.h"
#include "fuzz_common.h"
#include "options_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_auto(OptionState) state;
    options_init(&state);
    if (!options_read(&state, text, &error)) {
        g_assert_true(ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG));
        g_assert_null(strchr(error->message, '\n'));
    }
    fuzz_check_options(&state);
    return 0;
}
