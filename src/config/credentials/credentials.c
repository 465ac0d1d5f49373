/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/config/credentials.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config/config_fail.h"
#include "ftpsfs/util/error.h"
#include "netrc.h"
#include "passphrase.h"
#include "password_command.h"
#include "prompt.h"
#include "secret_file.h"

#define ANONYMOUS_PASSWORD "anonymous@"
#define STDIN_LINE_MAX     4096

/* What systemd's LoadCredential= and its like are to call them. */
#define SYSTEMD_USER       "ftpsfs.username"
#define SYSTEMD_PASSWORD   "ftpsfs.password"
#define SYSTEMD_PASSPHRASE "ftpsfs.passphrase"

static const char *describe(int number)
{
    switch (number) {
    case EFBIG:
        return "it is too large to be one";
    case EILSEQ:
        return "it is no text";
    default:
        return g_strerror(number);
    }
}

/* The value of "name=value" when `line` is that; leading blanks and blanks around the name are
 * ignored, the value is taken as it is. */
static char *value_of(char *line, const char *name)
{
    line += strspn(line, " \t");
    if (!g_str_has_prefix(line, name))
        return NULL;
    line += strlen(name);
    line += strspn(line, " \t");
    return *line == '=' ? line + 1 : NULL;
}

/* Takes what a line of a credentials file says. The line is not repeated in messages: in a file of
 * another format it may well be the password. */
static gboolean read_line(Credentials *credentials, char *line, guint number, const char *path,
                          gboolean user_told, GError **error)
{
    char *value;
    if ((value = value_of(line, "username")) != NULL) {
        if (!user_told) {
            g_free(credentials->user);
            credentials->user = g_strstrip(g_strdup(value));
        }
        return TRUE;
    }
    if ((value = value_of(line, "password")) != NULL) {
        secret_unref(credentials->password);
        credentials->password = secret_new(value, -1);
        return TRUE;
    }
    if ((value = value_of(line, "passphrase")) != NULL) {
        secret_unref(credentials->key_password);
        credentials->key_password = secret_new(value, -1);
        return TRUE;
    }
    if ((value = value_of(line, "account")) != NULL) {
        secret_unref(credentials->account);
        credentials->account = secret_new(value, -1);
        return TRUE;
    }
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#' || value_of(line, "domain") != NULL)
        return TRUE;
    return config_fail(
        error,
        "%s, line %u: write username=NAME, password=PASSWORD, passphrase=PASSPHRASE or "
        "account=NAME",
        path, number);
}

static gboolean read_credentials(Credentials *credentials, char *text, const char *path,
                                 GError **error)
{
    gboolean user_told = credentials->user != NULL;
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (g_str_has_prefix(text, byte_order_mark))
        text += strlen(byte_order_mark);
    for (guint number = 1; *text != '\0'; number++) {
        gsize length = strcspn(text, "\n");
        char *next = text + length + (text[length] == '\n' ? 1 : 0);
        text[length] = '\0';
        if (length > 0 && text[length - 1] == '\r')
            text[length - 1] = '\0';
        if (!read_line(credentials, text, number, path, user_told, error))
            return FALSE;
        text = next;
    }
    if (credentials->user != NULL && *credentials->user == '\0')
        return config_fail(error, "%s has an empty username=: write the name or leave the line out",
                           path);
    return TRUE;
}

static gboolean from_file(Credentials *credentials, const char *path, GError **error)
{
    g_auto(SecretFile) file;
    int number = secret_file_read(&file, path);
    if (number != 0)
        return config_fail(error, "the credentials file %s can't be read: %s", path,
                           describe(number));
    return secret_file_check(&file.status, geteuid(), path, error) &&
           read_credentials(credentials, file.text, path, error);
}

