/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls_client.h"

#include <string.h>

const char *const test_host_names[] = {TEST_HOST, NULL};

TestWorld *test_world_new(const char *server_priority)
{
    g_autoptr(GError) error = NULL;
    TestWorld *world = g_new0(TestWorld, 1);
    world->ca = test_identity_new(&(TestIdentitySpec){.name = "Test CA", .ca = TRUE});
    world->identity = test_identity_new(&(TestIdentitySpec){
        .name = TEST_HOST, .issuer = world->ca, .dns = test_host_names, .serial = 2});
    world->server = test_server_new(world->identity, server_priority);
    world->dir = g_dir_make_tmp("tls-XXXXXX", &error);
    g_assert_no_error(error);
    world->ca_file = test_save_certificate(world->ca, world->dir, "ca.pem");
    world->trust = trust_new(&(TrustOptions){.ca_file = world->ca_file}, &error);
    g_assert_no_error(error);
    return world;
}

void test_world_free(TestWorld *world)
{
    if (world == NULL)
        return;
    trust_unref(world->trust);
    test_server_free(world->server);
    test_identity_free(world->identity);
    test_identity_free(world->ca);
    test_remove_dir(world->dir);
    g_free(world->ca_file);
    g_free(world->dir);
    g_free(world);
}

Channel *test_open(const TestWorld *world, TestPeer *peer, ChannelOptions options)
{
    g_autoptr(GError) error = NULL;
    if (options.host == NULL)
        options.host = TEST_HOST;
    if (options.port == 0)
        options.port = 990;
    if (options.timeout_s == 0)
        options.timeout_s = 10;
    Channel *channel = channel_new(peer->client_fd, world->trust, &options, &error);
    g_assert_no_error(error);
    return channel;
}

Channel *test_connected(const TestWorld *world, TestPeer *peer, ChannelOptions options)
{
    g_autoptr(GError) error = NULL;
    Channel *channel = test_open(world, peer, options);
    gboolean done = channel_handshake(channel, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(done);
    return channel;
}

void test_assert_bytes(const void *bytes, gsize length, const void *expected, gsize expected_length)
{
    g_assert_cmpuint(length, ==, expected_length);
    g_assert_cmpint(memcmp(bytes, expected, length), ==, 0);
}

void test_assert_error(const GError *error, FtpsfsErrorCode code, const char *words)
{
    g_assert_error(error, FTPSFS_ERROR, (gint)code);
    if (strstr(error->message, words) == NULL)
        g_error("\"%s\" is not in \"%s\"", words, error->message);
}

void test_assert_handshake_fails(const TestWorld *world, TestPeer *peer, ChannelOptions options,
                                 FtpsfsErrorCode code, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Channel) channel = test_open(world, peer, options);
    g_assert_false(channel_handshake(channel, NULL, &error));
    /* Until the peer has the alert the connection stays open. */
    if (peer->server != NULL)
        test_peer_join(peer);
    test_assert_error(error, code, words);
}

void test_assert_read_fails(Channel *channel, GCancellable *cancel, FtpsfsErrorCode code)
{
    g_autoptr(GError) error = NULL;
    char buffer[64];
    g_assert_cmpint(channel_read(channel, buffer, sizeof buffer, cancel, &error), ==, -1);
    g_assert_error(error, FTPSFS_ERROR, (gint)code);
}

void test_assert_reads(Channel *channel, const char *expected)
{
    g_autoptr(GError) error = NULL;
    char buffer[64];
    gssize got = channel_read(channel, buffer, sizeof buffer, NULL, &error);
    g_assert_no_error(error);
    test_assert_bytes(buffer, (gsize)got, expected, strlen(expected));
}

void test_send_text(TestPeer *peer, gpointer text)
{
    test_peer_send(peer, text, strlen(text));
}

void test_echo(TestPeer *peer, gpointer unused)
{
    (void)unused;
    char buffer[16384];
    gssize got;
    while ((got = test_peer_receive(peer, buffer, sizeof buffer)) > 0)
        test_peer_send(peer, buffer, (gsize)got);
    if (got == 0)
        gnutls_bye(peer->session, GNUTLS_SHUT_WR);
}
