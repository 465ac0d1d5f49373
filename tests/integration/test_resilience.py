# SPDX-License-Identifier: GPL-2.0-or-later
"""When the server goes away, hangs, or has little to give: errors in time, and back to work."""

import errno
import os
import threading
import time

import pytest

from harness import code, eventually, mountinfo, pattern

MIB = 1 << 20

# What an operation may say when there is no server.
GONE = (errno.EIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTUNREACH, errno.ECONNREFUSED)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def put(server, name, data):
    write(server.path(name), data)
    server.adopt(server.path(name))


@pytest.fixture
def server(servers, server_kind):
    return servers.make(server_kind)


def test_connections_dropped_while_idle_are_made_again(server, mount):
    put(server, "file", b"content")
    mounted = mount(server, dir_cache_timeout=0)
    assert os.listdir(mounted.path) == ["file"]
    server.drop_connections()
    assert os.listdir(mounted.path) == ["file"]
    assert read(mounted.at("file")) == b"content"
    server.drop_connections()
    write(mounted.at("new"), b"new")
    assert read(server.path("new")) == b"new"
    server.drop_connections()
    os.unlink(mounted.at("new"))
    server.drop_connections()
    os.mkdir(mounted.at("directory"))
    server.drop_connections()
    os.rename(mounted.at("directory"), mounted.at("renamed"))
    assert sorted(os.listdir(server.root)) == ["file", "renamed"]


def test_a_read_goes_on_after_the_connection_was_dropped(servers, mount):
    server = servers.make("proftpd", max_rate=2 * MIB)
    data = pattern(4 * MIB)
    put(server, "file", data)
    mounted = mount(server)
    with open(mounted.at("file"), "rb", buffering=0) as file:
        content = file.read(100000)
        server.drop_connections()
        while block := file.read(100000):
            content += block
    assert content == data


def test_an_upload_is_whole_after_the_connection_was_dropped(servers, mount):
    server = servers.make("proftpd", max_rate=2 * MIB)
    data = pattern(4 * MIB)
    mounted = mount(server)
    with open(mounted.at("file"), "wb", buffering=0) as file:
        for offset in range(0, len(data), 200000):
            file.write(data[offset : offset + 200000])
            if offset == 2000000:
                server.drop_connections()
    assert read(server.path("file")) == data


def test_a_server_gone_is_an_error_in_time_and_forgotten_when_it_is_back(server, mount):
    put(server, "file", b"content")
    put(server, "other", b"other content")
    mounted = mount(server, dir_cache_timeout=0, timeout=3)
    assert read(mounted.at("file")) == b"content"
    server.stop()
    begin = time.monotonic()
    assert code(os.listdir, mounted.path) in GONE
    assert code(read, mounted.at("other")) in GONE
    assert code(write, mounted.at("new"), b"x") in GONE
    assert code(os.mkdir, mounted.at("directory")) in GONE
    assert time.monotonic() - begin < 40
    server.start()
    eventually(lambda: code(os.listdir, mounted.path) == 0, 30, "the listing")
    assert read(mounted.at("other")) == b"other content"
    write(mounted.at("new"), b"new")
    assert read(server.path("new")) == b"new"


def test_a_server_gone_amid_a_read_is_an_error_and_not_the_end_of_the_file(servers, mount):
    server = servers.make("vsftpd", max_rate=MIB)
    data = pattern(8 * MIB)
    put(server, "file", data)
    mounted = mount(server, timeout=3, readahead=0)
    got = b""
    with open(mounted.at("file"), "rb", buffering=0) as file:
        got += file.read(100000)
        server.stop()
        with pytest.raises(OSError) as caught:
            while block := file.read(100000):
                got += block
        assert caught.value.errno in GONE
    assert data.startswith(got)
    server.start()
    eventually(lambda: code(read, mounted.at("file")) == 0, 30, "the file")
    # A warning of an operation that failed must not have become its end.
    assert read(mounted.at("file")) == data


def test_a_server_gone_amid_a_write_is_an_error_of_close(server, mount):
    mounted = mount(server, timeout=3)

    def write_around_the_end():
        descriptor = os.open(mounted.at("file"), os.O_WRONLY | os.O_CREAT)
        try:
            os.write(descriptor, pattern(100000))
            server.stop()
            os.write(descriptor, pattern(100000))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    assert code(write_around_the_end) in GONE
    server.start()
    eventually(lambda: code(write, mounted.at("later"), b"later") == 0, 30, "a write")
    assert read(server.path("later")) == b"later"


def test_unmounting_without_a_server_ends_in_time(server, mount):
    mounted = mount(server, timeout=3)
    os.listdir(mounted.path)
    server.stop()
    begin = time.monotonic()
    assert mounted.unmount() == 0
    assert time.monotonic() - begin < 20
    assert mountinfo(mounted.path) is None


def test_a_server_that_hangs_is_an_error_in_time(server, mount):
    put(server, "file", b"content")
    mounted = mount(server, dir_cache_timeout=0, timeout=2)
    assert os.listdir(mounted.path) == ["file"]
    server.freeze()
    try:
        begin = time.monotonic()
        assert code(os.listdir, mounted.path) in GONE
        assert time.monotonic() - begin < 20
    finally:
        server.thaw()
    eventually(lambda: code(os.listdir, mounted.path) == 0, 30, "the listing")
    assert read(mounted.at("file")) == b"content"


def test_a_server_that_takes_few_connections_is_enough(servers, server_kind, mount):
    server = servers.make(server_kind, max_clients=2)
    files = {f"file-{i}": pattern(200000, i) for i in range(10)}
    for name, data in files.items():
        put(server, name, data)
    mounted = mount(server, connections=8)
    wrong = []

    def use(name):
        if read(mounted.at(name)) != files[name]:
            wrong.append(name)
        write(mounted.at("new-" + name), files[name])

    threads = [threading.Thread(target=use, args=(name,)) for name in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for name, data in files.items():
        assert read(server.path("new-" + name)) == data


def test_connections_says_how_many_there_are_at_most(servers, server_kind, mount):
    server = servers.make(server_kind)
    for i in range(8):
        put(server, f"file-{i}", pattern(MIB, i))
    mounted = mount(server, connections=3)
    threads = [threading.Thread(target=read, args=(mounted.at(f"file-{i}"),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= mounted.stats()["sessions_opened"] <= 3


def test_a_mount_that_was_left_alone_needs_one_connection(servers, server_kind, mount):
    server = servers.make(server_kind)
    put(server, "file", b"content")
    mounted = mount(server)
    os.listdir(mounted.path)
    os.stat(mounted.at("file"))
    assert read(mounted.at("file")) == b"content"
    assert mounted.stats()["sessions_opened"] == 1
