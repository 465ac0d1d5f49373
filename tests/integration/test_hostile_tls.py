# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that is not the right one, or not a safe one: no password, no name and no byte of a file
goes to it, and nothing that it says is believed."""

import os
import ssl

import pytest
from harness import MountError
from scripted_faults import Clear, Data, Raw, Renegotiate, Reply
from scripted_mount import (
    BROKEN,
    LIMIT_SECONDS,
    OPTIONS,
    assert_alive,
    at,
    fresh,
    mount_fails,
    outcome,
    read,
    right_or_error,
    within,
    write,
)

pytest_plugins = ["scripted_fixtures"]


@pytest.mark.parametrize(
    "kind", ["expired", "wrong-name", "not-yet-valid", "other CA", "another-good"]
)
@pytest.mark.parametrize("verb", ["RETR", "STOR", "MLSD"])
def test_another_certificate_on_the_data_connection_is_refused(server, mounted, verb, kind):
    if kind == "other CA":
        context = server.make_context(own_authority=True)
    else:
        context = server.make_context(kind)
    path = fresh(server, b"from the wrong server")
    server.tree.makedirs("/dir")
    server.fault(verb, Data(context=context))
    operation = {
        "RETR": (read, at(mounted, path)),
        "STOR": (write, at(mounted, "/new"), b"secret"),
        "MLSD": (os.listdir, at(mounted, "/dir")),
    }[verb]
    assert outcome(*operation) in BROKEN
    if server.tree.exists("/new"):
        assert b"secret" not in server.tree.get("/new")
    assert_alive(server, mounted)


@pytest.mark.parametrize("kind", ["expired", "wrong-name", "not-yet-valid"])
def test_a_bad_certificate_ends_the_mount_before_the_password(scripted, mount, kind):
    server = scripted(certificate=kind)
    text = mount_fails(mount, server)
    assert "certificate" in text
    assert server.count("USER", "PASS") == 0


def test_an_unknown_ca_ends_the_mount_before_the_password(server, mount):
    server.context = server.make_context(own_authority=True)
    text = mount_fails(mount, server)
    assert "certificate" in text
    assert server.count("USER", "PASS") == 0


def test_later_connections_are_verified_too(server, mounted):
    server.context = server.data_context = server.make_context("expired")
    server.drop_connections()
    server.forget()
    path = fresh(server)
    assert outcome(read, at(mounted, path)) in BROKEN
    assert server.count("USER", "PASS") == 0
    server.context = server.data_context = server.make_context()
    assert_alive(server, mounted)


@pytest.mark.parametrize("verb", ["RETR", "STOR", "MLSD"])
def test_data_in_clear_is_refused(server, mounted, verb):
    path = fresh(server, b"in clear")
    server.tree.makedirs("/dir")
    server.fault(verb, Data(handshake="clear"))
    operation = {
        "RETR": (read, at(mounted, path)),
        "STOR": (write, at(mounted, "/new"), b"secret"),
        "MLSD": (os.listdir, at(mounted, "/dir")),
    }[verb]
    assert outcome(*operation) in BROKEN
    if server.tree.exists("/new"):
        assert b"secret" not in server.tree.get("/new")
    assert_alive(server, mounted)


@pytest.mark.parametrize("verb", ["MLST", "EPSV", "RETR"])
def test_replies_in_clear_amid_tls_are_refused(server, mounted, verb):
    path = fresh(server, b"right")
    server.fault(verb, Clear())
    right_or_error(read, at(mounted, path), right=b"right")
    assert_alive(server, mounted)


def test_a_server_without_tls_ends_the_mount(server, mount):
    class InClear(Raw):
        def before(self, session, command):
            session.send_clear(b"220 Welcome in clear.\r\n331 And the password?\r\n")
            session.server.pause(0.5)
            return True

    server.fault("CONNECT", InClear(b""))
    text = mount_fails(mount, server)
    assert server.host in text
    assert server.count("USER", "PASS") == 0


@pytest.mark.parametrize(
    "verb, text",
    [("AUTH", "502 No."), ("AUTH", "431 No."), ("PROT", "536 No."), ("PROT", "431 No.")],
)
def test_explicit_tls_that_is_refused_ends_the_mount(scripted, mount, verb, text):
    server = scripted(explicit=True)
    server.fault(verb, Reply(text))
    message = mount_fails(mount, server)
    assert verb in message or "TLS" in message
    for command in server.commands:
        # Where TLS was refused nobody has tried to log in, and nowhere was a transfer tried.
        assert command.verb not in ("RETR", "STOR", "MLSD", "LIST")
        assert verb != "AUTH" or command.verb not in ("USER", "PASS")


def test_replies_smuggled_in_before_tls_are_dropped(scripted, mount):
    server = scripted(explicit=True)

    class Smuggle(Raw):
        """RFC 9325 section 3.2, CVE-2011-0411: what came in clear is not from the server."""

        def before(self, session, command):
            session.send_clear(b"234 Go ahead.\r\n331 smuggled\r\n230 smuggled\r\n")
            session.secure()
            return True

    server.fault("AUTH", Smuggle(b""))
    try:
        mounted = mount(server, **OPTIONS)
    except MountError:
        return  # refused
    assert_alive(server, mounted)
    assert server.count("PASS") > 0


def test_renegotiation_is_survived(scripted, mount):
    server = scripted(openssl=True)
    mounted = mount(server, **OPTIONS)
    server.fault("EPSV", Renegotiate())
    path = fresh(server, b"right")
    right_or_error(read, at(mounted, path), right=b"right")
    assert_alive(server, mounted)


@pytest.mark.parametrize("verb", ["RETR", "STOR", "MLSD"])
def test_renegotiation_of_a_data_connection_is_survived(scripted, mount, verb):
    server = scripted(openssl=True)
    mounted = mount(server, **OPTIONS)
    data = os.urandom(300_000)
    path = fresh(server, data, "/dir")
    fault = server.fault(verb, Data(renegotiate=True))
    if verb == "RETR":
        right_or_error(read, at(mounted, path), right=data)
    elif verb == "MLSD":
        right_or_error(os.listdir, at(mounted, "/dir"), right=[path.rpartition("/")[2]])
    else:
        code = outcome(write, at(mounted, "/new"), data)
        assert code in (0, *BROKEN)
        assert code != 0 or server.tree.get("/new") == data
    assert fault.hits > 0
    assert_alive(server, mounted)


@pytest.mark.parametrize(
    "options",
    [
        {"maximum": ssl.TLSVersion.TLSv1_2},
        {"minimum": ssl.TLSVersion.TLSv1_3},
        {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-RSA-AES128-GCM-SHA256"},
        {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-RSA-CHACHA20-POLY1305"},
        {"curve": "secp521r1"},
        {"curve": "secp384r1", "minimum": ssl.TLSVersion.TLSv1_3},
        {"require_reuse": True},
        {"require_reuse": True, "maximum": ssl.TLSVersion.TLSv1_2},
        {"require_reuse": True, "curve": "secp521r1"},
    ],
    ids=str,
)
def test_what_is_sound_in_tls_works(scripted, mount, options):
    server = scripted(**options)
    mounted = mount(server, **OPTIONS)
    data = os.urandom(300_000)
    path = fresh(server, data)
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == data
    within(LIMIT_SECONDS, write, at(mounted, "/new"), data)
    assert server.tree.get("/new") == data
    assert all(connection.resumed for connection in server.data_connections)
    assert_alive(server, mounted)


@pytest.mark.parametrize(
    "options",
    [
        {"minimum": ssl.TLSVersion.TLSv1, "maximum": ssl.TLSVersion.TLSv1_1,
         "ciphers": "ALL:@SECLEVEL=0"},
        {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "aNULL:@SECLEVEL=0"},
        {"maximum": ssl.TLSVersion.TLSv1_2, "ciphers": "eNULL:!aNULL:@SECLEVEL=0"},
    ],
    ids=["TLS 1.1", "anonymous", "no encryption"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_what_is_unsound_in_tls_ends_the_mount(scripted, mount, options):
    server = scripted(**options)
    mount_fails(mount, server)
    assert server.count("USER", "PASS") == 0


def test_a_minimum_of_tls_1_3_is_kept_to(scripted, mount):
    server = scripted(maximum=ssl.TLSVersion.TLSv1_2)
    mount_fails(mount, server, tls_min="1.3")
    assert server.count("USER", "PASS") == 0


def test_a_data_connection_of_a_lower_version_is_refused_under_tls_min(scripted, mount):
    server = scripted()
    mounted = mount(server, tls_min="1.3", **OPTIONS)
    path = fresh(server, b"x")
    context = server.make_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server.fault("RETR", Data(context=context))
    assert outcome(read, at(mounted, path)) in BROKEN
    assert_alive(server, mounted)


@pytest.mark.parametrize(
    "text", ['257 "../../.."', "257 none", '257 "', '257 "relative"', '257 ""', "257-x\r\n257 y"]
)
def test_a_working_directory_that_is_no_path_ends_the_mount_or_does_no_harm(server, mount, text):
    server.fault("PWD", Reply(text))
    try:
        mounted = mount(server, **OPTIONS)
    except MountError as error:
        assert server.host in error.text
        return
    assert_alive(server, mounted)


def test_a_refused_password_is_said_but_not_shown(server, mount):
    server.fault("PASS", Reply("530 Login incorrect."))
    text = mount_fails(mount, server)
    assert "Login incorrect" in text
    assert server.arguments("PASS") == [server.password]
