/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/tls/channel.h"

#include <string.h>
#include <sys/socket.h>

#include "ftpsfs/tls/certificate.h"
#include "tls_client.h"

/* Peers that are not what they should be */

static void check_plain(const char *greeting, FtpsfsErrorCode code, const char *words)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(NULL, FALSE, test_send_text, (gpointer)greeting);
    test_assert_handshake_fails(world, peer, (ChannelOptions){.timeout_s = 1}, code, words);
}

static void test_plain_text(void)
{
    check_plain("220 (vsFTPd 3.0.3)\r\n", FTPSFS_ERROR_TLS, "-o explicit");
    check_plain("220 (vsFTPd 3.0.3)\r\n", FTPSFS_ERROR_TLS, "\"220 (vsFTPd 3.0.3)\"");
    check_plain("SSH-2.0-OpenSSH_9.2p1\r\n", FTPSFS_ERROR_TLS, "SFTP");
    check_plain("421 Too many connections\r\n", FTPSFS_ERROR_LIMIT, "\"421 Too many connections\"");
    check_plain("HTTP/1.1 400 Bad Request\r\n\r\n", FTPSFS_ERROR_TLS, "from the first byte");
    check_plain("220", FTPSFS_ERROR_TLS, "from the first byte");
}

static void test_plain_data(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) control_peer = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) control = test_connected(world, control_peer, (ChannelOptions){0});
    g_autoptr(TestPeer) peer =
        test_peer_start(NULL, FALSE, test_send_text, (gpointer) "secret file's text\n");
    test_assert_handshake_fails(world, peer, (ChannelOptions){.control = control}, FTPSFS_ERROR_TLS,
                                "without TLS");
}

static void test_old_tls(void)
{
    g_autoptr(TestWorld) world = test_world_new("NORMAL:-VERS-ALL:+VERS-TLS1.1");
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    test_assert_handshake_fails(world, peer, (ChannelOptions){0}, FTPSFS_ERROR_TLS,
                                "only versions of TLS");
    test_peer_join(peer);
    g_assert_cmpint(peer->handshake, <, 0);
}

static void check_refused_certificate(const char *priority)
{
    g_autoptr(TestWorld) world = test_world_new(priority);
    g_autoptr(TestIdentity) stranger =
        test_identity_new(&(TestIdentitySpec){.name = TEST_HOST, .dns = test_host_names});
    g_autoptr(TestServer) server = test_server_new(stranger, priority);
    g_autoptr(TestPeer) peer = test_peer_start(server, FALSE, NULL, NULL);
    test_assert_handshake_fails(world, peer, (ChannelOptions){0}, FTPSFS_ERROR_TLS,
                                "-o cafile=FILE");
    test_peer_join(peer);
    g_assert_cmpint(peer->handshake, ==, GNUTLS_E_FATAL_ALERT_RECEIVED);
    g_assert_cmpint(peer->alert, ==, GNUTLS_A_UNKNOWN_CA);
}

static void test_refused_certificate(void)
{
    check_refused_certificate(TEST_TLS_1_2);
    check_refused_certificate(TEST_TLS_1_3);
}

/* Sees all of a server that it does not believe, and tells it nothing. */
static void check_probe_only(const char *priority, const char *version)
{
    g_autoptr(TestWorld) world = test_world_new(priority);
    g_autoptr(TestIdentity) stranger =
        test_identity_new(&(TestIdentitySpec){.name = TEST_HOST, .dns = test_host_names});
    g_autoptr(TestServer) server = test_server_new(stranger, priority);
    g_autoptr(TestPeer) peer = test_peer_start(server, FALSE, test_send_text, "220 hello\r\n");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.probe_only = TRUE});
    g_autoptr(GError) error = NULL;
    test_assert_error(channel_verdict(channel), FTPSFS_ERROR_TLS, "-o cafile=FILE");
    g_assert_false(channel_write(channel, "PASS secret\r\n", 13, NULL, &error));
    test_assert_error(error, FTPSFS_ERROR_TLS, "only looks");
    test_assert_reads(channel, "220 hello\r\n");
    ChannelFacts facts;
    channel_facts(channel, &facts);
    g_assert_cmpstr(facts.version, ==, version);
    g_assert_nonnull(facts.key_share);
    g_autoptr(GPtrArray) chain = channel_certificates(channel);
    g_assert_cmpuint(chain->len, ==, 1);
    g_autoptr(Certificate) own = certificate_read(chain->pdata[0], NULL);
    g_assert_cmpstr(own->names, ==, TEST_HOST);
    g_assert_true(g_str_has_prefix(own->pin, "sha256//"));
    g_assert_cmpuint(strlen(own->sha256), ==, 32 * 3 - 1);
}

