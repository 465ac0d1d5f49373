/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/statsfile.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/log.h"

struct StatsFile {
    const Stats *stats;
    char *path;
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

/* By rename, so that a reader never finds half a file. */
static void write_file(const StatsFile *file)
{
    g_autofree char *json = stats_to_json(file->stats);
    g_autoptr(GError) error = NULL;
    if (file->path != NULL &&
        !g_file_set_contents_full(file->path, json, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                  &error))
        g_warning("the counters could not be written: %s; mount with another -o stats=",
                  error->message);
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

StatsFile *statsfile_start(const Stats *stats, const char *path)
{
    StatsFile *file = g_new0(StatsFile, 1);
    file->stats = stats;
    file->path = g_strdup(path);
    file->thread = g_thread_new("stats", wait_for_signal, file);
    return file;
}

void statsfile_stop(StatsFile *file)
{
    if (file == NULL)
        return;
    g_atomic_int_set(&file->stopping, TRUE);
    kill(getpid(), SIGUSR2);
    g_thread_join(file->thread);
    write_file(file);
    g_free(file->path);
    g_free(file);
}
