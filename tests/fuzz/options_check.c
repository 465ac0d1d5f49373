/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options_check.h"

static void check_option(const OptionState *state, const OptionSpec *spec)
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

void fuzz_check_options(const OptionState *state)
{
    gsize count;
    const OptionSpec *table = options_table(&count);
    for (gsize i = 0; i < count; i++)
        check_option(state, &table[i]);
}
