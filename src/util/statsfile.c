/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/statsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ftpsfs/util/log.h"
#include "ftpsfs/util/own_file.h"

/* A longer file is somebody else's doing, and is only cut. */
#define BLANKS_MAX (64 * 1024)

struct StatsFile {
    const Stats *stats;
    char *path;    /* NULL: there is none */
    int fd;        /* of it */
    gint stopping; /* atomic */
    GThread *thread;
};

static sigset_t the_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    return set;
}

void statsfile_block(void)
{
    sigset_t set = the_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* In place, as the process can't reach the directory any more: by one write, as long as what it
 * replaces, and the rest is cut off then. Who reads meanwhile finds blanks behind the text. */
static gboolean put(const StatsFile *file, const char *json)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return FALSE;
    if (status.st_nlink == 0) {
        errno = ENOENT;
        return FALSE;
    }
    g_autoptr(GString) text = g_string_new(json);
    gsize length = text->len;
    while (text->len < (gsize)MIN(status.st_size, BLANKS_MAX))
        g_string_append_c(text, ' ');
    return pwrite(file->fd, text->str, text->len, 0) == (ssize_t)text->len &&
           ftruncate(file->fd, (off_t)length) == 0;
}

static void write_file(const StatsFile *file)
{
    if (file->path == NULL)
        return;
    g_autofree char *json = stats_to_json(file->stats);
    errno = ENOSPC;
    if (!put(file, json))
        g_warning("the counters could not be written to %s: %s; %s", file->path, g_strerror(errno),
                  errno == ENOENT ? "a file that was deleted comes back with the next mount"
                                  : "make room there");
}

static gpointer wait_for_signal(gpointer data)
{
    StatsFile *file = data;
    sigset_t set = the_signals();
    for (;;) {
        int got = 0;
        if (sigwait(&set, &got) != 0 || g_atomic_int_get(&file->stopping))
            return NULL;
        if (got == SIGUSR1) {
            log_raise();
            continue;
        }
        g_autofree char *json = stats_to_json(file->stats);
        g_message("%s", json);
        write_file(file);
    }
}

StatsFile *statsfile_open(const char *path, GError **error)
{
    int fd = path != NULL ? own_file_open("stats", path, O_RDWR, error) : -1;
    if (path != NULL && fd < 0)
        return NULL;
    StatsFile *file = g_new0(StatsFile, 1);
    file->path = g_strdup(path);
    file->fd = fd;
    return file;
}

void statsfile_start(StatsFile *file, const Stats *stats)
{
    file->stats = stats;
    write_file(file);
    file->thread = g_thread_new("stats", wait_for_signal, file);
}

void statsfile_stop(StatsFile *file)
{
    if (file == NULL)
        return;
    if (file->thread != NULL) {
        g_atomic_int_set(&file->stopping, TRUE);
        kill(getpid(), SIGUSR2);
        g_thread_join(file->thread);
        write_file(file);
    }
    if (file->fd >= 0)
        close(file->fd);
    g_free(file->path);
    g_free(file);
}
