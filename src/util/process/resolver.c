/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/helper.h"
#include "ftpsfs/util/sandbox.h"

#define NAME_BYTES    256
#define ADDRESSES_MAX 32
#define NOBODY        65534

/* A question comes with one end of a socket pair of its own, on which its answer is given: so
 * questions wait for each other neither in the helper nor here. */
typedef enum { ASK_HOST, ASK_USER, ASK_GROUP, ASK_USER_NAME, ASK_GROUP_NAME } Kind;

typedef struct {
    Kind kind;
    int family; /* of a host; AF_UNSPEC: both */
    guint32 id; /* of a user or group whose name is wanted */
    char name[NAME_BYTES];
} Question;

typedef struct {
    int code;              /* 0: found; of a host, getaddrinfo's */
    guint32 id;            /* of a user or group, */
    char name[NAME_BYTES]; /* or its name */
    guint count;
    struct sockaddr_in6 addresses[ADDRESSES_MAX]; /* or sockaddr_in, which is smaller */
} Answer;

struct ResolverProcess {
    Helper helper;
    GResolver *previous;
};

/* The helper's side. */

typedef struct {
    Question question;
    int reply;
} Task;

static void find_host(const Question *question, Answer *found)
{
    struct addrinfo hints = {
        .ai_family = question->family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_ADDRCONFIG,
    };
    struct addrinfo *list = NULL;
    found->code = getaddrinfo(question->name, NULL, &hints, &list);
    for (const struct addrinfo *at = list; at != NULL && found->count < ADDRESSES_MAX;
         at = at->ai_next)
        if (at->ai_addrlen <= sizeof found->addresses[0])
            memcpy(&found->addresses[found->count++], at->ai_addr, at->ai_addrlen);
    if (list != NULL)
        freeaddrinfo(list);
}

/* A name that does not fit is none. */
static void answer_account(const char *name, guint32 id, Answer *found)
{
    found->id = id;
    if (name == NULL || g_strlcpy(found->name, name, sizeof found->name) >= sizeof found->name)
        found->code = ENOENT;
}

static void find_user(const Question *question, Answer *found)
{
    char space[16 * 1024];
    struct passwd entry;
    struct passwd *user = NULL;
    if (question->kind == ASK_USER)
        getpwnam_r(question->name, &entry, space, sizeof space, &user);
    else
        getpwuid_r(question->id, &entry, space, sizeof space, &user);
    answer_account(user != NULL ? user->pw_name : NULL, user != NULL ? user->pw_uid : 0, found);
}

static int get_group(const Question *question, struct group *entry, char *space, gsize size,
                     struct group **group)
{
    if (question->kind == ASK_GROUP)
        return getgrnam_r(question->name, entry, space, size, group);
    return getgrgid_r(question->id, entry, space, size, group);
}

/* A group may have many members, and their names take the space. */
static void find_group(const Question *question, Answer *found)
{
    gsize size = 16 * 1024;
    g_autofree char *space = g_malloc(size);
    struct group entry;
    struct group *group = NULL;
    while (get_group(question, &entry, space, size, &group) == ERANGE && size < 1 << 24) {
        size *= 4;
        space = g_realloc(space, size);
    }
    answer_account(group != NULL ? group->gr_name : NULL, group != NULL ? group->gr_gid : 0, found);
}

static gpointer answer(gpointer data)
{
    g_autofree Task *task = data;
    g_autofree Answer *found = g_new0(Answer, 1);
    switch (task->question.kind) {
    case ASK_USER:
    case ASK_USER_NAME:
        find_user(&task->question, found);
        break;
    case ASK_GROUP:
    case ASK_GROUP_NAME:
        find_group(&task->question, found);
        break;
    case ASK_HOST:
        find_host(&task->question, found);
        break;
    default:
        found->code = ENOENT;
        break;
    }
    /* Nobody waits any more when this fails. */
    (void)helper_send(task->reply, found, sizeof *found, -1);
    close(task->reply);
    return NULL;
}

/* Root's helper becomes nobody, whose files are nobody's. */
static gboolean give_up_root(GError **error)
{
    if (geteuid() != 0)
        return TRUE;
    const struct passwd *nobody = getpwnam("nobody");
    uid_t uid = nobody != NULL ? nobody->pw_uid : NOBODY;
    gid_t gid = nobody != NULL ? nobody->pw_gid : NOBODY;
    return sandbox_become(uid, gid, NULL, error);
}

