/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command_line.h"

#include <string.h>

#include "config_fail.h"

/* What follows a letter that takes an argument: the rest of its word, or the next one. */
static const char *argument_of(CommandLine *words, const char *flag)
{
    if (flag[1] != '\0')
        return flag + 1;
    return words->next < words->argc ? words->argv[words->next++] : NULL;
}

/* What mount(8) writes: "SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE.SUBTYPE]". */
static gboolean read_helper_flags(CommandLine *words, const char *flags, OptionState *state,
                                  GError **error)
{
    const char *argument;
    for (; *flags != '\0'; flags++) {
        switch (*flags) {
        case 'f':
            state->config.fake = TRUE;
            break;
        case 'n': /* there is no mtab to write */
            break;
        case 's':
            state->sloppy = TRUE;
            break;
        case 'v':
            state->config.verbose = TRUE;
            break;
        case 'r':
            state->config.read_only = TRUE;
            break;
        case 'w':
            state->config.read_only = FALSE;
            break;
        case 'h':
            state->config.action = CONFIG_HELP;
            return TRUE;
        case 'V':
            state->config.action = CONFIG_VERSION;
            return TRUE;
        case 'o':
        case 't':
            argument = argument_of(words, flags);
            if (argument == NULL)
                return config_fail(error, "-%c needs a word after it", *flags);
            /* Which of its types mount(8) took us for makes no difference. */
            if (*flags == 'o')
                g_ptr_array_add(words->options, (gpointer)argument);
            return TRUE;
        case 'N':
            return config_fail(error, "mount --namespace is not for FUSE: run mount in the "
                                      "namespace, with nsenter");
        default:
            return config_fail(error, "unknown option -%c: mount(8) describes those there are",
                               *flags);
        }
    }
    return TRUE;
}

/* "-f", "-fd", "-oopt", "-o opt". */
static gboolean read_flags(CommandLine *words, const char *flags, OptionState *state,
                           GError **error)
{
    const char *argument;
    for (; *flags != '\0'; flags++) {
        switch (*flags) {
        case 'f':
            state->config.foreground = TRUE;
            break;
        case 'd':
            state->config.debug = TRUE;
            state->config.foreground = TRUE;
            break;
        case 'r':
            state->config.read_only = TRUE;
            break;
        case 'h':
            state->config.action = CONFIG_HELP;
            return TRUE;
        case 'V':
            state->config.action = CONFIG_VERSION;
            return TRUE;
        case 'o':
            argument = argument_of(words, flags);
            if (argument == NULL)
                return config_fail(error, "-o needs options after it: -o opt,opt=value");
            g_ptr_array_add(words->options, (gpointer)argument);
            return TRUE;
        default:
            return config_fail(error, "unknown option -%c: ftpsfs --help lists those there are",
                               *flags);
        }
    }
    return TRUE;
}

