/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/fs/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fs_private.h"
#include "ftpsfs/fs/control_path.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/guard.h"
#include "ftpsfs/util/lock.h"
#include "ftpsfs/util/wait.h"
#include "ftpsfs/util/workers.h"
#include "report.h"

/* For a question to come and for its answer to be taken. */
#define EXCHANGE_S 5

/* Questions at once; each waits for its answer in a thread. More are sent away. */
#define QUESTIONS_MAX 16

#define QUESTION_BYTES (16 * 1024)
#define BACKLOG        16

struct Control {
    char *mountpoint;
    char *directory;
    char *path;
    struct stat bound; /* of the socket, to tell it from a later one of the same name */
    int fd;
    int wake_fd;
    gint64 started;  /* microseconds since 1970 */
    GThread *thread; /* NULL: not started */
    Workers *workers;
    Lock lock; /* guards what follows */
    GCond changed;
    ControlSubject subject;
    guint asking;      /* connections that are being answered */
    guint using_fs;    /* those that use subject.fs now */
    guint using_files; /* those that use subject.files and what is below */
    gboolean ending;   /* the mount has ended, and the threads are to */
};

/* One connection. */
typedef struct {
    Control *control;
    int fd;
} Asker;

/* ---- the socket ---- */

static gboolean fail(GError **error, const char *what, const char *path)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "%s %s: %s", what, path,
                g_strerror(errno));
    return FALSE;
}

/* Makes the directory if need be; nobody else may have a say in it. */
static gboolean own_directory(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0700) != 0)
        return fail(error, "the directory", path);
    return guard_directory(path, error);
}

/* The socket of a mount that was killed, or of one that this one is put on top of, makes room. */
static gboolean bind_socket(Control *control, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, control->path, sizeof address.sun_path);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0)
        return fail(error, "a socket for", control->path);
    if (unlink(control->path) != 0 && errno != ENOENT)
        return fail(error, "the old socket", control->path);
    if (bind(control->fd, (struct sockaddr *)(void *)&address, sizeof address) != 0 ||
        chmod(control->path, 0600) != 0 || lstat(control->path, &control->bound) != 0 ||
        listen(control->fd, BACKLOG) != 0)
        return fail(error, "the socket", control->path);
    return TRUE;
}

static void free_control(Control *control)
{
    if (control->fd >= 0)
        close(control->fd);
    if (control->wake_fd >= 0)
        close(control->wake_fd);
    g_cond_clear(&control->changed);
    lock_clear(&control->lock);
    g_free(control->mountpoint);
    g_free(control->directory);
    g_free(control->path);
    g_free(control);
}

static gboolean bind_in(Control *control, const char *directory, GError **error)
{
    g_autofree char *path = control_path_socket(directory, control->mountpoint);
    if (path == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "%s: too long a name for a socket below it", directory);
        return FALSE;
    }
    g_free(control->path);
    control->path = g_steal_pointer(&path);
    if (own_directory(directory, error) && bind_socket(control, error)) {
        control->directory = g_strdup(directory);
        return TRUE;
    }
    if (control->fd >= 0)
        close(control->fd);
    control->fd = -1;
    return FALSE;
}

Control *control_bind(const ControlAddress *address, GError **error)
{
    Control *control = g_new0(Control, 1);
    control->fd = -1;
    control->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    control->mountpoint = g_strdup(address->mountpoint);
    control->started = g_get_real_time();
    lock_init(&control->lock, LOCK_RANK_CONTROL);
    g_cond_init(&control->changed);
    g_auto(GStrv) directories = control_path_directories(address->uid, address->state_dir);
    g_autoptr(GError) failure = NULL;
    for (char **directory = directories; *directory != NULL; directory++) {
        g_clear_error(&failure);
        if (bind_in(control, *directory, &failure))
            return control;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    free_control(control);
    return NULL;
}

const char *control_directory(const Control *control)
{
    return control->directory;
}

static void unlink_socket(const Control *control)
{
    struct stat now;
    if (lstat(control->path, &now) == 0 && now.st_ino == control->bound.st_ino &&
        now.st_dev == control->bound.st_dev && unlink(control->path) != 0)
        g_info("%s is left behind: %s", control->path, g_strerror(errno));
}

/* ---- one question ---- */

/* The kernel's word on who has connected. */
static gboolean may_ask(int fd, char **who)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return FALSE;
    *who = g_strdup_printf("user %u (process %d)", (guint)peer.uid, peer.pid);
    return peer.uid == geteuid() || peer.uid == 0;
}

