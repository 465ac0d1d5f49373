/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/tls/trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "trust_policy.h"

/* All CAs of a system are a quarter of it. */
#define FILE_MAX ((gsize)4 * 1024 * 1024)
#define PIPE_MAX ((gsize)256 * 1024)

Trust *trust_ref(Trust *trust)
{
    g_atomic_int_inc(&trust->references);
    return trust;
}

void trust_unref(Trust *trust)
{
    if (trust == NULL || !g_atomic_int_dec_and_test(&trust->references))
        return;
    if (trust->by_group != NULL)
        g_hash_table_unref(trust->by_group);
    if (trust->priority != NULL)
        gnutls_priority_deinit(trust->priority);
    if (trust->credentials != NULL)
        gnutls_certificate_free_credentials(trust->credentials);
    if (trust->pins != NULL)
        g_ptr_array_unref(trust->pins);
    secret_unref(trust->key_password);
    g_free(trust->known_hosts);
    g_free(trust->ca_words);
    g_free(trust);
}

/* All of an open file; NULL and errno. One allocation, never grown: of a key no copy is left. */
static char *read_all(int fd, const struct stat *status, gsize *length)
{
    gboolean regular = S_ISREG(status->st_mode);
    gsize room = regular ? MIN((gsize)status->st_size, FILE_MAX) + 1 : PIPE_MAX;
    g_autofree char *text = g_malloc(room);
    gssize got = 1;
    for (*length = 0; got != 0 && *length < room;) {
        got = read(fd, text + *length, room - *length);
        if (got < 0 && errno != EINTR)
            return NULL;
        *length += got > 0 ? (gsize)got : 0;
    }
    if (got == 0)
        return g_steal_pointer(&text);
    errno = EFBIG;
    return NULL;
}

gboolean trust_read_file(const Trust *trust, const char *path, const char *what, GuardKind kind,
                         gnutls_datum_t *bytes, GError **error)
{
    struct stat status;
    gsize length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int number = fd < 0 || fstat(fd, &status) != 0 ? errno : 0;
    gboolean good =
        number != 0 || guard_check(&status, kind, trust->owner, path,
                                   kind == GUARD_SECRET ? TRUST_IS_KEY : TRUST_DECIDES, error);
    if (number == 0 && good) {
        bytes->data = (unsigned char *)read_all(fd, &status, &length);
        bytes->size = (unsigned int)length;
        number = bytes->data == NULL ? errno : 0;
    }
    if (fd >= 0)
        close(fd);
    if (number != 0)
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "can't read the %s %s: %s", what,
                    path, g_strerror(number));
    return number == 0 && good;
}

static gboolean load_ca_file(Trust *trust, const char *path, GError **error)
{
    int count;
    if (gnutls_url_is_supported(path)) {
        count =
            gnutls_certificate_set_x509_trust_file(trust->credentials, path, GNUTLS_X509_FMT_PEM);
    } else {
        gnutls_datum_t pem;
        if (!trust_read_file(trust, path, "CA file", GUARD_WRITE, &pem, error))
            return FALSE;
        count =
            gnutls_certificate_set_x509_trust_mem(trust->credentials, &pem, GNUTLS_X509_FMT_PEM);
        g_free(pem.data);
    }
    if (count > 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "the CA file %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)%s%s",
                path, count < 0 ? ": " : "", count < 0 ? gnutls_strerror(count) : "");
    return FALSE;
}