static void test_probe_only(void)
{
    check_probe_only(TEST_TLS_1_2, "TLS1.2");
    check_probe_only(TEST_TLS_1_3, "TLS1.3");
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) scrap = g_bytes_new_static("no certificate", 14);
    g_assert_null(certificate_read(scrap, &error));
    test_assert_error(error, FTPSFS_ERROR_TLS, "can't be read");
}

static void ask_again(TestPeer *peer, gpointer data)
{
    (void)data;
    char scrap[16];
    test_peer_send(peer, "before ", 7);
    g_assert_cmpint(gnutls_rehandshake(peer->session), ==, 0);
    g_assert_cmpint(test_peer_receive(peer, scrap, sizeof scrap), ==,
                    GNUTLS_E_WARNING_ALERT_RECEIVED);
    test_peer_send(peer, "after", 5);
}

static void test_renegotiation(void)
{
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_2);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, ask_again, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_assert_reads(channel, "before ");
    test_assert_reads(channel, "after");
    test_peer_join(peer);
    g_assert_cmpint(peer->alert, ==, GNUTLS_A_NO_RENEGOTIATION);
}

/* As many warnings as *data says before the bytes. */
static void warn(TestPeer *peer, gpointer data)
{
    for (guint i = 0; i < *(guint *)data; i++)
        gnutls_alert_send(peer->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    test_peer_send(peer, "data", 4);
}

static void test_warnings(void)
{
    guint few = 20, many = 40;
    for (guint i = 0; i < 2; i++) {
        g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_2);
        g_autoptr(TestPeer) peer =
            test_peer_start(world->server, FALSE, warn, i == 0 ? &few : &many);
        g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
        g_autoptr(GError) error = NULL;
        char scrap[16];
        if (i == 0) {
            test_assert_reads(channel, "data");
        } else {
            g_assert_cmpint(channel_read(channel, scrap, sizeof scrap, NULL, &error), ==, -1);
            test_assert_error(error, FTPSFS_ERROR_TLS, "empty record");
        }
        test_peer_join(peer);
    }
}

static void update_keys(TestPeer *peer, gpointer data)
{
    char scrap[16];
    test_peer_send(peer, "old key", 7);
    g_assert_cmpint(gnutls_session_key_update(peer->session, GNUTLS_KU_PEER), ==, 0);
    test_peer_send(peer, "new key", 7);
    *(gssize *)data = test_peer_receive(peer, scrap, sizeof scrap);
}

static void test_key_update(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_3);
    gssize answer = 0;
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, update_keys, &answer);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_assert_reads(channel, "old key");
    test_assert_reads(channel, "new key");
    g_assert_true(channel_write(channel, "answer", 6, NULL, &error));
    test_peer_join(peer);
    g_assert_cmpint(answer, ==, 6);
}

/* Client certificates */

static Trust *trust_with_client_key(const TestWorld *world, const TestIdentity *client)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *cert = test_save_certificate(client, world->dir, "client.pem");
    g_autofree char *key = test_save_key(client, world->dir, "client.key", NULL);
    Trust *trust =
        trust_new(&(TrustOptions){.ca_file = world->ca_file, .cert = cert, .key = key}, &error);
    g_assert_no_error(error);
    return trust;
}

