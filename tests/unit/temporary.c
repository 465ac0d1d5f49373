/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A temporary takes the name of a file: at no moment is there neither the old nor the new. */
#include "cache/temporary/temporary.h"

#include "fake_remote.h"
#include "tree_fixture.h"

#define OLD_SIZE 11
#define NEW_SIZE 22

typedef struct {
    const char *name;
    gboolean rename_over; /* the server's way */
    gboolean no_aside;
    /* fake_fail; 0 times: nothing fails. The renames are: over the file, the file aside, the
     * temporary to the name, the file back. */
    FakeOp op;
    guint skip, times;
    FtpsfsErrorCode code;
    gboolean done;
    gboolean no_stat; /* the server does not say what it has */
    /* What comes of it: */
    gint error;                     /* 0: none */
    guint64 size, temporary, aside; /* of each of the names; 0: not there */
    guint renames;
    GLogLevelFlags level; /* of what the user is told; 0: nothing */
    const char *message;
} Case;

static const Case cases[] = {
    {"a server that renames over a file is let to", .rename_over = TRUE, .size = NEW_SIZE,
     .renames = 1},
    {"where it refuses, the file goes aside and is removed", .size = NEW_SIZE, .renames = 3},
    {"without a name for it nothing goes aside", .no_aside = TRUE, .error = FTPSFS_ERROR_EXISTS,
     .size = OLD_SIZE, .temporary = NEW_SIZE, .renames = 1},
    {"what is no refusal moves nothing aside", .op = FAKE_RENAME, .times = 1,
     .code = FTPSFS_ERROR_LOST, .error = FTPSFS_ERROR_LOST, .size = OLD_SIZE, .temporary = NEW_SIZE,
     .renames = 1},
    {"a temporary that is gone moves nothing aside", .op = FAKE_RENAME, .times = 1,
     .code = FTPSFS_ERROR_NOT_FOUND, .error = FTPSFS_ERROR_NOT_FOUND, .size = OLD_SIZE,
     .temporary = NEW_SIZE, .renames = 1},
    {"a file that may not go aside stays", .op = FAKE_RENAME, .skip = 1, .times = 1,
     .code = FTPSFS_ERROR_ACCESS, .error = FTPSFS_ERROR_ACCESS, .size = OLD_SIZE,
     .temporary = NEW_SIZE, .renames = 2},
    {"a file that went aside unheard comes back", .op = FAKE_RENAME, .skip = 1, .times = 1,
     .code = FTPSFS_ERROR_LOST, .done = TRUE, .error = FTPSFS_ERROR_LOST, .size = OLD_SIZE,
     .temporary = NEW_SIZE, .renames = 3},
    {"a file that did not go aside is not looked for", .op = FAKE_RENAME, .skip = 1, .times = 1,
     .code = FTPSFS_ERROR_LOST, .error = FTPSFS_ERROR_LOST, .size = OLD_SIZE, .temporary = NEW_SIZE,
     .renames = 3},
    {"when the temporary is refused the file comes back", .op = FAKE_RENAME, .skip = 2, .times = 1,
     .code = FTPSFS_ERROR_ACCESS, .error = FTPSFS_ERROR_ACCESS, .size = OLD_SIZE,
     .temporary = NEW_SIZE, .renames = 4},
    {"when the command is lost the file comes back", .op = FAKE_RENAME, .skip = 2, .times = 1,
     .code = FTPSFS_ERROR_LOST, .error = FTPSFS_ERROR_LOST, .size = OLD_SIZE, .temporary = NEW_SIZE,
     .renames = 4},
    {"when its reply alone is lost all is done", .op = FAKE_RENAME, .skip = 2, .times = 1,
     .code = FTPSFS_ERROR_LOST, .done = TRUE, .size = NEW_SIZE, .renames = 3},
    {"when nobody knows, the user is told", .op = FAKE_RENAME, .skip = 2, .times = 1,
     .code = FTPSFS_ERROR_LOST, .no_stat = TRUE, .error = FTPSFS_ERROR_LOST, .temporary = NEW_SIZE,
     .aside = OLD_SIZE, .renames = 3, .level = G_LOG_LEVEL_WARNING, .message = "*unknown*/m/old*"},
    {"when the file can't come back the user is told", .op = FAKE_RENAME, .skip = 2, .times = 2,
     .code = FTPSFS_ERROR_ACCESS, .error = FTPSFS_ERROR_ACCESS, .temporary = NEW_SIZE,
     .aside = OLD_SIZE, .renames = 4, .level = G_LOG_LEVEL_WARNING,
     .message = "*left in \"/m/old\"*Rename it back*"},
    {"what may not be removed is told", .op = FAKE_UNLINK, .times = 1, .code = FTPSFS_ERROR_ACCESS,
     .size = NEW_SIZE, .aside = OLD_SIZE, .renames = 3, .level = G_LOG_LEVEL_MESSAGE,
     .message = "/m/old: a temporary file is left there*"},
    {"what could not be removed is removed later", .op = FAKE_UNLINK, .times = 1,
     .code = FTPSFS_ERROR_LOST, .size = NEW_SIZE, .aside = OLD_SIZE, .renames = 3},
};

static guint64 size_of(Remote *remote, const char *path)
{
    return fake_exists(remote, path) ? fake_size(remote, path) : 0;
}

static void prepare(Remote *remote, const Case *c)
{
    fake_settings(remote)->rename_over = c->rename_over;
    fake_settings(remote)->tell_exists = TRUE;
    fake_put_file(remote, "/m/f", OLD_SIZE, 100);
    fake_put_file(remote, "/m/new", NEW_SIZE, 200);
    if (c->times > 0)
        fake_fail(remote, c->op, c->skip, c->times, c->code, c->done);
    if (c->no_stat)
        fake_fail(remote, FAKE_STAT, 0, 9, FTPSFS_ERROR_LOST, FALSE);
    if (c->level != 0)
        g_test_expect_message(G_LOG_DOMAIN, c->level, c->message);
}

static void test_move_over(gconstpointer data)
{
    const Case *c = data;
    Fixture f;
    fixture_init(&f);
    prepare(f.remote, c);
    Workers *workers = workers_new(1);
    GCancellable *cancel = g_cancellable_new();
    TemporaryCleanup *cleanup = temporary_cleanup_new(f.remote, workers, 1, cancel);
    g_autoptr(GError) error = NULL;
    gboolean ok = temporary_move_over(f.remote, cleanup, "/m/new", "/m/f",
                                      c->no_aside ? NULL : "/m/old", &error);
    g_test_assert_expected_messages();
    g_assert_cmpint(ok, ==, c->error == 0);
    if (!ok)
        g_assert_error(error, FTPSFS_ERROR, c->error);
    g_assert_cmpuint(size_of(f.remote, "/m/f"), ==, c->size);
    g_assert_cmpuint(size_of(f.remote, "/m/new"), ==, c->temporary);
    g_assert_cmpuint(size_of(f.remote, "/m/old"), ==, c->aside);
    g_assert_cmpuint(fake_count(f.remote, FAKE_RENAME), ==, c->renames);
    temporary_cleanup_end(cleanup);
    /* Who was told has to do it; else the end has done it. */
    if (c->level == 0)
        g_assert_false(fake_exists(f.remote, "/m/old"));
    workers_free(workers);
    temporary_cleanup_free(cleanup);
    g_object_unref(cancel);
    fixture_clear(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/temporary/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_move_over);
    }
    return g_test_run();
}
