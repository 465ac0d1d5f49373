/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/tls/channel.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tls_client.h"

/* Talks: what the server does after the handshake. */

static void send_text_and_bye(TestPeer *peer, gpointer text)
{
    char scrap[64];
    test_peer_send(peer, text, strlen(text));
    gnutls_bye(peer->session, GNUTLS_SHUT_WR);
    test_peer_receive(peer, scrap, sizeof scrap);
}

static void send_text_and_hang_up(TestPeer *peer, gpointer text)
{
    test_peer_send(peer, text, strlen(text));
    test_peer_hang_up(peer);
}

static void just_hang_up(TestPeer *peer, gpointer data)
{
    (void)data;
    test_peer_hang_up(peer);
}

/* Bytes */

static void check_echo(const char *priority, const char *version)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(priority);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, TRUE, test_echo, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_autofree char *description = channel_describe(channel);
    g_assert_nonnull(strstr(description, version));
    g_assert_false(channel_resumed(channel));
    g_assert_cmpint((int)channel_group(channel), !=, GNUTLS_GROUP_INVALID);
    for (int i = 0; i < 3; i++) {
        g_assert_true(channel_write(channel, "NOOP\r\n", 6, NULL, &error));
        test_assert_reads(channel, "NOOP\r\n");
    }
    g_assert_true(channel_bye(channel, NULL, &error));
    g_assert_true(channel_bye(channel, NULL, &error));
    test_assert_reads(channel, "");
    g_assert_no_error(error);
    test_peer_join(peer);
    g_assert_cmpstr(peer->server_name, ==, TEST_HOST);
}

static void test_echo_1_2(void)
{
    check_echo(TEST_TLS_1_2, "TLS1.2");
}

static void test_echo_1_3(void)
{
    check_echo(TEST_TLS_1_3, "TLS1.3");
}

#define BULK_BYTES (3 * 1024 * 1024 + 77)

static guint8 pattern(gsize at)
{
    return (guint8)(at * 31 + (at >> 12));
}

static void send_bulk(TestPeer *peer, gpointer data)
{
    (void)data;
    g_autofree guint8 *bytes = g_malloc(BULK_BYTES);
    char scrap[8];
    for (gsize i = 0; i < BULK_BYTES; i++)
        bytes[i] = pattern(i);
    test_peer_send(peer, bytes, BULK_BYTES);
    gnutls_bye(peer->session, GNUTLS_SHUT_WR);
    test_peer_receive(peer, scrap, sizeof scrap);
}

static void test_download(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, TRUE, send_bulk, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_autofree guint8 *buffer = g_malloc(100000);
    gsize total = 0;
    gssize got;
    while ((got = channel_read(channel, buffer, 100000, NULL, &error)) > 0) {
        for (gsize i = 0; i < (gsize)got; i++)
            if (buffer[i] != pattern(total + i))
                g_error("byte %" G_GSIZE_FORMAT " is wrong", total + i);
        total += (gsize)got;
    }
    g_assert_no_error(error);
    g_assert_cmpuint(total, ==, BULK_BYTES);
    g_assert_true(channel_bye(channel, NULL, &error));
}

static void receive_bulk(TestPeer *peer, gpointer data)
{
    gsize *total = data;
    g_autofree guint8 *buffer = g_malloc(16384);
    gssize got;
    while ((got = test_peer_receive(peer, buffer, 16384)) > 0)
        for (gsize i = 0; i < (gsize)got; i++)
            if (buffer[i] == pattern(*total))
                ++*total;
    if (got == 0)
        gnutls_bye(peer->session, GNUTLS_SHUT_WR);
}

static void test_upload(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    gsize arrived = 0;
    g_autoptr(TestPeer) peer = test_peer_start(world->server, TRUE, receive_bulk, &arrived);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_autofree guint8 *bytes = g_malloc(BULK_BYTES);
    for (gsize i = 0; i < BULK_BYTES; i++)
        bytes[i] = pattern(i);
    g_assert_true(channel_write(channel, bytes, BULK_BYTES, NULL, &error));
    g_assert_true(channel_bye(channel, NULL, &error));
    g_assert_true(channel_drain(channel, NULL, &error));
    g_assert_no_error(error);
    test_peer_join(peer);
    g_assert_cmpuint(arrived, ==, BULK_BYTES);
}

