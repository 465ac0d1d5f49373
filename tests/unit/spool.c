/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache/spool/spool.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ftpsfs/util/error.h"

typedef struct {
    char *directory;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    fixture->directory = g_dir_make_tmp("ftpsfs-spool-XXXXXX", &error);
    g_assert_no_error(error);
}

static guint entries_in(const char *directory)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(directory, 0, &error);
    g_assert_no_error(error);
    guint n = 0;
    while (g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

/* Every test leaves the directory empty: a crash leaves no temporary file behind either. */
static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_assert_cmpuint(entries_in(fixture->directory), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
}

static Spool *make(Fixture *fixture, guint64 base_size)
{
    g_autoptr(GError) error = NULL;
    Spool *spool = spool_new(fixture->directory, base_size, &error);
    g_assert_no_error(error);
    g_assert_nonnull(spool);
    return spool;
}

static void write_text(Spool *spool, const char *text, guint64 offset)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(spool_write(spool, text, strlen(text), offset, &error));
    g_assert_no_error(error);
}

static void fill_text(Spool *spool, const char *text, guint64 offset)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(spool_fill(spool, text, strlen(text), offset, &error));
    g_assert_no_error(error);
}

static void truncate_to(Spool *spool, guint64 size)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(spool_truncate(spool, size, &error));
    g_assert_no_error(error);
}

static void assert_content(const Spool *spool, guint64 offset, const char *expected, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *buffer = g_malloc(length + 1);
    memset(buffer, 'x', length + 1);
    g_assert_cmpint(spool_read(spool, buffer, length, offset, &error), ==, (gssize)length);
    g_assert_no_error(error);
    g_assert_cmpint(memcmp(buffer, expected, length), ==, 0);
    g_assert_cmpint(buffer[length], ==, 'x');
}

static void assert_missing(const Spool *spool, guint64 start, guint64 end, Extent expected)
{
    Extent missing;
    g_assert_true(spool_missing(spool, start, end, &missing));
    g_assert_cmpuint(missing.start, ==, expected.start);
    g_assert_cmpuint(missing.end, ==, expected.end);
}

static void assert_dirty(const Spool *spool, guint64 start, guint64 end)
{
    Extent dirty;
    g_assert_true(spool_is_dirty(spool));
    g_assert_true(spool_dirty_range(spool, &dirty));
    g_assert_cmpuint(dirty.start, ==, start);
    g_assert_cmpuint(dirty.end, ==, end);
}

static void assert_no_dirty_bytes(const Spool *spool)
{
    Extent dirty;
    g_assert_false(spool_dirty_range(spool, &dirty));
}

static void a_new_spool_shows_the_remote_file(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 100);
    g_assert_cmpuint(spool_size(spool), ==, 100);
    g_assert_cmpuint(spool_base_size(spool), ==, 100);
    g_assert_false(spool_is_dirty(spool));
    assert_no_dirty_bytes(spool);
    assert_missing(spool, 10, 200, (Extent){10, 100});
    Extent missing;
    g_assert_false(spool_missing(spool, 100, 200, &missing));
}

static void a_read_of_what_is_not_local_fails(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 10);
    fill_text(spool, "abc", 0);
    g_autoptr(GError) error = NULL;
    char buffer[8];
    g_assert_cmpint(spool_read(spool, buffer, 4, 0, &error), ==, -1);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO);
    assert_content(spool, 0, "abc", 3);
}

static void a_gap_reads_as_zeros(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 0);
    write_text(spool, "end", 5);
    g_assert_cmpuint(spool_size(spool), ==, 8);
    assert_content(spool, 0, "\0\0\0\0\0end", 8);
    assert_dirty(spool, 0, 8);
}

static void a_read_ends_at_the_logical_end(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 0);
    write_text(spool, "abcdef", 0);
    g_autoptr(GError) error = NULL;
    char buffer[32];
    g_assert_cmpint(spool_read(spool, buffer, sizeof buffer, 4, &error), ==, 2);
    g_assert_cmpint(spool_read(spool, buffer, sizeof buffer, 6, &error), ==, 0);
    g_assert_cmpint(spool_read(spool, buffer, sizeof buffer, G_MAXUINT64, &error), ==, 0);
    g_assert_no_error(error);
}

static void remote_content_goes_under_what_was_written(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 10);
    write_text(spool, "XY", 4);
    write_text(spool, "Z", 8);
    assert_missing(spool, 0, 10, (Extent){0, 4});
    assert_missing(spool, 4, 10, (Extent){6, 8});
    /* Ten bytes of the file and two that are no part of it. */
    fill_text(spool, "0123456789##", 0);
    assert_content(spool, 0, "0123XY67Z9", 10);
    g_assert_cmpuint(spool_size(spool), ==, 10);
    assert_dirty(spool, 4, 9);
}

