/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * features - what this server can do: from FEAT (RFC 2389), or learned from its answers.
 *
 * One Features a mount, owned by its Remote. A feature is unknown until FEAT names it or it is
 * tried, then known for the life of the mount. Reads and writes of one feature are atomic; the few
 * strings are set while the first control connection is opened, before any other thread exists, and
 * constant afterwards. No lock.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_FEATURES_H
#define FTPSFS_SRC_FTP_SESSION_FEATURES_H

#include "reply.h"

/* features_describe says what each is for; the order is that of the table there. */
typedef enum {
    FEATURE_PATHS,
    FEATURE_BRACKETS,
    FEATURE_MLST,
    FEATURE_LIST_ALL,
    FEATURE_SIZE,
    FEATURE_MDTM,
    FEATURE_UTF8,
    FEATURE_LANG,
    FEATURE_CLNT,
    FEATURE_HOST,
    FEATURE_EPSV,
    FEATURE_EPRT,
    FEATURE_EPSV_EARLY,
    FEATURE_STAT_EARLY,
    FEATURE_BYE_AWAITED,
    FEATURE_BYE_EARLY,
    FEATURE_REST_STREAM,
    FEATURE_RANG,
    FEATURE_MODE_Z,
    FEATURE_REST_STOR,
    FEATURE_RENAME_PIPELINED,
    FEATURE_MFF_MODE,
    FEATURE_SITE_CHMOD,
    FEATURE_MFF_OWNER,
    FEATURE_SITE_CHOWN,
    FEATURE_MFF_GROUP,
    FEATURE_SITE_CHGRP,
    FEATURE_MFMT,
    FEATURE_MFF_MODIFY,
    FEATURE_MDTM_SET,
    FEATURE_SITE_UTIME,
    FEATURE_SITE_UTIME_LONG,
    FEATURE_SITE_SYMLINK,
    FEATURE_SITE_COPY,
    FEATURE_HASH,
    FEATURE_XSHA256,
    FEATURE_HASH_MD5,
    FEATURE_XMD5,
    FEATURE_MD5,
    FEATURE_AVBL,
    FEATURE_SITE_QUOTA,
    FEATURE_ALLO,
    FEATURE_COUNT
} Feature;

typedef enum { FEATURE_UNKNOWN, FEATURE_YES, FEATURE_NO } FeatureState;

typedef struct Features Features;

Features *features_new(void);
void features_free(Features *features);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Features, features_free)

FeatureState features_get(const Features *features, Feature feature);
void features_set(Features *features, Feature feature, FeatureState state);

/* Whether a try makes sense: the feature is present, or nothing is known. */
gboolean features_maybe(const Features *features, Feature feature);

/* A feature's name, "SITE CHMOD", and in words what ftpsfs does by it. */
const char *features_name(Feature feature);
const char *features_describe(Feature feature);

/* Sets a state if it is still `before`; whether it was. */
gboolean features_change(Features *features, Feature feature, FeatureState before,
                         FeatureState after);

/* For trial.c: the right to try a feature, which one has at a time. */
gboolean features_claim(Features *features, Feature feature);
void features_unclaim(Features *features, Feature feature);

/* The ClientHello of a data connection goes out right behind the command, and may overtake it: the
 * paths are two. pyftpdlib then closes the data connection. After one that was lost in the
 * handshake, the next transfers wait with the ClientHello for the reply to the command, at one
 * round trip each. */
void features_hello_failed(Features *features);

/* Whether this transfer, which counts as one of them, is to wait. */
gboolean features_hello_waits(Features *features);

/* Takes the reply to FEAT; one that is no 211 leaves everything unknown but what FEAT alone
 * announces, which is then missing. */
void features_learn_feat(Features *features, const Reply *reply);

/* Takes the reply to SITE HELP or HELP SITE: which SITE commands there are. A list without one of
 * them says nothing, since servers leave out what they have. */
void features_learn_site_help(Features *features, const Reply *reply);

/* The argument of "OPTS MLST" that asks for all facts which ftpsfs uses and the server has, or NULL
 * when they are on by default. Owned by `features`. */
const char *features_mlst_facts(const Features *features);

/* Whether `reply` says that the command does not exist or is not implemented (500, 501, 502, 504),
 * as against having failed on this file. */
gboolean features_reply_unknown(const Reply *reply);

#endif
