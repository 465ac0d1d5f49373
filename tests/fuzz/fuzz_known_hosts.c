/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of known hosts, with anything in it: a server's key is believed, remembered or refused,
 * nothing that stands in the file is ever lost, and after a key was remembered no other is
 * believed.
 */
#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <string.h>

#include "ftpsfs/util/error.h"
#include "fuzz_common.h"
#include "tls/trust_private.h"

#define HOST "Server.example"
#define PORT 990
#define LINE "|g0|server.example|990|"

/* Two certificates of the same name, of which the keys were thrown away. */
static const char one[] =
    "MIIBijCCAS+gAwIBAgIUelU/fyeAgf9knvpgL6foXuU8tWMwCgYIKoZIzj0EAwIwGTEXMBUGA1UE"
    "AwwOc2VydmVyLmV4YW1wbGUwIBcNMjYxMjAxMDM0NjI3WhgPMjEyNjExMDcwMzQ2MjdaMBkxFzAV"
    "BgNVBAMMDnNlcnZlci5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEk5xe0/Q46qAG"
    "MCZlCAs6X842QA8wDp6xB5OA03+c11VsUGl/ob1zPUimUqP+M2b5u5hJ3C6Qp/O/VmCDERwkxqNT"
    "MFEwHQYDVR0OBBYEFMYnRU8JGD7/9/9qXaqbXDeFbR2wMB8GA1UdIwQYMBaAFMYnRU8JGD7/9/9q"
    "XaqbXDeFbR2wMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIYMFeCh3kC7HB9Z"
    "N6MwI957dk2N6tKt9gLQeVOoYnglAiEAkPZNPRaRVzchNS7bdPmq0n8ni5BvEekFNXG1+kr69Ic=";
static const char two[] =
    "MIIBijCCAS+gAwIBAgIUP20nRPfJFPd2V3nOPWty0A9mfdkwCgYIKoZIzj0EAwIwGTEXMBUGA1UE"
    "AwwOc2VydmVyLmV4YW1wbGUwIBcNMjYxMjAxMDM0NjI3WhgPMjEyNjExMDcwMzQ2MjdaMBkxFzAV"
    "BgNVBAMMDnNlcnZlci5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEN+QlY2+L+6XR"
    "L30o1FYGVbpC8Xc+f9kPpE10fVm5Tr62BIbm1VEMIHjSYYEhimDXDEjQDwJekZuN1oV3XVg2bKNT"
    "MFEwHQYDVR0OBBYEFEK9GAhk8DZWUpMISXV08ZMESdGsMB8GA1UdIwQYMBaAFEK9GAhk8DZWUpMI"
    "SXV08ZMESdGsMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIOx8rBCOP0IARE6"
    "7aqblP06WJAShBkZ0HdkKqzArCMOAiEAx2y1rI7YSn4u7wKWdK/Tfgwwi9zNJ5yvjWI+d1ISDGM=";

static gnutls_x509_crt_t read_certificate(const char *text)
{
    gsize length = 0;
    g_autofree guchar *bytes = g_base64_decode(text, &length);
    gnutls_datum_t der = {bytes, (unsigned)length};
    gnutls_x509_crt_t certificate;
    g_assert_cmpint(gnutls_x509_crt_init(&certificate), ==, 0);
    g_assert_cmpint(gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER), ==, 0);
    return certificate;
}

static GBytes *contents(const char *path)
{
    char *text = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    return g_bytes_new_take(text, length);
}

/* `after` is `before`, its last line ended, and one line for the host. */
static void check_added(GBytes *before, GBytes *after)
{
    gsize old, length;
    const char *was = g_bytes_get_data(before, &old);
    const char *is = g_bytes_get_data(after, &length);
    g_assert_cmpuint(length, >, old);
    g_assert_true(old == 0 || memcmp(was, is, old) == 0);
    gsize at = old;
    if (old > 0 && was[old - 1] != '\n') {
        g_assert_cmpint(is[at], ==, '\n');
        at++;
    }
    g_assert_cmpuint(length - at, >, strlen(LINE));
    g_assert_true(memcmp(is + at, LINE, strlen(LINE)) == 0);
    g_assert_true(memchr(is + at, '\n', length - at) == is + length - 1);
}

static gboolean ask(const char *path, gnutls_x509_crt_t certificate)
{
    g_autoptr(GError) error = NULL;
    gboolean good = trust_tofu(path, HOST, PORT, certificate, &error);
    g_assert_cmpint(good, ==, error == NULL);
    if (!good)
        fuzz_check_error(error);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gnutls_x509_crt_t first, second;
    if (first == NULL) {
        first = read_certificate(one);
        second = read_certificate(two);
        fuzz_quiet();
    }
    g_autofree char *path = fuzz_path("known_hosts");
    fuzz_write(path, data, size);
    g_autoptr(GBytes) before = contents(path);
    gboolean good = ask(path, first);
    g_autoptr(GBytes) after = contents(path);
    gboolean added = !g_bytes_equal(before, after);
    if (added) {
        g_assert_true(good);
        check_added(before, after);
        g_assert_false(ask(path, second));
    }
    /* Asked again, the answer is the same, and nothing is written. */
    g_assert_cmpint(ask(path, first), ==, good);
    g_autoptr(GBytes) last = contents(path);
    g_assert_true(g_bytes_equal(after, last));
    return 0;
}
