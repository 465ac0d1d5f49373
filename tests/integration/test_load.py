# SPDX-License-Identifier: GPL-2.0-or-later
"""Many programs at once, a server under harm, many mounts: the short forms of tests/soak."""

import os
import sys
import threading

import pytest
from harness import SANITIZED, TESTS, eventually, pattern

sys.path.insert(0, os.path.join(TESTS, "soak"))

from soak import Soak  # noqa: E402

MIB = 1 << 20
SECONDS = 12
CACHE = 32 * MIB


def soak(server, mount, timeout=2, threads=8, **options):
    mounted = mount(server, timeout=timeout, connections=4, cache_size=f"{CACHE // MIB}M")
    # A sanitizer keeps freed memory and shadows the rest.
    made = Soak(mounted, server, timeout, CACHE + (1 << 30 if SANITIZED else 0), **options)
    made.run(threads, SECONDS)
    # An upload that failed keeps its spool for the next try: that one is not left over.
    spool = made.spool_files() if not made.figures.errors else []
    mounted.unmount()
    made.verify()
    print("\n".join(made.lines()))
    assert made.broken() == []
    assert spool == []
    return made


@pytest.mark.seconds(180)
def test_a_mixed_load_is_without_errors_and_losses(servers, server_kind, mount):
    made = soak(servers.make(server_kind), mount, timeout=20)
    assert made.figures.errors == {}
    assert made.files() > 0


@pytest.mark.seconds(180)
def test_a_mixed_load_on_a_server_under_harm_loses_nothing_silently(servers, server_kind, mount):
    """Connections dropped, the server restarted, the server frozen for longer than the timeout."""
    made = soak(servers.make(server_kind), mount, faults=["drop", "restart", "freeze"], every=1.5)
    assert sum(made.injected.values()) >= 3
    assert made.files() > 0


def test_metadata_is_answered_amid_saturating_transfers(servers, server_kind, mount):
    """A transfer gives its connection up for a while, and the connection is used again: reconnecting
    and logging in would take long while the transfers have the processors."""
    server = servers.make(server_kind, max_rate=4 * MIB)
    for i in range(4):
        with open(server.path(f"big-{i}"), "wb") as file:
            file.truncate(200 * MIB)
        os.mkdir(server.path(f"dir-{i}"))
        server.adopt(server.path(f"big-{i}"))
        server.adopt(server.path(f"dir-{i}"))
    mounted = mount(server, connections=4, cache_size="16M")
    done = threading.Event()
    read = [0] * 4

    def transfer(i):
        with open(mounted.at(f"big-{i}"), "rb", buffering=0) as file:
            while not done.is_set() and (block := file.read(1 << 17)):
                read[i] += len(block)

    threads = [threading.Thread(target=transfer, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: mounted.stats()["sessions_opened"] == 4 and min(read) > 0, 20, "a load")
        for i in range(4):
            assert os.listdir(mounted.at(f"dir-{i}")) == []
        # Nobody starves: each of those that gave way goes on.
        so_far = list(read)
        eventually(lambda: all(a > b for a, b in zip(read, so_far)), 20, "progress of all four")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    stats = mounted.stats()
    assert stats["retries"] == 0
    # ProFTPD ends a session when it notices the end of the data late: rarely, but it happens.
    # pyftpdlib often ends it when a transfer is broken off, Pure-FTPd always.
    if server_kind != "pyftpdlib" and server.survives_aborts:
        assert stats["sessions_lost"] <= 1


def test_metadata_is_answered_amid_saturating_uploads(servers, server_kind, mount):
    """Also while they are being closed: what was sent is ended, and the rest is appended later."""
    server = servers.make(server_kind, max_rate=MIB)
    os.mkdir(server.path("dir"))
    server.adopt(server.path("dir"))
    mounted = mount(server, connections=4, cache_size="16M")
    data = [pattern(16 * MIB, i) for i in range(4)]
    closing = [threading.Event() for _ in range(4)]

    def upload(i):
        with open(mounted.at(f"big-{i}"), "wb", buffering=0) as file:
            for start in range(0, len(data[i]), MIB):
                file.write(data[i][start : start + MIB])
            closing[i].set()

    threads = [threading.Thread(target=upload, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    assert all(event.wait(20) for event in closing)
    assert os.listdir(mounted.at("dir")) == []
    os.mkdir(mounted.at("dir", "made"))
    under_way = sum(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()
    # One may have been through.
    assert under_way >= 3
    for i in range(4):
        assert holds(server.path(f"big-{i}"), data[i])
    assert mounted.stats()["retries"] == 0


def holds(path, content):
    if not os.path.exists(path):
        return False
    with open(path, "rb") as file:
        return file.read() == content


@pytest.mark.seconds(180)
def test_twenty_mounts_at_once(servers, mount):
    """Of three servers; those of one server share a directory."""
    mounts = []
    for i in range(20):
        kind = ("vsftpd", "proftpd", "pyftpdlib")[i % 3]
        server = servers.get(kind)
        mounted = mount(server, directory="", connections=2, dir_cache_timeout=1)
        mounts.append((i, kind, mounted))
    data = {i: pattern(200_000, i) for i, _, _ in mounts}
    wrong = []

    def use(i, mounted):
        with open(mounted.at(f"shared-{i}"), "wb") as file:
            file.write(data[i])
        with open(mounted.at(f"shared-{i}"), "rb") as file:
            if file.read() != data[i]:
                wrong.append(i)

    threads = [threading.Thread(target=use, args=(i, mounted)) for i, _, mounted in mounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    # Each of the others of the same server has the same content.
    for i, kind, mounted in mounts:
        server = servers.get(kind)
        with open(server.path(f"shared-{i}"), "rb") as file:
            assert file.read() == data[i]
        other = next(m for j, k, m in mounts if k == kind and j != i)
        shared = other.at(f"shared-{i}")
        # It may have been listed while it was being written.
        eventually(lambda path=shared, want=data[i]: holds(path, want), 5, shared)
    for i, kind, _ in mounts:
        os.unlink(servers.get(kind).path(f"shared-{i}"))


def test_two_mounts_of_a_directory_see_each_others_changes_within_the_cache_timeout(site, mount):
    one, two = mount(dir_cache_timeout=1), mount(dir_cache_timeout=1)
    assert os.listdir(two.path) == []
    with open(one.at("file"), "wb") as file:
        file.write(b"first")
    eventually(lambda: os.listdir(two.path) == ["file"], 3, "the new file")
    with open(two.at("file"), "rb") as file:
        assert file.read() == b"first"
    with open(one.at("file"), "ab") as file:
        file.write(b" and second")
    eventually(lambda: os.stat(two.at("file")).st_size == 16, 3, "the new size")
    with open(two.at("file"), "rb") as file:
        assert file.read() == b"first and second"
    os.unlink(two.at("file"))
    eventually(lambda: os.listdir(one.path) == [], 3, "the absence")
