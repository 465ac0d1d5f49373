# SPDX-License-Identifier: GPL-2.0-or-later
"""A mount tells what it is doing, and does what it is told, over its control socket."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from harness import (
    BINARY,
    COMMAND_SECONDS,
    EXIT_SECONDS,
    assert_one_line,
    code,
    connections_to,
    credentials_file,
    daemons_of,
    environment,
    eventually,
    is_running,
    mountinfo,
    option_words,
    run_ftpsfs,
    sockets_of,
)

MIB = 1024 * 1024
NOBODY = 65534


def ask(*words, **changes):
    """Runs a verb; its output, after an exit status of 0."""
    result = run_ftpsfs(*words, timeout=COMMAND_SECONDS, **changes)
    assert result.returncode == 0, result.stderr
    return result.stdout


def status_of(mount):
    return json.loads(ask("--status", "--json", mount.path))


def own_socket(made):
    """The control socket of a mount: a process of the mount listens on it."""
    inodes = sockets_of(made.pid)
    with open("/proc/net/unix", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) == 8 and words[6] in inodes and words[7].endswith(".socket"):
                return words[7]
    raise AssertionError("the mount listens on no socket")


def put_sparse(site, name, size):
    os.truncate(site.put(name), size)


def test_the_status_is_text_that_names_server_sessions_and_caches(site, mount):
    site.put("a", b"x" * 1000)
    made = mount()
    with open(made.at("a"), "rb") as file:
        file.read()

    def when_idle():
        """The session takes the server's last word a moment after the reader has all data."""
        text = ask("--status", "--once", made.path)
        return text if re.search(r"^ +1 +idle$", text, re.M) else None

    text = eventually(when_idle, what="an idle session")
    assert text.startswith(f"ftps://{site.server.user}@{site.server.host}:{site.server.port}/")
    assert f" on {made.path}\n  connected, mounted for 0:" in text
    assert f"process {made.pid}\n" in text
    assert "TLS1." in text
    assert re.search(r"^Sessions \([1-8] of at most 8\)$", text, re.M)
    for heading, nothing in (
        ("Transfers", "none"),
        ("Not on the server yet", "nothing"),
        ("Last errors", "none"),
    ):
        assert f"\n{heading}\n  {nothing}\n" in text
    assert re.search(r"^  memory +\S+ \S+ of 256 MiB \(0%\)$", text, re.M)
    assert re.search(r"^  round trips +\d+ waited for, about \d+ saved$", text, re.M)
    assert "\033" not in text


def test_any_path_in_the_mount_names_it(servers, mount):
    made = mount(server=servers.get("pyftpdlib"))
    for path in (made.at("sub"), made.at("not", "there"), made.path + "/"):
        assert f" on {made.path}\n" in ask("--status", "--once", path)


def test_the_sessions_told_are_the_connections_that_are_open(site, mount):
    for number in range(4):
        put_sparse(site, f"f{number}", 128 * MIB)
    made = mount(no_prefetch=True)
    files = [open(made.at(f"f{number}"), "rb") for number in range(4)]
    for file in files:
        file.read(MIB)

    def agree():
        told = status_of(made)
        return len(told["sessions"]) == connections_to(site.server, made.pid) >= 2

    eventually(agree, what="as many sessions as connections")
    for file in files:
        file.close()


def test_a_transfer_is_shown_as_it_goes_on(site, mount):
    size = 512 * MIB
    put_sparse(site, "large", size)
    made = mount(cache_size="64M", readahead="4M")

    def transfer():
        told = status_of(made)
        for entry in told["transfers"]:
            if entry["path"].endswith("/large"):
                doing = [session["doing"] for session in told["sessions"]]
                assert any(re.fullmatch(r"RETR \S*/large \d+%", text) for text in doing)
                return entry
        return None

    with open(made.at("large"), "rb") as file:
        file.read(2 * MIB)
        first = eventually(transfer, what="the transfer")
        assert first["direction"] == "download"
        assert first["total"] == size
        assert 2 * MIB <= first["done"] < size
        file.read(64 * MIB)
        second = eventually(transfer, what="the transfer")
        assert second["done"] >= 66 * MIB
        assert second["percent"] == second["done"] * 100 // size
        text = ask("--status", "--once", made.path, LC_ALL="C")
        shown = r"^    #+\.+ +1\d%  \S+ MiB of 512 MiB  \S+ \S+/s  \d+:\d\d left$"
        assert re.search(shown, text, re.M), text


# Writes 3 MiB from its input to a file, says so, and keeps that open until its input ends.
WRITE = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
left = 3 * 1024 * 1024
while left > 0:
    left -= os.write(file, sys.stdin.buffer.read1(min(left, 65536)))
