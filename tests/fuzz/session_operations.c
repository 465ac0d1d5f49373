/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session_operations.h"

#include <string.h>

#include "ftpsfs/util/error.h"
#include "fuzz_common.h"

#define DIRECTORY "/d"
#define FILE_ONE  "/d/one"
#define FILE_TWO  "/d/two words; x=1"
#define NEW       "/d/n\xc3\xa4w.txt"
#define ELSEWHERE "/e/one"
#define CONTENT   "some words of content\n"
#define WHEN      G_GINT64_CONSTANT(1700000000)

/* No more names are kept of a listing. */
#define NAMES_MAX 4

typedef struct {
    Remote *remote;
    GPtrArray *names;
    OperationPath allow;
    GError *error; /* of the last call */
} Run;

/* A result without an error, or an error that can be shown. */
static void check(Run *run, gboolean good)
{
    g_assert_cmpint(good, ==, run->error == NULL);
    if (!good)
        fuzz_check_error(run->error);
    g_clear_error(&run->error);
}

static const char *name(const Run *run, const char *path)
{
    run->allow(path);
    return path;
}

static gboolean take_name(const RemoteEntry *entry, gpointer data, GError **error)
{
    (void)error;
    Run *run = data;
    if (run->names->len < NAMES_MAX)
        g_ptr_array_add(run->names, g_strdup(entry->name->str));
    return TRUE;
}

static void drop_names(gpointer data)
{
    g_ptr_array_set_size(((Run *)data)->names, 0);
}

static void list(Run *run, gboolean longer)
{
    drop_names(run);
    const char *path = name(run, DIRECTORY);
    check(run,
          longer
              ? remote_list_long(run->remote, path, take_name, drop_names, run, NULL, &run->error)
              : remote_list(run->remote, path, take_name, drop_names, run, NULL, &run->error));
}

static void stat_path(Run *run, const char *path, gboolean exact)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    run->allow(DIRECTORY); /* is listed where the path may be a link */
    check(run, exact ? remote_stat_exact(run->remote, name(run, path), entry, NULL, &run->error)
                     : remote_stat(run->remote, name(run, path), entry, NULL, &run->error));
}

static void stat_many(Run *run)
{
    const char *const paths[] = {FILE_ONE, FILE_TWO, "/d/line\nDELE x", ELSEWHERE};
    RemoteQuery queries[G_N_ELEMENTS(paths)] = {0};
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
        queries[i] = (RemoteQuery){.path = g_strdup(name(run, paths[i])),
                                   .want = REMOTE_HAS_SIZE | REMOTE_HAS_MTIME};
    check(run, remote_stat_batch(run->remote, queries, G_N_ELEMENTS(queries), NULL, &run->error));
    for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
        g_assert_cmpuint(queries[i].size, <=, G_MAXINT64);
        g_free(queries[i].path);
    }
}

static void rename_path(Run *run, const char *from, const char *to)
{
    name(run, from);
    check(run, remote_rename(run->remote, from, name(run, to), NULL, &run->error));
}

static void attributes(Run *run, const char *path, guint32 mode, gint64 mtime)
{
    check(run, remote_set_attributes(run->remote, name(run, path), mode, mtime, NULL, &run->error));
}

static void owner(Run *run, RemoteAccount kind)
{
    const char *account = kind == REMOTE_OWNER ? "owner" : "group";
    check(run,
          remote_set_owner(run->remote, name(run, FILE_ONE), kind, account, NULL, &run->error));
    check(run,
          remote_set_owner(run->remote, FILE_ONE, kind, "a\r\nDELE /d/one", NULL, &run->error));
}

static void settle(Run *run)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    run->allow(DIRECTORY);
    check(run,
          remote_finalize(run->remote, name(run, FILE_ONE), 0640, WHEN, entry, NULL, &run->error));
}

static void symlink_paths(Run *run, const char *target, const char *absolute, const char *path)
{
    name(run, absolute);
    check(run, remote_symlink(run->remote, target, name(run, path), NULL, &run->error));
}

static void copy(Run *run)
{
    name(run, FILE_ONE);
    check(run, remote_copy(run->remote, FILE_ONE, name(run, NEW), NULL, &run->error));
}

static void hash(Run *run, RemoteHash kind)
{
    g_autofree char *found = remote_hash(run->remote, kind, name(run, FILE_ONE), NULL, &run->error);
    g_assert_true(found == NULL ||
                  strspn(found, "0123456789abcdef") == (kind == REMOTE_HASH_MD5 ? 32u : 64u));
    check(run, found != NULL);
}

