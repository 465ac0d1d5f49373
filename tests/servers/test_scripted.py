# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripted server against a plain FTPS client: pytest tests/servers/test_scripted.py"""

import ftplib
import io
import os
import socket
import ssl
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import certificates  # noqa: E402
from client import ImplicitFtps  # noqa: E402
from scripted import ScriptedServer  # noqa: E402
from scripted_faults import (  # noqa: E402
    Clear,
    Cut,
    Data,
    Delay,
    Drop,
    Extra,
    ForeignPassive,
    Hold,
    Renegotiate,
    Replace,
    Reply,
    ReplyAfterClose,
    Silence,
    Slow,
    Trap,
    endless_line,
    endless_reply,
    lines,
    long_line,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def make(authority):
    servers = []

    def start(**options):
        server = ScriptedServer(authority=authority, **options).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()
        assert server.errors == []


@pytest.fixture
def server(make):
    return make()


def download(client, path, rest=None):
    data = io.BytesIO()
    client.retrbinary(f"RETR {path}", data.write, rest=rest)
    return data.getvalue()


def listed(client, command):
    found = []
    client.retrlines(command, found.append)
    return found


def test_files_go_up_and_down(server):
    client = ImplicitFtps(server)
    content = os.urandom(300_000)
    client.mkd("/dir")
    client.storbinary("STOR /dir/file", io.BytesIO(content))
    assert server.tree.get("/dir/file") == content
    assert download(client, "/dir/file") == content
    assert download(client, "/dir/file", rest=299_990) == content[-10:]
    client.storbinary("APPE /dir/file", io.BytesIO(b"more"))
    client.storbinary("STOR /dir/file", io.BytesIO(b"XY"), rest=2)
    assert server.tree.get("/dir/file") == content[:2] + b"XY" + content[4:] + b"more"
    assert client.size("/dir/file") == 300_004
    client.rename("/dir/file", "/moved")
    client.rmd("/dir")
    client.delete("/moved")
    assert server.tree.names() == []
    assert server.count("STOR") == 2
    client.quit()


def test_listings_and_attributes(server):
    client = ImplicitFtps(server)
    server.tree.put("/d/a file", b"12345", mode=0o600, mtime=1_600_000_000)
    server.tree.link("/d/link", "target")
    entries = dict(client.mlsd("/d"))
    assert set(entries) == {".", "a file", "link"}
    assert entries["a file"]["size"] == "5"
    assert entries["a file"]["modify"] == "20200913122640"
    assert entries["a file"]["unix.mode"] == "0600"
    assert entries["link"]["type"] == "OS.unix=slink:target"
    plain = listed(client, "LIST /d")
    assert plain[0].startswith("-rw-------") and plain[0].endswith("Sep 13  2020 a file")
    assert plain[1].endswith("link -> target")
    assert client.sendcmd("MLST /d/link").splitlines()[1].endswith(" /d/link")
    client.sendcmd("MFMT 20210101000000 /d/a file")
    client.sendcmd("SITE CHMOD 640 /d/a file")
    assert client.sendcmd("MDTM /d/a file") == "213 20210101000000"
    assert server.tree.find("/d/a file").mode == 0o640
    assert client.cwd("/d") and client.pwd() == "/d"
    server.tree.link("/d/same", "a file")
    assert download(client, "same") == b"12345"
    server.tree.link("/round", "/round")
    with pytest.raises(ftplib.error_perm, match="Too many levels"):
        download(client, "/round")


def test_a_million_entries_stream(server):
    server.tree.makedirs("/big").entries = lambda: (("f%07d" % i, i) for i in range(10**6))
    client = ImplicitFtps(server)
    count = 0

    def take(_):
        nonlocal count
        count += 1

    client.retrlines("MLSD /big", take)
    assert count == 10**6


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_data_connections_resume_the_control_connection(make, version):
    server = make(minimum=version, maximum=version, require_reuse=True)
    server.tree.put("/f", b"x")
    client = ImplicitFtps(server)
    assert download(client, "/f") == b"x"
    assert client.resumed == [True]
    assert [connection.resumed for connection in server.data_connections] == [True]
    stranger = ImplicitFtps(server, reuse=False)
    with pytest.raises(ftplib.error_perm, match="522"):
        download(stranger, "/f")


def test_features_can_be_taken_away(make):
    server = make(mlst=False, epsv=False, curve="secp521r1")
    client = ImplicitFtps(server)
    assert "MLST" not in client.sendcmd("FEAT")
    with pytest.raises(ftplib.error_perm, match="500"):
        client.sendcmd("MLST /")
    with pytest.raises(ftplib.error_perm, match="500"):
        client.sendcmd("EPSV")
    assert listed(client, "LIST") == []


def test_explicit_tls_refuses_a_password_in_clear(make):
    server = make(explicit=True)
    client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=server.cafile))
    client.connect(server.host, server.port)
    with pytest.raises(ftplib.error_perm, match="521"):
        ftplib.FTP.login(client, server.user, server.password)
    client.host = "localhost"
    client.login(server.user, server.password)
    client.prot_p()
    assert client.pwd() == "/"


