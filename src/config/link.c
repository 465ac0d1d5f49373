/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include "where.h"

/* Whether `alias` names the host and port of `source`. */
static gboolean leads_to(const ConfigFiles *files, const char *alias, const Source *source)
{
    g_auto(OptionState) state;
    OptionRank rank;
    options_init(&state);
    if (!config_files_apply(files, alias, &state, NULL))
        return FALSE;
    Source *found = where_find(files, NULL, alias, "", &rank, NULL);
    g_autoptr(Source) other = where_resolve(&state, found, rank, NULL);
    return other != NULL && other->port == source->port &&
           source_same_host(other->host, source->host);
}

/* Whether the user's own configuration names the host. */
static gboolean is_named(const ConfigFiles *files, const Source *source)
{
    g_auto(GStrv) aliases = config_files_aliases(files);
    for (char **alias = aliases; *alias != NULL; alias++) {
        if (leads_to(files, *alias, source))
            return TRUE;
    }
    return FALSE;
}

/* An option that is told for all servers is told for none in particular. */
static gboolean is_unbound(const OptionState *state, const char *name)
{
    const OptionTold *told = options_told(state, name);
    return told != NULL && told->rank == OPTION_RANK_DEFAULTS;
}

static void forget_text(OptionState *state, const char *name, char **value)
{
    if (!is_unbound(state, name))
        return;
    g_clear_pointer(value, g_free);
    options_forget(state, name);
}

void link_restrict(OptionState *state, const ConfigFiles *files, const char *alias)
{
    MountConfig *config = &state->config;
    config->bound_only = config->link && alias == NULL && !is_named(files, config->source);
    if (!config->bound_only)
        return;
    forget_text(state, "credentials", &config->credentials_file);
    forget_text(state, "password_command", &config->password_command);
    /* A certificate tells any server that asks for it who the user is. */
    forget_text(state, "cert", &config->cert);
    forget_text(state, "key", &config->key);
    /* May name accounts, or hold another secret: SITE commands do. */
    forget_text(state, "ftp_init", &state->ftp_init);
    if (is_unbound(state, "password_stdin")) {
        config->password_stdin = FALSE;
        options_forget(state, "password_stdin");
    }
}
