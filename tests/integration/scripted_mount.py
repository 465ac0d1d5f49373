# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests against the scripted server share: the server, and watching a mount fail well."""

import errno
import os
import subprocess
import sys
import threading
import time

import pytest
from harness import (
    BINARY,
    SANITIZED,
    MountError,
    credentials_file,
    environment,
    option_words,
    source_for,
)

# With -o timeout=2 nothing takes longer than this: a first try, a lease, another try.
LIMIT_SECONDS = 20
OPTIONS = {"timeout": 2, "dir_cache_timeout": 0}
BROKEN = (errno.EIO, errno.ETIMEDOUT)
# A sanitizer keeps freed memory, up to 256 MiB of it, and shadows the rest.
SLACK = 512 << 20 if SANITIZED else 0


def mount_fails(mount, server, **options):
    """What ftpsfs says when it can't mount; it must not take longer than the limit."""
    before = time.monotonic()
    with pytest.raises(MountError) as caught:
        mount(server, **{**OPTIONS, **options})
    assert time.monotonic() - before < LIMIT_SECONDS
    assert caught.value.status not in (None, 0)
    text = caught.value.text
    assert "ftpsfs: " in text
    assert server.password not in text
    return text


# Runs a command, and says its exit status and the most memory that it has taken, in bytes. In a
# process of its own, since a process's peak includes that of the one which it was forked from.
_PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, timeout=float(sys.argv[1])).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def peak_of_mount_command(server, directory):
    """A mount command that fails within the limit: its exit status, what it says, and the bytes of
    memory that it took at most, less what a sanitizer takes."""
    point = os.path.join(directory, "point")
    os.mkdir(point)
    options = {
        **OPTIONS,
        "cafile": server.cafile,
        "credentials": credentials_file(directory, server.user, server.password),
    }
    command = [BINARY, source_for(server), point, "-f", "-o", ",".join(option_words(options))]
    found = subprocess.run(
        [sys.executable, "-c", _PEAK, str(LIMIT_SECONDS), *command],
        capture_output=True,
        text=True,
        check=True,
        env=environment(directory),
    )
    assert server.password not in found.stderr
    status, peak = map(int, found.stdout.split())
    return status, found.stderr, peak - SLACK


def within(seconds, function, *arguments):
    """What the function gives or raises; fails the test when it takes longer. It runs in a thread,
    which a hung mount holds until it is taken down."""
    result = []

    def run():
        try:
            result.append((function(*arguments), None))
        except BaseException as error:  # pylint: disable=broad-except
            result.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        pytest.fail(f"{function.__name__}{arguments} hangs: over {seconds} s")
    value, error = result[0]
    if error is not None:
        raise error
    return value


def outcome(function, *arguments):
    """0, or the errno that it fails with, within the limit."""
    try:
        within(LIMIT_SECONDS, function, *arguments)
        return 0
    except OSError as error:
        return error.errno


def right_or_error(function, *arguments, right, codes=BROKEN):
    """Runs it; the result must be `right` unless it fails with one of `codes`."""
    try:
        found = within(LIMIT_SECONDS, function, *arguments)
    except OSError as error:
        assert error.errno in codes
        return
    assert found == right


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)


_names = iter(range(10**9))


def fresh(server, data=b"content\n", directory=""):
    """A new file on the server, which no cache knows; its path there."""
    path = f"{directory}/file-{next(_names)}"
    server.tree.put(path, data)
    return path


def at(mounted, path):
    """A server path in the mount."""
    return os.path.join(mounted.path, path.lstrip("/"))


def assert_alive(server, mounted, seconds=30):
    """With all faults gone the mount works again: reads, writes, lists. While the server counts as
    down operations fail at once, so this asks until it is found to be up."""
    server.clear()
    deadline = time.monotonic() + seconds
    while True:
        path = fresh(server, b"alive")
        code = outcome(read, at(mounted, path))
        if code == 0 or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == b"alive"
    path = f"/written-{next(_names)}"
    within(LIMIT_SECONDS, write, at(mounted, path), b"new")
    assert server.tree.get(path) == b"new"
    assert path[1:] in within(LIMIT_SECONDS, os.listdir, mounted.path)


def _status(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise KeyError(field)


class Memory:
    """with Memory(pid, 64 << 20): ... - the process's peak grows by less than that, or than the number
    that a function gives at the end."""

    def __init__(self, pid, limit):
        self.pid = pid
        self.limit = limit if callable(limit) else lambda: limit

    def __enter__(self):
        try:
            with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")  # the peak is now
        except OSError:
            pass  # then an old peak hides at most what it already took
        self.before = _status(self.pid, "VmRSS")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            grown = _status(self.pid, "VmHWM") - self.before
            limit = self.limit() + SLACK
            print(f"{grown >> 20} MiB more of {limit >> 20}")
            assert grown < limit, f"{grown >> 20} MiB more"


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
