/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/tls/trust.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tls_client.h"

/* Replaces what the world's client believes. */
static void set_trust(TestWorld *world, TrustOptions options)
{
    g_autoptr(GError) error = NULL;
    trust_unref(world->trust);
    world->trust = trust_new(&options, &error);
    g_assert_no_error(error);
}

static void set_identity(TestWorld *world, TestIdentity *identity)
{
    g_autofree char *priority = g_strdup(world->server->priority);
    test_server_free(world->server);
    test_identity_free(world->identity);
    world->identity = identity;
    world->server = test_server_new(identity, priority);
}

/* A world whose server has a certificate that is like the usual one but for `spec`. */
static TestWorld *world_with(TestIdentitySpec spec)
{
    TestWorld *world = test_world_new(NULL);
    if (spec.name == NULL)
        spec.name = TEST_HOST;
    spec.issuer = world->ca;
    spec.serial = 2;
    set_identity(world, test_identity_new(&spec));
    return world;
}

static void assert_accepted_as(const TestWorld *world, const char *host)
{
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, test_send_text, (char *)"hi");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.host = host});
    test_assert_reads(channel, "hi");
}

static void assert_refused_as(const TestWorld *world, const char *host, const char *words,
                              gnutls_alert_description_t alert)
{
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    test_assert_handshake_fails(world, peer, (ChannelOptions){.host = host}, FTPSFS_ERROR_TLS,
                                words);
    g_assert_cmpint(peer->alert, ==, (int)alert);
}

static void assert_refused(const TestWorld *world, const char *words,
                           gnutls_alert_description_t alert)
{
    assert_refused_as(world, TEST_HOST, words, alert);
}

static void assert_not_loaded(TrustOptions options, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(trust_new(&options, &error));
    test_assert_error(error, FTPSFS_ERROR_CONFIG, words);
}

