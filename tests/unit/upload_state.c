/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of an upload: which follow each other, and what a change of the file makes of them. */
#include "cache/file/upload_private.h"

#define ALL UPLOAD_STATES

static const char *const names[] = {"NONE", "STREAMING", "STALE", "PAUSED", "FINISHING", "WHOLE"};

/* In the rows and columns of upload.h. */
static const char *const table[] = {"xx--xx", "--xxxx", "----xx", "xx--xx", "x---xx", "xx--xx"};

/* An upload that has come to a state the way that it does. */
static Upload *upload_in(UploadState state)
{
    Upload *upload = upload_new();
    g_assert_cmpint(upload_state(upload), ==, UPLOAD_NONE);
    if (state == UPLOAD_STALE || state == UPLOAD_PAUSED)
        upload_go(upload, UPLOAD_STREAMING);
    upload_go(upload, state);
    g_assert_cmpint(upload_state(upload), ==, state);
    return upload;
}

static void test_legal(void)
{
    for (guint from = 0; from < ALL; from++)
        for (guint to = 0; to < ALL; to++) {
            gboolean legal = table[from][to] == 'x';
            g_assert_cmpint(upload_may_go(from, to), ==, legal);
            if (!legal)
                continue;
            Upload *upload = upload_in(from);
            upload_go(upload, to);
            g_assert_cmpint(upload_state(upload), ==, to);
            upload_free(upload);
        }
}

/* In a program of its own, which a build with assertions ends. `data`: both states. */
static void test_illegal(gconstpointer data)
{
    UploadState from = GPOINTER_TO_UINT(data) / ALL, to = GPOINTER_TO_UINT(data) % ALL;
    g_autofree char *message =
        g_strdup_printf("*upload went from %s to %s*", names[from], names[to]);
    if (g_test_subprocess()) {
        Upload *upload = upload_in(from);
#ifdef NDEBUG
        g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, message);
#endif
        upload_go(upload, to);
        g_test_assert_expected_messages();
        g_assert_cmpint(upload_state(upload), ==, UPLOAD_WHOLE);
        upload_free(upload);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
#ifdef NDEBUG
    g_test_trap_assert_passed();
#else
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(message);
#endif
}

/* Of an upload that has sent ten bytes of twenty. */
static void check_change(UploadState before, guint64 start, guint64 end, UploadState after,
                         guint64 frontier)
{
    Upload *upload = upload_in(before);
    upload->sent = 10;
    upload->frontier = 20;
    upload_want(upload, 0600, 1234567890);
    upload_note_change(upload, start, end);
    g_assert_cmpint(upload_state(upload), ==, after);
    g_assert_cmpuint(upload->frontier, ==, frontier);
    g_assert_cmpuint(upload_wanted(upload).mode, ==, 0600);
    g_assert_cmpint(upload_wanted(upload).mtime, ==, G_MININT64);
    upload_free(upload);
}

static void test_change(void)
{
    check_change(UPLOAD_STREAMING, 9, 10, UPLOAD_STALE, 20);
    check_change(UPLOAD_PAUSED, 9, 10, UPLOAD_WHOLE, 20);
    for (UploadState state = 0; state < UPLOAD_STATES; state++) {
        check_change(state, 10, 15, state, 20);
        check_change(state, 20, 30, state, 30);
        /* Behind a hole, and cut. */
        check_change(state, 21, 30, state, 20);
        check_change(state, 15, 15, state, 15);
        check_change(state, 40, 40, state, 20);
        if (state != UPLOAD_STREAMING && state != UPLOAD_PAUSED)
            check_change(state, 0, 5, state, 20);
    }
}

static void test_empty(void)
{
    for (UploadState state = 0; state < UPLOAD_STATES; state++) {
        Upload *upload = upload_in(state);
        gboolean empty = state == UPLOAD_STREAMING || state == UPLOAD_PAUSED;
        g_assert_cmpint(upload_is_empty(upload), ==, empty);
        upload->sent = 1;
        g_assert_false(upload_is_empty(upload));
        upload_free(upload);
    }
}

static void test_wanted(void)
{
    Upload *upload = upload_new();
    g_assert_cmpuint(upload_wanted(upload).mode, ==, G_MAXUINT32);
    g_assert_cmpint(upload_wanted(upload).mtime, ==, G_MININT64);
    upload_want(upload, 0600, G_MININT64);
    upload_want(upload, G_MAXUINT32, 5);
    UploadWanted set = upload_wanted(upload);
    g_assert_cmpuint(set.mode, ==, 0600);
    g_assert_cmpint(set.mtime, ==, 5);
    /* Another mode was asked for while these were on their way. */
    upload_want(upload, 0640, G_MININT64);
    upload_had(upload, &set);
    g_assert_cmpuint(upload_wanted(upload).mode, ==, 0640);
    g_assert_cmpint(upload_wanted(upload).mtime, ==, G_MININT64);
    upload_free(upload);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upload_state/legal transitions are carried out", test_legal);
    for (guint i = 0; i < ALL * ALL; i++) {
        g_autofree char *path =
            g_strdup_printf("/upload_state/no way from %s to %s", names[i / ALL], names[i % ALL]);
        if (table[i / ALL][i % ALL] != 'x')
            g_test_add_data_func(path, GUINT_TO_POINTER(i), test_illegal);
    }
    g_test_add_func("/upload_state/a change below what was sent is noticed", test_change);
    g_test_add_func("/upload_state/only what has begun and sent nothing is empty", test_empty);
    g_test_add_func("/upload_state/attributes are wanted until they are set", test_wanted);
    return g_test_run();
}
