/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/config/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/credentials/passphrase.h"
#include "config/credentials/secret_file.h"
#include "ftpsfs/util/error.h"

/* An own home, so that no ~/.netrc of the caller's is read; $NETRC is set by the tests that
 * want one. */
typedef struct {
    char *credentials; /* file names; the files are not there yet */
    char *netrc;
} Fixture;

static const char *home(void)
{
    return g_get_home_dir();
}

static void setup(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->credentials = g_build_filename(home(), "credentials", NULL);
    fixture->netrc = g_build_filename(home(), "netrc", NULL);
    g_setenv("NETRC", fixture->netrc, TRUE);
}

static void teardown(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_unlink(fixture->credentials);
    g_unlink(fixture->netrc);
    g_free(fixture->credentials);
    g_free(fixture->netrc);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

/* What credentials_find gives for `source` with the file, if any. */
static Credentials *find(const char *source, const char *file, gboolean password_stdin,
                         GError **error)
{
    g_autoptr(Source) parsed = source_parse(source, NULL);
    MountConfig config = {
        .source = parsed, .credentials_file = (char *)file, .password_stdin = password_stdin};
    g_assert_nonnull(parsed);
    return credentials_find(&config, error);
}

static void expect(const char *source, const char *file, const char *user, const char *password)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Credentials) found = find(source, file, FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(found->user, ==, user);
    g_assert_cmpstr(secret_peek(found->password), ==, password);
}

static void refuse(const char *source, const char *file, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Credentials) found = find(source, file, FALSE, &error);
    g_assert_null(found);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
    if (strstr(error->message, says) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, says);
    g_assert_null(strstr(error->message, "s3cret"));
}

static void test_file(Fixture *fixture, gconstpointer data)
{
    (void)data;
    const char *path = fixture->credentials;
    write_file(path, "# mine\nusername=ann\npassword=s3cret\ndomain=WORK\n", 0600);
    expect("host", path, "ann", "s3cret");
    expect("bob@host", path, "bob", "s3cret");
    write_file(path, "\xef\xbb\xbfusername = ann \r\npassword= s3 cret=#\r\n\r\n", 0400);
    expect("host", path, "ann", " s3 cret=#");
    write_file(path, "password=s3cret", 0600);
    expect("ann@host", path, "ann", "s3cret");
    expect("host", path, g_get_user_name(), "s3cret");
    write_file(path, "username=ann\npassword=\n", 0600);
    expect("host", path, "ann", "");
}

static void test_bad_file(Fixture *fixture, gconstpointer data)
{
    (void)data;
    const char *path = fixture->credentials;
    refuse("host", path, "can't be read");
    write_file(path, "username=ann\ns3cret\n", 0600);
    refuse("host", path, "line 2");
    write_file(path, "pasword=s3cret\n", 0600);
    refuse("host", path, "line 1");
    write_file(path, "username=\npassword=s3cret\n", 0600);
    refuse("host", path, "empty username=");
    write_file(path, "username=a\rQUIT\npassword=s3cret\n", 0600);
    refuse("host", path, "line end");
    g_assert_true(g_file_set_contents(path, "password=s3\0cret", 16, NULL));
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
    refuse("host", path, "no text");
    refuse("host", home(), "can't be read");

    g_autofree char *large = g_strnfill(SECRET_FILE_MAX + 1, '#');
    write_file(path, large, 0600);
    refuse("host", path, "too large");
    large[SECRET_FILE_MAX] = '\0';
    memcpy(large, "password=x\n", 11);
    write_file(path, large, 0600);
    expect("host", path, g_get_user_name(), "x");
}

static void test_permissions(Fixture *fixture, gconstpointer data)
{
    (void)data;
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666};
    const char *path = fixture->credentials;
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        write_file(path, "password=s3cret\n", modes[i]);
        refuse("host", path, "chmod 600");
    }
    struct stat status = {.st_mode = S_IFREG | 0600, .st_uid = 1000};
    g_autoptr(GError) error = NULL;
    g_assert_true(secret_file_check(&status, 1000, "f", &error));
    g_assert_no_error(error);
    g_assert_false(secret_file_check(&status, 1001, "f", &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "belongs to user 1000"));
    g_clear_error(&error);
    g_assert_false(secret_file_check(&status, 0, "f", NULL));
    status.st_uid = 0;
    g_assert_true(secret_file_check(&status, 1000, "f", &error));
    g_assert_no_error(error);
}

static void test_pipe(Fixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    int ends[2];
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(ends[1], "password=s3cret\n", 16), ==, 16);
    close(ends[1]);
    g_autofree char *path = g_strdup_printf("/dev/fd/%d", ends[0]);
    expect("ann@host", path, "ann", "s3cret");
    close(ends[0]);
}

