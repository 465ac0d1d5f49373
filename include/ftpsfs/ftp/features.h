/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * features - what this server can do: told by FEAT (RFC 2389), or learned from its answers.
 *
 * One Features a mount, owned by its Remote. A feature is unknown until told or tried, then known
 * for the life of the mount. Reads and writes of one feature are atomic; the few strings are set
 * while the first control connection is opened, before any other thread exists, and constant
 * afterwards. No lock.
 */
#ifndef FTPSFS_FTP_FEATURES_H
#define FTPSFS_FTP_FEATURES_H

#include "ftpsfs/ftp/reply.h"

typedef enum {
    FEATURE_MLST,         /* MLST and MLSD, RFC 3659 */
    FEATURE_SIZE,         /* RFC 3659 section 4 */
    FEATURE_MDTM,         /* RFC 3659 section 3 */
    FEATURE_REST_STREAM,  /* RFC 3659 section 5 */
    FEATURE_UTF8,         /* RFC 2640 */
    FEATURE_EPSV,         /* RFC 2428 */
    FEATURE_MFMT,         /* modification time can be set */
    FEATURE_MFF_MODE,     /* MFF UNIX.mode */
    FEATURE_MDTM_SET,     /* MDTM YYYYMMDDhhmmss path */
    FEATURE_SITE_UTIME,   /* SITE UTIME */
    FEATURE_SITE_CHMOD,   /* SITE CHMOD */
    FEATURE_SITE_SYMLINK, /* SITE SYMLINK */
    FEATURE_SITE_COPY,    /* SITE CPFR, CPTO */
    FEATURE_AVBL,         /* available space */
    FEATURE_HASH,         /* HASH */
    FEATURE_XSHA256,      /* XSHA256 */
    FEATURE_RANG,         /* RANG */
    FEATURE_LIST_ALL,     /* LIST -a path */
    FEATURE_REST_STOR,    /* REST before STOR overwrites in place, keeping what follows */
    FEATURE_RENAME_PIPELINED, /* RNTO may be sent before RNFR was answered */
    FEATURE_EPSV_EARLY,       /* EPSV may be sent before a transfer's 226 has come */
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

/* Takes the greeting: some servers tell what they are. */
void features_learn_greeting(Features *features, const Reply *reply);

/* Takes the reply to FEAT; one that is no 211 leaves everything unknown but MLST, which only FEAT
 * announces. */
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