static void send_64k_and_bye(TestPeer *peer, gpointer data)
{
    (void)data;
    g_autofree guint8 *bytes = g_malloc0(65536);
    test_peer_send(peer, bytes, 65536);
    gnutls_bye(peer->session, GNUTLS_SHUT_WR);
}

static void test_one_read_many_records(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, send_64k_and_bye, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_peer_join(peer); /* all of it waits in the socket now, but the socket stays open */
    g_autofree guint8 *buffer = g_malloc(100000);
    g_assert_cmpint(channel_read(channel, buffer, 100000, NULL, &error), ==, 65536);
    /* The close_notify behind it was met, too, and poll will not tell. */
    g_assert_cmpuint(channel_pending(channel), ==, 1);
    gboolean would_block;
    g_assert_cmpint(channel_read_now(channel, buffer, 100000, &would_block, &error), ==, 0);
    g_assert_false(would_block);
    g_assert_cmpuint(channel_pending(channel), ==, 0);
    g_assert_cmpint(channel_read(channel, buffer, 100000, NULL, &error), ==, 0);
    g_assert_no_error(error);
}

static void test_small_buffer(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, test_send_text, (gpointer) "abcdef");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    char buffer[4];
    g_assert_cmpint(channel_read(channel, buffer, 4, NULL, &error), ==, 4);
    g_assert_cmpuint(channel_pending(channel), ==, 2);
    g_assert_cmpint(channel_read(channel, buffer, 4, NULL, &error), ==, 2);
    test_assert_bytes(buffer, 2, "ef", 2);
    g_assert_no_error(error);
}

static void test_read_now(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    char buffer[16];
    gboolean would_block = FALSE;
    g_assert_cmpint(channel_read_now(channel, buffer, sizeof buffer, &would_block, &error), ==, -1);
    g_assert_no_error(error);
    g_assert_true(would_block);
    g_assert_true(channel_write(channel, "x", 1, NULL, &error));
    struct pollfd wait = {.fd = channel_fd(channel), .events = POLLIN};
    gssize got;
    do {
        g_assert_cmpint(poll(&wait, 1, 10000), ==, 1);
        got = channel_read_now(channel, buffer, sizeof buffer, &would_block, &error);
    } while (got < 0 && would_block);
    g_assert_cmpint(got, ==, 1);
}

static void test_not_before_handshake(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(NULL, FALSE, NULL, NULL);
    g_autoptr(Channel) channel = test_open(world, peer, (ChannelOptions){0});
    g_assert_false(channel_write(channel, "PASS secret\r\n", 13, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS);
    test_peer_join(peer);
    char byte;
    g_assert_cmpint(recv(peer->fd, &byte, 1, MSG_DONTWAIT), ==, -1);
}

/* Ends */

static void test_orderly_end(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, send_text_and_bye, (gpointer) "all");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_assert_reads(channel, "all");
    test_assert_reads(channel, "");
    test_assert_reads(channel, "");
}

static void check_truncation(const char *priority)
{
    g_autoptr(TestWorld) world = test_world_new(priority);
    g_autoptr(TestPeer) peer =
        test_peer_start(world->server, FALSE, send_text_and_hang_up, (gpointer) "half");
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_assert_reads(channel, "half");
    test_assert_read_fails(channel, NULL, FTPSFS_ERROR_TRUNCATED);
    test_assert_read_fails(channel, NULL, FTPSFS_ERROR_TRUNCATED);
}

static void test_truncated(void)
{
    check_truncation(TEST_TLS_1_2);
    check_truncation(TEST_TLS_1_3);
}

static void send_64k_and_hang_up(TestPeer *peer, gpointer data)
{
    (void)data;
    g_autofree guint8 *bytes = g_malloc0(65536);
    test_peer_send(peer, bytes, 65536);
    test_peer_hang_up(peer);
}

