/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define OK(call) g_assert_cmpint((call), >=, 0)
#define DAY      ((gint64)24 * 60 * 60)

static time_t days_from_now(gint64 days)
{
    return (time_t)(g_get_real_time() / G_USEC_PER_SEC + days * DAY);
}

static void set_names(gnutls_x509_crt_t certificate, const TestIdentitySpec *spec)
{
    for (gsize i = 0; spec->dns != NULL && spec->dns[i] != NULL; i++)
        OK(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, spec->dns[i],
                                                (guint)strlen(spec->dns[i]), GNUTLS_FSAN_APPEND));
    if (spec->ip == NULL)
        return;
    guint8 address[16];
    gboolean v6 = strchr(spec->ip, ':') != NULL;
    g_assert_cmpint(inet_pton(v6 ? AF_INET6 : AF_INET, spec->ip, address), ==, 1);
    OK(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, v6 ? 16 : 4,
                                            GNUTLS_FSAN_APPEND));
}

static void set_uses(gnutls_x509_crt_t certificate, const TestIdentitySpec *spec)
{
    OK(gnutls_x509_crt_set_basic_constraints(certificate, spec->ca ? 1 : 0, -1));
    OK(gnutls_x509_crt_set_key_usage(
        certificate, spec->ca
                         ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                         : GNUTLS_KEY_DIGITAL_SIGNATURE |
                               (spec->key == GNUTLS_PK_RSA ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0)));
    if (!spec->ca)
        OK(gnutls_x509_crt_set_key_purpose_oid(
            certificate, spec->purpose != NULL ? spec->purpose : GNUTLS_KP_TLS_WWW_SERVER, 0));
    /* TLS feature status_request, as DER: SEQUENCE { INTEGER 5 } */
    static const guint8 must_staple[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    if (spec->must_staple)
        OK(gnutls_x509_crt_set_extension_by_oid(certificate, "1.3.6.1.5.5.7.1.24", must_staple,
                                                sizeof must_staple, 0));
}

static gnutls_x509_crt_t copy_certificate(gnutls_x509_crt_t certificate)
{
    gnutls_x509_crt_t copy;
    gnutls_datum_t der;
    OK(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der));
    OK(gnutls_x509_crt_init(&copy));
    OK(gnutls_x509_crt_import(copy, &der, GNUTLS_X509_FMT_DER));
    gnutls_free(der.data);
    return copy;
}

TestIdentity *test_identity_new(const TestIdentitySpec *spec)
{
    TestIdentity *identity = g_new0(TestIdentity, 1);
    OK(gnutls_x509_privkey_init(&identity->key));
    if (spec->key != 0)
        OK(gnutls_x509_privkey_generate(identity->key, spec->key, spec->key_bits, 0));
    else
        OK(gnutls_x509_privkey_generate(identity->key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    gnutls_x509_crt_t certificate;
    OK(gnutls_x509_crt_init(&certificate));
    identity->certificate = certificate;
    OK(gnutls_x509_crt_set_version(certificate, 3));
    guint8 serial = spec->serial != 0 ? spec->serial : 1;
    OK(gnutls_x509_crt_set_serial(certificate, &serial, 1));
    gboolean usual = spec->from_days == 0 && spec->until_days == 0;
    OK(gnutls_x509_crt_set_activation_time(certificate,
                                           days_from_now(usual ? -1 : spec->from_days)));
    time_t until = days_from_now(usual ? 30 : spec->until_days);
    OK(gnutls_x509_crt_set_expiration_time(
        certificate, spec->until_s != 0 ? time(NULL) + (time_t)spec->until_s : until));
    OK(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, spec->name,
                                     (guint)strlen(spec->name)));
    OK(gnutls_x509_crt_set_key(certificate, identity->key));
    set_names(certificate, spec);
    set_uses(certificate, spec);
    const TestIdentity *issuer = spec->issuer != NULL ? spec->issuer : identity;
    gnutls_digest_algorithm_t digest = spec->digest != 0 ? spec->digest : GNUTLS_DIG_SHA256;
    OK(gnutls_x509_crt_sign2(certificate, issuer->certificate, issuer->key, digest, 0));
    /* GnuTLS keeps names for comparison only of what it has parsed. */
    identity->certificate = copy_certificate(certificate);
    gnutls_x509_crt_deinit(certificate);
    identity->self_signed = issuer == identity;
    if (!issuer->self_signed)
        identity->issuer = copy_certificate(issuer->certificate);
    return identity;
}

void test_identity_free(TestIdentity *identity)
{
    if (identity == NULL)
        return;
    if (identity->issuer != NULL)
        gnutls_x509_crt_deinit(identity->issuer);
    gnutls_x509_crt_deinit(identity->certificate);
    gnutls_x509_privkey_deinit(identity->key);
    g_free(identity);
}

static char *save(gnutls_datum_t *pem, const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, (const char *)pem->data, (gssize)pem->size, NULL));
    gnutls_free(pem->data);
    return path;
}

