/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "ftpsfs/util/plain.h"

#define LINE_MAX_BYTES 4096 /* what a terminal's line discipline holds */

/*
 * The signals are blocked while echo is off and only looked at through a signalfd, not taken from
 * it. So they stay pending, and after echo is back unblocking lets them do what they would have
 * done: no handler, and nothing global that a handler would need.
 */
typedef struct {
    int terminal;
    int signals;
    struct termios saved;
    sigset_t watched;
    sigset_t previous_mask;
    char line[LINE_MAX_BYTES];
    gsize length;
} Prompt;

typedef enum { ASK_ANSWERED, ASK_SIGNALLED, ASK_FAILED } AskResult;

static void set_echo(const Prompt *prompt, const struct termios *settings)
{
    while (tcsetattr(prompt->terminal, TCSAFLUSH, settings) != 0 && errno == EINTR)
        continue;
}

/* All of a short text; a terminal that takes no text shows in the read that follows. */
static void show(const Prompt *prompt, const char *text)
{
    gsize done = 0;
    while (done < strlen(text)) {
        gssize count = write(prompt->terminal, text + done, strlen(text) - done);
        if (count < 0 && errno != EINTR)
            return;
        done += count > 0 ? (gsize)count : 0;
    }
}

/* Those whose disposition is "ignore" are left alone: nohup must not end the question. */
static void choose_signals(sigset_t *watched)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};
    sigemptyset(watched);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(watched, numbers[i]);
    }
}

/* Reads on until the line is complete. */
static AskResult read_line(Prompt *prompt)
{
    prompt->length = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = prompt->terminal, .events = POLLIN},
                                {.fd = prompt->signals, .events = POLLIN}};
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
            return ASK_FAILED;
        if ((fds[1].revents & POLLIN) != 0)
            return ASK_SIGNALLED;
        if (fds[0].revents == 0)
            continue;
        gssize count = read(prompt->terminal, prompt->line + prompt->length,
                            sizeof(prompt->line) - prompt->length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return ASK_FAILED;
        prompt->length += (gsize)count;
        if (prompt->line[prompt->length - 1] == '\n') {
            prompt->length--;
            return ASK_ANSWERED;
        }
        if (prompt->length == sizeof(prompt->line))
            return ASK_FAILED;
    }
}

/* Asks once. *stopped: the signal was SIGTSTP alone, and the process goes on now. */
static AskResult ask(Prompt *prompt, const char *text, gboolean *stopped)
{
    struct termios silent = prompt->saved;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ICANON | ISIG;
    pthread_sigmask(SIG_BLOCK, &prompt->watched, &prompt->previous_mask);
    set_echo(prompt, &silent);
    show(prompt, text);
    AskResult result = read_line(prompt);
    set_echo(prompt, &prompt->saved);
    show(prompt, "\n");

    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    sigandset(&pending, &pending, &prompt->watched);
    gboolean stop = sigismember(&pending, SIGTSTP) == 1;
    sigdelset(&pending, SIGTSTP);
    *stopped = result == ASK_SIGNALLED && stop && sigisemptyset(&pending);
    pthread_sigmask(SIG_SETMASK, &prompt->previous_mask, NULL);
    return result;
}

static Secret *answer(Prompt *prompt, const char *text, GError **error)
{
    AskResult result;
    gboolean stopped;
    do {
        result = ask(prompt, text, &stopped);
    } while (stopped);
    if (result == ASK_ANSWERED)
        return secret_new(prompt->line, (gssize)prompt->length);
    if (result == ASK_SIGNALLED)
        g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_INTERRUPTED,
                            "interrupted while waiting for the password");
    else
        g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                            "no password was entered on the terminal");
    return NULL;
}

Secret *prompt_password(const char *text, GError **error)
{
    Prompt prompt = {.terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
    if (prompt.terminal < 0 || tcgetattr(prompt.terminal, &prompt.saved) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND, "there is no terminal: %s",
                    g_strerror(errno));
        if (prompt.terminal >= 0)
            close(prompt.terminal);
        return NULL;
    }
    Secret *password = NULL;
    choose_signals(&prompt.watched);
    prompt.signals = signalfd(-1, &prompt.watched, SFD_CLOEXEC);
    if (prompt.signals >= 0) {
        /* The user's name may be a link's. */
        g_autofree char *plain = plain_text(text);
        password = answer(&prompt, plain, error);
        close(prompt.signals);
    } else {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "the password can't be asked for: %s",
                    g_strerror(errno));
    }
    secret_wipe(prompt.line, sizeof(prompt.line));
    close(prompt.terminal);
    return password;
}
