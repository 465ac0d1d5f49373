/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

/* Requests that block on the server must not keep others from the cache. */
#define MAX_THREADS    64
#define MAX_BACKGROUND 128

Node *fs_node(fuse_req_t req, fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? tree_root(fs_of(req)->tree) : (Node *)ino;
}

static void on_interrupt(fuse_req_t req, void *data)
{
    interrupts_ask(&fs_of(req)->interrupts, GPOINTER_TO_SIZE(data));
}

FsCancellable *fs_cancellable(fuse_req_t req)
{
    gsize number;
    FsCancellable *cancel = interrupts_begin(&fs_of(req)->interrupts, &number);
    fuse_req_interrupt_func(req, on_interrupt, GSIZE_TO_POINTER(number));
    return cancel;
}

/* Has the watch over the unmount look at what goes on. */
static void wake_watch(const Fs *fs)
{
    guint64 one = 1;
    if (write(fs->wake_fd, &one, sizeof one) < 0)
        g_warning("eventfd: %s", g_strerror(errno));
}

static void cancel_too(GCancellable *ended, gpointer cancel)
{
    (void)ended;
    g_cancellable_cancel(cancel);
}

gulong fs_go_on(Fs *fs, FsCancellable *cancel)
{
    interrupts_detach(cancel);
    if (g_atomic_int_add(&fs->behind, 1) == 0)
        wake_watch(fs);
    return g_cancellable_connect(fs->ended, G_CALLBACK(cancel_too), g_object_ref(cancel),
                                 g_object_unref);
}

void fs_went_on(Fs *fs, gulong handler)
{
    g_cancellable_disconnect(fs->ended, handler);
    g_atomic_int_add(&fs->behind, -1);
}

/* libfuse wants to hear of max_read twice: as mount option, and here. */
static unsigned max_read_of(const GPtrArray *options)
{
    for (guint i = 0; i < options->len; i++) {
        const char *option = g_ptr_array_index(options, i);
        if (g_str_has_prefix(option, "max_read="))
            return (unsigned)g_ascii_strtoull(option + strlen("max_read="), NULL, 10);
    }
    return 0;
}

static void fs_init(void *userdata, struct fuse_conn_info *conn)
{
    const Fs *fs = userdata;
    conn->max_read = max_read_of(fs->options.fuse_options);
    conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ |
                                   FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS);
    /* Attributes cost nothing here: the listing brings them. */
    conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
    /* What readlink says is right only for the place that the link has right now. */
    conn->want &= ~(unsigned)FUSE_CAP_CACHE_SYMLINKS;
    conn->max_background = MAX_BACKGROUND;
    conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
    conn->max_write = 1024 * 1024;
    conn->max_readahead = 1024 * 1024;
}

static struct fuse_session *new_session(Fs *fs)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_lowlevel_ops ops = {.init = fs_init};
    fs_names_register(&ops);
    fs_directories_register(&ops);
    fs_files_register(&ops, fs);
    fs_attributes_register(&ops);
    if (remote_is_read_only(fs->remote))
        fs_read_only_register(&ops, fs);

    char *options = NULL;
    int failed = fuse_opt_add_arg(&args, "ftpsfs");
    for (guint i = 0; i < fs->options.fuse_options->len; i++)
        failed |=
            fuse_opt_add_opt_escaped(&options, g_ptr_array_index(fs->options.fuse_options, i));
    failed |= fuse_opt_add_arg(&args, "-o");
    failed |= fuse_opt_add_arg(&args, options);
    free(options);
    if (fs->options.debug)
        failed |= fuse_opt_add_arg(&args, "-d");
    struct fuse_session *session =
        failed == 0 ? fuse_session_new(&args, &ops, sizeof ops, fs) : NULL;
    fuse_opt_free_args(&args);
    return session;
}

void fs_free(Fs *fs)
{
    if (fs == NULL)
        return;
    if (fs->signals)
        fuse_remove_signal_handlers(fs->session);
    if (fs->mounted)
        fuse_session_unmount(fs->session);
    if (fs->session != NULL)
        fuse_session_destroy(fs->session);
    g_hash_table_unref(fs->directories);
    interrupts_clear(&fs->interrupts);
    g_object_unref(fs->ended);
    if (fs->wake_fd >= 0)
        close(fs->wake_fd);
    lock_clear(&fs->lock);
    g_free(fs);
}