/* One line, byte by byte: what follows it is not ours to take. */
static gboolean from_stdin(Credentials *credentials, GError **error)
{
    char line[STDIN_LINE_MAX] = {0};
    gsize length = 0;
    gboolean complete = FALSE;
    while (!complete && length < sizeof(line)) {
        gssize count = read(STDIN_FILENO, line + length, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        complete = count == 0 || line[length] == '\n';
        length += complete ? 0 : 1;
    }
    if (length > 0 && line[length - 1] == '\r')
        length--;
    gboolean good = complete && length > 0 && memchr(line, '\0', length) == NULL;
    if (good)
        credentials->password = secret_new(line, (gssize)length);
    secret_wipe(line, sizeof(line));
    return good ||
           config_fail(error, "-o password_stdin: the first line of standard input is no password: "
                              "it is empty, too long or no text");
}

/* One of the service's credentials as a secret, its last line end taken off; NULL with no error
 * when there is none of that name. Who may read them is systemd's business. */
static gboolean read_systemd(const char *name, Secret **secret, GError **error)
{
    const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || *directory != '/')
        return TRUE;
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_auto(SecretFile) file;
    int number = secret_file_read(&file, path);
    if (number == ENOENT)
        return TRUE;
    if (number != 0)
        return config_fail(error, "the credential %s can't be read: %s", path, describe(number));
    gsize length = file.length;
    if (length > 0 && file.text[length - 1] == '\n')
        length--;
    if (length > 0 && file.text[length - 1] == '\r')
        length--;
    if (length == 0)
        return config_fail(error, "the credential %s is empty", path);
    *secret = secret_new(file.text, (gssize)length);
    return TRUE;
}

static gboolean from_systemd(Credentials *credentials, GError **error)
{
    g_autoptr(Secret) user = NULL;
    if (!read_systemd(SYSTEMD_PASSWORD, &credentials->password, error) ||
        !read_systemd(SYSTEMD_USER, &user, error))
        return FALSE;
    if (credentials->user == NULL && user != NULL)
        credentials->user = g_strdup(secret_peek(user));
    return TRUE;
}

/* The service's credentials say nothing of a host. */
static gboolean from_service(Credentials *credentials, const MountConfig *config, GError **error)
{
    return config->bound_only || from_systemd(credentials, error);
}

static char *netrc_path(void)
{
    const char *told = g_getenv("NETRC");
    if (told != NULL && *told != '\0')
        return g_strdup(told);
    return g_build_filename(g_get_home_dir(), ".netrc", NULL);
}

/* Finding nothing is no error; *why says then in words what was wrong with the file. */
static gboolean from_netrc(Credentials *credentials, const MountConfig *config, char **why,
                           GError **error)
{
    const char *host = config->source->host;
    g_autofree char *path = netrc_path();
    g_auto(SecretFile) file;
    int number = secret_file_read(&file, path);
    if (number != 0) {
        *why = number == ENOENT ? g_strdup_printf("there is no %s", path)
                                : g_strdup_printf("%s can't be read (%s)", path, describe(number));
        if (number != ENOENT)
            g_warning("%s", *why);
        return TRUE;
    }
    NetrcEntry entry;
    if (!netrc_find(file.text, host, credentials->user, config->bound_only, path, &entry, error))
        return FALSE;
    if (!entry.found) {
        *why = g_strdup_printf("%s has no entry for it", path);
        return TRUE;
    }
    if (!secret_file_check(&file.status, geteuid(), path, error))
        return FALSE;
    if (credentials->user == NULL && entry.user != NULL && *entry.user != '\0')
        credentials->user = g_strdup(entry.user);
    if (credentials->account == NULL && entry.account != NULL)
        credentials->account = secret_new(entry.account, -1);
    if (entry.password != NULL)
        credentials->password = secret_new(entry.password, -1);
    else
        *why = g_strdup_printf("its entry in %s has no password", path);
    return TRUE;
}

