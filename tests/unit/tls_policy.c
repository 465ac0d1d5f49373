/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each tls_policy= accepts, against servers that have one property each. The manual page shows
 * the same table. A Diffie-Hellman group of a server's own is not to be had of GnuTLS (RFC 7919):
 * tests/integration has it. */
#include <string.h>

#include "tls_client.h"

/* GnuTLS's answer, in place of it. */
static unsigned fips_mode = GNUTLS_FIPS140_STRICT;

unsigned gnutls_fips140_mode_enabled(void)
{
    return fips_mode;
}

#define M (1u << TRUST_POLICY_MODERN)
#define L (1u << TRUST_POLICY_LEGACY)
#define S (1u << TRUST_POLICY_STRICT)
#define Y (1u << TRUST_POLICY_SYSTEM)
#define F (1u << TRUST_POLICY_FIPS)

#define ALL     (M | L | S | Y | F)
#define USUAL   (M | L | Y | F) /* all but strict */
#define AS_EVER (L | Y)         /* GnuTLS's NORMAL, which is this system's policy in these tests */
#define NONE    0u

#define TLS_1_2(what) "NORMAL:%PROFILE_VERY_WEAK:-VERS-ALL:+VERS-TLS1.2:" what
#define TLS_1_3(what) "NORMAL:-VERS-ALL:+VERS-TLS1.3:" what

typedef enum { P256, ED25519, RSA_1024, RSA_2048, RSA_3072, DSA_2048, KEYS } Key;

static const struct {
    gnutls_pk_algorithm_t algorithm;
    guint bits;
} keys[KEYS] = {
    [P256] = {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)},
    [ED25519] = {GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519)},
    [RSA_1024] = {GNUTLS_PK_RSA, 1024},
    [RSA_2048] = {GNUTLS_PK_RSA, 2048},
    [RSA_3072] = {GNUTLS_PK_RSA, 3072},
    [DSA_2048] = {GNUTLS_PK_DSA, 2048},
};

typedef struct {
    const char *name;
    guint accepted;       /* by which policies */
    const char *priority; /* the server's; NULL: NORMAL */
    Key key, ca_key;
    gnutls_digest_algorithm_t digest; /* of the certificate's signature; 0: SHA-256 */
    gboolean sends_ca;                /* along with its own certificate */
    const char *words;                /* in the message of modern, or of strict where modern
                                         accepts; NULL: that the handshake fails */
    const char *unmet;                /* what another handshake then shows; NULL: not that way */
} Row;

