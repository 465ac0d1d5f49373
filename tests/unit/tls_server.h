/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_server - for the tests of tls/: certificates made on the spot, and a GnuTLS server that runs
 * in a thread on the other end of a socket pair.
 *
 * A TestPeer belongs to the test; its results may be read after test_peer_join.
 */
#ifndef FTPSFS_TESTS_TLS_SERVER_H
#define FTPSFS_TESTS_TLS_SERVER_H

#include <glib.h>
#include <gnutls/x509.h>

/* A key and its certificate. */
typedef struct {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gboolean self_signed;
    gnutls_x509_crt_t issuer; /* a copy of its CA's certificate, that a server sends along; NULL
                                 when it is self-signed or its CA is */
} TestIdentity;

/* What an identity is made with. */
typedef struct {
    const char *name;           /* common name */
    const TestIdentity *issuer; /* NULL: self-signed */
    gboolean ca;
    const char *const *dns;           /* DNS names, NULL-terminated; NULL: none */
    const char *ip;                   /* an address in text; NULL: none */
    gint64 from_days, until_days;     /* from now; both 0: -1 and 30 */
    gint64 until_s;                   /* from now; 0: by until_days */
    guint8 serial;                    /* 0: 1 */
    const char *purpose;              /* extended key usage; NULL: serverAuth, none for a CA */
    gboolean must_staple;             /* RFC 7633 */
    gnutls_digest_algorithm_t digest; /* of its signature; 0: SHA-256 */
    gnutls_pk_algorithm_t key;        /* 0: ECDSA on P-256 */
    guint key_bits;                   /* with key */
} TestIdentitySpec;

TestIdentity *test_identity_new(const TestIdentitySpec *spec);
void test_identity_free(TestIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestIdentity, test_identity_free)

/* Write PEM files into `dir`; give the path, for g_free. */
char *test_save_certificate(const TestIdentity *identity, const char *dir, const char *name);
char *test_save_key(const TestIdentity *identity, const char *dir, const char *name,
                    const char *password);
char *test_save_crl(const TestIdentity *ca, guint8 revoked_serial, const char *dir,
                    const char *name);

/* "sha256//..." of its key, for g_free. */
char *test_pin(const TestIdentity *identity);

/* Deletes a directory that holds files and directories of files. */
void test_remove_dir(const char *dir);

/* What a server is; shared by its connections. */
typedef struct {
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t ticket_key;
    char *priority;
    gboolean tickets;
    gboolean ask_client_certificate; /* and insist on one */
} TestServer;

/* A server with `identity`, that speaks `priority` (NULL: NORMAL) and gives session tickets. */
TestServer *test_server_new(const TestIdentity *identity, const char *priority);
void test_server_free(TestServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestServer, test_server_free)

/* One connection. */
typedef struct TestPeer TestPeer;
typedef void (*TestTalk)(TestPeer *peer, gpointer data);
struct TestPeer {
    const TestServer *server;
    int fd, client_fd;
    gnutls_session_t session; /* NULL for a peer without TLS */
    TestTalk talk;            /* called after the handshake; may be NULL */
    gpointer data;
    GThread *thread;
    int handshake;     /* result of the server's handshake */
    int alert;         /* received in a failed handshake or by test_peer_receive, -1: none */
    guint retries;     /* HelloRetryRequests sent */
    gboolean resumed;  /* the session was resumed */
    char *server_name; /* SNI, NULL: none */
};

/* Starts a peer on a socket pair (or TCP over loopback), that makes a handshake and then talks.
 * The caller takes peer->client_fd, which does not block. `server` NULL: no TLS, only `talk`. */
TestPeer *test_peer_start(const TestServer *server, gboolean tcp, TestTalk talk, gpointer data);

/* Waits for the thread to end. test_peer_free does so, too, and closes the socket. */
void test_peer_join(TestPeer *peer);
void test_peer_free(TestPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestPeer, test_peer_free)

/* For talks: send all; receive one record (its size, 0 at the end, else an error code, with the
 * alert noted); close the socket without close_notify. */
void test_peer_send(TestPeer *peer, const void *data, gsize length);
gssize test_peer_receive(TestPeer *peer, void *buffer, gsize length);
void test_peer_hang_up(TestPeer *peer);

#endif
