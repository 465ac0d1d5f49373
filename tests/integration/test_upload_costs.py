# SPDX-License-Identifier: GPL-2.0-or-later
"""What changes cost on the wire, by ftpsfs's own counters: round trips, commands, listings."""

import os
import time

import pytest
from harness import Cost, eventually

SMALL = 20


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


@pytest.fixture
def warm(mount):
    """A mount that has learned what its server can do and has listed its root."""

    def make(**options):
        mounted = mount(**options)
        os.mkdir(mounted.at("warm"))
        write(mounted.at("warm", "file"), b"x")
        os.rename(mounted.at("warm", "file"), mounted.at("warm", "other"))
        os.listdir(mounted.path)
        os.mkdir(mounted.at("work"))
        os.listdir(mounted.at("work"))
        time.sleep(0.3)  # a data connection is prepared while nothing goes on
        return mounted

    return make


def test_a_small_file_takes_three_round_trips(site, warm):
    mounted = warm(connections=1)
    with Cost(mounted) as cost:
        for i in range(SMALL):
            write(mounted.at("work", f"file-{i}"), os.urandom(4096))
            time.sleep(0.05)
    assert cost["round_trips"] <= 3 * SMALL + 2, cost.spent
    assert cost["stores"] == SMALL
    assert cost["lists"] == 0


def test_a_small_file_with_writeback_takes_four_round_trips(site, warm, home, monkeypatch):
    """Of one connection; the sum of a tree is that by the number of connections. With the look whether
    others have changed the file, its mode and time, and the next data connection's port."""
    monkeypatch.setenv("STATE_DIRECTORY", home)
    mounted = warm(connections=1, writeback=True)
    eventually(lambda: mounted.stats()["writeback_pending"] == 0)
    for _ in ("new", "over the old"):
        with Cost(mounted) as cost:
            for i in range(SMALL):
                write(mounted.at("work", f"file-{i}"), os.urandom(4096))
            eventually(lambda: mounted.stats()["writeback_pending"] == 0)
        assert cost["round_trips"] <= 4 * SMALL + 2, cost.spent
        assert cost["stores"] == SMALL
        assert cost["lists"] == 0
    assert len(site.names("work")) == SMALL


def test_mode_and_time_cost_no_round_trip_more(site, warm):
    mounted = warm(connections=1)
    with Cost(mounted) as cost:
        for i in range(SMALL):
            descriptor = os.open(mounted.at("work", f"file-{i}"), os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(descriptor, b"data")
            os.fchmod(descriptor, 0o640)
            os.utime(descriptor, (1500000000, 1500000000))
            os.close(descriptor)
            time.sleep(0.05)
    assert cost["round_trips"] <= 3 * SMALL + 2, cost.spent
    for i in range(SMALL):
        status = os.stat(site.path("work", f"file-{i}"))
        assert status.st_mtime == 1500000000
        assert status.st_mode & 0o777 == 0o640


def test_own_changes_are_not_listed_again(site, warm):
    mounted = warm()
    with Cost(mounted) as cost:
        write(mounted.at("work", "one"), b"1")
        os.rename(mounted.at("work", "one"), mounted.at("work", "two"))
        os.mkdir(mounted.at("work", "directory"))
        assert sorted(os.listdir(mounted.at("work"))) == ["directory", "two"]
        assert os.stat(mounted.at("work", "two")).st_size == 1
        os.rmdir(mounted.at("work", "directory"))
        os.unlink(mounted.at("work", "two"))
        assert os.listdir(mounted.at("work")) == []
    assert cost["lists"] == 0, cost.spent


@pytest.mark.parametrize("change", ["mkdir", "rmdir", "unlink", "rename", "replace"])
def test_a_change_of_a_name_is_one_round_trip(site, warm, change):
    mounted = warm(connections=1)
    at = lambda i, kind="file": mounted.at("work", f"{kind}-{i}")  # noqa: E731
    for i in range(SMALL):
        if change == "rmdir":
            os.mkdir(at(i))
        elif change != "mkdir":
            write(at(i), b"x")
        if change == "replace":
            write(at(i, "old"), b"y")
    time.sleep(0.3)
    with Cost(mounted) as cost:
        for i in range(SMALL):
            if change in ("rename", "replace"):
                os.rename(at(i), at(i, "new" if change == "rename" else "old"))
            else:
                getattr(os, change)(at(i))
    assert cost["round_trips"] <= SMALL + 1, cost.spent
    assert cost["lists"] == 0


def test_a_file_opened_for_writing_and_not_written_is_not_uploaded(site, mount):
    site.put("file", b"content")
    mounted = mount()
    with Cost(mounted) as cost:
        os.close(os.open(mounted.at("file"), os.O_RDWR))
    assert cost["stores"] == 0


def test_a_change_in_a_large_file_sends_that_alone(site, mount):
    data = bytearray(os.urandom(8 << 20))
    site.put("large", data)
    mounted = mount()
    with Cost(mounted) as cost:
        with open(mounted.at("large"), "r+b", buffering=0) as file:
            for offset in (0, 3_000_000, len(data) - 5):
                os.pwrite(file.fileno(), data[offset : offset + 1] + b"new!", offset)
                data[offset + 1 : offset + 5] = b"new!"
    assert site.get("large") == bytes(data)
    whole = not site.server.restarts_in_place
    assert cost["bytes_out"] < (9 << 20 if whole else 1 << 20), cost.spent
    assert site.names() == ["large"]


def test_a_reader_does_not_make_the_writer_upload(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as writer:
        for i in range(10):
            writer.write(b"%d" % i)
            with open(mounted.at("file"), "rb") as reader:
                assert len(reader.read()) == i + 1
    assert mounted.stats()["stores"] == 1
    assert site.get("file") == b"0123456789"
