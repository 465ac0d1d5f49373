/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trial.h"

gboolean trial_begin(Trial *trial, Features *features, Feature feature)
{
    *trial = (Trial){0};
    FeatureState state = features_get(features, feature);
    if (state == FEATURE_NO || (state == FEATURE_UNKNOWN && !features_claim(features, feature)))
        return FALSE;
    *trial = (Trial){.features = features,
                     .feature = feature,
                     .first = state == FEATURE_UNKNOWN,
                     .claimed = state == FEATURE_UNKNOWN};
    return TRUE;
}

gboolean trial_is_on(const Trial *trial)
{
    return trial->features != NULL;
}

gboolean trial_end(Trial *trial, TrialOutcome outcome)
{
    if (!trial_is_on(trial))
        return FALSE;
    Features *features = trial->features;
    Feature feature = trial->feature;
    gboolean learned = FALSE;
    if (outcome == TRIAL_WORKED)
        learned = features_change(features, feature, FEATURE_UNKNOWN, FEATURE_YES);
    else if (outcome == TRIAL_LOST || outcome == TRIAL_FAILED)
        learned = features_change(features, feature, FEATURE_UNKNOWN, FEATURE_NO);
    if (outcome == TRIAL_FAILED && !learned)
        learned = features_change(features, feature, FEATURE_YES, FEATURE_NO);
    if (learned)
        g_info("%s: %s", features_name(feature), outcome == TRIAL_WORKED ? "yes" : "no");
    if (trial->claimed)
        features_unclaim(features, feature);
    trial->claimed = FALSE;
    return features_get(features, feature) == FEATURE_NO;
}
