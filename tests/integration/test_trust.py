# SPDX-License-Identifier: GPL-2.0-or-later
"""Whom ftpsfs talks to: certificates are verified, TLS is forced, data connections resume."""

import os
import socket
import threading

import pytest

import certificates
from harness import MountError, assert_one_line, credentials_file, mountinfo, pattern, run_ftpsfs
from harness import option_words, source_for


def refused(server, tmp_path, home, *words, **changes):
    """Tries to mount in the background; gives the one line that it fails with."""
    point = tmp_path / "mnt"
    point.mkdir(exist_ok=True)
    options = {"cafile": server.cafile, "explicit": server.explicit, **changes}
    options["credentials"] = credentials_file(home, server.user, server.password)
    text = ",".join(option_words(options))
    result = run_ftpsfs(source_for(server), point, "-o", text, *words, home=home)
    assert result.returncode == 1
    assert mountinfo(str(point)) is None
    return assert_one_line(result.stderr)


@pytest.mark.parametrize(
    "certificate, words",
    [("wrong-name", ["127.0.0.1"]), ("expired", ["expired"]), ("not-yet-valid", ["valid"])],
)
def test_a_wrong_certificate_is_refused(servers, server_kind, tmp_path, home, certificate, words):
    server = servers.make(server_kind, certificate=certificate)
    line = refused(server, tmp_path, home)
    for word in words + ["certificate"]:
        assert word in line.lower(), line
    assert server.user not in server.log_text(), "the login was sent to a server not trusted"


def test_an_unknown_ca_is_refused(servers, server_kind, tmp_path, home):
    other = certificates.Authority(tmp_path / "other")
    server = servers.get(server_kind)
    line = refused(server, tmp_path, home, cafile=other.cafile)
    assert "certificate" in line.lower()


def test_the_systems_cas_do_not_know_a_private_ca(servers, server_kind, tmp_path, home):
    line = refused(servers.get(server_kind), tmp_path, home, cafile=None)
    assert "certificate" in line.lower()
    assert "cafile" in line.lower(), "it does not say what to do"


def test_tls_verify_no_mounts_with_a_warning(servers, server_kind, mount):
    server = servers.make(server_kind, certificate="wrong-name")
    with open(server.path("file"), "wb") as file:
        file.write(b"content")
    mounted = mount(server, cafile=None, tls_verify="no")
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"content"
    assert "warning" in mounted.log()
    assert "not verified" in mounted.log()


def test_a_host_name_is_checked_as_well_as_an_address(servers, server_kind, mount):
    server = servers.get(server_kind)
    mounted = mount(server, source=f"ftps://{server.user}@localhost:{server.port}/")
    os.listdir(mounted.path)


@pytest.mark.parametrize("tls12", [False, True], ids=["tls1.3", "tls1.2"])
def test_every_data_connection_resumes(servers, server_kind, mount, tls12):
    server = servers.make(server_kind, tls12=tls12)
    for i in range(10):
        with open(server.path(f"file-{i}"), "wb") as file:
            file.write(pattern(50000, i))
    server.adopt(server.root)
    mounted = mount(server)

    def use(number):
        with open(mounted.at(f"file-{number}"), "rb") as file:
            assert file.read() == pattern(50000, number)
        with open(mounted.at(f"new-{number}"), "wb") as file:
            file.write(pattern(60000, number))

    threads = [threading.Thread(target=use, args=(i,)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(10):
        with open(server.path(f"new-{i}"), "rb") as file:
            assert file.read() == pattern(60000, i)
    counters = mounted.stats()
    assert counters["data_connections"] >= 21
    resumes = server.keeps_sessions or tls12
    assert counters["data_resumed"] == (counters["data_connections"] if resumes else 0)


def test_tls_min_refuses_an_older_version(servers, server_kind, tmp_path, home):
    server = servers.make(server_kind, tls12=True)
    line = refused(server, tmp_path, home, tls_min="1.3")
    assert "tls" in line.lower()


def test_a_server_that_speaks_in_clear_is_refused_without_the_password(tmp_path, home, servers):
    """A plain FTP server on the port: it greets in clear, and must get no login."""
    received = []
    listener = socket.create_server(("127.0.0.1", 0))

    def greet():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 Plain FTP server ready.\r\n")
            connection.settimeout(10)
            try:
                while data := connection.recv(4096):
                    received.append(data)
            except OSError:
                pass

    thread = threading.Thread(target=greet, daemon=True)
    thread.start()

    class Plain:
        host, port = listener.getsockname()
        user, password = "tester", "secret-word"
        cafile = servers.authority.cafile
        explicit = False

    line = refused(Plain, tmp_path, home)
    thread.join(10)
    listener.close()
    assert "tls" in line.lower()
    assert b"tester" not in b"".join(received)
    assert b"secret-word" not in b"".join(received)


@pytest.mark.parametrize("content", [b"", b"no certificate in here\n"], ids=["empty", "text"])
def test_a_cafile_without_a_certificate_is_refused(servers, tmp_path, home, content):
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    line = refused(servers.get("pyftpdlib"), tmp_path, home, cafile=path)
    assert str(path) in line


def test_a_missing_cafile_is_refused(servers, tmp_path, home):
    path = tmp_path / "missing.pem"
    line = refused(servers.get("pyftpdlib"), tmp_path, home, cafile=path)
    assert str(path) in line


def test_in_the_foreground_a_wrong_certificate_ends_it_too(servers, mount):
    server = servers.make("pyftpdlib", certificate="expired")
    with pytest.raises(MountError) as caught:
        mount(server)
    assert caught.value.status == 1
    assert "expired" in caught.value.text


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pyftpdlib", "pureftpd"])
def test_explicit_tls_works_and_resumes(servers, mount, kind):
    server = servers.make(kind, explicit=True) if kind != "pureftpd" else servers.make(kind)
    mounted = mount(server, explicit=True)
    data = pattern(300000)
    with open(mounted.at("file"), "wb") as file:
        file.write(data)
    with open(server.path("file"), "rb") as file:
        assert file.read() == data
    assert os.listdir(mounted.path) == ["file"]
    counters = mounted.stats()
    if kind != "pureftpd":  # it keeps no TLS sessions
        assert counters["data_resumed"] == counters["data_connections"]