static const Row rows[] = {
    {.name = "key/rsa-1024",
     .accepted = AS_EVER,
     .key = RSA_1024,
     .words = "a key by RSA of 1024 bits, which tls_policy=modern refuses: ask the server's owner "
              "for 2048 bits or more, or mount with -o tls_policy=legacy"},
    {.name = "key/rsa-2048",
     .accepted = USUAL,
     .key = RSA_2048,
     .words = "a key by RSA of 2048 bits, which tls_policy=strict refuses: ask the server's owner "
              "for 3072 bits or more, or mount with -o tls_policy=modern"},
    {.name = "key/rsa-3072", .accepted = ALL, .key = RSA_3072},
    {.name = "key/p-256", .accepted = ALL, .key = P256},
    {.name = "key/ed25519", .accepted = ALL, .key = ED25519},
    {.name = "key/dsa-2048",
     .accepted = NONE,
     .key = DSA_2048,
     .priority = TLS_1_2("+DHE-DSS:+SIGN-DSA-SHA1"),
     .unmet = "the key exchange DHE-DSS"},

    {.name = "ca/rsa-1024",
     .accepted = AS_EVER,
     .ca_key = RSA_1024,
     .sends_ca = TRUE,
     .words = "depends on CN=Test CA, which has a key by RSA of 1024 bits"},
    {.name = "ca/rsa-2048",
     .accepted = USUAL,
     .ca_key = RSA_2048,
     .words = "depends on CN=Test CA, which has a key by RSA of 2048 bits"},
    {.name = "ca/rsa-3072", .accepted = ALL, .ca_key = RSA_3072},
    {.name = "signature/sha1",
     .accepted = NONE,
     .ca_key = RSA_2048,
     .digest = GNUTLS_DIG_SHA1,
     .words = "(it has RSA-SHA1 and a key of EC/ECDSA, 256 bits), and no tls_policy accepts that"},
    {.name = "signature/sha1-ecdsa",
     .accepted = NONE,
     .digest = GNUTLS_DIG_SHA1,
     .words = "ECDSA-SHA1"},

    {.name = "exchange/rsa",
     .accepted = AS_EVER,
     .priority = TLS_1_2("-KX-ALL:+RSA"),
     .key = RSA_3072,
     .unmet = "the key exchange RSA, which tls_policy=modern refuses: ask the server's owner for "
              "something newer, or mount with -o tls_policy=legacy"},
    {.name = "exchange/dhe-2048",
     .accepted = USUAL,
     .priority = TLS_1_2("-KX-ALL:+DHE-RSA:-GROUP-ALL:+GROUP-FFDHE2048"),
     .key = RSA_3072},
    {.name = "exchange/dhe-3072",
     .accepted = USUAL,
     .priority = TLS_1_2("-KX-ALL:+DHE-RSA:-GROUP-ALL:+GROUP-FFDHE3072"),
     .key = RSA_3072},
    {.name = "exchange/ecdhe", .accepted = ALL, .priority = TLS_1_2("-KX-ALL:+ECDHE-ECDSA")},
    {.name = "exchange/1.3-ffdhe2048",
     .accepted = USUAL,
     .priority = TLS_1_3("-GROUP-ALL:+GROUP-FFDHE2048")},
    {.name = "exchange/1.3-ffdhe3072",
     .accepted = ALL,
     .priority = TLS_1_3("-GROUP-ALL:+GROUP-FFDHE3072")},
    {.name = "exchange/1.3-x25519",
     .accepted = ALL,
     .priority = TLS_1_3("-GROUP-ALL:+GROUP-X25519")},
    {.name = "exchange/1.3-p-256",
     .accepted = ALL,
     .priority = TLS_1_3("-GROUP-ALL:+GROUP-SECP256R1")},
    {.name = "exchange/1.3-p-521",
     .accepted = ALL,
     .priority = TLS_1_3("-GROUP-ALL:+GROUP-SECP521R1")},

    {.name = "handshake/rsa-sha1",
     .accepted = AS_EVER,
     .priority = TLS_1_2("-SIGN-ALL:+SIGN-RSA-SHA1"),
     .key = RSA_3072,
     .unmet = "handshake signatures by RSA-SHA1, which tls_policy=modern refuses"},
    {.name = "handshake/ecdsa-sha1",
     .accepted = AS_EVER,
     .priority = TLS_1_2("-SIGN-ALL:+SIGN-ECDSA-SHA1"),
     .unmet = "handshake signatures by ECDSA-SHA1, which tls_policy=modern refuses"},

    {.name = "cipher/aes-128-gcm",
     .accepted = ALL,
     .priority = TLS_1_2("-CIPHER-ALL:+AES-128-GCM")},
    {.name = "cipher/chacha20",
     .accepted = ALL,
     .priority = TLS_1_2("-CIPHER-ALL:+CHACHA20-POLY1305")},
    {.name = "cipher/aes-256-ccm",
     .accepted = ALL,
     .priority = TLS_1_2("-CIPHER-ALL:+AES-256-CCM")},
    {.name = "cipher/aes-128-cbc",
     .accepted = USUAL,
     .priority = TLS_1_2("-CIPHER-ALL:+AES-128-CBC")},
    {.name = "cipher/aes-256-cbc",
     .accepted = USUAL,
     .priority = TLS_1_2("-CIPHER-ALL:+AES-256-CBC")},
    {.name = "cipher/3des-cbc",
     .accepted = NONE,
     .priority = TLS_1_2("-CIPHER-ALL:+3DES-CBC"),
     .unmet = "the cipher 3DES-CBC, which tls_policy=modern refuses: ask the server's owner for "
              "something newer"},
    {.name = "cipher/rc4",
     .accepted = NONE,
     .priority = TLS_1_2("-CIPHER-ALL:+ARCFOUR-128"),
     .unmet = "the cipher ARCFOUR-128"},
    {.name = "cipher/1.3-aes-128-gcm",
     .accepted = ALL,
     .priority = TLS_1_3("-CIPHER-ALL:+AES-128-GCM")},
};

/* ---- a server with the row's property ---- */

/* world->trust stays NULL. */
static TestWorld *world_new(const Row *row)
{
    g_autoptr(GError) error = NULL;
    TestWorld *world = g_new0(TestWorld, 1);
    world->ca = test_identity_new(&(TestIdentitySpec){.name = "Test CA",
                                                      .ca = TRUE,
                                                      .key = keys[row->ca_key].algorithm,
                                                      .key_bits = keys[row->ca_key].bits});
    /* What is self-signed a test server does not send. */
    world->ca->self_signed = !row->sends_ca;
    world->identity = test_identity_new(&(TestIdentitySpec){.name = TEST_HOST,
                                                            .issuer = world->ca,
                                                            .dns = test_host_names,
                                                            .serial = 2,
                                                            .digest = row->digest,
                                                            .key = keys[row->key].algorithm,
                                                            .key_bits = keys[row->key].bits});
    world->server = test_server_new(world->identity, row->priority);
    world->dir = g_dir_make_tmp("policy-XXXXXX", &error);
    g_assert_no_error(error);
    world->ca_file = test_save_certificate(world->ca, world->dir, "ca.pem");
    return world;
}

