/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/credentials/prompt.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define QUESTION         "Password for ann@host: "
#define REPLY_TIMEOUT_MS 20000

/* A child at a terminal of its own that asks for the password and exits with 0 when it was "s3
 * cret", 2 when asking failed, else 1. */
typedef struct {
    pid_t pid;
    int terminal; /* our end */
    GString *shown;
} Terminal;

static void terminal_open(Terminal *terminal)
{
    terminal->shown = g_string_new(NULL);
    terminal->pid = forkpty(&terminal->terminal, NULL, NULL, NULL);
    g_assert_cmpint(terminal->pid, >=, 0);
    if (terminal->pid != 0)
        return;
    signal(SIGINT, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
    const Secret *password = prompt_password(QUESTION, NULL);
    if (password == NULL)
        _exit(2);
    _exit(g_str_equal(secret_peek(password), "s3 cret") ? 0 : 1);
}

/* Reads what the child shows until `text` has come `times` times. */
static void terminal_expect(Terminal *terminal, const char *text, guint times)
{
    for (;;) {
        guint count = 0;
        for (const char *p = terminal->shown->str; (p = strstr(p, text)) != NULL; p++)
            count++;
        if (count >= times)
            return;
        char buffer[256];
        struct pollfd ready = {.fd = terminal->terminal, .events = POLLIN};
        g_assert_cmpint(poll(&ready, 1, REPLY_TIMEOUT_MS), ==, 1);
        gssize length = read(terminal->terminal, buffer, sizeof(buffer));
        g_assert_cmpint(length, >, 0);
        g_string_append_len(terminal->shown, buffer, length);
    }
}

static void terminal_type(const Terminal *terminal, const char *text)
{
    g_assert_cmpint(write(terminal->terminal, text, strlen(text)), ==, (gssize)strlen(text));
}

static gboolean terminal_echoes(const Terminal *terminal)
{
    struct termios settings;
    g_assert_cmpint(tcgetattr(terminal->terminal, &settings), ==, 0);
    return (settings.c_lflag & ECHO) != 0;
}

/* Waits for the child's end; the terminal must echo again, and show no secret. */
static int terminal_close(Terminal *terminal)
{
    int status;
    g_assert_cmpint(waitpid(terminal->pid, &status, 0), ==, terminal->pid);
    g_assert_true(terminal_echoes(terminal));
    char buffer[256];
    gssize length;
    while ((length = read(terminal->terminal, buffer, sizeof(buffer))) > 0)
        g_string_append_len(terminal->shown, buffer, length);
    g_assert_null(strstr(terminal->shown->str, "cret"));
    close(terminal->terminal);
    g_string_free(terminal->shown, TRUE);
    return status;
}

static void test_prompt(void)
{
    Terminal terminal;
    terminal_open(&terminal);
    terminal_expect(&terminal, QUESTION, 1);
    g_assert_false(terminal_echoes(&terminal));
    terminal_type(&terminal, "s3 cret\n");
    g_assert_cmpint(terminal_close(&terminal), ==, 0);
}

static void test_prompt_edited(void)
{
    Terminal terminal;
    terminal_open(&terminal);
    terminal_expect(&terminal, QUESTION, 1);
    terminal_type(&terminal, "wrong\x15s3 crex\x7ft\n"); /* line kill, then a letter corrected */
    g_assert_cmpint(terminal_close(&terminal), ==, 0);
}

static void test_prompt_interrupted(void)
{
    Terminal terminal;
    terminal_open(&terminal);
    terminal_expect(&terminal, QUESTION, 1);
    terminal_type(&terminal, "s3 cret\x03");
    int status = terminal_close(&terminal);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGINT);
}

static void test_prompt_stopped(void)
{
    Terminal terminal;
    terminal_open(&terminal);
    terminal_expect(&terminal, QUESTION, 1);
    terminal_type(&terminal, "half\x1a");
    /* The child leads its session, so the kernel goes on at once instead of stopping it. */
    terminal_expect(&terminal, QUESTION, 2);
    g_assert_false(terminal_echoes(&terminal));
    terminal_type(&terminal, "s3 cret\n");
    g_assert_cmpint(terminal_close(&terminal), ==, 0);
}

static void test_prompt_ended(void)
{
    Terminal terminal;
    terminal_open(&terminal);
    terminal_expect(&terminal, QUESTION, 1);
    terminal_type(&terminal, "\x04");
    int status = terminal_close(&terminal);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prompt/a password is read without echo", test_prompt);
    g_test_add_func("/prompt/a line can be edited", test_prompt_edited);
    g_test_add_func("/prompt/an interrupt brings echo back and ends the program",
                    test_prompt_interrupted);
    g_test_add_func("/prompt/a stop asks again afterwards", test_prompt_stopped);
    g_test_add_func("/prompt/end of input is an error", test_prompt_ended);
    return g_test_run();
}
