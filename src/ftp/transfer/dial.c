/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"

/* An address that has not answered after this shares the rest of the time with the next one. */
#define HEAD_START_MS 250

/* A server's addresses beyond these are not tried. */
#define ADDRESSES_MAX 16

/* One resolution, in a thread of its own: the C library's takes as long as it likes. */
typedef struct {
    GSocketConnectable *name; /* read by the thread */
    GCancellable *stop;
    Lock lock; /* guards what follows */
    GCond cond;
    gboolean done;
    GPtrArray *addresses; /* GSocketAddress */
    GError *failure;
} Lookup;

/* Bytes that the kernel takes of an upload beyond what is on its way: whoever gives its connection
 * up for others has to wait until they are through. */
#define UNSENT_MAX (256 * 1024)

void dial_tune(int fd, guint timeout_s)
{
    int on = 1;
    int idle_s = 30;
    int interval_s = 10;
    int unsent = UNSENT_MAX;
    unsigned user_timeout_ms = timeout_s * 1000;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms) !=
            0)
        g_debug("socket options: %s", g_strerror(errno));
}

static void enumerate(Lookup *lookup)
{
    g_autoptr(GSocketAddressEnumerator) each = g_socket_connectable_enumerate(lookup->name);
    g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GError) failure = NULL;
    while (addresses->len < ADDRESSES_MAX) {
        GSocketAddress *address = g_socket_address_enumerator_next(each, lookup->stop, &failure);
        if (address == NULL)
            break;
        g_ptr_array_add(addresses, address);
    }
    lock_take(&lookup->lock);
    lookup->done = TRUE;
    lookup->addresses = g_steal_pointer(&addresses);
    lookup->failure = g_steal_pointer(&failure);
    g_cond_signal(&lookup->cond);
    lock_release(&lookup->lock);
}

static gpointer enumerate_thread(gpointer data)
{
    enumerate(data);
    return NULL;
}

/* Lets the thread work until the deadline. */
static void enumerate_until(Lookup *lookup, gint64 deadline, GCancellable *cancel)
{
    GThread *thread = g_thread_new("resolver", enumerate_thread, lookup);
    Wait wait;
    wait_begin(&wait, &lookup->cond, &lookup->lock, cancel);
    lock_take(&lookup->lock);
    while (!lookup->done && wait_step(&wait, deadline, "addresses", NULL))
        continue;
    lock_release(&lookup->lock);
    wait_end(&wait);
    /* GLib leaves a resolution that is cancelled to itself and returns at once. */
    g_cancellable_cancel(lookup->stop);
    g_thread_join(thread);
}

static GPtrArray *resolve(const char *host, guint16 port, gint64 deadline, GCancellable *cancel,
                          GError **error)
{
    Lookup lookup = {.name = g_network_address_new(host, port), .stop = g_cancellable_new()};
    lock_init(&lookup.lock, LOCK_RANK_LOOKUP);
    g_cond_init(&lookup.cond);
    if (g_hostname_is_ip_address(host))
        enumerate(&lookup);
    else
        enumerate_until(&lookup, deadline, cancel);
    g_object_unref(lookup.name);
    g_object_unref(lookup.stop);
    lock_clear(&lookup.lock);
    g_cond_clear(&lookup.cond);
    g_autoptr(GPtrArray) addresses = lookup.addresses;
    g_autoptr(GError) failure = lookup.failure;
    if (addresses->len > 0)
        return g_steal_pointer(&addresses);
    if (g_cancellable_is_cancelled(cancel))
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                    "interrupted while looking up %s", host);
    else if (g_get_monotonic_time() >= deadline)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TIMEOUT,
                    "cannot connect to %s port %u: timed out looking up its address", host, port);
    else
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONNECT, "cannot connect to %s port %u: %s",
                    host, port, failure != NULL ? failure->message : "it has no address");
    return NULL;
}

/* Begins to connect; -1 with errno set. */
static int begin(GSocketAddress *address)
{
    struct sockaddr_storage native;
    gssize length = g_socket_address_get_native_size(address);
    if (length < 0 || !g_socket_address_to_native(address, &native, sizeof native, NULL)) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int fd = socket(native.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&native, (socklen_t)length) == 0 || errno == EINPROGRESS)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