static Trust *make_trust(const TrustOptions *options)
{
    g_autoptr(GError) error = NULL;
    Trust *trust = trust_new(options, &error);
    g_assert_no_error(error);
    return trust;
}

static gboolean shake_hands(const TestWorld *world, Trust *trust, gboolean probe_only,
                            Channel **channel, GError **error)
{
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    ChannelOptions options = {
        .host = TEST_HOST, .port = 990, .timeout_s = 10, .probe_only = probe_only};
    *channel = channel_new(peer->client_fd, trust, &options, error);
    return *channel != NULL && channel_handshake(*channel, NULL, error);
}

static gboolean is_accepted(const TestWorld *world, const TrustOptions *options, GError **error)
{
    g_autoptr(Trust) trust = make_trust(options);
    g_autoptr(Channel) channel = NULL;
    return shake_hands(world, trust, FALSE, &channel, error);
}

/* ---- the table ---- */

/* What another handshake, in which all is accepted, shows of the property. */
static void check_unmet(const TestWorld *world, Trust *trust, const Row *row)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trust) broad = trust_broad(trust);
    g_autoptr(Channel) channel = NULL;
    shake_hands(world, broad, TRUE, &channel, &error);
    g_assert_no_error(error);
    g_autofree char *unmet = channel_find_unmet(channel, trust);
    if (row->unmet == NULL)
        g_assert_null(unmet);
    else if (unmet == NULL || !g_str_has_prefix(unmet, row->unmet))
        g_error("%s: \"%s\" does not begin with \"%s\"", row->name, unmet, row->unmet);
    /* Advice is given only where it helps. */
    if (unmet != NULL)
        g_assert_true((strstr(unmet, "-o tls_policy=legacy") != NULL) ==
                      ((row->accepted & L) != 0));
}

static void check_policy(const TestWorld *world, const Row *row, TrustPolicy policy)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trust) trust =
        make_trust(&(TrustOptions){.ca_file = world->ca_file, .policy = policy});
    g_autoptr(Channel) channel = NULL;
    gboolean accepted = shake_hands(world, trust, FALSE, &channel, &error);
    if (accepted != ((row->accepted & (1u << policy)) != 0))
        g_error("%s by tls_policy=%s: %s", row->name, trust_policy_name(policy),
                accepted ? "accepted" : error->message);
    if (accepted)
        return;
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS);
    gboolean tells = policy == TRUST_POLICY_MODERN ||
                     (policy == TRUST_POLICY_STRICT && (row->accepted & M) != 0);
    if (tells && row->words != NULL)
        test_assert_error(error, FTPSFS_ERROR_TLS, row->words);
    /* Where the message does not name the property another handshake does. */
    g_assert_true(channel_disagreed(channel) == (row->words == NULL));
    if (policy == TRUST_POLICY_MODERN)
        check_unmet(world, trust, row);
}

static void test_row(gconstpointer data)
{
    const Row *row = data;
    g_autoptr(TestWorld) world = world_new(row);
    for (guint policy = 0; policy < TRUST_POLICIES; policy++)
        check_policy(world, row, (TrustPolicy)policy);
}

/* ---- what does not depend on the property ---- */

static const Row *find_row(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        if (g_str_equal(rows[i].name, name))
            return &rows[i];
    g_error("no row %s", name);
}

/* The length of the key counts whoever says that it is the right one. */
static void test_a_short_key_is_refused_however_it_is_verified(void)
{
    g_autoptr(TestWorld) world = world_new(find_row("key/rsa-1024"));
    g_autofree char *pin = test_pin(world->identity);
    g_autofree char *known = g_build_filename(world->dir, "known_hosts", NULL);
    const char *pins[] = {pin, NULL};
    TrustOptions ways[] = {
        {.verify = TRUST_VERIFY_TOFU, .known_hosts = known},
        {.verify = TRUST_VERIFY_NONE, .pins = pins},
        {.verify = TRUST_VERIFY_FULL, .pins = pins, .ca_file = world->ca_file},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autoptr(GError) error = NULL;
        ways[i].policy = TRUST_POLICY_MODERN;
        g_assert_false(is_accepted(world, &ways[i], &error));
        test_assert_error(error, FTPSFS_ERROR_TLS, "of 1024 bits, which tls_policy=modern refuses");
        g_assert_false(g_file_test(known, G_FILE_TEST_EXISTS));
    }
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autoptr(GError) error = NULL;
        ways[i].policy = TRUST_POLICY_LEGACY;
        is_accepted(world, &ways[i], &error);
        g_assert_no_error(error);
    }
}