def test_replies_are_replaced_doubled_and_held(server):
    client = ImplicitFtps(server)
    server.fault("NOOP", Reply("421 Go away."), times=1)
    with pytest.raises(ftplib.error_temp):
        client.sendcmd("NOOP")
    assert client.sendcmd("NOOP").startswith("200")
    server.fault("NOOP", Extra(after="200 and one more."), times=1)
    assert client.sendcmd("NOOP") == "200 Nothing done."
    assert client.getresp() == "200 and one more."
    server.fault("PWD", Hold(), times=1)
    client.putcmd("PWD")
    assert client.sendcmd("NOOP").startswith("200")
    assert client.getresp().startswith("257")
    server.fault("PWD", Replace("257 nowhere"))
    server.fault("NOOP", Delay(0.3))
    assert client.sendcmd("PWD") == "257 nowhere"
    before = time.monotonic()
    client.sendcmd("NOOP")
    assert time.monotonic() - before >= 0.3


def test_skip_times_and_match_choose_the_commands(server):
    client = ImplicitFtps(server)
    fault = server.fault("*", Reply("450 no"), skip=1, times=1, match="^/a")
    assert client.sendcmd("CWD /") and fault.hits == 0
    with pytest.raises(ftplib.error_perm):
        client.sendcmd("CWD /a")
    with pytest.raises(ftplib.error_temp):
        client.sendcmd("CWD /a")
    with pytest.raises(ftplib.error_perm):
        client.sendcmd("CWD /a")
    assert fault.hits == 1