static void check_client_certificate(const char *priority)
{
    g_autoptr(TestWorld) world = test_world_new(priority);
    world->server->ask_client_certificate = TRUE;
    /* By another CA than the server's list has: it must be sent all the same. */
    g_autoptr(TestIdentity) client = test_identity_new(
        &(TestIdentitySpec){.name = "client", .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
    g_assert_cmpint(
        gnutls_certificate_set_x509_trust(world->server->credentials, &world->ca->certificate, 1),
        ==, 1);
    trust_unref(world->trust);
    world->trust = trust_with_client_key(world, client);
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, test_send_text, (gpointer) "hello");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_assert_reads(channel, "hello");
    test_peer_join(peer);
    unsigned int count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(peer->session, &count);
    gnutls_datum_t expected;
    g_assert_cmpint(gnutls_x509_crt_export2(client->certificate, GNUTLS_X509_FMT_DER, &expected),
                    ==, 0);
    g_assert_cmpuint(count, ==, 1);
    test_assert_bytes(shown[0].data, shown[0].size, expected.data, expected.size);
    gnutls_free(expected.data);
}

static void test_client_certificate(void)
{
    check_client_certificate(TEST_TLS_1_2);
    check_client_certificate(TEST_TLS_1_3);
}

static void test_client_certificate_missing(void)
{
    g_autoptr(TestWorld) old = test_world_new(TEST_TLS_1_2);
    old->server->ask_client_certificate = TRUE;
    g_autoptr(TestPeer) old_peer = test_peer_start(old->server, FALSE, NULL, NULL);
    test_assert_handshake_fails(old, old_peer, (ChannelOptions){0}, FTPSFS_ERROR_TLS, "-o cert");
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_3);
    world->server->ask_client_certificate = TRUE;
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_autoptr(GError) error = NULL;
    char buffer[16];
    g_assert_cmpint(channel_read(channel, buffer, sizeof buffer, NULL, &error), ==, -1);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS);
    g_assert_nonnull(strstr(error->message, "-o cert"));
}

/* Resumption and data connections */

static void check_resumption(const char *priority)
{
    g_autoptr(TestWorld) world = test_world_new(priority);
    g_autoptr(TestPeer) control_peer =
        test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220 hello");
    g_autoptr(Channel) control = test_connected(world, control_peer, (ChannelOptions){0});
    test_assert_reads(control, "220 hello"); /* the TLS 1.3 tickets come with it */
    test_peer_join(control_peer);
    g_autoptr(GBytes) ticket = channel_ticket(control);
    g_assert_nonnull(ticket);
    for (int i = 0; i < 3; i++) {
        g_autoptr(TestPeer) peer =
            test_peer_start(world->server, FALSE, test_send_text, (gpointer) "data");
        g_autoptr(Channel) data = test_connected(world, peer, (ChannelOptions){.control = control});
        g_assert_true(channel_resumed(data));
        test_assert_reads(data, "data");
        test_peer_join(peer);
        g_assert_true(peer->resumed);
        g_assert_cmpuint(peer->retries, ==, 0);
    }
    /* A second control connection, and data connections of it: its first is not resumed by the
     * ticket of its own, as that has not come yet in TLS 1.3. */
    g_autoptr(TestPeer) second_peer = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) second =
        test_connected(world, second_peer, (ChannelOptions){.ticket = ticket});
    g_assert_true(channel_resumed(second));
    g_autoptr(TestPeer) early_peer = test_peer_start(world->server, FALSE, NULL, NULL);
    g_autoptr(Channel) early =
        test_connected(world, early_peer, (ChannelOptions){.control = second});
    g_assert_true(channel_resumed(early));
}

static void test_resume_1_2(void)
{
    check_resumption(TEST_TLS_1_2);
}

static void test_resume_1_3(void)
{
    check_resumption(TEST_TLS_1_3);
}

static void test_chained_resumption(void)
{
    static const char *const priorities[] = {TEST_TLS_1_2, TEST_TLS_1_3};
    for (gsize i = 0; i < G_N_ELEMENTS(priorities); i++) {
        g_autoptr(TestWorld) world = test_world_new(priorities[i]);
        g_autoptr(GBytes) ticket = NULL;
        for (int round = 0; round < 4; round++) {
            g_autoptr(TestPeer) peer =
                test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
            g_autoptr(Channel) channel =
                test_connected(world, peer, (ChannelOptions){.ticket = ticket});
            g_assert_cmpint(channel_resumed(channel), ==, round > 0);
            test_assert_reads(channel, "220");
            g_clear_pointer(&ticket, g_bytes_unref);
            ticket = channel_ticket(channel);
            g_assert_nonnull(ticket);
        }
    }
}

/* What a control connection leaves for the next. */
static GBytes *ticket_of_first(const TestWorld *world)
{
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
    g_autoptr(Channel) first = test_connected(world, peer, (ChannelOptions){0});
    test_assert_reads(first, "220");
    g_assert_false(channel_has_expired(first));
    return channel_ticket(first);
}

/* Refused for the session, not for what the server shows now. */
static void assert_resumption_refused(const TestWorld *world, GBytes *ticket, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, NULL, NULL);
    g_autoptr(Channel) channel = test_open(world, peer, (ChannelOptions){.ticket = ticket});
    g_assert_false(channel_handshake(channel, NULL, &error));
    test_peer_join(peer);
    test_assert_error(error, FTPSFS_ERROR_TLS, words);
    g_assert_true(channel_resumption_refused(channel));
    g_assert_false(channel_resumed(channel));
    /* With it no data connection comes about. */
    g_assert_null(channel_ticket(channel));
}

