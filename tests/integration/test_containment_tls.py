# SPDX-License-Identifier: GPL-2.0-or-later
"""How strong TLS has to be: what each tls_policy= accepts of real servers, and what is said of one
that is refused. The whole table is in tests/unit/tls_policy.c."""

import contextlib
import json
import pathlib
import re
import socket
import ssl
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes

import certificates
from harness import credentials_file, option_words, run_ftpsfs, source_for
from scripted_mount import BROKEN, OPTIONS, assert_alive, at, fresh, mount_fails, outcome, read

pytest_plugins = ["scripted_fixtures"]

UNREACHABLE, UNTRUSTED = 3, 4
# Made for these tests, with "openssl dhparam".
DH_1024 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAN2C7m7PHKTy+/O0gOWRgjAF8umXFnWeiUDzPeMJ31MZYkHJAA2eDEnN
4nnVlL/YCeCbU3XNvpxIejIjjMq9cMp0ydKJOunCoBYO/mBXQoKx9mOeIiXWFxun
C5Y7hiGJgnOwr9Tg0KrvGNn/jbTVfLVxA/VEU4qJNeQf2OFydFTfAgEC
-----END DH PARAMETERS-----
"""
DH_2048 = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""
OLD = "ALL:@SECLEVEL=0"


def tls_of(server, key="rsa-2048", ciphers=OLD, dh=None, tls12=False, digest=hashes.SHA256):
    """A context for the server with one property. Where it has ciphers it is TLS 1.2's."""
    issued = server.authority.issue(f"{key}-{digest.name}", key=key, digest=digest)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls12 or ciphers != OLD:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    context.load_cert_chain(issued.certfile, issued.keyfile)
    context.certfile, context.keyfile = issued.certfile, issued.keyfile
    if dh is not None:
        path = f"{server.directory}/dh.pem"
        with open(path, "w", encoding="ascii") as file:
            file.write(dh)
        context.load_dh_params(path)
    return context


def give(server, **properties):
    server.context = server.data_context = tls_of(server, **properties)


def probe(home, server, status, **options):
    """What --probe tells of TLS, and what it fails with."""
    options.setdefault("cafile", server.cafile)
    options.setdefault("credentials", credentials_file(home, server.user, server.password))
    words = ",".join(option_words(options))
    result = run_ftpsfs("--probe", "--json", source_for(server), "-o", words, home=home)
    assert result.returncode == status, result.stderr
    return json.loads(result.stdout), result.stderr


def heard(server):
    """The commands that the server was sent."""
    return [command for command in server.commands if command.verb != "GREETING"]


def met(told):
    return {row["name"] for row in told["policies"] if row.get("met")}


def reason(told, policy):
    return {row["name"]: row.get("reason") for row in told["policies"]}[policy]


WEAK = {
    "rsa-1024": ({"key": "rsa-1024"}, "a key by RSA of 1024 bits, which"),
    "static-rsa": ({"ciphers": "kRSA:@SECLEVEL=0"}, "the key exchange RSA, which"),
    "dhe-1024": (
        {"ciphers": "kDHE:@SECLEVEL=0", "dh": DH_1024},
        "a Diffie-Hellman group of 1024 bits, which",
    ),
}


@pytest.mark.parametrize("weakness", WEAK)
def test_what_modern_refuses_ends_the_mount_before_the_login(server, mount, weakness):
    properties, words = WEAK[weakness]
    give(server, **properties)
    text = mount_fails(mount, server)
    assert f"{words} tls_policy=modern refuses: ask the server's owner for" in text
    assert "mount with -o tls_policy=legacy" in text
    assert server.host in text
    assert heard(server) == []  # on no connection


@pytest.mark.parametrize("weakness", WEAK)
def test_what_modern_refuses_legacy_mounts_with_a_warning(server, mount, weakness):
    give(server, **WEAK[weakness][0])
    path = fresh(server, b"content")
    mounted = mount(server, tls_policy="legacy", **OPTIONS)
    assert read(at(mounted, path)) == b"content"
    assert "tls_policy=legacy accepts old TLS" in mounted.log()


@pytest.mark.parametrize("policy", [None, "modern", "system"])
def test_other_policies_warn_of_nothing(server, mount, policy):
    mounted = mount(server, tls_policy=policy, **OPTIONS)
    assert "warning" not in mounted.log().lower()


STRICT = {
    "rsa-2048": ({}, "a key by RSA of 2048 bits, which"),
    "cbc": (
        {"key": "rsa-3072", "ciphers": "ECDHE-RSA-AES128-SHA"},
        "the cipher AES-128-CBC, which",
    ),
    "dhe-2048": (
        {"key": "rsa-3072", "ciphers": "DHE-RSA-AES128-GCM-SHA256", "dh": DH_2048},
        "the key exchange DHE-RSA, ",
    ),
}


@pytest.fixture
def strong(scripted, tmp_path):
    """A server by an authority with a key of 128 bits of strength."""
    server = scripted()
    server.authority = certificates.Authority(tmp_path / "strong", key="p-256")
    server.cafile = server.authority.cafile
    return server