static void test_truncated_after_bulk(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, send_64k_and_hang_up, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    test_peer_join(peer);
    g_autofree guint8 *buffer = g_malloc(100000);
    g_assert_cmpint(channel_read(channel, buffer, 100000, NULL, &error), ==, 65536);
    g_assert_no_error(error);
    test_assert_read_fails(channel, NULL, FTPSFS_ERROR_TRUNCATED);
}

static void reset(TestPeer *peer, gpointer data)
{
    (void)data;
    char byte;
    if (peer->session != NULL)
        test_peer_receive(peer, &byte, 1);
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    g_assert_cmpint(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), ==, 0);
    test_peer_hang_up(peer);
}

static void test_reset(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, TRUE, reset, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_assert_true(channel_write(channel, "x", 1, NULL, &error));
    test_assert_read_fails(channel, NULL, FTPSFS_ERROR_LOST);
    test_peer_join(peer);
    g_assert_false(channel_write(channel, "x", 1, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST);
    g_clear_error(&error);
    g_assert_false(channel_bye(channel, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST);
}

static void test_end_in_handshake(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) closing = test_peer_start(NULL, FALSE, just_hang_up, NULL);
    test_assert_handshake_fails(world, closing, (ChannelOptions){0}, FTPSFS_ERROR_LOST,
                                "in the TLS handshake");
    g_autoptr(TestPeer) resetting = test_peer_start(NULL, TRUE, reset, NULL);
    test_assert_handshake_fails(world, resetting, (ChannelOptions){0}, FTPSFS_ERROR_LOST,
                                "in the TLS handshake");
}

static void test_drain(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) bulk = test_peer_start(world->server, FALSE, send_bulk, NULL);
    g_autoptr(Channel) first = test_connected(world, bulk, (ChannelOptions){0});
    g_assert_true(channel_bye(first, NULL, &error));
    g_assert_true(channel_drain(first, NULL, &error));
    g_assert_no_error(error);
    g_autoptr(TestPeer) rude =
        test_peer_start(world->server, FALSE, send_text_and_hang_up, (gpointer) "dropped");
    g_autoptr(Channel) second = test_connected(world, rude, (ChannelOptions){0});
    g_assert_true(channel_drain(second, NULL, &error));
    g_assert_no_error(error);
}

/* Waits */

static void wait_for_hang_up(TestPeer *peer, gpointer data)
{
    (void)data;
    char scrap[4096];
    while (recv(peer->fd, scrap, sizeof scrap, 0) > 0)
        ;
}

static void test_silent_handshake(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(NULL, FALSE, wait_for_hang_up, NULL);
    test_assert_handshake_fails(world, peer, (ChannelOptions){.timeout_s = 1}, FTPSFS_ERROR_TIMEOUT,
                                "the TLS handshake with " TEST_HOST " port 990");
}

static void test_silent_read(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.timeout_s = 1});
    test_assert_read_fails(channel, NULL, FTPSFS_ERROR_TIMEOUT);
    /* It is the peer that was slow; the channel is as good as before. */
    g_assert_true(channel_write(channel, "late", 4, NULL, &error));
    test_assert_reads(channel, "late");
}

static void hold(TestPeer *peer, gpointer data)
{
    (void)peer;
    GMutex *released = data;
    g_mutex_lock(released);
    g_mutex_unlock(released);
}

