/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal_places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"
#include "journal.h"

#define IDENTITY_FILE "identity"

/* ---- this source's ---- */

static Identity *read_identity(const char *directory, GError **error)
{
    g_autofree char *path = g_build_filename(directory, IDENTITY_FILE, NULL);
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    return identity_from_text(text, length, error);
}

static gboolean write_identity(const char *directory, const Identity *identity, GError **error)
{
    g_autofree char *path = g_build_filename(directory, IDENTITY_FILE, NULL);
    g_autoptr(GError) failure = NULL;
    if (g_file_set_contents_full(path, identity_text(identity), -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &failure))
        return TRUE;
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: can't be written: %s", path,
                failure->message);
    return FALSE;
}

char *journal_place_make(const char *root, const Identity *identity, GError **error)
{
    g_autofree char *directory = g_build_filename(root, identity_name(identity), NULL);
    if (g_mkdir_with_parents(directory, 0700) != 0) {
        g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO, "%s: can't be made: %s", directory,
                    g_strerror(errno));
        return NULL;
    }
    g_autoptr(GError) failure = NULL;
    g_autoptr(Identity) found = read_identity(directory, &failure);
    /* Before the first journal, so that none lies there without. */
    if (g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return write_identity(directory, identity, error) ? g_steal_pointer(&directory) : NULL;
    if (found != NULL && g_str_equal(identity_text(found), identity_text(identity)))
        return g_steal_pointer(&directory);
    g_set_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO,
                "%s/" IDENTITY_FILE " does not say which source the uploads that wait there are "
                "for%s%s; move the directory away, or delete the file if you know that they are "
                "for this one",
                directory, failure != NULL ? ": " : "", failure != NULL ? failure->message : "");
    return NULL;
}

/* ---- others ---- */

static gboolean is_locked(const char *directory, guint number)
{
    g_autofree char *name = g_strdup_printf("lock-%u", number);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    gboolean locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return locked;
}

/* Uploads that wait in a directory, and that no mount has in its hands. */
static guint count_pending(const char *directory)
{
    guint count = 0;
    for (guint number = 1; number <= JOURNALS_MAX; number++) {
        g_autofree char *name = g_strdup_printf("journal-%u", number);
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autofree char *data = NULL;
        gsize length = 0;
        if (!g_file_test(path, G_FILE_TEST_IS_REGULAR) || is_locked(directory, number) ||
            !g_file_get_contents(path, &data, &length, NULL))
            continue;
        g_autoptr(JournalPlan) plan = journal_replay((const guint8 *)data, length);
        count += plan->items->len;
    }
    return count;
}

/* What waits elsewhere, why it is not sent, and what to do. */
static void report(const char *directory, guint pending, const char *own, const char *why,
                   const char *otherwise)
{
    g_warning("%s: %u upload%s of an earlier mount of this user and host wait%s there and %s not "
              "sent: %s. %s. If this mount is the right one all the same, unmount it, move that "
              "directory into %s, and mount again",
              directory, pending, pending == 1 ? "" : "s", pending == 1 ? "s" : "",
              pending == 1 ? "is" : "are", why, otherwise, own);
}

/* A directory that has the name of an identity. */
static gboolean may_finish_source(const char *directory, const char *own, const Identity *identity)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(Identity) other = read_identity(directory, &failure);
    if (other == NULL) {
        guint pending = count_pending(directory);
        if (pending > 0)
            g_warning("%s: uploads wait there, and nobody knows for whom: %s. If they are for this "
                      "mount, unmount it, move that directory into %s, and mount again",
                      directory, failure->message, own);
        return FALSE;
    }
    if (!identity_is_alike(identity, other))
        return FALSE;
    if (identity_may_finish(identity, other))
        return TRUE;
    guint pending = count_pending(directory);
    if (pending == 0)
        return FALSE;
    g_autofree char *options = identity_differences(identity, other);
    g_autofree char *why = g_strdup_printf("that one had another %s", options);
    report(directory, pending, own, why, "Mount as then to have them sent");
    return FALSE;
}

/* Whether the name, which an older version has given, says the user, host and port of a source:
 * "user@host:port", where the user may have an "@" and the host colons. */
static gboolean is_old_name_of(const char *name, const Identity *identity)
{
    g_autofree char *source = g_uri_unescape_string(name, NULL);
    char *port = source != NULL ? strrchr(source, ':') : NULL;
    guint64 number = 0;
    if (port == NULL || !g_ascii_string_to_unsigned(port + 1, 10, 1, G_MAXUINT16, &number, NULL))
        return FALSE;
    *port = '\0';
    char *host = strrchr(source, '@');
    if (host == NULL)
        return FALSE;
    *host++ = '\0';
    return identity_is_at(identity, source, host, (guint)number);
}

/* A directory of an older version, which did not note what else chooses the place, nor how the
 * server was verified. */
static gboolean may_finish_old(const char *directory, const char *own, const Identity *identity)
{
    gboolean verified = identity_is_verified(identity);
    if (identity_is_plain(identity) && verified)
        return TRUE;
    guint pending = count_pending(directory);
    if (pending > 0)
        report(directory, pending, own,
               verified ? "an older ftpsfs has left them, which did not note for which ftp_host, "
                          "account or ftp_init they are"
                        : "nobody verifies that this is the server which they are for",
               verified ? "A mount without these three options sends them"
                        : "A mount that verifies the server sends them");
    return FALSE;
}

static gboolean is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

GPtrArray *journal_places_to_finish(const char *root, const char *own, const Identity *identity)
{
    GPtrArray *places = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    g_autoptr(GDir) moved = g_dir_open(own, 0, NULL);
    while (moved != NULL && (name = g_dir_read_name(moved)) != NULL) {
        g_autofree char *directory = g_build_filename(own, name, NULL);
        if (is_directory(directory))
            g_ptr_array_add(places, g_steal_pointer(&directory));
    }
    g_autoptr(GDir) all = g_dir_open(root, 0, NULL);
    while (all != NULL && (name = g_dir_read_name(all)) != NULL) {
        g_autofree char *directory = g_build_filename(root, name, NULL);
        if (g_str_equal(directory, own) || !is_directory(directory))
            continue;
        if (g_str_has_prefix(name, IDENTITY_NAME_PREFIX)
                ? may_finish_source(directory, own, identity)
                : is_old_name_of(name, identity) && may_finish_old(directory, own, identity))
            g_ptr_array_add(places, g_steal_pointer(&directory));
    }
    return places;
}

static void remove_file(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    if (unlink(path) != 0 && errno != ENOENT)
        g_info("%s: can't be removed: %s", path, g_strerror(errno));
}

void journal_place_remove(const char *directory, const GArray *numbers)
{
    g_autofree char *name = g_path_get_basename(directory);
    g_autofree char *above = g_path_get_dirname(directory);
    g_autofree char *above_name = g_path_get_basename(above);
    gboolean moved = g_str_has_prefix(above_name, IDENTITY_NAME_PREFIX);
    /* A mount of that source may be about to use it. */
    if (g_str_has_prefix(name, IDENTITY_NAME_PREFIX) && !moved)
        return;
    for (guint i = 0; i < numbers->len; i++) {
        g_autofree char *lock = g_strdup_printf("lock-%u", g_array_index(numbers, guint, i));
        remove_file(directory, lock);
    }
    if (moved)
        remove_file(directory, IDENTITY_FILE);
    if (rmdir(directory) != 0 && errno != ENOTEMPTY && errno != EEXIST)
        g_info("%s: can't be removed: %s", directory, g_strerror(errno));
}