sys.stdout.write(".")
sys.stdout.flush()
sys.stdin.buffer.read()
"""


def test_what_is_not_on_the_server_yet_is_shown_and_flush_waits_for_it(site, mount):
    made = mount()
    content = os.urandom(3 * MIB)
    # A process of its own: one that starts others with the file open has it uploaded by that.
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, made.at("new")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    writer.stdin.write(content)
    writer.stdin.flush()
    assert writer.stdout.read(1) == b"."
    (upload,) = status_of(made)["uploads"]
    assert upload["path"].endswith("/new")
    assert upload["state"] in ("open", "sending")
    assert upload["total"] == len(content)
    ask("--flush", made.path)
    assert site.get("new") == content
    assert status_of(made)["uploads"] == []
    writer.communicate(timeout=COMMAND_SECONDS)
    assert writer.returncode == 0


def test_cache_and_savings_are_counted(site, mount):
    for number in range(20):
        site.put(f"f{number:02}", b"x" * 4096)
    made = mount(dir_cache_timeout=600)
    for _ in range(2):
        for name in sorted(os.listdir(made.path)):
            with open(made.at(name), "rb") as file:
                file.read()
    told = status_of(made)
    assert told["cache"]["memory_used"] >= 20 * 4096
    assert told["cache"]["memory_size"] == 256 * MIB
    assert told["counters"]["file_reads"] >= 20
    savings = told["savings"]
    made_trips = savings["round_trips"]
    assert made_trips == told["counters"]["round_trips"]
    assert savings["round_trips_without"] >= 20 * 6
    assert savings["round_trips_saved"] == savings["round_trips_without"] - made_trips > 0
    assert 0 < savings["names_hit_percent"] <= 100


def test_the_last_errors_are_told_with_path_and_time(servers, mount):
    server = servers.make("pyftpdlib")
    made = mount(server=server, timeout=2, no_prefetch=True)
    path = os.path.join(server.root, "f")
    with open(path, "wb") as file:
        file.write(b"x" * 10)
    server.adopt(path)
    assert os.listdir(made.path) == ["f"]
    server.stop()
    for _ in range(3):
        result = subprocess.run(
            ["cat", made.at("f")], capture_output=True, check=False, timeout=COMMAND_SECONDS
        )
        assert result.returncode != 0
    told = status_of(made)
    assert told["mount"]["state"] == "down"
    error = told["errors"][-1]
    assert error["path"].endswith("/f")
    assert error["code"] in ("EIO", "ETIMEDOUT")
    assert abs(error["time"] - told["mount"]["since"]) < 60
    text = ask("--status", "--once", made.path)
    assert "out of reach" in text
    assert error["message"] in text


# Connects as nobody, with the capabilities to get past the modes: the kernel tells the user.
CONNECT = """
import ctypes, os, socket, sys
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
class Data(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(8, 1, 0, 0, 0) == 0  # PR_SET_KEEPCAPS
os.setresuid(65534, 65534, 65534)
header, data = Header(0x20080522, 0), (Data * 2)()
assert libc.capget(ctypes.byref(header), data) == 0
for half in data:
    half.effective = half.permitted
assert libc.capset(ctypes.byref(header), data) == 0
client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
client.connect(sys.argv[1])
try:
    client.sendall(b"status\\n")
    print(len(client.recv(65536)))
except (BrokenPipeError, ConnectionResetError):
    print(0)
"""


def test_other_users_are_refused(servers, mount):
    made = mount(server=servers.get("pyftpdlib"))
    result = subprocess.run(
        [BINARY, "--status", "--once", made.path],
        capture_output=True,
        text=True,
        env=environment("/nonexistent"),
        user=NOBODY,
        group=NOBODY,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    assert result.returncode == 1
    assert_one_line(result.stderr, "user 0", "root alone may ask")
    asked = subprocess.run(
        [sys.executable, "-c", CONNECT, own_socket(made)],
        capture_output=True,
        text=True,
        check=True,
        timeout=COMMAND_SECONDS,
    )
    assert asked.stdout == "0\n"
    assert "user 65534 (process " in made.log()


def test_the_socket_is_private_and_goes_with_the_mount(servers, mount):
    made = mount(server=servers.get("pyftpdlib"))
    path = own_socket(made)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert made.unmount() == 0
    assert not os.path.exists(path)


def test_a_question_that_makes_no_sense_is_answered_or_dropped(servers, mount):
    made = mount(server=servers.get("pyftpdlib"))
    path = own_socket(made)
    questions = (b"nonsense\n", b"\n", b"\0\0\n", b"x" * 100000 + b"\n", b"refresh\tpath=%zz\n")
    for question in questions:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(COMMAND_SECONDS)
            client.connect(path)
            try:
                client.sendall(question)
                answer = client.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
        assert not answer.startswith(b"ok")
    assert status_of(made)["mount"]["pid"] == made.pid


def test_refresh_shows_at_once_what_was_made_behind_the_mounts_back(site, mount):
    site.mkdir("sub")
    site.put("sub/old", b"1")
    made = mount(dir_cache_timeout=600)
    assert os.listdir(made.at("sub")) == ["old"]
    assert os.stat(made.at("sub", "old")).st_size == 1
    site.put("sub/new", b"22")
    site.put("sub/old", b"333")
    assert os.listdir(made.at("sub")) == ["old"]
    assert os.stat(made.at("sub", "old")).st_size == 1
    ask("--refresh", made.at("sub"))
    assert sorted(os.listdir(made.at("sub"))) == ["new", "old"]
    assert os.stat(made.at("sub", "old")).st_size == 3
    with open(made.at("sub", "old"), "rb") as file:
        assert file.read() == b"333"
    site.put("third", b"")
    subprocess.run(
        [BINARY, "--refresh"],
        cwd=made.path,
        env=environment("/nonexistent"),
        check=True,
        timeout=COMMAND_SECONDS,
    )
    assert sorted(os.listdir(made.path)) == ["sub", "third"]


def background(site, home):
    """A mount in the background; its mountpoint."""
    point = os.path.join(home, "point")
    os.mkdir(point)
    words = option_words(
        {
            "cafile": site.server.cafile,
            "explicit": site.server.explicit,
            "credentials": credentials_file(home, site.server.user, site.server.password),
        }
    )
    result = run_ftpsfs(site.source, point, "-o", ",".join(words), home=home)
    assert result.returncode == 0, result.stderr
    return point


def test_unmount_sends_what_is_left_and_waits_for_the_end(site, home):
    point = background(site, home)
    daemons = daemons_of(point)
    assert daemons
    with open(os.path.join(point, "f"), "wb") as file:
        file.write(b"x" * MIB)
    ask("--unmount", point)
    assert mountinfo(point) is None
    assert site.get("f") == b"x" * MIB
    eventually(lambda: not any(map(is_running, daemons)), EXIT_SECONDS, "the daemon's end")


def test_a_mount_in_use_stays_and_is_told(servers, mount):
    made = mount(server=servers.get("pyftpdlib"))
    directory = os.open(made.path, os.O_RDONLY)
    result = run_ftpsfs("--unmount", made.path, timeout=COMMAND_SECONDS)
    os.close(directory)
    assert result.returncode == 1
    assert_one_line(result.stderr, made.path, "busy", "fuser -vm")
    assert mountinfo(made.path) is not None


def killed(site, home):
    """The mountpoint of a mount whose program was killed."""
    point = background(site, home)
    for pid in daemons_of(point):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: code(os.stat, point) == errno.ENOTCONN, what="the end of the daemon")
    return point


@pytest.mark.parametrize("server_kind", ["pyftpdlib"])
def test_of_a_mount_whose_program_was_killed_every_verb_says_so_and_unmount_takes_it_away(
    site, home
):
    point = killed(site, home)
    try:
        for words in (("--status",), ("--status", "--json"), ("--flush",), ("--refresh",)):
            result = run_ftpsfs(*words, os.path.join(point, "f"), home=home)
            assert result.returncode == 1
            assert_one_line(
                result.stderr, f"{point} holds a mount", "has ended", f"ftpsfs --unmount {point}"
            )
        result = run_ftpsfs("--unmount", point, home=home)
        assert result.returncode == 0
        assert_one_line(result.stderr, point, "is unmounted", "had ended before", "-o writeback")
        assert mountinfo(point) is None
        os.rmdir(point)
        assert background(site, home) == point
        ask("--unmount", point)
    finally:
        if mountinfo(point):
            subprocess.run(["umount", "--lazy", point], check=True)


def test_a_path_that_is_no_mount_is_told(tmp_path):
    for verb in ("--status", "--flush", "--refresh", "--unmount"):
        result = run_ftpsfs(verb, tmp_path)
        assert result.returncode == 1
        assert_one_line(result.stderr, str(tmp_path), "not in a mount of ftpsfs", "findmnt")


def test_verbs_take_one_mount():
    for words, wanted in (
        (("--status",), "which mount is missing"),
        (("--flush", "a", "b"), "one word too many"),
        (("--flush", "--json", "a"), "go with --status"),
        (("--json", "host", "a"), "go with --status"),
    ):
        result = run_ftpsfs(*words)
        assert result.returncode == 1
        assert_one_line(result.stderr, wanted)


def test_sigusr1_raises_the_detail_of_the_log_and_sigusr2_logs_the_counters(servers, mount):
    made = mount(server=servers.get("pyftpdlib"))
    for level in ("info", "debug", "message"):
        os.kill(made.pid, signal.SIGUSR1)
        eventually(lambda: f"log_level is {level} now" in made.log(), what=f"the level {level}")
    os.kill(made.pid, signal.SIGUSR2)
    eventually(lambda: '"round_trips": ' in made.log(), what="the counters")


def test_the_trace_has_every_command_and_no_password(site, mount, tmp_path):
    trace = tmp_path / "trace"
    site.put("f", b"x")
    made = mount(trace=trace)
    with open(made.at("f"), "rb") as file:
        file.read()
    made.unmount()
    assert trace.stat().st_mode & 0o777 == 0o600
    text = trace.read_text(encoding="utf-8")
    line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} #\d+ ([<>]) (.+)")
    lines = [line.fullmatch(entry) for entry in text.splitlines()]
    assert all(lines), text
    sent = [entry[2] for entry in lines if entry[1] == ">"]
    assert f"USER {site.server.user}" in sent
    assert "PASS ****" in sent
    assert any(re.fullmatch(r"RETR \S*/f", entry) for entry in sent)
    assert any(entry[1] == "<" and entry[2].startswith("226") for entry in lines)
    assert site.server.password not in text
