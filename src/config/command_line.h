/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command_line - the words of the command line, of ftpsfs and of mount(8)'s helper. Private to
 * config/.
 *
 * Letters and verbs go into the OptionState at once. The arguments of -o are only collected: the
 * configuration files are read before them. A CommandLine borrows argv and owns nothing. No lock.
 */
#ifndef FTPSFS_SRC_CONFIG_COMMAND_LINE_H
#define FTPSFS_SRC_CONFIG_COMMAND_LINE_H

#include "options.h"

#define COMMAND_LINE_USAGE "ftpsfs [ftps://][user@]host[:port][/dir] MOUNTPOINT [-o opt,...]"

/* The command line as far as it has been read. */
typedef struct {
    char **argv;
    int argc;
    int next; /* the next word of argv */
    const char *positional[2];
    guint positionals;
    gboolean only_positionals; /* after "--" */
    GPtrArray *options;        /* the arguments of -o, borrowed: the files are read before them */
    const char *complete;      /* --complete: of what; NULL: no */
    gboolean print;            /* --print-config */
} CommandLine;

/* Reads words->argv; config.helper says in whose way. `options` is to be an empty array.
 * FTPSFS_ERROR_CONFIG: a word that there is not, one too many, or one missing. */
gboolean command_line_read(CommandLine *words, OptionState *state, GError **error);

#endif
