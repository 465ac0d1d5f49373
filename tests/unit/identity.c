/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/identity.h"

#include <glib/gstdio.h>
#include <string.h>

#include "ftpsfs/util/error.h"
#include "setup.h"

#define PIN_A "sha256//aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa="
#define PIN_B "sha256//bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb="

static const char *const pin_a[] = {PIN_A, NULL};
static const char *const pin_b[] = {PIN_B, NULL};
static const char *const pins_ab[] = {PIN_A, PIN_B, NULL};
static const char *const pins_ba[] = {PIN_B, PIN_A, PIN_B, NULL};
static const char *const command[] = {"SITE SHARE a", NULL};
static const char *const commands[] = {"SITE SHARE a", "SITE SHARE b", NULL};
static const char *const commands_back[] = {"SITE SHARE b", "SITE SHARE a", NULL};
static const char *const no_commands[] = {NULL};

static const IdentityFacts usual = {
    .host = "example.org", .port = 990, .user = "alice", .by_ca = TRUE};

static Identity *make(IdentityFacts facts)
{
    return identity_new(&facts);
}

static gboolean same(IdentityFacts a, IdentityFacts b)
{
    g_autoptr(Identity) left = identity_new(&a);
    g_autoptr(Identity) right = identity_new(&b);
    gboolean equal = g_str_equal(identity_text(left), identity_text(right));
    g_assert_cmpint(g_str_equal(identity_name(left), identity_name(right)), ==, equal);
    return equal;
}

/* `usual` with other values. */
#define WITH(...)                                                                                  \
    __extension__({                                                                                \
        IdentityFacts facts = usual;                                                               \
        IdentityFacts *f = &facts;                                                                 \
        __VA_ARGS__;                                                                               \
        facts;                                                                                     \
    })

static void each_part_makes_another_source(void)
{
    g_autoptr(Secret) account = secret_new("project", -1);
    g_autoptr(Secret) other_account = secret_new("other", -1);
    const IdentityFacts all[] = {
        usual,
        WITH(f->host = "example.com"),
        WITH(f->port = 991),
        WITH(f->user = "Alice"),
        WITH(f->explicit_tls = TRUE),
        WITH(f->account = account),
        WITH(f->account = other_account),
        WITH(f->virtual_host = "a.example.org"),
        WITH(f->virtual_host = "b.example.org"),
        WITH(f->init_commands = command),
        WITH(f->init_commands = commands),
        WITH(f->init_commands = commands_back),
        WITH(f->codepage = "CP437"),
        WITH(f->codepage = "ISO-8859-1"),
        WITH(f->by_ca = FALSE),
        WITH(f->ca_file = "/a"),
        WITH(f->ca_path = "/a"),
        WITH(f->pins = pin_a),
        WITH(f->pins = pin_b),
        WITH(f->pins = pins_ab),
        WITH(f->by_ca = FALSE, f->pins = pin_a),
        WITH(f->by_ca = FALSE, f->by_known_key = TRUE),
        WITH(f->by_ca = FALSE, f->by_known_key = TRUE, f->known_keys = pin_a),
        WITH(f->by_ca = FALSE, f->by_known_key = TRUE, f->known_keys = pin_b),
    };
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        for (guint j = 0; j < G_N_ELEMENTS(all); j++)
            g_assert_cmpint(same(all[i], all[j]), ==, i == j);
}

static void what_means_the_same_is_the_same(void)
{
    g_assert_true(same(usual, WITH(f->host = "EXAMPLE.org.")));
    g_assert_true(same(WITH(f->host = "b\xc3\xbc"
                                      "cher.example"),
                       WITH(f->host = "xn--bcher-kva.EXAMPLE")));
    g_assert_true(same(WITH(f->host = "::1"), WITH(f->host = "0:0:0:0:0:0:0:1")));
    g_assert_false(same(WITH(f->host = "fe80::1%eth0"), WITH(f->host = "fe80::1%eth1")));
    g_assert_true(same(usual, WITH(f->codepage = "utf-8")));
    g_assert_true(same(WITH(f->codepage = "cp437"), WITH(f->codepage = "CP437")));
    g_assert_true(same(WITH(f->pins = pins_ab), WITH(f->pins = pins_ba)));
    g_assert_true(same(usual, WITH(f->init_commands = no_commands)));
    /* Keys that are known count where they are asked for. */
    g_assert_true(same(usual, WITH(f->known_keys = pin_a)));
}