/* The connected one among those that poll() found ready, taken out; the failed ones are closed. */
static int collect(GArray *pending, int *failed)
{
    for (guint i = 1; i < pending->len;) {
        struct pollfd *pfd = &g_array_index(pending, struct pollfd, i);
        int so_error = 0;
        socklen_t length = sizeof so_error;
        if (pfd->revents == 0) {
            i++;
            continue;
        }
        int fd = pfd->fd;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &so_error, &length) != 0)
            so_error = errno;
        g_array_remove_index(pending, i);
        if (so_error == 0)
            return fd;
        *failed = so_error;
        close(fd);
    }
    return -1;
}

/* Tries the addresses; `pending` holds the cancellable's descriptor, then the sockets under way. */
static int race(const GPtrArray *addresses, GArray *pending, gint64 deadline, int *failed)
{
    guint next = 0;
    gint64 next_at = 0;
    for (;;) {
        gint64 now = g_get_monotonic_time();
        if (next < addresses->len && (now >= next_at || pending->len == 1)) {
            struct pollfd pfd = {.fd = begin(addresses->pdata[next++]), .events = POLLOUT};
            next_at = now + HEAD_START_MS * 1000;
            if (pfd.fd >= 0)
                g_array_append_val(pending, pfd);
            else
                *failed = errno;
            continue;
        }
        if (pending->len == 1)
            return -1;
        if (now >= deadline) {
            *failed = ETIMEDOUT;
            return -1;
        }
        gint64 until = next < addresses->len ? MIN(deadline, next_at) : deadline;
        struct pollfd *fds = (struct pollfd *)(void *)pending->data;
        if (poll(fds, pending->len, deadline_left_ms(until)) < 0 && errno != EINTR) {
            *failed = errno;
            return -1;
        }
        if (fds[0].revents != 0) {
            *failed = ECANCELED;
            return -1;
        }
        int fd = collect(pending, failed);
        if (fd >= 0)
            return fd;
    }
}

/* What a connection is made to, and by when. */
typedef struct {
    const char *host;
    guint16 port;
    guint timeout_s;
    gint64 deadline; /* timeout_s from the beginning */
} Goal;

/* Connects to the first of `addresses` that answers. */
static int dial_any(const GPtrArray *addresses, const Goal *goal, GCancellable *cancel,
                    GError **error)
{
    GPollFD cancel_poll = {.fd = -1};
    gboolean cancellable = g_cancellable_make_pollfd(cancel, &cancel_poll);
    g_autoptr(GArray) pending = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    struct pollfd first = {.fd = cancellable ? cancel_poll.fd : -1, .events = POLLIN};
    g_array_append_val(pending, first);
    int failed = 0;
    int fd = race(addresses, pending, goal->deadline, &failed);
    if (cancellable)
        g_cancellable_release_fd(cancel);
    for (guint i = 1; i < pending->len; i++)
        close(g_array_index(pending, struct pollfd, i).fd);
    if (fd >= 0) {
        dial_tune(fd, goal->timeout_s);
        return fd;
    }
    FtpsfsErrorCode code = failed == ECANCELED   ? FTPSFS_ERROR_INTERRUPTED
                           : failed == ETIMEDOUT ? FTPSFS_ERROR_TIMEOUT
                                                 : FTPSFS_ERROR_CONNECT;
    g_set_error(error, FTPSFS_ERROR, (gint)code, "cannot connect to %s port %u: %s", goal->host,
                goal->port, failed == ECANCELED ? "interrupted" : g_strerror(failed));
    return -1;
}

int dial(const char *host, guint16 port, guint timeout_s, GCancellable *cancel, GError **error)
{
    Goal goal = {host, port, timeout_s, deadline_in(timeout_s)};
    g_autoptr(GPtrArray) addresses = resolve(host, port, goal.deadline, cancel, error);
    if (addresses == NULL)
        return -1;
    return dial_any(addresses, &goal, cancel, error);
}

GPtrArray *dial_addresses(const char *host, guint16 port, guint timeout_s, GCancellable *cancel,
                          GError **error)
{
    return resolve(host, port, deadline_in(timeout_s), cancel, error);
}

int dial_address(GSocketAddress *address, const char *host, guint16 port, guint timeout_s,
                 GCancellable *cancel, GError **error)
{
    g_autoptr(GPtrArray) one = g_ptr_array_new();
    g_ptr_array_add(one, address);
    Goal goal = {host, port, timeout_s, deadline_in(timeout_s)};
    return dial_any(one, &goal, cancel, error);
}
