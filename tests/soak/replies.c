/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a test server that uses OpenSSL, by LD_PRELOAD: says another reply in place of its 226, on
 * demand. FTPSFS_TEST_REPLIES names a file that the server's processes and the tests map: a count,
 * how often to do it, and the text of the reply with its line's end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

typedef struct {
    atomic_int count;
    char text[PAGE - sizeof(atomic_int)];
} Page;

/* Mapped before the server forks, and gives up the right to see the file. */
static Page *page;

__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("FTPSFS_TEST_REPLIES");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    page = mapped != MAP_FAILED ? mapped : NULL;
    close(fd);
}

/* Whether these bytes are the reply that is to be another. */
static int takes(const void *data, size_t length)
{
    if (page == NULL || length < 4 || memcmp(data, "226", 3) != 0)
        return 0;
    int count = atomic_load(&page->count);
    while (count > 0)
        if (atomic_compare_exchange_weak(&page->count, &count, count - 1))
            return 1;
    return 0;
}

/* OpenSSL's own function. A server that loads OpenSSL late, as Python does, has it where only a
 * look into the library itself finds it. */
static void *original(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    void *library = found == NULL ? dlopen("libssl.so.3", RTLD_LAZY) : NULL;
    if (library != NULL)
        found = dlsym(library, name);
    if (found == NULL)
        abort();
    return found;
}

int SSL_write(void *ssl, const void *data, int length)
{
    int (*next)(void *, const void *, int) =
        (int (*)(void *, const void *, int))original("SSL_write");
    if (length < 0 || !takes(data, (size_t)length))
        return next(ssl, data, length);
    return next(ssl, page->text, (int)strlen(page->text)) > 0 ? length : -1;
}

int SSL_write_ex(void *ssl, const void *data, size_t length, size_t *written)
{
    int (*next)(void *, const void *, size_t, size_t *) =
        (int (*)(void *, const void *, size_t, size_t *))original("SSL_write_ex");
    if (!takes(data, length))
        return next(ssl, data, length, written);
    size_t other = 0;
    *written = length;
    return next(ssl, page->text, strlen(page->text), &other);
}
