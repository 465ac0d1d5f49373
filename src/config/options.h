/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options - the one table of -o options, and the reader of -o strings. Private to config/.
 *
 * The table gives each option's name, kind, default, range and help text; --help is made from it,
 * and a test compares it with the man page. An OptionState gathers what the command
 * line says before it is checked as a whole and becomes a MountConfig. It belongs to config_parse;
 * no lock.
 */
#ifndef FTPSFS_SRC_CONFIG_OPTIONS_H
#define FTPSFS_SRC_CONFIG_OPTIONS_H

#include "ftpsfs/config/config.h"

typedef enum {
    OPTION_ON,        /* NAME: sets a gboolean */
    OPTION_OFF,       /* NAME: unsets it; the opposite of the option of the other name */
    OPTION_NUMBER,    /* NAME=N: guint from min to max */
    OPTION_SIZE,      /* NAME=N, NK, NM, NG: guint64 bytes from min to max */
    OPTION_MODE,      /* NAME=M: guint, octal, at most max */
    OPTION_CHOICE,    /* NAME=WORD: guint, the place of WORD in `argument`, which is "a|b|c" */
    OPTION_TEXT,      /* NAME=TEXT: char * */
    OPTION_FILE,      /* NAME=FILE: char *, absolute; must be there and readable */
    OPTION_DIRECTORY, /* NAME=DIR: char *, absolute; must be there */
    OPTION_OUTPUT,    /* NAME=FILE: char *, absolute; its directory must be there */
    OPTION_LIST,      /* NAME=TEXT, may be repeated: GPtrArray * of char * */
    OPTION_USER,      /* NAME=USER: config.uid */
    OPTION_GROUP,     /* NAME=GROUP: config.gid */
    OPTION_ACCOUNT,   /* NAME=USER: config.setuid_name, which must have an entry in passwd(5) */
    OPTION_MOUNT,     /* NAME or NAME=N: handed to libfuse as it is */
    OPTION_IGNORED,   /* NAME or NAME=ANYTHING: an fstab word that is not for us; NAME is noted */
} OptionKind;

typedef enum {
    OPTION_SECTION_SERVER,
    OPTION_SECTION_TRUST,
    OPTION_SECTION_CREDENTIALS,
    OPTION_SECTION_CACHE,
    OPTION_SECTION_FILES,
    OPTION_SECTION_MOUNT,
    OPTION_SECTIONS
} OptionSection;

typedef struct {
    const char *name; /* a "*" at its end stands for anything */
    OptionKind kind;
    OptionSection section;
    const char *argument; /* what stands after the "=" in help; NULL: takes no value */
    gsize offset;         /* of the value in OptionState; unused by MOUNT and IGNORED */
    guint64 min, max;
    const char *standard; /* the default as one would write it; NULL: nothing is set */
    const char *unset;    /* with standard NULL: what holds then, in words */
    const char *help;     /* NULL: listed by name only */
} OptionSpec;

#define OPTION_MODE_UNSET G_MAXUINT

/* How particular the origin of an option is; the higher wins. */
typedef enum {
    OPTION_RANK_DEFAULTS, /* a configuration file's [defaults] */
    OPTION_RANK_ALIAS,    /* a configuration file's group for this server */
    OPTION_RANK_COMMAND,  /* the command line */
} OptionRank;

/* The value of one option that was given last. */
typedef struct {
    char *value;  /* as it is written in a configuration file; "true" and "false" for flags */
    char *origin; /* in words */
    OptionRank rank;
} OptionTold;

typedef struct {
    MountConfig config;        /* `source` and `mountpoint` are not set by options */
    guint port;                /* 0: not given */
    char *user;                /* NULL: not given */
    char *ftp_init;            /* NULL: not given */
    char *active_ports;        /* NULL: not given */
    guint umask, fmask, dmask; /* OPTION_MODE_UNSET: not given */
    gboolean default_permissions;
    gboolean nonempty;
    gboolean sloppy;        /* unknown words are passed over */
    char *home;             /* of setuid=USER; NULL: not given */
    char *fsname, *subtype; /* NULL: not given */
    GPtrArray *mount_words; /* char *: what is handed to libfuse */
    GHashTable *told;       /* by an option's name: OptionTold */
    char *origin;           /* of what is read next, in words */
    OptionRank rank;        /* of the origin */
    char *base;             /* directory of its relative names; NULL: the working directory */
    gboolean new_origin;    /* no list was read from it yet */
} OptionState;

/* The table, in the order of the help text. */
const OptionSpec *options_table(gsize *count);

/* The option called `name`, in its form with or without a value where it has both. NULL: none. */
const OptionSpec *options_find(const char *name, gboolean with_value);

/* The known name that `name` was probably meant to be; NULL when none is close. */
const char *options_nearest(const char *name);

/* What a user who does not give the option gets, in words. */
const char *options_default(const OptionSpec *spec);

/* The text of -h, for g_free. */
char *options_help(void);

/* Sets all defaults; options_clear frees what options_init and options_read have allocated. */
void options_init(OptionState *state);
void options_clear(OptionState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OptionState, options_clear)

/* Reads one -o argument, "name,name=value,...", into `state`: "\," is a comma in a value, "\\" a
 * backslash. Touches no file (but the user database for uid= and gid=). FTPSFS_ERROR_CONFIG. */
gboolean options_read(OptionState *state, const char *text, GError **error);

/* What options_read and options_set are given from here on comes from `origin`. Lists of an earlier
 * origin are replaced, not added to. `base` may be NULL. Both are copied. */
void options_begin(OptionState *state, const char *origin, OptionRank rank, const char *base);

/* Reads "name=value" of a configuration file. Options without a value take true or false there. */
gboolean options_set(OptionState *state, const char *name, const char *value, GError **error);

/* Where and how an option was given; NULL: it was not. Of two that are each other's opposite the
 * one that turns on is asked for. */
const OptionTold *options_told(const OptionState *state, const char *name);

/* Makes an option one that was not given anywhere. Its value is the caller's to unset. */
void options_forget(OptionState *state, const char *name);

/* Frees what a MountConfig points to, not the struct. */
void config_clear(MountConfig *config);

#endif
