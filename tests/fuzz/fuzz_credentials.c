/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where passwords come from, with anything in it: by the first byte a credentials file, what a
 * password_command says, ~/.netrc, or the files that systemd has made. What is found can be sent in
 * one line each; the rest is refused.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "config/credentials/prompt.h"
#include "ftpsfs/config/credentials.h"
#include "ftpsfs/util/error.h"
#include "fuzz_common.h"

/* There is nobody to ask. */
Secret *__wrap_prompt_password(const char *text, GError **error);
Secret *__wrap_prompt_password(const char *text, GError **error)
{
    (void)text;
    g_set_error_literal(error, FTPSFS_ERROR, FTPSFS_ERROR_NOT_FOUND, "no terminal");
    return NULL;
}

static void check_line(const char *text)
{
    g_assert_true(text == NULL || strpbrk(text, "\r\n") == NULL);
}

static void find(const MountConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Credentials) found = credentials_find(config, &error);
    if (found == NULL) {
        fuzz_check_error(error);
        g_assert_true(ftpsfs_error_is(error, FTPSFS_ERROR_CONFIG));
        return;
    }
    g_assert_nonnull(found->user);
    g_assert_nonnull(found->password);
    check_line(found->user);
    check_line(secret_peek(found->password));
    if (found->account != NULL)
        check_line(secret_peek(found->account));
}

/* One file after the other, so that one that is not asked for is not there. */
static void prepare(guint kind, const char *place, const uint8_t *data, size_t size)
{
    static const char *const names[] = {"file", "output", "netrc", "ftpsfs.password",
                                        "ftpsfs.username"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(place, names[i], NULL);
        if (i == kind || (i > kind && kind == 3))
            fuzz_write(path, data, size);
        else
            g_unlink(path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *place, *file, *command;
    if (size == 0)
        return 0;
    if (place == NULL) {
        file = fuzz_path("file");
        place = g_path_get_dirname(file);
        g_autofree char *netrc = fuzz_path("netrc");
        command = g_strdup_printf("cat %s/output", place);
        g_setenv("NETRC", netrc, TRUE);
        g_setenv("CREDENTIALS_DIRECTORY", place, TRUE);
        fuzz_quiet();
    }
    /* A process each is slow. */
    guint kind = data[0] == 0xff ? 1 : data[0] % 3 == 0 ? 0 : data[0] % 3 + 1u;
    prepare(kind, place, data + 1, size - 1);
    g_autoptr(Source) source = source_parse("server.example", NULL);
    MountConfig config = {.source = source,
                          .credentials_file = kind == 0 ? file : NULL,
                          .password_command = kind == 1 ? command : NULL};
    find(&config);
    return 0;
}
