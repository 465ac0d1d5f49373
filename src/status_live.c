/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live view: the page of status.c in the terminal's other screen, twice a second. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "status.h"

#define REFRESH_MS 500

/* The other screen, no cursor, and a line that is too long is cut: two rows would push the first
 * out.
 */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define CLEAR "\033[J"
#define BLANK "\033[K"

typedef struct {
    struct termios before; /* of the terminal */
    gboolean keys;         /* `before` is to be put back */
    int signals;           /* signalfd, or -1 */
} Screen;

static void screen_enter(Screen *screen)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    screen->signals = signalfd(-1, &set, SFD_CLOEXEC);
    screen->keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (screen->keys) {
        struct termios raw = screen->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs(ENTER, stdout);
}

static void screen_leave(const Screen *screen)
{
    fputs(LEAVE, stdout);
    fflush(stdout);
    if (screen->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    if (screen->signals >= 0)
        close(screen->signals);
}

/* Draws as much as fits; each line is cleared first, so that nothing flickers. */
static void draw(const char *page)
{
    struct winsize size = {.ws_row = 24};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    g_auto(GStrv) lines = g_strsplit(page, "\n", -1);
    fputs(HOME, stdout);
    for (guint i = 0; lines[i] != NULL && i + 1 < size.ws_row; i++) {
        fputs(BLANK, stdout);
        fputs(lines[i], stdout);
        fputc('\n', stdout);
    }
    fputs(CLEAR "q: quit", stdout);
    fflush(stdout);
}

/* Waits for the next round. FALSE when the user wants to leave. */
static gboolean wait_for_next(const Screen *screen)
{
    struct pollfd fds[2] = {
        {.fd = screen->signals, .events = POLLIN},
        {.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN},
    };
    if (poll(fds, 2, REFRESH_MS) <= 0)
        return TRUE;
    struct signalfd_siginfo info;
    if (fds[0].revents != 0 && read(screen->signals, &info, sizeof info) == (ssize_t)sizeof info)
        return info.ssi_signo == SIGWINCH;
    char key = 'q';
    if (fds[1].revents != 0 && read(STDIN_FILENO, &key, 1) == 1)
        return key != 'q' && key != 'Q' && key != 4;
    return FALSE;
}

int status_live(const ControlMount *mount)
{
    Screen screen = {.signals = -1};
    g_autoptr(GError) error = NULL;
    screen_enter(&screen);
    do {
        g_autoptr(Records) status = control_client_query(mount, "status", NULL, &error);
        if (status == NULL)
            break;
        StatusStyle style = status_style(STDOUT_FILENO);
        g_autofree char *page = status_page(status, &style);
        draw(page);
    } while (wait_for_next(&screen));
    screen_leave(&screen);
    if (error == NULL)
        return EXIT_SUCCESS;
    g_printerr("ftpsfs: %s\n", error->message);
    return EXIT_FAILURE;
}
