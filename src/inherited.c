/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inherited.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PASSED "/dev/fd/"

/* Where /proc is not mounted. */
#define LOOKED_AT 1024

static void fill_standard(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* What a library has opened before main() has the flag that would have closed it at the start. */
static void note(GArray *found, int fd)
{
    int flags = fcntl(fd, F_GETFD);
    if (fd > STDERR_FILENO && flags >= 0 && (flags & FD_CLOEXEC) == 0)
        g_array_append_val(found, fd);
}

/* -1 for what is no number of a descriptor. */
static int number_of(const char *text)
{
    guint64 number;
    return g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &number, NULL) ? (int)number : -1;
}

GArray *inherited_find(void)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(int));
    fill_standard();
    DIR *dir = opendir("/proc/self/fd");
    for (int fd = STDERR_FILENO + 1; dir == NULL && fd < LOOKED_AT; fd++)
        note(found, fd);
    if (dir == NULL)
        return found;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        note(found, number_of(entry->d_name));
    closedir(dir);
    return found;
}

void inherited_close(const GArray *found, const char *mountpoint)
{
    int kept =
        g_str_has_prefix(mountpoint, PASSED) ? number_of(mountpoint + sizeof PASSED - 1) : -1;
    for (guint i = 0; i < found->len; i++)
        if (g_array_index(found, int, i) != kept)
            close(g_array_index(found, int, i));
}
