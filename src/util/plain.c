/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/plain.h"

char *plain_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
    GString *plain = g_string_new(NULL);
    for (const char *c = valid; *c != '\0'; c = g_utf8_next_char(c)) {
        gunichar letter = g_utf8_get_char(c);
        g_string_append_unichar(plain, g_unichar_iscntrl(letter) ? '?' : letter);
    }
    return g_string_free(plain, FALSE);
}
