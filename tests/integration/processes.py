# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes of a mount, by /proc."""

import os

from harness import eventually


def all_of(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


def status_of(path):
    with open(f"{path}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":", 1) for line in file)


def threads(pid):
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def blocked_thread(pid):
    """One that waits in the kernel, at a system call that can be made again."""

    def find():
        for thread in threads(pid):
            try:
                number = all_of(f"{pid}/task/{thread}", "syscall").split()[0]
            except OSError:
                continue
            # read, poll, recvmsg, futex, restart_syscall (a poll that was looked into), ppoll
            if number in (b"0", b"7", b"47", b"202", b"219", b"271"):
                return thread
        return None

    return eventually(find)


def helpers(mounted, word):
    """The processes of this mount, not of the tests beside, that do `word`."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            text, status = all_of(pid, "cmdline"), status_of(f"/proc/{pid}")
        except OSError:
            continue
        if text.startswith(b"ftpsfs: " + word) and int(status["PPid"]) == mounted.pid:
            found.add(int(pid))
    return found