char *test_save_certificate(const TestIdentity *identity, const char *dir, const char *name)
{
    gnutls_datum_t pem;
    OK(gnutls_x509_crt_export2(identity->certificate, GNUTLS_X509_FMT_PEM, &pem));
    return save(&pem, dir, name);
}

char *test_save_key(const TestIdentity *identity, const char *dir, const char *name,
                    const char *password)
{
    gnutls_datum_t pem;
    OK(gnutls_x509_privkey_export2_pkcs8(
        identity->key, GNUTLS_X509_FMT_PEM, password,
        password != NULL ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN, &pem));
    char *path = save(&pem, dir, name);
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
    return path;
}

char *test_save_crl(const TestIdentity *ca, guint8 revoked_serial, const char *dir,
                    const char *name)
{
    gnutls_x509_crl_t crl;
    guint8 number = 1;
    OK(gnutls_x509_crl_init(&crl));
    OK(gnutls_x509_crl_set_version(crl, 2));
    OK(gnutls_x509_crl_set_this_update(crl, days_from_now(-1)));
    OK(gnutls_x509_crl_set_next_update(crl, days_from_now(30)));
    OK(gnutls_x509_crl_set_number(crl, &number, 1));
    OK(gnutls_x509_crl_set_crt_serial(crl, &revoked_serial, 1, days_from_now(-1)));
    OK(gnutls_x509_crl_sign2(crl, ca->certificate, ca->key, GNUTLS_DIG_SHA256, 0));
    gnutls_datum_t pem;
    OK(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem));
    gnutls_x509_crl_deinit(crl);
    return save(&pem, dir, name);
}

char *test_pin(const TestIdentity *identity)
{
    gnutls_pubkey_t key;
    gnutls_datum_t spki;
    guint8 hash[32];
    OK(gnutls_pubkey_init(&key));
    OK(gnutls_pubkey_import_x509(key, identity->certificate, 0));
    OK(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki));
    OK(gnutls_hash_fast(GNUTLS_DIG_SHA256, spki.data, spki.size, hash));
    gnutls_free(spki.data);
    gnutls_pubkey_deinit(key);
    g_autofree char *encoded = g_base64_encode(hash, sizeof hash);
    return g_strconcat("sha256//", encoded, NULL);
}

void test_remove_dir(const char *dir)
{
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    g_assert_nonnull(entries);
    for (const char *name = g_dir_read_name(entries); name != NULL;
         name = g_dir_read_name(entries)) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            test_remove_dir(path);
        else
            g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

TestServer *test_server_new(const TestIdentity *identity, const char *priority)
{
    TestServer *server = g_new0(TestServer, 1);
    server->priority = g_strdup(priority != NULL ? priority : "NORMAL");
    server->tickets = TRUE;
    OK(gnutls_certificate_allocate_credentials(&server->credentials));
    gnutls_x509_crt_t chain[] = {identity->certificate, identity->issuer};
    OK(gnutls_certificate_set_x509_key(server->credentials, chain, identity->issuer != NULL ? 2 : 1,
                                       identity->key));
    OK(gnutls_session_ticket_key_generate(&server->ticket_key));
    return server;
}

void test_server_free(TestServer *server)
{
    if (server == NULL)
        return;
    gnutls_certificate_free_credentials(server->credentials);
    gnutls_free(server->ticket_key.data);
    g_free(server->priority);
    g_free(server);
}

static int count_retries(gnutls_session_t session, unsigned int type, unsigned when,
                         unsigned int incoming, const gnutls_datum_t *message)
{
    (void)when;
    (void)message;
    TestPeer *peer = gnutls_session_get_ptr(session);
    if (type == GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST && incoming == 0)
        peer->retries++;
    return 0;
}

static void set_up_session(TestPeer *peer)
{
    const TestServer *server = peer->server;
    OK(gnutls_init(&peer->session,
                   GNUTLS_SERVER | GNUTLS_NO_SIGNAL | (server->tickets ? 0 : GNUTLS_NO_TICKETS)));
    gnutls_session_set_ptr(peer->session, peer);
    OK(gnutls_priority_set_direct(peer->session, server->priority, NULL));
    OK(gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, server->credentials));
    if (server->tickets)
        OK(gnutls_session_ticket_enable_server(peer->session, &server->ticket_key));
    if (server->ask_client_certificate)
        gnutls_certificate_server_set_request(peer->session, GNUTLS_CERT_REQUIRE);
    gnutls_handshake_set_hook_function(peer->session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST,
                                       count_retries);
    gnutls_transport_set_int(peer->session, peer->fd);
}

