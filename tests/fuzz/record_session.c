/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes an input of fuzz_session from what a real server says: does operations on it and writes
 * down what comes. tests/fuzz/record.py calls it for each of the test servers.
 *
 *   record_session PORT USER PASSWORD OPTIONS OPERATIONS FILE
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ftpsfs/ftp/probe.h"
#include "ftpsfs/tls/channel.h"
#include "session_operations.h"
#include "session_options.h"
#include "session_script.h"

/* A survey, in place of operations. */
#define SURVEY 'V'

/* Of a data connection that ends in order. */
#define IN_ORDER '.'

/* No more of what a data connection brings. */
#define DATA_MAX 2000

Channel *__real_channel_new(int fd, Trust *trust, const ChannelOptions *options, GError **error);
gssize __real_channel_read_now(Channel *channel, void *buffer, gsize length, gboolean *would_block,
                               GError **error);
gssize __real_channel_read(Channel *channel, void *buffer, gsize length, GCancellable *cancel,
                           GError **error);
Channel *__wrap_channel_new(int fd, Trust *trust, const ChannelOptions *options, GError **error);
gssize __wrap_channel_read_now(Channel *channel, void *buffer, gsize length, gboolean *would_block,
                               GError **error);
gssize __wrap_channel_read(Channel *channel, void *buffer, gsize length, GCancellable *cancel,
                           GError **error);
ssize_t __real_recv(int fd, void *buffer, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t length, int flags);

static GString *replies; /* of all control connections, as they came */
static GString *data;    /* pieces */
static gsize data_began; /* where the last piece begins */

static void append(GString *out, const char *bytes, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        gboolean marks = bytes[i] == SCRIPT_REPLY || bytes[i] == SCRIPT_DATA;
        g_string_append_c(out, marks ? '?' : bytes[i]);
    }
}

Channel *__wrap_channel_new(int fd, Trust *trust, const ChannelOptions *options, GError **error)
{
    if (options->control != NULL) {
        data_began = data->len;
        g_string_append_printf(data, "%c%c", SCRIPT_DATA, IN_ORDER);
    }
    return __real_channel_new(fd, trust, options, error);
}

gssize __wrap_channel_read_now(Channel *channel, void *buffer, gsize length, gboolean *would_block,
                               GError **error)
{
    gssize got = __real_channel_read_now(channel, buffer, length, would_block, error);
    if (got > 0)
        append(replies, buffer, (gsize)got);
    return got;
}

gssize __wrap_channel_read(Channel *channel, void *buffer, gsize length, GCancellable *cancel,
                           GError **error)
{
    gssize got = __real_channel_read(channel, buffer, length, cancel, error);
    if (got > 0 && data->len - data_began < DATA_MAX)
        append(data, buffer, MIN((gsize)got, DATA_MAX));
    return got;
}

/* What is said before AUTH TLS is read byte by byte, and nothing else is. */
ssize_t __wrap_recv(int fd, void *buffer, size_t length, int flags)
{
    ssize_t got = __real_recv(fd, buffer, length, flags);
    if (flags == 0 && length == 1 && got == 1)
        append(replies, buffer, 1);
    return got;
}

/* One piece for each whole reply: "123 " ends what "123-" has begun. */
static void append_pieces(GString *out)
{
    g_auto(GStrv) lines = g_strsplit(replies->str, "\n", -1);
    char open[5] = "";
    g_string_append_c(out, SCRIPT_REPLY);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        g_string_append_printf(out, "%s\n", *line);
        gboolean begins = strlen(*line) > 3 && (*line)[3] == '-';
        if (*open == '\0' && begins)
            g_snprintf(open, sizeof open, "%.3s ", *line);
        gboolean ends = *open == '\0' || g_str_has_prefix(*line, open);
        if (ends)
            *open = '\0';
        if (ends && line[1] != NULL && *line[1] != '\0')
            g_string_append_c(out, SCRIPT_REPLY);
    }
}

static void allow(const char *path)
{
    (void)path;
}

static gboolean run(const RemoteOptions *options, Trust *trust, const char *operations,
                    GError **error)
{
    Stats stats = {0};
    ProbeTrust trusts = {.any = trust};
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Records) records = records_new();
    if (*operations == SURVEY)
        return probe_login(options, &trusts, TRUE, NULL, records, error);
    g_autoptr(Remote) remote = remote_new(options, trust, &stats, NULL, error);
    for (const char *letter = operations; remote != NULL && *letter != '\0'; letter++)
        operation_run(remote, *letter, names, allow);
    return remote != NULL;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return EXIT_FAILURE;
    guint byte = (guint)atoi(argv[4]);
    replies = g_string_new(NULL);
    data = g_string_new(NULL);
    RemoteOptions options;
    session_options(byte, &options);
    secret_unref(options.password);
    options.host = "127.0.0.1";
    options.port = (guint16)atoi(argv[1]);
    options.user = argv[2];
    options.password = secret_new(argv[3], -1);
    options.timeout_s = 5;
    TrustOptions believes = {.verify = TRUST_VERIFY_NONE};
    g_autoptr(GError) error = NULL;
    g_autoptr(Trust) trust = trust_new(&believes, &error);
    if (trust == NULL || !run(&options, trust, argv[5], &error))
        g_printerr("%s: %s\n", argv[5], error->message);

    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out, "%c%s", (char)(byte ^ SCRIPT_NOTHING), argv[5]);
    append_pieces(out);
    g_string_append_len(out, data->str, (gssize)data->len);
    gboolean written = g_file_set_contents(argv[6], out->str, (gssize)out->len, NULL);
    session_options_clear(&options);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