@pytest.mark.parametrize("weakness", STRICT)
def test_what_strict_refuses_modern_mounts(strong, mount, weakness):
    properties, words = STRICT[weakness]
    give(strong, **properties)
    text = mount_fails(mount, strong, tls_policy="strict")
    assert words in text
    assert "tls_policy=strict refuses" in text
    assert "mount with -o tls_policy=modern" in text
    assert heard(strong) == []
    path = fresh(strong, b"content")
    assert read(at(mount(strong, **OPTIONS), path)) == b"content"


@pytest.mark.parametrize("key", ["rsa-3072", "p-256", "ed25519"])
@pytest.mark.parametrize("tls12", [False, True], ids=["tls1.3", "tls1.2"])
def test_strict_mounts_what_is_strong(strong, mount, key, tls12):
    give(strong, key=key, tls12=tls12)
    path = fresh(strong, b"content")
    mounted = mount(strong, tls_policy="strict", **OPTIONS)
    assert read(at(mounted, path)) == b"content"
    assert {one.version for one in strong.data_connections} == {"TLSv1.2" if tls12 else "TLSv1.3"}


def test_strict_looks_at_the_authority_too(scripted, mount):
    server = scripted()  # by an authority with a key of 2048 bits
    give(server, key="p-256")
    text = mount_fails(mount, server, tls_policy="strict")
    assert "depends on CN=ftpsfs throw-away test CA, which has a key by RSA of 2048 bits" in text
    assert heard(server) == []


@pytest.mark.filterwarnings("ignore:SHA1 signatures")
def test_a_certificate_signed_with_sha1_is_refused_by_each_policy(server, mount):
    give(server, digest=hashes.SHA1)
    for policy in ("modern", "legacy", "strict", "system"):
        text = mount_fails(mount, server, tls_policy=policy)
        assert "RSA-SHA1" in text or policy == "strict"
    assert heard(server) == []


@pytest.mark.parametrize("weakness", ["static-rsa", "dhe-1024"])
def test_data_connections_are_held_to_the_policy(server, mount, weakness):
    """One that does not resume the control connection's session, with the same certificate."""
    give(server)
    mounted = mount(server, **OPTIONS)
    path = fresh(server, b"content")
    server.data_context = tls_of(server, **WEAK[weakness][0])
    assert outcome(read, at(mounted, path)) in BROKEN
    server.data_context = server.context
    assert_alive(server, mounted)


def test_a_key_that_is_remembered_or_pinned_must_be_long_enough_as_well(server, mount):
    give(server, key="rsa-1024")
    pin = server.authority.issue("rsa-1024-sha256", key="rsa-1024").pin()
    for options in ({"tls_verify": "tofu"}, {"tls_verify": "no", "tls_pin": pin}):
        text = mount_fails(mount, server, cafile=None, **options)
        assert "1024 bits, which tls_policy=modern refuses" in text
    assert heard(server) == []


def test_a_priority_string_wins(server, mount):
    give(server, key="rsa-1024", ciphers="kRSA:@SECLEVEL=0")
    mounted = mount(server, tls_policy="strict", tls_priority="NORMAL", **OPTIONS)
    path = fresh(server, b"content")
    assert read(at(mounted, path)) == b"content"
    assert "tls_policy" not in mounted.log()


# What the system says


@pytest.fixture
def system(tmp_path, monkeypatch):
    """system(text): from now on this is the system's configuration of GnuTLS."""

    def set_to(text):
        path = tmp_path / "gnutls.config"
        path.write_text(text)
        monkeypatch.setenv("GNUTLS_SYSTEM_PRIORITY_FILE", str(path))

    set_to("")
    return set_to


@pytest.mark.parametrize("policy", ["modern", "strict", "system"])
def test_the_systems_default_underlies_the_policies(strong, mount, system, policy):
    system("[overrides]\ndefault-priority-string = NORMAL:-VERS-TLS1.3:-AES-256-GCM\n")
    give(strong, key="p-256")
    mounted = mount(strong, tls_policy=policy, **OPTIONS)
    path = fresh(strong, b"content")
    assert read(at(mounted, path)) == b"content"
    assert {one.version for one in strong.data_connections} == {"TLSv1.2"}


@pytest.mark.parametrize("policy", ["modern", "legacy", "system"])
def test_what_the_system_forbids_no_policy_allows(strong, mount, system, policy):
    give(strong, key="rsa-3072", ciphers="ECDHE-RSA-AES128-SHA")
    mount(strong, tls_policy=policy, **OPTIONS)
    system("[overrides]\ntls-disabled-cipher = aes-128-cbc\n")
    mount_fails(mount, strong, tls_policy=policy)


@pytest.mark.parametrize("policy", ["modern", "system"])
def test_a_longer_key_that_the_system_wants_is_wanted(strong, mount, system, policy):
    """That a policy has a limit of its own does not lower the system's."""
    give(strong, key="rsa-2048")
    mount(strong, tls_policy=policy, **OPTIONS)
    for text in (
        "[overrides]\nmin-verification-profile = high\n",
        "[overrides]\ndefault-priority-string = NORMAL:%PROFILE_HIGH\n",
    ):
        system(text)
        assert "certificate" in mount_fails(mount, strong, tls_policy=policy)


