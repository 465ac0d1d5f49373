/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/ftp/features.h"

#include <string.h>

struct Features {
    gint state[FEATURE_COUNT]; /* FeatureState, atomic */
    char *mlst_facts;
};

/* The facts that listing.c makes use of. */
static const char *const wanted_facts[] = {
    "type",     "size",     "modify",     "perm",           "unique",     "unix.mode",
    "unix.uid", "unix.gid", "unix.owner", "unix.ownername", "unix.group", "unix.groupname",
};

Features *features_new(void)
{
    return g_new0(Features, 1);
}

void features_free(Features *features)
{
    if (features == NULL)
        return;
    g_free(features->mlst_facts);
    g_free(features);
}

FeatureState features_get(const Features *features, Feature feature)
{
    return (FeatureState)g_atomic_int_get(&features->state[feature]);
}

void features_set(Features *features, Feature feature, FeatureState state)
{
    g_atomic_int_set(&features->state[feature], (gint)state);
}

gboolean features_maybe(const Features *features, Feature feature)
{
    return features_get(features, feature) != FEATURE_NO;
}

static gboolean fact_is_wanted(const char *fact)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wanted_facts); i++)
        if (g_ascii_strcasecmp(fact, wanted_facts[i]) == 0)
            return TRUE;
    return FALSE;
}

/* "Type*;Size*;UNIX.mode;" - a star marks what is on (RFC 3659 section 7.8). */
static void learn_facts(Features *features, const char *facts)
{
    g_auto(GStrv) words = g_strsplit(facts, ";", 64);
    g_autoptr(GString) wanted = g_string_new(NULL);
    gboolean some_off = FALSE;
    for (gsize i = 0; words[i] != NULL; i++) {
        char *word = g_strstrip(words[i]);
        gsize length = strlen(word);
        gboolean on = length > 0 && word[length - 1] == '*';
        if (on)
            word[length - 1] = '\0';
        if (!fact_is_wanted(word))
            continue;
        some_off = some_off || !on;
        g_string_append_printf(wanted, "%s;", word);
    }
    g_free(features->mlst_facts);
    features->mlst_facts =
        some_off && wanted->len > 0 ? g_string_free(g_steal_pointer(&wanted), FALSE) : NULL;
}

static gboolean has_fact(const char *facts, const char *fact)
{
    g_autofree char *lower = g_ascii_strdown(facts, -1);
    return strstr(lower, fact) != NULL;
}

static void learn_line(Features *features, const char *verb, const char *rest)
{
    static const struct {
        const char *verb;
        Feature feature;
    } verbs[] = {
        {"MLST", FEATURE_MLST}, {"MLSD", FEATURE_MLST},       {"SIZE", FEATURE_SIZE},
        {"MDTM", FEATURE_MDTM}, {"UTF8", FEATURE_UTF8},       {"EPSV", FEATURE_EPSV},
        {"MFMT", FEATURE_MFMT}, {"AVBL", FEATURE_AVBL},       {"HASH", FEATURE_HASH},
        {"RANG", FEATURE_RANG}, {"XSHA256", FEATURE_XSHA256},
    };
    static const struct {
        const char *verb;
        Feature feature;
    } sites[] = {
        {"CHMOD", FEATURE_SITE_CHMOD},
        {"SYMLINK", FEATURE_SITE_SYMLINK},
        {"UTIME", FEATURE_SITE_UTIME},
        {"COPY", FEATURE_SITE_COPY},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (g_ascii_strcasecmp(verb, verbs[i].verb) == 0)
            features_set(features, verbs[i].feature, FEATURE_YES);
    if (g_ascii_strcasecmp(verb, "MLST") == 0)
        learn_facts(features, rest);
    if (g_ascii_strcasecmp(verb, "REST") == 0 && g_ascii_strncasecmp(rest, "STREAM", 6) == 0)
        features_set(features, FEATURE_REST_STREAM, FEATURE_YES);
    if (g_ascii_strcasecmp(verb, "MFF") == 0 && has_fact(rest, "unix.mode"))
        features_set(features, FEATURE_MFF_MODE, FEATURE_YES);
    if (g_ascii_strcasecmp(verb, "SITE") != 0)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(sites); i++)
        if (g_ascii_strncasecmp(rest, sites[i].verb, strlen(sites[i].verb)) == 0)
            features_set(features, sites[i].feature, FEATURE_YES);
}

void features_learn_feat(Features *features, const Reply *reply)
{
    if (reply->code == 211) {
        for (guint i = 1; i + 1 < reply->lines->len; i++) {
            g_autofree char *line = g_strstrip(g_strdup(g_ptr_array_index(reply->lines, i)));
            char *space = strchr(line, ' ');
            if (space != NULL)
                *space++ = '\0';
            learn_line(features, line, space != NULL ? space : "");
        }
    }
    static const Feature only_by_feat[] = {FEATURE_MLST, FEATURE_MFF_MODE, FEATURE_SITE_COPY,
                                           FEATURE_AVBL, FEATURE_HASH,     FEATURE_XSHA256,
                                           FEATURE_RANG};
    for (gsize i = 0; i < G_N_ELEMENTS(only_by_feat); i++)
        if (features_get(features, only_by_feat[i]) == FEATURE_UNKNOWN)
            features_set(features, only_by_feat[i], FEATURE_NO);
}

void features_learn_greeting(Features *features, const Reply *reply)
{
    /* A process for each session, which reads the next command when it has said 226. Others answer
     * EPSV at once, and before 226. */
    static const char *const sequential[] = {"vsFTPd", "ProFTPD"};
    g_autofree char *text = reply_text(reply);
    for (gsize i = 0; i < G_N_ELEMENTS(sequential); i++)
        if (strstr(text, sequential[i]) != NULL)
            features_set(features, FEATURE_EPSV_EARLY, FEATURE_YES);
}

void features_learn_site_help(Features *features, const Reply *reply)
{
    if (!reply_is(reply, 2))
        return;
    static const struct {
        const char *word;
        Feature feature;
    } words[] = {{"CHMOD", FEATURE_SITE_CHMOD},
                 {"SYMLINK", FEATURE_SITE_SYMLINK},
                 {"UTIME", FEATURE_SITE_UTIME}};
    for (guint i = 0; i < reply->lines->len; i++) {
        g_autofree char *line = g_ascii_strup(g_ptr_array_index(reply->lines, i), -1);
        for (gsize w = 0; w < G_N_ELEMENTS(words); w++)
            if (strstr(line, words[w].word) != NULL)
                features_set(features, words[w].feature, FEATURE_YES);
    }
}

const char *features_mlst_facts(const Features *features)
{
    return features->mlst_facts;
}

gboolean features_reply_unknown(const Reply *reply)
{
    return reply->code == 500 || reply->code == 501 || reply->code == 502 || reply->code == 504;
}