static void space(Run *run)
{
    guint64 bytes = 0, total = 0;
    check(run,
          remote_available(run->remote, name(run, DIRECTORY), &bytes, &total, NULL, &run->error));
}

static void measure(Run *run)
{
    guint64 size = 0;
    check(run, remote_measure(run->remote, name(run, FILE_ONE), &size, NULL, &run->error));
}

/* Reads to the end, but no endless stream. */
static void drain(Run *run, RemoteStream *stream, guint64 most)
{
    char buffer[4096];
    check(run, stream != NULL);
    gssize got = stream != NULL ? 1 : 0;
    for (guint64 done = 0; got > 0 && done <= most; done += (guint64)got) {
        got = remote_stream_read(stream, buffer, sizeof buffer, NULL, &run->error);
        check(run, got >= 0);
    }
    remote_stream_close(stream);
}

static void read_from(Run *run, const char *path, guint64 offset, guint64 size)
{
    drain(run, remote_stream_open(run->remote, name(run, path), offset, size, NULL, &run->error),
          G_MAXUINT32);
}

static void read_range(Run *run)
{
    gboolean ends = FALSE;
    RemoteStream *stream =
        remote_read_range(run->remote, name(run, FILE_ONE), 2, 9, 1000, &ends, NULL, &run->error);
    drain(run, stream, 7);
}

static RemoteStream *store(Run *run, const char *path, RemoteStore how, guint64 offset)
{
    RemoteStream *stream =
        remote_store_open(run->remote, name(run, path), how, offset, NULL, &run->error);
    check(run, stream != NULL);
    if (stream == NULL)
        return NULL;
    gboolean written = remote_stream_write(stream, CONTENT, strlen(CONTENT), NULL, &run->error);
    check(run, written);
    if (written)
        return stream;
    remote_stream_close(stream);
    return NULL;
}

static void store_plain(Run *run, RemoteStore how, guint64 offset)
{
    RemoteStream *stream = store(run, FILE_TWO, how, offset);
    if (stream != NULL)
        check(run, remote_stream_finish(stream, NULL, &run->error));
}

static void store_settled(Run *run, guint32 mode, gint64 mtime, gboolean looks)
{
    g_autoptr(RemoteEntry) entry = entry_new();
    g_autoptr(RemoteEntry) seen = entry_new();
    RemoteExtraStat look = {.path = name(run, FILE_ONE), .entry = seen};
    gboolean settled = FALSE;
    run->allow(DIRECTORY);
    RemoteStream *stream = store(run, FILE_TWO, REMOTE_STORE_NEW, 0);
    if (stream != NULL)
        check(run,
              remote_stream_finish_and_finalize(stream, run->remote, FILE_TWO, mode, mtime, entry,
                                                looks ? &look : NULL, &settled, NULL, &run->error));
}

/* A stream that holds the connection while another operation wants one. */
static void hold(Run *run)
{
    g_autoptr(GCancellable) yield = g_cancellable_new();
    RemoteStream *stream =
        remote_stream_open(run->remote, name(run, FILE_ONE), 0, 5000, NULL, &run->error);
    check(run, stream != NULL);
    if (stream == NULL)
        return;
    remote_stream_allow_yield(stream, yield);
    remote_stream_touch(stream);
    stat_path(run, FILE_TWO, TRUE);
    remote_stream_close(stream);
}

/* What local users may call their files, and what must not become lines of its own. */
static void hostile_names(Run *run)
{
    const char *const paths[] = {"/d/a\r\nDELE /d/one",          "/d/a\rDELE one", "/d/a\nDELE one",
                                 "/d/\xef\x9c\x8d\xef\x9c\x8aX", "/d/ -R \"q\" ",  "/d/\xff\xfe",
                                 "/d/20200101000000 one"};
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        check(run, remote_unlink(run->remote, name(run, paths[i]), NULL, &run->error));
        rename_path(run, FILE_ONE, paths[i]);
        rename_path(run, paths[i], FILE_ONE);
        attributes(run, paths[i], 0600, WHEN);
        symlink_paths(run, "one", FILE_ONE, paths[i]);
        stat_path(run, paths[i], TRUE);
        read_from(run, paths[i], 0, 10);
    }
}

