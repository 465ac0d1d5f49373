/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process that looks up names and the daemon say to each other, in place of util/helper.h.
 * By the first byte: a daemon that a server has taken over asks the process anything, and gets an
 * answer to each whole question and to nothing else; or the process answers the daemon anything.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftpsfs/util/helper.h"
#include "ftpsfs/util/resolver.h"
#include "ftpsfs/util/sandbox.h"
#include "fuzz_common.h"

/* Of more than a process's answer has. */
#define ANSWER_MAX 4096

pid_t __wrap_setsid(void);
int __wrap_dup2(int from, int to);
gboolean __wrap_sandbox_enter(const SandboxOptions *options, GError **error);
gboolean __wrap_sandbox_become(uid_t uid, gid_t gid, const char *name, GError **error);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
void __wrap_freeaddrinfo(struct addrinfo *list);
GThread *__wrap_g_thread_new(const char *name, GThreadFunc func, gpointer data);
void __wrap_g_thread_unref(GThread *thread);

/* The rest of the input. */
static const uint8_t *input;
static size_t left;

static gboolean asks;  /* the input is questions */
static gsize question; /* bytes of a whole one */
static guint due;      /* whole questions that are not answered yet */

/* ---- the process, without what would end this one ---- */

pid_t __wrap_setsid(void)
{
    return 1;
}

int __wrap_dup2(int from, int to)
{
    (void)from;
    return to;
}

gboolean __wrap_sandbox_enter(const SandboxOptions *options, GError **error)
{
    (void)options;
    (void)error;
    return TRUE;
}

gboolean __wrap_sandbox_become(uid_t uid, gid_t gid, const char *name, GError **error)
{
    (void)uid;
    (void)gid;
    (void)name;
    (void)error;
    return TRUE;
}

GThread *__wrap_g_thread_new(const char *name, GThreadFunc func, gpointer data)
{
    (void)name;
    func(data);
    return NULL;
}

void __wrap_g_thread_unref(GThread *thread)
{
    g_assert_null(thread);
}

/* Names have as many addresses as they have letters, of both families. */
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    static struct sockaddr_in v4 = {.sin_family = AF_INET};
    static struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    g_assert_null(service);
    (void)hints;
    if (*node == '\0')
        return EAI_NONAME;
    for (const char *letter = node; *letter != '\0'; letter++) {
        struct addrinfo *one = g_new0(struct addrinfo, 1);
        gboolean six = (*letter & 1) != 0;
        one->ai_addrlen = six ? sizeof v6 : sizeof v4;
        one->ai_addr = six ? (struct sockaddr *)(void *)&v6 : (struct sockaddr *)(void *)&v4;
        one->ai_next = *found;
        *found = one;
    }
    return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        g_free(list);
        list = next;
    }
}

/* ---- helper.h ---- */

gboolean helper_start(Helper *helper, int kept, HelperMain run, gpointer data, GError **error)
{
    (void)error;
    g_assert_cmpint(kept, ==, -1);
    helper->socket = -1;
    if (asks)
        run(-1, -1, data);
    return TRUE;
}

void helper_stop(Helper *helper)
{
    (void)helper;
}

void helper_leave(Helper *helper)
{
    (void)helper;
}

/* A message: two bytes of length, of which the highest bit says that no descriptor comes with it.
 */
gssize helper_receive(int socket, void *data, gsize length, int *fd)
{
    (void)socket;
    *fd = -1;
    if (left < 2)
        return 0;
    gsize told = (input[0] & 0x7fu) * 256u + input[1];
    gboolean bare = (input[0] & 0x80u) != 0;
    input += 2;
    left -= 2;
    gsize size = MIN(MIN(told, left), length);
    memcpy(data, input, size);
    input += size;
    left -= size;
    question = length;
    /* An empty message is the end. */
    bare = bare || size == 0;
    if (!bare)
        *fd = eventfd(0, EFD_CLOEXEC);
    due += !bare && size == length ? 1 : 0;
    return (gssize)size;
}

/* The answer of the process, or the daemon's question, which is answered by the input. */
gboolean helper_send(int socket, const void *data, gsize length, int fd)
{
    (void)socket;
    (void)data;
    if (asks) {
        g_assert_cmpuint(length, >, question);
        g_assert_cmpuint(due, >, 0);
        due--;
        return TRUE;
    }
    /* About as long as an answer is, or as it may be. */
    g_autofree char *answer = g_malloc0(ANSWER_MAX);
    gsize given = MIN(left - 1, ANSWER_MAX);
    memcpy(answer, input + 1, given);
    gsize size = input[0] == 0xff ? given : 1152u + input[0] % 16u;
    return send(fd, answer, size, MSG_NOSIGNAL) >= 0;
}

/* ---- the target ---- */

static void title(gpointer data, const char *text)
{
    (void)data;
    (void)text;
}

static void look_up(ResolverProcess *process)
{
    guint32 id = 0;
    g_autofree char *long_name = g_strnfill(300, 'x');
    g_assert_false(resolver_account(process, RESOLVER_USER, long_name, &id));
    resolver_account(process, RESOLVER_GROUP, "staff", &id);
    g_free(resolver_account_name(process, RESOLVER_USER, 7));
    g_autoptr(GError) error = NULL;
    GResolver *resolver = g_resolver_get_default();
    GList *found = g_resolver_lookup_by_name(resolver, "server.example", NULL, &error);
    g_assert_cmpint(found != NULL, ==, error == NULL);
    for (GList *l = found; l != NULL; l = l->next)
        g_assert_true(G_IS_INET_ADDRESS(l->data));
    g_resolver_free_addresses(found);
    g_object_unref(resolver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    fuzz_quiet();
    asks = (data[0] & 1) != 0;
    input = data + 1;
    left = size - 1;
    due = 0;
    g_autoptr(GError) error = NULL;
    ResolverProcess *process = resolver_start(title, NULL, &error);
    g_assert_no_error(error);
    if (asks)
        g_assert_cmpuint(due, ==, 0);
    else
        look_up(process);
    resolver_stop(process);
    return 0;
}
