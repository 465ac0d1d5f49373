/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "password_command.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config_fail.h"

#define OUTPUT_MAX 4096

/* Reads to the end, so that the command is not ended by a pipe that closes; what is beyond `size`
 * is thrown away. */
static gsize read_output(int fd, char *output, gsize size)
{
    char rest[256];
    gsize length = 0;
    for (;;) {
        gboolean full = length == size;
        gssize count = read(fd, full ? rest : output + length, full ? sizeof rest : size - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        length += full ? 0 : (gsize)count;
    }
    secret_wipe(rest, sizeof rest);
    return length;
}

static gboolean wait_for(GPid pid, GError **error)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return config_fail(error, "-o password_command: %s", g_strerror(errno));
    }
    if (WIFSIGNALED(status))
        return config_fail(error, "-o password_command: the command was ended by signal %d",
                           WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return config_fail(error,
                           "-o password_command: the command failed with exit status %d; try it "
                           "in a shell",
                           WEXITSTATUS(status));
    return TRUE;
}

Secret *password_command(const char *command, GError **error)
{
    const char *words[] = {"/bin/sh", "-c", command, NULL};
    g_autoptr(GError) problem = NULL;
    GPid pid;
    int fd;
    if (!g_spawn_async_with_pipes(
            NULL, (char **)(guintptr)words, NULL,
            (GSpawnFlags)(G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN), NULL, NULL,
            &pid, NULL, &fd, NULL, &problem)) {
        config_fail(error, "-o password_command can't be run: %s", problem->message);
        return NULL;
    }
    char output[OUTPUT_MAX] = {0};
    gsize length = read_output(fd, output, sizeof output);
    close(fd);
    const char *end = memchr(output, '\n', length);
    gboolean complete = end != NULL || length < sizeof output;
    if (end != NULL)
        length = (gsize)(end - output);
    if (length > 0 && output[length - 1] == '\r')
        length--;
    Secret *password = NULL;
    if (wait_for(pid, error)) {
        if (complete && length > 0 && memchr(output, '\0', length) == NULL)
            password = secret_new(output, (gssize)length);
        else
            config_fail(error, "-o password_command: the first line of the command's output is no "
                               "password: it is empty, too long or no text");
    }
    secret_wipe(output, sizeof output);
    return password;
}
