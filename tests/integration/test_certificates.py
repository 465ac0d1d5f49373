# SPDX-License-Identifier: GPL-2.0-or-later
"""The server's certificate: which CAs, pins and revocations count; keys remembered at first use."""

import os
import re
import ssl
import subprocess

import pytest

import certificates
from harness import BINARY, MountError, assert_one_line, credentials_file, option_words, source_for

pytest_plugins = ["scripted_fixtures"]


@pytest.fixture
def other(tmp_path):
    """A CA that has nothing to do with the servers."""
    return certificates.Authority(tmp_path / "other-ca", name="somebody else")


def refusal(mount, server, **options):
    """What is said instead of mounting; no name and no password was sent."""
    with pytest.raises(MountError) as caught:
        mount(server, **options)
    assert caught.value.status == 1
    assert server.count("USER", "PASS") == 0
    return assert_one_line(caught.value.text)


def works(mounted, server):
    server.tree.put("/file", b"content")
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"content"
    with open(mounted.at("new"), "wb") as file:
        file.write(b"new")
    assert server.tree.get("/new") == b"new"


# CAs

WITH_SYSTEM_CA = """
set -e
mount --make-rprivate /
mount --bind "$1" /etc/ssl/certs/ca-certificates.crt
"$2" "$3" "$4" -o "$5"
cat "$4/file"
umount "$4"
"""


def test_the_systems_cas_are_believed_by_default(servers, server_kind, tmp_path, home):
    server = servers.make(server_kind)
    with open(server.path("file"), "wb") as file:
        file.write(b"content")
    server.adopt(server.root)
    point = tmp_path / "mnt"
    point.mkdir()
    options = {"credentials": credentials_file(home, server.user, server.password)}
    options = ",".join(option_words({**options, "explicit": server.explicit}))
    words = [server.cafile, BINARY, source_for(server), point, options]
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", WITH_SYSTEM_CA, "sh", *map(str, words)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, b"content"), result.stderr


def ca_directory(path, *authorities):
    path.mkdir()
    for number, authority in enumerate(authorities):
        with open(authority.cafile, "rb") as file:
            (path / f"{number}.pem").write_bytes(file.read())
    return path


def test_capath_is_a_directory_of_cas(server, mount, other, tmp_path):
    directory = ca_directory(tmp_path / "cas", other, server.authority)
    works(mount(server, cafile=None, capath=directory), server)


def test_a_ca_that_is_not_in_capath_is_not_believed(server, mount, other, tmp_path):
    directory = ca_directory(tmp_path / "cas", other)
    line = refusal(mount, server, cafile=None, capath=directory)
    assert str(directory) in line


def test_cafile_and_capath_are_both_believed(server, mount, other, tmp_path):
    directory = ca_directory(tmp_path / "cas", server.authority)
    works(mount(server, cafile=other.cafile, capath=directory), server)


# Pins


def test_one_of_several_pins_must_match(server, mount):
    pins = [server.authority.expired().pin(), server.authority.good().pin()]
    works(mount(server, words=[word for pin in pins for word in ("-o", f"tls_pin={pin}")]), server)


def test_pins_are_taken_as_curl_writes_them(server, mount):
    pins = f"{server.authority.expired().pin()};{server.authority.good().pin()}"
    works(mount(server, tls_pin=pins), server)


@pytest.mark.parametrize("verify", ["yes", "tofu", "no"])
def test_a_key_that_no_pin_names_is_refused_and_told(server, mount, verify):
    pins = [server.authority.expired().pin(), server.authority.wrong_name().pin()]
    line = refusal(mount, server, tls_pin=";".join(pins), tls_verify=verify)
    assert f"tls_pin={server.authority.good().pin()}" in line


def test_a_pin_does_not_replace_the_ca(server, mount, other):
    refusal(mount, server, cafile=other.cafile, tls_pin=server.authority.good().pin())


def test_a_pin_is_all_that_counts_where_nothing_else_is_verified(server, mount, other):
    pin = server.authority.good().pin()
    mounted = mount(server, cafile=other.cafile, tls_verify="no", tls_pin=pin)
    works(mounted, server)
    assert "not verified" not in mounted.log()


# The first use


@pytest.fixture
def remembering(mount, home, monkeypatch):
    """remembering(server, **options): a mount that keeps its known hosts in this test."""
    monkeypatch.setenv("XDG_DATA_HOME", home)

    def make(server, **options):
        return mount(server, cafile=None, tls_verify="tofu", **options)

    make.known = os.path.join(home, "ftpsfs", "known_hosts")
    return make


def lines_of(path):
    with open(path, encoding="ascii") as file:
        return file.read().splitlines()


def test_a_key_is_remembered_at_its_first_use(server, remembering):
    works(remembering(server), server)
    assert len(lines_of(remembering.known)) == 1
    assert os.stat(remembering.known).st_mode & 0o777 == 0o600
    second = remembering(server)
    works(second, server)
    assert len(lines_of(remembering.known)) == 1
    assert "first time" not in second.log()


