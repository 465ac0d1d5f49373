/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "trust_private.h"

typedef int LockedFile; /* fd with flock held, -1: none */

static void locked_file_clear(LockedFile *fd)
{
    if (*fd >= 0)
        close(*fd); /* gives up the lock, too */
    *fd = -1;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LockedFile, locked_file_clear)

/* Opens and locks the file; makes it and its directory where they are not there. */
static LockedFile open_locked(const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    if (g_mkdir_with_parents(dir, 0700) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                    "can't make the directory %s for the known hosts: %s", dir, g_strerror(errno));
        return -1;
    }
    g_auto(LockedFile) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    /* A list that is kept by somebody else is good enough to look servers up in. */
    if (fd < 0 && (errno == EACCES || errno == EROFS))
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "can't open the known hosts %s: %s", path,
                    g_strerror(errno));
        return -1;
    }
    struct stat status;
    if (fstat(fd, &status) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "can't look at the known hosts %s: %s",
                    path, g_strerror(errno));
        return -1;
    }
    if (!guard_check(&status, GUARD_WRITE, geteuid(), path, TRUST_DECIDES, error))
        return -1;
    int result;
    do {
        result = flock(fd, LOCK_EX);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "can't lock the known hosts %s: %s", path,
                    g_strerror(errno));
        return -1;
    }
    int locked = fd;
    fd = -1;
    return locked;
}

/* How the lines of a host and port begin. For g_free. */
static char *line_prefix(const char *host, guint16 port)
{
    g_autofree char *bare = trust_bare_host(host);
    g_autofree char *name = g_ascii_strdown(bare, -1);
    return g_strdup_printf("|g0|%s|%u|", name, port);
}

/* The pins of the keys that the file has in lines which begin so: char *. */
static GPtrArray *pins_in(const char *path, const char *prefix)
{
    GPtrArray *pins = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return pins;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (gsize i = 0; lines[i] != NULL; i++) {
        if (!g_str_has_prefix(lines[i], prefix))
            continue;
        const char *key = strrchr(lines[i], '|') + 1;
        gsize length = 0;
        g_autofree guchar *spki = g_base64_decode(key, &length);
        char *pin = trust_pin_of_spki(spki, length);
        if (pin != NULL)
            g_ptr_array_add(pins, pin);
    }
    return pins;
}

/* The pins of the keys that the file has for this host and port, "a or b". */
static char *known_pins(const char *path, const char *prefix)
{
    g_autoptr(GPtrArray) pins = pins_in(path, prefix);
    if (pins->len == 0)
        return g_strdup("another key");
    g_ptr_array_add(pins, NULL);
    return g_strjoinv(" or ", (char **)pins->pdata);
}

GPtrArray *trust_known_keys(const Trust *trust, const char *host, guint16 port)
{
    g_autofree char *prefix = line_prefix(host, port);
    GPtrArray *pins = trust->known_hosts != NULL ? pins_in(trust->known_hosts, prefix)
                                                 : g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(pins, NULL);
    return pins;
}

/* Ends a last line that was cut off, or else the next one would be glued to it and lost. */
static gboolean end_last_line(int fd)
{
    char last;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0)
        return size == 0;
    if (pread(fd, &last, 1, size - 1) != 1)
        return FALSE;
    return last == '\n' || write(fd, "\n", 1) == 1;
}

static gboolean remember(int fd, const char *path, const char *host, const char *service,
                         const gnutls_datum_t *der, GError **error)
{
    int code = GNUTLS_E_FILE_ERROR;
    if (end_last_line(fd))
        code = gnutls_store_pubkey(path, NULL, host, service, GNUTLS_CRT_X509, der, 0, 0);
    /* gnutls_store_pubkey does not notice a full disk; a key that is not there next time would be
     * believed for the first time again. */
    if (code >= 0)
        code = gnutls_verify_stored_pubkey(path, NULL, host, service, GNUTLS_CRT_X509, der, 0);
    if (code >= 0 && fsync(fd) == 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                "the key of %s port %s is new and can't be added to the known hosts %s: check that "
                "the file can be written and that the disk is not full",
                host, service, path);
    return FALSE;
}

gboolean trust_tofu(const char *known_hosts, const char *host, guint16 port, gnutls_x509_crt_t leaf,
                    GError **error)
{
    g_autofree char *bare = trust_bare_host(host);
    g_autofree char *name = g_ascii_strdown(bare, -1);
    g_autofree char *service = g_strdup_printf("%u", port);
    g_autofree char *prefix = line_prefix(host, port);
    g_autofree char *seen = trust_pin_of(leaf);
    g_auto(gnutls_datum_t) der = {NULL, 0};
    if (seen == NULL || gnutls_x509_crt_export2(leaf, GNUTLS_X509_FMT_DER, &der) < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS, "the public key of %s can't be read",
                    host);
        return FALSE;
    }
    /* The lock holds from the look-up to the entry: of two first connections one is the first. */
    g_auto(LockedFile) fd = open_locked(known_hosts, error);
    if (fd < 0)
        return FALSE;
    int code =
        gnutls_verify_stored_pubkey(known_hosts, NULL, name, service, GNUTLS_CRT_X509, &der, 0);
    if (code == 0)
        return TRUE;
    if (code == GNUTLS_E_NO_CERTIFICATE_FOUND) {
        if (!remember(fd, known_hosts, name, service, &der, error))
            return FALSE;
        g_message("%s port %u is seen for the first time; its key %s is remembered in %s", host,
                  port, seen, known_hosts);
        return TRUE;
    }
    if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        g_autofree char *known = known_pins(known_hosts, prefix);
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS,
                    "the key of %s port %u has changed: it was %s and now is %s. Somebody may be "
                    "between you and the server. If its owner confirms the new key, delete the "
                    "lines that start with %s from %s",
                    host, port, known, seen, prefix, known_hosts);
        return FALSE;
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "can't look %s up in the known hosts %s: %s",
                host, known_hosts, gnutls_strerror(code));
    return FALSE;
}
