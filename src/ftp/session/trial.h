/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial - the first use of a feature that can only be found out by using it.
 *
 * While such a feature is unknown, one transfer at a time tries it, and what came of that holds for
 * the mount's life: what went wrong once is never done again. A Trial is part of what uses the
 * feature and belongs to one thread at a time; the state behind it is in Features. No lock.
 */
#ifndef FTPSFS_SRC_FTP_SESSION_TRIAL_H
#define FTPSFS_SRC_FTP_SESSION_TRIAL_H

#include "features.h"

typedef struct {
    Features *features; /* borrowed; NULL: the feature is not in use */
    Feature feature;
    gboolean first;   /* nobody knew whether it works */
    gboolean claimed; /* and nobody else may try it now */
} Trial;

typedef enum {
    TRIAL_WORKED,
    TRIAL_FAILED,    /* for no other reason, or is of no use */
    TRIAL_LOST,      /* with the whole connection, which says nothing of what has worked before */
    TRIAL_UNDECIDED, /* it was not carried through */
} TrialOutcome;

/* Whether to use the feature now; `trial` is in use then, until trial_end. */
gboolean trial_begin(Trial *trial, Features *features, Feature feature);

gboolean trial_is_on(const Trial *trial);

/* What came of it; may be said again when more is known. TRUE when the feature will not be used any
 * more, so that what failed because of it may be repeated without. FALSE of one that is not in use.
 */
gboolean trial_end(Trial *trial, TrialOutcome outcome);

#endif
