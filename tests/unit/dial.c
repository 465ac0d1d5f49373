/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftp/transfer/dial.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_S 7

/* A resolver that gives what a list says, one string a lookup. */
typedef struct {
    GResolver parent;
    const char *const *answers; /* addresses parted by commas */
    guint lookups;
} Answers;

typedef struct {
    GResolverClass parent;
} AnswersClass;

G_DEFINE_TYPE(Answers, answers, G_TYPE_RESOLVER)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answers, g_object_unref)

static GList *look_up(GResolver *resolver, const char *name, GCancellable *cancel, GError **error)
{
    (void)name;
    (void)cancel;
    (void)error;
    Answers *answers = (Answers *)resolver;
    const char *answer = answers->answers[answers->lookups++];
    g_auto(GStrv) words = g_strsplit(answer, ",", -1);
    GList *list = NULL;
    for (char **word = words; *word != NULL; word++)
        list = g_list_append(list, g_inet_address_new_from_string(*word));
    return list;
}

static void answers_class_init(AnswersClass *class)
{
    G_RESOLVER_CLASS(class)->lookup_by_name = look_up;
}

static void answers_init(Answers *answers)
{
    (void)answers;
}

static int listen_on(const char *address, guint16 *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t length = sizeof name;
    g_assert_cmpint(inet_pton(AF_INET, address, &name.sin_addr), ==, 1);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&name, length), ==, 0);
    g_assert_cmpint(listen(fd, 8), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&name, &length), ==, 0);
    *port = ntohs(name.sin_port);
    return fd;
}

static void assert_peer(int fd, const char *address)
{
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    char text[INET_ADDRSTRLEN];
    g_assert_cmpint(getpeername(fd, (struct sockaddr *)&name, &length), ==, 0);
    inet_ntop(AF_INET, &name.sin_addr, text, sizeof text);
    g_assert_cmpstr(text, ==, address);
}

static int dial_or_fail(const char *host, guint16 port)
{
    g_autoptr(GError) error = NULL;
    int fd = dial(host, port, TIMEOUT_S, NULL, &error);
    g_assert_no_error(error);
    return fd;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    g_assert_cmpint(getsockopt(fd, level, name, &value, &length), ==, 0);
    return value;
}

static void test_tuned(void)
{
    guint16 port = 0;
    int listener = listen_on("127.0.0.1", &port);
    int fd = dial_or_fail("127.0.0.1", port);
    g_assert_cmpint(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), ==, TIMEOUT_S * 1000);
    g_assert_cmpint(option(fd, SOL_SOCKET, SO_KEEPALIVE), ==, 1);
    g_assert_cmpint(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), ==, 30);
    g_assert_cmpint(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), ==, 10);
    g_assert_cmpint(option(fd, IPPROTO_TCP, TCP_NODELAY), ==, 1);
    close(fd);
    close(listener);
}

static Answers *use_answers(const char *const *list)
{
    Answers *answers = g_object_new(answers_get_type(), NULL);
    answers->answers = list;
    g_resolver_set_default(G_RESOLVER(answers));
    return answers;
}

static void test_resolved_anew(void)
{
    static const char *const list[] = {"127.0.0.1", "127.0.0.2"};
    guint16 port = 0;
    int old = listen_on("127.0.0.1", &port);
    int new = listen_on("127.0.0.2", &port);
    g_autoptr(GResolver) before = g_resolver_get_default();
    g_autoptr(Answers) answers = use_answers(list);
    int fd = dial_or_fail("server.test", port);
    assert_peer(fd, "127.0.0.1");
    close(fd);
    fd = dial_or_fail("server.test", port);
    assert_peer(fd, "127.0.0.2");
    close(fd);
    g_assert_cmpuint(answers->lookups, ==, 2);
    g_resolver_set_default(before);
    close(old);
    close(new);
}

static void test_all_addresses(void)
{
    static const char *const list[] = {"127.0.0.2,127.0.0.3,127.0.0.1"};
    guint16 port = 0;
    int listener = listen_on("127.0.0.1", &port);
    g_autoptr(GResolver) before = g_resolver_get_default();
    g_autoptr(Answers) answers = use_answers(list);
    int fd = dial_or_fail("server.test", port);
    assert_peer(fd, "127.0.0.1");
    close(fd);
    g_assert_cmpuint(answers->lookups, ==, 1);
    g_resolver_set_default(before);
    close(listener);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dial/the kernel is to notice a peer that is gone", test_tuned);
    g_test_add_func("/dial/a name is resolved anew each time", test_resolved_anew);
    g_test_add_func("/dial/all addresses are tried until one answers", test_all_addresses);
    return g_test_run();
}
