/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/fs/mounter.h"

#define FUSE_USE_VERSION 314

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/helper.h"
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

/* libfuse writes the owner of the mount as the caller's real user: so root's helper becomes USER as
 * far as that goes, and stays root for what it does. */
static gboolean own_mount(const MounterOptions *options)
{
    if (geteuid() != 0)
        return TRUE;
    return setresgid(options->gid, 0, 0) == 0 && setresuid(options->uid, 0, 0) == 0;
}

static struct fuse_session *new_session(const GPtrArray *options)
{
    static const struct fuse_lowlevel_ops none;
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    char *joined = NULL;
    int failed = fuse_opt_add_arg(&args, "ftpsfs");
    for (guint i = 0; i < options->len; i++)
        failed |= fuse_opt_add_opt_escaped(&joined, g_ptr_array_index(options, i));
    failed |= fuse_opt_add_arg(&args, "-o");
    failed |= fuse_opt_add_arg(&args, joined);
    free(joined);
    struct fuse_session *session =
        failed == 0 ? fuse_session_new(&args, &none, sizeof none, NULL) : NULL;
    fuse_opt_free_args(&args);
    return session;
}

static struct fuse_session *mount_session(const MounterOptions *options)
{
    struct fuse_session *session = new_session(options->fuse_options);
    if (session == NULL)
        return NULL;
    if (fuse_session_mount(session, options->mountpoint) == 0)
        return session;
    fuse_session_destroy(session);
    return NULL;
}

static void let_go_of_the_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int old = 0; fd >= 0 && old <= 2; old++)
        dup2(fd, old);
    if (fd > 2)
        close(fd);
}

/* Gives up what unmounting does not take, and being USER, who could end a process of that name. A
 * user's helper has no capabilities, and fusermount3 that it will start needs its own, which
 * no_new_privs would not give it: there is nothing to give up. */
static void keep_little(void)
{
    SandboxOptions sandbox = {
        .role = SANDBOX_UNMOUNTS,
        .capabilities = KEPT_CAPABILITIES,
        .files = SANDBOX_OPEN, /* Landlock would forbid to unmount */
    };
    g_autoptr(GError) error = NULL;
    if (geteuid() != 0)
        return;
    if (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0)
        g_warning("the process that unmounts stays another user's as well: %s", g_strerror(errno));
    if (!sandbox_enter(&sandbox, &error))
        g_warning("%s", error->message);
}

/* Whether the daemon wants it before it ends. */
static gboolean hears(int socket, char word)
{
    char heard = '\0';
    return helper_receive(socket, &heard, 1, NULL) == 1 && heard == word;
}

static int run(int socket, gpointer data)
{
    const Start *start = data;
    const MounterOptions *options = start->options;
    start->title(start->data, "mounts and unmounts");
    if (!hears(socket, WORD_MOUNT))
        return 0;
    /* Still in the process group that mount(8) was started in: it alone is let through to a
     * mountpoint of autofs, where others wait for this very mount. */
    struct fuse_session *session = own_mount(options) ? mount_session(options) : NULL;
    setsid();
    char answer = session != NULL ? ANSWER_GOOD : ANSWER_BAD;
    int fd = session != NULL ? fuse_session_fd(session) : -1;
    if (!helper_send(socket, &answer, 1, fd) || session == NULL) {
        if (session != NULL)
            fuse_session_unmount(session);
        return 1;
    }
    if (options->background)
        let_go_of_the_terminal();
    keep_little();
    if (hears(socket, WORD_UNMOUNT)) {
        /* Looks first whether it is still mounted. */
        fuse_session_unmount(session);
        fuse_session_destroy(session);
    }
    return 0;
}

/* This process's side. */

Mounter *mounter_start(const MounterOptions *options, MounterTitle title, gpointer data,
                       GError **error)
{
    Start start = {.options = options, .title = title, .data = data};
    Mounter *mounter = g_new0(Mounter, 1);
    mounter->fd = -1;
    if (!helper_start(&mounter->helper, run, &start, error)) {
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
