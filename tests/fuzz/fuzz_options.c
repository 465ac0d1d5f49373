/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes options_read, the reader of -o strings: no text crashes it, and what it accepts is within
 * the ranges that the option table promises. */
#include <stdint.h>
#include <string.h>

#include "../../src/config/options.h"
#include "ftpsfs/util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(const OptionState *state, const OptionSpec *spec)
{
    const void *field = (const char *)state + spec->offset;
    if (spec->kind == OPTION_NUMBER) {
        guint number = *(const guint *)field;
        gboolean unset = spec->standard == NULL && number == 0;
        g_assert_true(unset || (number >= spec->min && number <= spec->max));
    } else if (spec->kind == OPTION_SIZE) {
        guint64 bytes = *(const guint64 *)field;
        g_assert_true(bytes >= spec->min && bytes <= spec->max);
    } else if (spec->kind == OPTION_FILE || spec->kind == OPTION_DIRECTORY ||
               spec->kind == OPTION_OUTPUT) {
        const char *name = *(char *const *)field;
        g_assert_true(name == NULL || *name == '/' || g_str_has_prefix(name, "pkcs11:"));
    }
}

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
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; i < count; i++)
        check_number(&state, &table[i]);
    return 0;
}
