/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/error.h"

#include <errno.h>
#include <gio/gio.h>

static GError *error_of(FtpsfsErrorCode code)
{
    return g_error_new_literal(FTPSFS_ERROR, (gint)code, "a failure");
}

static void assert_classes(FtpsfsErrorCode code, guint classes)
{
    g_autoptr(GError) error = error_of(code);
    for (guint bit = 1; bit <= FTPSFS_ERROR_CLASS_PASSING; bit <<= 1)
        g_assert_cmpint(ftpsfs_error_has(error, (FtpsfsErrorClass)bit), ==, (classes & bit) != 0);
}

static void each_code_has_an_errno(void)
{
    for (int code = 0; code <= FTPSFS_ERROR_CONFIG; code++) {
        g_autoptr(GError) error = error_of((FtpsfsErrorCode)code);
        g_assert_cmpint(ftpsfs_error_errno(error), >, 0);
    }
}

/* A lost connection says nothing of what was done: nobody may take it for a refusal. */
static void no_code_is_both_a_refusal_and_an_outage(void)
{
    for (int code = 0; code <= FTPSFS_ERROR_CONFIG; code++) {
        g_autoptr(GError) error = error_of((FtpsfsErrorCode)code);
        g_assert_false(ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_REFUSAL) &&
                       ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_OUTAGE));
    }
}

static void classes_contain_one_another(void)
{
    for (int code = 0; code <= FTPSFS_ERROR_CONFIG; code++) {
        g_autoptr(GError) error = error_of((FtpsfsErrorCode)code);
        gboolean repeatable = ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_REPEATABLE);
        gboolean connection = ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_CONNECTION);
        gboolean outage = ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_OUTAGE);
        g_assert_true(!repeatable || connection);
        g_assert_true(!connection || outage);
        g_assert_true(!outage || ftpsfs_error_has(error, FTPSFS_ERROR_CLASS_PASSING));
    }
}

static void some_codes_by_name(void)
{
    assert_classes(FTPSFS_ERROR_NOT_FOUND,
                   FTPSFS_ERROR_CLASS_REFUSAL | FTPSFS_ERROR_CLASS_ORDINARY);
    assert_classes(FTPSFS_ERROR_NO_SPACE, FTPSFS_ERROR_CLASS_REFUSAL | FTPSFS_ERROR_CLASS_PASSING);
    assert_classes(FTPSFS_ERROR_INTERRUPTED,
                   FTPSFS_ERROR_CLASS_ORDINARY | FTPSFS_ERROR_CLASS_PASSING);
    assert_classes(FTPSFS_ERROR_TIMEOUT, FTPSFS_ERROR_CLASS_CONNECTION | FTPSFS_ERROR_CLASS_OUTAGE |
                                             FTPSFS_ERROR_CLASS_PASSING);
    assert_classes(FTPSFS_ERROR_LOGIN, FTPSFS_ERROR_CLASS_PASSING);
    assert_classes(FTPSFS_ERROR_CONFIG, 0);
}

static void errors_of_others_are_in_no_class(void)
{
    g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
    g_assert_false(ftpsfs_error_has(error, (FtpsfsErrorClass)G_MAXUINT));
    g_assert_cmpint(ftpsfs_error_errno(error), ==, EIO);
    g_assert_false(ftpsfs_error_has(NULL, (FtpsfsErrorClass)G_MAXUINT));
    g_assert_cmpint(ftpsfs_error_errno(NULL), ==, EIO);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/errno", each_code_has_an_errno);
    g_test_add_func("/error/refusal-or-outage", no_code_is_both_a_refusal_and_an_outage);
    g_test_add_func("/error/nested", classes_contain_one_another);
    g_test_add_func("/error/codes", some_codes_by_name);
    g_test_add_func("/error/others", errors_of_others_are_in_no_class);
    return g_test_run();
}