#define SHORT_S 600

static time_t after_it(time_t *when)
{
    time_t now = time(NULL) + SHORT_S + 60;
    if (when != NULL)
        *when = now;
    return now;
}

static void test_resumed_expired(void)
{
    static const char *const priorities[] = {TEST_TLS_1_2, TEST_TLS_1_3};
    for (gsize i = 0; i < G_N_ELEMENTS(priorities); i++) {
        g_autoptr(TestWorld) world = test_world_new(priorities[i]);
        g_autoptr(TestIdentity) brief = test_identity_new(&(TestIdentitySpec){
            .name = TEST_HOST, .issuer = world->ca, .dns = test_host_names, .until_s = SHORT_S});
        test_server_free(world->server);
        world->server = test_server_new(brief, priorities[i]);
        g_autoptr(GBytes) ticket = ticket_of_first(world);
        gnutls_global_set_time_function(after_it);
        assert_resumption_refused(world, ticket, "expired");
        /* As if it were shown. */
        g_autoptr(TestPeer) full = test_peer_start(world->server, FALSE, NULL, NULL);
        test_assert_handshake_fails(world, full, (ChannelOptions){0}, FTPSFS_ERROR_TLS, "expired");
        gnutls_global_set_time_function(time);
    }
}

static void test_resumed_revoked(void)
{
    static const char *const priorities[] = {TEST_TLS_1_2, TEST_TLS_1_3};
    for (gsize i = 0; i < G_N_ELEMENTS(priorities); i++) {
        g_autoptr(TestWorld) world = test_world_new(priorities[i]);
        g_autoptr(GBytes) ticket = ticket_of_first(world);
        g_autofree char *crl = test_save_crl(world->ca, 2, world->dir, "new.crl");
        trust_unref(world->trust);
        world->trust = trust_new(&(TrustOptions){.ca_file = world->ca_file, .crl_file = crl}, NULL);
        assert_resumption_refused(world, ticket, "revoked");
    }
}

static void test_resumed_pin(void)
{
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_3);
    g_autoptr(GBytes) ticket = ticket_of_first(world);
    g_autofree char *pin = test_pin(world->ca);
    const char *const pins[] = {pin, NULL};
    trust_unref(world->trust);
    world->trust = trust_new(&(TrustOptions){.ca_file = world->ca_file, .pins = pins}, NULL);
    assert_resumption_refused(world, ticket, "pinned");
}

static void test_control_expires(void)
{
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_3);
    g_autoptr(TestIdentity) brief = test_identity_new(&(TestIdentitySpec){
        .name = TEST_HOST, .issuer = world->ca, .dns = test_host_names, .until_s = 5});
    test_server_free(world->server);
    world->server = test_server_new(brief, TEST_TLS_1_3);
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    while (!channel_has_expired(channel))
        g_usleep(50 * 1000);
    g_assert_cmpint(time(NULL), >, gnutls_x509_crt_get_expiration_time(brief->certificate));
    test_peer_join(peer);
}

static void test_no_ticket_yet(void)
{
    g_autoptr(TestWorld) world = test_world_new(TEST_TLS_1_3);
    world->server->tickets = FALSE;
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) channel = test_open(world, peer, (ChannelOptions){0});
    g_assert_null(channel_ticket(channel));
    g_assert_true(channel_handshake(channel, NULL, NULL));
    g_assert_null(channel_ticket(channel));
}

static void test_bad_ticket(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(GBytes) ticket = g_bytes_new_static("no ticket at all", 16);
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, test_send_text, (gpointer) "x");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.ticket = ticket});
    g_assert_false(channel_resumed(channel));
    test_assert_reads(channel, "x");
}

static void test_same_certificate_without_resumption(void)
{
    static const char *const priorities[] = {TEST_TLS_1_2, TEST_TLS_1_3};
    for (gsize i = 0; i < G_N_ELEMENTS(priorities); i++) {
        g_autoptr(TestWorld) world = test_world_new(priorities[i]);
        g_autoptr(TestServer) forgetful = test_server_new(world->identity, priorities[i]);
        g_autoptr(TestPeer) control_peer =
            test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
        g_autoptr(Channel) control = test_connected(world, control_peer, (ChannelOptions){0});
        test_assert_reads(control, "220");
        /* Another ticket key: the ticket is not taken, the certificate is the same. */
        g_autoptr(TestPeer) peer =
            test_peer_start(forgetful, FALSE, test_send_text, (gpointer) "data");
        g_autoptr(Channel) data = test_connected(world, peer, (ChannelOptions){.control = control});
        g_assert_false(channel_resumed(data));
        test_assert_reads(data, "data");
    }
}

