# SPDX-License-Identifier: GPL-2.0-or-later
"""cache_dir: what one mount has read the next one finds on disk; what is damaged there, or of an
older version, is not believed."""

import glob
import os
import subprocess

import pytest

from harness import MountError, pattern

CHUNK = 128 * 1024
SIZE = 5 * CHUNK + 1234


@pytest.fixture(name="cache_dir")
def _cache_dir(tmp_path):
    path = tmp_path / "cache"
    path.mkdir()
    return path


def old(path, seconds=1_600_000_000):
    """Files that changed just now are not kept: they could change again at the same time."""
    os.utime(path, (seconds, seconds))


def chunk_files(cache_dir):
    return sorted(glob.glob(f"{cache_dir}/ftpsfs-content-1/[0-9a-f]*-[0-9a-f]*"))


def read_once(mount, cache_dir, name="file", **options):
    """Content and counters of a fresh mount that reads one file."""
    mounted = mount(cache_dir=cache_dir, **options)
    with open(mounted.at(name), "rb") as file:
        data = file.read()
    stats = mounted.stats()
    mounted.unmount()
    return data, stats


def test_the_next_mount_finds_the_content(site, mount, cache_dir):
    data = pattern(SIZE)
    old(site.put("file", data))
    first, stats = read_once(mount, cache_dir)
    assert first == data and stats["retrieves"] == 1
    again, stats = read_once(mount, cache_dir)
    assert again == data
    assert stats["retrieves"] == 0 and stats["bytes_in"] < SIZE // 4


def test_damage_is_never_served(site, mount, cache_dir):
    data = pattern(SIZE)
    old(site.put("file", data))
    read_once(mount, cache_dir)
    files = chunk_files(cache_dir)
    assert len(files) == 6
    # A flipped bit at the end and in the header, a truncated, an emptied, a swapped file, a link.
    for path, position in ((files[0], -1), (files[1], 20)):
        with open(path, "r+b") as file:
            file.seek(position, os.SEEK_END if position < 0 else os.SEEK_SET)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
    os.truncate(files[2], 1000)
    os.truncate(files[3], 0)
    with open(files[1], "rb") as source, open(files[4], "wb") as target:
        target.write(source.read())
    os.unlink(files[5])
    os.symlink("/etc/passwd", files[5])
    again, stats = read_once(mount, cache_dir)
    assert again == data
    assert stats["retrieves"] >= 1
    # What was damaged has been replaced.
    last, stats = read_once(mount, cache_dir)
    assert last == data and stats["retrieves"] == 0


def test_a_changed_file_is_fetched_again(site, mount, cache_dir):
    old(site.put("file", pattern(SIZE, seed="old")))
    read_once(mount, cache_dir)
    data = pattern(SIZE, seed="new")
    old(site.put("file", data), 1_600_000_060)
    again, stats = read_once(mount, cache_dir)
    assert again == data and stats["retrieves"] == 1


def test_another_path_has_other_content(site, mount, cache_dir):
    old(site.put("file", pattern(SIZE, seed="one")))
    old(site.put("other", pattern(SIZE, seed="two")))
    read_once(mount, cache_dir)
    other, stats = read_once(mount, cache_dir, name="other")
    assert other == pattern(SIZE, seed="two") and stats["retrieves"] == 1


def test_a_file_of_just_now_is_not_kept(site, mount, cache_dir):
    path = site.put("file", pattern(SIZE))
    mounted = mount(cache_dir=cache_dir)
    os.utime(path)
    with open(mounted.at("file"), "rb") as file:
        file.read()
    mounted.unmount()
    assert not chunk_files(cache_dir)


def test_the_space_is_bounded(site, mount, cache_dir):
    for number in range(5):
        old(site.put(f"file{number}", pattern(SIZE, seed=str(number))))
    mounted = mount(cache_dir=cache_dir, cache_disk_size="2M")
    for number in range(5):
        with open(mounted.at(f"file{number}"), "rb") as file:
            assert file.read() == pattern(SIZE, seed=str(number))
    mounted.unmount()
    files = chunk_files(cache_dir)
    assert 0 < sum(os.stat(path).st_blocks * 512 for path in files) <= 2 << 20
    # What was read last is there.
    last, stats = read_once(mount, cache_dir, name="file4", cache_disk_size="2M")
    assert last == pattern(SIZE, seed="4") and stats["retrieves"] == 0


def test_foreign_files_are_discarded(site, mount, cache_dir):
    below = cache_dir / "ftpsfs-content-1"
    below.mkdir(mode=0o700)
    (below / "something").write_bytes(b"else")
    (cache_dir / "mine").write_bytes(b"is not touched")
    old(site.put("file", pattern(SIZE)))
    read_once(mount, cache_dir)
    assert not (below / "something").exists()
    assert (cache_dir / "mine").read_bytes() == b"is not touched"


def test_two_mounts_share_a_directory(site, mount, cache_dir):
    old(site.put("file", pattern(SIZE)))
    first = mount(cache_dir=cache_dir)
    second = mount(cache_dir=cache_dir)
    commands = [["cmp", mounted.at("file"), site.path("file")] for mounted in (first, second)]
    running = [subprocess.Popen(command) for command in commands]
    assert [process.wait(30) for process in running] == [0, 0]
    _, stats = read_once(mount, cache_dir)
    assert stats["retrieves"] == 0


def test_a_directory_that_others_can_write_is_refused(site, mount, cache_dir):
    below = cache_dir / "ftpsfs-content-1"
    below.mkdir()
    below.chmod(0o777)
    with pytest.raises(MountError, match="others"):
        mount(cache_dir=cache_dir)


def test_what_was_fetched_ahead_is_kept_too(site, mount, cache_dir):
    for number in range(30):
        old(site.put(f"small{number:02}", pattern(4096, seed=number)))
    for retrieves in (30, 0):
        mounted = mount(cache_dir=cache_dir)
        for number in range(30):
            with open(mounted.at(f"small{number:02}"), "rb") as file:
                assert file.read() == pattern(4096, seed=number)
        stats = mounted.stats()
        mounted.unmount()
        assert stats["retrieves"] == retrieves
