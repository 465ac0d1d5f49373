/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

typedef enum { PHASE_STARTING, PHASE_SERVING, PHASE_SETTLING, PHASE_OVER } Phase;

struct Signals {
    pthread_t server;
    GThread *thread;
    GMutex lock; /* guards what follows */
    Phase phase;
    Files *files; /* or NULL */
};

static sigset_t the_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
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

/* FALSE: no more are waited for. */
static gboolean take(Signals *signals, int number)
{
    g_mutex_lock(&signals->lock);
    Phase phase = signals->phase;
    if (phase == PHASE_SERVING)
        pthread_kill(signals->server, number);
    if (phase == PHASE_SETTLING && signals->files != NULL)
        files_give_up(signals->files);
    g_mutex_unlock(&signals->lock);
    if (phase == PHASE_STARTING)
        end_program(number);
    return phase != PHASE_OVER;
}

static gpointer wait_for_signals(gpointer data)
{
    sigset_t set = the_signals();
    int number = 0;
    while (sigwait(&set, &number) == 0 && take(data, number))
        continue;
    return NULL;
}

Signals *signals_start(void)
{
    Signals *signals = g_new0(Signals, 1);
    g_mutex_init(&signals->lock);
    signals->server = pthread_self();
    signals->thread = g_thread_new("signals", wait_for_signals, signals);
    return signals;
}

static void set_phase(Signals *signals, Phase phase, Files *files)
{
    g_mutex_lock(&signals->lock);
    signals->phase = phase;
    signals->files = files;
    g_mutex_unlock(&signals->lock);
}

void signals_enter(Signals *signals)
{
    set_phase(signals, PHASE_SERVING, NULL);
    sigset_t set = the_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void signals_settle(Signals *signals, Files *files)
{
    set_phase(signals, PHASE_SETTLING, files);
}

void signals_stop(Signals *signals)
{
    if (signals == NULL)
        return;
    set_phase(signals, PHASE_OVER, NULL);
    kill(getpid(), SIGHUP);
    g_thread_join(signals->thread);
    g_mutex_clear(&signals->lock);
    g_free(signals);
}
