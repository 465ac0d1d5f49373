/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ftpsfs/util/lock.h"

typedef enum { PHASE_STARTING, PHASE_SERVING, PHASE_SETTLING } Phase;

struct Signals {
    pthread_t server;
    GThread *thread;
    int fd;      /* a signalfd */
    int over_fd; /* an eventfd, readable in the end */
    Lock lock;   /* guards what follows */
    Phase phase;
    Files *files; /* or NULL */
};

/* Those that are not ignored, as by nohup(1). */
static sigset_t the_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, numbers[i]);
    }
    return set;
}

void signals_block(void)
{
    sigset_t set = the_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void end_program(int number)
{
    sigset_t set = the_signals();
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static void take(Signals *signals, int number)
{
    lock_take(&signals->lock);
    Phase phase = signals->phase;
    if (phase == PHASE_SERVING)
        pthread_kill(signals->server, number);
    if (phase == PHASE_SETTLING && signals->files != NULL)
        files_give_up(signals->files);
    lock_release(&signals->lock);
    if (phase == PHASE_STARTING)
        end_program(number);
}

static gpointer wait_for_signals(gpointer data)
{
    Signals *signals = data;
    struct pollfd fds[2] = {{.fd = signals->over_fd, .events = POLLIN},
                            {.fd = signals->fd, .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo info;
        if (poll(fds, 2, -1) < 0 && errno == EINTR)
            continue;
        if (fds[0].revents != 0)
            return NULL;
        /* The thread that serves may have been faster. */
        if (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info)
            take(signals, (int)info.ssi_signo);
    }
}

Signals *signals_start(void)
{
    Signals *signals = g_new0(Signals, 1);
    sigset_t set = the_signals();
    lock_init(&signals->lock, LOCK_RANK_SIGNALS);
    signals->server = pthread_self();
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->over_fd = eventfd(0, EFD_CLOEXEC);
    signals->thread = g_thread_new("signals", wait_for_signals, signals);
    return signals;
}

static void set_phase(Signals *signals, Phase phase, Files *files)
{
    lock_take(&signals->lock);
    signals->phase = phase;
    signals->files = files;
    lock_release(&signals->lock);
}

void signals_serve(Signals *signals)
{
    set_phase(signals, PHASE_SERVING, NULL);
}

void signals_drain(Signals *signals, Files *files)
{
    set_phase(signals, PHASE_SETTLING, files);
}

void signals_stop(Signals *signals)
{
    if (signals == NULL)
        return;
    guint64 one = 1;
    if (write(signals->over_fd, &one, sizeof one) < 0)
        g_warning("eventfd: %s", g_strerror(errno));
    g_thread_join(signals->thread);
    close(signals->fd);
    close(signals->over_fd);
    lock_clear(&signals->lock);
    g_free(signals);
}
