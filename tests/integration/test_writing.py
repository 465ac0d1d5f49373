# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written through the mount is on the server when close() or fsync() has returned."""

import errno
import os
import random
import threading

import pytest

from harness import OTHER_UID, pattern

MIB = 1 << 20


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def test_a_file_of_10_mib_arrives_byte_for_byte(site, mount):
    data = os.urandom(10 * MIB)
    mounted = mount()
    write(mounted.at("large.bin"), data)
    assert site.get("large.bin") == data
    assert os.stat(mounted.at("large.bin")).st_size == len(data)


def test_an_empty_file_is_made(site, mount):
    mounted = mount()
    write(mounted.at("empty"), b"")
    assert site.get("empty") == b""
    assert os.stat(mounted.at("empty")).st_size == 0


@pytest.mark.parametrize("block", [1, 7, 1000, 4096, 100001])
def test_writes_of_any_size_add_up(servers, mount, block):
    server = servers.make("pyftpdlib")
    data = pattern(2000 * min(block, 500))
    mounted = mount(server)
    with open(mounted.at("file"), "wb", buffering=0) as file:
        for offset in range(0, len(data), block):
            file.write(data[offset : offset + block])
    with open(server.path("file"), "rb") as file:
        assert file.read() == data


def test_what_is_closed_is_on_the_server_at_once(site, mount):
    mounted = mount()
    for i in range(20):
        write(mounted.at(f"file-{i}"), b"number %d" % i)
        assert site.get(f"file-{i}") == b"number %d" % i


def test_fsync_puts_the_data_on_the_server_before_close(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"first ")
        os.fsync(file.fileno())
        assert site.get("file") == b"first "
        file.write(b"second")
        os.fsync(file.fileno())
        assert site.get("file") == b"first second"
        file.write(b" third")
    assert site.get("file") == b"first second third"


def test_a_second_descriptor_closed_early_loses_nothing(site, mount):
    mounted = mount()
    one = os.open(mounted.at("file"), os.O_WRONLY | os.O_CREAT)
    other = os.dup(one)
    os.write(one, b"one")
    os.close(one)
    os.write(other, b" and other")
    os.close(other)
    assert site.get("file") == b"one and other"


def test_what_was_written_can_be_read_before_it_is_closed(site, mount):
    data = pattern(700000)
    mounted = mount()
    with open(mounted.at("file"), "w+b", buffering=0) as file:
        file.write(data)
        assert os.pread(file.fileno(), 1000, 123456) == data[123456:124456]
        with open(mounted.at("file"), "rb") as reader:
            assert reader.read() == data
        assert os.stat(mounted.at("file")).st_size == len(data)
    assert site.get("file") == data


def test_overwriting_in_the_middle_keeps_the_rest(site, mount):
    data = bytearray(pattern(MIB))
    site.put("file", data)
    mounted = mount()
    with open(mounted.at("file"), "r+b", buffering=0) as file:
        for offset, text in ((0, b"begin"), (500001, b"middle" * 1000), (MIB - 3, b"end")):
            file.seek(offset)
            file.write(text)
            data[offset : offset + len(text)] = text
    assert site.get("file") == bytes(data)


def test_random_writes_and_reads_agree_with_a_local_file(site, mount):
    model = bytearray(pattern(400000))
    site.put("file", model)
    mounted = mount()
    numbers = random.Random(11)
    with open(mounted.at("file"), "r+b", buffering=0) as file:
        for step in range(80):
            offset = numbers.randrange(len(model))
            if numbers.random() < 0.5:
                data = os.urandom(numbers.choice([1, 300, 5000, 60000]))
                file.seek(offset)
                file.write(data)
                model[offset : offset + len(data)] = data
            else:
                length = numbers.choice([1, 300, 5000, 60000])
                assert os.pread(file.fileno(), length, offset) == model[offset : offset + length]
            if step % 25 == 24:
                os.fsync(file.fileno())
                assert site.get("file") == bytes(model)
    assert site.get("file") == bytes(model)