static char *write_file(const TestWorld *world, const char *name, const char *text)
{
    char *path = g_build_filename(world->dir, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void test_known_ca(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    assert_accepted_as(world, TEST_HOST);
    assert_accepted_as(world, "FTP.Example.TEST");
    assert_accepted_as(world, TEST_HOST "."); /* a name with its root */
}

static void test_unknown_ca(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestIdentity) other =
        test_identity_new(&(TestIdentitySpec){.name = "Other CA", .ca = TRUE});
    g_autofree char *file = test_save_certificate(other, world->dir, "other.pem");
    set_trust(world, (TrustOptions){.ca_file = file});
    assert_refused(world, "its issuer is CN=Test CA", GNUTLS_A_UNKNOWN_CA);
    assert_refused(world, "add -o cafile=FILE", GNUTLS_A_UNKNOWN_CA);
    assert_refused(world, file, GNUTLS_A_UNKNOWN_CA);
    set_trust(world, (TrustOptions){.ca_file = NULL});
    assert_refused(world, "this system's CAs", GNUTLS_A_UNKNOWN_CA);
}

static void test_self_signed(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    set_identity(world,
                 test_identity_new(&(TestIdentitySpec){.name = TEST_HOST, .dns = test_host_names}));
    assert_refused(world, "self-signed", GNUTLS_A_UNKNOWN_CA);
    /* The way to believe it all the same. */
    g_autofree char *file = test_save_certificate(world->identity, world->dir, "self.pem");
    set_trust(world, (TrustOptions){.ca_file = file});
    assert_accepted_as(world, TEST_HOST);
    assert_refused_as(world, "other.example.test", "not for other.example.test",
                      GNUTLS_A_BAD_CERTIFICATE);
}

static void test_ca_path(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *dir = g_build_filename(world->dir, "cas", NULL);
    g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
    assert_not_loaded((TrustOptions){.ca_path = dir}, "no file with a certificate");
    g_autofree char *file = test_save_certificate(world->ca, dir, "ca.pem");
    g_assert_true(g_str_has_prefix(file, dir));
    set_trust(world, (TrustOptions){.ca_path = dir});
    assert_accepted_as(world, TEST_HOST);
}

static void test_wrong_name(void)
{
    static const char *const names[] = {"one.example.test", "two.example.test", NULL};
    g_autoptr(TestWorld) world = world_with((TestIdentitySpec){.dns = names, .ip = "192.0.2.7"});
    assert_refused(world,
                   "it is for one.example.test, two.example.test, 192.0.2.7 and not for " TEST_HOST,
                   GNUTLS_A_BAD_CERTIFICATE);
    assert_accepted_as(world, "two.example.test");
}

static void test_many_names(void)
{
    static const char *const names[] = {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test",
                                        "g.test", "h.test", "i.test", "j.test", NULL};
    g_autoptr(TestWorld) world = world_with((TestIdentitySpec){.dns = names});
    assert_refused(world, "g.test, h.test and 2 more and not", GNUTLS_A_BAD_CERTIFICATE);
}

static void test_hostile_names(void)
{
    g_autoptr(TestWorld) world =
        world_with((TestIdentitySpec){.name = "evil\033[2J\nftpsfs: all is well"});
    assert_refused(world, "evil?[2J?ftpsfs", GNUTLS_A_BAD_CERTIFICATE);
}

static void test_wildcard(void)
{
    static const char *const names[] = {"*.example.test", NULL};
    g_autoptr(TestWorld) world = world_with((TestIdentitySpec){.dns = names});
    assert_accepted_as(world, TEST_HOST);
    assert_refused_as(world, "a.b.example.test", "*.example.test", GNUTLS_A_BAD_CERTIFICATE);
}

static void test_addresses(void)
{
    g_autoptr(TestWorld) v4 = world_with((TestIdentitySpec){.ip = "127.0.0.1"});
    assert_accepted_as(v4, "127.0.0.1");
    assert_refused_as(v4, "127.0.0.2", "127.0.0.1", GNUTLS_A_BAD_CERTIFICATE);
    assert_refused_as(v4, "::1", "127.0.0.1", GNUTLS_A_BAD_CERTIFICATE);
    g_autoptr(TestWorld) v6 = world_with((TestIdentitySpec){.ip = "fe80::1"});
    assert_accepted_as(v6, "fe80::1");
    assert_accepted_as(v6, "[fe80::1]");
    assert_accepted_as(v6, "fe80::1%eth0");
    assert_refused_as(v6, "fe80::2", "fe80::1", GNUTLS_A_BAD_CERTIFICATE);
    /* An address as a DNS name is no address (RFC 6125). */
    static const char *const names[] = {"127.0.0.1", NULL};
    g_autoptr(TestWorld) mistaken = world_with((TestIdentitySpec){.dns = names});
    assert_refused_as(mistaken, "127.0.0.1", "127.0.0.1", GNUTLS_A_BAD_CERTIFICATE);
}

static char *sni_for(const TestWorld *world, const char *host)
{
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.host = host});
    g_assert_false(channel_resumed(channel));
    test_peer_join(peer);
    return g_strdup(peer->server_name);
}

static void test_sni(void)
{
    g_autoptr(TestWorld) world =
        world_with((TestIdentitySpec){.dns = test_host_names, .ip = "127.0.0.1"});
    g_autofree char *name = sni_for(world, TEST_HOST ".");
    g_assert_cmpstr(name, ==, TEST_HOST);
    g_autofree char *none = sni_for(world, "127.0.0.1");
    g_assert_cmpstr(none, ==, NULL);
}

static void test_dates(void)
{
    g_autoptr(TestWorld) expired =
        world_with((TestIdentitySpec){.dns = test_host_names, .from_days = -20, .until_days = -10});
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) then = g_date_time_add_days(now, -10);
    g_autofree char *expired_words = g_date_time_format(then, "it expired on %Y-%m-%d");
    assert_refused(expired, expired_words, GNUTLS_A_CERTIFICATE_EXPIRED);
    g_autoptr(TestWorld) early =
        world_with((TestIdentitySpec){.dns = test_host_names, .from_days = 10, .until_days = 20});
    g_autoptr(GDateTime) later = g_date_time_add_days(now, 10);
    g_autofree char *early_words = g_date_time_format(later, "it is not valid before %Y-%m-%d");
    assert_refused(early, early_words, GNUTLS_A_CERTIFICATE_EXPIRED);
}

