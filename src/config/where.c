/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "where.h"

#include <string.h>

#include "config_fail.h"

/* "work:sub" is below the directory of the alias's source, "work:/dir" absolute. */
static void go_below(Source *source, const char *rest)
{
    if (*rest == '\0')
        return;
    g_autofree char *base = g_steal_pointer(&source->directory);
    source->directory = *rest == '/' || *base == '\0' ? g_strdup(rest)
                        : g_str_has_suffix(base, "/") ? g_strconcat(base, rest, NULL)
                                                      : g_strconcat(base, "/", rest, NULL);
}

Source *where_find(const ConfigFiles *files, const char *text, const char *alias, const char *rest,
                   OptionRank *rank, GError **error)
{
    *rank = OPTION_RANK_COMMAND;
    if (alias == NULL)
        return source_parse(text, error);
    if (source_has_control(rest)) {
        config_fail(error, "the source %s: holds control characters", alias);
        return NULL;
    }
    g_autofree char *told = config_files_source(files, alias);
    Source *source = source_parse(told != NULL ? told : alias, error);
    *rank = OPTION_RANK_ALIAS;
    if (source == NULL)
        g_prefix_error(error, "the source of the alias [%s]: ", alias);
    else
        go_below(source, rest);
    return source;
}

/* Whether an option is told at a more particular place than the source, which it then corrects. */
static gboolean overrides(const OptionState *state, const char *name, OptionRank rank)
{
    const OptionTold *told = options_told(state, name);
    return told != NULL && told->rank > rank;
}

/* The same, less particular: the source says better. */
static gboolean yields(const OptionState *state, const char *name, OptionRank rank)
{
    const OptionTold *told = options_told(state, name);
    return told != NULL && told->rank < rank;
}

Source *where_resolve(OptionState *state, Source *found, OptionRank rank, GError **error)
{
    g_autoptr(Source) source = found;
    if (source == NULL)
        return NULL;
    if (state->user != NULL && (source->user == NULL || !yields(state, "user", rank))) {
        if (source->user != NULL && !overrides(state, "user", rank) &&
            !g_str_equal(source->user, state->user)) {
            config_fail(error, "the source says user %s and -o user says %s: give one of them",
                        source->user, state->user);
            return NULL;
        }
        g_free(source->user);
        source->user = g_steal_pointer(&state->user);
    }
    if (state->port != 0 && (source->port == 0 || !yields(state, "port", rank))) {
        if (source->port != 0 && !overrides(state, "port", rank) && source->port != state->port) {
            config_fail(error, "the source says port %u and -o port says %u: give one of them",
                        source->port, state->port);
            return NULL;
        }
        source->port = (guint16)state->port;
    }
    if (source->port == 0)
        source->port = state->config.explicit_tls ? SOURCE_PORT_EXPLICIT : SOURCE_PORT_IMPLICIT;
    return g_steal_pointer(&source);
}
