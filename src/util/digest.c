/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/digest.h"

#include <gnutls/crypto.h>

#include "ftpsfs/util/error.h"

#define SHA256_BYTES 32

struct Digest {
    gnutls_hash_hd_t handle; /* NULL once the sum was taken */
    int code;                /* the first failure */
};

static void set_error(int code, GError **error)
{
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "SHA-256 can't be computed: %s",
                gnutls_strerror(code));
}

Digest *digest_new(GError **error)
{
    g_autoptr(Digest) digest = g_new0(Digest, 1);
    int code = gnutls_hash_init(&digest->handle, GNUTLS_DIG_SHA256);
    if (code >= 0)
        return g_steal_pointer(&digest);
    digest->handle = NULL;
    set_error(code, error);
    return NULL;
}

void digest_add(Digest *digest, const void *data, gsize length)
{
    if (digest->code >= 0)
        digest->code = gnutls_hash(digest->handle, data, length);
}

char *digest_hex(Digest *digest, GError **error)
{
    guchar sum[SHA256_BYTES];
    gnutls_hash_deinit(g_steal_pointer(&digest->handle), sum);
    if (digest->code < 0) {
        set_error(digest->code, error);
        return NULL;
    }
    GString *text = g_string_sized_new(2 * sizeof sum);
    for (gsize i = 0; i < sizeof sum; i++)
        g_string_append_printf(text, "%02x", sum[i]);
    return g_string_free(text, FALSE);
}

void digest_free(Digest *digest)
{
    if (digest == NULL)
        return;
    if (digest->handle != NULL)
        gnutls_hash_deinit(digest->handle, NULL);
    g_free(digest);
}