static void use_intermediate(TestWorld *world, gint64 from_days, gint64 until_days)
{
    g_autoptr(TestIdentity) between =
        test_identity_new(&(TestIdentitySpec){.name = "Middle CA",
                                              .ca = TRUE,
                                              .issuer = world->ca,
                                              .from_days = from_days,
                                              .until_days = until_days});
    set_identity(world, test_identity_new(&(TestIdentitySpec){
                            .name = TEST_HOST, .issuer = between, .dns = test_host_names}));
}

static void test_intermediate(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    use_intermediate(world, 0, 0);
    assert_accepted_as(world, TEST_HOST);
    use_intermediate(world, -20, -10);
    assert_refused(world, "CN=Middle CA expired on", GNUTLS_A_CERTIFICATE_EXPIRED);
    /* What is missing is the CA at the end of what the server sent, not the one in between. */
    g_autoptr(TestIdentity) other =
        test_identity_new(&(TestIdentitySpec){.name = "Other CA", .ca = TRUE});
    g_autofree char *file = test_save_certificate(other, world->dir, "other.pem");
    set_trust(world, (TrustOptions){.ca_file = file});
    use_intermediate(world, 0, 0);
    assert_refused(world, "its issuer is CN=Test CA", GNUTLS_A_UNKNOWN_CA);
}

static void test_weak_signature(void)
{
    g_autoptr(TestWorld) world =
        world_with((TestIdentitySpec){.dns = test_host_names, .digest = GNUTLS_DIG_SHA1});
    assert_refused(world, "no longer secure (it has ECDSA-SHA1", GNUTLS_A_BAD_CERTIFICATE);
}

static void test_several_reasons(void)
{
    static const char *const names[] = {"other.test", NULL};
    g_autoptr(TestWorld) world =
        world_with((TestIdentitySpec){.dns = names, .from_days = -20, .until_days = -10});
    assert_refused(world, "other.test and not", GNUTLS_A_CERTIFICATE_EXPIRED);
    assert_refused(world, "it expired on", GNUTLS_A_CERTIFICATE_EXPIRED);
}

