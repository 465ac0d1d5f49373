# SPDX-License-Identifier: GPL-2.0-or-later
"""Smaller ways in which a server, or another user's file, could take more than it is given."""

import datetime
import os
import shutil
import socket
import stat
import subprocess
import time
import unicodedata

import pytest

from harness import (
    OTHER_UID,
    credentials_file,
    mountinfo,
    option_words,
    reached,
    run_ftpsfs,
    source_for,
    unmount_and_wait,
)
from scripted_data import DataServer
from scripted_faults import Reply
from scripted_mount import OPTIONS, assert_alive, at, fresh, mount_fails, outcome, read

pytest_plugins = ["scripted_fixtures"]


# What a terminal would act on

# A title, a colour by U+009B, the same by a byte that is no UTF-8, text that turns its direction.
NASTY = "n\x1b]0;owned\x07 \u009b31m \udc9b31m \u202egpj.\u2066x\u200f end"
NAME = "n\x1b[31m \u009b31m \u202egpj.\u2066x"

DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def assert_fit(data, kept="\n\t"):
    """Valid UTF-8 that no terminal does anything with but show it."""
    text = data.decode("utf-8")
    bad = [c for c in text if unicodedata.category(c) == "Cc" and c not in kept]
    bad += [c for c in text if c in DIRECTIONS + "\u2028\u2029"]
    assert not bad, f"{bad} in {text!r}"
    return text


@pytest.fixture
def nasty(server):
    server.tree.put(f"/{NAME}", b"content")
    server.fault("GREETING", Reply(f"220 {NASTY}"))
    server.fault("SYST", Reply(f"215 {NASTY}"))
    for verb in ("DELE", "RNFR", "RMD"):
        server.fault(verb, Reply(f"550 {NASTY}"))
    return server


@pytest.mark.parametrize("level", ["message", "debug"])
def test_the_log_and_the_trace_are_fit_for_a_terminal(nasty, mount, tmp_path, level):
    trace = tmp_path / "trace"
    mounted = mount(nasty, trace=trace, log_level=level, **OPTIONS)
    path = at(mounted, NAME)
    assert read(path) == b"content"
    assert outcome(os.unlink, path) != 0
    assert outcome(os.rename, path, path + "2") != 0
    mounted.unmount()
    with open(mounted.log_path, "rb") as file:
        log = assert_fit(file.read())
    assert "gpj" in log and "owned" in log
    told = assert_fit(trace.read_bytes())
    assert "220 n?]0;owned?" in told and told.count("gpj") > 3


