# SPDX-License-Identifier: GPL-2.0-or-later
"""The test servers are what the other tests take them for, as a plain client finds them."""

import ftplib
import io
import socket

import pytest

from client import ImplicitFtps


@pytest.mark.parametrize("tls12", [False, True], ids=["tls1.3", "tls1.2"])
def test_it_speaks_implicit_tls_and_resumes_sessions(servers, server_kind, tls12):
    server = servers.make(server_kind, tls12=tls12)
    client = ImplicitFtps(server)
    assert client.sock.version() == ("TLSv1.2" if tls12 else "TLSv1.3")
    client.storbinary("STOR file", io.BytesIO(b"content"))
    received = io.BytesIO()
    client.retrbinary("RETR file", received.write)
    assert received.getvalue() == b"content"
    assert client.resumed == [server.keeps_sessions or tls12] * 2
    with open(server.path("file"), "rb") as file:
        assert file.read() == b"content"
    client.quit()


def test_it_refuses_data_connections_that_do_not_resume(servers, server_kind):
    server = servers.get(server_kind)
    client = ImplicitFtps(server, reuse=False)
    if server.requires_session_reuse:
        with pytest.raises(ftplib.Error):
            client.dir(lambda line: None)
    else:
        client.dir(lambda line: None)
        assert client.resumed == [False]
    client.close()


def test_it_says_nothing_in_clear(servers, server_kind):
    server = servers.get(server_kind)
    with socket.create_connection((server.host, server.port), timeout=5) as raw:
        raw.settimeout(0.5)
        if server.explicit:
            raw.settimeout(5)
            assert raw.recv(1000).startswith(b"220")
            for command in (f"USER {server.user}", f"PASS {server.password}"):
                raw.sendall(command.encode() + b"\r\n")
            reply = raw.recv(1000)
            assert reply[:1] in b"45", reply
            return
        with pytest.raises(TimeoutError):
            raw.recv(100)


def test_a_wrong_password_is_refused(servers, server_kind):
    server = servers.get(server_kind)
    client = ImplicitFtps(server)
    client.quit()

    class Wrong:
        host, port, bind, cafile = server.host, server.port, server.bind, server.cafile
        explicit = server.explicit
        user, password = server.user, "not-the-password"

    with pytest.raises(ftplib.error_perm, match="530"):
        ImplicitFtps(Wrong)