static void a_cut_tail_comes_back_as_zeros(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 10);
    fill_text(spool, "0123456789", 0);
    truncate_to(spool, 4);
    g_assert_cmpuint(spool_base_size(spool), ==, 4);
    g_assert_true(spool_is_dirty(spool));
    assert_no_dirty_bytes(spool);
    truncate_to(spool, 10);
    g_assert_cmpuint(spool_base_size(spool), ==, 4);
    assert_content(spool, 0, "0123\0\0\0\0\0\0", 10);
    assert_dirty(spool, 4, 10);
    /* What the server has there is no longer part of the file. */
    fill_text(spool, "456789", 4);
    assert_content(spool, 0, "0123\0\0\0\0\0\0", 10);
}

static void a_size_changed_back_is_still_dirty(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 10);
    truncate_to(spool, 10);
    g_assert_false(spool_is_dirty(spool));
    truncate_to(spool, 20);
    truncate_to(spool, 10);
    g_assert_true(spool_is_dirty(spool));
    spool_clean(spool);
    g_assert_false(spool_is_dirty(spool));
}

static void clean_keeps_what_is_local(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 4);
    write_text(spool, "tail", 8);
    spool_clean(spool);
    g_assert_false(spool_is_dirty(spool));
    assert_no_dirty_bytes(spool);
    g_assert_cmpuint(spool_base_size(spool), ==, 12);
    assert_missing(spool, 0, 12, (Extent){0, 4});
    assert_content(spool, 4, "\0\0\0\0tail", 8);
}

static void huge_offsets_cost_nothing_or_are_refused(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autoptr(Spool) spool = make(fixture, 0);
    g_autoptr(GError) error = NULL;
    truncate_to(spool, SPOOL_MAX);
    assert_content(spool, SPOOL_MAX - 4, "\0\0\0\0", 4);
    g_assert_false(spool_truncate(spool, SPOOL_MAX + 1, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TOO_BIG);
    g_clear_error(&error);
    g_assert_false(spool_write(spool, "ab", 2, SPOOL_MAX - 1, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TOO_BIG);
    g_clear_error(&error);
    g_assert_false(spool_write(spool, "ab", 2, G_MAXUINT64 - 1, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TOO_BIG);
    g_clear_error(&error);
    g_assert_null(spool_new(fixture->directory, G_MAXUINT64, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_TOO_BIG);
    g_assert_cmpuint(spool_size(spool), ==, SPOOL_MAX);
}

static void an_unusable_directory_shows_at_the_first_byte(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Spool) spool = spool_new("/nonexistent/ftpsfs", 10, &error);
    g_assert_no_error(error);
    truncate_to(spool, 20);
    g_assert_true(spool_write(spool, "", 0, 30, &error));
    g_assert_no_error(error);
    g_assert_false(spool_write(spool, "x", 1, 0, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "/nonexistent/ftpsfs"));
    g_clear_error(&error);
    g_assert_false(spool_fill(spool, "x", 1, 0, &error));
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_IO);
    g_assert_cmpuint(spool_size(spool), ==, 20);
    assert_missing(spool, 0, 20, (Extent){0, 10});
    assert_dirty(spool, 10, 20);
}

/* With RLIMIT_FSIZE a write that crosses the limit is cut short and the next one fails, as on a
 * disk that runs full. */
static void limit_files(rlim_t bytes, struct rlimit *before)
{
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, before), ==, 0);
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = before->rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void unlimit_files(const struct rlimit *before)
{
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, before), ==, 0);
    signal(SIGXFSZ, SIG_DFL);
}

static void a_full_disk_leaves_the_written_part(Fixture *fixture, gconstpointer data)
{
    (void)data;
    enum { LIMIT = 8192, LENGTH = 3000 };
    g_autoptr(Spool) spool = make(fixture, 20000);
    g_autofree char *text = g_strnfill(LENGTH, 'w');
    g_autoptr(GError) error = NULL;
    struct rlimit before;

    limit_files(LIMIT, &before);
    gboolean ok = spool_write(spool, text, LENGTH, LIMIT - 1000, &error);
    unlimit_files(&before);

    g_assert_false(ok);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE);
    g_assert_nonnull(strstr(error->message, fixture->directory));
    assert_content(spool, LIMIT - 1000, text, 1000);
    assert_dirty(spool, LIMIT - 1000, LIMIT);
    assert_missing(spool, LIMIT - 1000, 20000, (Extent){LIMIT, 20000});

    /* There is room again: the rest goes in. */
    g_clear_error(&error);
    g_assert_true(spool_write(spool, text + 1000, LENGTH - 1000, LIMIT, &error));
    g_assert_no_error(error);
    assert_content(spool, LIMIT - 1000, text, LENGTH);
}

