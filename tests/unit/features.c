/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/session/features.h"
#include "ftp/session/trial.h"

#include "replies.h"

static Features *features_of(const char *feat)
{
    Features *features = features_new();
    g_autoptr(Reply) reply = test_reply(feat);
    features_learn_feat(features, reply);
    return features;
}

static void assert_state(const Features *features, Feature feature, FeatureState state)
{
    if (features_get(features, feature) != state)
        g_error("%s is %d", features_name(feature), features_get(features, feature));
}

static void test_feat(void)
{
    g_autoptr(Features) features =
        features_of("211-Features:\r\n"
                    " MFF modify;UNIX.group;UNIX.mode;\r\n"
                    " mdtm\r\n"
                    " HASH CRC32;MD5;SHA-1;SHA-256*;SHA-512\r\n"
                    " REST STREAM\r\n"
                    " MLST modify*;perm*;size*;type*;unique*;UNIX.mode;\r\n"
                    " SITE SYMLINK\r\n"
                    " SITE COPY\r\n"
                    " TVFS\r\n"
                    " EPRT\r\n"
                    "211 End\r\n");
    static const Feature there[] = {
        FEATURE_MFF_MODE, FEATURE_MFF_GROUP, FEATURE_MFF_MODIFY,   FEATURE_MDTM,
        FEATURE_HASH,     FEATURE_HASH_MD5,  FEATURE_REST_STREAM,  FEATURE_MLST,
        FEATURE_PATHS,    FEATURE_EPRT,      FEATURE_SITE_SYMLINK, FEATURE_SITE_COPY,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(there); i++)
        assert_state(features, there[i], FEATURE_YES);
    static const Feature missing[] = {FEATURE_MFF_OWNER, FEATURE_XSHA256, FEATURE_XMD5, FEATURE_MD5,
                                      FEATURE_AVBL,      FEATURE_RANG,    FEATURE_CLNT};
    for (gsize i = 0; i < G_N_ELEMENTS(missing); i++)
        assert_state(features, missing[i], FEATURE_NO);
    static const Feature unknown[] = {FEATURE_SITE_CHMOD, FEATURE_SITE_UTIME, FEATURE_MDTM_SET,
                                      FEATURE_ALLO,       FEATURE_EPSV,       FEATURE_REST_STOR};
    for (gsize i = 0; i < G_N_ELEMENTS(unknown); i++)
        assert_state(features, unknown[i], FEATURE_UNKNOWN);
    g_assert_cmpstr(features_mlst_facts(features), ==, "modify;perm;size;type;unique;UNIX.mode;");
}

/* The last line of the reply is no feature, and the first none either. */
static void test_frame(void)
{
    g_autoptr(Features) features = features_of("211-SIZE\r\n UTF8\r\n211 AVBL\r\n");
    assert_state(features, FEATURE_SIZE, FEATURE_UNKNOWN);
    assert_state(features, FEATURE_UTF8, FEATURE_YES);
    assert_state(features, FEATURE_AVBL, FEATURE_NO);
}

static void test_no_feat(void)
{
    g_autoptr(Features) features = features_of("500 What?\r\n");
    assert_state(features, FEATURE_MLST, FEATURE_NO);
    assert_state(features, FEATURE_SIZE, FEATURE_UNKNOWN);
    assert_state(features, FEATURE_PATHS, FEATURE_UNKNOWN);
}

static void test_help(void)
{
    g_autoptr(Features) features = features_new();
    g_autoptr(Reply) reply = test_reply("214-The following SITE commands are recognized\r\n"
                                        " HELP\r\n CHGRP\r\n CHMOD\r\n QUOTA\r\n"
                                        " UTIME <sp> YYYYMMDDhhmm[ss] <sp> path\r\n214 Direct\r\n");
    features_learn_site_help(features, reply);
    assert_state(features, FEATURE_SITE_CHMOD, FEATURE_YES);
    assert_state(features, FEATURE_SITE_CHGRP, FEATURE_YES);
    assert_state(features, FEATURE_SITE_QUOTA, FEATURE_YES);
    assert_state(features, FEATURE_SITE_UTIME, FEATURE_YES);
    assert_state(features, FEATURE_SITE_CHOWN, FEATURE_UNKNOWN);
    g_autoptr(Features) none = features_new();
    g_autoptr(Reply) refusal = test_reply("502 SITE HELP CHMOD: no\r\n");
    features_learn_site_help(none, refusal);
    assert_state(none, FEATURE_SITE_CHMOD, FEATURE_UNKNOWN);
}

