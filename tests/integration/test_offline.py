# SPDX-License-Identifier: GPL-2.0-or-later
"""-o offline: what is cached is shown while the server is gone, and asked for anew when it is back."""

import errno
import os
import time

import pytest

from harness import code, eventually, pattern

MIB = 1 << 20
GONE = (errno.EIO, errno.ETIMEDOUT)
LONG_AGO = 1_600_000_000


def read(path):
    """The content as the daemon gives it, not the kernel's pages."""
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return b"".join(iter(lambda: file.read(MIB), b""))


def write(path, data, mode="wb"):
    with open(path, mode) as file:
        file.write(data)


def put(server, name, data, time_then=LONG_AGO):
    path = server.path(name)
    write(path, data)
    os.utime(path, (time_then, time_then))
    server.adopt(path)


def put_dir(server, name):
    os.mkdir(server.path(name))
    server.adopt(server.path(name))


@pytest.fixture
def server(servers, server_kind):
    return servers.make(server_kind)


def test_offline_shows_what_is_cached_and_asks_anew_when_the_server_is_back(server, mount):
    put_dir(server, "dir")
    put_dir(server, "never")
    put(server, "dir/deep", b"deep content")
    put(server, "file", b"content")
    put(server, "unread", b"not read so far")
    mounted = mount(server, dir_cache_timeout=0, timeout=5, offline=True, no_prefetch=True)
    names = ["dir", "file", "never", "unread"]
    assert sorted(os.listdir(mounted.path)) == names
    assert os.listdir(mounted.at("dir")) == ["deep"]
    assert read(mounted.at("file")) == b"content"
    server.stop()
    # The first operation finds out, and is answered all the same.
    assert sorted(os.listdir(mounted.path)) == names
    begin = time.monotonic()
    assert os.listdir(mounted.at("dir")) == ["deep"]
    assert os.stat(mounted.at("file")).st_size == 7
    # A day is what LIST tells of old files.
    assert int(os.stat(mounted.at("dir/deep")).st_mtime) // 86400 == LONG_AGO // 86400
    assert read(mounted.at("file")) == b"content"
    assert code(os.stat, mounted.at("absent")) == errno.ENOENT
    assert code(read, mounted.at("unread")) in GONE
    assert code(os.listdir, mounted.at("never")) in GONE
    assert code(write, mounted.at("new"), b"x") in GONE
    assert code(write, mounted.at("file"), b"x") in GONE
    assert code(write, mounted.at("file"), b"x", "r+b") in GONE
    assert code(os.mkdir, mounted.at("new")) in GONE
    assert code(os.unlink, mounted.at("file")) in GONE
    assert code(os.rename, mounted.at("file"), mounted.at("new")) in GONE
    # What failed took nothing away of what is shown.
    assert sorted(os.listdir(mounted.path)) == names
    assert read(mounted.at("file")) == b"content"
    # All of that at once: none has waited for the server.
    assert time.monotonic() - begin < 5
    put(server, "file", b"other content", LONG_AGO + 1000)
    put(server, "later", b"made meanwhile")
    server.start()
    eventually(lambda: "later" in os.listdir(mounted.path), 40, "the new listing")
    assert read(mounted.at("file")) == b"other content"
    assert read(mounted.at("unread")) == b"not read so far"
    write(mounted.at("new"), b"new")
    assert read(server.path("new")) == b"new"


def test_offline_reads_what_is_cached_on_disk(server, mount, tmp_path):
    (tmp_path / "cache").mkdir()
    data = {name: pattern(4 * MIB, i) for i, name in enumerate(("first", "second"))}
    for name, content in data.items():
        put(server, name, content)
    mounted = mount(
        server,
        dir_cache_timeout=0,
        timeout=3,
        offline=True,
        no_prefetch=True,
        cache_size="1M",
        cache_dir=tmp_path / "cache",
    )
    os.listdir(mounted.path)
    # What is read of the second takes the place of the first in memory.
    for name, content in data.items():
        assert read(mounted.at(name)) == content
    server.stop()
    for name, content in data.items():
        assert read(mounted.at(name)) == content
    server.start()
    eventually(lambda: code(write, mounted.at("new"), b"new") == 0, 40, "a write")


def test_offline_with_writeback_takes_changes_and_uploads_them_later(server, mount):
    for name in ("file", "other", "contested"):
        put(server, name, b"content of " + name.encode())
    mounted = mount(
        server, dir_cache_timeout=0, timeout=3, offline=True, writeback=True, no_prefetch=True
    )
    assert len(os.listdir(mounted.path)) == 3
    assert read(mounted.at("other")) == b"content of other"
    server.stop()
    assert len(os.listdir(mounted.path)) == 3
    write(mounted.at("new"), b"new")
    write(mounted.at("file"), b"replaced")
    write(mounted.at("other"), b", and more", "ab")
    write(mounted.at("contested"), b"mine")
    assert sorted(os.listdir(mounted.path)) == ["contested", "file", "new", "other"]
    assert read(mounted.at("new")) == b"new"
    assert read(mounted.at("file")) == b"replaced"
    put(server, "contested", b"theirs, and longer", LONG_AGO + 1000)
    server.start()
    for name, content in (
        ("new", b"new"),
        ("file", b"replaced"),
        ("other", b"content of other, and more"),
    ):
        eventually(
            lambda name=name, content=content: code(read, server.path(name)) == 0
            and read(server.path(name)) == content,
            60,
            name,
        )

    def conflicts():
        return [n for n in os.listdir(server.root) if n.startswith("contested.ftpsfs-conflict-")]

    eventually(conflicts, 30, "the conflict")
    assert read(server.path("contested")) == b"theirs, and longer"
    eventually(lambda: read(server.path(conflicts()[0])) == b"mine", 30, "its content")


def test_without_offline_what_has_expired_is_an_error(server, mount):
    put(server, "file", b"content")
    mounted = mount(server, dir_cache_timeout=0, timeout=2)
    assert os.listdir(mounted.path) == ["file"]
    assert read(mounted.at("file")) == b"content"
    server.stop()
    assert code(os.listdir, mounted.path) in GONE
    assert code(read, mounted.at("file")) in GONE
    server.start()
    eventually(lambda: code(read, mounted.at("file")) == 0, 40, "the file")


def test_nothing_waits_for_the_probe_of_a_server_that_hangs(server, mount):
    timeout = 4
    put(server, "file", b"content")
    mounted = mount(server, dir_cache_timeout=0, timeout=timeout, offline=True)
    assert os.listdir(mounted.path) == ["file"]
    server.freeze()
    try:
        assert os.listdir(mounted.path) == ["file"]
        longest = 0
        end = time.monotonic() + 2 * timeout
        # Meanwhile a probe is under way for most of the time, each for the whole timeout.
        while (begin := time.monotonic()) < end:
            assert os.listdir(mounted.path) == ["file"]
            longest = max(longest, time.monotonic() - begin)
            time.sleep(0.1)
        assert longest < timeout / 2
    finally:
        server.thaw()
    eventually(lambda: code(write, mounted.at("new"), b"new") == 0, 40, "a write")
