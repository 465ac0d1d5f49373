# SPDX-License-Identifier: GPL-2.0-or-later
"""Data connections come about whichever side makes them, and whatever the server says of where."""

import contextlib
import errno
import os
import re
import threading

import pytest
from harness import pattern
from scripted_data import DataServer, Forwarder
from scripted_faults import Reply
from scripted_mount import OPTIONS, assert_alive, at, fresh, outcome, read

from serve import server_class

pytest_plugins = ["scripted_fixtures"]

MIB = 1 << 20


@pytest.fixture
def data_server(scripted):
    def make(**options):
        return scripted(kind=DataServer, **options)

    return make


# Passive mode


PASV_FORMS = [
    "227 Entering Passive Mode ({numbers}).",
    "227 Entering Passive Mode {numbers}",
    "227 Passive: {spaced}.",
    "227 ={numbers}",
    "227-One of 2 lines\r\n227 ({numbers})",
]


@pytest.mark.parametrize("form", PASV_FORMS)
def test_every_form_of_reply_to_pasv_is_understood(data_server, mount, form):
    server = data_server(epsv=False, pasv=form)
    assert_alive(server, mount(server, **OPTIONS))


@pytest.mark.parametrize("address", ["0.0.0.0", "10.1.2.3", "192.168.7.7", "255.255.255.255"])
def test_the_address_that_pasv_tells_is_not_used(data_server, mount, address):
    server = data_server(epsv=False, told_address=address)
    assert_alive(server, mount(server, **OPTIONS))


EPSV_FORMS = [
    "229 Entering Extended Passive Mode (|||{port}|)",
    "229 Extended (!!!{port}!).",
    "229 Extended |||{port}|",
    "229 Extended (|1|10.1.2.3|{port}|)",
]


@pytest.mark.parametrize("form", EPSV_FORMS)
def test_every_form_of_reply_to_epsv_is_understood(data_server, mount, form):
    server = data_server(epsv_form=form)
    assert_alive(server, mount(server, **OPTIONS))
    assert server.count("PASV") == 0


def test_epsv_all_which_would_forbid_pasv_is_never_sent(data_server, mount):
    server = data_server()
    assert_alive(server, mount(server, **OPTIONS))
    assert set(server.arguments("EPSV")) == {""}


def test_a_server_at_an_ipv6_address_is_reached(scripted, mount):
    server = scripted(bind="::1")
    assert_alive(server, mount(server, **OPTIONS))


def test_real_servers_at_an_ipv6_address_are_reached(servers, server_kind, mount):
    server = servers.make(server_kind, bind="::1")
    for options in ({}, {"active": True}):
        mounted = mount(server, **options)
        with open(mounted.at(f"file-{len(options)}"), "wb") as file:
            file.write(b"content")
        assert read(server.path(f"file-{len(options)}")) == b"content"


@contextlib.contextmanager
def forwarded(all_servers, server_kind, mount, host, **how):
    """A server with two data ports, a forwarder at `host`, and a mount of one session through it
    that has written and read five files: (server, forwarder, mounted)."""
    server = server_class(server_kind)(authority=all_servers.authority)
    server.data_ports = 2
    with (
        server,
        Forwarder(host, server.host, [server.port, *server.passive], **how) as forwarder,
    ):
        source = f"ftps://{server.user}@{forwarder.host}:{server.port}/"
        # The certificate names the server, not the forwarder.
        mounted = mount(server, source=source, tls_verify="no", cafile=None, connections=1)
        for i in range(5):
            with open(mounted.at(f"file-{i}"), "wb") as file:
                file.write(pattern(100_000, i))
        for i in range(5):
            assert read(mounted.at(f"file-{i}")) == pattern(100_000, i)
            assert read(server.path(f"file-{i}")) == pattern(100_000, i)
        yield server, forwarder, mounted


def test_a_forwarder_of_single_ports_is_enough(all_servers, server_kind, mount):
    with forwarded(all_servers, server_kind, mount, "127.0.0.3") as (server, forwarder, mounted):
        mounted.unmount()
        assert sum(forwarder.taken[port] for port in server.passive) >= 6


def test_a_hello_that_overtakes_its_command_is_no_error(all_servers, server_kind, mount):
    with forwarded(all_servers, server_kind, mount, "127.0.0.4", slow=0.02) as (server, _, mounted):
        assert mounted.stats()["retries"] <= 1
        # To pyftpdlib the session that was given up would be one for ever, and keep it busy.
        with open(server.log_path, encoding="utf-8", errors="replace") as file:
            assert "shutdown while in init" not in file.read()


# Active mode


def exercise(mounted, server):
    """Listing, reading, writing, several at once."""
    for i in range(6):
        with open(server.path(f"there-{i}"), "wb") as file:
            file.write(pattern(MIB, i))
        server.adopt(server.path(f"there-{i}"))
    assert len(os.listdir(mounted.path)) == 6
    errors = []

    def work(i):
        try:
            assert read(mounted.at(f"there-{i}")) == pattern(MIB, i)
            with open(mounted.at(f"new-{i}"), "wb") as file:
                file.write(pattern(MIB, 100 + i))
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for i in range(6):
        assert read(server.path(f"new-{i}")) == pattern(MIB, 100 + i)