static void test_same_certificate_after_resumed_control(void)
{
    static const char *const priorities[] = {TEST_TLS_1_2, TEST_TLS_1_3};
    for (gsize i = 0; i < G_N_ELEMENTS(priorities); i++) {
        g_autoptr(TestWorld) world = test_world_new(priorities[i]);
        g_autoptr(TestPeer) first_peer =
            test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
        g_autoptr(Channel) first = test_connected(world, first_peer, (ChannelOptions){0});
        test_assert_reads(first, "220");
        g_autoptr(GBytes) ticket = channel_ticket(first);
        g_autoptr(TestPeer) control_peer =
            test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
        g_autoptr(Channel) control =
            test_connected(world, control_peer, (ChannelOptions){.ticket = ticket});
        g_assert_true(channel_resumed(control));
        /* The control connection showed no certificate; the data connection's is compared with
         * the one of the session that was resumed. */
        g_autoptr(TestServer) forgetful = test_server_new(world->identity, priorities[i]);
        g_autoptr(TestPeer) peer =
            test_peer_start(forgetful, FALSE, test_send_text, (gpointer) "data");
        g_autoptr(Channel) data = test_connected(world, peer, (ChannelOptions){.control = control});
        g_assert_false(channel_resumed(data));
        test_assert_reads(data, "data");
    }
}

static void test_other_certificate(void)
{
    static const char *const priorities[] = {TEST_TLS_1_2, TEST_TLS_1_3};
    for (gsize i = 0; i < G_N_ELEMENTS(priorities); i++) {
        g_autoptr(TestWorld) world = test_world_new(priorities[i]);
        /* Valid in itself: the same CA, the same name. */
        g_autoptr(TestIdentity) other = test_identity_new(&(TestIdentitySpec){
            .name = TEST_HOST, .issuer = world->ca, .dns = test_host_names, .serial = 3});
        g_autoptr(TestServer) server = test_server_new(other, priorities[i]);
        g_autoptr(TestPeer) control_peer =
            test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
        g_autoptr(Channel) control = test_connected(world, control_peer, (ChannelOptions){0});
        test_assert_reads(control, "220");
        g_autoptr(TestPeer) peer = test_peer_start(server, FALSE, NULL, NULL);
        test_assert_handshake_fails(world, peer, (ChannelOptions){.control = control},
                                    FTPSFS_ERROR_TLS,
                                    "another certificate than the control connection");
        test_peer_join(peer);
        g_assert_cmpint(peer->alert, ==, GNUTLS_A_BAD_CERTIFICATE);
    }
}

static void test_key_share(void)
{
    static const struct {
        const char *priority;
        gnutls_group_t group;
    } cases[] = {
        {TEST_TLS_1_3 ":-GROUP-ALL:+GROUP-SECP256R1", GNUTLS_GROUP_SECP256R1},
        {TEST_TLS_1_3 ":-GROUP-ALL:+GROUP-SECP384R1", GNUTLS_GROUP_SECP384R1},
        {TEST_TLS_1_3 ":-GROUP-ALL:+GROUP-X25519", GNUTLS_GROUP_X25519},
        {TEST_TLS_1_3 ":-GROUP-ALL:+GROUP-FFDHE3072", GNUTLS_GROUP_FFDHE3072},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(TestWorld) world = test_world_new(cases[i].priority);
        g_autoptr(TestPeer) control_peer =
            test_peer_start(world->server, FALSE, test_send_text, (gpointer) "220");
        g_autoptr(Channel) control = test_connected(world, control_peer, (ChannelOptions){0});
        g_assert_cmpint((int)channel_group(control), ==, (int)cases[i].group);
        test_assert_reads(control, "220");
        test_peer_join(control_peer);
        /* GnuTLS offers P-256 and X25519 by itself. */
        g_assert_cmpuint(control_peer->retries, ==,
                         cases[i].group == GNUTLS_GROUP_SECP384R1 ||
                             cases[i].group == GNUTLS_GROUP_FFDHE3072);
        /* Resumed or not, a data connection needs no retry. */
        g_autoptr(TestServer) forgetful = test_server_new(world->identity, cases[i].priority);
        const TestServer *servers[] = {world->server, forgetful};
        for (gsize j = 0; j < G_N_ELEMENTS(servers); j++) {
            g_autoptr(TestPeer) peer =
                test_peer_start(servers[j], FALSE, test_send_text, (gpointer) "data");
            g_autoptr(Channel) data =
                test_connected(world, peer, (ChannelOptions){.control = control});
            g_assert_cmpint((int)channel_group(data), ==, (int)cases[i].group);
            test_assert_reads(data, "data");
            test_peer_join(peer);
            g_assert_cmpuint(peer->retries, ==, 0);
        }
    }
}