def test_a_file_can_be_written_backwards(site, mount):
    data = pattern(300000)
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as file:
        for offset in range(290000, -1, -10000):
            os.pwrite(file.fileno(), data[offset : offset + 10000], offset)
    assert site.get("file") == data


def test_a_hole_reads_as_zeros(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"start")
        file.seek(200000)
        file.write(b"end")
    assert site.get("file") == b"start" + bytes(199995) + b"end"


def test_appending_adds_at_the_end(site, mount):
    site.put("log", b"one\n")
    mounted = mount()
    for text in (b"two\n", b"three\n"):
        with open(mounted.at("log"), "ab") as file:
            file.write(text)
    assert site.get("log") == b"one\ntwo\nthree\n"


def test_appending_makes_the_file_when_there_is_none(site, mount):
    mounted = mount()
    with open(mounted.at("log"), "ab") as file:
        file.write(b"one\n")
    with open(mounted.at("log"), "ab") as file:
        file.write(b"two\n")
    assert site.get("log") == b"one\ntwo\n"


def test_appending_by_two_descriptors_keeps_both(site, mount):
    mounted = mount()
    with open(mounted.at("log"), "ab", buffering=0) as one, open(
        mounted.at("log"), "ab", buffering=0
    ) as other:
        one.write(b"a")
        other.write(b"b")
        one.write(b"c")
        other.write(b"d")
    assert site.get("log") == b"abcd"


def test_appending_to_a_large_file_sends_only_the_end(site, mount):
    site.put("log", pattern(3 * MIB))
    mounted = mount()
    with open(mounted.at("log"), "ab") as file:
        file.write(b"the end")
    assert site.get("log") == pattern(3 * MIB) + b"the end"
    assert mounted.stats()["bytes_out"] < MIB


@pytest.mark.parametrize("size", [0, 1, 1000, 4096, 99999])
def test_truncating_down_keeps_the_front(site, mount, size):
    data = pattern(100000)
    site.put("file", data)
    mounted = mount()
    os.truncate(mounted.at("file"), size)
    assert os.stat(mounted.at("file")).st_size == size
    assert site.get("file") == data[:size]


def test_truncating_up_adds_zeros(site, mount):
    site.put("file", b"start")
    mounted = mount()
    os.truncate(mounted.at("file"), 100000)
    assert site.get("file") == b"start" + bytes(99995)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"start" + bytes(99995)


def test_an_open_file_can_be_truncated_and_written_on(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "w+b", buffering=0) as file:
        file.write(b"0123456789")
        os.ftruncate(file.fileno(), 4)
        assert os.fstat(file.fileno()).st_size == 4
        os.pwrite(file.fileno(), b"x", 6)
        assert os.pread(file.fileno(), 100, 0) == b"0123\0\0x"
    assert site.get("file") == b"0123\0\0x"


def test_truncated_down_and_up_again_reads_as_zeros(site, mount):
    site.put("file", pattern(50000))
    mounted = mount()
    with open(mounted.at("file"), "r+b", buffering=0) as file:
        os.ftruncate(file.fileno(), 100)
        os.ftruncate(file.fileno(), 40000)
        assert os.pread(file.fileno(), 40000, 0) == pattern(50000)[:100] + bytes(39900)
    assert site.get("file") == pattern(50000)[:100] + bytes(39900)


def test_opening_with_o_trunc_replaces_the_content(site, mount):
    site.put("file", b"a long text that was there before")
    mounted = mount()
    write(mounted.at("file"), b"short")
    assert site.get("file") == b"short"
    write(mounted.at("file"), b"")
    assert site.get("file") == b""


def test_o_excl_refuses_an_existing_file(site, mount):
    site.put("file", b"kept")
    mounted = mount()
    with pytest.raises(FileExistsError):
        open(mounted.at("file"), "xb")
    assert site.get("file") == b"kept"
    with open(mounted.at("new"), "xb") as file:
        file.write(b"new")
    assert site.get("new") == b"new"


def test_a_file_unlinked_while_it_is_written_is_gone(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "w+b", buffering=0) as file:
        file.write(b"before ")
        os.unlink(mounted.at("file"))
        file.write(b"after")
        assert os.pread(file.fileno(), 100, 0) == b"before after"
    assert site.names() == []
    assert os.listdir(mounted.path) == []