def assert_active(server, trace=None):
    # At a line's beginning, as the three servers log a command, or as a trace does.
    command = r'(?m)(^|command: Client "127\.0\.0\.1", "|<- |> )'
    log = server.log_text() if trace is None else trace.read_text(encoding="utf-8")
    assert re.search(command + "(EPRT|PORT)", log)
    assert not re.search(command + "(EPSV|PASV)", log)


# Not pyftpdlib 1.5.7: with a session's next EPRT it stops to listen to the file descriptor that the
# last data connection had, which may be that of another session by then. That one hangs for good.
@pytest.mark.parametrize("kind", ["vsftpd", "proftpd"])
def test_active_mode_does_everything_at_once(servers, mount, kind):
    server = servers.make(kind)
    exercise(mount(server, active=True), server)
    assert_active(server)


def test_active_mode_does_everything_one_after_the_other(servers, server_kind, mount, tmp_path):
    server = servers.make(server_kind)
    trace = tmp_path / "trace"
    exercise(mount(server, active=True, connections=1, trace=trace), server)
    assert_active(server, None if server.logs_commands else trace)


def test_active_mode_keeps_to_its_ports(data_server, mount):
    server = data_server(passive=False)
    mounted = mount(server, active=True, active_ports="31000-31003", **OPTIONS)
    for _ in range(12):
        assert read(at(mounted, fresh(server, b"x"))) == b"x"
    assert server.dialled
    assert {host for host, _ in server.dialled} == {"127.0.0.1"}
    assert all(31000 <= port <= 31003 for _, port in server.dialled)
    assert_alive(server, mounted)


def test_a_range_of_one_port_is_enough(servers, mount):
    server = servers.make("pyftpdlib")
    exercise(mount(server, active=True, active_ports=server.passive[1]), server)


def test_without_eprt_it_is_port(data_server, mount):
    server = data_server(passive=False, eprt="500 EPRT not understood.")
    mounted = mount(server, active=True, **OPTIONS)
    assert_alive(server, mounted)
    assert server.count("EPRT") == 1
    assert server.count("PORT") > 1


def test_an_eprt_that_is_announced_and_refused_is_no_error(data_server, mount):
    server = data_server(passive=False, eprt="522 Network protocol not supported, use (1).")
    server.features.append("EPRT")
    mounted = mount(server, active=True, **OPTIONS)
    assert_alive(server, mounted)
    assert server.count("EPRT") == 1


def test_a_server_that_makes_no_data_connections_is_told_apart(data_server, mount):
    server = data_server(eprt="502 No.", has_port=False)
    mounted = mount(server, active=True, **OPTIONS)
    assert outcome(os.listdir, mounted.path) == errno.EOPNOTSUPP
    assert server.count("EPSV", "PASV") == 0


def test_only_the_server_gets_in(data_server, mount):
    server = data_server(passive=False, strangers=["127.0.0.2", "127.0.0.9"])
    mounted = mount(server, active=True, **OPTIONS)
    assert_alive(server, mounted)
    assert "127.0.0.2, which is not the server" in mounted.log()
    # Not a byte, nor a ClientHello.
    assert set(server.strangers_heard) == {b""}


def test_a_server_that_does_not_connect_is_an_error_in_time(data_server, mount):
    server = data_server(passive=False)
    mounted = mount(server, active=True, **OPTIONS)
    path = fresh(server)
    server.dials = False
    assert outcome(read, at(mounted, path)) in (errno.EIO, errno.ETIMEDOUT)
    server.dials = True
    assert_alive(server, mounted)


@pytest.mark.parametrize("moment", ["before 150", "after 150"])
def test_a_server_that_can_not_connect_is_heard(data_server, mount, moment):
    server = data_server(passive=False)
    mounted = mount(server, active=True, **OPTIONS)
    path = fresh(server)
    refusal = "425 Can't build data connection: refused."
    if moment == "after 150":
        refusal = "150 Here it comes.\r\n" + refusal
    server.fault("RETR", Reply(refusal))
    assert outcome(read, at(mounted, path)) == errno.EIO
    assert_alive(server, mounted)


def test_a_refusal_in_active_mode_has_the_right_errno(data_server, mount):
    server = data_server(passive=False)
    mounted = mount(server, active=True, **OPTIONS)
    path = fresh(server)
    server.fault("RETR", Reply("550 Permission denied."))
    assert outcome(read, at(mounted, path)) == errno.EACCES
    assert_alive(server, mounted)


def test_a_file_is_read_from_an_offset_in_active_mode(data_server, mount):
    server = data_server(passive=False)
    mounted = mount(server, active=True, readahead="0", **OPTIONS)
    data = pattern(8 * MIB)
    path = fresh(server, data)
    with open(at(mounted, path), "rb", buffering=0) as file:
        for offset in (7 * MIB, 5 * MIB, 3 * MIB):
            assert os.pread(file.fileno(), 1000, offset) == data[offset : offset + 1000]


def test_an_impostor_at_the_servers_address_gets_nothing(data_server, mount):
    """TLS decides, as in passive mode: the certificate must be that of the control connection."""
    server = data_server(passive=False)
    mounted = mount(server, active=True, **OPTIONS)
    path = fresh(server)
    before = server.data_context
    server.data_context = server.make_context("expired")
    try:
        code = outcome(read, at(mounted, path))
    finally:
        server.data_context = before
    assert code == errno.EIO
