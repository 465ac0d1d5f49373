# SPDX-License-Identifier: GPL-2.0-or-later
"""The certificate that ftpsfs shows: PEM files, keys with a passphrase, keys on a PKCS #11 token."""

import os
import shutil
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from harness import SANITIZED, MountError, assert_one_line, credentials_file, daemons_of, mountinfo
from harness import run_ftpsfs, source_for
from memory import places_of
from test_login import Terminal

pytest_plugins = ["scripted_fixtures"]

PASSPHRASE = "Rumpelstilzchen-91"
PIN = "4711-0815"


def encrypted_key(certificate, path, passphrase):
    with open(certificate.keyfile, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    with open(path, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(passphrase.encode()),
            )
        )
    os.chmod(path, 0o600)
    return path


@pytest.fixture
def strict(scripted):
    """A server that wants a client certificate."""
    server = scripted()
    server.context.verify_mode = ssl.CERT_REQUIRED
    server.context.load_verify_locations(server.cafile)
    return server


def test_a_client_certificate_is_shown_to_the_server(strict, mount):
    certificate = strict.authority.good()
    mounted = mount(strict, cert=certificate.certfile, key=certificate.keyfile)
    os.listdir(mounted.path)


def test_without_the_client_certificate_the_server_refuses(strict, mount):
    with pytest.raises(MountError) as caught:
        mount(strict, timeout=5)
    assert "certificate" in caught.value.text


def test_the_passphrase_of_an_encrypted_key_is_asked_for(strict, point, home):
    certificate = strict.authority.good()
    key = encrypted_key(certificate, os.path.join(home, "key.pem"), PASSPHRASE)
    path = credentials_file(home, strict.user, strict.password)
    options = f"cafile={strict.cafile},credentials={path},cert={certificate.certfile},key={key}"
    terminal = Terminal([source_for(strict), point, "-o", options], home)
    terminal.read_until(b"Passphrase")
    os.write(terminal.descriptor, PASSPHRASE.encode() + b"\n")
    assert terminal.rest() == 0, terminal.text
    assert PASSPHRASE.encode() not in terminal.text
    os.listdir(point)
    (daemon,) = daemons_of(point)
    assert places_of(daemon, PASSPHRASE.encode()) == [], "it is not needed any more"


def test_the_passphrase_may_come_from_the_credentials_file(strict, point, home):
    certificate = strict.authority.good()
    key = encrypted_key(certificate, os.path.join(home, "key.pem"), PASSPHRASE)
    path = credentials_file(home, strict.user, strict.password)
    with open(path, "a", encoding="ascii") as file:
        file.write(f"passphrase={PASSPHRASE}\n")
    options = f"cafile={strict.cafile},credentials={path},cert={certificate.certfile},key={key}"
    result = run_ftpsfs(source_for(strict), point, "-o", options, home=home)
    assert result.returncode == 0, result.stderr


def test_a_wrong_passphrase_is_one_line(strict, point, home):
    certificate = strict.authority.good()
    key = encrypted_key(certificate, os.path.join(home, "key.pem"), PASSPHRASE)
    path = credentials_file(home, strict.user, strict.password)
    with open(path, "a", encoding="ascii") as file:
        file.write("passphrase=not-this-one\n")
    options = f"cafile={strict.cafile},credentials={path},cert={certificate.certfile},key={key}"
    result = run_ftpsfs(source_for(strict), point, "-o", options, home=home)
    assert result.returncode == 1
    assert "not-this-one" not in assert_one_line(result.stderr, key, "passphrase", "wrong")


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd"])
def test_real_servers_take_the_certificate_on_all_connections(servers, mount, kind):
    certificate = servers.authority.good()
    server = servers.make(kind, client_ca=servers.authority.cafile)
    with pytest.raises(MountError):
        mount(server, timeout=5)
    mounted = mount(server, cert=certificate.certfile, key=certificate.keyfile)
    with open(mounted.at("file"), "wb") as file:
        file.write(b"content")
    assert os.listdir(mounted.path) == ["file"]
    with open(server.path("file"), "rb") as file:
        assert file.read() == b"content"