@pytest.mark.parametrize(
    "fault",
    [
        Cut(0),
        Cut(5),
        Drop(),
        Drop(reset=True),
        Clear(),
        ReplyAfterClose(),
        Reply("421 Bye.", close=True),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_the_control_connection_ends(server, fault):
    client = ImplicitFtps(server, timeout=3)
    server.fault("NOOP", fault)
    with pytest.raises((OSError, EOFError, ftplib.Error)):
        client.sendcmd("NOOP")
        client.sendcmd("NOOP")
    server.clear()
    assert ImplicitFtps(server).sendcmd("NOOP").startswith("200")


@pytest.mark.parametrize("fault", [Silence(), Slow(0.5)], ids=lambda fault: type(fault).__name__)
def test_the_control_connection_hangs(server, fault):
    client = ImplicitFtps(server, timeout=0.2)
    server.fault("NOOP", fault)
    with pytest.raises(socket.timeout):
        client.sendcmd("NOOP")


@pytest.mark.parametrize("fault", [endless_line(), endless_reply(), long_line(10 << 20, 200)])
def test_replies_without_end(server, fault):
    client = ImplicitFtps(server)
    server.fault("NOOP", fault)
    client.putcmd("NOOP")
    received = 0
    while received < 5 << 20:
        received += len(client.sock.recv(65536))
    client.sock.close()
    server.clear()
    assert ImplicitFtps(server).sendcmd("NOOP").startswith("200")


@pytest.mark.parametrize(
    "changes",
    [
        {"cut": 10},
        {"cut": 10, "reset": True},
        {"final": "550 No more."},
        {"handshake": "clear"},
        {"handshake": "silent"},
        {"handshake": "refuse"},
        {"stall": 0},
        {"preliminary": "550 no", "handshake": "refuse"},
    ],
    ids=str,
)
def test_a_download_fails(server, changes):
    server.tree.put("/f", b"0123456789" * 20_000)
    client = ImplicitFtps(server, timeout=0.7)
    server.fault("RETR", Data(**changes))
    with pytest.raises((OSError, EOFError, ftplib.Error)):
        download(client, "/f")
    server.clear()
    assert len(download(ImplicitFtps(server), "/f")) == 200_000


def test_data_without_close_notify_and_other_lies(server):
    server.tree.put("/f", b"0123456789").told_size = 99
    client = ImplicitFtps(server)
    assert client.size("/f") == 99
    server.fault("RETR", Data(close_notify=False))
    # ftplib does not notice.
    assert download(client, "/f") == b"0123456789"
    server.clear()
    server.fault("RETR", Data(cut=4, cut_final="226 Done."))
    assert download(client, "/f") == b"0123"
    server.clear()
    server.fault("RETR", Data(early_final=True))
    assert download(client, "/f") == b"0123456789"
    server.fault("MLSD", lines("type=file; a/b\r\n", b"type=file; \x01\0\r\n"))
    assert listed(client, "MLSD /") == ["type=file; a/b", "type=file; \x01\0"]


def test_uploads_are_cut_and_shortened(server):
    client = ImplicitFtps(server)
    server.fault("STOR", Data(keep=3))
    client.storbinary("STOR /f", io.BytesIO(b"0123456789"))
    assert server.tree.get("/f") == b"012"
    server.clear()
    server.fault("STOR", Data(final="552 Full."))
    with pytest.raises(ftplib.error_perm, match="552"):
        client.storbinary("STOR /f", io.BytesIO(b"0123456789"))
    server.clear()
    server.fault("STOR", Data(cut=4, cut_final="452 Full."))
    with pytest.raises((ftplib.error_temp, OSError)):
        client.storbinary("STOR /f", io.BytesIO(b"0123456789" * 100_000))
    assert server.tree.get("/f") == b"0123"


def test_the_wrong_certificate_on_the_data_connection(server):
    server.tree.put("/f", b"x")
    for context in (server.make_context("expired"), server.make_context(own_authority=True)):
        client = ImplicitFtps(server, reuse=False)
        server.fault("RETR", Data(context=context))
        with pytest.raises(ssl.SSLCertVerificationError):
            download(client, "/f")
        server.clear()


def test_the_trap_sees_who_believes_an_address(make):
    server = make(epsv=False)
    server.tree.put("/f", b"x")
    trap = Trap()
    server.fault("PASV", ForeignPassive(trap))
    client = ImplicitFtps(server)
    client.trust_server_pasv_ipv4_address = True
    with pytest.raises((OSError, EOFError)):
        download(client, "/f")
    assert len(trap.connections) == 1
    trap.close()
    server.clear()
    server.stop()


def test_connections_are_limited_dropped_and_refused(server):
    server.max_sessions = 1
    first = ImplicitFtps(server)
    with pytest.raises(ftplib.error_temp, match="421"):
        ImplicitFtps(server)
    server.drop_connections()
    with pytest.raises((OSError, EOFError)):
        first.sendcmd("NOOP")
    server.max_sessions = 0
    port = server.port
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        ImplicitFtps(server)
    server.start()
    assert server.port == port
    assert ImplicitFtps(server).sendcmd("NOOP").startswith("200")


def test_renegotiation_is_asked_for(make):
    server = make(openssl=True)
    server.fault("NOOP", Renegotiate())
    client = ImplicitFtps(server)
    assert client.sendcmd("NOOP").startswith("200")
    session = next(iter(server.sessions.values()))
    assert client.sendcmd("PWD").startswith("257")
    assert session.stream.renegotiations() >= 1
