/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/digest.h"

#include <string.h>

/* FIPS 180-2, appendices B.1 to B.3, in pieces of any length. */
static void test_the_sum_is_sha256s(void)
{
    g_autofree char *million = g_strnfill(1000000, 'a');
    const struct {
        const char *text;
        gsize piece;
        const char *sum;
    } rows[] = {
        {"abc", 2, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 7,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {million, 4097, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Digest) digest = digest_new(&error);
        g_assert_no_error(error);
        for (gsize at = 0, length = strlen(rows[i].text); at < length; at += rows[i].piece)
            digest_add(digest, rows[i].text + at, MIN(rows[i].piece, length - at));
        g_autofree char *sum = digest_hex(digest, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(sum, ==, rows[i].sum);
    }
}

static void test_it_may_be_left_unfinished(void)
{
    g_autoptr(Digest) digest = digest_new(NULL);
    digest_add(digest, "abc", 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/digest/the_sum_is_sha256s", test_the_sum_is_sha256s);
    g_test_add_func("/digest/it_may_be_left_unfinished", test_it_may_be_left_unfinished);
    return g_test_run();
}