def test_a_file_renamed_while_it_is_written_has_everything(site, mount):
    mounted = mount()
    with open(mounted.at("old"), "wb", buffering=0) as file:
        file.write(b"before ")
        os.rename(mounted.at("old"), mounted.at("new"))
        file.write(b"after")
    assert site.names() == ["new"]
    assert site.get("new") == b"before after"


def test_a_file_can_be_replaced_while_another_reads_it(site, mount):
    old, new = pattern(300000, 1), pattern(200000, 2)
    site.put("file", old)
    mounted = mount()
    with open(mounted.at("file"), "rb") as reader:
        assert reader.read(1000) == old[:1000]
        write(mounted.at("temporary"), new)
        os.rename(mounted.at("temporary"), mounted.at("file"))
    assert site.get("file") == new
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == new


def test_many_writers_at_once_each_get_their_file(site, mount):
    files = {f"file-{i}": pattern(200000, i) for i in range(12)}
    mounted = mount()
    threads = [
        threading.Thread(target=write, args=(mounted.at(name), data))
        for name, data in files.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.names() == sorted(files)
    for name, data in files.items():
        assert site.get(name) == data


@pytest.mark.parametrize("connections", [1, 2])
def test_few_connections_carry_a_reader_and_writers_at_once(site, mount, connections):
    data = pattern(6 * MIB)
    site.put("source", data)
    mounted = mount(connections=connections)
    with open(mounted.at("source"), "rb", buffering=0) as reader, open(
        mounted.at("target"), "wb", buffering=0
    ) as writer, open(mounted.at("other"), "wb", buffering=0) as other:
        while block := reader.read(100000):
            writer.write(block)
            other.write(block[:10])
        assert sorted(os.listdir(mounted.path)) == ["other", "source", "target"]
    assert site.get("target") == data
    assert len(site.get("other")) == 10 * ((len(data) + 99999) // 100000)


def test_a_new_file_in_a_read_only_directory_is_eacces(site, mount):
    path = site.mkdir("closed")
    os.chown(path, OTHER_UID, OTHER_UID)
    mounted = mount()
    with pytest.raises(PermissionError) as caught:
        write(mounted.at("closed", "file"), b"x")
    assert caught.value.errno == errno.EACCES
    assert site.names("closed") == []
    assert os.listdir(mounted.at("closed")) == []


def test_a_file_that_the_server_protects_is_eacces_and_kept(site, mount):
    path = site.put("file", b"kept", mode=0o444)
    os.chown(path, OTHER_UID, OTHER_UID)
    mounted = mount()
    with pytest.raises(PermissionError):
        write(mounted.at("file"), b"changed")
    with pytest.raises(PermissionError):
        with open(mounted.at("file"), "r+b") as file:
            file.write(b"changed")
    assert site.get("file") == b"kept"
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"kept"


def test_a_file_in_a_missing_directory_is_enoent(site, mount):
    mounted = mount()
    with pytest.raises(FileNotFoundError):
        open(mounted.at("missing", "file"), "wb")


def test_writing_without_being_allowed_to_restart_works(servers, mount):
    server = servers.make("proftpd", store_restart=False)
    data = bytearray(pattern(2 * MIB))
    with open(server.path("file"), "wb") as file:
        file.write(data)
    server.adopt(server.path("file"))
    mounted = mount(server)
    with open(mounted.at("file"), "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), b"changed", 1000000)
        data[1000000:1000007] = b"changed"
    with open(mounted.at("file"), "ab") as file:
        file.write(b"appended")
    with open(server.path("file"), "rb") as file:
        assert file.read() == bytes(data) + b"appended"
    assert os.listdir(server.root) == ["file"]


def test_no_scratch_files_are_left_behind(site, mount):
    site.put("file", pattern(3 * MIB))
    mounted = mount()
    with open(mounted.at("file"), "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), b"changed", 1500000)
    assert site.get("file")[1500000:1500007] == b"changed"
    assert site.names() == ["file"]