/* Whose signature is on the certificate does not matter where nobody looks at it. */
static void test_a_pinned_key_may_have_an_old_signature(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = world_new(find_row("signature/sha1"));
    g_autofree char *pin = test_pin(world->identity);
    const char *pins[] = {pin, NULL};
    is_accepted(world, &(TrustOptions){.verify = TRUST_VERIFY_NONE, .pins = pins}, &error);
    g_assert_no_error(error);
}

/* The user's own string wins, over the looks as well. */
static void test_a_priority_string_wins(void)
{
    static const char *const names[] = {"key/rsa-1024", "exchange/rsa", "handshake/rsa-sha1",
                                        "cipher/aes-128-cbc"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TestWorld) world = world_new(find_row(names[i]));
        TrustOptions options = {
            .ca_file = world->ca_file, .policy = TRUST_POLICY_STRICT, .priority = "NORMAL"};
        is_accepted(world, &options, &error);
        g_assert_no_error(error);
    }
}

static void test_a_priority_string_is_named_where_it_refuses(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = world_new(find_row("exchange/rsa"));
    g_autoptr(Trust) trust =
        make_trust(&(TrustOptions){.ca_file = world->ca_file, .priority = "NORMAL:-RSA"});
    g_autoptr(Trust) broad = trust_broad(trust);
    g_autoptr(Channel) channel = NULL;
    shake_hands(world, broad, TRUE, &channel, &error);
    g_assert_no_error(error);
    g_autofree char *unmet = channel_find_unmet(channel, trust);
    g_assert_true(g_str_has_prefix(unmet, "the key exchange RSA, which this tls_priority= "));
}

static void test_the_oldest_version_is_respected(void)
{
    g_autoptr(TestWorld) world = world_new(find_row("cipher/aes-128-gcm"));
    for (guint policy = 0; policy < TRUST_POLICIES; policy++) {
        g_autoptr(GError) error = NULL;
        TrustOptions options = {
            .ca_file = world->ca_file, .policy = (TrustPolicy)policy, .tls_min = TRUST_TLS_1_3};
        g_assert_false(is_accepted(world, &options, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS);
    }
}

/* A data connection that does not resume is held to the same. */
static void test_data_connections_are_held_to_the_same(void)
{
    static const char *const weak[] = {"exchange/rsa", "handshake/rsa-sha1"};
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = world_new(find_row("key/rsa-3072"));
    g_autoptr(Trust) trust = make_trust(&(TrustOptions){.ca_file = world->ca_file});
    g_autoptr(Channel) control = NULL;
    shake_hands(world, trust, FALSE, &control, &error);
    g_assert_no_error(error);
    for (gsize i = 0; i < G_N_ELEMENTS(weak); i++) {
        const Row *row = find_row(weak[i]);
        g_autoptr(TestServer) server = test_server_new(world->identity, row->priority);
        g_autoptr(TestPeer) peer = test_peer_start(server, FALSE, NULL, NULL);
        ChannelOptions options = {
            .host = TEST_HOST, .port = 990, .timeout_s = 10, .control = control};
        g_autoptr(Channel) data = channel_new(peer->client_fd, trust, &options, &error);
        g_assert_no_error(error);
        g_assert_false(channel_handshake(data, NULL, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS);
        g_clear_error(&error);
        test_peer_join(peer);
    }
}

static void test_fips_needs_the_mode(void)
{
    static const unsigned too_little[] = {GNUTLS_FIPS140_DISABLED, GNUTLS_FIPS140_LAX,
                                          GNUTLS_FIPS140_LOG};
    for (gsize i = 0; i < G_N_ELEMENTS(too_little); i++) {
        g_autoptr(GError) error = NULL;
        fips_mode = too_little[i];
        g_assert_null(trust_new(&(TrustOptions){.verify = TRUST_VERIFY_NONE,
                                                .policy = TRUST_POLICY_FIPS,
                                                .priority = i == 1 ? "NORMAL" : NULL},
                                &error));
        test_assert_error(error, FTPSFS_ERROR_CONFIG, "GnuTLS is not in FIPS mode");
    }
    fips_mode = GNUTLS_FIPS140_STRICT;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/tls_policy/table/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
#define TEST(name) g_test_add_func("/tls_policy/" #name, test_##name)
    TEST(a_short_key_is_refused_however_it_is_verified);
    TEST(a_pinned_key_may_have_an_old_signature);
    TEST(a_priority_string_wins);
    TEST(a_priority_string_is_named_where_it_refuses);
    TEST(the_oldest_version_is_respected);
    TEST(data_connections_are_held_to_the_same);
    TEST(fips_needs_the_mode);
    return g_test_run();
}