/* Who can write to the directory, or to a file in it, chooses whom to believe. */
static gboolean check_ca_path(const Trust *trust, const char *path, GDir *dir, GError **error)
{
    struct stat status;
    if (stat(path, &status) == 0 &&
        !guard_check(&status, GUARD_WRITE, trust->owner, path, TRUST_DECIDES, error))
        return FALSE;
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (stat(file, &status) == 0 && S_ISREG(status.st_mode) &&
            !guard_check(&status, GUARD_WRITE, trust->owner, file, TRUST_DECIDES, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean load_ca_path(Trust *trust, const char *path, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &cause);
    if (dir == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "can't read the CA directory: %s",
                    cause->message);
        return FALSE;
    }
    if (!check_ca_path(trust, path, dir, error))
        return FALSE;
    if (gnutls_certificate_set_x509_trust_dir(trust->credentials, path, GNUTLS_X509_FMT_PEM) > 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "the CA directory %s holds no file with a certificate in PEM form", path);
    return FALSE;
}

static gboolean load_system_cas(Trust *trust, GError **error)
{
    int count = gnutls_certificate_set_x509_system_trust(trust->credentials);
    if (count > 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "this system has no CA certificates to verify servers with%s%s; install them "
                "(package ca-certificates) or name a file with -o cafile=FILE",
                count < 0 ? ": " : "", count < 0 ? gnutls_strerror(count) : "");
    return FALSE;
}

static gboolean load_cas(Trust *trust, const TrustOptions *options, GError **error)
{
    if (options->ca_file != NULL && !load_ca_file(trust, options->ca_file, error))
        return FALSE;
    if (options->ca_path != NULL && !load_ca_path(trust, options->ca_path, error))
        return FALSE;
    if (options->ca_file == NULL && options->ca_path == NULL) {
        trust->ca_words = g_strdup("this system's CAs");
        /* Where no chain is verified the CAs are not needed, and they take a while to load. */
        return trust->verify != TRUST_VERIFY_FULL || load_system_cas(trust, error);
    }
    if (options->ca_file != NULL && options->ca_path != NULL)
        trust->ca_words =
            g_strdup_printf("the CAs in %s and %s", options->ca_file, options->ca_path);
    else
        trust->ca_words = g_strdup_printf(
            "the CAs in %s", options->ca_file != NULL ? options->ca_file : options->ca_path);
    return TRUE;
}

/* Answers GnuTLS when it asks for the PIN of a PKCS#11 token or the passphrase of a key. Once only:
 * a second question means that the first answer was wrong, and a few wrong ones lock a token. */
static int answer_pin(void *user_data, int attempt, const char *token_url, const char *token_label,
                      unsigned int flags, char *pin, size_t pin_max)
{
    const Secret *secret = user_data;
    const unsigned int risky = GNUTLS_PIN_WRONG | GNUTLS_PIN_FINAL_TRY | GNUTLS_PIN_COUNT_LOW;
    (void)token_url;
    (void)token_label;
    if (secret == NULL || attempt > 0 || (flags & risky) != 0)
        return GNUTLS_E_PKCS11_PIN_ERROR;
    if (g_strlcpy(pin, secret_peek(secret), pin_max) >= pin_max)
        return GNUTLS_E_PKCS11_PIN_ERROR;
    return 0;
}

static char *explain_client_key(int code, const char *cert, const char *key, gboolean have_password)
{
    switch (code) {
    case GNUTLS_E_CERTIFICATE_KEY_MISMATCH:
        return g_strdup_printf("the key in %s does not belong to the certificate in %s", key, cert);
    case GNUTLS_E_DECRYPTION_FAILED:
    case GNUTLS_E_PKCS11_PIN_ERROR:
        return g_strdup_printf(
            have_password ? "the key in %s can't be opened: its passphrase is wrong"
                          : "the key in %s is encrypted and no passphrase was given for it",
            key);
    case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE:
        if (gnutls_url_is_supported(cert) || gnutls_url_is_supported(key))
            return g_strdup_printf("no token has the client certificate %s and the key %s", cert,
                                   key);
        return g_strdup_printf("the client certificate %s or its key %s is not in PEM form", cert,
                               key);
    case GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR:
    case GNUTLS_E_BASE64_DECODING_ERROR:
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
        return g_strdup_printf("the client certificate %s or its key %s is not in PEM form", cert,
                               key);
    default:
        return g_strdup_printf("can't use the client certificate %s with the key %s: %s", cert, key,
                               gnutls_strerror(code));
    }
}

/* The certificate and the key from the files that were looked at. A GnuTLS code; G_MININT with
 * *error where there is none. */
static int use_files(Trust *trust, const char *cert, const char *key, const char *password,
                     GError **error)
{
    gnutls_datum_t certificate = {NULL, 0}, secret = {NULL, 0};
    gboolean one = g_str_equal(cert, key);
    int code = G_MININT;
    const char *what = one ? "client certificate" : "key of the client certificate";
    if ((one ||
         trust_read_file(trust, cert, "client certificate", GUARD_WRITE, &certificate, error)) &&
        trust_read_file(trust, key, what, GUARD_SECRET, &secret, error))
        code =
            gnutls_certificate_set_x509_key_mem2(trust->credentials, one ? &secret : &certificate,
                                                 &secret, GNUTLS_X509_FMT_PEM, password, 0);
    if (secret.data != NULL)
        secret_wipe(secret.data, secret.size);
    g_free(secret.data);
    g_free(certificate.data);
    return code;
}

/* The same where at least one is on a token. */
static int use_token(Trust *trust, const char *cert, const char *key, const char *password,
                     GError **error)
{
    gnutls_datum_t bytes;
    if (!gnutls_url_is_supported(key)) {
        if (!trust_read_file(trust, key, "key of the client certificate", GUARD_SECRET, &bytes,
                             error))
            return G_MININT;
        secret_wipe(bytes.data, bytes.size);
        g_free(bytes.data);
    }
    return gnutls_certificate_set_x509_key_file2(trust->credentials, cert, key, GNUTLS_X509_FMT_PEM,
                                                 password, 0);
}

static gboolean load_client_certificate(Trust *trust, const TrustOptions *options, GError **error)
{
    const char *cert = options->cert;
    const char *key = options->key != NULL ? options->key : cert;
    gboolean have_password = options->key_password != NULL;
    if (have_password)
        trust->key_password = secret_ref(options->key_password);
    gnutls_certificate_set_pin_function(trust->credentials, answer_pin, trust->key_password);
    const char *password = have_password ? secret_peek(trust->key_password) : NULL;
    gboolean token = gnutls_url_is_supported(cert) || gnutls_url_is_supported(key);
    int code = token ? use_token(trust, cert, key, password, error)
                     : use_files(trust, cert, key, password, error);
    /* A token may ask for its PIN again, a file does not. */
    if (!gnutls_url_is_supported(key)) {
        gnutls_certificate_set_pin_function(trust->credentials, NULL, NULL);
        g_clear_pointer(&trust->key_password, secret_unref);
    }
    if (code >= 0 || code == G_MININT)
        return code >= 0;
    g_autofree char *words = explain_client_key(code, cert, key, have_password);
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, words);
    return FALSE;
}