static void test_purpose(void)
{
    g_autoptr(TestWorld) world =
        world_with((TestIdentitySpec){.dns = test_host_names, .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
    assert_refused(world, "serverAuth", GNUTLS_A_UNSUPPORTED_CERTIFICATE);
}

static void test_must_staple(void)
{
    g_autoptr(TestWorld) world =
        world_with((TestIdentitySpec){.dns = test_host_names, .must_staple = TRUE});
    assert_refused(world, "stapled OCSP status", GNUTLS_A_BAD_CERTIFICATE);
}

static void test_crl(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *other = test_save_crl(world->ca, 77, world->dir, "other.crl");
    set_trust(world, (TrustOptions){.ca_file = world->ca_file, .crl_file = other});
    assert_accepted_as(world, TEST_HOST);
    g_autofree char *crl = test_save_crl(world->ca, 2, world->dir, "ours.crl");
    set_trust(world, (TrustOptions){.ca_file = world->ca_file, .crl_file = crl});
    assert_refused(world, "revoked", GNUTLS_A_CERTIFICATE_REVOKED);
}

static void test_bad_files(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *text = write_file(world, "notes.txt", "not a certificate\n");
    g_assert_cmpint(g_chmod(text, 0600), ==, 0);
    g_autofree char *missing = g_build_filename(world->dir, "missing", NULL);
    assert_not_loaded((TrustOptions){.ca_file = missing}, missing);
    assert_not_loaded((TrustOptions){.ca_file = missing}, "No such file");
    assert_not_loaded((TrustOptions){.ca_file = text}, "holds no certificate");
    assert_not_loaded((TrustOptions){.ca_path = missing}, "No such file");
    assert_not_loaded((TrustOptions){.ca_file = world->ca_file, .crl_file = missing}, missing);
    assert_not_loaded((TrustOptions){.ca_file = world->ca_file, .crl_file = text},
                      "no revocation list");
    assert_not_loaded((TrustOptions){.cert = missing}, missing);
    assert_not_loaded((TrustOptions){.cert = text}, "not in PEM form");
    assert_not_loaded((TrustOptions){.cert = world->ca_file}, "chmod 600");
    g_assert_cmpint(g_chmod(world->ca_file, 0600), ==, 0);
    assert_not_loaded((TrustOptions){.cert = world->ca_file}, "not in PEM form");
    assert_not_loaded((TrustOptions){.cert = "pkcs11:object=none", .key = "pkcs11:object=none"},
                      "pkcs11:object=none");
    assert_not_loaded((TrustOptions){.key = text}, "without the certificate");
    assert_not_loaded((TrustOptions){.verify = TRUST_VERIFY_TOFU}, "a file to remember");
}

static void test_encrypted_key(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *cert = test_save_certificate(world->identity, world->dir, "cert.pem");
    g_autofree char *key = test_save_key(world->identity, world->dir, "key.pem", "open sesame");
    g_autofree char *other_key = test_save_key(world->ca, world->dir, "other.pem", NULL);
    g_autoptr(Secret) right = secret_new("open sesame", -1);
    g_autoptr(Secret) wrong = secret_new("open barley", -1);
    TrustOptions options = {.ca_file = world->ca_file, .cert = cert, .key = key};
    assert_not_loaded(options, "encrypted and no passphrase was given");
    options.key_password = wrong;
    assert_not_loaded(options, "its passphrase is wrong");
    options.key_password = right;
    set_trust(world, options);
    world->server->ask_client_certificate = TRUE;
    assert_accepted_as(world, TEST_HOST);
    options.key = other_key;
    assert_not_loaded(options, "does not belong to the certificate");
}

static void test_key_in_certificate_file(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *cert = test_save_certificate(world->identity, world->dir, "cert.pem");
    g_autofree char *key = test_save_key(world->identity, world->dir, "key.pem", NULL);
    g_autofree char *cert_text = NULL, *key_text = NULL;
    g_assert_true(g_file_get_contents(cert, &cert_text, NULL, NULL));
    g_assert_true(g_file_get_contents(key, &key_text, NULL, NULL));
    g_autofree char *both_text = g_strconcat(key_text, cert_text, NULL);
    g_autofree char *both = write_file(world, "both.pem", both_text);
    g_assert_cmpint(g_chmod(both, 0600), ==, 0);
    set_trust(world, (TrustOptions){.ca_file = world->ca_file, .cert = both});
    world->server->ask_client_certificate = TRUE;
    assert_accepted_as(world, TEST_HOST);
}

static void test_priority(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    TrustOptions options = {.ca_file = world->ca_file};
    options.priority = "NORMAL:-CIPHER-ALL:+NO-SUCH-CIPHER";
    assert_not_loaded(options, "error at position 20, \"+NO-SUCH-CIPHER\"");
    options.priority = "NONE:+VERS-TLS1.1:+CIPHER-ALL:+MAC-ALL:+SIGN-ALL:+KX-ALL:+GROUP-ALL";
    assert_not_loaded(options, "leaves nothing of TLS 1.2");
    options.priority = "NORMAL:-VERS-TLS1.3";
    options.tls_min = TRUST_TLS_1_3;
    assert_not_loaded(options, "leaves nothing of TLS 1.3");
    options = (TrustOptions){.ca_file = world->ca_file,
                             .priority = "NORMAL:-VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"};
    set_trust(world, options);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_autofree char *description = channel_describe(channel);
    g_assert_nonnull(strstr(description, "TLS1.2"));
    g_assert_nonnull(strstr(description, "AES-128-GCM"));
}

static void test_tls_min(void)
{
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_2);
    assert_accepted_as(world, TEST_HOST);
    set_trust(world, (TrustOptions){.ca_file = world->ca_file, .tls_min = TRUST_TLS_1_3});
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    test_assert_handshake_fails(world, peer, (ChannelOptions){0}, FTPSFS_ERROR_TLS,
                                "refused the TLS handshake");
}

static void test_pins(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *pin = test_pin(world->identity);
    g_autofree char *ca_pin = test_pin(world->ca);
    const char *const both[] = {ca_pin, pin, NULL};
    const char *const wrong[] = {ca_pin, NULL};
    TrustOptions options = {.ca_file = world->ca_file, .pins = both};
    set_trust(world, options);
    assert_accepted_as(world, TEST_HOST);
    /* The chain must be valid, too. */
    assert_refused_as(world, "other.test", "not for other.test", GNUTLS_A_BAD_CERTIFICATE);
    options.pins = wrong;
    set_trust(world, options);
    g_autofree char *words = g_strconcat("-o tls_pin=", pin, NULL);
    assert_refused(world, words, GNUTLS_A_BAD_CERTIFICATE);
    /* Without verification the pin alone counts. */
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_NONE, .pins = both});
    assert_accepted_as(world, "other.test");
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_NONE, .pins = wrong});
    assert_refused(world, words, GNUTLS_A_BAD_CERTIFICATE);
}