/* No name of a server is known: what comes before its turn is unknown until it was tried. */
static void test_trial(void)
{
    Trial bye = {0}, other = {0}, port = {0};
    g_autoptr(Features) features = features_of("211-Features:\r\n EPSV\r\n211 End\r\n");
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_UNKNOWN);
    assert_state(features, FEATURE_EPSV_EARLY, FEATURE_UNKNOWN);
    g_assert_true(trial_begin(&bye, features, FEATURE_BYE_EARLY));
    g_assert_true(bye.first && trial_is_on(&bye));
    g_assert_false(trial_begin(&other, features, FEATURE_BYE_EARLY));
    g_assert_false(trial_is_on(&other));
    /* Each has trials of its own. */
    g_assert_true(trial_begin(&port, features, FEATURE_EPSV_EARLY));
    g_assert_false(trial_end(&bye, TRIAL_UNDECIDED));
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_UNKNOWN);
    g_assert_true(trial_begin(&bye, features, FEATURE_BYE_EARLY));
    g_assert_false(trial_end(&bye, TRIAL_WORKED));
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_YES);
    /* From now on everybody may at once. */
    g_assert_true(trial_begin(&bye, features, FEATURE_BYE_EARLY));
    g_assert_true(trial_begin(&other, features, FEATURE_BYE_EARLY));
    g_assert_false(bye.first || other.first);
}

static void test_trial_lost(void)
{
    Trial port = {0}, bye = {0};
    g_autoptr(Features) features = features_new();
    g_assert_true(trial_begin(&port, features, FEATURE_EPSV_EARLY));
    g_assert_true(trial_end(&port, TRIAL_LOST));
    assert_state(features, FEATURE_EPSV_EARLY, FEATURE_NO);
    g_assert_false(trial_begin(&port, features, FEATURE_EPSV_EARLY));
    features_set(features, FEATURE_BYE_EARLY, FEATURE_YES);
    g_assert_true(trial_begin(&bye, features, FEATURE_BYE_EARLY));
    g_assert_false(trial_end(&bye, TRIAL_LOST));
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_YES);
}

/* Of a server that bears it now and then, those under way may still come to a good end. */
static void test_trial_failed(void)
{
    Trial bye = {0}, other = {0};
    g_autoptr(Features) features = features_new();
    features_set(features, FEATURE_BYE_EARLY, FEATURE_YES);
    g_assert_true(trial_begin(&bye, features, FEATURE_BYE_EARLY));
    g_assert_true(trial_begin(&other, features, FEATURE_BYE_EARLY));
    g_assert_true(trial_end(&bye, TRIAL_FAILED));
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_NO);
    g_assert_true(trial_end(&other, TRIAL_WORKED));
    g_assert_true(trial_end(&other, TRIAL_UNDECIDED));
    g_assert_true(trial_end(&other, TRIAL_LOST));
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_NO);
    g_assert_false(trial_begin(&bye, features, FEATURE_BYE_EARLY));
}

/* Who has tried may say so twice; somebody else's try goes on. */
static void test_trial_ended_twice(void)
{
    Trial first = {0}, second = {0}, third = {0};
    g_autoptr(Features) features = features_new();
    g_assert_true(trial_begin(&first, features, FEATURE_BYE_EARLY));
    g_assert_false(trial_end(&first, TRIAL_UNDECIDED));
    g_assert_true(trial_begin(&second, features, FEATURE_BYE_EARLY));
    g_assert_false(trial_end(&first, TRIAL_UNDECIDED));
    g_assert_false(trial_begin(&third, features, FEATURE_BYE_EARLY));
    g_assert_false(trial_end(&third, TRIAL_FAILED));
    assert_state(features, FEATURE_BYE_EARLY, FEATURE_UNKNOWN);
}

static void test_table(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < FEATURE_COUNT; i++) {
        g_assert_nonnull(features_name(i));
        g_assert_nonnull(features_describe(i));
        g_assert_true(g_hash_table_add(names, (gpointer)features_name(i)));
    }
}

static void test_hello(void)
{
    g_autoptr(Features) features = features_new();
    g_assert_false(features_hello_waits(features));
    features_hello_failed(features);
    guint waited = 0;
    while (features_hello_waits(features))
        waited++;
    g_assert_cmpuint(waited, >, 1);
    g_assert_cmpuint(waited, <, 1000);
    g_assert_false(features_hello_waits(features));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/features/FEAT's lines are understood, and what only it announces", test_feat);
    g_test_add_func("/features/the reply's first and last line are no features", test_frame);
    g_test_add_func("/features/a server without FEAT is unknown but for what FEAT announces",
                    test_no_feat);
    g_test_add_func("/features/SITE HELP adds, and takes nothing away", test_help);
    g_test_add_func("/features/what only a try tells is tried by one at a time", test_trial);
    g_test_add_func(
        "/features/a trial that ends with the connection has failed, if none has worked",
        test_trial_lost);
    g_test_add_func("/features/what has failed once is never tried again", test_trial_failed);
    g_test_add_func("/features/a trial that has ended ends nobody else's", test_trial_ended_twice);
    g_test_add_func("/features/after a hello that failed some transfers wait with theirs",
                    test_hello);
    g_test_add_func("/features/each has a name of its own and words", test_table);
    return g_test_run();
}