static void a_full_disk_cuts_a_file_that_grows(Fixture *fixture, gconstpointer data)
{
    (void)data;
    enum { LIMIT = 4096 };
    g_autoptr(Spool) spool = make(fixture, 0);
    g_autofree char *text = g_strnfill(LIMIT, 'w');
    g_autoptr(GError) error = NULL;
    struct rlimit before;

    limit_files(LIMIT, &before);
    gboolean partly = spool_write(spool, text, LIMIT, 96, NULL);
    guint64 size = spool_size(spool);
    gboolean beyond = spool_write(spool, text, 1, 2 * LIMIT, &error);
    unlimit_files(&before);

    g_assert_false(partly);
    g_assert_cmpuint(size, ==, LIMIT);
    g_assert_false(beyond);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE);
    g_assert_cmpuint(spool_size(spool), ==, LIMIT);
    truncate_to(spool, LIMIT + 4);
    assert_content(spool, LIMIT - 4, "wwww\0\0\0\0", 8);
}

static void a_full_disk_stops_a_fill_without_dirt(Fixture *fixture, gconstpointer data)
{
    (void)data;
    enum { LIMIT = 4096 };
    g_autoptr(Spool) spool = make(fixture, 3 * LIMIT);
    g_autofree char *text = g_strnfill(3 * LIMIT, 'r');
    g_autoptr(GError) error = NULL;
    struct rlimit before;

    limit_files(LIMIT, &before);
    gboolean ok = spool_fill(spool, text, 3 * LIMIT, 0, &error);
    unlimit_files(&before);

    g_assert_false(ok);
    g_assert_error(error, FTPSFS_ERROR, FTPSFS_ERROR_NO_SPACE);
    g_assert_false(spool_is_dirty(spool));
    assert_content(spool, 0, text, LIMIT);
    assert_missing(spool, 0, 3 * LIMIT, (Extent){LIMIT, 3 * LIMIT});
}

/* The exerciser: a spool against flat memory. */

enum { MODEL_SIZE = 32 * 1024, OPERATIONS = 20000 };

typedef struct {
    Spool *spool;
    guint8 remote[MODEL_SIZE]; /* what the server has */
    guint8 wanted[MODEL_SIZE]; /* what the file holds; zeros beyond `size` */
    gboolean local[MODEL_SIZE];
    gboolean dirty[MODEL_SIZE];
    guint64 size, base_size;
    gboolean is_dirty;
} Model;

static guint64 random_up_to(guint64 limit)
{
    return (guint64)g_test_rand_int_range(0, (gint32)limit + 1);
}

/* Mostly short: long ones would soon make everything local. */
static Extent random_range(guint64 limit)
{
    guint64 start = random_up_to(limit);
    guint64 length = random_up_to(random_up_to(9) == 0 ? limit : 600);
    return (Extent){start, MIN(limit, start + length)};
}

static void model_write(Model *model)
{
    Extent range = random_range(MODEL_SIZE);
    gsize length = (gsize)(range.end - range.start);
    g_autofree guint8 *bytes = g_malloc(length + 1);
    for (gsize i = 0; i < length; i++)
        bytes[i] = (guint8)random_up_to(255);
    g_assert_true(spool_write(model->spool, bytes, length, range.start, NULL));
    if (length == 0)
        return;
    memcpy(model->wanted + range.start, bytes, length);
    for (guint64 i = range.start; i < range.end; i++)
        model->local[i] = model->dirty[i] = TRUE;
    model->size = MAX(model->size, range.end);
    model->is_dirty = TRUE;
}

/* Beyond the base size the server's bytes are rubbish, which the spool must not take. */
static void model_fill(Model *model, Extent range)
{
    g_assert_true(spool_fill(model->spool, model->remote + range.start,
                             (gsize)(range.end - range.start), range.start, NULL));
    for (guint64 i = range.start; i < MIN(range.end, model->base_size); i++)
        model->local[i] = TRUE;
}

static void model_truncate(Model *model)
{
    guint64 near = model->size - MIN(model->size, 300) + random_up_to(600);
    guint64 size = random_up_to(4) == 0 ? random_up_to(MODEL_SIZE) : near;
    size = MIN(size, (guint64)MODEL_SIZE);
    g_assert_true(spool_truncate(model->spool, size, NULL));
    for (guint64 i = size; i < MODEL_SIZE; i++) {
        model->wanted[i] = 0;
        model->local[i] = model->dirty[i] = FALSE;
    }
    model->is_dirty |= size != model->size;
    model->base_size = MIN(model->base_size, size);
    model->size = size;
}

static void model_clean(Model *model)
{
    spool_clean(model->spool);
    for (guint64 i = model->base_size; i < model->size; i++)
        model->local[i] = TRUE;
    memset(model->dirty, 0, sizeof model->dirty);
    /* The upload: bytes beyond the end of the file stay rubbish. */
    memcpy(model->remote, model->wanted, (gsize)model->size);
    model->base_size = model->size;
    model->is_dirty = FALSE;
}