/* What goes to a mount that is there, or to a server. */
static gboolean read_verb(const char *name, MountConfig *config)
{
    static const struct {
        const char *name;
        ConfigAction action;
    } verbs[] = {
        {"status", CONFIG_STATUS},   {"flush", CONFIG_FLUSH}, {"refresh", CONFIG_REFRESH},
        {"unmount", CONFIG_UNMOUNT}, {"probe", CONFIG_PROBE}, {"describe", CONFIG_DESCRIBE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (!g_str_equal(name, verbs[i].name))
            continue;
        config->action = verbs[i].action;
        return TRUE;
    }
    config->json = config->json || g_str_equal(name, "json");
    config->once = config->once || g_str_equal(name, "once");
    return g_str_equal(name, "json") || g_str_equal(name, "once");
}

static gboolean read_long(CommandLine *words, const char *name, OptionState *state, GError **error)
{
    if (*name == '\0')
        words->only_positionals = TRUE;
    else if (g_str_equal(name, "help"))
        state->config.action = CONFIG_HELP;
    else if (g_str_equal(name, "version"))
        state->config.action = CONFIG_VERSION;
    else if (g_str_equal(name, "print-config"))
        words->print = TRUE;
    else if (g_str_equal(name, "complete") && words->next < words->argc)
        words->complete = words->argv[words->next++];
    else if (!read_verb(name, &state->config))
        /* The value is left out: people try --password=. */
        return config_fail(error, "unknown option --%.*s: ftpsfs --help lists those there are",
                           (int)strcspn(name, "="), name);
    return TRUE;
}

/* "-s" changes what options mean, and mount(8) may put it before or behind them. */
static void read_sloppy(const CommandLine *words, OptionState *state)
{
    for (int i = 1; i < words->argc; i++)
        if (words->argv[i][0] == '-' && words->argv[i][1] != 'o' &&
            strchr(words->argv[i], 's') != NULL)
            state->sloppy = TRUE;
}

/* The one word that goes with an action on a mount. */
static gboolean take_target(const CommandLine *words, OptionState *state, GError **error)
{
    MountConfig *config = &state->config;
    if (words->positionals > 1)
        return config_fail(error, "one word too many: give the mountpoint alone");
    if (words->positionals == 0 && config->action != CONFIG_REFRESH)
        return config_fail(error, "which mount is missing: give its mountpoint");
    if (config->action != CONFIG_STATUS && (config->json || config->once))
        return config_fail(error, "--json and --once go with --status, --json also with --probe");
    config->target = g_strdup(words->positionals == 1 ? words->positional[0] : ".");
    return TRUE;
}

/* The one word that goes with --probe or --describe. */
static gboolean check_source(const CommandLine *words, const OptionState *state, GError **error)
{
    const MountConfig *config = &state->config;
    const char *verb = config->action == CONFIG_PROBE ? "probe" : "describe";
    if (words->positionals == 0)
        return config_fail(error, "which server is missing: ftpsfs --%s SOURCE [-o opt,...]", verb);
    if (words->positionals > 1)
        return config_fail(error,
                           "one word too many: --%s takes the source alone, and mounts "
                           "nothing",
                           verb);
    return (!config->once && (!config->json || config->action == CONFIG_PROBE)) ||
           config_fail(error, "--json and --once go with --status, --json also with --probe");
}

gboolean command_line_read(CommandLine *words, OptionState *state, GError **error)
{
    words->next = 1;
    if (state->config.helper)
        read_sloppy(words, state);
    while (words->next < words->argc) {
        const char *word = words->argv[words->next++];
        gboolean good = TRUE;
        if (!words->only_positionals && g_str_has_prefix(word, "--"))
            good = read_long(words, word + 2, state, error);
        else if (!words->only_positionals && word[0] == '-' && word[1] != '\0')
            good = state->config.helper ? read_helper_flags(words, word + 1, state, error)
                                        : read_flags(words, word + 1, state, error);
        else if (words->positionals < G_N_ELEMENTS(words->positional))
            words->positional[words->positionals++] = word;
        else
            good = config_fail(
                error, "one word too many after source and mountpoint: " COMMAND_LINE_USAGE);
        if (!good)
            return FALSE;
        if (state->config.action == CONFIG_HELP || state->config.action == CONFIG_VERSION)
            return TRUE;
    }
    if (words->print || words->complete != NULL)
        return TRUE;
    if (state->config.action == CONFIG_PROBE || state->config.action == CONFIG_DESCRIBE)
        return check_source(words, state, error);
    if (state->config.action != CONFIG_MOUNT)
        return take_target(words, state, error);
    if (state->config.json || state->config.once)
        return config_fail(error, "--json and --once go with --status, --json also with --probe");
    if (words->positionals == 0)
        return config_fail(error, "what to mount is missing: " COMMAND_LINE_USAGE);
    if (words->positionals == 1)
        return config_fail(error, "the mountpoint is missing: " COMMAND_LINE_USAGE);
    return TRUE;
}