static void nothing_can_be_taken_for_another_part(void)
{
    static const char *const one[] = {"ab", NULL};
    static const char *const two[] = {"a", "b", NULL};
    g_assert_false(same(WITH(f->init_commands = one), WITH(f->init_commands = two)));
    g_assert_false(
        same(WITH(f->user = "a\tvirtual_host=b"), WITH(f->user = "a", f->virtual_host = "b")));
    g_assert_false(same(WITH(f->user = "a%09"), WITH(f->user = "a\t")));
    g_assert_false(same(WITH(f->virtual_host = "b\tcodepage=CP437"),
                        WITH(f->virtual_host = "b", f->codepage = "CP437")));
    g_assert_false(
        same(WITH(f->ca_file = "/a\npath:/b"), WITH(f->ca_file = "/a", f->ca_path = "/b")));
    g_assert_false(same(WITH(f->ca_file = "system"), usual));
}

static void secrets_are_not_in_the_text(void)
{
    g_autoptr(Secret) account = secret_new("h1dden", -1);
    static const char *const secret_command[] = {"SITE AUTH h1dden", NULL};
    g_autoptr(Identity) identity =
        make(WITH(f->account = account, f->init_commands = secret_command));
    g_assert_null(strstr(identity_text(identity), "h1dden"));
    g_assert_nonnull(strstr(identity_text(identity), "example.org"));
}

static void a_text_is_read_back(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Identity) identity = make(WITH(f->virtual_host = "a\tb%\n", f->pins = pins_ab));
    const char *text = identity_text(identity);
    g_autoptr(Identity) read = identity_from_text(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(identity_text(read), ==, text);
    g_assert_cmpstr(identity_name(read), ==, identity_name(identity));
    g_assert_true(g_str_has_prefix(identity_name(read), IDENTITY_NAME_PREFIX));
    g_assert_cmpuint(strlen(identity_name(read)), ==, strlen(IDENTITY_NAME_PREFIX) + 64);
    const char *bad[] = {"",
                         "source\n",
                         "source\tversion#2\thost=h\tuser=u\n",
                         "x\tversion#1\n",
                         "source\tversion#1\thost=h\n",
                         "source\tversion#1\thost=h\tuser=u"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(identity_from_text(bad[i], strlen(bad[i]), &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_PROTOCOL);
        g_clear_error(&error);
    }
}

static gboolean may(IdentityFacts now, IdentityFacts before)
{
    g_autoptr(Identity) left = identity_new(&now);
    g_autoptr(Identity) right = identity_new(&before);
    return identity_may_finish(left, right);
}

static void pending_uploads_go_to_servers_as_well_verified(void)
{
    IdentityFacts none = WITH(f->by_ca = FALSE);
    IdentityFacts pinned = WITH(f->by_ca = FALSE, f->pins = pin_a);
    IdentityFacts pinned_two = WITH(f->by_ca = FALSE, f->pins = pins_ab);
    IdentityFacts known = WITH(f->by_ca = FALSE, f->by_known_key = TRUE, f->known_keys = pin_a);
    IdentityFacts unknown = WITH(f->by_ca = FALSE, f->by_known_key = TRUE);
    IdentityFacts both = WITH(f->pins = pin_a);
    g_assert_true(may(usual, usual));
    g_assert_true(may(both, usual));
    g_assert_true(may(both, pinned));
    g_assert_true(may(pinned, pinned_two));
    g_assert_true(may(known, pinned_two));
    g_assert_true(may(pinned, known));
    g_assert_false(may(pinned_two, pinned));
    g_assert_false(may(usual, both));
    g_assert_false(may(pinned, usual));
    g_assert_false(may(usual, pinned));
    g_assert_false(may(unknown, pinned));
    g_assert_false(may(unknown, known));
    g_assert_false(may(WITH(f->ca_file = "/other"), usual));
    g_assert_false(may(none, usual));
    g_assert_false(may(none, pinned));
    /* What was written there may come from anybody. */
    g_assert_false(may(usual, none));
}

static void pending_uploads_go_to_the_same_place(void)
{
    const IdentityFacts others[] = {
        WITH(f->host = "example.com"), WITH(f->port = 991),
        WITH(f->user = "bob"),         WITH(f->explicit_tls = TRUE),
        WITH(f->virtual_host = "a"),   WITH(f->init_commands = command),
        WITH(f->codepage = "CP437"),
    };
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_false(may(usual, others[i]));
        g_assert_false(may(others[i], usual));
    }
}