/* Runs credentials_find with `text` on standard input. What it left there goes to *rest. */
static Credentials *find_on_stdin(const char *text, gsize length, char **rest, GError **error)
{
    int ends[2];
    int saved = dup(STDIN_FILENO);
    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(write(ends[1], text, length), ==, (gssize)length);
    close(ends[1]);
    g_assert_cmpint(dup2(ends[0], STDIN_FILENO), ==, STDIN_FILENO);
    close(ends[0]);
    Credentials *found = find("ann@host", NULL, TRUE, error);
    *rest = g_malloc0(8192);
    g_assert_cmpint(read(STDIN_FILENO, *rest, 8191), >=, 0);
    g_assert_cmpint(dup2(saved, STDIN_FILENO), ==, STDIN_FILENO);
    close(saved);
    return found;
}

static void test_stdin(Fixture *fixture, gconstpointer data)
{
    (void)data;
    static const struct {
        const char *text;
        const char *password;
        const char *rest;
    } good[] = {{"s3cret\nmore\n", "s3cret", "more\n"},
                {"s3cret\r\n", "s3cret", ""},
                {" s3 cret ", " s3 cret ", ""}};
    write_file(fixture->netrc, "machine host login ann password other\n", 0600);
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *rest = NULL;
        g_autoptr(Credentials) found =
            find_on_stdin(good[i].text, strlen(good[i].text), &rest, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(found->user, ==, "ann");
        g_assert_cmpstr(secret_peek(found->password), ==, good[i].password);
        g_assert_cmpstr(rest, ==, good[i].rest);
    }
    g_autofree char *long_line = g_strnfill(5000, 'x');
    const char *const bad[] = {"", "\n", "\r\nx\n", long_line};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *rest = NULL;
        g_assert_null(find_on_stdin(bad[i], strlen(bad[i]), &rest, &error));
        g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "password_stdin"));
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *rest = NULL;
    g_assert_null(find_on_stdin("s3\0cret\n", 8, &rest, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
}

static void test_order(Fixture *fixture, gconstpointer data)
{
    (void)data;
    write_file(fixture->netrc, "machine host login ann password from-netrc\n", 0600);
    write_file(fixture->credentials, "password=from-file\n", 0600);
    expect("ann@host", fixture->credentials, "ann", "from-file");
    expect("ann@host", NULL, "ann", "from-netrc");
    /* A file that gives the user alone leaves the password to the next place. */
    write_file(fixture->credentials, "username=ann\n", 0600);
    expect("host", fixture->credentials, "ann", "from-netrc");
}

static void test_anonymous(Fixture *fixture, gconstpointer data)
{
    (void)data;
    expect("anonymous@host", NULL, "anonymous", "anonymous@");
    expect("ftp@host", NULL, "ftp", "anonymous@");
    write_file(fixture->netrc, "default login anonymous password me@example.org\n", 0600);
    expect("anonymous@host", NULL, "anonymous", "me@example.org");
    expect("host", NULL, "anonymous", "me@example.org");
}

static void test_netrc_file(Fixture *fixture, gconstpointer data)
{
    (void)data;
    static const char text[] = "machine host login ann password s3cret account acct\n";
    write_file(fixture->netrc, text, 0600);
    g_autoptr(GError) error = NULL;
    g_autoptr(Credentials) found = find("ftps://host/dir", NULL, FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(found->user, ==, "ann");
    g_assert_cmpstr(secret_peek(found->account), ==, "acct");

    write_file(fixture->netrc, text, 0644);
    refuse("host", NULL, "chmod 600");
    /* An open file that has nothing for this host is not our concern. */
    expect("anonymous@elsewhere", NULL, "anonymous", "anonymous@");

    g_unsetenv("NETRC");
    g_autofree char *standard = g_build_filename(home(), ".netrc", NULL);
    write_file(standard, "machine host login joe password pw\n", 0600);
    expect("host", NULL, "joe", "pw");
    g_unlink(standard);
}

static void test_no_terminal(Fixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        GError *error = NULL;
        setsid(); /* leaves the controlling terminal, if there is one */
        const Credentials *found = find("ann@host", NULL, FALSE, &error);
        gboolean good = found == NULL && ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG) &&
                        strstr(error->message, "ann@host") != NULL &&
                        strstr(error->message, "/netrc") != NULL &&
                        strstr(error->message, "no terminal") != NULL &&
                        strstr(error->message, "credentials=FILE") != NULL;
        _exit(good ? 0 : 1);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void expect_command(const char *command, const char *password, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Source) source = source_parse("ann@host", NULL);
    MountConfig config = {.source = source, .password_command = (char *)command};
    g_autoptr(Credentials) found = credentials_find(&config, &error);
    if (password != NULL) {
        g_assert_no_error(error);
        g_assert_cmpstr(secret_peek(found->password), ==, password);
        return;
    }
    g_assert_null(found);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, says));
    g_assert_null(strstr(error->message, "s3cret"));
}