static gboolean model_missing(const Model *model, Extent range, Extent *missing)
{
    guint64 end = MIN(range.end, model->base_size);
    guint64 start = range.start;
    while (start < end && model->local[start])
        start++;
    if (start >= end)
        return FALSE;
    *missing = (Extent){start, start};
    while (missing->end < end && !model->local[missing->end])
        missing->end++;
    return TRUE;
}

/* As a reader does it: asks what is missing, gets it, reads. */
static void model_read(Model *model)
{
    Extent range = random_range(MODEL_SIZE);
    gsize length = (gsize)(range.end - range.start);
    g_autofree guint8 *buffer = g_malloc(length + 1);
    Extent expected, missing;
    while (model_missing(model, range, &expected)) {
        g_assert_true(spool_missing(model->spool, range.start, range.end, &missing));
        g_assert_cmpuint(missing.start, ==, expected.start);
        g_assert_cmpuint(missing.end, ==, expected.end);
        g_assert_cmpint(spool_read(model->spool, buffer, length, range.start, NULL), ==, -1);
        model_fill(model, missing);
    }
    g_assert_false(spool_missing(model->spool, range.start, range.end, &missing));
    guint64 end = CLAMP(range.end, range.start, MAX(model->size, range.start));
    gsize readable = (gsize)(end - range.start);
    g_assert_cmpint(spool_read(model->spool, buffer, length, range.start, NULL), ==,
                    (gssize)readable);
    g_assert_cmpint(memcmp(buffer, model->wanted + range.start, readable), ==, 0);
}

static void model_check(const Model *model)
{
    g_assert_cmpuint(spool_size(model->spool), ==, model->size);
    g_assert_cmpuint(spool_base_size(model->spool), ==, model->base_size);
    g_assert_cmpint(spool_is_dirty(model->spool), ==, model->is_dirty);
    guint64 first = 0;
    while (first < model->size && !model->dirty[first] && first < model->base_size)
        first++;
    guint64 last = model->size;
    while (last > first && !model->dirty[last - 1] && last <= model->base_size)
        last--;
    Extent dirty;
    g_assert_cmpint(spool_dirty_range(model->spool, &dirty), ==, first < last);
    if (first < last) {
        g_assert_cmpuint(dirty.start, ==, first);
        g_assert_cmpuint(dirty.end, ==, last);
    }
}

static void random_operations_agree_with_flat_memory(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree Model *model = g_new0(Model, 1);
    for (guint i = 0; i < MODEL_SIZE; i++)
        model->remote[i] = (guint8)random_up_to(255);
    model->size = model->base_size = random_up_to(MODEL_SIZE);
    memcpy(model->wanted, model->remote, (gsize)model->size);
    g_autoptr(Spool) spool = make(fixture, model->size);
    model->spool = spool;

    for (guint i = 0; i < OPERATIONS; i++) {
        guint64 dice = random_up_to(99);
        if (dice < 35)
            model_write(model);
        else if (dice < 50)
            model_fill(model, random_range(MODEL_SIZE));
        else if (dice < 60)
            model_truncate(model);
        else if (dice < 98)
            model_read(model);
        else
            model_clean(model);
        model_check(model);
    }
}

int main(int argc, char **argv)
{
    /* Prints its seed; --seed= repeats a run. */
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/spool/a new spool shows the remote file", a_new_spool_shows_the_remote_file);
    ADD("/spool/a read of what is not local fails", a_read_of_what_is_not_local_fails);
    ADD("/spool/a gap reads as zeros", a_gap_reads_as_zeros);
    ADD("/spool/a read ends at the logical end", a_read_ends_at_the_logical_end);
    ADD("/spool/remote content goes under what was written",
        remote_content_goes_under_what_was_written);
    ADD("/spool/a cut tail comes back as zeros", a_cut_tail_comes_back_as_zeros);
    ADD("/spool/a size changed back is still dirty", a_size_changed_back_is_still_dirty);
    ADD("/spool/clean keeps what is local", clean_keeps_what_is_local);
    ADD("/spool/huge offsets cost nothing or are refused",
        huge_offsets_cost_nothing_or_are_refused);
    g_test_add_func("/spool/an unusable directory shows at the first byte",
                    an_unusable_directory_shows_at_the_first_byte);
    ADD("/spool/a full disk leaves the written part", a_full_disk_leaves_the_written_part);
    ADD("/spool/a full disk cuts a file that grows", a_full_disk_cuts_a_file_that_grows);
    ADD("/spool/a full disk stops a fill without dirt", a_full_disk_stops_a_fill_without_dirt);
    ADD("/spool/random operations agree with flat memory",
        random_operations_agree_with_flat_memory);
    return g_test_run();
}
