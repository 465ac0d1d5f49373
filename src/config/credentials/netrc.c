/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netrc.h"

#include <string.h>

#include "config/config_fail.h"
#include "ftpsfs/config/source.h"

#define BLANKS " \t\r\n\v\f"

typedef struct {
    char *next;
    const char *path;
    guint line;
    gboolean line_ended; /* the line end after the last token is behind us */
    gboolean named_only; /* "default" is no entry */
} Scanner;

static gboolean is_blank(char c)
{
    return c != '\0' && strchr(BLANKS, c) != NULL;
}

static void skip_blanks(Scanner *scanner)
{
    for (; is_blank(*scanner->next); scanner->next++) {
        if (*scanner->next == '\n')
            scanner->line++;
    }
}

/* Goes to the start of the next line. */
static void skip_line(Scanner *scanner)
{
    scanner->next += strcspn(scanner->next, "\n");
    if (*scanner->next == '\n') {
        scanner->next++;
        scanner->line++;
    }
}

/* Reads behind the opening quote; unescapes in place, which only ever shortens. */
static gboolean read_quoted(Scanner *scanner, GError **error)
{
    guint line = scanner->line;
    char *out = scanner->next;
    for (char *in = scanner->next; *in != '\0'; in++) {
        char c = *in;
        if (c == '"') {
            scanner->next = in + 1;
            *out = '\0';
            return TRUE;
        }
        if (c == '\n')
            scanner->line++;
        if (c == '\\' && in[1] != '\0') {
            c = *++in;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
        *out++ = c;
    }
    return config_fail(error, "%s, line %u: a quote without an end; close it with \"",
                       scanner->path, line);
}

/* *token is NULL at the end of the text. A token that was quoted is no keyword and no comment. */
static gboolean next_token(Scanner *scanner, char **token, gboolean *quoted, GError **error)
{
    skip_blanks(scanner);
    scanner->line_ended = FALSE;
    *quoted = *scanner->next == '"';
    *token = *scanner->next == '\0' ? NULL : scanner->next;
    if (*quoted) {
        *token = ++scanner->next;
        return read_quoted(scanner, error);
    }
    scanner->next += strcspn(scanner->next, BLANKS);
    if (*scanner->next != '\0') {
        scanner->line_ended = *scanner->next == '\n';
        scanner->line += scanner->line_ended ? 1 : 0;
        *scanner->next++ = '\0';
    }
    return TRUE;
}

/* A macro's body ends with an empty line. */
static void skip_macro(Scanner *scanner)
{
    if (!scanner->line_ended)
        skip_line(scanner);
    while (*scanner->next != '\0') {
        gboolean empty = *scanner->next == '\n' || g_str_has_prefix(scanner->next, "\r\n");
        skip_line(scanner);
        if (empty)
            return;
    }
}

static gboolean same_host(const char *machine, const char *host)
{
    if (source_same_host(machine, host))
        return TRUE;
    if (g_str_is_ascii(machine) || !g_utf8_validate(machine, -1, NULL))
        return FALSE;
    g_autofree char *ascii = g_hostname_to_ascii(machine);
    return ascii != NULL && source_same_host(ascii, host);
}

static gboolean helps(const NetrcEntry *entry, const char *user)
{
    if (!entry->found)
        return FALSE;
    if (user == NULL)
        return entry->user != NULL || entry->password != NULL;
    return entry->password != NULL && (entry->user == NULL || g_str_equal(entry->user, user));
}

/* Whether `keyword` is one that a value follows. */
static gboolean takes_value(const char *keyword)
{
    static const char *const keywords[] = {"machine", "login", "password", "account", "macdef"};
    for (gsize i = 0; i < G_N_ELEMENTS(keywords); i++) {
        if (g_ascii_strcasecmp(keyword, keywords[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean read_value(Scanner *scanner, const char *keyword, char **value, GError **error)
{
    gboolean quoted;
    guint line = scanner->line;
    if (!next_token(scanner, value, &quoted, error))
        return FALSE;
    if (*value != NULL)
        return TRUE;
    g_autofree char *name = g_ascii_strdown(keyword, -1);
    return config_fail(error, "%s, line %u: nothing follows \"%s\"; complete the entry",
                       scanner->path, line, name);
}

/* Reads one keyword with its value into `entry`, or begins a new entry. */
static gboolean read_keyword(Scanner *scanner, char *keyword, const char *host, NetrcEntry *entry,
                             GError **error)
{
    char *value = NULL;
    if (takes_value(keyword) && !read_value(scanner, keyword, &value, error))
        return FALSE;
    if (g_ascii_strcasecmp(keyword, "machine") == 0)
        *entry = (NetrcEntry){.found = same_host(value, host)};
    else if (g_ascii_strcasecmp(keyword, "default") == 0)
        *entry = (NetrcEntry){.found = !scanner->named_only};
    else if (g_ascii_strcasecmp(keyword, "login") == 0)
        entry->user = value;
    else if (g_ascii_strcasecmp(keyword, "password") == 0)
        entry->password = value;
    else if (g_ascii_strcasecmp(keyword, "account") == 0)
        entry->account = value;
    else if (g_ascii_strcasecmp(keyword, "macdef") == 0)
        skip_macro(scanner);
    return TRUE;
}

gboolean netrc_find(char *text, const char *host, const char *user, gboolean named_only,
                    const char *path, NetrcEntry *entry, GError **error)
{
    Scanner scanner = {.next = text, .path = path, .line = 1, .named_only = named_only};
    *entry = (NetrcEntry){0};
    for (;;) {
        char *keyword;
        gboolean quoted;
        if (!next_token(&scanner, &keyword, &quoted, error))
            return FALSE;
        gboolean ends =
            keyword == NULL || (!quoted && (g_ascii_strcasecmp(keyword, "machine") == 0 ||
                                            g_ascii_strcasecmp(keyword, "default") == 0));
        if (ends && helps(entry, user))
            return TRUE;
        if (keyword == NULL)
            break;
        if (quoted)
            continue;
        if (*keyword == '#') {
            if (!scanner.line_ended)
                skip_line(&scanner);
            continue;
        }
        if (!read_keyword(&scanner, keyword, host, entry, error))
            return FALSE;
    }
    *entry = (NetrcEntry){0};
    return TRUE;
}