def test_a_system_that_leaves_nothing_is_named(server, mount, system):
    system("[overrides]\ndefault-priority-string = NORMAL:-VERS-TLS1.3\n")
    text = mount_fails(mount, server, tls_min="1.3")
    assert "gnutls.config" in text
    assert server.sessions_total == 0


def test_fips_is_refused_outside_fips_mode(server, mount):
    for options in ({}, {"tls_priority": "NORMAL"}):
        text = mount_fails(mount, server, tls_policy="fips", **options)
        assert "GnuTLS is not in FIPS mode here" in text
    assert server.sessions_total == 0


def test_every_hash_is_of_gnutls():
    """Which in FIPS mode has those of its module, tested at each start; GLib has some of its own."""
    source = pathlib.Path(__file__).resolve().parents[2] / "src"
    hashed = [
        path
        for path in source.rglob("*.c")
        if re.search(r"g_(checksum|compute|hmac)_", path.read_text())
    ]
    assert list(source.rglob("*.c")) and hashed == []


# --probe


def test_the_probe_says_which_policies_are_met(server, home):
    told, _ = probe(home, server, 0)
    assert met(told) == {"modern", "legacy", "system"}
    assert "a key by RSA of 2048 bits, which tls_policy=strict refuses" in reason(told, "strict")
    assert reason(told, "fips") == "this system does not have it"
    assert told["probe"]["policy"] == "modern"


@pytest.mark.parametrize("key", ["rsa-3072", "p-256", "ed25519"])
def test_the_probe_says_so_of_a_strong_server(strong, home, key):
    give(strong, key=key)
    told, _ = probe(home, strong, 0)
    assert met(told) == {"modern", "legacy", "strict", "system"}


@pytest.mark.parametrize("weakness", WEAK)
def test_the_probe_says_so_of_a_weak_server(server, home, weakness):
    properties, words = WEAK[weakness]
    give(server, **properties)
    status = UNREACHABLE if weakness == "static-rsa" else UNTRUSTED
    told, trouble = probe(home, server, status)
    assert words in trouble
    assert met(told) == {"legacy", "system"}
    assert words in reason(told, "modern") and "tls_policy=modern" in reason(told, "modern")
    assert heard(server) == []
    told, _ = probe(home, server, 0, tls_policy="legacy")
    assert any("tls_policy=legacy" in warning and words in warning for warning in told["warnings"])


def test_the_probe_says_that_legacy_is_not_needed(server, home):
    told, _ = probe(home, server, 0, tls_policy="legacy")
    assert any("tls_policy=legacy is not needed" in warning for warning in told["warnings"])


def test_the_probe_remembers_no_key_that_is_refused(server, home):
    give(server, key="rsa-1024")
    options = {"cafile": None, "tls_verify": "tofu"}
    told, _ = probe(home, server, UNTRUSTED, **options)
    assert met(told) == {"legacy", "system"}
    give(server)
    told, _ = probe(home, server, 0, **options)
    assert told["tls"]["verified"]


# Servers that OpenSSL does not make: GnuTLS's own, which speaks no FTP


def free_port():
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


class GnutlsServer:
    """A server for handshakes, by gnutls-serv."""

    host, user, password, explicit = "127.0.0.1", "tester", "secret-word", False

    def __init__(self, authority, priority, key):
        self.cafile = authority.cafile
        self.port = free_port()
        issued = authority.issue(f"{key}-sha256", key=key)
        words = ["--port", self.port, "--priority", priority, "--echo", "--quiet"]
        words += ["--x509certfile", issued.certfile, "--x509keyfile", issued.keyfile]
        self.process = subprocess.Popen(
            ["gnutls-serv", *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port)).close()
                return
            time.sleep(0.05)
        raise AssertionError("gnutls-serv does not start")

    def close(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def gnutls_server(all_servers):
    made = []

    def make(priority, key="rsa-2048"):
        text = f"NORMAL:%PROFILE_VERY_WEAK:-VERS-ALL:+VERS-TLS1.2:{priority}"
        made.append(GnutlsServer(all_servers.authority, text, key))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.mark.parametrize(
    "priority, policies, words",
    [
        ("-SIGN-ALL:+SIGN-RSA-SHA1", {"legacy", "system"}, "handshake signatures by RSA-SHA1"),
        ("-CIPHER-ALL:+3DES-CBC", set(), "the cipher 3DES-CBC"),
        ("-CIPHER-ALL:+ARCFOUR-128", set(), "the cipher ARCFOUR-128"),
    ],
    ids=["sha1", "3des", "rc4"],
)
def test_what_only_old_servers_have_is_refused_and_named(
    gnutls_server, home, priority, policies, words
):
    server = gnutls_server(priority)
    told, trouble = probe(home, server, UNREACHABLE, timeout=2)
    assert f"{words}, which tls_policy=modern refuses: ask the server's owner for" in trouble
    assert ("-o tls_policy=legacy" in trouble) == bool(policies)
    assert met(told) == policies