static gboolean send_all(int fd, const char *text, gsize length, GError **error)
{
    gint64 deadline = deadline_in(EXCHANGE_S);
    while (length > 0) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return fail(error, "the answer", "can't be sent");
        if (sent < 0) {
            if (!wait_fd(fd, POLLOUT, deadline, NULL, "the answer to be taken", error))
                return FALSE;
            continue;
        }
        text += sent;
        length -= (gsize)sent;
    }
    return TRUE;
}

/* Reads up to the line's end. */
static Records *receive_question(int fd, GError **error)
{
    gint64 deadline = deadline_in(EXCHANGE_S);
    g_autoptr(GString) line = g_string_new(NULL);
    char buffer[1024];
    while (line->len <= QUESTION_BYTES && memchr(line->str, '\n', line->len) == NULL) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got == 0)
            break;
        if (got > 0) {
            g_string_append_len(line, buffer, got);
        } else if (errno != EAGAIN && errno != EINTR) {
            fail(error, "the question", "can't be read");
            return NULL;
        } else if (!wait_fd(fd, POLLIN, deadline, NULL, "the question", error)) {
            return NULL;
        }
    }
    return records_from_text(line->str, line->len, error);
}

/* Borrows the Files for one question; NULL when the mount has ended. */
static Files *use_files(Control *control)
{
    lock_take(&control->lock);
    Files *files = control->subject.files;
    control->using_files += files != NULL ? 1 : 0;
    lock_release(&control->lock);
    return files;
}

static Fs *use_fs(Control *control)
{
    lock_take(&control->lock);
    Fs *fs = control->subject.fs;
    control->using_fs += fs != NULL ? 1 : 0;
    lock_release(&control->lock);
    return fs;
}

static void end_use(Control *control, guint *count)
{
    lock_take(&control->lock);
    (*count)--;
    g_cond_broadcast(&control->changed);
    lock_release(&control->lock);
}

void control_report(Control *control, Records *into)
{
    Files *files = use_files(control);
    lock_take(&control->lock);
    ControlSubject subject = control->subject;
    lock_release(&control->lock);
    records_begin(into, "ok");
    /* Without files the rest is on its way out too. */
    subject.files = files;
    if (files == NULL)
        subject.remote = NULL;
    report_gather(&subject, control->mountpoint, control->started, into);
    if (files != NULL)
        end_use(control, &control->using_files);
}

static void answer_flush(Control *control, Records *answer)
{
    Files *files = use_files(control);
    guint failed = files != NULL ? files_flush(files) : 0;
    if (files != NULL)
        end_use(control, &control->using_files);
    records_begin(answer, "ok");
    records_add_number(answer, "failed", failed);
}

static void answer_refresh(Control *control, const char *path, Records *answer)
{
    Fs *fs = use_fs(control);
    gboolean known = fs != NULL && path != NULL && fs_refresh(fs, path);
    if (fs != NULL)
        end_use(control, &control->using_fs);
    records_begin(answer, "ok");
    records_add_flag(answer, "cached", known);
}

/* Waits until control_stop, or until nobody waits for it any more. */
static void answer_end(Control *control, int fd, Records *answer)
{
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    lock_take(&control->lock);
    while (!control->ending && poll(&gone, 1, 0) == 0)
        lock_wait_until(&control->changed, &control->lock, deadline_in(1));
    records_begin(answer, "ok");
    records_add_number(answer, "lost", STATS_GET(control->subject.stats, files_lost));
    records_add_text(answer, "lost_dir", control->subject.rescue_dir);
    lock_release(&control->lock);
}

