/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_client - for the tests of tls/: a CA with a server and a Trust in it, the client's channels
 * to that server, and what is asserted about them.
 */
#ifndef FTPSFS_TESTS_TLS_CLIENT_H
#define FTPSFS_TESTS_TLS_CLIENT_H

#include "ftpsfs/tls/channel.h"
#include "ftpsfs/util/error.h"
#include "tls_server.h"

#define TEST_HOST    "ftp.example.test"
#define TEST_TLS_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TEST_TLS_1_3 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

extern const char *const test_host_names[]; /* TEST_HOST, NULL */

/* A CA, a server with a certificate by it (serial 2), and a client's Trust in the CA. */
typedef struct {
    TestIdentity *ca, *identity;
    TestServer *server;
    char *dir, *ca_file;
    Trust *trust;
} TestWorld;

TestWorld *test_world_new(const char *server_priority);
void test_world_free(TestWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestWorld, test_world_free)

/* A channel to TEST_HOST port 990; options.host and .port are filled in where they are not set,
 * the timeout is 10 s by default. test_connected makes the handshake, too. */
Channel *test_open(const TestWorld *world, TestPeer *peer, ChannelOptions options);
Channel *test_connected(const TestWorld *world, TestPeer *peer, ChannelOptions options);

/* g_assert_cmpmem has conversions that the compiler warns about. */
void test_assert_bytes(const void *bytes, gsize length, const void *expected,
                       gsize expected_length);
/* The error has the code, and its message these words in it. */
void test_assert_error(const GError *error, FtpsfsErrorCode code, const char *words);
void test_assert_handshake_fails(const TestWorld *world, TestPeer *peer, ChannelOptions options,
                                 FtpsfsErrorCode code, const char *words);
void test_assert_read_fails(Channel *channel, GCancellable *cancel, FtpsfsErrorCode code);
/* One read gives `expected`; "" is the end. */
void test_assert_reads(Channel *channel, const char *expected);

/* Talks: what a server does after the handshake. `text` is the data. */
void test_send_text(TestPeer *peer, gpointer text);
void test_echo(TestPeer *peer, gpointer unused);

#endif