static void test_command(Fixture *fixture, gconstpointer data)
{
    (void)fixture;
    (void)data;
    expect_command("echo s3cret", "s3cret", NULL);
    expect_command("printf 's3 cret\\r\\nmore\\n'", "s3 cret", NULL);
    expect_command("printf s3cret", "s3cret", NULL);
    expect_command("echo s3cret; head -c 100000 /dev/zero", "s3cret", NULL);
    expect_command("echo s3cret; exit 7", NULL, "exit status 7");
    expect_command("kill -9 $$", NULL, "signal 9");
    expect_command("exit 0", NULL, "no password");
    expect_command("echo; echo s3cret", NULL, "no password");
    expect_command("head -c 5000 /dev/zero | tr '\\0' a", NULL, "no password");
    expect_command("no-such-command-here 2>/dev/null", NULL, "exit status 127");
}

static void test_systemd(Fixture *fixture, gconstpointer data)
{
    g_autofree char *password = g_build_filename(home(), "ftpsfs.password", NULL);
    g_autofree char *user = g_build_filename(home(), "ftpsfs.username", NULL);
    (void)data;
    g_setenv("CREDENTIALS_DIRECTORY", home(), TRUE);
    /* systemd's modes show the group what an access control list gives to the service. */
    write_file(password, "s3 cret\n", 0440);
    expect("ann@host", NULL, "ann", "s3 cret");
    write_file(user, "bob\n", 0440);
    expect("host", NULL, "bob", "s3 cret");
    expect("ann@host", NULL, "ann", "s3 cret");
    write_file(fixture->credentials, "password=other\n", 0600);
    expect("ann@host", fixture->credentials, "ann", "other");
    write_file(password, "\n", 0440);
    refuse("ann@host", NULL, "empty");
    g_unlink(password);
    g_unlink(user);
    write_file(fixture->netrc, "machine host login ann password from-netrc\n", 0600);
    expect("ann@host", NULL, "ann", "from-netrc");
    g_unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_passphrase(Fixture *fixture, gconstpointer data)
{
    (void)data;
    static const struct {
        const char *text;
        gboolean needed;
    } keys[] = {
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", FALSE},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
         TRUE},
        {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", TRUE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        write_file(fixture->netrc, keys[i].text, 0600);
        g_assert_cmpint(passphrase_is_needed(fixture->netrc), ==, keys[i].needed);
    }
    g_assert_false(passphrase_is_needed("/no/such/file"));
    g_assert_true(passphrase_is_needed("pkcs11:token=card;object=key"));
    g_assert_false(passphrase_is_needed("pkcs11:token=card?pin-source=/pin"));

    write_file(fixture->netrc, keys[1].text, 0600);
    write_file(fixture->credentials, "password=p\npassphrase=s3cret\n", 0600);
    g_autoptr(GError) error = NULL;
    g_autoptr(Source) source = source_parse("ann@host", NULL);
    MountConfig config = {
        .source = source, .credentials_file = fixture->credentials, .cert = fixture->netrc};
    g_autoptr(Credentials) found = credentials_find(&config, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(secret_peek(found->key_password), ==, "s3cret");
    config.cert = NULL;
    write_file(fixture->credentials, "password=p\n", 0600);
    g_autoptr(Credentials) none = credentials_find(&config, &error);
    g_assert_no_error(error);
    g_assert_null(none->key_password);
}

int main(int argc, char **argv)
{
    g_autofree char *directory = g_dir_make_tmp("ftpsfs-credentials-XXXXXX", NULL);
    g_assert_nonnull(directory);
    g_setenv("HOME", directory, TRUE);
    g_test_init(&argc, &argv, NULL);
#define TEST(path, function) g_test_add(path, Fixture, NULL, setup, function, teardown)
    TEST("/credentials/a file gives user and password", test_file);
    TEST("/credentials/a malformed file is refused without repeating it", test_bad_file);
    TEST("/credentials/a file open to others or of another owner is refused", test_permissions);
    TEST("/credentials/a pipe may stand in for the file", test_pipe);
    TEST("/credentials/standard input gives one line and keeps the rest", test_stdin);
    TEST("/credentials/file comes before netrc", test_order);
    TEST("/credentials/anonymous needs no password", test_anonymous);
    TEST("/credentials/netrc is read from $NETRC or home and must be private", test_netrc_file);
    TEST("/credentials/without a terminal the places looked at are named", test_no_terminal);
    TEST("/credentials/a command writes the password", test_command);
    TEST("/credentials/systemd passes user and password", test_systemd);
    TEST("/credentials/the passphrase of an encrypted key is found", test_passphrase);
#undef TEST
    int result = g_test_run();
    g_rmdir(directory);
    return result;
}
