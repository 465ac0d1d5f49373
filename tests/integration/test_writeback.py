# SPDX-License-Identifier: GPL-2.0-or-later
"""-o writeback: close(2) returns when the content is safe on the local disk, and uploads follow.

What was acknowledged survives a kill -9 of the daemon (test_writeback_kill.py has random ones).
"""

import os
import signal
import subprocess

import pytest
from harness import COMMAND_SECONDS, eventually, pattern

KIB = 1024


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def settle(mounted):
    eventually(lambda: mounted.stats()["writeback_pending"] == 0, 20, "the end of all uploads")


def kill(mounted):
    """kill -9 of the daemon, and what is left of its mount taken away."""
    os.kill(mounted.pid, signal.SIGKILL)
    mounted.process.wait(10)
    mounted.expect_failure = True
    mounted.status = -9
    subprocess.run(["fusermount3", "-uz", mounted.path], check=False, timeout=COMMAND_SECONDS)
    mounted.watchdog.forget(mounted.number)


@pytest.fixture
def remount(mount, home, monkeypatch):
    """Mounts of the site with writeback that share their journals."""
    monkeypatch.setenv("STATE_DIRECTORY", os.path.join(home, "state"))

    def make(**options):
        return mount(writeback=True, **options)

    return make


def test_what_is_closed_is_uploaded(site, remount):
    mounted = remount()
    data = pattern(300 * KIB)
    write(mounted.at("new"), data)
    assert read(mounted.at("new")) == data
    settle(mounted)
    assert site.get("new") == data
    assert read(mounted.at("new")) == data
    assert site.names() == ["new"]


def test_unmounting_waits_for_the_uploads_and_leaves_nothing_behind(site, remount, home):
    mounted = remount()
    for i in range(20):
        write(mounted.at(f"f{i}"), pattern(1000, i))
    os.unlink(mounted.at("f3"))
    assert mounted.unmount() == 0
    wanted = {f"f{i}": pattern(1000, i) for i in range(20) if i != 3}
    assert {name: site.get(name) for name in site.names()} == wanted
    left = [name for _, _, names in os.walk(os.path.join(home, "state")) for name in names]
    assert not [name for name in left if name.startswith("content-")]


def test_fsync_returns_when_the_server_has_the_file(site, remount):
    mounted = remount()
    with open(mounted.at("f"), "wb") as file:
        for i in range(3):
            file.write(pattern(5000, i))
            file.flush()
            os.fsync(file.fileno())
            assert site.get("f") == b"".join(pattern(5000, k) for k in range(i + 1))


def test_a_file_written_and_renamed_is_uploaded_once_and_nothing_is_asked_before(site, remount):
    site.put("target", b"old")
    mounted = remount()
    os.listdir(mounted.path)
    before = mounted.stats()["commands"]
    write(mounted.at("target.tmp"), b"new content")
    os.rename(mounted.at("target.tmp"), mounted.at("target"))
    assert read(mounted.at("target")) == b"new content"
    assert os.listdir(mounted.path) == ["target"]
    settle(mounted)
    assert site.names() == ["target"]
    assert site.get("target") == b"new content"
    stats = mounted.stats()
    assert stats["stores"] == 1 and stats["lists"] == 1
    # EPSV, PBSZ, PROT and the like of a new connection, then: STOR, mode, time, a look at it and
    # at what it replaces, RNFR, RNTO.
    assert stats["commands"] - before <= 20


def test_a_file_deleted_before_its_upload_never_gets_to_the_server(site, remount):
    mounted = remount()
    os.listdir(mounted.path)
    write(mounted.at("scratch"), b"x" * 1000)
    os.unlink(mounted.at("scratch"))
    settle(mounted)
    assert mounted.stats()["stores"] == 0
    assert site.names() == [] and os.listdir(mounted.path) == []


def test_a_changed_file_that_is_deleted_is_gone_from_the_server(site, remount):
    site.put("f", b"old")
    mounted = remount()
    write(mounted.at("f"), b"new")
    os.unlink(mounted.at("f"))
    assert not site.exists("f")
    settle(mounted)
    assert site.names() == []


def test_mode_and_time_set_after_the_close_get_to_the_server(site, remount):
    mounted = remount()
    write(mounted.at("f"), b"data")
    os.chmod(mounted.at("f"), 0o600)
    os.utime(mounted.at("f"), (1_500_000_000, 1_500_000_000))
    assert os.stat(mounted.at("f")).st_mtime == 1_500_000_000
    settle(mounted)
    status = os.stat(site.path("f"))
    assert status.st_mtime == 1_500_000_000
    assert status.st_mode & 0o777 == 0o600


def test_pending_files_are_in_new_listings_and_keep_their_size_and_time(site, remount):
    mounted = remount(dir_cache_timeout=0)
    times = {}
    for i in range(5):
        write(mounted.at(f"f{i}"), b"x" * (i + 1))
        times[f"f{i}"] = os.stat(mounted.at(f"f{i}")).st_mtime
        # Listed anew each time, while uploads are under way.
        sizes = {entry.name: entry.stat().st_size for entry in os.scandir(mounted.path)}
        assert sizes == {f"f{k}": k + 1 for k in range(i + 1)}
    settle(mounted)
    assert site.names() == sorted(times)
    assert {name: os.stat(mounted.at(name)).st_mtime for name in times} == times


