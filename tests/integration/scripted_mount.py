# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests against the scripted server share: the server, and watching a mount fail well."""

import errno
import os
import threading
import time

import pytest
from harness import SANITIZED, MountError

# With -o timeout=2 nothing takes longer than this: a first try, a lease, another try.
LIMIT_SECONDS = 20
OPTIONS = {"timeout": 2, "dir_cache_timeout": 0}
BROKEN = (errno.EIO, errno.ETIMEDOUT)


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
        # A sanitizer keeps freed memory, up to 256 MiB of it, and shadows the rest.
        self.limit = limit if callable(limit) else lambda: limit
        self.slack = 512 << 20 if SANITIZED else 0

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
            limit = self.limit() + self.slack
            print(f"{grown >> 20} MiB more of {limit >> 20}")
            assert grown < limit, f"{grown >> 20} MiB more"


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