class Token:
    """A PKCS #11 token in software, SoftHSM's, with a certificate and its key on it."""

    def __init__(self, directory, certificate):
        self.directory = directory
        (directory / "tokens").mkdir(parents=True)
        self.configuration = directory / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self._run(
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            "ftpsfs",
            "--pin",
            PIN,
            "--so-pin",
            PIN,
        )
        self._write("--load-privkey", certificate.keyfile)
        self._write("--load-certificate", certificate.certfile)
        self.cert = "pkcs11:token=ftpsfs;object=mine;type=cert"
        self.key = "pkcs11:token=ftpsfs;object=mine;type=private"

    def environment(self):
        return {"SOFTHSM2_CONF": str(self.configuration)}

    def _write(self, *words):
        self._run(
            "p11tool",
            "--login",
            "--write",
            *words,
            "--label",
            "mine",
            "--id",
            "01",
            "pkcs11:token=ftpsfs",
        )

    def _run(self, *words):
        assert shutil.which(words[0]), f"{words[0]} is missing: tests/setup.sh installs it"
        settings = dict(os.environ, GNUTLS_PIN=PIN, GNUTLS_SO_PIN=PIN, **self.environment())
        result = subprocess.run(
            words,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def token(strict, tmp_path):
    return Token(tmp_path / "token", strict.authority.good())


def token_options(server, home, token):
    path = credentials_file(home, server.user, server.password)
    return f"cafile={server.cafile},credentials={path},cert={token.cert},key={token.key}"


def test_the_pin_of_a_token_is_asked_for(strict, token, point, home):
    words = [source_for(strict), point, "-o", token_options(strict, home, token)]
    terminal = Terminal(words, home, **token.environment())
    terminal.read_until(b"PIN")
    os.write(terminal.descriptor, PIN.encode() + b"\n")
    assert terminal.rest() == 0, terminal.text
    assert PIN.encode() not in terminal.text
    (daemon,) = daemons_of(point)
    assert all({"dd", "lo"} <= flags for flags in places_of(daemon, PIN.encode())) or SANITIZED
    strict.tree.put("/file", b"content")
    with open(os.path.join(point, "file"), "rb") as file:
        assert file.read() == b"content"
    # Further connections sign with the token again.
    strict.drop_connections()
    strict.tree.put("/later", b"later")
    with open(os.path.join(point, "later"), "rb") as file:
        assert file.read() == b"later"


def test_the_pin_of_a_token_may_come_from_a_file(strict, token, point, home):
    path = os.path.join(home, "pin")
    with open(path, "w", encoding="ascii") as file:
        file.write(PIN)
    token.key += f"?pin-source={path}"
    options = token_options(strict, home, token)
    result = run_ftpsfs(source_for(strict), point, "-o", options, home=home, **token.environment())
    assert result.returncode == 0, result.stderr
    os.listdir(point)


def test_a_wrong_pin_is_tried_once_and_ends_it(strict, token, point, home):
    words = [source_for(strict), point, "-o", token_options(strict, home, token)]
    terminal = Terminal(words, home, **token.environment())
    terminal.read_until(b"PIN")
    os.write(terminal.descriptor, b"wrong-pin\n")
    assert terminal.rest() == 1
    assert b"wrong-pin" not in terminal.text
    assert mountinfo(point) is None
    assert strict.count("USER") == 0


def test_a_token_that_is_not_there_is_one_line(strict, token, point, home):
    token.key = token.cert = "pkcs11:token=absent;object=mine"
    options = token_options(strict, home, token) + ",password_stdin"
    result = run_ftpsfs(source_for(strict), point, "-o", options, home=home, **token.environment())
    assert result.returncode == 1
    assert_one_line(result.stderr, "absent")
