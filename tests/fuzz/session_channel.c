/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls/channel.h and ftp/transfer/dial.h, played from the script. The server says one piece to each
 * command and, when it is waited for, the next one: so an input has the order of a real exchange,
 * whatever is in its pieces.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftp/transfer/dial.h"
#include "ftpsfs/tls/channel.h"
#include "ftpsfs/util/error.h"
#include "session_commands.h"
#include "session_options.h"
#include "session_server.h"

/* What a data connection does, by the first byte of its piece; any other: all is in order. */
#define DATA_NO_HANDSHAKE 'h'
#define DATA_TRUNCATED    't'
#define DATA_NO_WRITE     'w'
#define DATA_SILENT       's'

/* The caller's buffer is filled in parts of so many bytes. */
#define PART 777

/* No login has more replies. */
#define LOGIN_MAX 16

struct Channel {
    int fd;
    gboolean control;
    gboolean probe_only;
    gboolean ended;  /* nothing comes any more */
    gboolean silent; /* the server says nothing until the wait is over */
    guint due;       /* pieces that the server has to say by now */
    guint again;     /* the next piece of the login that is said once more; LOGIN_MAX: none */
    Piece rest;      /* of the piece that is being read */
    char how;        /* of a data connection */
    gboolean shut;   /* our end was said */
};

static Script *script;
static GHashTable *controls; /* fd -> Channel; borrowed */
static int clear_end = -1;   /* the server's end of a connection before AUTH TLS */

/* What was said on the first connection up to the reply to PWD: said again on later ones, unless
 * the script has a greeting there, or else most inputs would end with their first connection. */
static Piece login[LOGIN_MAX];
static guint login_count;
static guint login_left; /* pieces that still belong to it; G_MAXUINT until PWD was sent */

static void close_clear_end(void)
{
    if (clear_end >= 0)
        close(clear_end);
    clear_end = -1;
}

void server_play(Script *played)
{
    script = played;
    login_count = 0;
    login_left = G_MAXUINT;
    close_clear_end();
    if (controls == NULL)
        controls = g_hash_table_new(NULL, NULL);
    g_assert_cmpuint(g_hash_table_size(controls), ==, 0);
}

int server_socket(gboolean readable)
{
    int fd = eventfd(readable ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

void server_make_readable(int fd)
{
    g_assert_cmpint(eventfd_write(fd, 1), ==, 0);
}

gboolean server_connects(void)
{
    return script->data < script->pieces->len;
}

/* ---- dial.h ---- */

static gboolean out_of_reach(GError **error)
{
    if (script->reply < script->pieces->len)
        return FALSE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONNECT, "the script has ended");
    return TRUE;
}

static void say_in_clear(int fd, const void *text, gsize length)
{
    if (send(fd, text, length, MSG_NOSIGNAL) < 0)
        g_assert_cmpint(errno, ==, EAGAIN);
}

/* A connection on which the server speaks in clear first: a greeting and an answer. */
static int dial_in_clear(void)
{
    int ends[2];
    Piece piece;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==,
                    0);
    static const char again[] = "220 hello\r\n234 go on\r\n";
    gboolean repeated = login_left == 0 && !script_greets(script);
    if (repeated)
        say_in_clear(ends[1], again, strlen(again));
    for (guint i = 0; !repeated && i < 2 && script_next_reply(script, &piece); i++)
        say_in_clear(ends[1], piece.bytes, piece.length);
    close_clear_end();
    clear_end = ends[1];
    shutdown(clear_end, SHUT_WR);
    return ends[0];
}

/* All that was said in clear is the one command. */
static void check_clear_end(void)
{
    char said[64];
    ssize_t length = recv(clear_end, said, sizeof said, 0);
    g_assert_cmpint(length, ==, strlen("AUTH TLS\r\n"));
    g_assert_true(memcmp(said, "AUTH TLS\r\n", (gsize)length) == 0);
    close_clear_end();
}

int dial(const char *host, guint16 port, guint timeout_s, GCancellable *cancel, GError **error)
{
    (void)port;
    (void)timeout_s;
    (void)cancel;
    g_assert_cmpstr(host, ==, SESSION_HOST);
    if (out_of_reach(error))
        return -1;
    return (script->options & SESSION_EXPLICIT) != 0 ? dial_in_clear() : server_socket(TRUE);
}