static void let_go_of_the_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int old = 0; fd >= 0 && old <= 2; old++)
        dup2(fd, old);
    if (fd > 2)
        close(fd);
}

typedef struct {
    ResolverTitle title;
    gpointer data;
} Start;

static int run(int socket, int kept, gpointer data)
{
    (void)kept;
    const Start *start = data;
    g_autoptr(GError) error = NULL;
    SandboxOptions options = {.role = SANDBOX_RESOLVES, .files = SANDBOX_SYSTEM};
    setsid();
    start->title(start->data, "looks up names");
    if (!give_up_root(&error) || !sandbox_enter(&options, &error)) {
        g_warning("no process to look up names: %s", error->message);
        return 1;
    }
    let_go_of_the_terminal();
    Task task;
    gssize got;
    while ((got = helper_receive(socket, &task.question, sizeof task.question, &task.reply)) > 0) {
        if (task.reply < 0)
            continue;
        /* Part of a question would be made whole from an earlier one. */
        if (got != sizeof task.question) {
            close(task.reply);
            continue;
        }
        task.question.name[NAME_BYTES - 1] = '\0';
        g_thread_unref(g_thread_new("lookup", answer, g_memdup2(&task, sizeof task)));
    }
    return 0;
}

/* This process's side: a GResolver. */

typedef struct {
    GResolver parent;
    int socket;
} HelperResolver;

typedef struct {
    GResolverClass parent;
} HelperResolverClass;

static GType helper_resolver_get_type(void);
G_DEFINE_TYPE(HelperResolver, helper_resolver, G_TYPE_RESOLVER)

static gboolean ask(int socket, const Question *question, Answer *found, GCancellable *cancel,
                    GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        g_set_error(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_INTERNAL, "no socket: %s",
                    g_strerror(errno));
        return FALSE;
    }
    gboolean sent = helper_send(socket, question, sizeof *question, ends[1]);
    close(ends[1]);
    GPollFD fds[2] = {{.fd = ends[0], .events = G_IO_IN}, {.fd = -1}};
    gboolean cancellable = g_cancellable_make_pollfd(cancel, &fds[1]);
    while (sent && g_poll(fds, cancellable ? 2 : 1, -1) < 0 && errno == EINTR)
        continue;
    if (cancellable)
        g_cancellable_release_fd(cancel);
    gboolean good = !g_cancellable_set_error_if_cancelled(cancel, error);
    if (good && (!sent || recv(ends[0], found, sizeof *found, 0) != sizeof *found)) {
        g_set_error(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_INTERNAL,
                    "the process of ftpsfs that looks up names has ended; mount again");
        good = FALSE;
    }
    close(ends[0]);
    return good;
}

static GList *addresses_of(const Answer *found)
{
    GList *list = NULL;
    for (guint i = 0; i < MIN(found->count, ADDRESSES_MAX); i++) {
        g_autoptr(GSocketAddress) address = g_socket_address_new_from_native(
            (gpointer)(guintptr)&found->addresses[i], sizeof found->addresses[i]);
        if (G_IS_INET_SOCKET_ADDRESS(address))
            list = g_list_append(list, g_object_ref(g_inet_socket_address_get_address(
                                           G_INET_SOCKET_ADDRESS(address))));
    }
    return list;
}

static GList *lookup(GResolver *resolver, const char *host, GResolverNameLookupFlags flags,
                     GCancellable *cancel, GError **error)
{
    Question question = {.family = AF_UNSPEC};
    if (flags & G_RESOLVER_NAME_LOOKUP_FLAGS_IPV4_ONLY)
        question.family = AF_INET;
    if (flags & G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY)
        question.family = AF_INET6;
    g_autofree Answer *found = g_new0(Answer, 1);
    if (g_strlcpy(question.name, host, sizeof question.name) >= sizeof question.name)
        found->code = EAI_NONAME;
    else if (!ask(((HelperResolver *)resolver)->socket, &question, found, cancel, error))
        return NULL;
    GList *list = found->code == 0 ? addresses_of(found) : NULL;
    if (list == NULL)
        g_set_error(error, G_RESOLVER_ERROR,
                    found->code == EAI_AGAIN ? G_RESOLVER_ERROR_TEMPORARY_FAILURE
                                             : G_RESOLVER_ERROR_NOT_FOUND,
                    "the name %s can't be resolved: %s", host,
                    found->code != 0 ? gai_strerror(found->code) : "it has no address");
    return list;
}

