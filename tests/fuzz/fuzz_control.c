/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a local user may send to the control socket of a mount: nothing, or an answer that can be
 * read, and the next question is answered as before. The first byte says where the input is cut in
 * two.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ftpsfs/fs/control.h"
#include "ftpsfs/fs/control_path.h"
#include "fuzz_common.h"

#define MOUNTPOINT "/mnt"

static Control *control;
static char *path;
static Stats stats;

static void start(void)
{
    g_autofree char *directory = fuzz_path("ftpsfs");
    g_autofree char *home = g_path_get_dirname(directory);
    g_autoptr(GError) error = NULL;
    fuzz_quiet();
    /* What GLib frees when a thread ends looks like a leak at that moment: none ends. */
    g_thread_pool_set_max_unused_threads(-1);
    g_thread_pool_set_max_idle_time(0);
    g_setenv("XDG_RUNTIME_DIR", home, TRUE);
    ControlAddress place = {.mountpoint = MOUNTPOINT, .uid = geteuid(), .state_dir = directory};
    ControlSubject subject = {
        .stats = &stats, .server = "ftps://user@host/", .rescue_dir = "/lost"};
    control = control_bind(&place, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(control_directory(control), ==, directory);
    path = control_path_socket(directory, MOUNTPOINT);
    control_start(control, &subject);
}

static void send_part(int fd, const void *bytes, gsize length)
{
    /* The other end may have had enough. */
    while (length > 0) {
        ssize_t sent = TEMP_FAILURE_RETRY(send(fd, bytes, length, MSG_NOSIGNAL));
        if (sent <= 0)
            return;
        bytes = (const char *)bytes + sent;
        length -= (gsize)sent;
    }
}

/* Sends, ends, and takes all that comes. */
static GString *ask(const uint8_t *question, gsize length, gsize cut)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    /* The fuzzer's own alarm may come at any time. */
    while (connect(fd, (struct sockaddr *)(void *)&address, sizeof address) != 0)
        g_assert_cmpint(errno, ==, EINTR);
    send_part(fd, question, cut);
    send_part(fd, question + cut, length - cut);
    shutdown(fd, SHUT_WR);
    GString *answer = g_string_new(NULL);
    char buffer[4096];
    ssize_t got;
    while ((got = TEMP_FAILURE_RETRY(recv(fd, buffer, sizeof buffer, 0))) > 0)
        g_string_append_len(answer, buffer, got);
    close(fd);
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char sane[] = "refresh\tpath=/\n";
    if (size == 0)
        return 0;
    if (control == NULL)
        start();
    size_t length = size - 1;
    g_autoptr(GString) answer = ask(data + 1, length, length * data[0] / 255);
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) records = records_from_text(answer->str, answer->len, &error);
    g_assert_no_error(error);
    g_assert_true(answer->len == 0 ||
                  records_count(records, "ok") + records_count(records, "error") == 1);
    g_autoptr(GString) other = ask((const uint8_t *)sane, strlen(sane), 3);
    g_assert_cmpstr(other->str, ==, "ok\tcached?0\n");
    return 0;
}