def test_what_ends_a_mount_is_fit_for_a_terminal(server, mount):
    server.fault("USER", Reply(f"530 {NASTY}"))
    text = mount_fails(mount, server)
    assert "owned" in assert_fit(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("words", [["--once"], ["--json"]], ids=lambda words: words[0])
def test_the_status_is_fit_for_a_terminal(nasty, mount, words):
    mounted = mount(nasty, **OPTIONS)
    assert outcome(os.unlink, at(mounted, NAME)) != 0
    result = subprocess.run(
        [mounted.process.args[0], "--status", mounted.path, *words],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert "gpj" in assert_fit(result.stdout)


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_a_probe_is_fit_for_a_terminal(nasty, home, words):
    nasty.features += [f"X{NASTY}"]
    credentials = credentials_file(home, nasty.user, nasty.password)
    options = ",".join([reached(nasty), *option_words({"credentials": credentials})])
    result = run_ftpsfs("--probe", source_for(nasty), "-r", "-o", options, *words, home=home)
    assert result.returncode == 0, result.stderr
    text = assert_fit(result.stdout.encode("utf-8", "surrogateescape"))
    assert_fit(result.stderr.encode("utf-8", "surrogateescape"))
    assert text.count("owned") >= 3


def test_what_is_printed_of_a_link_is_fit_for_a_terminal(home):
    for words in (["--print-config"], ["--describe"], ["--probe"]):
        result = run_ftpsfs(
            *words, "a\u202eb@127.0.0.1:1/\u2066c", "-o", "tls_verify=no", home=home
        )
        assert_fit((result.stdout + result.stderr).encode())


# Ports of other services


@pytest.fixture
def service():
    """Somebody else's service on a port that takes root: the listener."""
    for port in range(1023, 600, -1):
        try:
            listener = socket.create_server(("127.0.0.1", port))
            break
        except OSError:
            continue
    listener.settimeout(0)
    yield listener
    listener.close()


@pytest.mark.parametrize("way", ["EPSV", "PASV"])
def test_no_data_connection_is_made_to_a_port_of_another_service(scripted, mount, service, way):
    port = service.getsockname()[1]
    numbers = f"127,0,0,1,{port >> 8},{port & 255}"
    server = scripted(
        kind=DataServer,
        epsv=way == "EPSV",
        epsv_form=f"229 Entering Extended Passive Mode (|||{port}|)",
        pasv=f"227 Entering Passive Mode ({numbers}).",
    )
    if way == "PASV":
        server.fault("EPSV", Reply("500 What?"))
    mounted = mount(server, **OPTIONS)
    assert outcome(os.listdir, mounted.path) != 0
    assert outcome(read, at(mounted, fresh(server))) != 0
    assert f"port {port} is for another service" in mounted.log()
    with pytest.raises(BlockingIOError):
        service.accept()


# Files that others may read or write


@pytest.fixture
def files(server, home):
    """A copy of each file that decides about trust, good as it is: {option: path}."""
    certificate = server.authority.good()
    found = {
        "cafile": server.cafile,
        "crlfile": server.authority.crl("files"),
        "cert": certificate.certfile,
        "key": certificate.keyfile,
    }
    for name, path in list(found.items()):
        found[name] = os.path.join(home, name)
        shutil.copy(path, found[name])
        os.chmod(found[name], 0o600 if name == "key" else 0o644)
    found["capath"] = os.path.join(home, "cas")
    os.mkdir(found["capath"], 0o755)
    shutil.copy(server.cafile, os.path.join(found["capath"], "ca.pem"))
    return found


def mounts(server, home, point, files, **changes):
    """Mounts with all of the files; what ftpsfs says where it refuses, else None."""
    options = {**files, "credentials": credentials_file(home, server.user, server.password)}
    words = ",".join(option_words(options))
    result = run_ftpsfs(source_for(server), point, "-o", words, home=home, **changes)
    if result.returncode == 0:
        os.listdir(point)
        unmount_and_wait(point)
        return None
    assert mountinfo(point) is None
    return result.stderr


def test_files_of_trust_are_good_as_they_are(server, home, point, files):
    assert mounts(server, home, point, files) is None
    for name in ("cafile", "crlfile", "cert"):
        os.chmod(files[name], 0o444)
    os.chmod(files["key"], 0o400)
    assert mounts(server, home, point, files) is None


@pytest.mark.parametrize(
    "name,mode",
    [("key", 0o640), ("key", 0o604), ("key", 0o620), ("cafile", 0o664), ("cafile", 0o646)]
    + [("crlfile", 0o664), ("capath", 0o775), ("capath/ca.pem", 0o646), ("capath", 0o1777)],
)
def test_files_of_trust_that_are_open_to_others_are_refused(server, home, point, files, name, mode):
    option, _, below = name.partition("/")
    path = os.path.join(files[option], below) if below else files[option]
    os.chmod(path, mode)
    text = mounts(server, home, point, files)
    assert path in text and "other users" in text
    assert f"chmod {'600' if option == 'key' else 'go-w'} {path}" in text
    assert server.sessions_total == 0


@pytest.mark.parametrize("name", ["key", "cafile", "crlfile", "capath", "capath/ca.pem"])
def test_files_of_trust_that_are_another_users_are_refused(server, home, point, files, name):
    option, _, below = name.partition("/")
    path = os.path.join(files[option], below) if below else files[option]
    os.chown(path, OTHER_UID, OTHER_UID)
    text = mounts(server, home, point, files)
    assert path in text and f"belongs to user {OTHER_UID}" in text
    assert server.sessions_total == 0


def test_one_file_of_certificate_and_key_is_a_key(server, home, point, files):
    with open(files["cert"], "ab") as both, open(files.pop("key"), "rb") as key:
        both.write(key.read())
    assert "chmod 600" in mounts(server, home, point, files)
    os.chmod(files["cert"], 0o600)
    assert mounts(server, home, point, files) is None


def test_what_systemd_passes_may_be_its_groups_to_read(server, home, point, files):
    """The access list that lets a service's user read it shows so."""
    os.chmod(files["key"], 0o440)
    assert "chmod 600" in mounts(server, home, point, files)
    assert mounts(server, home, point, files, CREDENTIALS_DIRECTORY=home) is None
    os.chmod(files["key"], 0o444)
    assert "chmod 600" in mounts(server, home, point, files, CREDENTIALS_DIRECTORY=home)


def state_directory(home):
    return os.path.join(home, ".local", "share", "ftpsfs")


@pytest.mark.parametrize("mode,owner", [(0o620, 0), (0o602, 0), (0o644, OTHER_UID)])
def test_known_hosts_that_others_can_write_are_refused(server, home, point, mode, owner):
    """Else a neighbour would say whom to believe."""
    files = {"tls_verify": "tofu"}
    assert mounts(server, home, point, files) is None
    path = os.path.join(state_directory(home), "known_hosts")
    os.chmod(path, mode)
    os.chown(path, owner, -1)
    server.forget()
    text = mounts(server, home, point, files)
    assert path in text and ("chmod go-w" in text or f"user {OTHER_UID}" in text)
    assert server.count("USER", "PASS") == 0


# Directories


@pytest.mark.parametrize("below", ["", "lost", "writeback"])
def test_a_state_directory_of_another_user_is_refused(server, home, point, below):
    path = os.path.join(state_directory(home), below)
    os.makedirs(path, 0o700)
    os.chown(path, OTHER_UID, OTHER_UID)
    text = mounts(server, home, point, {"cafile": server.cafile})
    assert path.rstrip("/") in text and f"belongs to user {OTHER_UID}" in text
    assert os.listdir(path) == []
    assert server.sessions_total == 0


def test_a_state_directory_of_ones_own_is_closed_to_others(server, home, point):
    path = state_directory(home)
    os.makedirs(os.path.join(path, "writeback"))
    for name in (path, os.path.join(path, "writeback")):
        os.chmod(name, 0o777)
    assert mounts(server, home, point, {"cafile": server.cafile}) is None
    for name in (path, os.path.join(path, "writeback")):
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o700


@pytest.mark.parametrize("owner", [0, OTHER_UID])
def test_a_link_in_place_of_the_state_directory_is_its_owners(server, home, point, tmp_path, owner):
    path = state_directory(home)
    os.makedirs(os.path.dirname(path))
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", path)
    os.chown(path, owner, owner, follow_symlinks=False)
    text = mounts(server, home, point, {"cafile": server.cafile})
    if owner == 0:
        assert text is None
        assert stat.S_IMODE(os.stat(tmp_path / "elsewhere").st_mode) == 0o700
    else:
        assert path in text and f"belongs to user {OTHER_UID}" in text


# Certificates that were good when the mount began


def brief(server, seconds):
    """Has the server show a certificate that expires so soon; the time when it has."""
    certificate = server.authority.issue(
        f"brief-{time.monotonic()}", ("localhost", "127.0.0.1"), last=seconds / 86400
    )
    server.context.load_cert_chain(certificate.certfile, certificate.keyfile)
    return certificate.load().not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()


@pytest.mark.parametrize("version", ["TLS1.2", "TLS1.3"])
@pytest.mark.parametrize("drop", [False, True], ids=["kept", "dropped"])
def test_an_expired_certificate_is_refused_on_resumed_sessions_too(server, mount, version, drop):
    """A server that goes on resuming never shows it again; one that has renewed it is good."""
    end = brief(server, 12)
    priority = f"NORMAL:-VERS-ALL:+VERS-{version}"
    mounted = mount(server, tls_priority=priority, log_level="debug", **OPTIONS)
    assert read(at(mounted, fresh(server))) == b"content\n"
    if drop:  # before the end a session is resumed
        server.drop_connections()
        assert read(at(mounted, fresh(server))) == b"content\n"
        assert "resumed" in mounted.log()
    time.sleep(max(0, end - time.time()) + 1.5)
    if drop:
        server.drop_connections()
    server.forget()
    assert outcome(read, at(mounted, fresh(server))) != 0
    assert "has expired" in mounted.log()
    assert server.count("USER", "PASS", "RETR") == 0
    good = server.authority.good()
    server.context.load_cert_chain(good.certfile, good.keyfile)
    assert_alive(server, mounted)