static void answer_question(Control *control, int fd, const Records *question, Records *answer)
{
    const Record *refresh = records_get(question, "refresh", 0);
    if (records_count(question, "status") > 0)
        control_report(control, answer);
    else if (records_count(question, "flush") > 0)
        answer_flush(control, answer);
    else if (refresh != NULL)
        answer_refresh(control, records_text(refresh, "path"), answer);
    else if (records_count(question, "end") > 0)
        answer_end(control, fd, answer);
    else {
        records_begin(answer, "error");
        records_add_text(answer, "message", "the mount runs another version of ftpsfs");
    }
}

static void serve_asker(gpointer data)
{
    g_autofree Asker *asker = data;
    Control *control = asker->control;
    g_autoptr(GError) error = NULL;
    g_autoptr(Records) question = receive_question(asker->fd, &error);
    if (question != NULL) {
        g_autoptr(Records) answer = records_new();
        answer_question(control, asker->fd, question, answer);
        g_autofree char *text = records_to_text(answer);
        send_all(asker->fd, text, strlen(text), &error);
    }
    if (error != NULL)
        g_debug("the control socket: %s", error->message);
    close(asker->fd);
    end_use(control, &control->asking);
}

/* ---- the thread ---- */

static void accept_one(Control *control)
{
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    g_autofree char *who = NULL;
    if (!may_ask(fd, &who)) {
        g_message("%s was refused at the control socket, which is for the mount's user and root",
                  who != NULL ? who : "somebody");
        close(fd);
        return;
    }
    lock_take(&control->lock);
    gboolean room = control->asking < QUESTIONS_MAX && !control->ending;
    control->asking += room ? 1 : 0;
    lock_release(&control->lock);
    if (!room) {
        g_info("%s was sent away from the control socket: too many questions at once", who);
        close(fd);
        return;
    }
    Asker asker = {.control = control, .fd = fd};
    workers_run(control->workers, serve_asker, g_memdup2(&asker, sizeof asker));
}

static gpointer serve(gpointer data)
{
    Control *control = data;
    for (;;) {
        struct pollfd fds[2] = {
            {.fd = control->fd, .events = POLLIN},
            {.fd = control->wake_fd, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            g_warning("the control socket is not served any more: %s; mount again to have it back",
                      g_strerror(errno));
            return NULL;
        }
        if (fds[1].revents != 0)
            return NULL;
        if (fds[0].revents != 0)
            accept_one(control);
    }
}

void control_start(Control *control, const ControlSubject *subject)
{
    control->subject = *subject;
    control->workers = workers_new(QUESTIONS_MAX);
    control->thread = g_thread_new("control", serve, control);
}

void control_leave_fs(Control *control)
{
    if (control == NULL)
        return;
    lock_take(&control->lock);
    control->subject.fs = NULL;
    while (control->using_fs > 0)
        lock_wait(&control->changed, &control->lock);
    lock_release(&control->lock);
}

void control_leave_files(Control *control)
{
    if (control == NULL)
        return;
    lock_take(&control->lock);
    control->subject.files = NULL;
    while (control->using_files > 0)
        lock_wait(&control->changed, &control->lock);
    control->subject.remote = NULL;
    lock_release(&control->lock);
}

static void end_threads(Control *control)
{
    lock_take(&control->lock);
    control->ending = TRUE;
    g_cond_broadcast(&control->changed);
    lock_release(&control->lock);
    guint64 one = 1;
    if (write(control->wake_fd, &one, sizeof one) < 0)
        g_debug("the control thread could not be woken: %s", g_strerror(errno));
    g_thread_join(control->thread);
    workers_free(control->workers);
}

void control_stop(Control *control)
{
    if (control == NULL)
        return;
    /* Before the threads end: who finds a socket is to get an answer. */
    unlink_socket(control);
    if (control->thread != NULL)
        end_threads(control);
    free_control(control);
}
