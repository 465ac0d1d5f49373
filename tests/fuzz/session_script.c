/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session_script.h"

#include <string.h>

static gboolean is_marker(uint8_t byte)
{
    return byte == SCRIPT_REPLY || byte == SCRIPT_DATA;
}

void script_init(Script *script, const uint8_t *data, gsize size)
{
    *script = (Script){.pieces = g_array_new(FALSE, FALSE, sizeof(Piece))};
    if (size == 0)
        return;
    script->options = data[0] ^ (guint)SCRIPT_NOTHING;
    gsize at = 1;
    while (at < size && !is_marker(data[at]))
        at++;
    script->operations = (Piece){data + 1, at - 1};
    while (at < size) {
        gsize end = at + 1;
        while (end < size && !is_marker(data[end]))
            end++;
        Piece piece = {data + at, end - at};
        g_array_append_val(script->pieces, piece);
        at = end;
    }
}

void script_clear(Script *script)
{
    g_array_unref(script->pieces);
}

static gboolean next(const Script *script, guint *at, uint8_t marker, Piece *piece)
{
    while (*at < script->pieces->len) {
        const Piece *found = &g_array_index(script->pieces, Piece, (*at)++);
        if (found->bytes[0] != marker)
            continue;
        *piece = (Piece){found->bytes + 1, found->length - 1};
        return TRUE;
    }
    return FALSE;
}

gboolean script_next_reply(Script *script, Piece *piece)
{
    return next(script, &script->reply, SCRIPT_REPLY, piece);
}

gboolean script_next_data(Script *script, Piece *piece)
{
    return next(script, &script->data, SCRIPT_DATA, piece);
}

gboolean script_greets(const Script *script)
{
    Script ahead = *script;
    Piece piece;
    return script_next_reply(&ahead, &piece) && piece.length > 3 &&
           memcmp(piece.bytes, "220", 3) == 0;
}