static gboolean add_pin(Trust *trust, const char *text, GError **error)
{
    if (g_str_has_prefix(text, TRUST_PIN_PREFIX)) {
        const char *encoded = text + strlen(TRUST_PIN_PREFIX);
        gsize length = 0;
        g_autofree guchar *raw = g_base64_decode(encoded, &length);
        g_autofree char *again = g_base64_encode(raw, length);
        /* g_base64_decode skips what it does not know; the way back shows whether it did. */
        if (length == TRUST_PIN_BYTES && g_str_equal(again, encoded)) {
            g_ptr_array_add(trust->pins, g_bytes_new_take(g_steal_pointer(&raw), length));
            return TRUE;
        }
    }
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                "the pin \"%s\" is not of the form " TRUST_PIN_PREFIX
                "BASE64, with the 44 characters that are the SHA-256 of a public key",
                text);
    return FALSE;
}

Trust *trust_new(const TrustOptions *options, GError **error)
{
    g_autoptr(Trust) trust = g_new0(Trust, 1);
    trust->references = 1;
    trust->owner = options->owner != 0 ? options->owner : geteuid();
    trust->verify = options->verify;
    trust->policy = options->policy;
    trust->tls_min = options->tls_min;
    trust->tls_only = options->tls_only;
    trust->pins = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    int code = gnutls_certificate_allocate_credentials(&trust->credentials);
    if (code < 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG, "can't start GnuTLS: %s",
                    gnutls_strerror(code));
        return NULL;
    }
    if (options->verify == TRUST_VERIFY_TOFU) {
        if (options->known_hosts == NULL) {
            g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                                "trust at first use needs a file to remember servers in");
            return NULL;
        }
        trust->known_hosts = g_strdup(options->known_hosts);
    }
    for (gsize i = 0; options->pins != NULL && options->pins[i] != NULL; i++)
        if (!add_pin(trust, options->pins[i], error))
            return NULL;
    if (options->key != NULL && options->cert == NULL) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG,
                    "the key %s was given without the certificate that it belongs to",
                    options->key);
        return NULL;
    }
    if (!trust_priority_make(trust, options->priority, error) || !load_cas(trust, options, error))
        return NULL;
    if (options->crl_file != NULL && !trust_load_crl(trust, options->crl_file, error))
        return NULL;
    if (options->cert != NULL && !load_client_certificate(trust, options, error))
        return NULL;
    return g_steal_pointer(&trust);
}

char *trust_bare_host(const char *host)
{
    gsize length = strlen(host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (memchr(host, ':', length) != NULL) {
        const char *zone = memchr(host, '%', length);
        if (zone != NULL)
            length = (gsize)(zone - host);
    } else if (length > 1 && host[length - 1] == '.') {
        length--;
    }
    return g_strndup(host, length);
}

static gboolean is_ip_address(const char *bare_host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, bare_host, &address) == 1 ||
           inet_pton(AF_INET6, bare_host, &address) == 1;
}

gboolean trust_apply(const Trust *trust, gnutls_session_t session, const char *host,
                     gnutls_group_t group, GError **error)
{
    gnutls_priority_t priority = trust->priority;
    if (group != GNUTLS_GROUP_INVALID) {
        gnutls_priority_t ordered = g_hash_table_lookup(trust->by_group, GUINT_TO_POINTER(group));
        if (ordered != NULL)
            priority = ordered;
    }
    int code = gnutls_priority_set(session, priority);
    if (code >= 0)
        code = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust->credentials);
    g_autofree char *bare = trust_bare_host(host);
    /* RFC 6066 section 3: no literal addresses in SNI. */
    if (code >= 0 && !is_ip_address(bare))
        code = gnutls_server_name_set(session, GNUTLS_NAME_DNS, bare, strlen(bare));
    if (code >= 0)
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TLS, "can't set up TLS for %s: %s", host,
                gnutls_strerror(code));
    return FALSE;
}
