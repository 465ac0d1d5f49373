# SPDX-License-Identifier: GPL-2.0-or-later
"""Where messages go: to the journal with their fields when systemd runs the mount, else to syslog
from the background, else to stderr. All of it from inside the sandbox."""

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from harness import (
    BINARY,
    COMMAND_SECONDS,
    EXIT_SECONDS,
    code,
    credentials_file,
    environment,
    eventually,
    option_words,
)

pytestmark = pytest.mark.parametrize("server_kind", ["pyftpdlib"])

MACHINE = os.path.join(os.path.dirname(__file__), "logging_machine.py")

# syslog(3): the facility daemon, and the priority of a message.
DAEMON = 3 * 8
NOTICE = 5

# The kernel may ask for one page twice.
REPEATED = re.compile(r"last message repeated [3-9] times$")


class Machine:
    """ftpsfs on a machine with a journal and a syslog of its own. `at` is a path in the mount, from
    outside."""

    def __init__(self, directory, site, how, words):
        self.directory = directory
        self.point = os.path.join(directory, "mnt")
        os.mkdir(self.point)
        server = site.server
        options = {
            "cafile": server.cafile,
            "no_prefetch": True,
            "credentials": credentials_file(directory, server.user, server.password),
        }
        command = [BINARY, site.source, self.point, "-o", ",".join(option_words(options)), *words]
        self.process = subprocess.Popen(
            ["unshare", "--mount", sys.executable, MACHINE, directory, how, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(directory),
        )
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()
        eventually(self._mounted, COMMAND_SECONDS, "the mount")

    def _mounted(self):
        with open(f"/proc/{self.process.pid}/mountinfo", encoding="utf-8") as file:
            return any(line.split()[4] == self.point for line in file)

    def at(self, *parts):
        return os.path.join(f"/proc/{self.process.pid}/root{self.point}", *parts)

    def heard(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def enter(self, *words):
        subprocess.run(
            ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", *words],
            check=True,
            timeout=COMMAND_SECONDS,
        )

    def end_syslog(self):
        pid = self.process.pid
        before = len(os.listdir(f"/proc/{pid}/fd"))
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) < before, what="the end of syslogd")

    def close(self):
        """Its stderr, after the end."""
        if self._mounted():
            self.enter("umount", self.point)
        text = self.process.communicate(timeout=EXIT_SECONDS)[1]
        with open(os.path.join(self.directory, "status"), encoding="ascii") as file:
            assert file.read() == "0"
        return text


@contextlib.contextmanager
def machine(site, directory, how, *words):
    made = Machine(directory, site, how, words)
    try:
        yield made
    finally:
        made.close()


def put_closed(site):
    """Two files that the server may not read."""
    for name in ("first", "second"):
        os.chown(site.put(name, b"x", mode=0o600), 0, 0)


def fail_four_times(made):
    """Four calls that fail alike, and one on another file."""
    for name in ("first", "first", "first", "first", "second"):
        assert code(read, made.at(name)) == errno.EACCES


def read(path):
    with open(path, "rb", buffering=0) as file:
        file.read()


def test_a_service_logs_to_the_journal_with_fields(site, home):
    put_closed(site)
    with machine(site, home, "journal", "-f") as made:
        fail_four_times(made)
        eventually(lambda: len(made.heard("journal")) >= 3, what="three entries")
        first, again, last = made.heard("journal")[-3:]
    path = f"/{site.directory}/first"
    assert first["MESSAGE"].endswith("(Permission denied)")
    assert first["PRIORITY"] == str(NOTICE)
    assert first["SYSLOG_IDENTIFIER"] == "ftpsfs"
    assert first["GLIB_DOMAIN"] == "ftpsfs"
    assert first["FTPSFS_MOUNT"] == made.point
    assert first["FTPSFS_ERROR"] == "EACCES"
    assert first["FTPSFS_PATH"].endswith(path)
    assert REPEATED.search(again["MESSAGE"])
    assert again["PRIORITY"] == str(NOTICE)
    assert last["FTPSFS_PATH"].endswith("/second")
    assert made.heard("syslog") == []


def test_a_mount_in_the_background_logs_to_syslog(site, home):
    put_closed(site)
    with machine(site, home, "plain") as made:
        fail_four_times(made)
        eventually(lambda: len(made.heard("syslog")) >= 3, what="three lines")
        first, again, last = made.heard("syslog")[-3:]
        # "<priority>date ftpsfs[pid]: message"
        for line in (first, again, last):
            assert line.startswith(f"<{DAEMON + NOTICE}>"), line
        pid = int(first.partition("ftpsfs[")[2].partition("]")[0])
        assert "Permission denied" in first
        assert REPEATED.search(again)
        os.kill(pid, signal.SIGUSR1)
        os.kill(pid, signal.SIGUSR2)
        eventually(
            lambda: any('"round_trips": ' in line for line in made.heard("syslog")),
            what="the counters",
        )
        assert any("log_level is info now" in line for line in made.heard("syslog"))
        assert made.heard("journal") == []


def test_a_sandbox_outlives_the_end_of_syslogd(site, home):
    """No new socket to it can be had there, and the number of the old one must not come to a
    connection to the server, which the sandbox would then forbid."""
    put_closed(site)
    for number in range(3):
        site.put(f"open{number}", b"x" * 1000)
    with machine(site, home, "plain") as made:
        assert code(read, made.at("first")) == errno.EACCES
        eventually(lambda: made.heard("syslog") != [], what="a line")
        made.end_syslog()
        fail_four_times(made)
        for number in range(3):
            with open(made.at(f"open{number}"), "rb") as file:
                assert file.read() == b"x" * 1000


def test_a_mount_in_the_foreground_logs_to_stderr(site, home):
    put_closed(site)
    made = Machine(home, site, "plain", ["-f"])
    try:
        fail_four_times(made)
    finally:
        text = made.close()
    lines = text.splitlines()
    assert lines[0].startswith("ftpsfs: ") and lines[0].endswith("(Permission denied)")
    assert REPEATED.search(lines[1]) and lines[1].startswith("ftpsfs: ")
    assert lines[2].startswith("ftpsfs: ")
    assert made.heard("journal") == made.heard("syslog") == []