def test_a_changed_key_is_refused_with_both_fingerprints(server, remembering):
    remembering(server).unmount()
    server.forget()
    server.context = server.data_context = server.make_context("another-good")
    with pytest.raises(MountError) as caught:
        remembering(server)
    assert server.count("USER", "PASS") == 0
    seen = re.findall(r"sha256//[\w+/]{43}=", caught.value.text)
    assert seen == [server.authority.good().pin(), server.authority.another_good().pin()]
    assert remembering.known in caught.value.text, "it does not say where the old key is"
    assert len(lines_of(remembering.known)) == 1


def test_a_real_servers_changed_key_is_refused(servers, server_kind, remembering):
    server = servers.make(server_kind)
    remembering(server).unmount()
    server.stop()
    server.certificate = servers.authority.another_good()
    server.start()
    with pytest.raises(MountError) as caught:
        remembering(server)
    assert servers.authority.another_good().pin() in caught.value.text


# Revocation


def test_a_certificate_that_the_crl_names_is_refused(server, mount):
    authority = server.authority
    crl = authority.crl("revoked.crl", authority.expired(), authority.good())
    assert "revoked" in refusal(mount, server, crlfile=crl)


def test_one_that_it_does_not_name_is_good(server, mount):
    crl = server.authority.crl("others.crl", server.authority.expired())
    works(mount(server, crlfile=crl), server)


def test_a_crl_that_is_out_of_date_is_refused(server, mount):
    crl = server.authority.crl("old.crl", server.authority.expired(), last=-2)
    assert "out of date" in refusal(mount, server, crlfile=crl)


def test_a_crl_by_another_ca_is_told_to_count_for_that_one_only(server, mount, other):
    crl = other.crl("foreign.crl", other.expired())
    mounted = mount(server, crlfile=crl)
    works(mounted, server)
    assert crl in mounted.log() and "somebody else" in mounted.log()


def test_a_crl_that_its_ca_has_not_signed_is_refused(server, mount, tmp_path):
    forger = certificates.Authority(tmp_path / "forger")  # of the same name
    crl = forger.crl("forged.crl", forger.expired())
    assert "signature" in refusal(mount, server, crlfile=crl)


def test_a_stapled_good_answer_is_good(server, mount):
    server.staple = server.authority.ocsp(server.authority.good())
    works(mount(server), server)


def test_a_stapled_revocation_is_honoured(server, mount):
    server.staple = server.authority.ocsp(server.authority.good(), revoked=True)
    assert "revoked" in refusal(mount, server)


def test_a_stapled_answer_that_somebody_else_signed_is_refused(server, mount, other):
    server.staple = server.authority.ocsp(server.authority.good(), signer=other)
    assert "OCSP" in refusal(mount, server)


def test_a_stapled_answer_that_is_out_of_date_is_refused(server, mount):
    server.staple = server.authority.ocsp(server.authority.good(), last=-3)
    assert "out of date" in refusal(mount, server)


def test_a_stapled_answer_for_another_certificate_says_nothing(scripted, mount):
    """The good answer of a sibling does not make a certificate good that demands one."""
    server = scripted(certificate="must-staple")
    server.staple = server.authority.ocsp(server.authority.good())
    assert "OCSP" in refusal(mount, server)


def test_a_certificate_that_demands_a_staple_is_refused_without(scripted, mount):
    server = scripted(certificate="must-staple")
    assert "OCSP" in refusal(mount, server)


def test_a_certificate_that_demands_a_staple_is_good_with_it(scripted, mount):
    server = scripted(certificate="must-staple")
    server.staple = server.authority.ocsp(server.authority.must_staple())
    works(mount(server), server)


def test_a_revocation_that_is_stapled_later_ends_it_then(server, mount):
    mounted = mount(server, timeout=2)
    server.staple = server.authority.ocsp(server.authority.good(), revoked=True)
    server.drop_connections()
    server.forget()
    server.tree.put("/file", b"content")
    with pytest.raises(OSError):
        with open(mounted.at("file"), "rb") as file:
            file.read()
    assert server.count("USER", "PASS") == 0


# What is offered


def test_tls_priority_chooses_the_version(server, mount):
    works(mount(server, tls_priority="NORMAL:-VERS-TLS1.3"), server)
    assert {connection.version for connection in server.data_connections} == {"TLSv1.2"}


def test_tls_priority_chooses_the_cipher(server, mount):
    priority = "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305"
    mounted = mount(server, tls_priority=priority, words=["-d"])
    works(mounted, server)
    found = re.findall(r"TLS with .*: \(TLS1.3\).*\(([\w-]+)\)", mounted.log())
    assert len(found) >= 3 and set(found) == {"CHACHA20-POLY1305"}


def test_tls_priority_can_not_bring_old_versions_back(scripted, mount):
    server = scripted(
        maximum=ssl.TLSVersion.TLSv1_1, minimum=ssl.TLSVersion.TLSv1, ciphers="ALL:@SECLEVEL=0"
    )
    with pytest.raises(MountError):
        mount(server, tls_priority="LEGACY:+VERS-TLS1.0:+VERS-TLS1.1:%COMPAT")
    assert server.count("USER") == 0


def test_a_wrong_tls_priority_is_one_line_with_its_place(server, mount):
    assert "NO-SUCH" in refusal(mount, server, tls_priority="NORMAL:+NO-SUCH")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tls_min_lets_newer_versions_be(server, mount, version):
    works(mount(server, tls_min=version), server)
    assert {connection.version for connection in server.data_connections} == {"TLSv1.3"}