static GList *lookup_plain(GResolver *resolver, const char *host, GCancellable *cancel,
                           GError **error)
{
    return lookup(resolver, host, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancel, error);
}

typedef struct {
    char *host;
    GResolverNameLookupFlags flags;
} Lookup;

static void lookup_free(gpointer data)
{
    Lookup *what = data;
    g_free(what->host);
    g_free(what);
}

static void list_free(gpointer list)
{
    g_resolver_free_addresses(list);
}

static void lookup_in_thread(GTask *task, gpointer resolver, gpointer data, GCancellable *cancel)
{
    const Lookup *what = data;
    GError *error = NULL;
    GList *list = lookup(resolver, what->host, what->flags, cancel, &error);
    if (list == NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, list, list_free);
}

static void lookup_async(GResolver *resolver, const char *host, GResolverNameLookupFlags flags,
                         GCancellable *cancel, GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(resolver, cancel, callback, data);
    Lookup *what = g_new0(Lookup, 1);
    what->host = g_strdup(host);
    what->flags = flags;
    g_task_set_task_data(task, what, lookup_free);
    g_task_run_in_thread(task, lookup_in_thread);
}

static void lookup_plain_async(GResolver *resolver, const char *host, GCancellable *cancel,
                               GAsyncReadyCallback callback, gpointer data)
{
    lookup_async(resolver, host, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancel, callback, data);
}

static GList *lookup_finish(GResolver *resolver, GAsyncResult *result, GError **error)
{
    (void)resolver;
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void helper_resolver_init(HelperResolver *resolver)
{
    resolver->socket = -1;
}

static void helper_resolver_class_init(HelperResolverClass *class)
{
    GResolverClass *resolver = G_RESOLVER_CLASS(class);
    resolver->lookup_by_name = lookup_plain;
    resolver->lookup_by_name_async = lookup_plain_async;
    resolver->lookup_by_name_finish = lookup_finish;
    resolver->lookup_by_name_with_flags = lookup;
    resolver->lookup_by_name_with_flags_async = lookup_async;
    resolver->lookup_by_name_with_flags_finish = lookup_finish;
}

ResolverProcess *resolver_start(ResolverTitle title, gpointer data, GError **error)
{
    Start start = {.title = title, .data = data};
    ResolverProcess *process = g_new0(ResolverProcess, 1);
    if (!helper_start(&process->helper, -1, run, &start, error)) {
        g_free(process);
        return NULL;
    }
    g_autoptr(GResolver) resolver = g_object_new(helper_resolver_get_type(), NULL);
    ((HelperResolver *)resolver)->socket = process->helper.socket;
    process->previous = g_resolver_get_default();
    g_resolver_set_default(resolver);
    return process;
}

gboolean resolver_account(ResolverProcess *process, ResolverAccount kind, const char *name,
                          guint32 *id)
{
    Question question = {.kind = kind == RESOLVER_USER ? ASK_USER : ASK_GROUP};
    g_autofree Answer *found = g_new0(Answer, 1);
    g_autoptr(GError) error = NULL;
    if (g_strlcpy(question.name, name, sizeof question.name) >= sizeof question.name)
        return FALSE;
    if (!ask(process->helper.socket, &question, found, NULL, &error)) {
        g_warning("%s: %s", name, error->message);
        return FALSE;
    }
    *id = found->id;
    return found->code == 0;
}

char *resolver_account_name(ResolverProcess *process, ResolverAccount kind, guint32 id)
{
    Question question = {.kind = kind == RESOLVER_USER ? ASK_USER_NAME : ASK_GROUP_NAME, .id = id};
    g_autofree Answer *found = g_new0(Answer, 1);
    g_autoptr(GError) error = NULL;
    if (!ask(process->helper.socket, &question, found, NULL, &error)) {
        g_warning("%u: %s", id, error->message);
        return NULL;
    }
    return found->code == 0 ? g_strndup(found->name, sizeof found->name) : NULL;
}

static void process_free(ResolverProcess *process)
{
    g_resolver_set_default(process->previous);
    g_object_unref(process->previous);
    g_free(process);
}

void resolver_leave(ResolverProcess *process)
{
    if (process == NULL)
        return;
    helper_leave(&process->helper);
    process_free(process);
}

void resolver_stop(ResolverProcess *process)
{
    if (process == NULL)
        return;
    helper_stop(&process->helper);
    process_free(process);
}
