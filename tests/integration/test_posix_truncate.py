# SPDX-License-Identifier: GPL-2.0-or-later
"""truncate(2) and ftruncate(2) as POSIX.1-2017 has them."""

import os

import pytest

from posix_fixtures import as_other, outcome

pytest_plugins = ["posix_fixtures"]

SIZES = [(10000, 0), (10000, 1), (10000, 4096), (10000, 9999), (10000, 10000), (10000, 300001)]


@pytest.mark.parametrize("before,after", SIZES)
def test_truncate_gives_the_size_and_zeros(place, before, after):
    content = bytes(range(1, 251)) * (before // 250)
    wanted = content[:after].ljust(after, b"\0")
    place.make("file", content)
    os.truncate(place.at("file"), after)
    assert os.stat(place.at("file")).st_size == after
    assert place.read("file") == wanted
    assert place.site.get("file") == wanted


@pytest.mark.parametrize("before,after", SIZES)
def test_ftruncate_gives_the_size_and_zeros(place, before, after):
    content = bytes(range(1, 251)) * (before // 250)
    wanted = content[:after].ljust(after, b"\0")
    place.make("file", content)
    descriptor = os.open(place.at("file"), os.O_RDWR)
    os.ftruncate(descriptor, after)
    assert os.fstat(descriptor).st_size == after
    assert os.pread(descriptor, after + 10, 0) == wanted
    os.close(descriptor)
    assert place.site.get("file") == wanted


def test_what_was_cut_off_does_not_come_back(place):
    place.make("file", b"0123456789")
    os.truncate(place.at("file"), 3)
    os.truncate(place.at("file"), 6)
    assert place.read("file") == b"012\0\0\0"
    with open(place.at("file"), "r+b", buffering=0) as file:
        file.truncate(2)
        file.seek(5)
        file.write(b"x")
        file.truncate(8)
    assert place.site.get("file") == b"01\0\0\0x\0\0"


def test_ftruncate_leaves_the_handles_offset(place):
    place.make("file", b"0123456789")
    with open(place.at("file"), "r+b", buffering=0) as file:
        file.seek(8)
        os.ftruncate(file.fileno(), 2)
        assert file.tell() == 8
        assert file.read() == b""
        file.write(b"x")
    assert place.site.get("file") == b"01" + b"\0" * 6 + b"x"


def test_what_is_no_file_is_refused(place):
    place.make("file", b"content")
    place.mkdir("directory")
    assert outcome(os.truncate, place.at("directory"), 0) == "EISDIR"
    assert outcome(os.truncate, place.at("missing"), 0) == "ENOENT"
    assert outcome(os.truncate, place.at("missing", "below"), 0) == "ENOENT"
    assert outcome(os.truncate, place.at("file", "below"), 0) == "ENOTDIR"
    assert outcome(os.truncate, "", 0) == "ENOENT"


def test_a_negative_size_and_one_past_all_limits_are_refused(place):
    place.make("file", b"content")
    assert outcome(os.truncate, place.at("file"), -1) == "EINVAL"
    with open(place.at("file"), "r+b", buffering=0) as file:
        assert outcome(os.ftruncate, file.fileno(), -1) == "EINVAL"
        for size in ((1 << 44) + 1, 1 << 60, (1 << 63) - 1):
            assert outcome(os.ftruncate, file.fileno(), size) == "EFBIG"
            assert outcome(os.pwrite, file.fileno(), b"x", size) in ("EFBIG", "EINVAL")
    assert place.read("file") == place.site.get("file") == b"content"


def test_a_truncated_file_can_be_written_by_another_handle(place):
    place.make("file", b"0123456789")
    descriptor = os.open(place.at("file"), os.O_RDWR)
    os.truncate(place.at("file"), 4)
    assert os.fstat(descriptor).st_size == 4
    os.pwrite(descriptor, b"xy", 4)
    os.close(descriptor)
    assert place.site.get("file") == b"0123xy"


def test_modes_are_checked_for_other_users(place):
    place.make("file", b"content")
    os.chmod(place.at("file"), 0o644)
    assert as_other(place, lambda: outcome(os.truncate, "file", 0)) == "EACCES"
    os.chmod(place.at("file"), 0o666)
    assert as_other(place, lambda: outcome(os.truncate, "file", 3)) == ""
    assert place.site.get("file") == b"con"
