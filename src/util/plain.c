/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/plain.h"

#include <string.h>

gboolean plain_is_risky(gunichar letter)
{
    return g_unichar_iscntrl(letter) || letter == 0x061c || letter == 0x200e || letter == 0x200f ||
           (letter >= 0x2028 && letter <= 0x202e) || (letter >= 0x2066 && letter <= 0x2069);
}

/* `kept`: control characters that stay. */
static char *replace(const char *text, const char *kept)
{
    g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
    GString *plain = g_string_new(NULL);
    for (const char *c = valid; *c != '\0'; c = g_utf8_next_char(c)) {
        gunichar letter = g_utf8_get_char(c);
        gboolean stays = !plain_is_risky(letter) || strchr(kept, *c) != NULL;
        g_string_append_unichar(plain, stays ? letter : '?');
    }
    return g_string_free(plain, FALSE);
}

char *plain_text(const char *text)
{
    return replace(text, "");
}

char *plain_lines(const char *text)
{
    return replace(text, "\n\t");
}