/* What a mount does with names that the server has told. */
static void told_names(Run *run)
{
    for (guint i = 0; i < run->names->len; i++) {
        g_autofree char *path =
            g_build_path("/", DIRECTORY, g_ptr_array_index(run->names, i), NULL);
        stat_path(run, path, FALSE);
        stat_path(run, path, TRUE);
        read_from(run, path, 0, 20);
        attributes(run, path, 0600, WHEN);
        rename_path(run, path, NEW);
        check(run, remote_mkdir(run->remote, name(run, path), NULL, &run->error));
        check(run, remote_rmdir(run->remote, path, NULL, &run->error));
        check(run, remote_unlink(run->remote, path, NULL, &run->error));
    }
}

/* ---- by letters ---- */

static void change_names(Run *run, char letter)
{
    switch (letter) {
    case 'm':
        check(run, remote_mkdir(run->remote, name(run, "/d/new.dir"), NULL, &run->error));
        break;
    case 'M':
        check(run, remote_rmdir(run->remote, name(run, "/d/new.dir"), NULL, &run->error));
        break;
    case 'e':
        check(run, remote_unlink(run->remote, name(run, FILE_TWO), NULL, &run->error));
        break;
    case 'r':
        rename_path(run, FILE_ONE, NEW);
        break;
    case 'R':
        rename_path(run, NEW, ELSEWHERE);
        break;
    case 'k':
        symlink_paths(run, "../e/one", ELSEWHERE, "/d/link");
        break;
    case 'y':
        copy(run);
        break;
    case 'd':
        told_names(run);
        break;
    case 'n':
        hostile_names(run);
        break;
    default:
        break;
    }
}

static void change_content(Run *run, char letter)
{
    switch (letter) {
    case 'w':
        store_plain(run, REMOTE_STORE_NEW, 0);
        break;
    case 'W':
        store_plain(run, REMOTE_STORE_APPEND, strlen(CONTENT));
        break;
    case 'X':
        store_plain(run, REMOTE_STORE_AT, 5);
        break;
    case 'q':
        store_settled(run, G_MAXUINT32, G_MININT64, FALSE);
        break;
    case 'Q':
        store_settled(run, 0644, G_MININT64, TRUE);
        break;
    case 'T':
        store_settled(run, 0644, WHEN, TRUE);
        break;
    case 'K':
        remote_stream_close(store(run, FILE_TWO, REMOTE_STORE_NEW, 0));
        break;
    case 'u':
        check(run, remote_reserve(run->remote, 5000, NULL, &run->error));
        break;
    case 'p':
        remote_probe_rest_stor(run->remote, name(run, "/d/.scratch"), NULL);
        break;
    default:
        break;
    }
}

static void change_attributes(Run *run, char letter)
{
    switch (letter) {
    case 'c':
        attributes(run, FILE_ONE, 0600, G_MININT64);
        break;
    case 't':
        attributes(run, FILE_ONE, G_MAXUINT32, WHEN);
        break;
    case 'a':
        attributes(run, FILE_ONE, 0644, WHEN + 1);
        break;
    case 'o':
        owner(run, REMOTE_OWNER);
        break;
    case 'g':
        owner(run, REMOTE_GROUP);
        break;
    case 'S':
        settle(run);
        break;
    default:
        break;
    }
}

static void look(Run *run, char letter)
{
    switch (letter) {
    case 'l':
    case 'L':
        list(run, letter == 'L');
        break;
    case 's':
    case 'x':
        stat_path(run, FILE_ONE, letter == 'x');
        break;
    case 'b':
        stat_many(run);
        break;
    case 'z':
        measure(run);
        break;
    case 'h':
        hash(run, REMOTE_HASH_SHA256);
        break;
    case 'H':
        hash(run, REMOTE_HASH_MD5);
        break;
    case 'v':
        space(run);
        break;
    case 'f':
        remote_is_gone(run->remote, NULL);
        break;
    case 'i':
        read_from(run, FILE_ONE, 0, strlen(CONTENT));
        break;
    case 'I':
        read_from(run, FILE_ONE, 3, G_MAXUINT64);
        break;
    case 'j':
        read_range(run);
        break;
    case 'J':
        hold(run);
        break;
    default:
        break;
    }
}

void operation_run(Remote *remote, char letter, GPtrArray *names, OperationPath allow)
{
    Run run = {.remote = remote, .names = names, .allow = allow};
    look(&run, letter);
    change_names(&run, letter);
    change_content(&run, letter);
    change_attributes(&run, letter);
}
