# SPDX-License-Identifier: GPL-2.0-or-later
"""What waits to be uploaded by a slow server is told, and waited for with a bar: by --flush, by
--unmount, and by ^C in the terminal of a mount in the foreground."""

import json
import os
import re
from pathlib import Path

import pytest
from harness import (
    BINARY,
    COMMAND_SECONDS,
    credentials_file,
    mountinfo,
    option_words,
    pattern,
    run_ftpsfs,
    source_for,
)
from terminal import Terminal

KIB, MIB = 1024, 1024 * 1024
SIZE = 3 * MIB
NAMES = [f"scan-{number}" for number in range(4)]
BAR = r"[#.]{24} +(\d+)%  [\d.]+ .?i?B of [\d.]+ MiB, (\d) files? to go"


def content(name):
    return pattern(SIZE, name)


@pytest.fixture
def slow(servers, monkeypatch, tmp_path):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return servers.make("proftpd", max_rate=768 * KIB)


@pytest.fixture
def filled(slow, mount):
    """A mount whose queue of uploads is full. Two connections: two uploads at once at most."""
    made = mount(slow, writeback=True, connections=2)
    fill(made.path)
    return made


def fill(path):
    for name in NAMES:
        Path(path, name).write_bytes(content(name))


def assert_arrived(server):
    for name in NAMES:
        assert Path(server.root, name).read_bytes() == content(name)


def status_of(mount, *words):
    result = run_ftpsfs("--status", *words, mount.path, LC_ALL="C")
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_queue_is_told_with_names_bytes_and_states(filled):
    queue = json.loads(status_of(filled, "--json"))["uploads"]
    assert [upload["path"] for upload in queue] == [f"/{name}" for name in NAMES]
    assert all(upload["total"] == SIZE for upload in queue)
    assert all(0 <= upload["sent"] <= SIZE for upload in queue)
    states = [upload["state"] for upload in queue]
    assert set(states) <= {"waiting", "sending"} and states[-1] == "waiting"
    text = status_of(filled, "--once")
    section = re.search(
        r"^Not on the server yet \((\d) files, (.*) to go\)\n((?:  .*\n)+)", text, re.M
    )
    assert section, text
    assert section[1] == "4"
    assert section[2].endswith("MiB")
    rows = section[3].splitlines()
    assert len(rows) == 4
    assert re.fullmatch(r"  waiting  /scan-3  0 B of 3\.0 MiB", rows[-1])


def bars_of(text):
    return [(int(found[1]), int(found[2])) for found in re.finditer(BAR, text)]


def assert_a_bar_moved(text):
    """From little to more; it never goes back, and the files become fewer."""
    bars = bars_of(text)
    assert len(bars) >= 3, text
    assert bars == sorted(bars, key=lambda bar: (bar[0], -bar[1])), bars
    assert bars[0][1] == 4
    assert bars[-1][1] < 4
    assert bars[-1][0] > bars[0][0] + 20


def test_flush_waits_for_the_queue_with_a_bar(filled, slow):
    result = run_ftpsfs("--flush", filled.path, LC_ALL="C", timeout=COMMAND_SECONDS)
    assert result.returncode == 0, result.stderr
    assert_arrived(slow)
    assert json.loads(status_of(filled, "--json"))["uploads"] == []
    assert_a_bar_moved(result.stderr)


def test_unmount_waits_for_the_queue_with_a_bar(filled, slow):
    result = run_ftpsfs("--unmount", filled.path, LC_ALL="C", timeout=COMMAND_SECONDS)
    assert result.returncode == 0, result.stderr
    assert mountinfo(filled.path) is None
    filled.status = filled.process.wait(COMMAND_SECONDS)
    filled.watchdog.forget(filled.number)
    assert_arrived(slow)
    assert_a_bar_moved(result.stderr)


def test_flush_draws_its_bar_in_one_line_of_a_terminal(filled, slow, tmp_path):
    with Terminal(tmp_path, [BINARY, "--flush", filled.path], 90, 12) as terminal:
        fine = BAR.replace("[#.]", "[\u2588-\u258f\u2591]")
        first = terminal.shows(fine)
        second = terminal.shows(fine.replace("(\\d)", "([12])"), COMMAND_SECONDS)
        for screen in (first, second):
            assert len(screen.rstrip().splitlines()) == 1
        assert terminal.status() == 0
        assert "to go" not in terminal.screen()
    assert_arrived(slow)


def test_what_the_server_refuses_ends_the_waiting_with_its_name(slow, mount):
    """The others are uploaded all the same; the mount stays."""
    made = mount(slow, writeback=True)
    os.mkdir(made.at("closed"))
    Path(made.at("closed", "f")).write_bytes(b"x")
    assert run_ftpsfs("--flush", made.path).returncode == 0
    os.chmod(os.path.join(slow.root, "closed"), 0o555)
    Path(made.at("closed", "f")).write_bytes(b"new")
    fill(made.path)
    for verb in ("--flush", "--unmount"):
        result = run_ftpsfs(verb, made.path, timeout=COMMAND_SECONDS, LC_ALL="C")
        assert result.returncode == 1
        assert re.search(r"^ftpsfs: /closed/f is not on the server yet: .*550", result.stderr, re.M)
        assert_arrived(slow)
        assert mountinfo(made.path) is not None
    assert f"{made.path} stays mounted; " in result.stderr
    os.chmod(os.path.join(slow.root, "closed"), 0o755)
    assert run_ftpsfs("--flush", made.path).returncode == 0
    assert Path(slow.root, "closed", "f").read_bytes() == b"new"


def test_ctrl_c_in_the_foreground_waits_for_the_queue_with_a_bar(slow, point, home, tmp_path):
    options = option_words(
        {
            "cafile": slow.cafile,
            "credentials": credentials_file(home, slow.user, slow.password),
            "writeback": True,
            "connections": 2,
        }
    )
    command = [BINARY, "-f", source_for(slow), point, "-o", ",".join(options)]
    with Terminal(tmp_path, command, 90, 12, HOME=home) as terminal:
        while mountinfo(point) is None:
            assert "exit status" not in terminal.screen()
        fill(point)
        terminal.press("C-c")
        fine = BAR.replace("[#.]", "[\u2588-\u258f\u2591]")
        screen = terminal.shows(fine)
        assert re.search(
            "^ftpsfs: sending what is left; another ..C keeps it on this machine$".replace(
                "..C", r"\^C"
            ),
            screen,
            re.M,
        )
        terminal.shows(fine.replace("(\\d)", "([12])"), COMMAND_SECONDS)
        assert terminal.status() == 0
    assert mountinfo(point) is None
    assert_arrived(slow)
