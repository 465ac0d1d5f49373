/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session_commands.h"

#include <string.h>

#include "ftpsfs/ftp/encoding.h"
#include "fuzz_common.h"
#include "session_options.h"

/* What follows a verb. A path is one that an operation was called with. ECHO: anything, as the
 * server's own words lead there: where the login has led (PWD), and files of a listing, whose times
 * are asked for. Of a survey also what is in the directory where it starts. */
typedef enum { NOTHING, WORD, NUMBERS, PATH, ECHO, QUESTION, LIST, SITE, MFF, TIMED, FACTS } Form;

typedef struct {
    const char *verb;
    Form form;
    const char *word; /* of WORD */
} Command;

static const Command commands[] = {
    {"USER", WORD, SESSION_USER},
    {"PASS", WORD, SESSION_PASSWORD},
    {"ACCT", WORD, SESSION_ACCOUNT},
    {"HOST", WORD, SESSION_VIRTUAL},
    {"PBSZ", WORD, "0"},
    {"PROT", WORD, "P"},
    {"TYPE", WORD, "I"},
    {"MODE", WORD, "Z"},
    {"MODE", WORD, "S"},
    {"CLNT", WORD, "ftpsfs"},
    {"LANG", WORD, "en"},
    {"OPTS", WORD, "UTF8 ON"},
    {"OPTS", WORD, "HASH SHA-256"},
    {"OPTS", WORD, "HASH MD5"},
    {"OPTS", FACTS, NULL},
    {"PWD", NOTHING, NULL},
    {"FEAT", NOTHING, NULL},
    {"SYST", NOTHING, NULL},
    {"NOOP", NOTHING, NULL},
    {"QUIT", NOTHING, NULL},
    {"EPSV", NOTHING, NULL},
    {"PASV", NOTHING, NULL},
    {"EPRT", WORD, "|1|127.0.0.1|40000|"},
    {"PORT", WORD, "127,0,0,1,156,64"},
    {"REST", NUMBERS, NULL},
    {"RANG", NUMBERS, NULL},
    {"ALLO", NUMBERS, NULL},
    {"CWD", ECHO, NULL},
    {"LIST", LIST, NULL},
    {"MLSD", LIST, NULL},
    {"MDTM", ECHO, NULL},
    {"MDTM", TIMED, NULL},
    {"MFMT", TIMED, NULL},
    {"MFF", MFF, NULL},
    {"SITE", SITE, NULL},
    {"SITE", WORD, "HELP"},
    {"SITE", WORD, "QUOTA"},
    {"SITE", WORD, "UMASK 022"},
    {"MLST", QUESTION, NULL},
    {"SIZE", QUESTION, NULL},
    {"RETR", QUESTION, NULL},
    {"AVBL", PATH, NULL},
    {"AVBL", NOTHING, NULL},
    {"STOR", PATH, NULL},
    {"APPE", PATH, NULL},
    {"DELE", PATH, NULL},
    {"RMD", PATH, NULL},
    {"MKD", PATH, NULL},
    {"RNFR", PATH, NULL},
    {"RNTO", PATH, NULL},
    {"HASH", PATH, NULL},
    {"XSHA256", PATH, NULL},
    {"XMD5", PATH, NULL},
    {"MD5", PATH, NULL},
};

/* In SITE and MFF: what stands before the path. '#' stands for digits. */
static const char *const site_forms[] = {"CHMOD # ", "CHOWN owner ", "CHGRP group ",
                                         "UTIME # ", "CPFR ",        "CPTO "};
static const char *const mff_forms[] = {"UNIX.mode=#; ", "Modify=#; ", "UNIX.owner=owner; ",
                                        "UNIX.group=group; "};

static GHashTable *allowed; /* arguments, in the server's encoding */
static char *codepage;
static gboolean survey;

void commands_begin(const char *of_server)
{
    allowed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    codepage = g_strdup(of_server);
    survey = FALSE;
}

void commands_end(void)
{
    g_clear_pointer(&allowed, g_hash_table_unref);
    g_clear_pointer(&codepage, g_free);
}

void commands_allow_survey(void)
{
    survey = TRUE;
}

static void allow_text(const char *text)
{
    g_autoptr(GString) encoded = g_string_new(NULL);
    /* What can't be sent is not allowed either. */
    if (encoding_to_server(text, codepage, encoded, NULL))
        g_hash_table_add(allowed, g_strdup(encoded->str));
}

void commands_allow(const char *path)
{
    allow_text(path);
    /* Servers without path names get one name after the other, those of VMS in their own form. */
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    for (char **name = names; *name != NULL; name++) {
        g_auto(GStrv) parts = g_strsplit(*name, ".", -1);
        g_autofree char *escaped = g_strjoinv("^.", parts);
        g_autofree char *bracketed = g_strdup_printf("[.%s]", escaped);
        g_autofree char *typed = g_strconcat(*name, ".DIR", NULL);
        allow_text(*name);
        allow_text(bracketed);
        allow_text(typed);
    }
}

