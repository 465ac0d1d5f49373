# SPDX-License-Identifier: GPL-2.0-or-later
"""read(2), write(2), lseek(2), fsync(2), mmap(2) and their like as POSIX.1-2017 has them."""

import mmap
import os
import threading

from harness import pattern
from posix_fixtures import outcome

pytest_plugins = ["posix_fixtures"]


def test_reading_ends_at_the_end(place):
    place.make("file", b"0123456789")
    with open(place.at("file"), "rb", buffering=0) as file:
        descriptor = file.fileno()
        assert os.read(descriptor, 4) == b"0123"
        assert os.read(descriptor, 0) == b""
        assert os.read(descriptor, 100) == b"456789"
        assert os.read(descriptor, 100) == b""
        assert os.pread(descriptor, 100, 10) == b""
        assert os.pread(descriptor, 100, 1 << 40) == b""
        assert os.pread(descriptor, 3, 8) == b"89"
        assert outcome(os.pread, descriptor, 1, -1) == "EINVAL"


def test_lseek_goes_where_it_is_told(place):
    place.make("file", b"0123456789")
    with open(place.at("file"), "rb", buffering=0) as file:
        descriptor = file.fileno()
        assert os.lseek(descriptor, 3, os.SEEK_SET) == 3
        assert os.lseek(descriptor, 2, os.SEEK_CUR) == 5
        assert os.lseek(descriptor, -1, os.SEEK_END) == 9
        assert os.read(descriptor, 10) == b"9"
        assert os.lseek(descriptor, 5, os.SEEK_END) == 15
        assert outcome(os.lseek, descriptor, -1, os.SEEK_SET) == "EINVAL"
        assert os.lseek(descriptor, 0, os.SEEK_DATA) == 0
        assert os.lseek(descriptor, 0, os.SEEK_HOLE) == 10
        assert outcome(os.lseek, descriptor, 10, os.SEEK_DATA) == "ENXIO"


def test_a_gap_reads_as_zeros(place):
    with open(place.at("file"), "wb", buffering=0) as file:
        os.pwrite(file.fileno(), b"end", 100_000)
        os.pwrite(file.fileno(), b"begin", 0)
    content = b"begin" + b"\0" * 99_995 + b"end"
    assert place.read("file") == place.site.get("file") == content


def test_writing_over_a_part_leaves_the_rest(place):
    content = bytearray(pattern(300_000))
    place.make("file", content)
    with open(place.at("file"), "r+b", buffering=0) as file:
        for offset, length in ((0, 1), (4095, 2), (131_071, 3), (299_999, 1), (150_000, 5000)):
            os.pwrite(file.fileno(), b"x" * length, offset)
            content[offset : offset + length] = b"x" * length
    assert place.read("file") == bytes(content)
    assert place.site.get("file") == bytes(content)


def test_vectors_are_read_and_written_in_order(place):
    with open(place.at("file"), "w+b", buffering=0) as file:
        assert os.writev(file.fileno(), [b"one ", b"", b"two ", b"three"]) == 13
        assert os.pwritev(file.fileno(), [b"O", b"N"], 0) == 2
        first, second = bytearray(4), bytearray(20)
        assert os.preadv(file.fileno(), [first, second], 0) == 13
    assert bytes(first) == b"ONe "
    assert place.site.get("file") == b"ONe two three"


def test_a_write_of_nothing_changes_nothing(place):
    place.make("file", b"content")
    with open(place.at("file"), "r+b", buffering=0) as file:
        assert file.write(b"") == 0
        assert os.pwrite(file.fileno(), b"", 1000) == 0
    assert place.site.get("file") == b"content"


def test_a_duplicated_handle_shares_its_offset(place):
    place.make("file", b"0123456789")
    first = os.open(place.at("file"), os.O_RDWR)
    second = os.dup(first)
    assert os.read(first, 3) == b"012"
    assert os.read(second, 3) == b"345"
    os.close(first)
    os.write(second, b"x")
    os.close(second)
    assert place.site.get("file") == b"012345x789"


def test_what_one_handle_writes_another_reads_at_once(place):
    writer = os.open(place.at("file"), os.O_WRONLY | os.O_CREAT)
    reader = os.open(place.at("file"), os.O_RDONLY)
    for i in range(20):
        os.write(writer, b"%03d" % i)
        assert os.pread(reader, 3, 3 * i) == b"%03d" % i
        assert os.fstat(reader).st_size == os.stat(place.at("file")).st_size == 3 * (i + 1)
    os.close(writer)
    os.close(reader)


def test_fsync_and_fdatasync_have_the_data_on_the_server(place):
    with open(place.at("file"), "wb", buffering=0) as file:
        file.write(b"one")
        os.fsync(file.fileno())
        assert place.site.get("file") == b"one"
        file.write(b" two")
        os.fdatasync(file.fileno())
        assert place.site.get("file") == b"one two"
    directory = os.open(place.path, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def test_appenders_do_not_overwrite_each_other(place):
    place.make("file", b"")

    def append(word):
        descriptor = os.open(place.at("file"), os.O_WRONLY | os.O_APPEND)
        for _ in range(50):
            os.write(descriptor, word * 10 + b"\n")
        os.close(descriptor)

    threads = [threading.Thread(target=append, args=(bytes([c]),)) for c in b"abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = place.site.get("file").splitlines()
    assert sorted(lines) == sorted(bytes([c]) * 10 for c in b"abcd" for _ in range(50))


def test_a_mapping_is_read_and_written(place):
    content = bytearray(pattern(50_000))
    place.make("file", content)
    with open(place.at("file"), "r+b", buffering=0) as file:
        with mmap.mmap(file.fileno(), 0) as mapping:
            assert mapping[:] == bytes(content)
            mapping[4090:4100] = content[4090:4100] = b"0123456789"
            mapping.flush()
        os.fsync(file.fileno())
    assert place.site.get("file") == bytes(content)
    with open(place.at("file"), "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapping:
            mapping[0:3] = b"xyz"
    assert place.site.get("file") == bytes(content)


def test_a_file_of_more_than_4_gib_is_addressed_right(place):
    offset = (1 << 32) + 123
    with open(place.site.path("file"), "wb") as file:
        file.truncate(offset + 3)
        file.seek(offset)
        file.write(b"end")
    place.server.adopt(place.site.path("file"))
    os.listdir(place.path)
    assert os.stat(place.at("file")).st_size == offset + 3
    with open(place.at("file"), "rb", buffering=0) as file:
        assert os.pread(file.fileno(), 10, offset) == b"end"
        assert os.pread(file.fileno(), 2, offset - 2) == b"\0\0"
