/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server says that it can do, and how much room it has: the replies to FEAT, SITE HELP and
 * SITE QUOTA. Of a server's words only known names of facts are said to it again.
 */
#include "ftp/remote/quota.h"
#include "ftp/session/features.h"
#include "fuzz_common.h"

static void check_states(const Features *features)
{
    for (guint i = 0; i < FEATURE_COUNT; i++) {
        FeatureState state = features_get(features, i);
        g_assert_true(state == FEATURE_UNKNOWN || state == FEATURE_YES || state == FEATURE_NO);
    }
}

static void check_quota(const Reply *reply)
{
    guint64 left = 0, total = 0;
    if (!quota_parse(reply, &left, &total))
        return;
    g_assert_cmpuint(left, <=, G_GUINT64_CONSTANT(1) << 62);
    g_assert_cmpuint(total, <=, G_GUINT64_CONSTANT(1) << 62);
    g_assert_true(total == 0 || left <= total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(ReplyParser) parser = reply_parser_new();
    Features *features = features_new();
    if (reply_parser_feed(parser, (const char *)data, size, NULL)) {
        for (;;) {
            g_autoptr(Reply) reply = reply_parser_take(parser);
            if (reply == NULL)
                break;
            features_learn_feat(features, reply);
            features_learn_site_help(features, reply);
            check_states(features);
            if (features_mlst_facts(features) != NULL)
                g_assert_true(fuzz_are_facts(features_mlst_facts(features)));
            check_quota(reply);
        }
    }
    features_free(features);
    return 0;
}