/* "/dir/.ftpsfs-probe-0123abcd" */
static gboolean is_of_survey(const char *argument)
{
    static const char mark[] = ".ftpsfs-probe-";
    const char *slash = strrchr(argument, '/');
    const char *name = slash != NULL ? slash + 1 : argument;
    return survey && g_str_has_prefix(name, mark) &&
           strspn(name + strlen(mark), "0123456789abcdef") == 8 && strlen(name) == strlen(mark) + 8;
}

static gboolean is_path(const char *argument)
{
    return g_hash_table_contains(allowed, argument) || is_of_survey(argument);
}

/* What follows `form` in `argument`; NULL: that does not begin so. */
static const char *after(const char *form, const char *argument)
{
    for (; *form != '\0'; form++) {
        gsize digits = *form == '#' ? strspn(argument, "0123456789") : 0;
        if (*form == '#' ? digits == 0 : *argument != *form)
            return NULL;
        argument += *form == '#' ? digits : 1;
    }
    return argument;
}

static gboolean is_one_of(const char *const *forms, gsize count, const char *argument)
{
    for (gsize i = 0; i < count; i++) {
        const char *path = after(forms[i], argument);
        if (path != NULL && is_path(path))
            return TRUE;
    }
    return FALSE;
}

/* "SYMLINK target path", of which neither has a space; "UTIME path time time time UTC". */
static gboolean is_site(const char *argument)
{
    if (is_one_of(site_forms, G_N_ELEMENTS(site_forms), argument))
        return TRUE;
    const char *target = after("SYMLINK ", argument);
    if (target != NULL) {
        g_auto(GStrv) words = g_strsplit(target, " ", -1);
        return g_strv_length(words) == 2 && is_path(words[0]) && is_path(words[1]);
    }
    const char *path = after("UTIME ", argument);
    static const char times[] = " # # # UTC";
    for (const char *p = path; p != NULL && *p != '\0'; p++) {
        const char *end = after(times, p);
        g_autofree char *before = g_strndup(path, (gsize)(p - path));
        if (end != NULL && *end == '\0' && is_path(before))
            return TRUE;
    }
    return FALSE;
}

static gboolean is_numbers(const char *argument)
{
    const char *rest = after("#", argument);
    return rest != NULL && (*rest == '\0' || after(" #", rest) != NULL) &&
           strspn(argument, "0123456789 ") == strlen(argument);
}

static gboolean is_fit(const Command *command, const char *argument)
{
    const char *path;
    if (argument == NULL)
        return command->form == NOTHING || command->form == LIST;
    switch (command->form) {
    case NOTHING:
        return FALSE;
    case WORD:
        return g_str_equal(argument, command->word);
    case NUMBERS:
        return is_numbers(argument);
    case PATH:
        return is_path(argument);
    case ECHO:
        return TRUE;
    case QUESTION:
        return survey || is_path(argument);
    case LIST:
        path = after("-a ", argument);
        return survey || is_path(argument) || (path != NULL && is_path(path));
    case SITE:
        return is_site(argument);
    case MFF:
        return is_one_of(mff_forms, G_N_ELEMENTS(mff_forms), argument);
    case TIMED:
        path = after("# ", argument);
        return path != NULL && is_path(path);
    case FACTS:
        path = after("MLST ", argument);
        return path != NULL && fuzz_are_facts(path);
    }
    return FALSE;
}

static void check_line(const char *line)
{
    gsize length = strcspn(line, " ");
    g_autofree char *verb = g_strndup(line, length);
    const char *argument = line[length] == ' ' ? line + length + 1 : NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(commands[i].verb, verb) && is_fit(&commands[i], argument))
            return;
    g_error("a command that nothing asked for: \"%s\"", line);
}

void commands_show(char direction, const char *text)
{
    if (g_getenv("FTPSFS_FUZZ_SHOW") != NULL)
        g_printerr("%c %s\n", direction, text);
}

guint commands_check(const char *data, gsize length)
{
    guint count = 0;
    g_assert_cmpuint(length, >, 0);
    for (const char *end = data + length; data < end; count++) {
        gsize rest = (gsize)(end - data);
        const char *stop = memmem(data, rest, "\r\n", 2);
        g_assert_nonnull(stop);
        g_autofree char *line = g_strndup(data, (gsize)(stop - data));
        /* No other line's end, which some servers take for one, and no zero byte. */
        g_assert_cmpuint(strlen(line), ==, (gsize)(stop - data));
        g_assert_null(strpbrk(line, "\r\n"));
        commands_show('>', line);
        check_line(line);
        data = stop + 2;
    }
    return count;
}