GPtrArray *dial_addresses(const char *host, guint16 port, guint timeout_s, GCancellable *cancel,
                          GError **error)
{
    (void)host;
    (void)timeout_s;
    (void)cancel;
    if (out_of_reach(error))
        return NULL;
    GPtrArray *addresses = g_ptr_array_new_with_free_func(g_object_unref);
    g_ptr_array_add(addresses, g_inet_socket_address_new_from_string("127.0.0.1", port));
    return addresses;
}

int dial_address(GSocketAddress *address, const char *host, guint16 port, guint timeout_s,
                 GCancellable *cancel, GError **error)
{
    (void)address;
    return dial(host, port, timeout_s, cancel, error);
}

void dial_tune(int fd, guint timeout_s)
{
    (void)timeout_s;
    g_assert_cmpint(fd, >=, 0);
}

/* ---- channel.h: from the beginning to the end ---- */

static void take_data(Channel *channel)
{
    Piece piece = {(const uint8_t *)"", 0};
    script_next_data(script, &piece);
    channel->how = piece.length > 0 ? (char)piece.bytes[0] : '\0';
    channel->rest =
        (Piece){piece.bytes + MIN(piece.length, 1), piece.length - MIN(piece.length, 1)};
}

Channel *channel_new(int fd, Trust *trust, const ChannelOptions *options, GError **error)
{
    (void)trust;
    (void)error;
    Channel *channel = g_new0(Channel, 1);
    channel->fd = fd;
    channel->control = options->control == NULL;
    channel->probe_only = options->probe_only;
    if (clear_end >= 0 && channel->control)
        check_clear_end();
    if (channel->control) {
        g_assert_true(g_hash_table_insert(controls, GINT_TO_POINTER(fd), channel));
        /* The greeting, which after AUTH TLS was said before. */
        channel->due = (script->options & SESSION_EXPLICIT) != 0 ? 0 : 1;
        channel->again = login_left == 0 && !script_greets(script) ? 0 : LOGIN_MAX;
    } else {
        take_data(channel);
    }
    return channel;
}

gboolean channel_handshake_begin(Channel *channel, GError **error)
{
    return channel_handshake(channel, NULL, error);
}

gboolean channel_handshake(Channel *channel, GCancellable *cancel, GError **error)
{
    (void)cancel;
    if (channel->how != DATA_NO_HANDSHAKE)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the server hangs up in the handshake");
    return FALSE;
}

gboolean channel_bye(Channel *channel, GCancellable *cancel, GError **error)
{
    (void)cancel;
    (void)error;
    channel->shut = TRUE;
    return TRUE;
}

void channel_leave(Channel *channel)
{
    channel->shut = TRUE;
}

gboolean channel_drain(Channel *channel, GCancellable *cancel, GError **error)
{
    (void)cancel;
    (void)error;
    channel->ended = TRUE;
    return TRUE;
}

void channel_shutdown(Channel *channel)
{
    channel->ended = TRUE;
}

void channel_reset(Channel *channel)
{
    channel->ended = TRUE;
}

void channel_free(Channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->control)
        g_hash_table_remove(controls, GINT_TO_POINTER(channel->fd));
    close(channel->fd);
    g_free(channel);
}

/* ---- bytes ---- */

static gssize give(Channel *channel, void *buffer, gsize length)
{
    gsize part = MIN(MIN(length, channel->rest.length), PART);
    memcpy(buffer, channel->rest.bytes, part);
    channel->rest.bytes += part;
    channel->rest.length -= part;
    return (gssize)part;
}

static gboolean next_piece(Channel *channel)
{
    if (channel->again < login_count) {
        channel->rest = login[channel->again++];
        return TRUE;
    }
    channel->again = LOGIN_MAX;
    if (!script_next_reply(script, &channel->rest))
        return FALSE;
    if (login_left > 0 && login_count < LOGIN_MAX) {
        login[login_count++] = channel->rest;
        login_left -= login_left == G_MAXUINT ? 0 : 1;
    }
    return TRUE;
}

