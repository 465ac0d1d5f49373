/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "features.h"

#include <string.h>

/* After a data connection's ClientHello came to nothing, so many transfers send it later. */
#define LATE_HELLOS 32

struct Features {
    gint state[FEATURE_COUNT];   /* FeatureState, atomic */
    gint claimed[FEATURE_COUNT]; /* whether a trial is under way, atomic */
    char *mlst_facts;
    gint late_hellos; /* transfers that wait with their ClientHello */
};

/* One row of the table of capabilities. */
typedef struct {
    const char *name;
    const char *feat; /* how a line of FEAT begins that tells of it: a verb, or a verb and a word
                         that stands in what follows; NULL: FEAT does not tell */
    const char *help; /* the word of SITE HELP that tells of it; NULL: that does not tell */
    enum {
        LEARNED,  /* found out by trying, where FEAT and SITE HELP are silent */
        ANNOUNCED /* not there unless FEAT says so */
    } how;
    const char *words;
} Spec;

static const Spec specs[FEATURE_COUNT] = {
    [FEATURE_PATHS] = {"path names", "TVFS", NULL, LEARNED,
                       "names with slashes; else CWD, then the bare name"},
    [FEATURE_BRACKETS] = {"[.NAME]", NULL, NULL, LEARNED, "directories of VMS in brackets"},
    [FEATURE_MLST] = {"MLST", "MLST", NULL, ANNOUNCED, "exact listings and single entries"},
    [FEATURE_LIST_ALL] = {"LIST -a", NULL, NULL, LEARNED, "hidden names in listings"},
    [FEATURE_SIZE] = {"SIZE", "SIZE", NULL, LEARNED, "exact sizes"},
    [FEATURE_MDTM] = {"MDTM", "MDTM", NULL, LEARNED, "exact modification times"},
    [FEATURE_UTF8] = {"UTF8", "UTF8", NULL, LEARNED, "names in UTF-8"},
    [FEATURE_LANG] = {"LANG", "LANG", NULL, ANNOUNCED, "messages and months in English"},
    [FEATURE_CLNT] = {"CLNT", "CLNT", NULL, ANNOUNCED, "the client tells its name"},
    [FEATURE_HOST] = {"HOST", "HOST", NULL, LEARNED, "virtual hosts, for ftp_host"},
    [FEATURE_EPSV] = {"EPSV", "EPSV", NULL, LEARNED, "passive data connections, else PASV"},
    [FEATURE_EPRT] = {"EPRT", "EPRT", NULL, LEARNED, "active data connections, else PORT"},
    [FEATURE_EPSV_EARLY] = {"EPSV early", NULL, NULL, LEARNED,
                            "the next port is asked for before a transfer's end is confirmed"},
    [FEATURE_STAT_EARLY] = {"MLST, SIZE early", NULL, NULL, LEARNED,
                            "an uploaded file is asked for before its end is confirmed"},
    [FEATURE_BYE_AWAITED] = {"close_notify awaited", NULL, NULL, LEARNED,
                             "a file's end is confirmed after the reader has said its own"},
    [FEATURE_BYE_EARLY] = {"close_notify early", NULL, NULL, LEARNED,
                           "a small file's reader says its own end before the data comes"},
    [FEATURE_REST_STREAM] = {"REST STREAM", "REST STREAM", NULL, LEARNED, "reading from an offset"},
    [FEATURE_RANG] = {"RANG", "RANG", NULL, ANNOUNCED, "reading up to an offset"},
    [FEATURE_MODE_Z] = {"MODE Z", "MODE Z", NULL, ANNOUNCED, "compressed data, for compress"},
    [FEATURE_REST_STOR] = {"REST STOR", NULL, NULL, LEARNED, "overwriting in place"},
    [FEATURE_RENAME_PIPELINED] = {"RNFR, RNTO together", NULL, NULL, LEARNED,
                                  "a rename in one round trip"},
    [FEATURE_MFF_MODE] = {"MFF UNIX.mode", "MFF unix.mode", NULL, LEARNED, "chmod"},
    [FEATURE_SITE_CHMOD] = {"SITE CHMOD", "SITE CHMOD", "CHMOD", LEARNED, "chmod"},
    [FEATURE_MFF_OWNER] = {"MFF UNIX.owner", "MFF unix.owner", NULL, ANNOUNCED, "chown"},
    [FEATURE_SITE_CHOWN] = {"SITE CHOWN", "SITE CHOWN", "CHOWN", LEARNED, "chown"},
    [FEATURE_MFF_GROUP] = {"MFF UNIX.group", "MFF unix.group", NULL, ANNOUNCED, "chgrp"},
    [FEATURE_SITE_CHGRP] = {"SITE CHGRP", "SITE CHGRP", "CHGRP", LEARNED, "chgrp"},
    [FEATURE_MFMT] = {"MFMT", "MFMT", NULL, LEARNED, "modification times can be set"},
    [FEATURE_MFF_MODIFY] = {"MFF Modify", "MFF modify", NULL, ANNOUNCED,
                            "modification times can be set"},
    [FEATURE_MDTM_SET] = {"MDTM time name", NULL, NULL, LEARNED, "modification times can be set"},
    [FEATURE_SITE_UTIME] = {"SITE UTIME time name", "SITE UTIME", "UTIME", LEARNED,
                            "modification times can be set"},
    [FEATURE_SITE_UTIME_LONG] = {"SITE UTIME name times", NULL, NULL, LEARNED,
                                 "modification times can be set"},
    [FEATURE_SITE_SYMLINK] = {"SITE SYMLINK", "SITE SYMLINK", "SYMLINK", LEARNED,
                              "symbolic links can be made"},
    [FEATURE_SITE_COPY] = {"SITE COPY", "SITE COPY", NULL, ANNOUNCED,
                           "files are copied by the server"},
    [FEATURE_HASH] = {"HASH SHA-256", "HASH sha-256", NULL, ANNOUNCED, "user.ftpsfs.sha256"},
    [FEATURE_XSHA256] = {"XSHA256", "XSHA256", NULL, ANNOUNCED, "user.ftpsfs.sha256"},
    [FEATURE_HASH_MD5] = {"HASH MD5", "HASH md5", NULL, ANNOUNCED, "user.ftpsfs.md5"},
    [FEATURE_XMD5] = {"XMD5", "XMD5", NULL, ANNOUNCED, "user.ftpsfs.md5"},
    [FEATURE_MD5] = {"MD5", "MD5", NULL, ANNOUNCED, "user.ftpsfs.md5"},
    [FEATURE_AVBL] = {"AVBL", "AVBL", NULL, ANNOUNCED, "the space that df shows"},
    [FEATURE_SITE_QUOTA] = {"SITE QUOTA", "SITE QUOTA", "QUOTA", LEARNED,
                            "the space that df shows"},
    [FEATURE_ALLO] = {"ALLO", NULL, NULL, LEARNED, "space is asked for before a large upload"},
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

gboolean features_change(Features *features, Feature feature, FeatureState before,
                         FeatureState after)
{
    return g_atomic_int_compare_and_exchange(&features->state[feature], (gint)before, (gint)after);
}

gboolean features_claim(Features *features, Feature feature)
{
    return g_atomic_int_compare_and_exchange(&features->claimed[feature], FALSE, TRUE);
}

void features_unclaim(Features *features, Feature feature)
{
    g_atomic_int_set(&features->claimed[feature], FALSE);
}

void features_hello_failed(Features *features)
{
    g_atomic_int_set(&features->late_hellos, LATE_HELLOS);
}

gboolean features_hello_waits(Features *features)
{
    gint *left = &features->late_hellos;
    return g_atomic_int_get(left) > 0 && g_atomic_int_add(left, -1) > 0;
}

const char *features_name(Feature feature)
{
    return specs[feature].name;
}

const char *features_describe(Feature feature)
{
    return specs[feature].words;
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

/* Whether a line of FEAT, "verb rest", is the one that `feat` describes. */
static gboolean tells_of(const char *feat, const char *verb, const char *rest)
{
    gsize length = strcspn(feat, " ");
    if (strlen(verb) != length || g_ascii_strncasecmp(verb, feat, length) != 0)
        return FALSE;
    if (feat[length] == '\0')
        return TRUE;
    g_autofree char *wanted = g_ascii_strdown(feat + length + 1, -1);
    g_autofree char *lower = g_ascii_strdown(rest, -1);
    return strstr(lower, wanted) != NULL;
}

static void learn_line(Features *features, const char *verb, const char *rest)
{
    for (guint i = 0; i < FEATURE_COUNT; i++)
        if (specs[i].feat != NULL && tells_of(specs[i].feat, verb, rest))
            features_set(features, i, FEATURE_YES);
    if (g_ascii_strcasecmp(verb, "MLSD") == 0)
        features_set(features, FEATURE_MLST, FEATURE_YES);
    if (g_ascii_strcasecmp(verb, "MLST") == 0)
        learn_facts(features, rest);
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
    for (guint i = 0; i < FEATURE_COUNT; i++)
        if (specs[i].how == ANNOUNCED && features_get(features, i) == FEATURE_UNKNOWN)
            features_set(features, i, FEATURE_NO);
}

void features_learn_site_help(Features *features, const Reply *reply)
{
    if (!reply_is(reply, 2))
        return;
    for (guint i = 0; i < reply->lines->len; i++) {
        g_autofree char *line = g_ascii_strup(g_ptr_array_index(reply->lines, i), -1);
        for (guint f = 0; f < FEATURE_COUNT; f++)
            if (specs[f].help != NULL && strstr(line, specs[f].help) != NULL)
                features_set(features, f, FEATURE_YES);
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
