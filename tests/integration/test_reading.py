# SPDX-License-Identifier: GPL-2.0-or-later
"""What is read through the mount is what the server has."""

import errno
import os
import random
import subprocess
import threading

import pytest

from harness import OTHER_UID, eventually, pattern, sha256

MIB = 1 << 20


def test_a_file_of_10_mib_arrives_byte_for_byte(site, mount):
    behind = site.put("large.bin", os.urandom(10 * MIB))
    mounted = mount()
    assert sha256(mounted.at("large.bin")) == sha256(behind)


def test_an_empty_file_is_empty(site, mount):
    site.put("empty")
    mounted = mount()
    assert os.stat(mounted.at("empty")).st_size == 0
    with open(mounted.at("empty"), "rb") as file:
        assert file.read() == b""


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 131071, 131072, 131073, MIB + 1])
def test_sizes_around_the_blocks_are_exact(servers, mount, size):
    server = servers.make("pyftpdlib")
    data = pattern(size)
    with open(server.path("file"), "wb") as file:
        file.write(data)
    mounted = mount(server)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == data


def test_random_reads_give_the_bytes_of_their_offsets(site, mount):
    data = pattern(3 * MIB + 17)
    site.put("file", data)
    mounted = mount()
    numbers = random.Random(7)
    descriptor = os.open(mounted.at("file"), os.O_RDONLY)
    try:
        for _ in range(60):
            offset = numbers.randrange(len(data))
            length = numbers.choice([1, 100, 4096, 65536, 200000])
            assert os.pread(descriptor, length, offset) == data[offset : offset + length]
    finally:
        os.close(descriptor)


def test_a_file_can_be_read_backwards(site, mount):
    data = pattern(MIB)
    site.put("file", data)
    mounted = mount()
    block = 50000
    with open(mounted.at("file"), "rb", buffering=0) as file:
        for offset in range(len(data) // block * block, -1, -block):
            file.seek(offset)
            assert file.read(block) == data[offset : offset + block]


def test_reading_past_the_end_gives_nothing(site, mount):
    site.put("file", b"twelve bytes")
    mounted = mount()
    with open(mounted.at("file"), "rb", buffering=0) as file:
        assert os.pread(file.fileno(), 100, 12) == b""
        assert os.pread(file.fileno(), 100, 10**9) == b""
        assert os.pread(file.fileno(), 100, 7) == b"bytes"
        file.seek(-5, os.SEEK_END)
        assert file.read() == b"bytes"


def test_the_head_of_a_large_file_can_be_read_alone(site, mount):
    data = pattern(8 * MIB)
    site.put("file", data)
    mounted = mount()
    for _ in range(3):
        with open(mounted.at("file"), "rb", buffering=0) as file:
            assert file.read(10) == data[:10]
    # What came in between must not have spoiled the control connections.
    assert os.listdir(mounted.path) == ["file"]


def test_many_readers_at_once_each_get_their_file(site, mount):
    files = {f"file-{i}": pattern(300000, i) for i in range(12)}
    for name, data in files.items():
        site.put(name, data)
    mounted = mount()
    wrong = []

    def read(name):
        with open(mounted.at(name), "rb") as file:
            if file.read() != files[name]:
                wrong.append(name)

    threads = [threading.Thread(target=read, args=(name,)) for name in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_readers_of_one_file_do_not_disturb_each_other(site, mount):
    data = pattern(4 * MIB)
    site.put("file", data)
    mounted = mount()
    with open(mounted.at("file"), "rb", buffering=0) as one, open(
        mounted.at("file"), "rb", buffering=0
    ) as other:
        other.seek(2 * MIB)
        for i in range(16):
            assert one.read(100000) == data[i * 100000 : (i + 1) * 100000]
            start = 2 * MIB + i * 100000
            assert other.read(100000) == data[start : start + 100000]


def test_a_mapped_file_shows_its_content(site, mount):
    data = pattern(500000)
    site.put("file", data)
    mounted = mount()
    # In a process of its own: a page fault can't be interrupted.
    program = (
        "import mmap, sys\n"
        "with open(sys.argv[1], 'rb') as f:\n"
        "    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)\n"
        "    sys.stdout.buffer.write(m[400000:] + m[:400000])\n"
    )
    out = subprocess.run(
        ["/usr/bin/python3", "-c", program, mounted.at("file")],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    ).stdout
    assert out == data[400000:] + data[:400000]


def test_a_missing_file_is_enoent(site, mount):
    mounted = mount()
    for path in ("missing", "missing/below", "missing/deep/below"):
        with pytest.raises(FileNotFoundError):
            open(mounted.at(path), "rb")
        with pytest.raises(FileNotFoundError):
            os.stat(mounted.at(path))


def test_a_path_through_a_file_is_enotdir(site, mount):
    site.put("file", b"x")
    mounted = mount()
    with pytest.raises(NotADirectoryError):
        os.stat(mounted.at("file", "below"))


def test_a_directory_can_not_be_read_as_a_file(site, mount):
    site.mkdir("directory")
    mounted = mount()
    descriptor = os.open(mounted.at("directory"), os.O_RDONLY)
    try:
        with pytest.raises(IsADirectoryError):
            os.read(descriptor, 100)
    finally:
        os.close(descriptor)
    with pytest.raises(IsADirectoryError):
        os.open(mounted.at("directory"), os.O_WRONLY)


def test_a_file_that_the_server_denies_is_eacces(site, mount):
    path = site.put("secret", b"x", mode=0o000)
    os.chown(path, OTHER_UID, OTHER_UID)
    mounted = mount()
    with pytest.raises(PermissionError) as caught:
        with open(mounted.at("secret"), "rb") as file:
            file.read()
    assert caught.value.errno == errno.EACCES


def test_a_file_changed_behind_the_mount_is_read_anew(site, mount):
    site.put("file", b"before")
    mounted = mount(dir_cache_timeout=1)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"before"
    site.put("file", b"a longer text afterwards")

    def read():
        with open(mounted.at("file"), "rb") as file:
            return file.read() == b"a longer text afterwards"

    eventually(read, what="the new content")


def test_a_file_changed_to_the_same_size_is_read_anew(site, mount):
    site.put("file", b"before")
    os.utime(site.path("file"), (1_600_000_000, 1_600_000_000))
    mounted = mount(dir_cache_timeout=1)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"before"
    site.put("file", b"behind")

    def read():
        with open(mounted.at("file"), "rb") as file:
            return file.read() == b"behind"

    eventually(read, what="the new content")


def test_reading_twice_fetches_once(site, mount):
    data = pattern(300000)
    site.put("file", data)
    mounted = mount()
    for _ in range(5):
        with open(mounted.at("file"), "rb") as file:
            assert file.read() == data
    assert mounted.stats()["retrieves"] == 1


def test_a_sequential_read_is_one_transfer(site, mount):
    site.put("file", pattern(6 * MIB))
    mounted = mount()
    with open(mounted.at("file"), "rb", buffering=0) as file:
        while file.read(65536):
            pass
    counters = mounted.stats()
    assert counters["retrieves"] == 1
    assert counters["bytes_in"] < 6 * MIB + 20000