static void test_malformed_pins(void)
{
    static const char *const pins[] = {
        "md5//rL0Y20zC+Fzt72VPzMSk2A==",
        "sha256//",
        "sha256//rL0Y20zC+Fzt72VPzMSk2A==",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(pins); i++) {
        const char *const list[] = {pins[i], NULL};
        assert_not_loaded((TrustOptions){.verify = TRUST_VERIFY_NONE, .pins = list}, pins[i]);
    }
}

static void test_none(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_NONE});
    for (int i = 0; i < 2; i++) {
        g_test_expect_message("ftpsfs", G_LOG_LEVEL_WARNING,
                              "*other.test port 990 is not verified*");
        g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
        g_autoptr(Channel) channel =
            test_connected(world, peer, (ChannelOptions){.host = "other.test"});
        g_assert_false(channel_resumed(channel));
        g_test_assert_expected_messages();
    }
}

/* First use is a message, not a warning; what GnuTLS writes there is ours to read again. */
static void test_tofu(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *dir = g_build_filename(world->dir, "state", NULL);
    g_autofree char *file = g_build_filename(dir, "known_hosts", NULL);
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_TOFU, .known_hosts = file});
    assert_accepted_as(world, "Any.Name.Test");
    GStatBuf status;
    g_assert_cmpint(g_stat(file, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07777, ==, 0600);
    g_assert_cmpint(g_stat(dir, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07777, ==, 0700);
    g_autofree char *first = NULL, *second = NULL;
    g_assert_true(g_file_get_contents(file, &first, NULL, NULL));
    g_assert_true(g_str_has_prefix(first, "|g0|any.name.test|990|0|"));
    assert_accepted_as(world, "any.name.test.");
    g_assert_true(g_file_get_contents(file, &second, NULL, NULL));
    g_assert_cmpstr(first, ==, second);
    /* Another key under the same name. */
    g_autofree char *known = test_pin(world->identity);
    set_identity(world, test_identity_new(&(TestIdentitySpec){.name = "new"}));
    g_autofree char *seen = test_pin(world->identity);
    g_autofree char *words = g_strdup_printf("it was %s and now is %s", known, seen);
    assert_refused_as(world, "any.name.test", words, GNUTLS_A_BAD_CERTIFICATE);
    assert_refused_as(world, "any.name.test", file, GNUTLS_A_BAD_CERTIFICATE);
    /* It is another server by another name. */
    assert_accepted_as(world, "other.test");
    assert_refused_as(world, "any.name.test", words, GNUTLS_A_BAD_CERTIFICATE);
}

static void test_tofu_pins(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *file = g_build_filename(world->dir, "known_hosts", NULL);
    g_autofree char *pin = test_pin(world->ca);
    const char *const wrong[] = {pin, NULL};
    set_trust(world,
              (TrustOptions){.verify = TRUST_VERIFY_TOFU, .known_hosts = file, .pins = wrong});
    assert_refused(world, "-o tls_pin=", GNUTLS_A_BAD_CERTIFICATE);
    /* What the pin refused was not remembered either. */
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
}

static void test_tofu_cut_off_line(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *file = write_file(world, "known_hosts", "|g0|somebody.test|99");
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_TOFU, .known_hosts = file});
    assert_accepted_as(world, TEST_HOST);
    set_identity(world, test_identity_new(&(TestIdentitySpec){.name = "new"}));
    assert_refused(world, "has changed", GNUTLS_A_BAD_CERTIFICATE);
}

