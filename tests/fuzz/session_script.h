/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An input of fuzz_session: what is done at the mount's end, and what the server says to it.
 *
 *   byte         options, see session_options.h; '@' for none
 *   letters      the operations, see session_operations.c
 *   0x1e TEXT    bytes on the control connection, in the order in which they are read. Nothing: the
 *                server is silent until the wait ends; 0x04: it closes the connection
 *   0x1d M BYTES a data connection; M says how it ends, see session_channel.c
 */
#ifndef FTPSFS_TESTS_FUZZ_SESSION_SCRIPT_H
#define FTPSFS_TESTS_FUZZ_SESSION_SCRIPT_H

#include <glib.h>
#include <stdint.h>

#define SCRIPT_REPLY   0x1e
#define SCRIPT_DATA    0x1d
#define SCRIPT_CLOSE   0x04
#define SCRIPT_NOTHING '@' /* the options byte without any option */

/* A part of the input. */
typedef struct {
    const uint8_t *bytes;
    gsize length;
} Piece;

typedef struct {
    guint options;
    Piece operations;
    GArray *pieces;    /* Piece, with their markers */
    guint reply, data; /* the next piece to look at for each */
} Script;

void script_init(Script *script, const uint8_t *data, gsize size);
void script_clear(Script *script);

/* The next piece of that kind, without its marker; FALSE: there is none left. */
gboolean script_next_reply(Script *script, Piece *piece);
gboolean script_next_data(Script *script, Piece *piece);

/* Whether the next reply is a greeting. */
gboolean script_greets(const Script *script);

#endif