static void note_server_name(TestPeer *peer)
{
    char name[256];
    size_t length = sizeof name;
    unsigned int type;
    if (gnutls_server_name_get(peer->session, name, &length, &type, 0) == 0)
        peer->server_name = g_strndup(name, length);
}

static gpointer run_peer(gpointer data)
{
    TestPeer *peer = data;
    if (peer->server != NULL) {
        do {
            peer->handshake = gnutls_handshake(peer->session);
        } while (peer->handshake < 0 && !gnutls_error_is_fatal(peer->handshake));
        if (peer->handshake < 0) {
            if (peer->handshake == GNUTLS_E_FATAL_ALERT_RECEIVED)
                peer->alert = (int)gnutls_alert_get(peer->session);
            gnutls_alert_send_appropriate(peer->session, peer->handshake);
            test_peer_hang_up(peer);
            return NULL;
        }
        peer->resumed = gnutls_session_is_resumed(peer->session) != 0;
        note_server_name(peer);
    }
    if (peer->talk != NULL)
        peer->talk(peer, peer->data);
    return NULL;
}

static void tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    OK(listener);
    OK(bind(listener, (struct sockaddr *)&address, sizeof address));
    OK(listen(listener, 1));
    OK(getsockname(listener, (struct sockaddr *)&address, &length));
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    OK(connect(fds[0], (struct sockaddr *)&address, sizeof address));
    fds[1] = accept(listener, NULL, NULL);
    OK(fds[1]);
    close(listener);
}

TestPeer *test_peer_start(const TestServer *server, gboolean tcp, TestTalk talk, gpointer data)
{
    TestPeer *peer = g_new0(TestPeer, 1);
    int fds[2];
    if (tcp)
        tcp_pair(fds);
    else
        OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    peer->server = server;
    peer->client_fd = fds[0];
    peer->fd = fds[1];
    peer->talk = talk;
    peer->data = data;
    peer->alert = -1;
    OK(fcntl(peer->client_fd, F_SETFL, O_NONBLOCK));
    /* A test that goes wrong ends, instead of hanging. */
    struct timeval patience = {.tv_sec = 20};
    OK(setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    OK(setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
    if (server != NULL)
        set_up_session(peer);
    peer->thread = g_thread_new("peer", run_peer, peer);
    return peer;
}

void test_peer_join(TestPeer *peer)
{
    if (peer->thread != NULL)
        g_thread_join(peer->thread);
    peer->thread = NULL;
}

void test_peer_free(TestPeer *peer)
{
    if (peer == NULL)
        return;
    test_peer_join(peer);
    if (peer->session != NULL)
        gnutls_deinit(peer->session);
    test_peer_hang_up(peer);
    g_free(peer->server_name);
    g_free(peer);
}

void test_peer_send(TestPeer *peer, const void *data, gsize length)
{
    const guint8 *left = data;
    while (length > 0) {
        gssize sent = peer->session != NULL ? gnutls_record_send(peer->session, left, length)
                                            : send(peer->fd, left, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the client has gone; it says so itself */
        left += sent;
        length -= (gsize)sent;
    }
}

gssize test_peer_receive(TestPeer *peer, void *buffer, gsize length)
{
    if (peer->session == NULL)
        return recv(peer->fd, buffer, length, 0);
    gssize got;
    int retries = 0;
    do {
        /* AGAIN comes after a key update, too. */
        got = gnutls_record_recv(peer->session, buffer, length);
    } while (got == GNUTLS_E_AGAIN && retries++ < 3);
    if (got == GNUTLS_E_FATAL_ALERT_RECEIVED || got == GNUTLS_E_WARNING_ALERT_RECEIVED)
        peer->alert = (int)gnutls_alert_get(peer->session);
    return got;
}

void test_peer_hang_up(TestPeer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}