static void questions_about_one(void)
{
    g_autoptr(Secret) account = secret_new("a", -1);
    g_autoptr(Identity) plain = make(usual);
    g_autoptr(Identity) hosted = make(WITH(f->virtual_host = "a", f->pins = pin_a));
    g_autoptr(Identity) accounted = make(WITH(f->account = account));
    g_autoptr(Identity) told = make(WITH(f->init_commands = command));
    g_autoptr(Identity) unverified = make(WITH(f->by_ca = FALSE));
    g_assert_true(identity_is_plain(plain));
    g_assert_false(identity_is_plain(hosted));
    g_assert_false(identity_is_plain(accounted));
    g_assert_false(identity_is_plain(told));
    g_assert_true(identity_is_verified(plain));
    g_assert_false(identity_is_verified(unverified));
    g_assert_true(identity_is_alike(plain, hosted));
    g_assert_true(identity_is_at(plain, "alice", "Example.ORG", 990));
    g_assert_false(identity_is_at(plain, "alice", "example.org", 991));
    g_assert_false(identity_is_at(plain, "bob", "example.org", 990));
    g_autofree char *differences = identity_differences(plain, hosted);
    g_assert_cmpstr(differences, ==, "ftp_host, tls_pin");
}

/* The one function that all users of it take, from what the user wrote. */
static Identity *of_config(const MountConfig *config, Credentials *credentials)
{
    TrustOptions options = setup_trust(config, credentials);
    g_autoptr(GError) error = NULL;
    g_autoptr(Trust) trust = trust_new(&options, &error);
    g_assert_no_error(error);
    return setup_identity(config, credentials, trust);
}

static void the_options_of_a_mount_make_it(void)
{
    g_autoptr(Secret) password = secret_new("p", -1);
    g_autoptr(Secret) account = secret_new("a", -1);
    Credentials credentials = {.user = (char *)"alice", .password = password};
    Source source = {.host = (char *)"localhost", .port = 990, .directory = (char *)""};
    MountConfig config = {.source = &source, .verify = TRUST_VERIFY_NONE};
    g_autoptr(Identity) first = of_config(&config, &credentials);
    source.directory = (char *)"elsewhere";
    config.compress = TRUE;
    g_autoptr(Identity) again = of_config(&config, &credentials);
    g_assert_cmpstr(identity_text(first), ==, identity_text(again));

    char *words[] = {(char *)"SITE X", NULL};
    g_autoptr(GPtrArray) pins = g_ptr_array_new();
    g_ptr_array_add(pins, (gpointer) "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    g_ptr_array_add(pins, NULL);
    config.explicit_tls = TRUE;
    config.virtual_host = (char *)"v";
    config.init_commands = words;
    config.codepage = (char *)"CP437";
    config.pins = pins;
    credentials.account = account;
    g_autoptr(Identity) other = of_config(&config, &credentials);
    g_autofree char *differences = identity_differences(first, other);
    g_assert_cmpstr(differences, ==, "explicit, account, ftp_init, ftp_host, codepage, tls_pin");
}

static void a_remembered_key_is_part_of_it(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("ftpsfs-identity-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *known_hosts = g_build_filename(directory, "known_hosts", NULL);
    g_autoptr(Secret) password = secret_new("p", -1);
    Credentials credentials = {.user = (char *)"alice", .password = password};
    Source source = {.host = (char *)"Localhost", .port = 990, .directory = (char *)""};
    MountConfig config = {
        .source = &source, .verify = TRUST_VERIFY_TOFU, .known_hosts = known_hosts};
    static const char *const files[] = {
        "",
        "|g0|localhost|990|QQ==\n",
        "|g0|localhost|990|Qg==\n",
        "|g0|localhost|990|Qg==\n|g0|localhost|990|QQ==\n",
        "|g0|localhost|990|QQ==\n|g0|localhost|21|Qg==\n|g0|other|990|Qg==\n",
    };
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_assert_true(g_file_set_contents(known_hosts, files[i], -1, NULL));
        g_autoptr(Identity) identity = of_config(&config, &credentials);
        g_assert_true(identity_is_verified(identity));
        g_ptr_array_add(texts, g_strdup(identity_text(identity)));
    }
    for (guint i = 0; i < 4; i++)
        for (guint j = 0; j < i; j++)
            g_assert_cmpstr(g_ptr_array_index(texts, i), !=, g_ptr_array_index(texts, j));
    g_assert_cmpstr(g_ptr_array_index(texts, 4), ==, g_ptr_array_index(texts, 1));
    g_remove(known_hosts);
    g_rmdir(directory);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/identity/each part", each_part_makes_another_source);
    g_test_add_func("/identity/the same", what_means_the_same_is_the_same);
    g_test_add_func("/identity/unambiguous", nothing_can_be_taken_for_another_part);
    g_test_add_func("/identity/secrets", secrets_are_not_in_the_text);
    g_test_add_func("/identity/text", a_text_is_read_back);
    g_test_add_func("/identity/verified", pending_uploads_go_to_servers_as_well_verified);
    g_test_add_func("/identity/place", pending_uploads_go_to_the_same_place);
    g_test_add_func("/identity/questions", questions_about_one);
    g_test_add_func("/identity/options", the_options_of_a_mount_make_it);
    g_test_add_func("/identity/remembered key", a_remembered_key_is_part_of_it);
    return g_test_run();
}
