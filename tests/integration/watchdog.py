# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps a hung mount from hanging the tests.

A thread blocked in a FUSE request can't be interrupted, not even killed, until the daemon answers
or the connection is aborted. So a process of its own watches the clock: past a test's deadline it
aborts the FUSE connections that it was told of, whereupon everything blocked in them fails.

The tests use the class; run as a program this is the process, which reads one command a line:
`arm SECONDS`, `disarm`, `mount NUMBER`, `unmount NUMBER`.
"""

import os
import select
import signal
import subprocess
import sys
import time

CONNECTIONS = "/sys/fs/fuse/connections"
# A test that doesn't end although its mounts are aborted ends with the whole test run.
GRACE_SECONDS = 60


def abort_connection(number):
    """Whether there was one to abort."""
    try:
        with open(f"{CONNECTIONS}/{number}/abort", "w", encoding="ascii") as file:
            file.write("1")
        return True
    except OSError:
        return False


def mount_fusectl():
    if os.path.ismount(CONNECTIONS):
        return
    subprocess.run(["mount", "-t", "fusectl", "fusectl", CONNECTIONS], check=False)


class Watchdog:
    def __init__(self):
        mount_fusectl()
        self._process = subprocess.Popen(
            ["/usr/bin/python3", os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _tell(self, line):
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def arm(self, seconds):
        self._tell(f"arm {seconds}")

    def disarm(self):
        self._tell("disarm")

    def watch(self, number):
        self._tell(f"mount {number}")

    def forget(self, number):
        self._tell(f"unmount {number}")

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)


class _Watch:
    def __init__(self, parent):
        self.parent = parent
        self.mounts = set()
        self.deadline = None
        self.barked = False

    def obey(self, line):
        word, _, argument = line.partition(" ")
        if word == "arm":
            self.deadline, self.barked = time.monotonic() + float(argument), False
        elif word == "disarm":
            self.deadline = None
        elif word == "mount":
            self.mounts.add(argument)
        elif word == "unmount":
            self.mounts.discard(argument)

    def act(self):
        if not self.barked:
            self.barked = True
            aborted = [number for number in self.mounts if abort_connection(number)]
            print(f"\nwatchdog: test takes too long, aborted {aborted}", file=sys.stderr)
            self.deadline += GRACE_SECONDS
        else:
            print("\nwatchdog: test does not end, ending the test run", file=sys.stderr)
            os.kill(self.parent, signal.SIGKILL)
            self.deadline = None


def main():
    watch = _Watch(os.getppid())
    buffer = b""
    while True:
        left = None if watch.deadline is None else max(0, watch.deadline - time.monotonic())
        if select.select([sys.stdin], [], [], left)[0]:
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                watch.obey(line.decode())
        elif watch.deadline is not None and time.monotonic() >= watch.deadline:
            watch.act()


if __name__ == "__main__":
    main()
