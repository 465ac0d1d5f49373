/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/fs/mounter.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "ftpsfs/fs/mount_place.h"
#include "ftpsfs/util/error.h"
#include "ftpsfs/util/helper.h"
#include "ftpsfs/util/mounts.h"
#include "ftpsfs/util/sandbox.h"

/* The two words that the helper hears, and its two answers. */
#define WORD_MOUNT   'm'
#define WORD_UNMOUNT 'u'
#define ANSWER_GOOD  'g'
#define ANSWER_BAD   'b'

/* umount2(2), and finding the mountpoint in directories that are closed to root without them. */
#define KEPT_CAPABILITIES                                                                          \
    (1ULL << CAP_SYS_ADMIN | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_DAC_OVERRIDE)

struct Mounter {
    Helper helper;
    char *mountpoint;
    int fd; /* /dev/fuse, until fs_mount has it; -1 */
};

/* The helper's side. */

typedef struct {
    const MounterOptions *options;
    MounterTitle title;
    gpointer data;
} Start;

/* What is mounted. */
typedef struct {
    struct fuse_session *session;
    MountPlace *place; /* NULL: it is not there any more */
    int watched;       /* /dev/fuse, to notice that others have unmounted; -1: no more */
} Mounted;

static void mounted_clear(Mounted *mounted)
{
    g_clear_pointer(&mounted->place, mount_place_free);
    g_clear_pointer(&mounted->session, fuse_session_destroy);
    mounted->watched = -1;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Mounted, mounted_clear)

/* libfuse writes the owner of the mount as the caller's real user: so root's helper becomes USER as
 * far as that goes, and stays root for what it does. */
static gboolean own_mount(const MounterOptions *options)
{
    if (geteuid() != 0)
        return TRUE;
    return setresgid(options->gid, 0, 0) == 0 && setresuid(options->uid, 0, 0) == 0;
}

/* USER, whose process this is as long as that is so, could end it by a signal. */
static void own_no_more(void)
{
    if (geteuid() == 0 && (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0))
        g_warning("the process that unmounts stays the user's: %s", g_strerror(errno));
}

/* As root this process does by itself what fusermount3 does for auto_unmount: that one would take
 * root's mountpoint by its path, unchecked. */
static gboolean unmounts_itself(const MounterOptions *options)
{
    const GPtrArray *words = options->fuse_options;
    gboolean wanted = FALSE;
    for (guint i = 0; i < words->len; i++)
        wanted |= g_str_equal(g_ptr_array_index(words, i), "auto_unmount");
    return wanted && geteuid() == 0;
}

static struct fuse_session *new_session(const MounterOptions *options)
{
    static const struct fuse_lowlevel_ops none;
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    gboolean unmounts = unmounts_itself(options);
    char *joined = NULL;
    int failed = fuse_opt_add_arg(&args, "ftpsfs");
    for (guint i = 0; i < options->fuse_options->len; i++) {
        const char *option = g_ptr_array_index(options->fuse_options, i);
        if (!unmounts || !g_str_equal(option, "auto_unmount"))
            failed |= fuse_opt_add_opt_escaped(&joined, option);
    }
    failed |= fuse_opt_add_arg(&args, "-o");
    failed |= fuse_opt_add_arg(&args, joined);
    free(joined);
    struct fuse_session *session =
        failed == 0 ? fuse_session_new(&args, &none, sizeof none, NULL) : NULL;
    fuse_opt_free_args(&args);
    return session;
}

/* Whether the directory that was checked is still where the user said. */
static gboolean has_stayed(const MounterOptions *options, int held)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = mounts_fd_name(held, &error);
    if (name == NULL)
        g_warning("%s", error->message);
    else if (!g_str_equal(name, options->mountpoint))
        g_warning("the mountpoint %s was moved while the server was logged in to, and is %s now",
                  options->mountpoint, name);
    else
        return TRUE;
    return FALSE;
}

/* Mounts over the directory that was checked, `held`, whatever its path leads to by now. To libfuse
 * it is the working directory: as root's it is mounted over as such. fusermount3, for a user, looks
 * up its name once more, with that user's rights, so that the place is looked at afterwards. */
static gboolean mount_over(const MounterOptions *options, int held, Mounted *mounted)
{
    g_autoptr(GError) error = NULL;
    struct fuse_session *session = new_session(options);
    if (session == NULL || !has_stayed(options, held) || fchdir(held) != 0 || !own_mount(options) ||
        fuse_session_mount(session, ".") != 0) {
        if (session != NULL)
            fuse_session_destroy(session);
        return FALSE;
    }
    own_no_more();
    mounted->session = session;
    mounted->watched = fuse_session_fd(session);
    mounted->place = mount_place_above(held, &error);
    if (mounted->place == NULL)
        g_warning("%s", error->message);
    return mounted->place != NULL;
}

/* The directories of the mount shall be free once it is gone. */
static void let_go_of_the_mountpoint(int held)
{
    if (chdir("/") != 0)
        g_warning("the directory / can't be entered: %s", g_strerror(errno));
    close(held);
}