/* The next piece, if it is due. FALSE: nothing has come, or nothing will. */
static gboolean hear(Channel *channel)
{
    if (channel->due == 0 || channel->silent || channel->ended)
        return FALSE;
    channel->due--;
    if (!next_piece(channel) ||
        (channel->rest.length > 0 && channel->rest.bytes[0] == SCRIPT_CLOSE)) {
        channel->rest.length = 0;
        channel->ended = TRUE;
    }
    channel->silent = !channel->ended && channel->rest.length == 0;
    g_autofree char *said = g_strndup((const char *)channel->rest.bytes, channel->rest.length);
    commands_show('<', channel->ended ? "(closed)" : said);
    return channel->rest.length > 0;
}

gssize channel_read_now(Channel *channel, void *buffer, gsize length, gboolean *would_block,
                        GError **error)
{
    (void)error;
    *would_block = FALSE;
    g_assert_true(channel->control);
    if (channel->rest.length > 0 || hear(channel))
        return give(channel, buffer, length);
    *would_block = !channel->ended;
    return channel->ended ? 0 : -1;
}

gboolean server_awaits(int fd, gboolean *comes)
{
    Channel *channel = g_hash_table_lookup(controls, GINT_TO_POINTER(fd));
    if (channel == NULL)
        return FALSE;
    *comes = !channel->silent;
    channel->silent = FALSE;
    channel->due++;
    return TRUE;
}

gssize channel_read(Channel *channel, void *buffer, gsize length, GCancellable *cancel,
                    GError **error)
{
    (void)cancel;
    g_assert_false(channel->control);
    if (channel->ended) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the connection is closed");
        return -1;
    }
    if (channel->rest.length > 0)
        return give(channel, buffer, length);
    if (channel->how == DATA_TRUNCATED)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TRUNCATED, "no close_notify");
    else if (channel->how == DATA_SILENT)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT, "timed out");
    else
        return 0;
    return -1;
}

gboolean channel_write(Channel *channel, const void *data, gsize length, GCancellable *cancel,
                       GError **error)
{
    (void)cancel;
    g_assert_false(channel->probe_only);
    g_assert_false(channel->shut);
    if (channel->control)
        channel->due += commands_check(data, length);
    if (login_left == G_MAXUINT && memmem(data, length, "PWD\r\n", 5) != NULL)
        login_left = channel->due;
    if (!channel->ended && channel->how != DATA_NO_WRITE)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_LOST, "the connection is closed");
    return FALSE;
}

/* ---- what is to be known of a connection ---- */

int channel_fd(const Channel *channel)
{
    return channel->fd;
}

gsize channel_pending(const Channel *channel)
{
    return channel->rest.length;
}

GBytes *channel_ticket(const Channel *channel)
{
    (void)channel;
    return g_bytes_new_static("ticket", 6);
}

gboolean channel_resumed(const Channel *channel)
{
    return !channel->control;
}

gnutls_group_t channel_group(const Channel *channel)
{
    (void)channel;
    return GNUTLS_GROUP_X25519;
}

char *channel_describe(const Channel *channel)
{
    (void)channel;
    return g_strdup("TLS1.3 of the fuzzer");
}

void channel_facts(const Channel *channel, ChannelFacts *facts)
{
    (void)channel;
    *facts = (ChannelFacts){
        .version = "TLS1.3", .cipher = "TLS_AES_256_GCM_SHA384", .key_share = "X25519"};
}

const GError *channel_verdict(const Channel *channel)
{
    (void)channel;
    return NULL;
}

gboolean channel_disagreed(const Channel *channel)
{
    (void)channel;
    return FALSE;
}

gboolean channel_resumption_refused(const Channel *channel)
{
    (void)channel;
    return FALSE;
}

gboolean channel_has_expired(const Channel *channel)
{
    (void)channel;
    return FALSE;
}

char *channel_find_unmet(const Channel *channel, const Trust *asked)
{
    (void)channel;
    (void)asked;
    return NULL;
}

gboolean channel_check_strength(const Channel *channel, GError **error)
{
    (void)channel;
    (void)error;
    return TRUE;
}

GPtrArray *channel_certificates(const Channel *channel)
{
    (void)channel;
    return g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
}