static gboolean from_terminal(Credentials *credentials, const char *host, const char *why,
                              GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = g_strdup_printf("Password for %s@%s: ", credentials->user, host);
    credentials->password = prompt_password(text, &problem);
    if (credentials->password != NULL)
        return TRUE;
    if (!ftpsfs_error_is(problem, FTPSFS_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    return config_fail(error,
                       "no password for %s@%s: %s, and there is no terminal to ask on; write "
                       "password=... into a file, chmod 600 it, and add -o credentials=FILE",
                       credentials->user, host, why);
}

/* The passphrase of an encrypted key. Without a terminal a token may still work, whose PIN is
 * entered on the reader. */
static gboolean find_passphrase(Credentials *credentials, const MountConfig *config, GError **error)
{
    const char *key = config->key != NULL ? config->key : config->cert;
    if (key == NULL || credentials->key_password != NULL || !passphrase_is_needed(key))
        return TRUE;
    if (!read_systemd(SYSTEMD_PASSPHRASE, &credentials->key_password, error))
        return FALSE;
    if (credentials->key_password != NULL)
        return TRUE;
    gboolean token = g_str_has_prefix(key, "pkcs11:");
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = token ? g_strdup("PIN of the token with the key: ")
                                  : g_strdup_printf("Passphrase for %s: ", key);
    credentials->key_password = prompt_password(text, &problem);
    if (credentials->key_password != NULL)
        return TRUE;
    gboolean no_terminal = ftpsfs_error_is(problem, FTPSFS_ERROR_NOT_FOUND);
    if (no_terminal && token)
        return TRUE;
    if (no_terminal)
        return config_fail(error,
                           "the key in %s is encrypted, and there is no terminal to ask for its "
                           "passphrase on; write passphrase=... into the file of -o credentials",
                           key);
    g_propagate_error(error, g_steal_pointer(&problem));
    return FALSE;
}

static gboolean is_anonymous(const char *user)
{
    return user != NULL && (g_str_equal(user, "anonymous") || g_str_equal(user, "ftp"));
}

/* A line end would begin another FTP command. */
static gboolean check_lines(const Credentials *credentials, GError **error)
{
    const char *texts[] = {credentials->user, secret_peek(credentials->password),
                           credentials->account != NULL ? secret_peek(credentials->account) : NULL};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i] != NULL && strpbrk(texts[i], "\r\n") != NULL)
            return config_fail(error,
                               "user name or password holds a line end, which FTP can't send: "
                               "correct the file that it comes from");
    }
    return TRUE;
}

Credentials *credentials_find(const MountConfig *config, GError **error)
{
    g_autoptr(Credentials) found = g_new0(Credentials, 1);
    const char *host = config->source->host;
    g_autofree char *why = NULL;
    found->user = g_strdup(config->source->user);
    if (config->credentials_file != NULL && !from_file(found, config->credentials_file, error))
        return NULL;
    if (found->password == NULL && config->password_stdin && !from_stdin(found, error))
        return NULL;
    if (found->password == NULL && config->password_command != NULL) {
        found->password = password_command(config->password_command, error);
        if (found->password == NULL)
            return NULL;
    }
    if (found->password == NULL && !from_service(found, config, error))
        return NULL;
    if (found->password == NULL && !from_netrc(found, config, &why, error))
        return NULL;
    if (found->password == NULL && is_anonymous(found->user))
        found->password = secret_new(ANONYMOUS_PASSWORD, -1);
    if (found->user == NULL)
        found->user = g_strdup(g_get_user_name());
    if (found->password == NULL && !from_terminal(found, host, why, error))
        return NULL;
    if (!check_lines(found, error) || !find_passphrase(found, config, error))
        return NULL;
    return g_steal_pointer(&found);
}

char *credentials_user(const MountConfig *config, GError **error)
{
    g_autoptr(Credentials) found = g_new0(Credentials, 1);
    g_autofree char *why = NULL;
    found->user = g_strdup(config->source->user);
    if (config->credentials_file != NULL && !from_file(found, config->credentials_file, error))
        return NULL;
    gboolean given =
        found->password != NULL || config->password_stdin || config->password_command != NULL;
    if (!given && (!from_service(found, config, error) ||
                   (found->password == NULL && !from_netrc(found, config, &why, error))))
        return NULL;
    return found->user != NULL ? g_steal_pointer(&found->user) : g_strdup(g_get_user_name());
}

void credentials_lock(const Credentials *credentials)
{
    secret_lock(credentials->password);
    secret_lock(credentials->account);
    secret_lock(credentials->key_password);
}

void credentials_free(Credentials *credentials)
{
    if (credentials == NULL)
        return;
    g_free(credentials->user);
    secret_unref(credentials->password);
    secret_unref(credentials->account);
    secret_unref(credentials->key_password);
    g_free(credentials);
}