Fs *fs_mount(Remote *remote, Tree *tree, Files *files, const FsOptions *options, GError **error)
{
    g_autoptr(Fs) fs = g_new0(Fs, 1);
    fs->options = *options;
    lock_init(&fs->lock, LOCK_RANK_FS);
    interrupts_init(&fs->interrupts);
    fs->ended = g_cancellable_new();
    fs->wake_fd = -1;
    fs->directories = g_hash_table_new_full(NULL, NULL, fs_directory_handle_free, NULL);
    fs->remote = remote;
    fs->tree = tree;
    fs->files = files;
    fs->session = new_session(fs);
    if (fs->session == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "libfuse does not take the mount options; see its message above");
        return NULL;
    }
    fs->signals = fuse_set_signal_handlers(fs->session) == 0;
    fs->mounted = fuse_session_mount(fs->session, options->mountpoint) == 0;
    if (!fs->mounted) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "%s can't be mounted on; see the message above", options->mountpoint);
        return NULL;
    }
    return g_steal_pointer(&fs);
}

/* How long an operation that goes on behind its reply may not know of a signal: libfuse's handlers
 * tell none but the loop, which waits for all that goes on. */
#define WAKE_MS 200

/* Notices the unmount while the loop still serves what the kernel has left over: files that are
 * released then are uploaded, and that shall not go on for ever. */
typedef struct {
    Fs *fs;
    gint over; /* the loop has ended */
} Watch;

static gpointer watch_unmount(gpointer data)
{
    Watch *watch = data;
    Fs *fs = watch->fs;
    struct pollfd fds[2] = {{.fd = fuse_session_fd(fs->session)}, /* POLLERR comes unasked */
                            {.fd = fs->wake_fd, .events = POLLIN}};
    while (fds[0].revents == 0 && !g_atomic_int_get(&watch->over)) {
        gboolean wake = g_atomic_int_get(&fs->behind) > 0 && !g_cancellable_is_cancelled(fs->ended);
        int ready = poll(fds, 2, wake ? WAKE_MS : -1);
        guint64 count;
        if (ready > 0 && fds[1].revents != 0 && read(fs->wake_fd, &count, sizeof count) < 0)
            g_warning("eventfd: %s", g_strerror(errno));
        if (ready < 0)
            fds[0].revents = 0; /* EINTR */
        if (fuse_session_exited(fs->session))
            g_cancellable_cancel(fs->ended);
    }
    g_cancellable_cancel(fs->ended);
    files_begin_end(fs->files);
    return NULL;
}

static void end_watch(Watch *watch, GThread *thread)
{
    g_atomic_int_set(&watch->over, TRUE);
    wake_watch(watch->fs);
    g_thread_join(thread);
}

#if FUSE_USE_VERSION >= 312
static int serve_by_threads(struct fuse_session *session, gboolean clone_fd)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, MAX_THREADS);
    fuse_loop_cfg_set_clone_fd(config, clone_fd ? 1 : 0);
    int result = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return result;
}
#else
/* libfuse before 3.12 starts as many threads as there are requests. It ends those that it has too
 * many of when they are idle, and the limit holds for them. */
static int serve_by_threads(struct fuse_session *session, gboolean clone_fd)
{
    struct fuse_loop_config config = {.clone_fd = clone_fd, .max_idle_threads = MAX_THREADS};
    return fuse_session_loop_mt(session, &config);
}
#endif

/* The loop, with the signals let in for which libfuse has handlers: this thread takes them alone.
 */
static int loop(Fs *fs)
{
    sigset_t ours;
    sigset_t before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    /* Each thread opens /dev/fuse for itself, where this user may. */
    gboolean clone_fd = access("/dev/fuse", R_OK | W_OK) == 0;
    pthread_sigmask(SIG_UNBLOCK, &ours, &before);
    int result = serve_by_threads(fs->session, clone_fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

gboolean fs_serve(Fs *fs)
{
    Watch watch = {.fs = fs};
    fs->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (fs->wake_fd < 0) {
        g_warning("eventfd: %s", g_strerror(errno));
        return FALSE;
    }
    GThread *watcher = g_thread_new("unmount", watch_unmount, &watch);
    int result = loop(fs);
    end_watch(&watch, watcher);
    /* A signal's number is no failure. */
    if (result < 0)
        g_warning("the FUSE loop ended: %s", g_strerror(-result));
    return result >= 0;
}

const char *fs_library_version(void)
{
    return fuse_pkgversion();
}