def test_a_directory_with_pending_files_is_renamed(site, remount):
    mounted = remount()
    os.mkdir(mounted.at("d"))
    for i in range(5):
        write(mounted.at("d", f"f{i}"), pattern(2000, i))
    os.rename(mounted.at("d"), mounted.at("e"))
    for i in range(5):
        assert read(mounted.at("e", f"f{i}")) == pattern(2000, i)
    settle(mounted)
    assert site.names() == ["e"] and site.names("e") == [f"f{i}" for i in range(5)]
    assert [site.get(f"e/f{i}") for i in range(5)] == [pattern(2000, i) for i in range(5)]


def test_a_directory_is_removed_with_what_was_written_into_it(site, remount):
    mounted = remount()
    os.mkdir(mounted.at("d"))
    for i in range(5):
        write(mounted.at("d", f"f{i}"), pattern(200 * KIB, i))
    subprocess.run(["rm", "-r", mounted.at("d")], check=True, timeout=COMMAND_SECONDS)
    assert site.names() == []


def test_appends_follow_each_other(site, remount):
    mounted = remount()
    wanted = b""
    for i in range(30):
        with open(mounted.at("log"), "ab") as file:
            file.write(b"line %d\n" % i)
        wanted += b"line %d\n" % i
        if i % 10 == 0:
            settle(mounted)
            assert site.get("log") == wanted
    assert mounted.unmount() == 0
    assert site.get("log") == wanted


def test_a_conflict_keeps_both(site, remount):
    site.put("f.txt", b"base")
    mounted = remount()
    with open(mounted.at("f.txt"), "wb") as file:
        file.write(b"ours")
        site.put("f.txt", b"theirs, longer")
    settle(mounted)
    assert site.get("f.txt") == b"theirs, longer"
    (copy,) = [name for name in site.names() if name != "f.txt"]
    assert copy.startswith("f.txt.ftpsfs-conflict-2")
    assert site.get(copy) == b"ours"
    assert copy in mounted.log() and "f.txt: somebody else has changed it" in mounted.log()
    assert eventually(lambda: read(mounted.at("f.txt")) == b"theirs, longer")
    assert copy in os.listdir(mounted.path)
    assert mounted.stats()["writeback_conflicts"] == 1


def test_acknowledged_files_survive_a_kill(site, remount):
    mounted = remount()
    os.mkdir(mounted.at("d"))
    for i in range(30):
        write(mounted.at("d", f"f{i}"), pattern(3000, i))
    os.rename(mounted.at("d", "f0"), mounted.at("d", "g0"))
    os.unlink(mounted.at("d", "f1"))
    os.utime(mounted.at("d", "f2"), (1_400_000_000, 1_400_000_000))
    kill(mounted)
    again = remount()
    wanted = {f"f{i}": pattern(3000, i) for i in range(2, 30)} | {"g0": pattern(3000, 0)}
    assert {name: read(again.at("d", name)) for name in os.listdir(again.at("d"))} == wanted
    settle(again)
    assert {name: site.get(f"d/{name}") for name in site.names("d")} == wanted
    assert os.stat(site.path("d/f2")).st_mtime == 1_400_000_000
    assert again.stats()["writeback_conflicts"] == 0


def test_two_mounts_of_a_source_keep_their_own_journals(site, remount):
    first, second = remount(), remount()
    write(first.at("a"), b"1")
    write(second.at("b"), b"2")
    kill(first)
    kill(second)
    third = remount()
    settle(third)
    assert {name: site.get(name) for name in site.names()} == {"a": b"1", "b": b"2"}


def test_what_the_server_refuses_is_kept_and_sent_by_the_next_mount(site, remount):
    mounted = remount()
    os.mkdir(mounted.at("d"))
    write(mounted.at("d", "first"), b"1")
    settle(mounted)
    os.rename(site.path("d"), site.path("elsewhere"))
    write(mounted.at("d", "second"), b"2")
    eventually(lambda: mounted.stats()["writeback_failures"] >= 1)
    assert "d/second: not uploaded" in mounted.log()
    assert read(mounted.at("d", "second")) == b"2"
    assert mounted.unmount() == 0
    os.rename(site.path("elsewhere"), site.path("d"))
    again = remount()
    settle(again)
    assert site.get("d/second") == b"2"


def test_a_bound_on_the_local_space_slows_writers_down_and_loses_nothing(site, remount):
    mounted = remount(spool_size="1M")
    for i in range(12):
        write(mounted.at(f"f{i}"), pattern(300 * KIB, i))
    assert mounted.unmount() == 0
    for i in range(12):
        assert site.get(f"f{i}") == pattern(300 * KIB, i)


def test_a_file_larger_than_the_bound_is_refused(site, mount):
    mounted = mount(spool_size="1M")
    with pytest.raises(OSError) as caught:
        write(mounted.at("large"), b"x" * (3 << 20))
    assert caught.value.errno == 28
    write(mounted.at("small"), b"x" * 1000)
    assert site.get("small") == b"x" * 1000