static void test_write_timeout(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    GMutex released;
    g_mutex_init(&released);
    g_mutex_lock(&released);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, hold, &released);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.timeout_s = 1});
    g_autofree guint8 *bytes = g_malloc0(BULK_BYTES);
    g_assert_false(channel_write(channel, bytes, BULK_BYTES, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT);
    g_clear_error(&error);
    /* Half a record is out; what follows it would be taken for the other half. */
    g_assert_false(channel_write(channel, "x", 1, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST);
    g_clear_error(&error);
    g_assert_false(channel_bye(channel, NULL, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST);
    g_mutex_unlock(&released);
    test_peer_join(peer);
    g_mutex_clear(&released);
}

static gpointer cancel_soon(gpointer cancel)
{
    g_usleep(50000);
    g_cancellable_cancel(cancel);
    return NULL;
}

/* The peer takes nothing, and the socket's buffer is full. */
static void test_cancel_bye(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    GMutex released;
    g_mutex_init(&released);
    g_mutex_lock(&released);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, hold, &released);
    /* The timeout is longer than the test may take. */
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){.timeout_s = 3600});
    static const guint8 junk[4096];
    while (send(channel_fd(channel), junk, sizeof junk, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    GThread *thread = g_thread_new("cancel", cancel_soon, cancel);
    g_assert_false(channel_bye(channel, cancel, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_thread_join(thread);
    g_mutex_unlock(&released);
    g_clear_pointer(&channel, channel_free);
    test_peer_join(peer);
    g_mutex_clear(&released);
}

static void test_cancel(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) silent = test_peer_start(NULL, FALSE, wait_for_hang_up, NULL);
    g_autoptr(Channel) waiting = test_open(world, silent, (ChannelOptions){0});
    g_autoptr(GCancellable) first = g_cancellable_new();
    GThread *thread = g_thread_new("cancel", cancel_soon, first);
    g_assert_false(channel_handshake(waiting, first, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_clear_error(&error);
    g_thread_join(thread);

    g_autoptr(TestPeer) peer = test_peer_start(world->server, FALSE, test_echo, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    g_autoptr(GCancellable) second = g_cancellable_new();
    thread = g_thread_new("cancel", cancel_soon, second);
    test_assert_read_fails(channel, second, FTPSFS_ERROR_INTERRUPTED);
    g_thread_join(thread);
    g_assert_false(channel_write(channel, "x", 1, second, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED);
    g_clear_error(&error);
    /* Neither of them did harm. */
    g_assert_true(channel_write(channel, "y", 1, NULL, &error));
    test_assert_reads(channel, "y");
}

static gpointer shut_down_soon(gpointer channel)
{
    g_usleep(50000);
    channel_shutdown(channel);
    return NULL;
}

static void test_shutdown(void)
{
    g_autoptr(TestWorld) world = test_world_new(NULL);
    g_autoptr(TestPeer) peer = test_peer_start(world->server, TRUE, test_echo, NULL);
    g_autoptr(Channel) channel = test_connected(world, peer, (ChannelOptions){0});
    GThread *thread = g_thread_new("shutdown", shut_down_soon, channel);
    test_assert_read_fails(channel, NULL, FTPSFS_ERROR_LOST);
    g_thread_join(thread);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/channel/bytes go both ways in TLS 1.2", test_echo_1_2);
    g_test_add_func("/channel/bytes go both ways in TLS 1.3", test_echo_1_3);
    g_test_add_func("/channel/a large download arrives whole", test_download);
    g_test_add_func("/channel/a large upload arrives whole", test_upload);
    g_test_add_func("/channel/one read takes all records that are there",
                    test_one_read_many_records);
    g_test_add_func("/channel/a small buffer leaves the rest pending", test_small_buffer);
    g_test_add_func("/channel/read_now does not wait", test_read_now);
    g_test_add_func("/channel/nothing is sent before the handshake", test_not_before_handshake);
    g_test_add_func("/channel/close_notify is an orderly end", test_orderly_end);
    g_test_add_func("/channel/an end without close_notify is a truncation", test_truncated);
    g_test_add_func("/channel/a truncation does not hide the bytes before it",
                    test_truncated_after_bulk);
    g_test_add_func("/channel/a reset is a lost connection", test_reset);
    g_test_add_func("/channel/an end in the handshake is a lost connection", test_end_in_handshake);
    g_test_add_func("/channel/drain drops what still comes", test_drain);
    g_test_add_func("/channel/a silent server times the handshake out", test_silent_handshake);
    g_test_add_func("/channel/a silent server times a read out", test_silent_read);
    g_test_add_func("/channel/a server that reads nothing times a write out", test_write_timeout);
    g_test_add_func("/channel/waits can be cancelled", test_cancel);
    g_test_add_func("/channel/waits can be cancelled-bye", test_cancel_bye);
    g_test_add_func("/channel/shutdown ends a read in another thread", test_shutdown);
    return g_test_run();
}
