/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server says that it can do, and how much room it has: the replies to FEAT, SITE HELP and
 * SITE QUOTA. Of a server's words only known names of facts are said to it again.
 */
#include <string.h>

#include "ftpsfs/ftp/features.h"
#include "ftpsfs/ftp/quota.h"
#include "fuzz_common.h"

static void check_states(const Features *features)
{
    for (guint i = 0; i < FEATURE_COUNT; i++) {
        FeatureState state = features_get(features, i);
        g_assert_true(state == FEATURE_UNKNOWN || state == FEATURE_YES || state == FEATURE_NO);
    }
}

static void check_facts(const Features *features)
{
    static const char *const known[] = {
        "type",       "size",           "modify",   "perm",       "unique",
        "unix.mode",  "unix.uid",       "unix.gid", "unix.owner", "unix.ownername",
        "unix.group", "unix.groupname", NULL};
    const char *facts = features_mlst_facts(features);
    if (facts == NULL)
        return;
    g_assert_true(g_str_has_suffix(facts, ";"));
    g_auto(GStrv) words = g_strsplit(facts, ";", -1);
    for (char **word = words; word[1] != NULL; word++) {
        g_autofree char *lower = g_ascii_strdown(*word, -1);
        g_assert_true(g_strv_contains(known, lower));
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
            check_facts(features);
            check_quota(reply);
        }
    }
    features_free(features);
    return 0;
}
