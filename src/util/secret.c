/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct Secret {
    gint references;
    gsize mapped; /* bytes of the mapping that this struct heads */
    char text[];
};

void secret_wipe(void *memory, gsize length)
{
    explicit_bzero(memory, length);
}

void secret_lock(const Secret *secret)
{
    if (secret != NULL && mlock(secret, secret->mapped) != 0)
        g_debug("a password could not be locked in memory: %s", g_strerror(errno));
}

Secret *secret_new(const char *text, gssize length)
{
    gsize bytes = length < 0 ? strlen(text) : (gsize)length;
    gsize mapped = sizeof(Secret) + bytes + 1;
    /* A mapping of its own: mlock and MADV_DONTDUMP work on whole pages. */
    Secret *secret = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret == MAP_FAILED)
        g_error("no memory for a password: %s", g_strerror(errno));
    secret->mapped = mapped;
    secret_lock(secret);
    if (madvise(secret, mapped, MADV_DONTDUMP) != 0)
        g_debug("a password could not be kept out of core dumps: %s", g_strerror(errno));
    secret->references = 1;
    memcpy(secret->text, text, bytes);
    secret->text[bytes] = '\0';
    return secret;
}

Secret *secret_ref(Secret *secret)
{
    g_atomic_int_inc(&secret->references);
    return secret;
}

void secret_unref(Secret *secret)
{
    if (secret == NULL || !g_atomic_int_dec_and_test(&secret->references))
        return;
    gsize mapped = secret->mapped;
    secret_wipe(secret, mapped);
    munmap(secret, mapped);
}

const char *secret_peek(const Secret *secret)
{
    return secret->text;
}