static void let_go_of_the_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int old = 0; fd >= 0 && old <= 2; old++)
        dup2(fd, old);
    if (fd > 2)
        close(fd);
}

/* Gives up what unmounting does not take. A user's helper has no capabilities, and fusermount3 that
 * it will start needs its own, which no_new_privs would not give it: there is nothing to give up.
 */
static void keep_little(void)
{
    SandboxOptions sandbox = {
        .role = SANDBOX_UNMOUNTS,
        .capabilities = KEPT_CAPABILITIES,
        .files = SANDBOX_OPEN, /* Landlock would forbid to unmount */
    };
    g_autoptr(GError) error = NULL;
    if (geteuid() == 0 && !sandbox_enter(&sandbox, &error))
        g_warning("%s", error->message);
}

/* Whether the daemon wants it before it ends. */
static gboolean hears(int socket, char word)
{
    char heard = '\0';
    return helper_receive(socket, &heard, 1, NULL) == 1 && heard == word;
}

/* Waits for a word or the daemon's end. When others unmount meanwhile, the directory above is not
 * kept in use until then: the daemon may have much to upload first. An error on /dev/fuse may also
 * be an end of the connection alone. */
static void wait_for_word(int socket, Mounted *mounted)
{
    struct pollfd fds[2] = {{.fd = socket, .events = POLLIN}, {.fd = mounted->watched}};
    while (fds[0].revents == 0) {
        if (poll(fds, 2, -1) < 0) {
            if (errno != EINTR)
                return; /* then it hears the word alone */
            fds[0].revents = fds[1].revents = 0;
        }
        if (fds[1].revents == 0)
            continue;
        fds[1].fd = -1;
        fds[1].revents = 0;
        if (!mount_place_holds(mounted->place))
            g_clear_pointer(&mounted->place, mount_place_free);
    }
}

static void unmount(Mounted *mounted)
{
    g_autoptr(GError) error = NULL;
    /* Before: what waits for the file system to answer would wait for this process. */
    g_clear_pointer(&mounted->session, fuse_session_destroy);
    if (mounted->place != NULL && !mount_place_unmount(mounted->place, MNT_DETACH, &error))
        g_info("%s", error->message);
}

static int run(int socket, int held, gpointer data)
{
    const Start *start = data;
    const MounterOptions *options = start->options;
    g_auto(Mounted) mounted = {.watched = -1};
    start->title(start->data, "mounts and unmounts");
    if (!hears(socket, WORD_MOUNT))
        return 0;
    /* Still in the process group that mount(8) was started in: it alone is let through to a
     * mountpoint of autofs, where others wait for this very mount. */
    gboolean good = mount_over(options, held, &mounted);
    let_go_of_the_mountpoint(held);
    setsid();
    char answer = good ? ANSWER_GOOD : ANSWER_BAD;
    if (!helper_send(socket, &answer, 1, good ? mounted.watched : -1) || !good) {
        if (good)
            unmount(&mounted);
        return 1;
    }
    if (options->background)
        let_go_of_the_terminal();
    gboolean unmounts = unmounts_itself(options);
    keep_little();
    wait_for_word(socket, &mounted);
    if (hears(socket, WORD_UNMOUNT) || unmounts)
        unmount(&mounted);
    return 0;
}

/* This process's side. */

Mounter *mounter_start(const MounterOptions *options, MounterTitle title, gpointer data,
                       GError **error)
{
    Start start = {.options = options, .title = title, .data = data};
    Mounter *mounter = g_new0(Mounter, 1);
    mounter->fd = -1;
    if (!helper_start(&mounter->helper, options->mountpoint_fd, run, &start, error)) {
        g_free(mounter);
        return NULL;
    }
    mounter->mountpoint = g_strdup(options->mountpoint);
    return mounter;
}

char *mounter_mount(Mounter *mounter, GError **error)
{
    char word = WORD_MOUNT;
    char answer = ANSWER_BAD;
    gboolean good = helper_send(mounter->helper.socket, &word, 1, -1) &&
                    helper_receive(mounter->helper.socket, &answer, 1, &mounter->fd) == 1 &&
                    answer == ANSWER_GOOD && mounter->fd >= 0;
    if (good)
        return g_strdup_printf("/dev/fd/%d", mounter->fd);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "%s can't be mounted on; see the message above", mounter->mountpoint);
    return NULL;
}

int mounter_socket(const Mounter *mounter)
{
    return mounter->helper.socket;
}

void mounter_free(Mounter *mounter)
{
    if (mounter == NULL)
        return;
    char word = WORD_UNMOUNT;
    /* A helper that never mounted, or is gone, does not hear it. */
    if (mounter->fd >= 0 && !helper_send(mounter->helper.socket, &word, 1, -1))
        g_warning("%s can't be unmounted, as the process for that is gone: umount %s",
                  mounter->mountpoint, mounter->mountpoint);
    helper_stop(&mounter->helper);
    g_free(mounter->mountpoint);
    g_free(mounter);
}

void mounter_leave(Mounter *mounter)
{
    if (mounter == NULL)
        return;
    helper_leave(&mounter->helper);
    g_free(mounter->mountpoint);
    g_free(mounter);
}