static void test_tofu_no_file(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *file = g_build_filename(world->ca_file, "known_hosts", NULL);
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_TOFU, .known_hosts = file});
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    test_assert_handshake_fails(world, peer, (ChannelOptions){0}, FTPSFS_ERROR_IO, world->ca_file);
}

static gpointer connect_once(gpointer world)
{
    assert_accepted_as(world, TEST_HOST);
    return NULL;
}

static void test_tofu_at_once(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autofree char *file = g_build_filename(world->dir, "known_hosts", NULL);
    set_trust(world, (TrustOptions){.verify = TRUST_VERIFY_TOFU, .known_hosts = file});
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("client", connect_once, world);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 2); /* one entry, and what follows its newline */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trust/a certificate by a known CA is accepted", test_known_ca);
    g_test_add_func("/trust/an unknown CA is named", test_unknown_ca);
    g_test_add_func("/trust/a self-signed certificate can be its own CA", test_self_signed);
    g_test_add_func("/trust/CAs come from a directory", test_ca_path);
    g_test_add_func("/trust/a wrong name is refused with the names there are", test_wrong_name);
    g_test_add_func("/trust/of many names some are listed", test_many_names);
    g_test_add_func("/trust/control characters in names are not passed on", test_hostile_names);
    g_test_add_func("/trust/a wildcard stands for one label", test_wildcard);
    g_test_add_func("/trust/addresses match iPAddress names only", test_addresses);
    g_test_add_func("/trust/SNI is for names and not for addresses", test_sni);
    g_test_add_func("/trust/dates are checked and told", test_dates);
    g_test_add_func("/trust/a CA in between is checked, too", test_intermediate);
    g_test_add_func("/trust/a weak signature is refused", test_weak_signature);
    g_test_add_func("/trust/all reasons are told", test_several_reasons);
    g_test_add_func("/trust/the certificate must be for servers", test_purpose);
    g_test_add_func("/trust/a missing OCSP staple is refused where one is due", test_must_staple);
    g_test_add_func("/trust/a revoked certificate is refused", test_crl);
    g_test_add_func("/trust/files that can't be used are named", test_bad_files);
    g_test_add_func("/trust/an encrypted key needs its passphrase", test_encrypted_key);
    g_test_add_func("/trust/the key may be in the certificate's file",
                    test_key_in_certificate_file);
    g_test_add_func("/trust/a priority string with an error is refused with its place",
                    test_priority);
    g_test_add_func("/trust/TLS 1.3 can be demanded", test_tls_min);
    g_test_add_func("/trust/a pin must match in addition", test_pins);
    g_test_add_func("/trust/a pin that is none is refused", test_malformed_pins);
    g_test_add_func("/trust/no verification warns each time", test_none);
    g_test_add_func("/trust/at first use a key is remembered and later compared", test_tofu);
    g_test_add_func("/trust/a pin comes before the first use", test_tofu_pins);
    g_test_add_func("/trust/a line that was cut off spoils no other", test_tofu_cut_off_line);
    g_test_add_func("/trust/known hosts that can't be written are an error", test_tofu_no_file);
    g_test_add_func("/trust/of several first uses one is the first", test_tofu_at_once);
    return g_test_run();
}