static void wait_for_client_hello(TestPeer *peer, gpointer data)
{
    guint8 header[5];
    gsize got = 0;
    while (got < sizeof header) {
        gssize more = recv(peer->fd, header + got, sizeof header - got, 0);
        if (more <= 0)
            return;
        got += (gsize)more;
    }
    *(guint8 *)data = header[0];
}

static void test_begin(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    guint8 first = 0;
    g_autoptr(TestPeer) peer = test_peer_start(NULL, FALSE, wait_for_client_hello, &first);
    g_autoptr(Channel) channel = test_open(world, peer, (ChannelOptions){0});
    g_assert_true(channel_handshake_begin(channel, &error));
    g_assert_no_error(error);
    test_peer_join(peer);
    g_assert_cmpuint(first, ==, 22); /* a handshake record came, though nothing was answered */

    g_autoptr(TestPeer) real = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) begun = test_open(world, real, (ChannelOptions){0});
    g_assert_true(channel_handshake_begin(begun, &error));
    g_assert_true(channel_handshake(begun, NULL, &error));
    g_assert_true(channel_write(begun, "z", 1, NULL, &error));
    test_assert_reads(begun, "z");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/channel_handshake/the handshake begins without the peer", test_begin);
    g_test_add_func("/channel_handshake/plain text is told apart and explained", test_plain_text);
    g_test_add_func("/channel_handshake/plain text on a data connection is refused",
                    test_plain_data);
    g_test_add_func("/channel_handshake/TLS 1.1 is refused", test_old_tls);
    g_test_add_func("/channel_handshake/a refused server learns why", test_refused_certificate);
    g_test_add_func("/channel_handshake/a channel that looks believes nobody and writes nothing",
                    test_probe_only);
    g_test_add_func("/channel_handshake/a renegotiation is refused and reading goes on",
                    test_renegotiation);
    g_test_add_func("/channel_handshake/a peer that only warns is given up", test_warnings);
    g_test_add_func("/channel_handshake/a TLS 1.3 key update goes unnoticed", test_key_update);
    g_test_add_func("/channel_handshake/the client certificate is shown", test_client_certificate);
    g_test_add_func("/channel_handshake/a missing client certificate is explained",
                    test_client_certificate_missing);
    g_test_add_func("/channel_handshake/data connections resume in TLS 1.2", test_resume_1_2);
    g_test_add_func("/channel_handshake/data connections resume in TLS 1.3", test_resume_1_3);
    g_test_add_func("/channel_handshake/resumed sessions can be resumed", test_chained_resumption);
    g_test_add_func("/channel_handshake/a session is not resumed when its certificate has expired",
                    test_resumed_expired);
    g_test_add_func("/channel_handshake/nor when it was revoked", test_resumed_revoked);
    g_test_add_func("/channel_handshake/nor when its key is not pinned", test_resumed_pin);
    g_test_add_func("/channel_handshake/a control connection knows when its certificate expires",
                    test_control_expires);
    g_test_add_func("/channel_handshake/without a ticket there is none", test_no_ticket_yet);
    g_test_add_func("/channel_handshake/a ticket that is none does no harm", test_bad_ticket);
    g_test_add_func("/channel_handshake/a data connection may show the same certificate",
                    test_same_certificate_without_resumption);
    g_test_add_func("/channel_handshake/a resumed control connection knows its certificate",
                    test_same_certificate_after_resumed_control);
    g_test_add_func("/channel_handshake/a data connection with another certificate is refused",
                    test_other_certificate);
    g_test_add_func("/channel_handshake/a data connection offers the control connection's group",
                    test_key_share);
    return g_test_run();
}
